//! The supervisor: knows all actors, starts them, wires them, and stops them in order.
//!
//! Every actor runs under a [`guard`]: a panic is caught, counted and logged once,
//! and the actor comes back with fresh state. An actor that panics too often ends the node with an
//! error, not in a loop. Sessions are spread over one arbiter per core; all other actors share the
//! arbiter that the node was started on.

mod admission;
mod children;
mod manners;
mod operator;
mod places;
mod reach;
mod report;
mod settings;
mod shutdown;
mod swarms;
mod threads;
mod vigilance;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use actix::{
    Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message, Recipient, ResponseFuture,
    Supervised,
};
use log::{error, info, warn};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::buffers::Buffers;
use swarmlet_protocol::extension::rendezvous_hash;
use swarmlet_protocol::id::{InfoHash, PeerId};
use swarmlet_protocol::metainfo::{Info, Selection};
use swarmlet_protocol::tracker::TrackerUrl;
use swarmlet_protocol::vigil::Vigil;
use swarmlet_protocol::web_seed::SourceUrl;
use tokio::task::AbortHandle;

pub use self::admission::Admission;
use self::admission::Seen;
pub use self::manners::Manners;
pub use self::places::{Kept, Misplaced, check as check_places};
use self::reach::{DhtActor, PortMapActor};
pub use self::settings::{Reach, Settings, Sweep, Vigilance};
use self::swarms::NewSwarm;
use self::threads::Threads;
use crate::chance;
use crate::clock::{Clock, WallClock};
use crate::counters::Counters;
use crate::discovery::Discovery;
use crate::guard::{self, Cause, Failure, Lever, Policy};
use crate::limits::Limits;
use crate::listener::{self, Listener};
use crate::listeners::Listeners;
use crate::maps::HashSet;
use crate::messages::discovery::HarmLink;
use crate::messages::events::Event;
use crate::messages::storage::ReadBlocks;
use crate::messages::supervisor::{
    CompletionChanged, ContentLearned, ContentUnusable, HarmActor, JoinSwarm, Shutdown,
    StartSession, StorageChange, StorageNews, WatchSupervisor,
};
use crate::messages::{ActorKind, Ping};
use crate::own_addresses::OwnAddresses;
use crate::scheduler::Scheduler;
use crate::sentinel::Sentinel;
pub use crate::share::{Choice, Place, Share, Topic};
use crate::state::{Remembered, StateFolder, Words};
use crate::storage::{Shared, Storage};
use crate::trackers::Trackers;
use crate::transport::{Identity, Security};
use crate::turns::Turns;
use crate::watchdog::Watchdog;
use crate::web_seeds::{Clients, WebSeeds};
use crate::workers::spawn_blocking;

/// Knows all actors.
///
/// What it holds are addresses, and those are still right after a panic: a restart resets nothing
/// and starts nobody twice.
#[derive(Debug)]
pub struct Supervisor {
    settings: Settings,
    /// Secures every link, with a fleet secret.
    security: Option<Security>,
    /// What was seen of the files that say who gets in.
    seen: Seen,
    state: Option<StateFolder>,
    remembered: Remembered,
    clock: Clock,
    counters: Arc<Counters>,
    /// What may move on all links.
    limits: Limits,
    seed: u64,
    peer_id: PeerId,
    rendezvous: InfoHash,
    next_link: Arc<AtomicU64>,
    buffers: Buffers,
    /// What the storages of all contents share.
    disk: Shared,
    /// For web seeds of all contents.
    clients: Rc<Clients>,
    /// The listening socket, until the listener has it.
    socket: Option<listener::Socket>,
    /// The threads of sessions; none once the node stops.
    threads: Option<Threads>,
    /// Ends every other actor of this thread: they hold each other's addresses and would live on.
    tasks: Vec<AbortHandle>,
    children: Option<Children>,
    swarms: BTreeMap<InfoHash, SwarmActors>,
    /// Swarms that an operator removed: they are not joined again in this life.
    removed: HashSet<InfoHash>,
    /// What an operator said, in this life and earlier ones.
    words: Words,
    /// How often that changed in this life.
    said: u64,
    /// Whether the watchdog answers, and how it is started anew.
    vigil: Vigil,
    watchdog_lever: Option<Lever>,
    /// Looks at our threads from one of its own, if that is wanted.
    sentinel: Option<Sentinel>,
}

