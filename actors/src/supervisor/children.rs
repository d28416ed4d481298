//! Starting actors and wiring them: the only place that knows who hears whom.

use std::sync::Arc;

use actix::{Actor, Addr, AsyncContext, Context, Recipient, Supervised};
use log::warn;
use swarmlet_protocol::own_addresses::OwnAddresses as Addresses;
use swarmlet_protocol::session::{Params, Role};

use super::{ActorFailed, Children, SESSION, Supervisor};
use crate::descriptors::Descriptors;
use crate::discovery::{self, Discovery, LinkLimits, NODE_LINKS};
use crate::guard::{self, Failure, Guarded, Lever, Policy};
use crate::listener::Listener;
use crate::messages::discovery::{LinkEnd, LinkEvent, LinkReport};
use crate::messages::own_addresses::AddressesChanged;
use crate::messages::supervisor::StartSession;
use crate::messages::watchdog::{WatchActor, WatchLink, Watched};
use crate::own_addresses::{self, OwnAddresses};
use crate::session::{self, Session};
use crate::trackers::{self, Trackers};
use crate::transport::Endpoint;
use crate::turns::Turns;
use crate::watchdog::{self, Watchdog};

impl Supervisor {
    /// Starts the actors that every node has once.
    pub(super) fn start_children(&mut self, context: &Context<Self>) {
        // Gone after the first time, and then the actors are there.
        let Some(socket) = self.socket.take() else {
            return;
        };
        let myself = context.address();
        let listen = self.settings.listen;
        let addresses = OwnAddresses::machine(listen, self.settings.sweep);
        let manners = self.settings.manners;
        let streams = manners.max_links.max(NODE_LINKS);
        let utp = manners
            .utp
            .then(|| Endpoint::new(listen, streams))
            .flatten();
        let own = addresses.own();
        let discovery = Discovery::new(discovery::Setup {
            listen,
            own: own.clone(),
            peer_id: self.peer_id,
            rendezvous: self.rendezvous,
            wanted: self.settings.wanted.clone(),
            listed: self.settings.peers.clone(),
            remembered: std::mem::take(&mut self.remembered.peers),
            hearsay: std::mem::take(&mut self.remembered.hearsay),
            sweeps: addresses.sweeps(),
            lan: self.settings.lan,
            sessions: myself.clone().recipient(),
            join: myself.clone().recipient(),
            state: self.state.clone(),
            clock: self.clock,
            seed: self.seed,
            next_link: Arc::clone(&self.next_link),
            links: links(manners.max_links),
            encryption: manners.encryption,
            security: self.security.clone(),
            access: Arc::clone(&self.settings.admission.access),
            counters: Arc::clone(&self.counters),
            utp: utp.clone(),
            listeners: self.settings.listeners.clone(),
        });
        let (discovery, of_discovery) = self.start_guarded("discovery", discovery, context);
        let listener = Listener::new(socket, utp, discovery.clone().recipient());
        let (listener, of_listener) = self.start_guarded("listener", listener, context);
        let (turns, of_turns) = self.start_guarded("turns", Turns::new(self.clock), context);
        let trackers = Trackers::new(trackers::Setup {
            listen,
            peer_id: self.peer_id,
            discovery: discovery.clone().recipient(),
            security: self.security.clone(),
            clock: self.clock,
            seed: self.seed,
        });
        let (trackers, of_trackers) = self.start_guarded("trackers", trackers, context);
        let dht = self.start_dht(own, discovery.clone().recipient(), context);
        let mut told = vec![trackers.clone().recipient()];
        told.extend(dht.as_ref().map(|dht| dht.port_mapped.clone()));
        let port_map = self.start_port_map(told, context);
        let mut moved = vec![discovery.clone().recipient(), trackers.clone().recipient()];
        moved.extend(dht.as_ref().map(|dht| dht.moved.clone()));
        moved.extend(port_map.as_ref().map(|map| map.moved.clone()));
        let own_addresses = self.start_own_addresses(addresses, moved, context);
        let mut watched = vec![
            Watched::new("discovery", &discovery, of_discovery),
            Watched::new("listener", &listener, of_listener),
            Watched::new("turns", &turns, of_turns),
            Watched::new("trackers", &trackers, of_trackers),
        ];
        let own_addresses = own_addresses.map(|(address, lever)| {
            watched.push(Watched::new("own addresses", &address, lever));
            address
        });
        watched.extend(dht.as_ref().map(|dht| dht.watched.clone()));
        watched.extend(port_map.as_ref().map(|map| map.watched.clone()));
        let watchdog = Watchdog::new(watchdog::Setup {
            period: self.settings.progress_period,
            patience: self.settings.vigilance.patience,
            clock: self.clock,
            counters: Arc::clone(&self.counters),
            listeners: self.settings.listeners.clone(),
            watched,
        });
        let (watchdog, of_watchdog) = self.start_guarded("watchdog", watchdog, context);
        self.watchdog_lever = Some(of_watchdog);
        self.children = Some(Children {
            discovery,
            listener,
            trackers,
            watchdog,
            turns,
            own_addresses,
            dht,
            port_map,
        });
    }

