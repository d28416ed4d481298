//! The watchdog actor: figures over time, and what is odd about them.
//!
//! Once a second it asks the schedulers how far their swarms are and works out rates; it tells the
//! progress to the node's listeners, and every few seconds to the log in one line. It measures how
//! long the actors take to answer (the age of their mailboxes) and has those start anew that do not
//! answer any more, keeps the rates and a window of round
//! trips of each link, and complains when sessions are woken far more often than bytes move: a busy
//! loop.

mod figures;
mod links;
mod mailboxes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, Recipient, Supervised,
    WrapFuture,
};
use log::{debug, info, warn};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::time::Timestamp;

use self::figures::{RateMeter, line, sum};
use self::links::Links;
use self::mailboxes::Mailboxes;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::listeners::Listeners;
use crate::maps::HashMap;
use crate::messages::events::Event;
use crate::messages::operator::SwarmRemoved;
use crate::messages::report::{Figures, QueryFigures, Rates};
use crate::messages::scheduler::{Progress, QueryProgress};
use crate::messages::watchdog::{LinkSampled, WatchActor, WatchLink, Watched};
use crate::messages::{Harm, Ping};

/// 5 s: the period of the one-line summary, while something changes.
const SUMMARY: Duration = Duration::from_secs(5);

/// 20,000: session turns per second beyond which a second without a MiB moved is a busy loop. A
/// busy link takes a turn per some ten KiB.
const BUSY_TURNS: u64 = 20_000;

/// What a watchdog is made of.
#[derive(Debug)]
pub struct Setup {
    /// How often progress is looked at: a second, or less for a progress bar.
    pub period: Duration,
    /// What an actor may take to answer before it starts anew.
    pub patience: Duration,
    /// The node's clock.
    pub clock: Clock,
    /// The node's totals.
    pub counters: Arc<Counters>,
    /// Who hears of progress.
    pub listeners: Listeners,
    /// The actors whose mailboxes are watched.
    pub watched: Vec<Watched>,
}

/// Watches figures.
#[derive(Debug)]
pub struct Watchdog {
    setup: Setup,
    /// What the supervisor told; survives a restart.
    schedulers: BTreeMap<InfoHash, Recipient<QueryProgress>>,
    /// The actors whose mailboxes are watched; survive a restart, as they are not told twice.
    mailboxes: Mailboxes,
    /// The links that live; survive a restart for the same reason.
    links: Links,
    state: State,
}

#[derive(Debug)]
struct State {
    down: RateMeter,
    up: RateMeter,
    turns: RateMeter,
    told: Option<(Contents, u64, u64)>,
    summed: Option<(Contents, Timestamp)>,
    /// Rates of each content, down and up.
    swarms: HashMap<InfoHash, (RateMeter, RateMeter)>,
}

/// The progress of every content.
type Contents = Vec<(InfoHash, Progress)>;

/// Watch this swarm, and this actor. From the supervisor when a swarm starts.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Watch {
    /// The swarm.
    pub info_hash: InfoHash,
    /// The scheduler to ask for progress.
    pub scheduler: Recipient<QueryProgress>,
    /// Further actors whose mailboxes are watched.
    pub watched: Vec<Watched>,
}

