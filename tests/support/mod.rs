//! What the tests from outside share: fleets of real node processes on loopback addresses.
//!
//! A test lays out a [`Plan`](plan::Plan) (who has which bytes, who knows whom) as a
//! [`Fleet`](fleet::Fleet) of processes, each with its own address of one loopback /24, and
//! waits until every data file holds the planned content. Nothing here looks inside a node:
//! the verdict comes from the bytes of the files, the rest from `/proc`.
//!
//! Invariant: a fleet ends only processes that it started itself, and has ended all of them
//! when it is dropped.

// Every test target compiles this module for itself and uses a part of it.
#![allow(dead_code, unreachable_pub)]
// A harness that cannot do its work has nothing better to do than to panic.
#![allow(clippy::expect_used, clippy::unwrap_used)]

pub mod churn;
pub mod content;
pub mod fleet;
pub mod folder;
pub mod handful;
pub mod ideal;
pub mod judge;
pub mod loopback;
pub mod measure;
pub mod mounts;
pub mod network;
pub mod node;
pub mod origin;
pub mod plan;
pub mod router;
pub mod torrent;
pub mod tracker;

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Another program to judge in place of the one that cargo built, such as a release build.
const BINARY_VARIABLE: &str = "SWARMLET_TEST_BINARY";

/// The seed of a run, so that a failure can be repeated.
const SEED_VARIABLE: &str = "SWARMLET_TEST_SEED";

/// How many times the limit of a scenario a test waits for it.
const PATIENCE_VARIABLE: &str = "SWARMLET_TEST_PATIENCE";

/// Debug builds on a machine that does other work besides need some patience. The benchmark
/// prints the times that count.
const DEFAULT_PATIENCE: f64 = 3.0;

/// The program under test.
pub fn binary() -> PathBuf {
    std::env::var_os(BINARY_VARIABLE).map_or_else(
        || PathBuf::from(env!("CARGO_BIN_EXE_swarmlet")),
        PathBuf::from,
    )
}

/// The factor by which the limits of the scenarios are stretched.
pub fn patience() -> f64 {
    std::env::var(PATIENCE_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(DEFAULT_PATIENCE)
}

/// A generator for a test, and its seed on the standard output.
pub fn seeded(what: &str) -> fastrand::Rng {
    let seed = std::env::var(SEED_VARIABLE)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(fresh_seed);
    println!("{what}: {SEED_VARIABLE}={seed}");
    fastrand::Rng::with_seed(seed)
}

/// A seed that differs from run to run and from process to process.
pub fn fresh_seed() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let ticks = now.as_secs().wrapping_mul(1_000_000_000) + u64::from(now.subsec_nanos());
    fastrand::Rng::with_seed(ticks ^ (u64::from(std::process::id()) << 40)).u64(..)
}

/// Waits until no other test of this machine runs a fleet, and keeps them waiting until it is
/// dropped: fleets that compete for two cores would say nothing about either.
#[must_use]
pub fn take_turn() -> Turn {
    let file = turn_file();
    file.lock().expect("lock the turn file");
    Turn { _file: file }
}

/// The same beside other tests that say this: fleets that are killed and started by the clock, and
/// wait for it most of the time.
#[must_use]
pub fn share_turn() -> Turn {
    let file = turn_file();
    file.lock_shared().expect("lock the turn file");
    Turn { _file: file }
}

fn turn_file() -> File {
    let path = std::env::temp_dir().join("swarmlet-tests.lock");
    File::options()
        .create(true)
        .append(true)
        .open(&path)
        .expect("open the turn file")
}

/// The right to run a fleet; see [`take_turn`] and [`share_turn`].
#[derive(Debug)]
pub struct Turn {
    _file: File,
}

/// Whether a variable of the environment is set to something but 0.
pub fn is_set(variable: &str) -> bool {
    std::env::var(variable).is_ok_and(|value| !value.is_empty() && value != "0")
}

/// Says that a test is skipped and why, past the capture of the test runner; fails instead if
/// the variable `required_by` is set.
pub fn skip(test: &str, why: &str, required_by: &str) {
    use std::io::Write;
    assert!(
        !is_set(required_by),
        "{test}: {why}, and {required_by} asks for it"
    );
    // `println!` would be captured: a skipped test must be seen.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

/// Asks again and again until the answer is yes.
///
/// # Panics
/// If it never is, within a minute times the patience; `complaint` says what was seen.
pub fn wait_for(what: &str, mut is_so: impl FnMut() -> bool, complaint: impl Fn() -> String) {
    let limit = Duration::from_secs(60).mul_f64(patience());
    let begin = Instant::now();
    while !is_so() {
        assert!(
            begin.elapsed() < limit,
            "waited in vain until {what}\n{}",
            complaint()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
