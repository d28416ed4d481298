//! What goes into the picker and what comes out of it, and the limits it keeps.
//!
//! Holds no logic. Every number of a piece or link in an input may be wrong: the picker ignores
//! what it does not know.

use std::time::Duration;

use crate::bitfield::Bitfield;
use crate::id::LinkId;
use crate::layout::{PieceIndex, SPILL_LENGTH};

/// 24 MiB: what may be on its way or waiting for storage at once. A node is to stay under 64 MiB
/// with its code, its read buffers and its piece tables; twelve links with the best window of 2 MiB
/// fill this.
pub const IN_FLIGHT_BYTES: u64 = 24 * 1024 * 1024;

/// 2 MiB: what a lease of a piece longer than [`SPILL_LENGTH`] counts for: it is never in memory as
/// a whole, but as the parts that a session may have unwritten (1 MiB), one more read of the socket
/// and the run that grows.
pub const SPILL_CHARGE: u64 = 2 * 1024 * 1024;

/// 4 MiB: what demanded pieces may take beyond [`IN_FLIGHT_BYTES`], so that a reader does not wait
/// until others' leases have ended: any one piece that is held in memory as a whole, or two longer
/// ones. A node that is read from is to stay under 64 MiB, too.
pub const DEMANDED_BYTES: u64 = SPILL_LENGTH as u64;

/// The memory that a lease of a piece of this length takes.
#[must_use]
pub(super) const fn charge(length: u64) -> u64 {
    if length > SPILL_LENGTH as u64 {
        SPILL_CHARGE
    } else {
        length
    }
}

/// 32,768 pieces leased at once: with tiny pieces the account of a lease outweighs its bytes, and
/// this keeps the accounts near 4 MiB.
pub const MAX_LEASES: usize = 32_768;

/// Three holders of one piece at most: the first and two more in the end game, so that a single
/// slow or dead one never decides, and the waste stays small.
pub const MAX_HOLDERS: usize = 3;

/// Where a piece stands. Every piece is in exactly one state.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub enum PieceState {
    /// Verified and stored here.
    Have,
    /// Known to be missing, and nobody is fetching it.
    Wanted,
    /// Missing; one to [`MAX_HOLDERS`] links fetch it, or storage is about to verify and write it.
    Leased,
    /// Not checked yet by storage: it may be here. Nothing is fetched or announced.
    Postponed,
    /// Known to be missing, and not selected: nobody is asked for it.
    Skipped,
}

/// What the picker may use.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct PickerLimits {
    /// Bytes in memory of all leases that were granted and are not yet stored, rejected or
    /// returned; each holder of a piece counts, with a long piece for [`SPILL_CHARGE`]. One lease is allowed even where a single piece exceeds this.
    pub in_flight_bytes: u64,
    /// Bytes beyond those that leases of demanded pieces may take. While they do, nothing else is
    /// leased.
    pub demanded_bytes: u64,
    /// Pieces leased at once, demanded or not.
    pub leases: usize,
}

impl Default for PickerLimits {
    fn default() -> Self {
        Self {
            in_flight_bytes: IN_FLIGHT_BYTES,
            demanded_bytes: DEMANDED_BYTES,
            leases: MAX_LEASES,
        }
    }
}

