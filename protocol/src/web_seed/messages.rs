//! What goes into a web seed's machine and what comes out of it. Holds no logic.

use std::ops::Range;
use std::time::Duration;

use super::answer::Head;
use crate::layout::PieceIndex;
use crate::session::{Spill, WholePiece};

/// The number of a request. Never used again while the source lives.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct TransferId(pub u64);

/// What happened. Words of transfers that were ended are ignored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// The source begins, or the picker has forgotten it: all leases are void.
    Reset,
    /// The picker leases these pieces to the source.
    Granted(Vec<PieceIndex>),
    /// These leases ended.
    Cancelled(Vec<PieceIndex>),
    /// Storage found that a piece of this source has another hash.
    Rejected(PieceIndex),
    /// The head of an answer came.
    Answered {
        /// To which request.
        transfer: TransferId,
        /// The head.
        head: Head,
    },
    /// A request is over: nothing more comes of it.
    Ended {
        /// Which.
        transfer: TransferId,
        /// How.
        end: End,
    },
    /// Time has come to [`super::Source::next_timeout`].
    Tick,
}

/// How a request ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum End {
    /// With the end of the answer.
    Finished,
    /// It broke, or nothing came for too long, or there was no way to ask: why, in words.
    Lost(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Ask for these bytes of a file. Answer with [`Input::Answered`],
    /// [`Source::receive`](super::Source::receive) and [`Input::Ended`].
    Fetch {
        /// The request's number.
        transfer: TransferId,
        /// What to ask for.
        url: String,
        /// Bytes of the file.
        range: Range<u64>,
    },
    /// The rest of this request is not needed: close its connection. It is not heard of again.
    Abort(TransferId),
    /// The source could take so many more bytes of leases; replaces what it said before.
    Want {
        /// Bytes beyond what is leased.
        bytes: u64,
        /// The last time from a request to the head of its answer.
        round_trip: Duration,
        /// Bytes per second of the last request.
        rate: u64,
    },
    /// These leases end without their pieces.
    Returned(Vec<PieceIndex>),
    /// These pieces are whole and go to storage.
    Pieces(Vec<WholePiece>),
    /// Something about a piece that is too long to be held in memory.
    Spill(Spill),
    /// The server does not have these pieces at present; their leases end.
    Lacks(Vec<PieceIndex>),
    /// It is worth trying these again.
    Has(Vec<PieceIndex>),
    /// Worth a line in the log: what is wrong with the server. Said once for each kind of trouble.
    Complaint(String),
    /// The server is bad, and is not asked any more: why. All leases end with it.
    GaveUp(String),
}
