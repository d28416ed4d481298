//! The HTTP face of real nodes: what it says, to whom, and what it costs.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used, unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

mod api;
mod content;
mod cost;
mod crowd;
mod events;
mod foreign;
mod request;
mod stage;
mod unfinished;
