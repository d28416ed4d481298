//! Words to the actor of the distributed hash table (BEP 5).

use std::net::SocketAddrV4;

use actix::{Message, Recipient};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;

use super::scheduler::QueryProgress;

/// This swarm is to be found by the table, or no longer. From the supervisor, again when its content
/// becomes known.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct FindInTable {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Who knows how many links it has; nobody in case of the rendezvous.
    pub progress: Option<Recipient<QueryProgress>>,
    /// Its content is private (BEP 27), as far as that is known: the table is not to hear of it.
    pub private: bool,
    /// Nodes of the table that its `.torrent` names.
    pub nodes: Vec<PeerAddress>,
}

/// A peer says that it has a node of the table there (`port`, BEP 5). From sessions; may be lost.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct NodeHeard(pub SocketAddrV4);

/// Remember which nodes answer, and close the table. From the supervisor at the end; answered when
/// that is done.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct StopTable;
