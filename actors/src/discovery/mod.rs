//! The discovery actor: who is out there, and which links this node has.
//!
//! Owns every link of the node. Addresses come from the configuration, DNS, trackers, peer exchange,
//! local beacons, a sweep of the own network and inbound links; whom to dial, keep, drop and tell is
//! decided by one [`Membership`] per swarm. Nodes that do not know their swarm meet in one more
//! swarm, the rendezvous, where they tell each other what they serve.

mod admission;
mod bans;
mod dial;
mod hear;
mod lan;
mod links;
mod moving;
mod operator;
mod rendezvous;
mod resolve;
mod roster;
mod search;
mod sockets;
mod swarms;

pub(crate) use self::sockets::NODE_LINKS;
pub use self::sockets::{LinkLimits, MAX_LINKS};

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::{Actor, AsyncContext, Context, Handler, Recipient, ResponseFuture, Supervised};
use swarmlet_protocol::access::AccessList;
use swarmlet_protocol::address::{Cidr, PeerAddress};
use swarmlet_protocol::encryption::Policy;
use swarmlet_protocol::id::{InfoHash, LinkId, NodeId, PeerId};
use swarmlet_protocol::membership::{Input, Membership, Roster, Source};
use swarmlet_protocol::time::Timestamp;
use tokio::sync::{oneshot, watch};

use self::bans::{Bans, Ended, Strikes};
use self::links::{Link, Peer};
use self::rendezvous::Rendezvous;
use self::search::Search;
use self::swarms::Swarm;
use crate::alarm::{Alarm, Alarmed, Bell};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::listeners::Listeners;
use crate::maps::{HashMap, HashSet};
use crate::messages::discovery::{
    AddressesFound, AdmitLink, HarmLink, LinkLied, LinkReport, ResetLinks, StopDiscovery,
    SwarmCompleted, SwarmStarted,
};
use crate::messages::events::Event;
use crate::messages::session::SessionCommand;
use crate::messages::supervisor::{JoinSwarm, StartSession};
use crate::messages::{Harm, Ping};
use crate::state::{Addresses, StateFolder};
use crate::transport::{Endpoint, Security};

/// What discovery is made of.
#[derive(Debug)]
pub struct Setup {
    /// The address that we listen on.
    pub listen: SocketAddr,
    /// Every address under which we can be reached now, as far as we know.
    pub own: Vec<SocketAddr>,
    /// Our name on the wire.
    pub peer_id: PeerId,
    /// Where nodes of our fleet meet that do not know their swarm.
    pub rendezvous: InfoHash,
    /// The swarm to join is the one of this name, if several are offered.
    pub wanted: Option<String>,
    /// Peers from the command line, which may have any content.
    pub listed: Vec<PeerAddress>,
    /// Peers of an earlier life.
    pub remembered: Addresses,
    /// What fleet members told in an earlier life.
    pub hearsay: Addresses,
    /// Networks to search, each with our own address in it.
    pub sweeps: Vec<(Cidr, std::net::Ipv4Addr)>,
    /// Speak and hear local beacons.
    pub lan: bool,
    /// Starts the sessions of links.
    pub sessions: Recipient<StartSession>,
    /// Starts swarms that were heard of.
    pub join: Recipient<JoinSwarm>,
    /// Where peers are remembered.
    pub state: Option<StateFolder>,
    /// The node's clock.
    pub clock: Clock,
    /// Decides ties.
    pub seed: u64,
    /// Numbers links; shared over restarts, so that none is used twice.
    pub next_link: Arc<AtomicU64>,
    /// How many links there may be.
    pub links: LinkLimits,
    /// Whether links are encrypted.
    pub encryption: Policy,
    /// The fleet secret, by which every link is secured; none: links are open.
    pub security: Option<Security>,
    /// Who may have links with this node.
    pub access: Arc<AccessList>,
    /// The node's totals.
    pub counters: Arc<Counters>,
    /// Dials where TCP fails.
    pub utp: Option<Endpoint>,
    /// Who hears of peers that come and go.
    pub listeners: Listeners,
}

impl Setup {
    fn tell(&self, event: &Event) {
        self.listeners.tell(event);
    }
}

/// Who is out there.
#[derive(Debug)]
pub struct Discovery {
    setup: Setup,
    /// What the supervisor told of our swarms; survives a restart.
    started: HashMap<InfoHash, SwarmStarted>,
    /// The swarms that are complete here, as their schedulers told; survives a restart, since
    /// they do not tell it twice.
    complete: HashSet<InfoHash>,
    /// Hosts that are not spoken to; survive a restart, as an operator's word must.
    bans: Bans,
    /// Who delivered wrong pieces; survives a restart, too.
    strikes: Strikes,
    /// Who may still be found out.
    ended: Ended,
    bell: Bell,
    state: State,
}

