//! What a session learns of its peer's pieces. Heard by the scheduler of its swarm.

use std::time::Duration;

use actix::Message;
use bytes::Bytes;
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::session::PeerHave;

use crate::credit::Token;

/// Something that a session learned. Bounded by its token; must not be lost while the session
/// lives.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LinkFact {
    /// The link.
    pub link: LinkId,
    /// What was learned.
    pub what: LinkNews,
    /// The sender's credit; given back when the fact was handled. None on the last fact of a link.
    pub token: Option<Token>,
}

/// What a session learns.
#[derive(Debug)]
pub enum LinkNews {
    /// The peer has pieces.
    PeerHas(PeerHave),
    /// The peer would like us to fetch these from it first.
    PeerSuggests(Vec<PieceIndex>),
    /// The peer does not have these after all.
    PeerLacks(Vec<PieceIndex>),
    /// The link could take so many more bytes.
    Want {
        /// Bytes.
        bytes: u64,
        /// The shortest round trip of late.
        round_trip: Duration,
        /// Bytes per second of late.
        rate: u64,
    },
    /// The peer said what it is.
    Ready {
        /// It is a swarmlet.
        fleet: bool,
    },
    /// What the peer wants from us changed. Nor is this told of swarmlets, nor are the next two.
    PeerInterest {
        /// It says that we have something for it.
        interested: bool,
        /// It is complete, or wants nothing more.
        done: bool,
    },
    /// Bytes of blocks that moved since the link began.
    Traffic {
        /// From the peer.
        given: u64,
        /// To the peer.
        taken: u64,
    },
    /// The peer owes us blocks and sends nothing, or does send again.
    Snubs(bool),
    /// Bytes of pieces come in, but no piece became whole for a while.
    Progress,
    /// The link gives these leases back.
    Returned(Vec<PieceIndex>),
    /// These pieces are whole and on their way to storage.
    Received(Vec<PieceIndex>),
    /// The peer can send the metadata.
    MetadataOffered(u32),
    /// A part of the metadata came.
    MetadataData {
        /// The part's number.
        piece: u32,
        /// The whole size that the peer claims.
        total_size: u32,
        /// The part.
        data: Bytes,
    },
    /// The peer will not send that part.
    MetadataRejected(u32),
    /// The link is gone. Always the last word of a session, also of one that panicked.
    Gone,
}
