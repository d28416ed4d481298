//! The session actor: one link, one socket.
//!
//! Feeds the socket's bytes to the link's machine and performs what comes out. Decides nothing.
//! No block is a message: the pump reads and writes the socket with the actor in hand. Whole pieces
//! go to storage together, and what peers asked for comes back together, up to a MiB at a time.

mod perform;
mod pump;
#[cfg(test)]
mod tests;
mod throttle;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorContext, AsyncContext, Context, Handler, Recipient, Supervised, WrapFuture,
};
use log::debug;
use swarmlet_protocol::encryption::{Envelope, Policy, Side};
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::session::{Input, Output, Params, Session as Machine, Verdict, Violation};
use swarmlet_protocol::time::Timestamp;
use tokio::sync::watch;

use self::pump::Pump;
use self::throttle::Throttle;
use crate::alarm::Bell;
use crate::chance;
use crate::clock::Clock;
use crate::counters::{Counters, Moved};
use crate::credit::Credit;
use crate::gauge::Gauge;
use crate::limits::Limits;
use crate::messages::Ping;
use crate::messages::dht::NodeHeard;
use crate::messages::discovery::{LinkEnd, LinkEvent, LinkReport};
use crate::messages::link::{LinkFact, LinkNews};
use crate::messages::session::SessionCommand;
use crate::messages::storage::{ForgetParts, StorageHandle};
use crate::messages::watchdog::LinkSampled;
use crate::transport::Wire;

/// 64: facts of one link that may wait to be handled. The socket is not read while so many wait.
const UNHANDLED_FACTS: usize = 64;

/// 4: parts of long pieces that may wait to be written, 1 MiB. The socket is not read while so many
/// wait, so that a slow disk slows its link and fills no memory.
const UNWRITTEN_PARTS: usize = 4;

/// 60 s: so long a link that was doubted has to be acknowledged what it says. The system looks when it
/// repeats what was said before, and that may take as long as nothing was acknowledged.
const DOUBTED: Duration = Duration::from_secs(60);

/// What a session is made of.
#[derive(Debug)]
pub struct Setup {
    /// The link's number.
    pub link: LinkId,
    /// Who is there.
    pub remote: SocketAddr,
    /// What the machine needs.
    pub params: Params,
    /// Who opened the link, for its envelope.
    pub side: Side,
    /// Whether links are encrypted.
    pub encryption: Policy,
    /// Where it is said how the link stands.
    pub gauge: Arc<Gauge>,
    /// Where the link is reported.
    pub discovery: Recipient<LinkReport>,
    /// Where samples go.
    pub watchdog: Recipient<LinkSampled>,
    /// Hears of the peer's node of the distributed hash table, if we have one.
    pub dht: Option<Recipient<NodeHeard>>,
    /// The link ends when the other end of this is dropped.
    pub owner: watch::Receiver<()>,
    /// The node's clock.
    pub clock: Clock,
    /// The node's totals.
    pub counters: Arc<Counters>,
    /// How many bytes may move on all links of the node.
    pub limits: Limits,
}

/// One link.
#[derive(Debug)]
pub struct Session {
    setup: Setup,
    machine: Machine,
    envelope: Envelope,
    wire: Wire,
    storage: Option<StorageHandle>,
    scheduler: Option<Recipient<LinkFact>>,
    credit: Credit,
    /// For parts of long pieces.
    parts: Credit,
    /// Storage has, or had, parts of ours.
    has_spilled: bool,
    /// We close once the outbox is written: the reason.
    closing: Option<String>,
    /// How the link ended, as soon as that is known.
    end: Option<(LinkEnd, String)>,
    greeted: bool,
    /// The peer is a swarmlet.
    fleet: bool,
    download: Throttle,
    upload: Throttle,
    bell: Bell,
    sampled: Timestamp,
    /// When the link was last doubted.
    doubted: Timestamp,
}

impl Session {
    /// The actor of a link whose socket is registered with the present arbiter.
    #[must_use]
    pub fn new(setup: Setup, wire: Wire) -> Self {
        let now = setup.clock.now();
        let mut machine = Machine::new(setup.params.clone(), now);
        let envelope = envelope(&setup, &mut machine, now);
        let mut session = Self {
            machine,
            envelope,
            download: Throttle::default(),
            upload: Throttle::default(),
            setup,
            wire,
            storage: None,
            scheduler: None,
            credit: Credit::new(UNHANDLED_FACTS),
            parts: Credit::new(UNWRITTEN_PARTS),
            has_spilled: false,
            closing: None,
            end: None,
            greeted: false,
            fleet: false,
            bell: Bell::default(),
            sampled: now,
            doubted: now,
        };
        let limits = session.setup.limits.clone();
        session.limit(limits);
        session
    }

    /// These limits hold as well from now on.
    fn limit(&mut self, limits: Limits) {
        if !limits.upload.is_empty() {
            self.machine.limit_upload();
        }
        self.download.add(limits.download);
        self.upload.add(limits.upload);
    }

    fn input(&mut self, input: Input, context: &mut Context<Self>) {
        let mut out = Vec::new();
        log::trace!("{} <- {input:?}", self.setup.link);
        let judged = self.machine.handle(input, self.setup.clock.now(), &mut out);
        self.perform(out, context);
        self.judged(judged);
    }