/// What happened. Facts about unknown links and pieces are ignored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// Storage's start-up check came this far, or a later check found what changed. A `bad` piece
    /// that we had was lost.
    Checked {
        /// Pieces that are here.
        good: Vec<PieceIndex>,
        /// Pieces that are not.
        bad: Vec<PieceIndex>,
    },
    /// Storage verified and wrote these, wherever they came from.
    Stored(Vec<PieceIndex>),
    /// Storage found that what the link delivered has another hash.
    Rejected {
        /// The piece.
        piece: PieceIndex,
        /// Who delivered it.
        link: LinkId,
    },
    /// Storage lost these jobs, for instance in a restart: neither stored nor rejected.
    Unstored(Vec<PieceIndex>),
    /// A link is past its handshake. The host shows that peer what [`super::Picker::have`] says now.
    LinkOpened {
        /// The new link.
        link: LinkId,
    },
    /// There is a source that is no peer, such as a web seed (BEP 19), of which we take that it has
    /// everything: it is asked only for what no peer has that is of use. It takes part like a link, but
    /// is told nothing of what we have.
    SourceOpened {
        /// Its number, which no link has.
        link: LinkId,
    },
    /// A link is gone, or a source. What it delivered before stays with storage.
    LinkClosed {
        /// The link.
        link: LinkId,
    },
    /// `have` messages.
    PeerHas {
        /// From whom.
        link: LinkId,
        /// The pieces.
        pieces: Vec<PieceIndex>,
    },
    /// The peer would like us to fetch these from it (BEP 6 `suggest piece`).
    PeerSuggests {
        /// From whom.
        link: LinkId,
        /// The pieces, in the order in which it said so.
        pieces: Vec<PieceIndex>,
    },
    /// A `bitfield` message; it replaces what was known of the peer.
    PeerHasBitfield {
        /// From whom.
        link: LinkId,
        /// All that the peer has. Of another content's length it is ignored.
        pieces: Bitfield,
    },
    /// The peer has everything (BEP 6 `have all`).
    PeerHasAll {
        /// From whom.
        link: LinkId,
    },
    /// The peer lost pieces (BEP 54 `lt_donthave`).
    PeerLacks {
        /// From whom.
        link: LinkId,
        /// The pieces.
        pieces: Vec<PieceIndex>,
    },
    /// How much more the link can take now. It replaces the link's earlier want, and stays open
    /// until it is filled. Ask for at least a piece's length, or a piece comes only when the link
    /// has none left.
    Want {
        /// Who asks.
        link: LinkId,
        /// Bytes; 0 for none, for instance when choked.
        bytes: u64,
        /// The least round trip seen lately.
        rtt: Duration,
        /// Bytes per second measured while the link was busy; 0 if unknown.
        rate: u64,
    },
    /// The link gives leases back: it was choked, the peer rejected the requests, it gave up.
    Returned {
        /// Who.
        link: LinkId,
        /// What.
        pieces: Vec<PieceIndex>,
    },
    /// Blocks came in on this link although no piece became whole. Worth sending at most a few
    /// times a second, and only while a piece takes that long: it tells slow from dead.
    Progress {
        /// The link.
        link: LinkId,
    },
    /// These pieces are whole and handed to storage.
    Received {
        /// Who delivered them.
        link: LinkId,
        /// What.
        pieces: Vec<PieceIndex>,
    },
    /// A new value for [`PickerLimits::in_flight_bytes`]. Leases that exceed a smaller one run on.
    SetMemory(u64),
    /// These pieces are wanted and no others; all are, while this was not said. What was leased and
    /// is not wanted any more is cancelled, unless storage has it already. Afterwards
    /// [`super::Picker::is_complete`] may say otherwise than before. Of another content's length it
    /// is ignored.
    Select(Bitfield),
    /// Somebody waits for these, the most urgent first: they are fetched before all others. It
    /// replaces what was demanded before, of which nothing is cancelled; empty if nobody waits any
    /// more. What does not exist, stands here twice, or goes beyond [`super::MAX_DEMANDED`] is left
    /// out. A piece that is not selected is not fetched for being demanded, but once it is selected;
    /// one that is here, or unchecked, is fetched when it turns out to be missing.
    Demand(Vec<PieceIndex>),
    /// No new leases for now: storage cannot write, or it is others' turn.
    Pause,
    /// Leases are granted again.
    Resume,
    /// Time has come to [`super::Picker::next_timeout`].
    Tick,
}

/// What is to be done. Lists are never empty; one input causes at most one output of a kind per
/// link.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// The link shall fetch these, in this order. They are leases: answer each with `Received` or
    /// `Returned`.
    Grant {
        /// Who.
        link: LinkId,
        /// What, all of which its peer has.
        pieces: Vec<PieceIndex>,
    },
    /// These leases of the link ended: somebody else delivered, the peer said that it lacks the
    /// piece, or it was silent for too long. Neither `Received` nor `Returned` is expected.
    Cancel {
        /// Who.
        link: LinkId,
        /// What.
        pieces: Vec<PieceIndex>,
    },
    /// The peer has, or no longer has, something that we are known to lack and want. Sent on change; a new
    /// link counts as not interested (BEP 3).
    Interest {
        /// Which link.
        link: LinkId,
        /// Are we interested?
        interested: bool,
    },
    /// We came to have these, and the link's peer is not known to.
    Announce {
        /// Whom to tell.
        link: LinkId,
        /// What.
        pieces: Vec<PieceIndex>,
    },
    /// We have everything, and would like this peer to fetch these first (BEP 6 `suggest piece`),
    /// to pass them on.
    Suggest {
        /// Whom to tell.
        link: LinkId,
        /// What.
        pieces: Vec<PieceIndex>,
    },
    /// We had these and lost them: peers that understand it may be told (BEP 54).
    Withdraw {
        /// What.
        pieces: Vec<PieceIndex>,
    },
    /// Everything that is selected is here, and storage's check is over. Once, and again after a
    /// loss was repaired or when more was selected. A content without pieces is complete at the
    /// first input.
    Complete,
}