impl Watchdog {
    /// A watchdog that watches no swarm yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let state = State::new(&setup);
        let mut mailboxes = Mailboxes::new(setup.patience, setup.period);
        for watched in setup.watched.clone() {
            mailboxes.watch(None, watched, Duration::ZERO);
        }
        Self {
            setup,
            schedulers: BTreeMap::new(),
            mailboxes,
            links: Links::default(),
            state,
        }
    }

    fn look(&mut self, context: &mut Context<Self>) {
        let now = self.setup.clock.now();
        let counters = &self.setup.counters;
        let moved = counters.received.get() + counters.sent.get();
        self.state.down.take(counters.received.get(), now);
        self.state.up.take(counters.sent.get(), now);
        self.state.turns.take(counters.turns.get(), now);
        if self.state.turns.rate() > BUSY_TURNS
            && self.state.down.rate() + self.state.up.rate() < 1024 * 1024
        {
            let turns = self.state.turns.rate();
            warn!("sessions take {turns} turns a second and move little ({moved} bytes so far)");
        }
        self.links.measure(now);
        self.ping(now, context);
        if self.schedulers.is_empty() {
            return;
        }
        let asked: Vec<_> = self
            .schedulers
            .iter()
            .map(|(info_hash, scheduler)| (*info_hash, scheduler.send(QueryProgress)))
            .collect();
        let answers = async move {
            let mut contents = Contents::with_capacity(asked.len());
            for (info_hash, answer) in asked {
                if let Ok(progress) = answer.await {
                    contents.push((info_hash, progress));
                }
            }
            contents
        };
        context.spawn(answers.into_actor(self).map(|contents, watchdog, _| {
            watchdog.tell(contents);
        }));
    }

    fn ping(&mut self, now: Timestamp, context: &mut Context<Self>) {
        for (number, actor) in self.mailboxes.due(now) {
            context.spawn(
                actor
                    .send(Ping)
                    .into_actor(self)
                    .map(move |_, watchdog, _| {
                        let now = watchdog.setup.clock.now();
                        watchdog.mailboxes.answered(number, now);
                    }),
            );
        }
    }

    fn tell(&mut self, contents: Contents) {
        let now = self.setup.clock.now();
        for (info_hash, progress) in &contents {
            let totals = (progress.received, progress.sent);
            let (down, up) =
                self.state.swarms.entry(*info_hash).or_insert_with(|| {
                    (RateMeter::new(totals.0, now), RateMeter::new(totals.1, now))
                });
            down.take(totals.0, now);
            up.take(totals.1, now);
        }
        let (down, up) = (self.state.down.rate(), self.state.up.rate());
        let told = (contents.clone(), down, up);
        if self.state.told.as_ref() != Some(&told) {
            let progress = sum(contents.iter().map(|(_, progress)| progress));
            self.setup.listeners.tell(&Event::Progress {
                progress,
                contents: contents.clone(),
                down,
                up,
            });
            self.state.told = Some(told);
        }
        let due = match &self.state.summed {
            None => contents.iter().any(|(_, progress)| progress.known),
            Some((before, at)) => {
                let changed = *before != contents || down + up > 0;
                // A look that comes some milliseconds early must not put it off by a period.
                changed && now.since(*at) + self.setup.period / 2 >= SUMMARY
            }
        };
        if due {
            info!("{}", line(&contents, down, up));
            self.state.summed = Some((contents, now));
        }
    }
}

impl State {
    /// The rates begin with the totals of now, so that the first look gives a rate already.
    fn new(setup: &Setup) -> Self {
        let now = setup.clock.now();
        let counters = &setup.counters;
        Self {
            down: RateMeter::new(counters.received.get(), now),
            up: RateMeter::new(counters.sent.get(), now),
            turns: RateMeter::new(counters.turns.get(), now),
            told: None,
            summed: None,
            swarms: HashMap::default(),
        }
    }
}

impl Actor for Watchdog {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.run_interval(self.setup.period, |watchdog, context| {
            watchdog.look(context)
        });
    }
}

impl Supervised for Watchdog {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.state = State::new(&self.setup);
        self.mailboxes.forget_questions();
    }
}

impl Handler<Watch> for Watchdog {
    type Result = ();

    fn handle(&mut self, watch: Watch, _: &mut Self::Context) {
        self.schedulers.insert(watch.info_hash, watch.scheduler);
        for watched in watch.watched {
            self.mailboxes
                .watch(Some(watch.info_hash), watched, Duration::ZERO);
        }
    }
}

impl Handler<WatchActor> for Watchdog {
    type Result = ();

    fn handle(&mut self, watch: WatchActor, _: &mut Self::Context) {
        self.mailboxes.watch(None, watch.watched, watch.rest);
    }
}

impl Handler<Ping> for Watchdog {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<SwarmRemoved> for Watchdog {
    type Result = ();

    fn handle(&mut self, SwarmRemoved { info_hash }: SwarmRemoved, _: &mut Self::Context) {
        self.schedulers.remove(&info_hash);
        self.mailboxes.forget(info_hash);
        self.state.swarms.remove(&info_hash);
    }
}

impl Handler<WatchLink> for Watchdog {
    type Result = ();

    fn handle(&mut self, watch: WatchLink, _: &mut Self::Context) {
        let now = self.setup.clock.now();
        self.links.watch(watch.link, watch.gauge, now);
    }
}

impl Handler<QueryFigures> for Watchdog {
    type Result = Figures;

    fn handle(&mut self, _: QueryFigures, _: &mut Self::Context) -> Figures {
        let rates = |down: &RateMeter, up: &RateMeter| Rates {
            down: down.rate(),
            up: up.rate(),
        };
        let swarms = self.state.swarms.iter();
        Figures {
            rates: rates(&self.state.down, &self.state.up),
            swarms: swarms
                .map(|(&swarm, (down, up))| (swarm, rates(down, up)))
                .collect(),
            links: self.links.figures(),
            mailboxes: self.mailboxes.ages(self.setup.clock.now()),
        }
    }
}

impl Handler<LinkSampled> for Watchdog {
    type Result = ();

    fn handle(&mut self, sample: LinkSampled, _: &mut Self::Context) {
        if let Some(median) = self.links.sampled(sample.link, sample.round_trip) {
            debug!(
                "{} {}: median round trip {:.1} ms, {} bytes/s",
                sample.link,
                sample.remote,
                median.as_secs_f64() * 1_000.0,
                sample.rate
            );
        }
    }
}

impl Handler<Harm> for Watchdog {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("the watchdog", self, context);
    }
}
