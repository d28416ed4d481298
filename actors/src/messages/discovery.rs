//! Words to discovery: what links report, and which swarms there are.

use std::net::SocketAddr;

use actix::{Message, Recipient};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::extension::{PexMessage, SwarmsMessage};
use swarmlet_protocol::id::{InfoHash, LinkId, PeerId};
use swarmlet_protocol::membership::Source;
use swarmlet_protocol::session::Ready;

use super::Harm;
use super::scheduler::OpenLink;
use super::session::SessionCommand;
use crate::credit::Token;
use crate::transport::{Authenticated, Connection};

/// Addresses were found outside of links. From trackers, and from discovery's own searches. May be
/// lost: whoever found them looks again.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct AddressesFound {
    /// How.
    pub source: Source,
    /// Where somebody may listen.
    pub addresses: Vec<SocketAddr>,
    /// The swarm that they were named for; all swarms if none.
    pub info_hash: Option<InfoHash>,
}

/// Somebody connected. From the listener, which waits for the answer before it accepts the next:
/// may the link live?
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AdmitLink {
    /// What carries it.
    pub stream: Connection,
    /// Who is there.
    pub remote: SocketAddr,
}

/// What a session has to say of its link. `Ended` must not be lost.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LinkReport {
    /// The link.
    pub link: LinkId,
    /// What happened on it.
    pub what: LinkEvent,
    /// The sender's credit; given back when the report was handled. None on the first and the last
    /// report of a link.
    pub token: Option<Token>,
}

/// What happens on a link.
#[derive(Debug)]
pub enum LinkEvent {
    /// The session runs and hears us there.
    Started(Recipient<SessionCommand>),
    /// The peer proved who it is, by a fleet secret. Comes before all that it says.
    Authenticated(Authenticated),
    /// The peer's handshake came: for this swarm, by this peer.
    Handshaken {
        /// The swarm that the peer named.
        info_hash: InfoHash,
        /// Who it is.
        peer_id: PeerId,
    },
    /// The peer said what it can do.
    Ready(Ready),
    /// The peer has everything, or no longer.
    PeerComplete(bool),
    /// The peer told of addresses.
    Pex(PexMessage),
    /// The peer told of swarms.
    Swarms(SwarmsMessage),
    /// The link is gone. Always the last word of a session, also of one that panicked.
    Ended {
        /// How.
        end: LinkEnd,
        /// The same in words, for the log.
        reason: String,
    },
}

/// How a link ended.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum LinkEnd {
    /// The peer closed it, or we asked for it.
    Closed,
    /// The peer closed it before it had said who it is.
    Unanswered,
    /// It broke or timed out.
    Lost,
    /// The peer broke a rule.
    Violation {
        /// And is not to be spoken to for a while.
        ban: bool,
    },
}

/// A swarm runs on this node. From the supervisor, again when its content becomes known.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct SwarmStarted {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Where its links are opened.
    pub scheduler: Recipient<OpenLink>,
    /// Name and size of the content, once known.
    pub content: Option<(String, u64)>,
    /// It stands in our own configuration.
    pub configured: bool,
    /// Peers that the configuration names for this swarm.
    pub peers: Vec<PeerAddress>,
    /// Its content is private (BEP 27), as far as that is known: nobody is told of it.
    pub private: bool,
}

/// The swarm became complete here, or no longer is. From its scheduler.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct SwarmCompleted {
    /// The swarm.
    pub info_hash: InfoHash,
    /// All pieces that are selected are here.
    pub complete: bool,
}

/// Close all links of the swarm and let them come back: what the peers were told of us is void.
/// From its scheduler.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ResetLinks {
    /// The swarm.
    pub info_hash: InfoHash,
}

/// Close all links, dial no more, save what is known. From the supervisor at the end; answered
/// when the links are closed.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct StopDiscovery;

/// What this link's peer delivered is not what it should be. From the scheduler; may be lost.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct LinkLied {
    /// The link.
    pub link: LinkId,
    /// What it was.
    pub lie: Lie,
}

/// What a peer delivered.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Lie {
    /// A piece with a wrong hash. One may be a broken cable or a broken disk.
    Piece,
    /// Metadata, all of it, that is not that of the infohash.
    Metadata,
}

/// Harms the session of one link. From a test, through the supervisor; answers whether there was
/// one.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "bool")]
pub struct HarmLink(pub Harm);
