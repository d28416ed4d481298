//! A whole swarm in virtual time: hundreds of nodes that run this crate's own machines.
//!
//! Each node has a [`Picker`](crate::picker::Picker), a
//! [`Membership`](crate::membership::Membership) and, for each of its links, a
//! [`Pipeline`](crate::pipeline::Pipeline). The network gives each node a rate up, a rate down and
//! a latency. What is left out: bytes and hashes (a piece that arrives is right), the session's
//! messages (a batch of pieces is one event), jitter and loss. So it says how pieces and links
//! spread, not how the protocol is spoken.
//!
//! The same seed gives the same run, event for event. Memory and time grow with nodes, links and
//! pieces, not with blocks: the heap holds 24 bytes for each event to come.
//!
//! Invariants, checked as it goes (see [`Config::check_every`]): every piece of every node is in
//! exactly one state, what a node fetches is what its links owe it, and no node has more links than
//! it may.
//!
//! The files, from the ground up: `clock` (the queue of events), `link`, `node`, `swarm` (what
//! happens), `wiring` (links come and go), `report` (what came of it).

mod clock;
mod link;
mod node;
mod report;
mod swarm;
mod wiring;

pub use report::Report;
pub use swarm::{Config, Swarm};

#[cfg(test)]
mod tests;
