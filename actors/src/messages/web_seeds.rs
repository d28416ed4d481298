//! Words to the web seeds of a swarm.

use actix::Message;
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::layout::PieceIndex;

/// A word to one web seed. From the scheduler of its swarm; must not be lost: pieces would stay leased.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct SourceCommand {
    /// The number of the source.
    pub link: LinkId,
    /// What is to be done.
    pub word: SourceWord,
}

/// What a scheduler says to a web seed.
#[derive(Clone, Debug)]
pub enum SourceWord {
    /// All leases are void: the scheduler begins anew.
    Reset,
    /// Fetch these.
    Granted(Vec<PieceIndex>),
    /// These are not needed any more.
    Cancelled(Vec<PieceIndex>),
    /// This piece had another hash.
    Rejected(PieceIndex),
}

/// Ask for nothing more. From the supervisor, when the node stops.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct StopWebSeeds;
