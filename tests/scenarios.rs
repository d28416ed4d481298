//! The scenarios a fleet is judged by, with real processes on loopback addresses.
//!
//! Full numbers of nodes, but smaller files than the benchmark and the container tests use,
//! so that all of this takes minutes; `SWARMLET_TEST_FULL=1` makes the files full-size.
//! The limit of each scenario is stretched by `SWARMLET_TEST_PATIENCE` (3): these tests say
//! whether a fleet settles, `cargo bench --bench scenarios` says how fast.

mod support;

use std::ops::RangeInclusive;
use std::time::Duration;

use support::churn::Way;
use support::fleet::{Fleet, Report};
use support::plan::{self, Plan};

/// Every node must have this many links at most: the sockets of a fleet are limited.
const MOST_LINKS: usize = 30;

/// No node may need more memory than this, in bytes.
const MOST_MEMORY: u64 = 64 * 1024 * 1024;

/// The intervals of the restarts scenario: of `random`, and how long an epoch lasts.
const RANDOM_FAST: Way = Way::Random(Duration::from_millis(200));
const EPOCHS_FAST: Way = Way::Epochs(Duration::from_secs(1));

/// The same where nodes have to find each other first.
const RANDOM_SLOW: Way = Way::Random(Duration::from_secs(1));
const EPOCHS_SLOW: Way = Way::Epochs(Duration::from_secs(3));

fn is_full() -> bool {
    support::is_set("SWARMLET_TEST_FULL")
}

/// Sizes of the files of which each part has one source, in bytes.
fn sizes() -> RangeInclusive<usize> {
    if is_full() {
        plan::FULL_SIZES
    } else {
        1024 * 1024..=3 * 1024 * 1024
    }
}

/// Bytes of a whole simple-extra fleet.
fn total() -> usize {
    if is_full() {
        plan::FULL_TOTAL
    } else {
        plan::FULL_TOTAL / 8
    }
}

/// Runs a plan in a way to its end, and the comparison after it.
fn run(way: Way, make: impl FnOnce(&mut fastrand::Rng) -> Plan) -> Report {
    let _turn = if matches!(way, Way::Calm) {
        support::take_turn()
    } else {
        support::share_turn()
    };
    let mut rng = support::seeded("scenario");
    let plan = make(&mut rng);
    let name = format!("{} {}", plan.name, way.name());
    let size = plan.content.size();
    let mut fleet = Fleet::lay_out(plan, &mut rng);
    let report = fleet
        .settle(way, &mut rng)
        .unwrap_or_else(|complaint| panic!("{complaint}"));
    println!("{name}: {size} bytes, {report}");
    fleet.kill_and_compare();
    report
}

#[test]
fn a_leecher_with_an_empty_file_gets_the_seeder_s() {
    run(Way::Calm, plan::simple_docker_compose);
}

#[test]
fn one_holder_of_tiny_parts_gives_them_to_2_3_5_and_10_nodes() {
    for count in [2, 3, 5, 10] {
        run(Way::Calm, |rng| plan::simple_random(rng, count));
    }
}

#[test]
fn rubbish_becomes_a_file_of_no_bytes() {
    run(Way::Calm, plan::simple_extra_empty);
}

#[test]
fn rubbish_of_any_length_becomes_the_file_on_3_9_and_30_nodes() {
    for count in [3, 9, 30] {
        run(Way::Calm, |rng| plan::simple_extra(rng, count, total()));
    }
}

#[test]
fn sixty_nodes_sync_with_few_links_and_little_memory() {
    let report = run(Way::Calm, |rng| plan::simple_extra(rng, 60, total()));
    assert!(report.most_links <= MOST_LINKS, "{report}");
    assert!(report.most_memory <= MOST_MEMORY, "{report}");
}

#[test]
fn parts_with_one_source_each_reach_4_8_and_16_nodes() {
    for count in [4, 8, 16] {
        run(Way::Calm, |rng| plan::many_source(rng, count, sizes()));
    }
}

/// The tests of a scenario with restarts: both ways, with each number of nodes.
macro_rules! with_restarts {
    ($scenario:ident, $random:expr, $epochs:expr) => {
        mod $scenario {
            use super::*;

            #[test]
            fn settles_with_4_nodes_restarted_at_random() {
                run($random, |rng| plan::$scenario(rng, 4, sizes()));
            }

            #[test]
            fn settles_with_8_nodes_restarted_at_random() {
                run($random, |rng| plan::$scenario(rng, 8, sizes()));
            }

            #[test]
            fn settles_with_14_nodes_restarted_at_random() {
                run($random, |rng| plan::$scenario(rng, 14, sizes()));
            }

            #[test]
            fn settles_with_4_nodes_killed_in_epochs() {
                run($epochs, |rng| plan::$scenario(rng, 4, sizes()));
            }

            #[test]
            fn settles_with_8_nodes_killed_in_epochs() {
                run($epochs, |rng| plan::$scenario(rng, 8, sizes()));
            }

            #[test]
            fn settles_with_14_nodes_killed_in_epochs() {
                run($epochs, |rng| plan::$scenario(rng, 14, sizes()));
            }
        }
    };
}

with_restarts!(restarts, RANDOM_FAST, EPOCHS_FAST);
with_restarts!(restarts_discovery, RANDOM_SLOW, EPOCHS_SLOW);
with_restarts!(self_discovery, RANDOM_SLOW, EPOCHS_SLOW);
