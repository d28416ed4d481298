//! What goes into a metadata fetch and what comes out of it, and the limits it keeps.
//!
//! Holds no logic.

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::id::{InfoHash, LinkId};
use crate::metainfo::MAX_METADATA_LENGTH;

/// Two requests per link: one is answered while the other travels. Most dictionaries are one or
/// two pieces, and several links share a longer one.
pub const WINDOW: usize = 2;

/// 300 ms: after so long an unanswered piece is asked of another link, too. A peer may be killed
/// at any time, and a piece is small.
pub const ASK_ANOTHER: Duration = Duration::from_millis(300);

/// Three links at most are asked for one piece at a time.
pub const MAX_ASKED: usize = 3;

/// 3 s: a request is given up then. A late answer is still taken.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);

/// 250 ms: a link that rejected or did not answer rests so long; doubled each time, up to
/// [`MAX_REST`]. A peer that is itself fetching the metadata rejects, and soon has it.
pub const REST: Duration = Duration::from_millis(250);

/// 8 s: the longest rest of a link.
pub const MAX_REST: Duration = Duration::from_secs(8);

/// What happened. Facts about unknown links are ignored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// The peer has metadata of that size (`metadata_size` of its BEP 10 handshake). Said again, it
    /// ends the link's rest.
    LinkOffers {
        /// Who.
        link: LinkId,
        /// Bytes. 0 offers nothing.
        size: u64,
    },
    /// A `data` message.
    Data {
        /// From whom.
        link: LinkId,
        /// Which piece.
        piece: u32,
        /// The `total_size` in the message.
        total_size: u64,
        /// The piece.
        bytes: Bytes,
    },
    /// A `reject` message.
    Reject {
        /// From whom.
        link: LinkId,
        /// Which piece.
        piece: u32,
    },
    /// The link is gone.
    LinkClosed {
        /// Which.
        link: LinkId,
    },
    /// Time has come to [`super::MetadataFetch::next_timeout`].
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Ask for a piece.
    Request {
        /// Whom.
        link: LinkId,
        /// For which.
        piece: u32,
    },
    /// The whole dictionary; its SHA-1 is the infohash. Nothing follows.
    Done(Bytes),
    /// The peer did, or may have done, something wrong.
    Strike {
        /// Who.
        link: LinkId,
        /// What.
        reason: MetadataFault,
    },
}

/// What a peer did wrong.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum MetadataFault {
    /// More than we fetch.
    #[error("the peer offers {0} bytes of metadata; the limit is {MAX_METADATA_LENGTH}")]
    TooLong(u64),
    /// The size changed on the way.
    #[error("the peer offered {offered} bytes of metadata and now names {named}")]
    SizeChanged {
        /// The size in the handshake.
        offered: u64,
        /// The size in the message.
        named: u64,
    },
    /// A piece that is too long or too short.
    #[error("metadata piece {piece} has {actual} bytes; it must have {expected}")]
    PieceLength {
        /// The piece.
        piece: u32,
        /// The bytes that came.
        actual: usize,
        /// The bytes that it has.
        expected: usize,
    },
    /// All of it came from this peer, and it was wrong.
    #[error("the peer sent metadata that is not of infohash {0}")]
    Wrong(InfoHash),
    /// It was wrong, and this peer sent a part of it: not necessarily the wrong one.
    #[error("metadata from several peers, this one among them, is not of infohash {0}")]
    PartOfWrong(InfoHash),
}
