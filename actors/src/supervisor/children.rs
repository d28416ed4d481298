//! Starting actors and wiring them: the only place that knows who hears whom.

use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Supervised};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::Info;
use swarmlet_protocol::session::Params;
use swarmlet_protocol::tracker::tiers_of;
use tokio::net::TcpStream;

use super::settings::{interfaces, own_addresses, sweeps};
use super::{ActorFailed, Children, SESSION, Supervisor, SwarmActors};
use crate::discovery::{self, Discovery};
use crate::guard::{self, Failure, Policy};
use crate::listener::Listener;
use crate::messages::discovery::{LinkEnd, LinkEvent, LinkReport, SwarmStarted};
use crate::messages::events::Event;
use crate::messages::scheduler::ServeContent;
use crate::messages::storage::StorageHandle;
use crate::messages::supervisor::StartSession;
use crate::messages::trackers::TrackSwarm;
use crate::scheduler::{self, Scheduler};
use crate::session::{self, Session};
use crate::storage::{self, Storage};
use crate::trackers::{self, Trackers};
use crate::watchdog::{self, Watch, Watchdog};

impl Supervisor {
    /// Starts the actors that every node has once.
    pub(super) fn start_children(&mut self, context: &Context<Self>) {
        // Gone after the first time, and then the actors are there.
        let Some(socket) = self.socket.take() else {
            return;
        };
        let myself = context.address();
        let machine = interfaces();
        let listen = self.settings.listen;
        let discovery = Discovery::new(discovery::Setup {
            listen,
            own: own_addresses(listen, &machine),
            peer_id: self.peer_id,
            rendezvous: self.rendezvous,
            wanted: self.settings.wanted.clone(),
            listed: self.settings.peers.clone(),
            remembered: std::mem::take(&mut self.remembered.peers),
            hearsay: std::mem::take(&mut self.remembered.hearsay),
            sweeps: sweeps(self.settings.sweep, listen, &machine),
            lan: self.settings.lan,
            sessions: myself.clone().recipient(),
            join: myself.clone().recipient(),
            state: self.state.clone(),
            clock: self.clock,
            seed: self.seed,
            next_link: Arc::clone(&self.next_link),
        });
        let discovery = self.start_guarded("discovery", discovery, context);
        let listener = Listener::new(socket, discovery.clone().recipient());
        let listener = self.start_guarded("listener", listener, context);
        let trackers = Trackers::new(trackers::Setup {
            listen,
            peer_id: self.peer_id,
            discovery: discovery.clone().recipient(),
            counters: Arc::clone(&self.counters),
            clock: self.clock,
            seed: self.seed,
        });
        let trackers = self.start_guarded("trackers", trackers, context);
        let watchdog = Watchdog::new(watchdog::Setup {
            period: self.settings.progress_period,
            clock: self.clock,
            counters: Arc::clone(&self.counters),
            listeners: self.settings.listeners.clone(),
            watched: vec![
                ("discovery", discovery.clone().recipient()),
                ("listener", listener.clone().recipient()),
                ("trackers", trackers.clone().recipient()),
            ],
        });
        let watchdog = self.start_guarded("watchdog", watchdog, context);
        self.children = Some(Children {
            discovery,
            listener,
            trackers,
            watchdog,
        });
    }

    /// Starts an actor that ends with this one.
    fn start_guarded<A>(
        &mut self,
        name: &'static str,
        actor: A,
        supervisor: &Context<Self>,
    ) -> Addr<A>
    where
        A: Actor<Context = Context<A>> + Supervised,
    {
        let place = Context::new();
        let address = place.address();
        let report = reporter(&supervisor.address());
        self.tasks
            .push(guard::run(name, Policy::SINGLETON, place, actor, report));
        address
    }

    /// Starts the scheduler of a swarm and tells discovery to find peers for it.
    pub(super) fn start_swarm(
        &mut self,
        info_hash: InfoHash,
        info: Option<&Info>,
        configured: bool,
        context: &Context<Self>,
    ) {
        let Some(children) = &self.children else {
            return;
        };
        let myself = context.address();
        let discovery = children.discovery.clone();
        let watchdog = children.watchdog.clone();
        let scheduler = Scheduler::new(scheduler::Setup {
            info_hash,
            reset: discovery.clone().recipient(),
            ban: discovery.clone().recipient(),
            completed: (discovery.clone().recipient(), myself.clone().recipient()),
            learned: myself.clone().recipient(),
            trouble: myself.clone().recipient(),
            clock: self.clock,
            seed: self.seed,
        });
        let scheduler = self.start_guarded("scheduler", scheduler, context);
        watchdog.do_send(Watch {
            scheduler: scheduler.clone().recipient(),
            watched: vec![("scheduler", scheduler.clone().recipient())],
        });
        let actors = SwarmActors {
            scheduler,
            storage: None,
            configured,
        };
        self.swarms.insert(info_hash, actors);
        self.announce_swarm(info_hash, info);
    }

