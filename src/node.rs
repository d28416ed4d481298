//! A node, from the outside: built, started, listened to, stopped.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, ArbiterHandle, Recipient};
use log::warn;
use swarmlet_actors::chance;
use swarmlet_actors::listener::listen;
use swarmlet_actors::listeners::{Listeners, WeakListeners};
use swarmlet_actors::messages::events::Event;
use swarmlet_actors::messages::supervisor::{HarmActor, Shutdown};
use swarmlet_actors::messages::{ActorKind, Harm, Ping};
use swarmlet_actors::reason::reason;
use swarmlet_actors::sentinel::Remedy;
use swarmlet_actors::supervisor::{
    Admission, Manners, Reach, Settings, Share, Supervisor, Sweep, Vigilance,
};
use swarmlet_actors::transport::{Endpoint, Security};
use swarmlet_protocol::access::AccessList;
use swarmlet_protocol::address::{DEFAULT_PORT, PeerAddress};
use swarmlet_protocol::choking::MAX_UPLOAD_SLOTS;
use swarmlet_protocol::encryption::Policy;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::membership::shorten;
use swarmlet_protocol::metainfo::{Info, Magnet, Torrent, TorrentConf};
use swarmlet_protocol::scrub::SCRUB_PERIOD;
use swarmlet_protocol::secret::{FleetSecret, Secrets};
use swarmlet_protocol::tracker::{TrackerUrl, usable};
use swarmlet_protocol::web_seed::{SourceUrl, usable_sources};
use tokio::sync::oneshot;

use crate::{Error, places};

/// Says what a node is to do; [`NodeBuilder::start`] starts it.
///
/// What is not said costs nothing: no search, no beacons, no table, no state directory, no limits.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::num::NonZeroU64;
/// use swarmlet::{Node, Sweep};
///
/// let node = Node::builder("/srv/image.iso")
///     .conf(&std::fs::read("/etc/torrent.conf")?)?
///     .listen("10.0.0.5:6881".parse()?)
///     .peer("seeder.example:6881".parse()?)
///     .sweep(Sweep::Auto)
///     .state("/var/lib/my-app")
///     .upload_limit(NonZeroU64::new(50 << 20).expect("not zero"))
///     .start()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct NodeBuilder {
    data: Option<PathBuf>,
    info: Option<Info>,
    shares: Vec<Share>,
    peers: Vec<PeerAddress>,
    join: Option<InfoHash>,
    trackers: Vec<TrackerUrl>,
    content_trackers: Vec<Vec<TrackerUrl>>,
    sources: Vec<SourceUrl>,
    web_seeds: Vec<SourceUrl>,
    listen: SocketAddr,
    state: Option<PathBuf>,
    fleet: String,
    swarm: Option<String>,
    sweep: Sweep,
    lan: bool,
    reach: Reach,
    /// Nodes of the distributed hash table that the `.torrent` names.
    dht_nodes: Vec<PeerAddress>,
    listeners: Vec<Recipient<Event>>,
    progress_period: Duration,
    manners: Manners,
    admission: Admission,
    scrub: Option<Duration>,
    vigilance: Vigilance,
}

/// A running node. Cheap to clone, and usable from every thread. Dropping it does not stop the node;
/// [`Node::shutdown`] does, and so does the end of the actix system that it runs on.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use swarmlet::Node;
///
/// let node = Node::builder("/data.bin").peer("10.0.0.5".parse()?).start()?;
/// node.completed().await?;
/// println!("all of it is here and verified");
/// node.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Node {
    pub(crate) supervisor: Addr<Supervisor>,
    pub(crate) listeners: WeakListeners,
    pub(crate) listen: SocketAddr,
}

impl Node {
    /// A node that keeps what is at `data` in sync: the content's file, or the folder in which its
    /// files lie, if it has several. Without a configuration it learns from peers what that must
    /// be.
    pub fn builder(data: impl Into<PathBuf>) -> NodeBuilder {
        NodeBuilder::new(Some(data.into()), Vec::new())
    }

