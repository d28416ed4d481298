//! What is to happen, and to whom.

use crate::bitfield::Bitfield;
use crate::layout::PieceIndex;
use crate::membership::{LinkEnd, PexPeer};

/// Which side of which link.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Side {
    pub(super) link: u32,
    /// 0 for who dialled, 1 for who was dialled.
    pub(super) end: u8,
}

impl Side {
    /// The other side of the same link.
    pub(super) const fn other(self) -> Self {
        Self {
            link: self.link,
            end: 1 - self.end,
        }
    }
}

/// What happens to one side of a link.
#[derive(Debug)]
pub(super) enum News {
    /// TCP is up for the one who dialled; it may be closed at once.
    Opened {
        admitted: bool,
    },
    /// The handshakes are through.
    Ready,
    /// The other side closed, or died.
    Closed(LinkEnd),
    /// Peer exchange.
    Exchange {
        added: Vec<PexPeer>,
        dropped: Vec<u32>,
    },
    /// The first word about pieces.
    Bitfield(Bitfield),
    Have(Vec<PieceIndex>),
    /// The other side would like to send these.
    Suggest(Vec<PieceIndex>),
    /// The other side has everything.
    Complete,
    /// The other side lost these.
    Lacks(Vec<PieceIndex>),
    /// The other side asks for all blocks of these.
    Request(Vec<PieceIndex>),
    /// The other side takes requests back.
    Cancel(Vec<PieceIndex>),
    /// The last byte of a batch is here.
    Arrived {
        pieces: Vec<PieceIndex>,
        bytes: u64,
    },
    /// Pieces that became whole have waited for others for long enough.
    Flush,
}

/// Something that is to happen.
#[derive(Debug)]
pub(super) enum Event {
    /// A dial reaches the one who is dialled.
    Dialed { from: u32, life: u32, to: u32 },
    /// Nobody listens there.
    DialFailed { from: u32, life: u32, to: u32 },
    /// Something reaches one side of a link.
    Link(Side, News),
    /// The last byte of a batch has left the node, for that side of a link.
    Sent {
        node: u32,
        life: u32,
        to: Side,
        pieces: Vec<PieceIndex>,
        bytes: u64,
    },
    /// Storage has verified and written these.
    Stored {
        node: u32,
        life: u32,
        pieces: Vec<PieceIndex>,
    },
    /// A machine of the node wants to be woken.
    Wake { node: u32, life: u32 },
}
