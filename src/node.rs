//! A node, from the outside: built, started, listened to, stopped.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use actix::{Addr, Recipient};
use swarmlet_actors::listener::listen;
use swarmlet_actors::messages::ActorKind;
use swarmlet_actors::messages::events::Event;
use swarmlet_actors::messages::supervisor::{CrashActor, Shutdown};
use swarmlet_actors::reason::reason;
use swarmlet_actors::supervisor::{Settings, Supervisor, Sweep};
use swarmlet_protocol::address::{DEFAULT_PORT, PeerAddress};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{Info, Magnet, Torrent, TorrentConf};
use swarmlet_protocol::tracker::TrackerUrl;

use crate::Error;

/// Says what a node is to do; [`NodeBuilder::start`] starts it.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct NodeBuilder {
    data: PathBuf,
    info: Option<Info>,
    peers: Vec<PeerAddress>,
    join: Option<InfoHash>,
    trackers: Vec<TrackerUrl>,
    content_trackers: Vec<Vec<TrackerUrl>>,
    listen: SocketAddr,
    state: Option<PathBuf>,
    fleet: String,
    swarm: Option<String>,
    sweep: Sweep,
    lan: bool,
    listeners: Vec<Recipient<Event>>,
    progress_period: Duration,
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
            join: None,
            trackers: Vec::new(),
            content_trackers: Vec::new(),
            listen: SocketAddr::from(([0, 0, 0, 0], DEFAULT_PORT)),
            state: None,
            fleet: String::new(),
            swarm: None,
            sweep: Sweep::Off,
            lan: false,
            listeners: Vec::new(),
            progress_period: Duration::from_secs(1),
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
        self.trackers.extend(conf.trackers);
        self
    }

    /// Takes content and trackers from a `.torrent` file that was read already. Trackers whose URLs
    /// we cannot use are left out.
    pub fn torrent(mut self, torrent: Torrent) -> Self {
        self.info = Some(torrent.info);
        self.content_trackers(&torrent.trackers)
    }

    /// Trackers of the content in tiers (BEP 12), which are asked after those of the operator. Those
    /// whose URLs we cannot use are left out.
    pub fn content_trackers(mut self, tiers: &[Vec<String>]) -> Self {
        self.content_trackers = usable(tiers);
        self
    }

    /// Takes the name of the swarm, trackers and peers from a magnet link (BEP 9); the rest is
    /// learned from peers. Each tracker is a tier of its own; those whose URLs we cannot use are
    /// left out.
    pub fn magnet(mut self, magnet: Magnet) -> Self {
        self.join = Some(magnet.info_hash);
        self.peers.extend(magnet.peers);
        let tiers: Vec<_> = magnet.trackers.into_iter().map(|url| vec![url]).collect();
        self.content_trackers(&tiers)
    }

    /// Adds a tracker to ask for peers (BEP 3, BEP 15), for every swarm of this node but a private
    /// one that has trackers of its own. Those that are named first are asked first; the next one
    /// has its turn when none before it answers.
    pub fn tracker(mut self, tracker: TrackerUrl) -> Self {
        self.trackers.push(tracker);
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
            join: self.join,
            trackers: self.trackers,
            content_trackers: self.content_trackers,
            state: self.state,
            fleet: self.fleet,
            wanted: self.swarm,
            sweep: self.sweep,
            lan: self.lan,
            listeners: self.listeners,
            progress_period: self.progress_period,
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

/// The tiers as far as their URLs can be used.
fn usable(tiers: &[Vec<String>]) -> Vec<Vec<TrackerUrl>> {
    let tier = |tier: &Vec<String>| tier.iter().filter_map(|url| url.parse().ok()).collect();
    tiers.iter().map(tier).collect()
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