#[derive(Debug)]
struct Children {
    discovery: Addr<Discovery>,
    listener: Addr<Listener>,
    trackers: Addr<Trackers>,
    watchdog: Addr<Watchdog>,
    turns: Addr<Turns>,
    /// None in a simulation, where no machine is looked at.
    own_addresses: Option<Addr<OwnAddresses>>,
    /// The table, if it is on.
    dht: Option<DhtActor>,
    /// The port at the router, if one is wanted.
    port_map: Option<PortMapActor>,
}

#[derive(Debug)]
struct SwarmActors {
    /// Ends its actors.
    tasks: Vec<AbortHandle>,
    scheduler: Addr<Scheduler>,
    storage: Option<Addr<Storage>>,
    /// Where the content is read.
    read: Option<Recipient<ReadBlocks>>,
    /// What it is, and which of its files are wanted, once that is known.
    info: Option<Arc<Info>>,
    selection: Option<Selection>,
    /// The operator paused it.
    paused: bool,
    /// Everything that is selected is here, as its scheduler says.
    complete: bool,
    /// Why it cannot be kept.
    refused: Option<String>,
    /// Where the content is to be kept, and where it is since it is known.
    place: Place,
    kept: Option<Kept>,
    /// Which of its files are wanted.
    choice: Choice,
    /// It is what the fleet shares: remembered as such.
    is_of_fleet: bool,
    /// Only where there are web seeds.
    web_seeds: Option<Addr<WebSeeds>>,
    /// Where they are, and whether the operator named them.
    sources: Vec<(SourceUrl, bool)>,
    /// What may move on the links of this swarm.
    limits: Limits,
    /// Trackers of the content, in tiers.
    trackers: Vec<Vec<TrackerUrl>>,
    /// Nodes of the distributed hash table that its description names.
    dht_nodes: Vec<PeerAddress>,
    configured: bool,
}

/// An actor panicked. From its guard.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
struct ActorFailed(Failure);

/// The last word to a supervisor that shuts down: nothing is left to be done.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
struct End;

impl Supervisor {
    /// Starts a node on the present arbiter and returns its supervisor. The socket listens
    /// already.
    ///
    /// # Errors
    /// The state folder cannot be used; the node can be started without one.
    pub fn start_node(
        settings: Settings,
        socket: impl Into<listener::Socket>,
    ) -> std::io::Result<Addr<Self>> {
        let manners = settings.manners;
        let limits = Limits::new(manners.download_limit, manners.upload_limit);
        // What was learned on open links is not believed by a node with a secret.
        let realm = match settings.admission.secrets {
            Some(_) => format!("{}\0secured", settings.fleet),
            None => settings.fleet.clone(),
        };
        let open = |folder| StateFolder::open(folder, &realm);
        let state = settings.state.clone().map(open).transpose()?;
        let remembered = state.as_ref().map(StateFolder::load).unwrap_or_default();
        let words = state
            .as_ref()
            .map(StateFolder::load_words)
            .unwrap_or_default();
        let counters = Arc::<Counters>::default();
        let secrets = settings.admission.secrets.clone();
        let security = secrets.map(|secrets| {
            let identity = match &settings.state {
                Some(folder) => Identity::kept_in(folder),
                None => Identity::passing(),
            };
            let counters = Arc::clone(&counters);
            Security::new(identity?, secrets, WallClock::default(), counters)
        });
        let mut rng = chance::generator();
        let vigil = vigilance::vigil(&settings.vigilance);
        let supervisor = Self {
            security: security.transpose()?,
            seen: Seen::default(),
            rendezvous: rendezvous_hash(&settings.fleet),
            clients: Rc::new(Clients::new(settings.listen.ip())),
            settings,
            state,
            remembered,
            clock: Clock::start(),
            counters,
            limits,
            buffers: Buffers::default(),
            disk: Shared::default(),
            seed: rng.u64(..),
            peer_id: PeerId::random(&mut rng),
            next_link: Arc::new(AtomicU64::new(1)),
            socket: Some(socket.into()),
            threads: Some(Threads::new()),
            tasks: Vec::new(),
            children: None,
            swarms: BTreeMap::new(),
            removed: HashSet::default(),
            words,
            said: 0,
            vigil,
            watchdog_lever: None,
            sentinel: None,
        };
        // Nobody stands above the supervisor: its own panics are told past it.
        let (counters, listeners) = (
            Arc::clone(&supervisor.counters),
            supervisor.settings.listeners.clone(),
        );
        let report = move |failure| failed(failure, &counters, &listeners);
        let (supervisor, lever) = guard::start(SUPERVISOR, Policy::SINGLETON, supervisor, report);
        supervisor.do_send(WatchSupervisor(lever));
        Ok(supervisor)
    }

