//! Words to the watchdog: samples of links.

use std::net::SocketAddr;
use std::time::Duration;

use actix::Message;
use swarmlet_protocol::id::LinkId;

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
