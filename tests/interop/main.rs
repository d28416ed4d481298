//! Nodes and clients that are not ours, in one swarm: each seeds to the other, finds the other, and
//! goes on after the other was killed.
//!
//! They know BitTorrent from its specifications and nothing of swarmlet, which makes them the
//! witnesses that our wire is BitTorrent. All of them are bound to loopback addresses, with
//! every kind of discovery off that a test does not ask for. A client that is not installed is
//! skipped by name, unless `SWARMLET_REQUIRE_FOREIGN=1` asks for it.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod client;
mod created;
mod encryption;
mod exchange;
mod healing;
mod limits;
mod magnets;
mod mixed;
mod payload;
mod restarts;
mod seeding;
#[path = "../support/mod.rs"]
mod support;
mod swarm;
mod trackers;
