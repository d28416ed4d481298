//! Words to the storage of a swarm.

use std::sync::Arc;

use actix::{Message, Recipient};
use bytes::Bytes;
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::layout::Block;
use swarmlet_protocol::session::{Spill, WholePiece};

use crate::counters::Traffic;
use crate::credit::Token;

/// Reads blocks that we said we have. From a session, one at a time; answered with the bytes one
/// after the other. A failure means that the link cannot be served now.
#[derive(Debug, Message)]
#[rtype(result = "Result<Bytes, String>")]
pub struct ReadBlocks {
    /// The blocks, in the order in which their bytes are wanted.
    pub blocks: Vec<Block>,
}

/// Verifies whole pieces and writes those whose hash is right. From a session; the outcome goes to
/// the scheduler as facts. Bounded by the leases, which the scheduler grants within its budget.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StorePieces {
    /// Who delivered them.
    pub link: LinkId,
    /// The pieces.
    pub pieces: Vec<WholePiece>,
}

/// A word about a piece that is too long to be held in memory: parts to put aside until it is whole,
/// then to verify it and write it. From a session; the outcome goes to the scheduler as facts.
/// Bounded by its token.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct SpillPiece {
    /// Whose piece it is.
    pub link: LinkId,
    /// What is to be said.
    pub word: Spill,
    /// The sender's credit for a part; given back when its bytes have left the memory.
    pub token: Option<Token>,
}

/// Forgets all parts of pieces that this link did not complete. The last word of a session that
/// sent parts, also of one that panicked.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ForgetParts {
    /// Who is gone.
    pub link: LinkId,
}

/// Reports again what is known of the file: the scheduler lost its map. Answered by facts.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ReportPieces;

/// Believes nothing of what is known of the file, and checks every piece anew. From the supervisor,
/// as an operator asked for it; the outcome goes to the scheduler as facts.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct RecheckAll;

/// Finishes what is being written and takes nothing more. From the supervisor at the end; answered
/// when the last job is done.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct FlushStorage;

/// How sessions and the scheduler reach a storage.
#[derive(Clone, Debug)]
pub struct StorageHandle {
    /// Reads.
    pub read: Recipient<ReadBlocks>,
    /// Writes.
    pub store: Recipient<StorePieces>,
    /// Parts of long pieces.
    pub spill: Recipient<SpillPiece>,
    /// The end of a link that sent parts.
    pub forget: Recipient<ForgetParts>,
    /// Reports.
    pub report: Recipient<ReportPieces>,
    /// What links move from there and to there.
    pub traffic: Arc<Traffic>,
}
