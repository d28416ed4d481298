//! A whole swarm in virtual time: up to ten thousand nodes that run this crate's own machines.
//!
//! Each node has a [`Picker`](crate::picker::Picker), a
//! [`Membership`](crate::membership::Membership) and, for each of its links, a
//! [`Pipeline`](crate::pipeline::Pipeline). The network gives each node a rate up, a rate down and
//! a latency. A node's line sends batches of pieces one after the other, its links in turn; at the
//! receiver's line they wait for each other. A link's rate is measured as if the blocks of all
//! links came interleaved, as they do in TCP. Control bytes have the lengths that the encoders give
//! them, and take no time.
//!
//! What is left out: bytes and hashes (a piece that arrives is right), the session's states (a
//! piece is asked for as a whole), jitter, loss and congestion control. So it says how pieces and
//! links spread, not how the protocol is spoken. `docs/growth.md` has what came of it.
//!
//! The same seed gives the same run, event for event. Memory and time grow with nodes, links and
//! pieces, not with blocks: the heap holds 24 bytes for each event to come.
//!
//! Invariants, checked as it goes (see [`Config::check_every`]): every piece of every node is in
//! exactly one state, what a node fetches is what its links owe it, and no node has more links than
//! it may.
//!
//! The files, from the ground up: `clock` (the queue of events), `event`, `link`, `node`, `traffic`
//! (control bytes), `swarm` (time passes), `wiring` (links come and go), `picking` (who has what),
//! `transfer` (bytes on their way), `report` (what came of it).

mod clock;
mod config;
mod event;
mod link;
mod node;
mod picking;
mod report;
mod swarm;
mod traffic;
mod transfer;
mod wiring;

pub use config::Config;
pub use report::Report;
pub use swarm::Swarm;
pub use traffic::Traffic;

#[cfg(test)]
mod tests;