    /// Has our addresses looked at, but in a simulation: what this machine has is nothing to that.
    fn start_own_addresses(
        &mut self,
        machine: Addresses,
        told: Vec<Recipient<AddressesChanged>>,
        context: &Context<Self>,
    ) -> Option<(Addr<OwnAddresses>, Lever)> {
        #[cfg(feature = "simulation")]
        if crate::simulation::is_on() {
            return None;
        }
        let setup = own_addresses::Setup { machine, told };
        Some(self.start_guarded("own addresses", OwnAddresses::new(setup), context))
    }

    /// Starts an actor that ends with this one.
    pub(super) fn start_guarded<A>(
        &mut self,
        name: &'static str,
        actor: A,
        supervisor: &Context<Self>,
    ) -> (Addr<A>, Lever)
    where
        A: Actor<Context = Context<A>> + Supervised,
    {
        let (address, Guarded { task, lever }) = run_guarded(name, actor, &supervisor.address());
        self.tasks.push(task);
        (address, lever)
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
            side,
            gauge,
            owner,
        } = start;
        children.watchdog.do_send(WatchLink {
            link,
            gauge: Arc::downgrade(&gauge),
        });
        let discovery = children.discovery.clone().recipient();
        let setup = session::Setup {
            link,
            remote,
            params: Params {
                role,
                peer_id: self.peer_id,
                rendezvous: self.rendezvous,
                listen_port: self.settings.listen.port(),
                dht_port: children.dht.as_ref().map(|dht| dht.port),
                remote: Some(remote.ip()),
                client: CLIENT.to_owned(),
                buffers: self.buffers.clone(),
            },
            side,
            encryption: self.settings.manners.encryption,
            gauge,
            discovery: discovery.clone(),
            watchdog: children.watchdog.clone().recipient(),
            dht: children.dht.as_ref().map(|dht| dht.heard.clone()),
            owner,
            clock: self.clock,
            counters: Arc::clone(&self.counters),
            limits: self.limits.clone(),
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
        let security = self.security.clone();
        let is_dialed = matches!(setup.params.role, Role::Dialed { .. });
        let secured = move || {
            let wire = stream.register()?;
            match security {
                Some(security) => security.secure(wire, remote, is_dialed),
                None => Ok(wire),
            }
        };
        let watchdog = children.watchdog.clone();
        // Each question wakes a session, so it is asked seldom.
        let rest = self.settings.vigilance.patience;
        let start = move || match secured() {
            Ok(wire) => {
                let session = Session::new(setup, wire);
                let (session, lever) = guard::start(SESSION, Policy::LINK, session, report);
                watchdog.do_send(WatchActor {
                    watched: Watched::new(SESSION, &session, lever),
                    rest,
                });
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

/// Starts an actor under guard on the present arbiter.
pub(super) fn run_guarded<A>(
    name: &'static str,
    actor: A,
    supervisor: &Addr<Supervisor>,
) -> (Addr<A>, Guarded)
where
    A: Actor<Context = Context<A>> + Supervised,
{
    let place = Context::new();
    let address = place.address();
    let report = reporter(supervisor);
    (
        address,
        guard::run(name, Policy::SINGLETON, place, actor, report),
    )
}

pub(super) fn reporter(supervisor: &Addr<Supervisor>) -> impl Fn(Failure) + Send + 'static {
    let supervisor = supervisor.clone();
    move |failure| supervisor.do_send(ActorFailed(failure))
}

/// As many links as were asked for, or as the descriptors of this process allow.
fn links(asked: usize) -> LinkLimits {
    let descriptors = Descriptors::of_process();
    let links = LinkLimits::new(asked, descriptors.for_links());
    if links.most() < asked {
        warn!(
            "at most {} links instead of {asked}: this process may have {} descriptors (ulimit -n)",
            links.most(),
            descriptors.limit()
        );
    }
    links
}
