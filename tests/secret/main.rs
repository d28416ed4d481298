//! Fleets with a secret and with access lists, as processes on loopback addresses: who gets in, what
//! strangers and those who listen in can learn, and what changes while a fleet runs.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]
#![cfg(feature = "secret")]

mod access;
mod beacons;
mod foreign;
mod relay;
mod rotation;
mod secrecy;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod trackers;
mod trouble;
