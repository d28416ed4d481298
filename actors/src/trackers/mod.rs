//! The trackers actor: tells trackers of our swarms, and discovery of the peers they name.
//!
//! Which tracker is asked, when, and what it is told is decided by one [`Announcer`] per swarm; this
//! actor performs it: HTTP requests (`http`), UDP packets (`udp`), and words in the log (`said`).
//! A node without trackers opens no socket here and builds no HTTP client. Invariant: one request
//! per swarm at a time, until the end.

pub(crate) mod ask;
pub(crate) mod http;
mod said;
mod udp;

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseActFuture,
    Supervised, WrapFuture,
};
use swarmlet_protocol::id::{InfoHash, PeerId};
use swarmlet_protocol::membership::Source;
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::tracker::{Announce, Announcer, Figures, Input, Member, Output, TrackerUrl};
use tokio::task::JoinSet;

use self::ask::Asker;
use self::said::Said;
use crate::alarm::{Alarm, Alarmed, Bell};
use crate::clock::Clock;
use crate::maps::HashMap;
use crate::messages::discovery::AddressesFound;
use crate::messages::operator::SwarmRemoved;
use crate::messages::own_addresses::AddressesChanged;
use crate::messages::port_map::PortMapped;
use crate::messages::scheduler::{Progress, QueryProgress};
use crate::messages::supervisor::CompletionChanged;
use crate::messages::trackers::{StopTrackers, TrackSwarm};
use crate::messages::{Harm, Ping};
use crate::transport::Security;

/// What the trackers actor is made of.
#[derive(Debug)]
pub struct Setup {
    /// The address that we listen on: requests leave from its IP, and its port is announced.
    pub listen: SocketAddr,
    /// Our name on the wire.
    pub peer_id: PeerId,
    /// Hears of the peers.
    pub discovery: Recipient<AddressesFound>,
    /// With a fleet secret trackers are asked for something else than the infohash.
    pub security: Option<Security>,
    /// The node's clock.
    pub clock: Clock,
    /// Decides ties.
    pub seed: u64,
}

/// Asks trackers.
#[derive(Debug)]
pub struct Trackers {
    setup: Setup,
    /// What the supervisor told of our swarms; survives a restart.
    tracked: HashMap<InfoHash, TrackSwarm>,
    /// Which are complete here, and what trackers are to be told of it; survives a restart.
    complete: HashMap<InfoHash, Input>,
    asker: Rc<Asker>,
    bell: Bell,
    state: State,
}

/// Everything that a restart begins anew.
#[derive(Debug, Default)]
struct State {
    swarms: HashMap<InfoHash, Swarm>,
    said: Said,
}

#[derive(Debug)]
struct Swarm {
    announcer: Announcer,
    tiers: Vec<Vec<TrackerUrl>>,
    progress: Option<Recipient<QueryProgress>>,
    /// Its scheduler is being asked how far it is.
    measuring: bool,
}

