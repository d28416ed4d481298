//! A node, from the outside: built, started, listened to, stopped.

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix::{Addr, Recipient};
use swarmlet_actors::listener::listen;
use swarmlet_actors::messages::ActorKind;
use swarmlet_actors::messages::events::Event;
use swarmlet_actors::messages::supervisor::{CrashActor, Shutdown};
use swarmlet_actors::reason::reason;
use swarmlet_actors::supervisor::{Manners, Settings, Supervisor, Sweep};
use swarmlet_protocol::address::{DEFAULT_PORT, PeerAddress};
use swarmlet_protocol::choking::MAX_UPLOAD_SLOTS;
use swarmlet_protocol::metainfo::{Info, TorrentConf};

use crate::Error;

/// Says what a node is to do; [`NodeBuilder::start`] starts it.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct NodeBuilder {
    data: PathBuf,
    info: Option<Info>,
    peers: Vec<PeerAddress>,
    listen: SocketAddr,
    state: Option<PathBuf>,
    fleet: String,
    swarm: Option<String>,
    sweep: Sweep,
    lan: bool,
    listeners: Vec<Recipient<Event>>,
    progress_period: Duration,
    manners: Manners,
}

/// A running node. Dropping it does not stop the node; [`Node::shutdown`] does.
#[derive(Clone, Debug)]
pub struct Node {
    supervisor: Addr<Supervisor>,
    listen: SocketAddr,
}

impl Node {
    /// A node that keeps the file at `data` in sync. Without a configuration it learns from peers
    /// what the file must be.
    pub fn builder(data: impl Into<PathBuf>) -> NodeBuilder {
        NodeBuilder {
            data: data.into(),
            info: None,
            peers: Vec::new(),
            listen: SocketAddr::from(([0, 0, 0, 0], DEFAULT_PORT)),
            state: None,
            fleet: String::new(),
            swarm: None,
            sweep: Sweep::Off,
            lan: false,
            listeners: Vec::new(),
            progress_period: Duration::from_secs(1),
            manners: Manners::default(),
        }
    }

    /// The address that the node listens on; with the port that the system chose if 0 was asked.
    #[must_use]
    pub const fn listen_address(&self) -> SocketAddr {
        self.listen
    }

    /// Stops the node in order: links say goodbye, verified pieces are written, peers are saved.
    /// Takes less than a second.
    pub async fn shutdown(&self) {
        // An error means that the node is gone already.
        let _ = self.supervisor.send(Shutdown).await;
    }

    /// Whether the node runs: it was not shut down, and did not fail.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.supervisor.connected()
    }

    /// Makes one actor of that kind panic, to see the node survive it. For tests; says whether
    /// there was such an actor.
    #[doc(hidden)]
    pub async fn crash(&self, kind: ActorKind) -> bool {
        self.supervisor
            .send(CrashActor(kind))
            .await
            .unwrap_or(kind == ActorKind::Supervisor)
    }
}

impl NodeBuilder {
    /// Takes content and peers from the text of a torrent.conf. An empty text knows nothing.
    ///
    /// # Errors
    /// The text is not a torrent.conf; names what is wrong in it.
    pub fn conf(self, text: &[u8]) -> Result<Self, Error> {
        Ok(self.torrent_conf(TorrentConf::parse(text)?))
    }

    /// Takes content and peers from a torrent.conf that was read already.
    pub fn torrent_conf(mut self, conf: TorrentConf) -> Self {
        self.info = conf.info.or(self.info);
        self.peers.extend(conf.peers);
        self
    }

    /// Adds a peer. A host name is resolved again and again, and every address is a peer.
    pub fn peer(mut self, peer: PeerAddress) -> Self {
        self.peers.push(peer);
        self
    }

    /// Where to listen; links leave from this address as well. All addresses, port 6881, if not
    /// said.
    pub const fn listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Where to remember what was learned. Nothing is remembered if not said.
    pub fn state(mut self, folder: impl Into<PathBuf>) -> Self {
        self.state = Some(folder.into());
        self
    }

