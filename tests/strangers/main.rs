//! Strangers without number and without manners, against real nodes: what they cost, and what honest
//! peers lose by them.
//!
//! Each test bounds what can be counted: bytes right, memory, sockets, processor time beside that of an
//! honest transfer in the same run. None of them is about seconds, but for `rate`, which measures by the
//! clock and runs only where `SWARMLET_STRANGERS=1` asks for it.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod addresses;
mod camping;
mod crowd;
mod floods;
mod liars;
mod metadata;
mod peer;
mod rate;
mod stage;
#[path = "../support/mod.rs"]
mod support;