impl Trackers {
    /// Announces nothing yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let from: IpAddr = setup.listen.ip();
        let asker = Rc::new(Asker::new(from, setup.clock));
        Self {
            setup,
            tracked: HashMap::default(),
            complete: HashMap::default(),
            asker,
            bell: Bell::default(),
            state: State::default(),
        }
    }

    fn now(&self) -> Timestamp {
        self.setup.clock.now()
    }

    /// Begins to announce a swarm, or goes on with other trackers.
    fn track(&mut self, swarm: TrackSwarm, context: &mut Context<Self>) {
        let info_hash = swarm.info_hash;
        let known = self.state.swarms.get(&info_hash);
        if known.is_some_and(|known| known.tiers == swarm.tiers) {
            return;
        }
        // The former ones hear that we leave. One that stays hears at once that we are back.
        self.handle(info_hash, Input::Stop, context);
        let member = Member {
            info_hash,
            peer_id: self.setup.peer_id,
            port: self.setup.listen.port(),
        };
        let salt = u64::from_le_bytes(info_hash.0[..8].try_into().unwrap_or_default());
        let seed = self.setup.seed ^ salt;
        let announcer = Announcer::new(member, swarm.tiers.clone(), seed, self.now());
        let swarm = Swarm {
            announcer,
            tiers: swarm.tiers,
            progress: swarm.progress,
            measuring: false,
        };
        self.state.swarms.insert(info_hash, swarm);
        if let Some(input) = self.complete.get(&info_hash).cloned() {
            self.handle(info_hash, input, context);
        }
        self.bell.rouse();
    }

    /// One input to a machine, and everything that follows from it.
    fn handle(&mut self, info_hash: InfoHash, input: Input, context: &mut Context<Self>) {
        let now = self.now();
        let mut out = Vec::new();
        if let Some(swarm) = self.state.swarms.get_mut(&info_hash) {
            swarm.announcer.handle(input, now, &mut out);
        }
        for output in out {
            match output {
                Output::Announce { tracker, announce } => {
                    self.announce(info_hash, tracker, announce, context);
                }
                Output::Peers(addresses) => self.setup.discovery.do_send(AddressesFound {
                    source: Source::Tracker,
                    addresses,
                    info_hash: Some(info_hash),
                }),
            }
        }
    }

    fn announce(
        &self,
        info_hash: InfoHash,
        tracker: TrackerUrl,
        mut announce: Announce,
        context: &mut Context<Self>,
    ) {
        if let Some(security) = &self.setup.security {
            announce.info_hash = security.secrets().first().topic(info_hash);
        }
        let asker = Rc::clone(&self.asker);
        let asked = tracker.clone();
        let asking = async move { asker.ask(&asked, announce).await };
        context.spawn(
            asking
                .into_actor(self)
                .map(move |outcome, trackers, context| {
                    trackers.state.said.heard(&tracker, &outcome);
                    let input = match outcome {
                        Ok(answer) => Input::Answered { tracker, answer },
                        Err(failure) => Input::Failed {
                            tracker,
                            refused: failure.refused,
                        },
                    };
                    trackers.handle(info_hash, input, context);
                    trackers.bell.rouse();
                }),
        );
    }

    /// Asks the swarm's scheduler how far it is; then its machine says what is due.
    fn measure(&mut self, info_hash: InfoHash, context: &mut Context<Self>) {
        let Some(swarm) = self.state.swarms.get_mut(&info_hash) else {
            return;
        };
        let Some(progress) = swarm.progress.clone() else {
            self.handle(info_hash, Input::Tick, context);
            return;
        };
        swarm.measuring = true;
        let asking = async move { progress.send(QueryProgress).await.unwrap_or_default() };
        context.spawn(
            asking
                .into_actor(self)
                .map(move |progress, trackers, context| {
                    trackers.measured(info_hash, &progress, context);
                    trackers.bell.rouse();
                }),
        );
    }

    fn measured(&mut self, info_hash: InfoHash, progress: &Progress, context: &mut Context<Self>) {
        if let Some(swarm) = self.state.swarms.get_mut(&info_hash) {
            swarm.measuring = false;
        }
        self.handle(info_hash, Input::Measured(figures(progress)), context);
        self.handle(info_hash, Input::Tick, context);
    }

    /// What every tracker that knows us is to be told at the end.
    fn goodbyes(&mut self, measured: &[(InfoHash, Progress)]) -> Vec<(TrackerUrl, Announce)> {
        let now = self.now();
        let mut out = Vec::new();
        for (info_hash, progress) in measured {
            if let Some(swarm) = self.state.swarms.get_mut(info_hash) {
                let input = Input::Measured(figures(progress));
                swarm.announcer.handle(input, now, &mut out);
            }
        }
        for swarm in self.state.swarms.values_mut() {
            swarm.announcer.handle(Input::Stop, now, &mut out);
        }
        let goodbyes = out.into_iter().filter_map(|output| match output {
            Output::Announce { tracker, announce } => Some((tracker, announce)),
            Output::Peers(_) => None,
        });
        goodbyes.collect()
    }
}

/// How far a swarm is, as trackers hear it.
fn figures(progress: &Progress) -> Figures {
    Figures {
        uploaded: progress.sent,
        downloaded: progress.received,
        left: progress.known.then_some(progress.left),
    }
}

impl Actor for Trackers {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(Alarm::default());
        let tracked: Vec<_> = self.tracked.values().cloned().collect();
        for swarm in tracked {
            self.track(swarm, context);
        }
    }
}

impl Supervised for Trackers {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.state = State::default();
    }
}

impl Alarmed for Trackers {
    fn clock(&self) -> Clock {
        self.setup.clock
    }

