//! What an operator says to a node while it runs: by the library, or by its HTTP face. All of it goes
//! to the supervisor, which tells whom it concerns.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::{Message, Recipient};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{Info, Selection};

use super::events::Event;
use super::scheduler::{AwaitPieces, ReaderGone};
use super::storage::ReadBlocks;
use crate::counters::Counters;
use crate::share::Share;

/// Keep this content as well, in this life and the next ones, if the node has a state directory. The
/// answer is its swarm.
#[derive(Clone, Debug, Message)]
#[rtype(result = "Result<InfoHash, Refusal>")]
pub struct AddShare(pub Share);

/// Keep this content no longer. Its links are closed; its files stay. What stands in the
/// configuration comes back with the next start.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "Result<(), Refusal>")]
pub struct RemoveSwarm {
    /// The swarm.
    pub info_hash: InfoHash,
}

/// Fetch and serve nothing of this content, or do so again. Links stay, and are choked.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "Result<(), Refusal>")]
pub struct PauseSwarm {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Or go on.
    pub paused: bool,
}

/// Check every piece of this content anew.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "Result<(), Refusal>")]
pub struct VerifySwarm {
    /// The swarm.
    pub info_hash: InfoHash,
}

/// Do not speak to this host. Its links are closed. To the supervisor, which passes it on to discovery.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct BanHost {
    /// The host.
    pub ip: IpAddr,
    /// For how long; until it is lifted if `None`.
    pub time: Option<Duration>,
}

/// Speak to this host again. Answers whether it was banned. Passed on like [`BanHost`].
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "bool")]
pub struct UnbanHost {
    /// The host.
    pub ip: IpAddr,
}

/// These may be peers, of whichever content. Names are resolved again and again. Passed on to
/// discovery.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct AddPeers(pub Vec<PeerAddress>);

/// Tell this recipient of the node's events from now on.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Listen(pub Recipient<Event>);

/// Asks for a way to read a content. Answered at once.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "Result<OpenContent, Refusal>")]
pub struct ReadContent {
    /// The swarm.
    pub info_hash: InfoHash,
}

/// How a content is read, while it may still be on its way.
#[derive(Clone, Debug)]
pub struct OpenContent {
    /// What it is.
    pub info: Arc<Info>,
    /// Which of its files are wanted: of the others only what is here can be read.
    pub selection: Selection,
    /// The operator paused it: nothing that is missing will come.
    pub paused: bool,
    /// Waits for pieces.
    pub pieces: Recipient<AwaitPieces>,
    /// Hears when a reader has gone.
    pub gone: Recipient<ReaderGone>,
    /// Reads.
    pub read: Recipient<ReadBlocks>,
    /// Where what was read is counted.
    pub counters: Arc<Counters>,
}

/// Why a word of an operator is not followed. Each text is one line.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such content.
    Unknown(InfoHash),
    /// It is kept already.
    Known(InfoHash),
    /// The node keeps as many contents as it can.
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// It cannot be kept there.
    Place(String),
    /// The node cannot do that now.
    NotNow(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(info_hash) => write!(f, "this node has no content {info_hash}"),
            Self::Known(info_hash) => write!(f, "this node has {info_hash} already"),
            Self::TooMany { limit } => write!(
                f,
                "this node keeps {limit} contents already, which is the limit: remove one, or run a second node"
            ),
            Self::Place(why) | Self::NotNow(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Refusal {}

/// This swarm is no longer one of ours: forget it. From the supervisor to all actors that know it.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct SwarmRemoved {
    /// The swarm.
    pub info_hash: InfoHash,
}
