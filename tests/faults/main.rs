//! Faults, injected: what breaks, what must not follow, and how long it took until all was well.
//!
//! A file per family. Each test prints the figure that it measured; `cargo test --test faults --
//! --nocapture` shows them. Some run longer when they are told to: `SWARMLET_KILLS=10000`.
//! What needs root is skipped by name without it.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used, unreachable_pub)]

mod addresses;
mod black_holes;
mod clocks;
mod crowds;
mod disks;
mod foreigner;
#[path = "../inprocess/mod.rs"]
mod inprocess;
mod kills;
mod networks;
mod shortages;
mod stuck;
#[path = "../support/mod.rs"]
mod support;

/// A count that a variable of the environment may raise.
fn count(variable: &str, usual: usize) -> usize {
    let said = std::env::var(variable).ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(usual)
}