    fn bell(&mut self) -> &mut Bell {
        &mut self.bell
    }

    fn deadline(&self) -> Option<Timestamp> {
        let swarms = self.state.swarms.values().filter(|swarm| !swarm.measuring);
        swarms.filter_map(|swarm| swarm.announcer.deadline()).min()
    }

    fn ring(&mut self, context: &mut Context<Self>) {
        let now = self.now();
        let is_due = |swarm: &Swarm| {
            let deadline = swarm.announcer.deadline();
            !swarm.measuring && deadline.is_some_and(|deadline| deadline <= now)
        };
        let due = self.state.swarms.iter().filter(|(_, swarm)| is_due(swarm));
        let due: Vec<_> = due.map(|(&info_hash, _)| info_hash).collect();
        for info_hash in due {
            self.measure(info_hash, context);
        }
    }
}

impl Handler<TrackSwarm> for Trackers {
    type Result = ();

    fn handle(&mut self, swarm: TrackSwarm, context: &mut Self::Context) {
        self.tracked.insert(swarm.info_hash, swarm.clone());
        self.track(swarm, context);
    }
}

impl Handler<CompletionChanged> for Trackers {
    type Result = ();

    fn handle(&mut self, changed: CompletionChanged, context: &mut Self::Context) {
        let CompletionChanged {
            info_hash,
            complete,
            partial,
            fetched,
        } = changed;
        let input = if complete {
            let input = match partial {
                true => Input::Satisfied,
                false => Input::Completed { fetched },
            };
            self.complete.insert(info_hash, input.clone());
            input
        } else {
            self.complete.remove(&info_hash);
            Input::Incomplete
        };
        Self::handle(self, info_hash, input, context);
        self.bell.rouse();
    }
}

impl Handler<SwarmRemoved> for Trackers {
    type Result = ();

    fn handle(&mut self, removed: SwarmRemoved, context: &mut Self::Context) {
        let SwarmRemoved { info_hash } = removed;
        self.tracked.remove(&info_hash);
        self.complete.remove(&info_hash);
        Self::handle(self, info_hash, Input::Stop, context);
        self.state.swarms.remove(&info_hash);
        self.bell.rouse();
    }
}

impl Handler<PortMapped> for Trackers {
    type Result = ();

    fn handle(&mut self, PortMapped(port): PortMapped, context: &mut Self::Context) {
        // A swarm that is announced later, or after a restart, is announced so from the start.
        self.setup.listen.set_port(port);
        for info_hash in self.state.swarms.keys().copied().collect::<Vec<_>>() {
            Self::handle(self, info_hash, Input::Port(port), context);
        }
        self.bell.rouse();
    }
}

impl Handler<AddressesChanged> for Trackers {
    type Result = ();

    fn handle(&mut self, changed: AddressesChanged, context: &mut Self::Context) {
        if !changed.0.is_outward() {
            return;
        }
        for info_hash in self.state.swarms.keys().copied().collect::<Vec<_>>() {
            Self::handle(self, info_hash, Input::Moved, context);
        }
        self.bell.rouse();
    }
}

impl Handler<StopTrackers> for Trackers {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: StopTrackers, _: &mut Self::Context) -> Self::Result {
        let swarms = self.state.swarms.iter();
        let asked: Vec<_> = swarms
            .filter_map(|(info_hash, swarm)| {
                Some((*info_hash, swarm.progress.as_ref()?.send(QueryProgress)))
            })
            .collect();
        // What trackers hear last is what counts.
        let measured = async move {
            let mut measured = Vec::with_capacity(asked.len());
            for (info_hash, answer) in asked {
                measured.push((info_hash, answer.await.unwrap_or_default()));
            }
            measured
        };
        let told = measured.into_actor(self).then(|measured, trackers, _| {
            let mut goodbyes = JoinSet::new();
            for (tracker, announce) in trackers.goodbyes(&measured) {
                let asker = Rc::clone(&trackers.asker);
                goodbyes.spawn_local(async move { asker.ask(&tracker, announce).await });
            }
            // Ends with the answer that nobody waits for any more.
            async move { while goodbyes.join_next().await.is_some() {} }.into_actor(trackers)
        });
        Box::pin(told)
    }
}

impl Handler<Ping> for Trackers {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<Harm> for Trackers {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("the trackers", self, context);
    }
}
