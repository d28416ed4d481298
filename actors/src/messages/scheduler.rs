//! Words to the scheduler of a swarm.

use std::ops::Range;
use std::sync::Arc;

use actix::{Message, Recipient};
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::{Info, Selection};
use swarmlet_protocol::readers::ReaderId;
use swarmlet_protocol::turns::Turn;

use super::session::SessionCommand;
use super::storage::StorageHandle;
use super::web_seeds::SourceCommand;

/// A link of this swarm is through its handshakes. From discovery; answered by
/// [`SessionCommand::Attach`] and a welcome to the session.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct OpenLink {
    /// The link.
    pub link: LinkId,
    /// Where it hears us.
    pub session: Recipient<SessionCommand>,
    /// The peer calls itself a swarmlet.
    pub fleet: bool,
}

/// There is a source that is no peer. From the web seeds of the swarm, whose content is known; its
/// facts follow as [`LinkFact`](super::link::LinkFact)s, the last of them being that it is gone.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct OpenSource {
    /// Its number, which no link has.
    pub link: LinkId,
    /// Where it hears us.
    pub source: Recipient<SourceCommand>,
}

/// The content is known: from the configuration, the state directory or a peer. From the
/// supervisor, with the storage that it started for it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ServeContent {
    /// The content.
    pub info: Arc<Info>,
    /// Which of its files are wanted.
    pub selection: Selection,
    /// Its file.
    pub storage: StorageHandle,
}

/// Fetch, or wait while others do. From turns, whenever that changes.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct TakeTurn(pub Turn);

/// Fetch and serve nothing, or do so again: the operator's word. From the supervisor.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct HoldSwarm(pub bool);

/// Somebody reads the content, and these bytes are next: answered when the piece is here in which the
/// first of them lies, with the number of pieces that are here from that on, as far as they were looked
/// at. What it needs comes before all else. From whoever reads, one at a time for each reader.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<u32, ReadRefusal>")]
pub struct AwaitPieces {
    /// Who reads.
    pub reader: ReaderId,
    /// The bytes of the content that it has still to read, of which there is one at least.
    pub bytes: Range<u64>,
}

/// A reader has gone. From whoever read.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ReaderGone(pub ReaderId);

/// Why a piece cannot be waited for.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ReadRefusal {
    /// It is of no file that is selected, so it will not be fetched.
    NotSelected,
    /// Too many read already.
    Crowded,
    /// The content is not here any more, or was never known.
    Gone,
}

impl std::fmt::Display for ReadRefusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotSelected => "it is not selected, and will not be fetched",
            Self::Crowded => "too many read already; try again later",
            Self::Gone => "the content is not here any more",
        })
    }
}

impl std::error::Error for ReadRefusal {}

/// What storage found out or did. Must not be lost: pieces would stay leased for ever.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub enum StorageFact {
    /// Storage starts from nothing: it was just started, or restarted, or the file was replaced.
    /// All that was known of the file is void.
    Opened,
    /// The check came so far.
    Checked {
        /// Pieces that are right.
        good: Vec<PieceIndex>,
        /// Pieces that are not.
        bad: Vec<PieceIndex>,
    },
    /// These were right and are not any more: the file was changed by others, or the disk lost it.
    Damaged(Vec<PieceIndex>),
    /// These were delivered and written, and were damaged before that was told.
    Unstored(Vec<PieceIndex>),
    /// All that was damaged is right again.
    Healed,
    /// These were verified and written.
    Stored(Vec<PieceIndex>),
    /// What this link delivered has another hash. Nothing was written.
    Rejected {
        /// The piece.
        piece: PieceIndex,
        /// Who delivered it.
        link: LinkId,
    },
    /// What this link delivered is lost before it could be verified or written, by no fault of its own.
    Lost {
        /// The piece.
        piece: PieceIndex,
        /// Who delivered it.
        link: LinkId,
    },
    /// The file cannot be written or read at present.
    Paused(String),
    /// The file can be written again.
    Resumed,
}

/// Asks for the progress of the swarm. From the watchdog; answered at once.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "Progress")]
pub struct QueryProgress;

/// How far a swarm is. Pieces and bytes are those of the selected files and of what lies in the same
/// pieces; where nothing is selected, and the node only serves what is there, those of the whole.
#[derive(Clone, Debug, Default, Eq, PartialEq, actix::MessageResponse)]
#[non_exhaustive]
pub struct Progress {
    /// The content is known.
    pub known: bool,
    /// Pieces that are here.
    pub have: u32,
    /// Pieces in all.
    pub pieces: u32,
    /// Pieces that were not checked yet.
    pub unchecked: u32,
    /// Pieces that are missing and that neither a connected peer has nor a source that can be asked.
    pub without_holder: u32,
    /// Bytes that are here.
    pub bytes: u64,
    /// Bytes in all.
    pub size: u64,
    /// Bytes of the whole content that are not here, selected or not.
    pub left: u64,
    /// Bytes of pieces that are on their way or wait to be written.
    pub in_flight: u64,
    /// Bytes of the content that came in this life, from peers and sources.
    pub received: u64,
    /// Those of them that came from sources that are no peers.
    pub from_sources: u64,
    /// Bytes of blocks that its links sent in this life.
    pub sent: u64,
    /// Links of the swarm.
    pub links: u32,
    /// Why nothing is written at present.
    pub paused: Option<String>,
}