/// Everything that a restart begins anew.
#[derive(Debug)]
struct State {
    rendezvous: Rendezvous,
    swarms: HashMap<InfoHash, Swarm>,
    links: HashMap<LinkId, Link>,
    /// Whom the host was told of as linked, by the first link with each that was ready.
    joined: HashMap<(InfoHash, PeerId), Peer>,
    /// Nodes that are in the log for having another's id, or ours.
    doubles: HashSet<NodeId>,
    /// Dials under way.
    dialing: usize,
    /// When the machines were last told what moves on links.
    weighed: Timestamp,
    /// Dropping this ends every session: a restarted discovery begins without links.
    owner: watch::Sender<()>,
    search: Search,
    /// What the operator listed beyond what a machine takes.
    rosters: BTreeMap<InfoHash, Roster>,
    /// A save is on its way.
    saving: bool,
    /// Something has changed that is not in the save on its way.
    unsaved: bool,
    stopping: Option<oneshot::Sender<()>>,
}

impl Discovery {
    /// Discovery of a node that has no swarm yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let state = State::new(&setup);
        Self {
            setup,
            started: HashMap::default(),
            complete: HashSet::default(),
            bans: Bans::default(),
            strikes: Strikes::default(),
            ended: Ended::default(),
            bell: Bell::default(),
            state,
        }
    }

    fn now(&self) -> Timestamp {
        self.setup.clock.now()
    }

    fn next_link(&self) -> LinkId {
        LinkId(self.setup.next_link.fetch_add(1, Ordering::Relaxed))
    }

    fn command(&self, link: LinkId, command: SessionCommand) {
        if let Some(session) = self
            .state
            .links
            .get(&link)
            .and_then(|link| link.session.as_ref())
        {
            session.do_send(command);
        }
    }

    /// The machine of a swarm, or of the rendezvous.
    fn membership(&mut self, info_hash: InfoHash) -> Option<&mut Membership> {
        if info_hash == self.setup.rendezvous {
            return Some(&mut self.state.rendezvous.membership);
        }
        self.state
            .swarms
            .get_mut(&info_hash)
            .map(|swarm| &mut swarm.membership)
    }

    /// The swarm that links belong to before they have said so: our only one; with several or none
    /// the rendezvous, where both ends tell what they serve.
    fn main_swarm(&self) -> InfoHash {
        let mut swarms = self.state.swarms.keys();
        match (swarms.next(), swarms.next()) {
            (Some(only), None) => *only,
            _ => self.setup.rendezvous,
        }
    }

    /// The swarm that a sweep dials for: our only one that is not private, or the rendezvous.
    fn public_swarm(&self) -> InfoHash {
        let mut swarms = self.public_swarms();
        match (swarms.next(), swarms.next()) {
            (Some(only), None) => only,
            _ => self.setup.rendezvous,
        }
    }

    fn public_swarms(&self) -> impl Iterator<Item = InfoHash> {
        let public = |swarm: &Swarm| !swarm.membership.is_private();
        let swarms = self.state.swarms.iter();
        swarms
            .filter(move |(_, swarm)| public(swarm))
            .map(|(&info_hash, _)| info_hash)
    }

    /// All machines, the rendezvous first.
    fn all_swarms(&self) -> Vec<InfoHash> {
        let mut all = vec![self.setup.rendezvous];
        all.extend(self.state.swarms.keys());
        all
    }

    /// Addresses were found: every machine hears of them, or the one they were named for.
    fn found(&mut self, found: &AddressesFound, context: &mut Context<Self>) {
        let swarms = found
            .info_hash
            .map_or_else(|| self.all_swarms(), |one| vec![one]);
        for info_hash in swarms {
            for &addr in &found.addresses {
                let input = Input::AddressLearned {
                    addr,
                    source: found.source,
                };
                self.member(info_hash, input, context);
            }
        }
        let is_asked_by_name = matches!(found.source, Source::Dht | Source::Tracker);
        if is_asked_by_name && found.info_hash == Some(self.setup.rendezvous) {
            self.visit(&found.addresses, context);
        }
    }

    /// A tracker, or the distributed hash table, named nodes of our fleet. Those that our swarms have not heard of may wait to be
    /// told what we serve, and were not told of us where they asked before us.
    fn visit(&mut self, addresses: &[SocketAddr], context: &mut Context<Self>) {
        if self.public_swarms().next().is_none() {
            return;
        }
        for &addr in addresses {
            let mut swarms = self.state.swarms.values();
            if !swarms.any(|swarm| swarm.membership.has_heard_of(addr)) {
                let rendezvous = self.setup.rendezvous;
                self.member(rendezvous, Input::DialOnce { addr }, context);
            }
        }
    }
}

