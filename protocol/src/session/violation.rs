//! The rules that a peer can break, and what each break costs it.
//!
//! A violation is the peer's fault and ends at most its own link. What is done about one is
//! decided in one place, [`Violation::verdict`].

use thiserror::Error;

use crate::bitfield::BitfieldError;
use crate::extension::ExtensionError;
use crate::layout::BlockError;
use crate::wire::{FrameError, HandshakeError};

/// A rule that the peer broke.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// The bitfield does not fit the content.
    #[error("peer sent a bad bitfield: {0}")]
    Bitfield(#[from] BitfieldError),
    /// A request names a block that does not exist.
    #[error("peer asked for a block that does not exist: {0}")]
    Block(#[from] BlockError),
    /// Words without end that change nothing.
    #[error("peer says nothing new, more than {0} times")]
    Chatter(u32),
    /// An extension's message cannot be read.
    #[error("peer sent a bad extension message: {0}")]
    Extension(#[from] ExtensionError),
    /// The stream is not the peer wire protocol.
    #[error("peer broke the framing: {0}")]
    Frame(#[from] FrameError),
    /// The link did not start with a handshake.
    #[error("peer opened with something else: {0}")]
    Handshake(#[from] HandshakeError),
    /// A `have` for a piece that does not exist.
    #[error("peer claims piece {piece}; there are {pieces}")]
    HaveOutOfRange {
        /// The piece that was named.
        piece: u32,
        /// How many there are.
        pieces: u32,
    },
    /// A `have none` that is not the first word about pieces (BEP 6).
    #[error("peer spoke of its pieces, and then says that it has none")]
    LateHaveNone,
    /// A message of an extension that was not agreed in the handshakes (BEP 6, BEP 10).
    #[error("peer sent message {0} without having agreed on its extension")]
    NotNegotiated(u8),
    /// A request for a piece that we never said we have.
    #[error("peer asked for piece {0}, which we lack")]
    RequestedMissing(u32),
    /// A request for more bytes than one block may have.
    #[error("peer asked for {length} bytes at once; the limit is {limit}")]
    RequestTooLong {
        /// The bytes it asked for.
        length: u32,
        /// The limit.
        limit: u32,
    },
    /// More requests than we said we queue.
    #[error("peer has more than {0} requests queued")]
    TooManyRequests(usize),
    /// A block that we never asked for.
    #[error("peer sent block {begin} of piece {piece}, which was not asked for")]
    Unrequested {
        /// The piece.
        piece: u32,
        /// The first byte of the block in it.
        begin: u32,
    },
    /// The peer answered with the name of another swarm.
    #[error("peer answered for another swarm")]
    WrongSwarm,
}

/// What a violation costs.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// So many strikes; the link ends when there are too many.
    Strikes(u32),
    /// The link ends.
    Close,
    /// The link ends and the peer is not spoken to for a while: no honest client does this.
    Ban,
}

impl Violation {
    /// The whole policy. Races between honest clients cost strikes, broken streams the link.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        match self {
            // A cancel or a choke can cross the answer; a piece can be lost after it was told.
            Self::Unrequested { .. } | Self::RequestedMissing(_) => Verdict::Strikes(1),
            Self::NotNegotiated(_) => Verdict::Strikes(1),
            Self::LateHaveNone | Self::RequestTooLong { .. } => Verdict::Strikes(STRIKES / 4),
            Self::WrongSwarm | Self::Handshake(_) | Self::TooManyRequests(_) => Verdict::Close,
            // Sizes that differ come from peers with another idea of the content.
            Self::Bitfield(_) | Self::HaveOutOfRange { .. } => Verdict::Close,
            Self::Extension(_) | Self::Frame(_) | Self::Block(_) | Self::Chatter(_) => Verdict::Ban,
        }
    }
}

/// So many strikes end a link: more than honest races can bring about in one link's life.
pub const STRIKES: u32 = 256;