    /// A node that keeps several contents in sync, each in its own place, with one listening port
    /// and one set of limits. It learns no others.
    pub fn sharing(shares: impl IntoIterator<Item = Share>) -> NodeBuilder {
        NodeBuilder::new(None, shares.into_iter().collect())
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

    /// Whether the node answers. Of one that is stuck no answer comes, so wait for it as long as you
    /// like and no longer.
    pub async fn is_responsive(&self) -> bool {
        self.supervisor.send(Ping).await.is_ok()
    }

    /// Makes one actor of that kind panic, to see the node survive it. For tests; says whether
    /// there was such an actor.
    #[doc(hidden)]
    pub async fn crash(&self, kind: ActorKind) -> bool {
        self.harm(kind, Harm::Panic).await
    }

    /// The same, with other harm: an actor that answers nobody any more, or holds up its thread.
    #[doc(hidden)]
    pub async fn harm(&self, kind: ActorKind, harm: Harm) -> bool {
        self.supervisor
            .send(HarmActor { kind, harm })
            .await
            .unwrap_or(kind == ActorKind::Supervisor)
    }
}

impl NodeBuilder {
    fn new(data: Option<PathBuf>, shares: Vec<Share>) -> Self {
        Self {
            data,
            info: None,
            shares,
            peers: Vec::new(),
            join: None,
            trackers: Vec::new(),
            content_trackers: Vec::new(),
            sources: Vec::new(),
            web_seeds: Vec::new(),
            listen: SocketAddr::from(([0, 0, 0, 0], DEFAULT_PORT)),
            state: None,
            fleet: String::new(),
            swarm: None,
            sweep: Sweep::Off,
            lan: false,
            reach: Reach::default(),
            dht_nodes: Vec::new(),
            listeners: Vec::new(),
            progress_period: Duration::from_secs(1),
            manners: Manners::default(),
            admission: Admission::default(),
            scrub: Some(SCRUB_PERIOD),
            vigilance: Vigilance::default(),
        }
    }

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
        self.sources.extend(conf.sources);
        self
    }

    /// Takes content, trackers and web seeds from a `.torrent` file that was read already. Trackers and
    /// web seeds whose URLs we cannot use are left out.
    pub fn torrent(mut self, torrent: Torrent) -> Self {
        self.info = Some(torrent.info);
        self.web_seeds = usable_sources(&torrent.web_seeds);
        self.dht_nodes = torrent.nodes;
        self.content_trackers(&torrent.trackers)
    }

    /// Trackers of the content in tiers (BEP 12), which are asked after those of the operator. Those
    /// whose URLs we cannot use are left out.
    pub fn content_trackers(mut self, tiers: &[Vec<String>]) -> Self {
        self.content_trackers = usable(tiers);
        self
    }

    /// Takes the name of the swarm, trackers, web seeds and peers from a magnet link (BEP 9); the rest
    /// is learned from peers, and without it no web seed can be asked. Each tracker is a tier of its own; those whose URLs we cannot use are
    /// left out.
    pub fn magnet(mut self, magnet: Magnet) -> Self {
        self.join = Some(magnet.info_hash);
        self.peers.extend(magnet.peers);
        self.web_seeds = usable_sources(&magnet.web_seeds);
        let tiers: Vec<_> = magnet.trackers.into_iter().map(|url| vec![url]).collect();
        self.content_trackers(&tiers)
    }

    /// Adds a tracker to ask for peers (BEP 3, BEP 15), for every swarm of this node but a private
    /// one that has trackers of its own. Those that are named first are asked first; the next one
    /// has its turn when none before it answers.
    pub fn tracker(mut self, tracker: TrackerUrl) -> Self {
        if !self.trackers.contains(&tracker) {
            self.trackers.push(tracker);
        }
        self
    }

    /// Adds a web server that has every content of this node and is fetched from what no peer has
    /// (BEP 19): the URL of the file, or with a slash at its end that of the folder in which the file or
    /// folder lies, by its name in the description; `data.bin` if that is a torrent.conf. The server must answer Range
    /// requests. 16 are asked at most.
    pub fn source(mut self, source: SourceUrl) -> Self {
        if !self.sources.contains(&source) {
            self.sources.push(source);
        }
        self
    }

    /// Adds a content to keep in sync beside the others, with its own place and peers.
    pub fn share(mut self, share: Share) -> Self {
        self.shares.push(share);
        self
    }

    /// Adds a peer, of whichever content. A host name is resolved again and again, and every
    /// address is a peer.
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

