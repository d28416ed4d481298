//! The actor of the distributed hash table (BEP 5): finds peers by nothing but an infohash.
//!
//! When a swarm is looked up is decided by [`Lookups`], by whom the table is entered by
//! [`Contacts`]; this actor performs it with a node of it (`table`), and keeps that open (`open`).
//! A private content (BEP 27) never comes to the table. One whose description is yet to be learned
//! (a magnet link) does, as with other clients, and leaves it when it turns out to be private.
//! Invariant: without a table nothing is sent, and what goes wrong with it stays here.

mod open;
mod table;

use std::net::{SocketAddr, SocketAddrV4};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseActFuture,
    Supervised, WrapFuture,
};
use log::debug;
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::dht::{Contacts, Input, Lookups, Output};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::membership::Source;
use swarmlet_protocol::time::Timestamp;

use self::table::{Gone, Table};
use crate::alarm::{Alarm, Alarmed, Bell};
use crate::clock::Clock;
use crate::maps::{HashMap, HashSet};
use crate::messages::dht::{FindInTable, NodeHeard, StopTable};
use crate::messages::discovery::AddressesFound;
use crate::messages::operator::SwarmRemoved;
use crate::messages::own_addresses::AddressesChanged;
use crate::messages::port_map::PortMapped;
use crate::messages::scheduler::QueryProgress;
use crate::messages::{Harm, Ping};
use crate::state::StateFolder;

/// What the actor is made of.
#[derive(Debug)]
pub struct Setup {
    /// Where the table's socket listens (UDP).
    pub at: SocketAddrV4,
    /// The port that peers are to dial (TCP).
    pub port: u16,
    /// The operator's own nodes of the table, in place of the public ones.
    pub nodes: Vec<PeerAddress>,
    /// Our own addresses.
    pub own: Vec<SocketAddr>,
    /// Hears of the peers.
    pub discovery: Recipient<AddressesFound>,
    /// Where nodes are remembered.
    pub state: Option<StateFolder>,
    /// The node's clock.
    pub clock: Clock,
    /// Decides ties.
    pub seed: u64,
}

/// Finds peers by the table.
#[derive(Debug)]
pub struct Dht {
    setup: Setup,
    /// What the supervisor told of our swarms; survives a restart.
    swarms: HashMap<InfoHash, FindInTable>,
    contacts: Contacts,
    rng: fastrand::Rng,
    /// The log has said that there is no table, and not yet that there is one.
    complained: bool,
    stopping: bool,
    bell: Bell,
    state: State,
}

/// Everything that a restart begins anew.
#[derive(Debug)]
struct State {
    lookups: Lookups,
    /// Dropping it ends its thread.
    table: Option<Table>,
    /// Tables in a row that did not come about.
    failures: u32,
    /// Swarms whose links are being counted.
    measuring: HashSet<InfoHash>,
}

impl State {
    fn new(seed: u64) -> Self {
        Self {
            lookups: Lookups::new(seed),
            table: None,
            failures: 0,
            measuring: HashSet::default(),
        }
    }
}

