//! What actors say to each other: the ground floor of this crate, a file per receiver.
//!
//! Requests are verbs, facts are past tense. Each message says who sends it, who answers, what a
//! failure means and whether it may be lost. Facts travel by `Recipient`, so that an actor knows
//! the words it says and not who hears them.

pub mod admission;
pub mod dht;
pub mod discovery;
pub mod events;
pub mod link;
pub mod operator;
pub mod own_addresses;
pub mod port_map;
pub mod report;
pub mod scheduler;
pub mod session;
pub mod storage;
pub mod supervisor;
pub mod trackers;
pub mod turns;
pub mod watchdog;
pub mod web_seeds;

use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Message, WrapFuture};

/// What befalls the receiver. Sent by tests only, to see the node survive it.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
#[non_exhaustive]
pub enum Harm {
    /// It panics.
    Panic,
    /// It waits for what will never be, and looks at no message.
    Stick,
    /// It holds up its thread for so long: it, and all that share the thread, do nothing.
    Block(Duration),
}

impl Harm {
    /// Does it to the actor in hand.
    #[allow(clippy::panic, reason = "the message exists to do this")]
    pub(crate) fn befall<A>(self, name: &str, actor: &A, context: &mut Context<A>)
    where
        A: Actor<Context = Context<A>>,
    {
        match self {
            Self::Panic => panic!("a test asked {name} to panic"),
            Self::Stick => context.wait(std::future::pending::<()>().into_actor(actor)),
            Self::Block(time) => std::thread::sleep(time),
        }
    }
}

/// Asks an actor for a sign of life. The watchdog measures how long the answer takes: the age of
/// the mailbox.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Ping;

/// The kinds of actors of a node.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
#[non_exhaustive]
pub enum ActorKind {
    /// Finds peers by the distributed hash table.
    Dht,
    /// Finds peers and owns the links.
    Discovery,
    /// Accepts links.
    Listener,
    /// Looks which addresses this machine has.
    OwnAddresses,
    /// Opens our port at the router.
    PortMap,
    /// Owns the piece map of a swarm.
    Scheduler,
    /// Owns one link's socket.
    Session,
    /// Owns the file of a swarm.
    Storage,
    /// Wires and restarts the others.
    Supervisor,
    /// Says which contents are fetched now.
    Turns,
    /// Asks trackers for peers.
    Trackers,
    /// Watches figures over time.
    Watchdog,
    /// Asks the web seeds of a swarm.
    WebSeeds,
}
