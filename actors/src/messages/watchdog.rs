//! Words to the watchdog: whom to watch, and samples of links.

use std::net::SocketAddr;
use std::sync::Weak;
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message, WeakRecipient};
use swarmlet_protocol::id::LinkId;

use super::Ping;
use crate::gauge::Gauge;
use crate::guard::Lever;

/// An actor that is asked for signs of life, and how it is started anew if it gives none.
#[derive(Clone, Debug)]
pub struct Watched {
    /// What it is called.
    pub name: &'static str,
    /// Where it is asked. Whoever watches keeps nobody alive.
    pub ping: WeakRecipient<Ping>,
    /// How it is started anew.
    pub lever: Lever,
}

impl Watched {
    /// The actor at that address.
    #[must_use]
    pub fn new<A>(name: &'static str, actor: &Addr<A>, lever: Lever) -> Self
    where
        A: Actor + Handler<Ping>,
        A::Context: ToEnvelope<A, Ping>,
    {
        let ping = actor.downgrade().recipient();
        Self { name, ping, lever }
    }
}

/// Watch this actor as well, as long as it lives. From the supervisor, of itself and of each session
/// that it starts; lost when the watchdog panics at that very moment.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct WatchActor {
    /// Whom.
    pub watched: Watched,
    /// How long it is left alone after each answer.
    pub rest: Duration,
}

/// How a link does. From its session, once a second at most while it fetches; may be lost.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct LinkSampled {
    /// The link.
    pub link: LinkId,
    /// Who is there.
    pub remote: SocketAddr,
    /// The shortest round trip of late.
    pub round_trip: Duration,
    /// Bytes per second of late.
    pub rate: u64,
}

/// A link began: its rates are measured as long as it lives. From the supervisor; may be lost.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct WatchLink {
    /// The link.
    pub link: LinkId,
    /// Where its session says what moved.
    pub gauge: Weak<Gauge>,
}