    /// Which swarm to join, by its content's name or its infohash, if peers offer several. That of an
    /// infohash is joined from the start.
    pub fn swarm(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        // An infohash is all that it takes to ask trackers, and whoever may have it.
        self.join = name.parse().ok().or(self.join);
        self.swarm = Some(name);
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

    /// Whether to find peers by the distributed hash table (BEP 5), and to be found by it. Off, if not
    /// said. Private contents never go there. Needs the feature `dht`.
    pub const fn dht(mut self, on: bool) -> Self {
        self.reach.dht = on;
        self
    }

    /// Adds a node of the distributed hash table to begin with, in place of the public ones. A fleet
    /// whose nodes name only each other has a table of its own, which needs three nodes at least.
    pub fn dht_bootstrap(mut self, node: PeerAddress) -> Self {
        if !self.reach.dht_bootstrap.contains(&node) {
            self.reach.dht_bootstrap.push(node);
        }
        self
    }

    /// Whether to have the router send our port to us (PCP, NAT-PMP, UPnP). Off, if not said. Needs
    /// the feature `port-map`.
    pub const fn port_map(mut self, on: bool) -> Self {
        self.reach.port_map = on;
        self
    }

    /// How many peers that are no swarmlets may fetch from the node at once, one at least; 8, if not
    /// said. Swarmlets are not counted. Beyond
    /// [`MAX_UPLOAD_SLOTS`](crate::protocol::choking::MAX_UPLOAD_SLOTS) it is that number.
    pub fn upload_slots(mut self, slots: usize) -> Self {
        self.manners.upload_slots = slots.clamp(1, MAX_UPLOAD_SLOTS);
        self
    }

    /// In how long to hash all that is here once more, a second at least; 24 hours, if not said. With
    /// `None` only that is hashed again to which somebody else wrote. What is found damaged is
    /// withdrawn from peers and fetched anew.
    pub const fn scrub(mut self, period: Option<Duration>) -> Self {
        self.scrub = period;
        self
    }

    /// How long an actor may take to answer before it starts anew, and its links with it if it is the
    /// one of a link; 30 s, if not said. Time in which the process slept is not counted.
    pub const fn patience(mut self, patience: Duration) -> Self {
        self.vigilance.patience = patience;
        self
    }

    /// Has a thread look whether the threads of the node stand still: a call to the system does not
    /// come back, or a loop does not end, for longer than `limit`. [`Event::ThreadStuck`] says so, and
    /// the remedy is applied on that thread: ending the process, for instance. Not, if not said: the
    /// node has no such thread.
    pub fn sentinel(mut self, limit: Duration, remedy: Option<Remedy>) -> Self {
        self.vigilance.standstill = Some(limit);
        self.vigilance.remedy = remedy;
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

    /// Whether links are encrypted (MSE). Plain, unless a peer insists, if not said.
    pub const fn encryption(mut self, policy: Policy) -> Self {
        self.manners.encryption = policy;
        self
    }

    /// Speaks uTP (BEP 29) beside TCP, on the UDP port of the listening address's number. A peer that
    /// cannot be dialed by TCP is dialed so. Off, if not said.
    pub const fn utp(mut self, on: bool) -> Self {
        self.manners.utp = on;
        self
    }

    /// Secures every link by a secret that the nodes of the fleet share: TLS 1.3, in which both ends prove
    /// to know it. Who does not know it is not let in. Links are open, if not said. Not together with the
    /// distributed hash table. Needs the feature `secret`.
    ///
    /// ```no_run
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use swarmlet::Node;
    /// use swarmlet::protocol::secret::FleetSecret;
    ///
    /// let secret = FleetSecret::new(&std::fs::read_to_string("/run/secrets/fleet")?)?;
    /// let node = Node::builder("/data.bin").fleet_secret(secret).start()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn fleet_secret(self, secret: FleetSecret) -> Self {
        self.fleet_secrets(Secrets::one(secret))
    }

    /// The same with two secrets, while one takes the place of the other: both are accepted, and the first
    /// is preferred. [`Node::set_fleet_secrets`] changes them later.
    pub fn fleet_secrets(mut self, secrets: Secrets) -> Self {
        self.admission.secrets = Some(secrets);
        self
    }

    /// The same from a file of one line, or of two with two secrets. It is read again within a second
    /// when it changes, and by [`Node::reload`].
    pub fn fleet_secret_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.admission.secret_file = Some(path.into());
        self
    }

    /// Who may have links with the node, by address and by node id. Everybody, if not said. Ids need a
    /// fleet secret.
    pub fn access(mut self, list: AccessList) -> Self {
        self.admission.access = Arc::new(list);
        self
    }

