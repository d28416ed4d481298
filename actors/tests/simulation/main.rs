//! Whole nodes on simulated time: the real actors over a simulated network and simulated disks, under
//! schedules of faults that are drawn from seeds, judged at every step.
//!
//! `SWARMLET_SIMULATION_SCHEDULES` says how many schedules are run, `SWARMLET_SIMULATION_FIRST` from
//! which seed on. `SWARMLET_SIMULATION_SEED` runs one, with its trace.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]
#![allow(missing_docs, unreachable_pub)]

mod content;
mod faults;
mod fleet;
mod judge;
mod many;
mod node;
mod plan;
mod schedule;
mod stories;
mod world;

use std::process::Command;

use schedule::play;

/// 100 schedules where nobody says how many: a look, and no proof.
const SCHEDULES: u64 = 100;

/// Seeds that found something once, with what it was.
const KEPT: &str = include_str!("seeds.txt");

fn number(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name}: {value:?} is no number")),
    )
}

#[test]
fn every_seed_that_found_something_finds_nothing_now() {
    let seeds = KEPT.lines().filter_map(|line| {
        let seed = line.split('#').next()?.trim();
        (!seed.is_empty()).then(|| seed.parse().expect("a seed"))
    });
    many::all(seeds.collect());
}

#[test]
fn a_fleet_gets_over_every_schedule_of_faults() {
    if let Some(seed) = number("SWARMLET_SIMULATION_SEED") {
        return many::one(seed);
    }
    let first = number("SWARMLET_SIMULATION_FIRST").unwrap_or(1);
    let count = number("SWARMLET_SIMULATION_SCHEDULES").unwrap_or(SCHEDULES);
    many::all((first..first + count).collect());
}

#[test]
fn the_same_seed_is_the_same_run_twice() {
    for seed in 1..=10 {
        let (one, other) = (play(seed).trace, play(seed).trace);
        for (number, (one, other)) in one.iter().zip(&other).enumerate() {
            assert_eq!(one, other, "seed {seed}, line {number}");
        }
        assert_eq!(one.len(), other.len(), "seed {seed}");
    }
}

#[test]
fn the_same_seed_is_the_same_run_in_another_process() {
    let myself = std::env::current_exe().unwrap();
    let run = || {
        let mut run = Command::new(&myself);
        run.args([
            "--exact",
            "a_fleet_gets_over_every_schedule_of_faults",
            "--nocapture",
        ]);
        let output = run.env("SWARMLET_SIMULATION_SEED", "7").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let traced = text.lines().filter(|line| line.contains(" turns"));
        traced.map(str::to_owned).collect::<Vec<_>>()
    };
    let (one, other) = (run(), run());
    assert!(one.len() > 10, "{one:?}");
    assert_eq!(one, other);
}
