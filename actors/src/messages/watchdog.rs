//! Words to the watchdog: samples of links.

use std::net::SocketAddr;
use std::sync::Weak;
use std::time::Duration;

use actix::Message;
use swarmlet_protocol::id::LinkId;

use crate::gauge::Gauge;

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
