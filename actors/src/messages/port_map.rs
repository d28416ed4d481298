//! Words of the actor that opens a port at the router, and to it.

use actix::Message;

/// Peers beyond the router reach us at this port of it; our own again when the mapping is gone.
/// From the port map, to those who tell others where we are.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct PortMapped(pub u16);

/// Take the mapping back. From the supervisor at the end; answered when the router has answered, or
/// has not for a while.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct StopPortMap;