    fn tell(&self, event: Event) {
        self.settings.listeners.tell(&event);
    }
}

/// Counts a panic, or an actor that was stuck, and says in the log and to the node's listeners what
/// follows from it.
fn failed(failure: Failure, counters: &Counters, listeners: &Listeners) {
    let Failure {
        actor,
        cause,
        restarts,
        fatal,
    } = failure;
    counters.restarts.count(actor);
    let what = cause.to_string();
    let often = match cause {
        Cause::Panic(panic) => {
            counters.panics.add(1);
            let often = format!("panicked {restarts} times in a short time: {panic}");
            listeners.tell(&Event::ActorPanicked { actor, panic });
            often
        }
        Cause::Stuck(silent) => {
            counters.stuck.add(1);
            listeners.tell(&Event::ActorStuck { actor, silent });
            format!("did not answer {restarts} times in a short time")
        }
    };
    if actor == SESSION {
        warn!("a session {what}; its link is closed");
    } else if fatal {
        let error = format!("{actor} {often}");
        error!("{error}; the node cannot go on");
        listeners.tell(&Event::Failed { error });
    } else {
        error!("{actor} {what}; it starts anew");
    }
}

impl Drop for Supervisor {
    /// However the supervisor ends: no part of the node outlives it.
    fn drop(&mut self) {
        let swarms = self.swarms.values().flat_map(|swarm| &swarm.tasks);
        self.tasks.iter().chain(swarms).for_each(AbortHandle::abort);
        if let Some(threads) = &self.threads {
            threads.stop();
        }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.keep_vigil(context);
        if self.children.is_some() {
            return;
        }
        self.start_sentinel();
        self.start_children(context);
        self.watch_admission(context);
        self.tell(Event::Listening(self.settings.listen));
        info!("listening on {}, as {}", self.settings.listen, self.peer_id);
        if let Some(security) = &self.security {
            info!(
                "links are secured by the fleet secret; this is node {}",
                security.node()
            );
        }
        for share in self.settings.shares.clone() {
            self.start_share(&share, context);
        }
        if let Some(wanted) = self
            .settings
            .wanted
            .as_ref()
            .filter(|_| !self.swarms.is_empty())
        {
            warn!("--swarm {wanted} has no effect: what to keep is said already");
        }
        if self.swarms.is_empty() {
            self.start_named(context);
        }
        self.start_added(context);
        self.track_rendezvous();
        self.find_rendezvous();
    }
}

impl Supervised for Supervisor {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.vigil.forget_questions();
    }
}

impl Handler<StartSession> for Supervisor {
    type Result = ();

    fn handle(&mut self, start: StartSession, context: &mut Self::Context) {
        self.start_session(start, context);
    }
}

impl Handler<JoinSwarm> for Supervisor {
    type Result = ();

    fn handle(&mut self, JoinSwarm { info_hash }: JoinSwarm, context: &mut Self::Context) {
        // A node with contents of its own learns no others.
        let Some(place) = self.settings.place.clone() else {
            return;
        };
        if !self.swarms.contains_key(&info_hash) && !self.removed.contains(&info_hash) {
            let swarm = NewSwarm {
                info_hash,
                place: Place::At(place),
                choice: Choice::all(),
                is_of_fleet: true,
                configured: false,
                peers: Vec::new(),
                limits: Limits::default(),
                trackers: Vec::new(),
                sources: Vec::new(),
                web_seeds: Vec::new(),
                dht_nodes: Vec::new(),
            };
            self.start_swarm(swarm, None, context);
        }
    }
}

impl Handler<ContentLearned> for Supervisor {
    type Result = ();

    fn handle(&mut self, ContentLearned { info }: ContentLearned, context: &mut Self::Context) {
        info!(
            "learned what to sync: {}, {} bytes",
            info.info_hash(),
            info.layout().size()
        );
        if let Some(state) = self.state.clone() {
            let info = Arc::clone(&info);
            let swarm = self.swarms.get(&info.info_hash());
            let is_of_fleet = swarm.is_some_and(|swarm| swarm.is_of_fleet);
            // Nobody waits for it.
            actix_rt::spawn(spawn_blocking(move || {
                state.or_warn(match is_of_fleet {
                    true => state.save_learned(&info),
                    false => state.save_info(&info),
                });
            }));
        }
        self.serve(&info, context);
        self.announce_swarm(info.info_hash(), Some(&info), Vec::new());
    }
}

