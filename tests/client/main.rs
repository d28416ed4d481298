//! The commands that talk to a running node, as a user runs them: real nodes on loopback addresses,
//! asked by their sockets and by their addresses.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

mod forms;
mod looks;
mod refusals;
mod stage;
mod watch;
mod words;