impl Dht {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut contacts = Contacts::new(setup.nodes.clone(), setup.own.clone());
        if let Some(state) = &setup.state {
            let (nodes, named) = state.load_table();
            contacts.remember(&nodes, &named);
        }
        Self {
            swarms: HashMap::default(),
            contacts,
            rng: fastrand::Rng::with_seed(setup.seed),
            complained: false,
            stopping: false,
            bell: Bell::default(),
            state: State::new(setup.seed),
            setup,
        }
    }

    fn now(&self) -> Timestamp {
        self.setup.clock.now()
    }

    /// One input to the machine, and what follows from it.
    fn input(&mut self, input: Input, context: &mut Context<Self>) {
        let output = self.state.lookups.handle(input, self.setup.clock.now());
        if let Some(Output::LookUp(info_hash)) = output {
            self.look_up(info_hash, context);
        }
        self.bell.rouse();
    }

    fn join(&mut self, swarm: FindInTable, context: &mut Context<Self>) {
        let info_hash = swarm.info_hash;
        if swarm.private {
            self.swarms.remove(&info_hash);
            self.input(Input::Leave(info_hash), context);
            return;
        }
        self.contacts.describe(&swarm.nodes);
        self.swarms.insert(info_hash, swarm);
        self.input(Input::Join(info_hash), context);
    }

    /// Asks the swarm's scheduler how many links there are; then the machine says what is due.
    fn measure(&mut self, info_hash: InfoHash, context: &mut Context<Self>) {
        let Some(swarm) = self.swarms.get(&info_hash) else {
            return;
        };
        let progress = swarm.progress.clone();
        if !self.state.measuring.insert(info_hash) {
            return;
        }
        let asking = async move {
            match progress {
                Some(progress) => progress.send(QueryProgress).await.unwrap_or_default().links,
                None => 0,
            }
        };
        context.spawn(asking.into_actor(self).map(move |links, dht, context| {
            dht.state.measuring.remove(&info_hash);
            dht.input(Input::Measured { info_hash, links }, context);
        }));
    }

    fn look_up(&mut self, info_hash: InfoHash, context: &mut Context<Self>) {
        let announced = false;
        let Some(table) = self.state.table.clone() else {
            self.input(
                Input::Done {
                    info_hash,
                    announced,
                },
                context,
            );
            return;
        };
        let discovery = self.setup.discovery.clone();
        let looking = async move {
            let found = |addresses: Vec<SocketAddr>| {
                debug!("the DHT names {addresses:?} for {info_hash}");
                discovery.do_send(AddressesFound {
                    source: Source::Dht,
                    addresses,
                    info_hash: Some(info_hash),
                });
            };
            table.look_up(info_hash, found).await
        };
        context.spawn(
            looking
                .into_actor(self)
                .map(move |outcome, dht, context| match outcome {
                    Ok(()) => dht.announce(info_hash, context),
                    Err(Gone) => dht.lost(context),
                }),
        );
    }

    /// A look-up went through: the nodes that answered may be told of us.
    fn announce(&mut self, info_hash: InfoHash, context: &mut Context<Self>) {
        let table = self.state.table.clone();
        // It may have turned out to be private in the meantime.
        let Some(table) = table.filter(|_| self.swarms.contains_key(&info_hash)) else {
            let announced = false;
            self.input(
                Input::Done {
                    info_hash,
                    announced,
                },
                context,
            );
            return;
        };
        let port = self.setup.port;
        let announcing = async move { table.announce(info_hash, port).await };
        context.spawn(
            announcing
                .into_actor(self)
                .map(move |outcome, dht, context| {
                    let announced = outcome == Ok(true);
                    debug!("{info_hash} in the DHT: announced is {announced}");
                    dht.input(
                        Input::Done {
                            info_hash,
                            announced,
                        },
                        context,
                    );
                    if outcome == Err(Gone) {
                        dht.lost(context);
                    }
                }),
        );
    }
}

impl Actor for Dht {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(Alarm::default());
        let swarms: Vec<_> = self.swarms.values().cloned().collect();
        for swarm in swarms {
            self.join(swarm, context);
        }
        self.open(context);
        self.keep_looking_after(context);
    }
}

impl Supervised for Dht {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.state = State::new(self.setup.seed);
    }
}

impl Alarmed for Dht {
    fn clock(&self) -> Clock {
        self.setup.clock
    }

    fn bell(&mut self) -> &mut Bell {
        &mut self.bell
    }

    fn deadline(&self) -> Option<Timestamp> {
        // Whose links are being counted has had its turn; the answer wakes us.
        let counts = !self.state.measuring.is_empty();
        self.state.lookups.deadline().filter(|_| !counts)
    }

    fn ring(&mut self, context: &mut Context<Self>) {
        for info_hash in self.state.lookups.due(self.now()) {
            self.measure(info_hash, context);
        }
    }
}

impl Handler<FindInTable> for Dht {
    type Result = ();

    fn handle(&mut self, swarm: FindInTable, context: &mut Self::Context) {
        self.join(swarm, context);
    }
}

impl Handler<SwarmRemoved> for Dht {
    type Result = ();

    fn handle(&mut self, removed: SwarmRemoved, context: &mut Self::Context) {
        if self.swarms.remove(&removed.info_hash).is_some() {
            self.input(Input::Leave(removed.info_hash), context);
        }
    }
}

impl Handler<NodeHeard> for Dht {
    type Result = ();

    fn handle(&mut self, NodeHeard(node): NodeHeard, _: &mut Self::Context) {
        self.contacts.hear(node);
    }
}

impl Handler<PortMapped> for Dht {
    type Result = ();

    fn handle(&mut self, PortMapped(port): PortMapped, _: &mut Self::Context) {
        self.setup.port = port;
    }
}

impl Handler<AddressesChanged> for Dht {
    type Result = ();

    fn handle(&mut self, changed: AddressesChanged, context: &mut Self::Context) {
        self.contacts.move_to(changed.0.own.clone());
        if changed.0.is_outward() {
            self.input(Input::Moved, context);
        }
    }
}

impl Handler<StopTable> for Dht {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: StopTable, context: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        self.input(Input::Table(false), context);
        let table = self.state.table.take();
        let nodes = async move {
            match table {
                Some(table) => table.nodes().await.unwrap_or_default(),
                None => Vec::new(),
            }
        };
        Box::pin(nodes.into_actor(self).then(|nodes, dht, _| {
            let saving = dht.remember(nodes);
            saving.into_actor(dht)
        }))
    }
}

impl Handler<Ping> for Dht {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<Harm> for Dht {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("the DHT", self, context);
    }
}