    /// The name of the fleet. Nodes of other fleets are not told of our swarm.
    pub fn fleet(mut self, name: impl Into<String>) -> Self {
        self.fleet = name.into();
        self
    }

    /// Which swarm to join, by its content's name or its infohash, if peers offer several.
    pub fn swarm(mut self, name: impl Into<String>) -> Self {
        self.swarm = Some(name.into());
        self
    }

    /// Which networks to search for peers. None, if not said.
    pub const fn sweep(mut self, sweep: Sweep) -> Self {
        self.sweep = sweep;
        self
    }

    /// Whether to speak and hear local beacons (BEP 14). Not, if not said.
    pub const fn lan(mut self, lan: bool) -> Self {
        self.lan = lan;
        self
    }

    /// Adds somebody who hears of the node's events.
    pub fn listener(mut self, listener: Recipient<Event>) -> Self {
        self.listeners.push(listener);
        self
    }

    /// How often progress is told, if it changed. Every second, if not said.
    pub const fn progress_period(mut self, period: Duration) -> Self {
        self.progress_period = period;
        self
    }

    /// How many peers that are no swarmlets may fetch from the node at once, one at least; 8, if not
    /// said. Swarmlets are not counted. Beyond
    /// [`MAX_UPLOAD_SLOTS`](crate::protocol::choking::MAX_UPLOAD_SLOTS) it is that number.
    pub fn upload_slots(mut self, slots: usize) -> Self {
        self.manners.upload_slots = slots.clamp(1, MAX_UPLOAD_SLOTS);
        self
    }

    /// How many bytes per second may come from all peers together, words and blocks. No limit, if
    /// not said.
    pub const fn download_limit(mut self, bytes_per_second: NonZeroU64) -> Self {
        self.manners.download_limit = Some(bytes_per_second);
        self
    }

    /// How many bytes of blocks per second may go to all peers together. No limit, if not said.
    pub const fn upload_limit(mut self, bytes_per_second: NonZeroU64) -> Self {
        self.manners.upload_limit = Some(bytes_per_second);
        self
    }

    /// How many links the swarm may have, two at least; 24, if not said. Peers beyond are turned
    /// away. Each link costs a socket, and memory while bytes move on it.
    pub fn max_links(mut self, links: usize) -> Self {
        self.manners.max_links = links.max(2);
        self
    }

    /// Starts the node on the present actix system.
    ///
    /// # Errors
    /// The address is in use, the data path is a directory or a device, the state folder cannot be
    /// written.
    pub fn start(self) -> Result<Node, Error> {
        if actix_rt::System::try_current().is_none() {
            return Err(Error::NoSystem);
        }
        if let Some(reason) = no_data_file(&self.data) {
            return Err(Error::Data {
                path: self.data,
                reason: reason.to_owned(),
            });
        }
        let listener = listen(self.listen).map_err(Error::Listen)?;
        let address = listener.local_addr().unwrap_or(self.listen);
        let state = self.state.clone();
        let settings = Settings {
            listen: address,
            data: self.data,
            info: self.info,
            peers: self.peers,
            state: self.state,
            fleet: self.fleet,
            wanted: self.swarm,
            sweep: self.sweep,
            lan: self.lan,
            listeners: self.listeners,
            progress_period: self.progress_period,
            manners: self.manners,
        };
        let supervisor =
            Supervisor::start_node(settings, listener).map_err(|error| Error::State {
                path: state.unwrap_or_default(),
                reason: reason(&error),
            })?;
        Ok(Node {
            supervisor,
            listen: address,
        })
    }
}

/// Why this path cannot be the data file, ever. What is missing can be created, and what cannot be
/// looked at now may be all right later. Opening a pipe or a device is not tried: it could block.
fn no_data_file(path: &Path) -> Option<&'static str> {
    let kind = std::fs::metadata(path).ok()?.file_type();
    if kind.is_dir() {
        Some("is a directory")
    } else if kind.is_file() {
        None
    } else {
        Some("not a regular file")
    }
}