impl State {
    fn new(setup: &Setup) -> Self {
        Self {
            rendezvous: Rendezvous::new(setup),
            swarms: HashMap::default(),
            links: HashMap::default(),
            joined: HashMap::default(),
            doubles: HashSet::default(),
            dialing: 0,
            weighed: Timestamp::ZERO,
            owner: watch::Sender::new(()),
            search: Search::new(setup),
            rosters: BTreeMap::new(),
            saving: false,
            unsaved: false,
            stopping: None,
        }
    }
}

impl Actor for Discovery {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(Alarm::default());
        let known: Vec<_> = self.started.values().cloned().collect();
        for swarm in known {
            let info_hash = swarm.info_hash;
            self.start_swarm(swarm, context);
            if self.complete.contains(&info_hash) {
                self.member(info_hash, Input::SelfComplete(true), context);
            }
        }
        self.begin(context);
        self.start_resolving(&self.setup.listed, None, context);
        if self.setup.lan {
            self.start_lan(context);
        }
    }
}

impl Supervised for Discovery {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.state = State::new(&self.setup);
    }
}

impl Alarmed for Discovery {
    fn clock(&self) -> Clock {
        self.setup.clock
    }

    fn bell(&mut self) -> &mut Bell {
        &mut self.bell
    }

    fn deadline(&self) -> Option<Timestamp> {
        let swarms = self
            .state
            .swarms
            .values()
            .map(|swarm| swarm.membership.next_timeout());
        let others = [
            self.state.rendezvous.membership.next_timeout(),
            self.state.rendezvous.join.next_timeout(),
            self.state.search.next_timeout(),
            self.next_roster(),
        ];
        swarms.chain(others).flatten().min()
    }

    fn ring(&mut self, context: &mut Context<Self>) {
        for info_hash in self.all_swarms() {
            self.member(info_hash, Input::Tick, context);
        }
        self.consider(swarmlet_protocol::membership::JoinInput::Tick);
        self.sweep(context);
        self.call_rosters(context);
    }
}

impl Handler<AddressesFound> for Discovery {
    type Result = ();

    fn handle(&mut self, found: AddressesFound, context: &mut Self::Context) {
        self.found(&found, context);
    }
}

impl Handler<AdmitLink> for Discovery {
    type Result = ();

    fn handle(&mut self, link: AdmitLink, context: &mut Self::Context) {
        self.admit(link, context);
    }
}

impl Handler<LinkReport> for Discovery {
    type Result = ();

    fn handle(&mut self, report: LinkReport, context: &mut Self::Context) {
        let LinkReport { link, what, token } = report;
        self.reported(link, what, context);
        drop(token);
    }
}

impl Handler<SwarmStarted> for Discovery {
    type Result = ();

    fn handle(&mut self, swarm: SwarmStarted, context: &mut Self::Context) {
        self.started.insert(swarm.info_hash, swarm.clone());
        self.start_swarm(swarm, context);
    }
}

impl Handler<SwarmCompleted> for Discovery {
    type Result = ();

    fn handle(&mut self, completed: SwarmCompleted, context: &mut Self::Context) {
        let SwarmCompleted {
            info_hash,
            complete,
        } = completed;
        if complete {
            self.complete.insert(info_hash);
        } else {
            self.complete.remove(&info_hash);
            self.wake_rosters();
        }
        self.member(info_hash, Input::SelfComplete(complete), context);
    }
}

impl Handler<ResetLinks> for Discovery {
    type Result = ();

    fn handle(&mut self, ResetLinks { info_hash }: ResetLinks, _: &mut Self::Context) {
        self.renew_all(info_hash, "what this node has is checked anew");
    }
}

impl Handler<LinkLied> for Discovery {
    type Result = ();

    fn handle(&mut self, LinkLied { link, lie }: LinkLied, context: &mut Self::Context) {
        self.lied(link, lie, context);
    }
}

impl Handler<HarmLink> for Discovery {
    type Result = bool;

    fn handle(&mut self, HarmLink(harm): HarmLink, _: &mut Self::Context) -> bool {
        let mut sessions = self
            .state
            .links
            .values()
            .filter_map(|link| link.session.as_ref());
        let session = sessions.find(|session| session.connected());
        session
            .inspect(|session| session.do_send(SessionCommand::Harm(harm)))
            .is_some()
    }
}

impl Handler<StopDiscovery> for Discovery {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: StopDiscovery, context: &mut Self::Context) -> Self::Result {
        let (done, wait) = oneshot::channel();
        self.stop(done, context);
        Box::pin(async move {
            let _ = wait.await;
        })
    }
}

impl Handler<Ping> for Discovery {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<Harm> for Discovery {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("discovery", self, context);
    }
}