    /// Tells discovery and trackers of a swarm, or that its content is known by now.
    pub(super) fn announce_swarm(&self, info_hash: InfoHash, info: Option<&Info>) {
        let (Some(children), Some(swarm)) = (&self.children, self.swarms.get(&info_hash)) else {
            return;
        };
        children.discovery.do_send(SwarmStarted {
            info_hash,
            scheduler: swarm.scheduler.clone().recipient(),
            content: info.map(|info| (info.name().to_owned(), info.layout().size())),
            configured: swarm.configured,
            private: info.is_some_and(Info::is_private),
        });
        let (operators, contents) = (&self.settings.trackers, &self.settings.content_trackers);
        children.trackers.do_send(TrackSwarm {
            info_hash,
            tiers: tiers_of(operators, contents, info.is_some_and(Info::is_private)),
            progress: Some(swarm.scheduler.clone().recipient()),
        });
    }

    /// Has the rendezvous announced to the operator's trackers, so that nodes that know nothing
    /// else find those that know the content. Not that of the nameless fleet: on a tracker that
    /// others use too, it would be everybody's.
    pub(super) fn track_rendezvous(&self) {
        let operators = &self.settings.trackers;
        if self.settings.fleet.is_empty() || operators.is_empty() {
            return;
        }
        if let Some(children) = &self.children {
            children.trackers.do_send(TrackSwarm {
                info_hash: self.rendezvous,
                tiers: tiers_of(operators, &[], false),
                progress: None,
            });
        }
    }

    /// The content is known: starts its storage.
    pub(super) fn serve(&mut self, info: &Arc<Info>, context: &Context<Self>) {
        let myself = context.address();
        let Some(swarm) = self.swarms.get_mut(&info.info_hash()) else {
            return;
        };
        let Some(children) = self.children.as_ref().filter(|_| swarm.storage.is_none()) else {
            return;
        };
        let place: Context<Storage> = Context::new();
        let storage = place.address();
        // The scheduler hears of the storage before the storage says its first word to it.
        swarm.scheduler.do_send(ServeContent {
            info: Arc::clone(info),
            storage: StorageHandle {
                read: storage.clone().recipient(),
                store: storage.clone().recipient(),
                spill: storage.clone().recipient(),
                forget: storage.clone().recipient(),
                report: storage.clone().recipient(),
            },
        });
        let actor = Storage::new(storage::Setup {
            info: Arc::clone(info),
            path: self.settings.data.clone(),
            scratch: self
                .settings
                .state
                .iter()
                .cloned()
                .chain([std::env::temp_dir()])
                .collect(),
            scheduler: swarm.scheduler.clone().recipient(),
            counters: Arc::clone(&self.counters),
            buffers: self.buffers.clone(),
        });
        self.tasks.push(guard::run(
            "storage",
            Policy::SINGLETON,
            place,
            actor,
            reporter(&myself),
        ));
        children.watchdog.do_send(Watch {
            scheduler: swarm.scheduler.clone().recipient(),
            watched: vec![("storage", storage.clone().recipient())],
        });
        swarm.storage = Some(storage);
        self.tell(Event::ContentKnown {
            info_hash: info.info_hash(),
            size: info.layout().size(),
            pieces: info.layout().pieces(),
        });
    }

    /// Starts a session on the thread that has most time for it.
    pub(super) fn start_session(&mut self, start: StartSession, context: &Context<Self>) {
        let Some(children) = &self.children else {
            return;
        };
        let StartSession {
            link,
            stream,
            remote,
            role,
            owner,
        } = start;
        let discovery = children.discovery.clone().recipient();
        let setup = session::Setup {
            link,
            remote,
            params: Params {
                role,
                peer_id: self.peer_id,
                rendezvous: self.rendezvous,
                listen_port: self.settings.listen.port(),
                client: CLIENT.to_owned(),
                buffers: self.buffers.clone(),
            },
            discovery: discovery.clone(),
            watchdog: children.watchdog.clone().recipient(),
            owner,
            clock: self.clock,
            counters: Arc::clone(&self.counters),
        };
        let report = reporter(&context.address());
        let lost = LinkReport {
            link,
            what: LinkEvent::Ended {
                end: LinkEnd::Lost,
                reason: "its session cannot be started".to_owned(),
            },
            token: None,
        };
        let start = move || match prepare(stream) {
            Ok(stream) => {
                guard::start(SESSION, Policy::LINK, Session::new(setup, stream), report);
            }
            Err(_) => setup.discovery.do_send(lost),
        };
        let threads = self.threads.as_mut();
        if !threads.is_some_and(|threads| threads.spawn(start)) {
            let reason = "its thread is gone".to_owned();
            let what = LinkEvent::Ended {
                end: LinkEnd::Lost,
                reason,
            };
            discovery.do_send(LinkReport {
                link,
                what,
                token: None,
            });
        }
    }
}

/// Client and version, told to peers (BEP 10).
const CLIENT: &str = concat!("swarmlet ", env!("CARGO_PKG_VERSION"));

/// Registers a socket with the present arbiter.
fn prepare(stream: std::net::TcpStream) -> std::io::Result<TcpStream> {
    let stream = TcpStream::from_std(stream)?;
    // Requests are small and must leave at once.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn reporter(supervisor: &Addr<Supervisor>) -> impl Fn(Failure) + Send + 'static {
    let supervisor = supervisor.clone();
    move |failure| supervisor.do_send(ActorFailed(failure))
}