impl Handler<ContentUnusable> for Supervisor {
    type Result = ();

    fn handle(&mut self, unusable: ContentUnusable, _: &mut Self::Context) {
        let ContentUnusable { info_hash, error } = unusable;
        if let Some(swarm) = self.swarms.get_mut(&info_hash) {
            swarm.refused = Some(error.clone());
        }
        self.tell(Event::ContentRefused { info_hash, error });
    }
}

impl Handler<CompletionChanged> for Supervisor {
    type Result = ();

    fn handle(&mut self, changed: CompletionChanged, _: &mut Self::Context) {
        let CompletionChanged {
            info_hash,
            complete,
            ..
        } = changed;
        if let Some(swarm) = self.swarms.get_mut(&info_hash) {
            swarm.complete = complete;
        }
        if let Some(children) = &self.children {
            children.turns.do_send(changed);
            children.trackers.do_send(changed);
        }
        self.tell(if complete {
            Event::Completed { info_hash }
        } else {
            Event::Incomplete { info_hash }
        });
    }
}

impl Handler<StorageNews> for Supervisor {
    type Result = ();

    fn handle(&mut self, StorageNews { info_hash, what }: StorageNews, _: &mut Self::Context) {
        self.tell(match what {
            StorageChange::Paused(error) => Event::StoragePaused { info_hash, error },
            StorageChange::Resumed => Event::StorageResumed { info_hash },
            StorageChange::Healed => Event::Healed { info_hash },
            StorageChange::Damaged(pieces) => {
                let pieces = pieces.iter().map(|piece| piece.get()).collect();
                Event::Damaged { info_hash, pieces }
            }
        });
    }
}

impl Handler<ActorFailed> for Supervisor {
    type Result = ();

    fn handle(&mut self, ActorFailed(failure): ActorFailed, _: &mut Self::Context) {
        failed(failure, &self.counters, &self.settings.listeners);
    }
}

impl Handler<Shutdown> for Supervisor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Shutdown, context: &mut Self::Context) -> Self::Result {
        Box::pin(self.shut_down(context.address()))
    }
}

impl Handler<End> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: End, context: &mut Self::Context) {
        context.terminate();
    }
}

impl Handler<Ping> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<HarmActor> for Supervisor {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, harm: HarmActor, context: &mut Self::Context) -> Self::Result {
        let HarmActor { kind, harm } = harm;
        let answer = |is_hit: bool| -> Self::Result { Box::pin(async move { is_hit }) };
        let Some(children) = &self.children else {
            return answer(false);
        };
        let swarm = self.swarms.values().next();
        match kind {
            ActorKind::Dht => match &children.dht {
                Some(dht) => dht.harm.do_send(harm),
                None => return answer(false),
            },
            ActorKind::PortMap => match &children.port_map {
                Some(port_map) => port_map.harm.do_send(harm),
                None => return answer(false),
            },
            ActorKind::OwnAddresses => match &children.own_addresses {
                Some(own_addresses) => own_addresses.do_send(harm),
                None => return answer(false),
            },
            ActorKind::Supervisor => harm.befall("the supervisor", self, context),
            ActorKind::Discovery => children.discovery.do_send(harm),
            ActorKind::Listener => children.listener.do_send(harm),
            ActorKind::Trackers => children.trackers.do_send(harm),
            ActorKind::Watchdog => children.watchdog.do_send(harm),
            ActorKind::Turns => children.turns.do_send(harm),
            ActorKind::Session => {
                let harmed = children.discovery.send(HarmLink(harm));
                return Box::pin(async move { harmed.await.unwrap_or(false) });
            }
            ActorKind::Scheduler => match swarm {
                Some(swarm) => swarm.scheduler.do_send(harm),
                None => return answer(false),
            },
            ActorKind::Storage => match swarm.and_then(|swarm| swarm.storage.as_ref()) {
                Some(storage) => storage.do_send(harm),
                None => return answer(false),
            },
            ActorKind::WebSeeds => match swarm.and_then(|swarm| swarm.web_seeds.as_ref()) {
                Some(web_seeds) => web_seeds.do_send(harm),
                None => return answer(false),
            },
        }
        answer(true)
    }
}

/// The name under which the supervisor fails.
const SUPERVISOR: &str = "supervisor";

/// The name under which sessions fail.
const SESSION: &str = "session";
