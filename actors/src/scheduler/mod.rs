//! The scheduler actor: the piece map of one swarm.
//!
//! While the content is not known it fetches the metadata from the links (BEP 9); then it runs the
//! picker. Beside them runs the choker. It turns facts of links and storage into inputs of those
//! machines and sends what they put out. Which piece goes to whom is the picker's decision, and who
//! may fetch from us the choker's.

mod choking;
mod learning;
mod readers;
mod report;
mod running;
mod sources;
mod turn;

use actix::{Actor, AsyncContext, Context, Handler, Recipient, Supervised};
use log::{error, info};
use swarmlet_protocol::choking::{self as choker, Choker};
use swarmlet_protocol::id::{InfoHash, LinkId};
use swarmlet_protocol::metadata_fetch::MetadataFetch;
use swarmlet_protocol::picker::Picker;
use swarmlet_protocol::session::Input as SessionInput;
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::turns::Turn;

use self::readers::Readers;
use crate::alarm::{Alarm, Alarmed, Bell};
use crate::clock::Clock;
use crate::limits::Limits;
use crate::maps::HashMap;
use crate::messages::discovery::{LinkLied, ResetLinks, SwarmCompleted};
use crate::messages::link::{LinkFact, LinkNews};
use crate::messages::scheduler::{OpenLink, Progress, QueryProgress, ServeContent, StorageFact};
use crate::messages::session::SessionCommand;
use crate::messages::storage::ReportPieces;
use crate::messages::supervisor::{
    CompletionChanged, ContentLearned, ContentUnusable, StorageNews,
};
use crate::messages::web_seeds::SourceCommand;
use crate::messages::{Harm, Ping};
use crate::words::counted;

/// What a scheduler is made of.
#[derive(Debug)]
pub struct Setup {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Learns when links must start anew.
    pub reset: Recipient<ResetLinks>,
    /// Learns whom not to speak to.
    pub lied: Recipient<LinkLied>,
    /// Learn when the swarm is complete here.
    pub completed: (Recipient<SwarmCompleted>, Recipient<CompletionChanged>),
    /// Learns the content when it was fetched from peers.
    pub learned: Recipient<ContentLearned>,
    /// Learns that what was fetched is of no use.
    pub unusable: Recipient<ContentUnusable>,
    /// Learns when the file cannot be used.
    pub trouble: Recipient<StorageNews>,
    /// The node's clock.
    pub clock: Clock,
    /// Decides ties.
    pub seed: u64,
    /// How many peers that are no swarmlets may fetch from us at once.
    pub upload_slots: usize,
    /// How many bytes may move on the links of this swarm, beside the limits of the node.
    pub limits: Limits,
}

/// The piece map of one swarm.
#[derive(Debug)]
pub struct Scheduler {
    setup: Setup,
    /// What the supervisor gave us; survives a restart, since it cannot change.
    content: Option<ServeContent>,
    /// Sources that are no peers; survive a restart, since they do not begin anew by themselves.
    sources: HashMap<LinkId, Recipient<SourceCommand>>,
    /// Whether it may fetch now; survives a restart, since it is not told twice.
    turn: Turn,
    /// The operator paused it; survives a restart for the same reason.
    held: bool,
    /// Who reads the content while it is on its way; survive a restart, as they wait.
    readers: Readers,
    bell: Bell,
    state: State,
}

/// Everything that a restart begins anew.
#[derive(Debug)]
struct State {
    phase: Phase,
    links: HashMap<LinkId, Link>,
    choker: Choker,
    paused: Option<String>,
    complete: bool,
    /// Storage has not yet said that it opened the file for the first time.
    expects_opening: bool,
}

#[derive(Debug)]
struct Link {
    session: Recipient<SessionCommand>,
}

#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one per swarm")]
enum Phase {
    Learning(MetadataFetch),
    Running(Picker),
}

impl Scheduler {
    /// The scheduler of a swarm whose content is not known yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let turn = Turn::Run { sharers: 1 };
        let state = State::new(&setup, None, turn);
        Self {
            setup,
            content: None,
            sources: HashMap::default(),
            turn,
            held: false,
            readers: Readers::default(),
            bell: Bell::default(),
            state,
        }
    }

    fn now(&self) -> Timestamp {
        self.setup.clock.now()
    }

    fn command(&self, link: LinkId, command: SessionCommand) {
        if let Some(link) = self.state.links.get(&link) {
            link.session.do_send(command);
        }
    }

    fn tell(&self, link: LinkId, input: SessionInput) {
        self.command(link, SessionCommand::Protocol(input));
    }

    /// What the peers were told of us is void: all links start anew.
    fn reset_links(&mut self) {
        // The sessions' own goodbyes come from links that we no longer know.
        for (link, _) in std::mem::take(&mut self.state.links) {
            self.choose(choker::Input::LinkClosed { link });
            self.pick(swarmlet_protocol::picker::Input::LinkClosed { link });
        }
        self.setup.reset.do_send(ResetLinks {
            info_hash: self.setup.info_hash,
        });
    }
}