    /// The same from a file, which is read again within a second when it changes, and by [`Node::reload`].
    /// Links that are denied then are closed.
    pub fn access_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.admission.access_file = Some(path.into());
        self
    }

    /// What was said of who gets in, with what the files hold.
    fn checked_admission(&self) -> Result<Admission, Error> {
        let mut admission = self.admission.clone();
        let has_secret = admission.secrets.is_some() || admission.secret_file.is_some();
        if has_secret && !Security::AVAILABLE {
            return Err(Error::NoSecretSupport);
        }
        if has_secret && self.reach.dht {
            return Err(Error::SecretWithDht);
        }
        let read = admission.read().and_then(|()| admission.check());
        read.map_err(Error::Admission)?;
        Ok(admission)
    }

    /// Starts the node on the present arbiter of the present actix system: its actors share that
    /// thread, and links get threads of their own when there is much to do.
    ///
    /// # Errors
    /// This is no actix system; there is nothing to keep, or no place for it; two contents are in each other's way; the
    /// address is in use, the data path is a device, or a folder where the content is a file or
    /// the other way round, the state folder cannot be written.
    pub fn start(self) -> Result<Node, Error> {
        if actix_rt::System::try_current().is_none() {
            return Err(Error::NoSystem);
        }
        if self.manners.utp && !Endpoint::AVAILABLE {
            return Err(Error::NoUtp);
        }
        let admission = self.checked_admission()?;
        let mut shares = self.shares;
        // What was learned is kept where nothing else is said of the content.
        let mut place = self.data;
        match (self.info, place.take()) {
            (Some(info), Some(data)) => {
                let trackers = self.content_trackers.clone();
                let share = Share {
                    web_seeds: self.web_seeds.clone(),
                    trackers,
                    dht_nodes: self.dht_nodes,
                    ..Share::new(info, data)
                };
                shares.insert(0, share);
            }
            (Some(info), None) => {
                let info_hash = info.info_hash();
                return Err(Error::NoPlace { info_hash });
            }
            (None, None) if shares.is_empty() => return Err(Error::NothingToKeep),
            (None, Some(data)) if shares.is_empty() => place = Some(data),
            (None, Some(path)) => return Err(Error::NoContent { path }),
            (None, None) => {}
        }
        places::check(&shares, place.as_deref())?;
        let mut peers = self.peers;
        bound(&mut peers);
        for share in &mut shares {
            bound(&mut share.peers);
        }
        let listener = listen(self.listen).map_err(Error::Listen)?;
        let address = listener.local_addr().unwrap_or(self.listen);
        let state = self.state.clone();
        let listeners = Listeners::new(self.listeners);
        let settings = Settings {
            listen: address,
            shares,
            place,
            peers,
            join: self.join,
            trackers: self.trackers,
            content_trackers: self.content_trackers,
            sources: self.sources,
            web_seeds: self.web_seeds,
            state: self.state,
            fleet: self.fleet,
            wanted: self.swarm,
            sweep: self.sweep,
            lan: self.lan,
            reach: self.reach,
            listeners: listeners.clone(),
            progress_period: self.progress_period,
            manners: self.manners,
            admission,
            scrub: self.scrub,
            vigilance: self.vigilance,
        };
        let supervisor =
            Supervisor::start_node(settings, listener).map_err(|error| Error::State {
                path: state.unwrap_or_default(),
                reason: reason(&error),
            })?;
        Ok(Node {
            supervisor,
            listeners: listeners.downgrade(),
            listen: address,
        })
    }

    /// Starts the node on that arbiter, so that its actors have that thread.
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), swarmlet::Error> {
    /// let arbiter = actix_rt::Arbiter::new();
    /// let node = swarmlet::Node::builder("/data.bin").start_on(&arbiter.handle()).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`NodeBuilder::start`]; the arbiter has stopped.
    pub async fn start_on(self, arbiter: &ArbiterHandle) -> Result<Node, Error> {
        let (tell, told) = oneshot::channel();
        arbiter.spawn_fn(move || {
            if let Err(Ok(node)) = tell.send(self.start()) {
                // Nobody waits for it any more, so nobody would stop it.
                actix_rt::spawn(async move { node.shutdown().await });
            }
        });
        told.await.unwrap_or(Err(Error::ArbiterGone))
    }
}

/// Each peer once, and of a list that is too long some by lot: what is kept of it lives as long as the
/// node.
fn bound(peers: &mut Vec<PeerAddress>) {
    let listed = peers.len();
    shorten(peers, &mut chance::generator());
    if peers.len() < listed {
        let tried = peers.len();
        warn!("{listed} peers are listed; {tried} of them are tried, drawn by lot");
    }
    let mut seen = HashSet::with_capacity(peers.len());
    peers.retain(|peer| seen.insert(peer.clone()));
}
