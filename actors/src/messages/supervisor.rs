//! Words to the supervisor: start this, know that, stop all.

use std::net::SocketAddr;
use std::sync::Arc;

use actix::Message;
use swarmlet_protocol::encryption::Side;
use swarmlet_protocol::id::{InfoHash, LinkId};
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::Info;
use swarmlet_protocol::session::Role;
use tokio::sync::watch;

use super::{ActorKind, Harm};
use crate::gauge::Gauge;
use crate::guard::Lever;
use crate::transport::Connection;

/// Starts the session of a link. From discovery. When it cannot be started the link is reported as
/// ended.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct StartSession {
    /// The link.
    pub link: LinkId,
    /// What carries it.
    pub stream: Connection,
    /// Who is there.
    pub remote: SocketAddr,
    /// Who opened the link.
    pub role: Role,
    /// Who opened it, for its envelope.
    pub side: Side,
    /// Where the session says how its link stands.
    pub gauge: Arc<Gauge>,
    /// The session ends when the sender of this is dropped: discovery has forgotten the link.
    pub owner: watch::Receiver<()>,
}

/// Join this swarm: a peer told of it. From discovery, once per swarm.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct JoinSwarm {
    /// The swarm.
    pub info_hash: InfoHash,
}

/// The content of a swarm became known and was checked by its infohash. From its scheduler.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ContentLearned {
    /// The content.
    pub info: Arc<Info>,
}

/// The description of a swarm was learned, it has the right infohash, and it describes nothing that
/// we can keep. From its scheduler.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ContentUnusable {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Why, in one line.
    pub error: String,
}

/// A swarm became complete, or no longer is. From its scheduler.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct CompletionChanged {
    /// The swarm.
    pub info_hash: InfoHash,
    /// All pieces that are selected are here.
    pub complete: bool,
    /// There are others, which are not.
    pub partial: bool,
    /// Some of them were fetched in this life.
    pub fetched: bool,
}

/// What happened to the file of a swarm. From its scheduler.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct StorageNews {
    /// The swarm.
    pub info_hash: InfoHash,
    /// What.
    pub what: StorageChange,
}

/// What happens to a file.
#[derive(Clone, Debug)]
pub enum StorageChange {
    /// It cannot be used at present: what is wrong, in one line.
    Paused(String),
    /// It can be used again.
    Resumed,
    /// These pieces were right and are not any more.
    Damaged(Vec<PieceIndex>),
    /// All that was damaged is right again.
    Healed,
}

/// Stops the node in order: no new links, links closed, file written, state saved. Answered when
/// all of that is done or its time is up.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Shutdown;

/// Harms one actor of that kind. From a test; answers whether there was one.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "bool")]
pub struct HarmActor {
    /// Which.
    pub kind: ActorKind,
    /// How.
    pub harm: Harm,
}

/// The lever of the supervisor itself, which it cannot have before it runs: for the watchdog.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct WatchSupervisor(pub Lever);