impl State {
    fn new(setup: &Setup, content: Option<&ServeContent>, turn: Turn) -> Self {
        let phase = match content {
            None => Phase::Learning(MetadataFetch::new(setup.info_hash, setup.seed)),
            Some(content) => Phase::Running(turn::picker(content, turn, setup.seed)),
        };
        Self {
            phase,
            links: HashMap::default(),
            choker: Choker::new(setup.upload_slots, setup.seed),
            paused: None,
            complete: false,
            expects_opening: content.is_some(),
        }
    }
}

impl Phase {
    fn next_timeout(&self) -> Option<Timestamp> {
        match self {
            Self::Learning(fetch) => fetch.next_timeout(),
            Self::Running(picker) => picker.next_timeout(),
        }
    }
}

impl Actor for Scheduler {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(Alarm::default());
    }
}

impl Supervised for Scheduler {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.state = State::new(&self.setup, self.content.as_ref(), self.turn);
        self.state.expects_opening = false;
        if self.held {
            self.hold(true);
        }
        self.demand_anew();
        self.reset_links();
        self.begin_sources();
        if let Some(content) = &self.content {
            content.storage.report.do_send(ReportPieces);
        }
    }
}

impl Alarmed for Scheduler {
    fn clock(&self) -> Clock {
        self.setup.clock
    }

    fn bell(&mut self) -> &mut Bell {
        &mut self.bell
    }

    fn deadline(&self) -> Option<Timestamp> {
        let choker = self.state.choker.next_timeout();
        self.state
            .phase
            .next_timeout()
            .into_iter()
            .chain(choker)
            .min()
    }

    fn ring(&mut self, _: &mut Context<Self>) {
        self.choose(choker::Input::Tick);
        let due = self.state.phase.next_timeout();
        if due.is_none_or(|due| due > self.now()) {
            return;
        }
        match &self.state.phase {
            Phase::Learning(_) => self.fetch(swarmlet_protocol::metadata_fetch::Input::Tick),
            Phase::Running(_) => self.pick(swarmlet_protocol::picker::Input::Tick),
        }
    }
}

impl Handler<OpenLink> for Scheduler {
    type Result = ();

    fn handle(&mut self, open: OpenLink, context: &mut Self::Context) {
        let OpenLink {
            link,
            session,
            fleet,
        } = open;
        session.do_send(SessionCommand::Attach(context.address().recipient()));
        self.state.links.insert(link, Link { session });
        if self.setup.limits.is_some() {
            let limits = self.setup.limits.clone();
            self.command(link, SessionCommand::Limit(limits));
        }
        self.open_to(link, fleet);
        match &self.state.phase {
            Phase::Learning(_) => self.tell(link, SessionInput::Welcome(None)),
            Phase::Running(_) => self.welcome(link),
        }
    }
}

impl Handler<LinkFact> for Scheduler {
    type Result = ();

    fn handle(&mut self, fact: LinkFact, _: &mut Self::Context) {
        let LinkFact { link, what, token } = fact;
        if self.sources.contains_key(&link) {
            return self.source_said(link, what);
        }
        if !self.state.links.contains_key(&link) {
            return;
        }
        let gone = matches!(what, LinkNews::Gone);
        if let Some(input) = choking::fact(link, &what) {
            self.choose(input);
        }
        match &self.state.phase {
            Phase::Learning(_) => self.learn(link, what),
            Phase::Running(_) => self.run(link, what),
        }
        if gone {
            self.state.links.remove(&link);
        }
        drop(token);
    }
}

impl Handler<ServeContent> for Scheduler {
    type Result = ();

    fn handle(&mut self, content: ServeContent, _: &mut Self::Context) {
        if self.content.is_some() {
            return;
        }
        info!(
            "{}: {} bytes in {}",
            self.setup.info_hash,
            content.info.layout().size(),
            counted(content.info.layout().pieces(), "piece")
        );
        let mut state = State::new(&self.setup, Some(&content), self.turn);
        std::mem::swap(&mut state.links, &mut self.state.links);
        std::mem::swap(&mut state.choker, &mut self.state.choker);
        self.state = state;
        self.content = Some(content);
        self.content_known();
    }
}

impl Handler<StorageFact> for Scheduler {
    type Result = ();

    fn handle(&mut self, fact: StorageFact, _: &mut Self::Context) {
        self.storage(fact);
    }
}

impl Handler<QueryProgress> for Scheduler {
    type Result = Progress;

    fn handle(&mut self, _: QueryProgress, _: &mut Self::Context) -> Progress {
        self.progress()
    }
}

impl Handler<Ping> for Scheduler {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<Harm> for Scheduler {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("the scheduler", self, context);
    }
}

/// Logs what only a bug of ours can bring about.
fn bug(what: &str) {
    debug_assert!(false, "{what}");
    error!("bug: {what}");
}