    /// Says something, and has the system end the connection if it is not acknowledged. For a while:
    /// a link that holds may be patient again.
    fn doubt(&mut self, context: &mut Context<Self>) {
        let now = self.setup.clock.now();
        self.doubted = now;
        self.wire.doubt(true);
        self.input(Input::Probe, context);
        context.run_later(DOUBTED, move |session, _| {
            if session.doubted == now {
                session.wire.doubt(false);
            }
        });
    }

    /// Where what moves on links of this kind is counted.
    fn moved(&self) -> &Moved {
        match self.fleet {
            true => &self.setup.counters.fleet,
            false => &self.setup.counters.foreign,
        }
    }

    /// Says how the link stands, for whoever watches.
    fn show(&self) {
        let encrypted = self.envelope.is_ciphered();
        self.setup.gauge.set(self.machine.standing(), encrypted);
    }

    fn judged(&mut self, judged: Result<(), Violation>) {
        if let Err(violation) = judged {
            let ban = violation.verdict() == Verdict::Ban;
            self.finish(LinkEnd::Violation { ban }, violation.to_string());
        }
    }

    /// The link ends in this way. The first word counts.
    fn finish(&mut self, end: LinkEnd, reason: String) {
        if self.end.is_none() {
            debug!("{} {}: {reason}", self.setup.link, self.setup.remote);
            self.end = Some((end, reason));
        }
    }

    fn report(&self, what: LinkEvent) {
        let token = Some(self.credit.take());
        self.setup.discovery.do_send(LinkReport {
            link: self.setup.link,
            what,
            token,
        });
    }

    fn tell(&self, what: LinkNews) {
        if let Some(scheduler) = &self.scheduler {
            let token = Some(self.credit.take());
            scheduler.do_send(LinkFact {
                link: self.setup.link,
                what,
                token,
            });
        }
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let session = context.address().recipient();
        let what = LinkEvent::Started(session);
        self.setup.discovery.do_send(LinkReport {
            link: self.setup.link,
            what,
            token: None,
        });
        let mut owner = self.setup.owner.clone();
        context.spawn(
            async move { while owner.changed().await.is_ok() {} }
                .into_actor(self)
                .map_context(|session| {
                    session.finish(
                        LinkEnd::Closed,
                        "the node has forgotten the link".to_owned(),
                    );
                }),
        );
        context.spawn(Pump::new());
    }
}

// A link is never restarted: the guard's policy for links says so.
impl Supervised for Session {}

impl Drop for Session {
    /// Whatever ended the link, a panic included: discovery, the scheduler and storage learn of it.
    fn drop(&mut self) {
        let link = self.setup.link;
        if let Some(storage) = self.storage.as_ref().filter(|_| self.has_spilled) {
            storage.forget.do_send(ForgetParts { link });
        }
        let lost = || (LinkEnd::Lost, "the session ended without a word".to_owned());
        let (end, reason) = self.end.take().unwrap_or_else(lost);
        if let Some(scheduler) = &self.scheduler {
            scheduler.do_send(LinkFact {
                link,
                what: LinkNews::Gone,
                token: None,
            });
        }
        let what = LinkEvent::Ended { end, reason };
        self.setup.discovery.do_send(LinkReport {
            link,
            what,
            token: None,
        });
    }
}

impl Handler<SessionCommand> for Session {
    type Result = ();

    fn handle(&mut self, command: SessionCommand, context: &mut Self::Context) {
        match command {
            SessionCommand::Attach(scheduler) => self.scheduler = Some(scheduler),
            SessionCommand::UseStorage(storage) => self.storage = Some(storage),
            SessionCommand::Limit(limits) => self.limit(limits),
            SessionCommand::Doubt => self.doubt(context),
            SessionCommand::Protocol(input) => self.input(input, context),
            SessionCommand::Close {
                reason,
                politely: true,
            } => {
                self.closing.get_or_insert(reason);
            }
            SessionCommand::Close {
                reason,
                politely: false,
            } => {
                self.finish(LinkEnd::Closed, reason);
            }
            SessionCommand::Harm(harm) => harm.befall("the session", self, context),
        }
    }
}

impl Handler<Ping> for Session {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

/// The envelope of a new link. Where it is sealed from the start, our first words travel with it.
fn envelope(setup: &Setup, machine: &mut Machine, now: Timestamp) -> Envelope {
    if matches!(setup.side, Side::Plain) {
        return Envelope::plain();
    }
    let first = machine.outbox().to_vec();
    let side = setup.side.clone();
    let envelope = Envelope::new(side, setup.encryption, chance::randomness(), &first);
    if envelope.takes_initial() {
        machine.written(first.len(), now, &mut Vec::new());
    }
    envelope
}

/// Small helper so that a context future can end in a plain call on the actor.
trait MapContext: actix::ActorFuture<Session, Output = ()> + Sized {
    fn map_context(
        self,
        then: impl FnOnce(&mut Session) + 'static,
    ) -> impl actix::ActorFuture<Session, Output = ()>;
}

impl<F: actix::ActorFuture<Session, Output = ()> + 'static> MapContext for F {
    fn map_context(
        self,
        then: impl FnOnce(&mut Session) + 'static,
    ) -> impl actix::ActorFuture<Session, Output = ()> {
        use actix::ActorFutureExt;
        self.map(|(), session, context| {
            then(session);
            context.terminate();
        })
    }
}

/// What a turn of the machine put out.
type Outputs = Vec<Output>;
