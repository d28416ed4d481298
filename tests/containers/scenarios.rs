//! The seven scenarios and the storm.

use std::time::Duration;

use super::engine::is_available;
use super::fleet::{Delivery, Fleet};
use crate::support::churn::Way;
use crate::support::plan::{self, FULL_SIZES, FULL_TOTAL, Plan};
use crate::support::{seeded, take_turn};

const RANDOM_FAST: Way = Way::Random(Duration::from_millis(200));
const EPOCHS_FAST: Way = Way::Epochs(Duration::from_secs(1));
const RANDOM_SLOW: Way = Way::Random(Duration::from_secs(1));
const EPOCHS_SLOW: Way = Way::Epochs(Duration::from_secs(3));

fn run(
    test: &str,
    way: Way,
    delivery: Delivery,
    counts: &[usize],
    make: impl Fn(&mut fastrand::Rng, usize) -> Plan,
) {
    if !is_available(test) {
        return;
    }
    let _turn = take_turn();
    for &count in counts {
        let mut rng = seeded(test);
        let plan = make(&mut rng, count);
        let fleet = Fleet::create(plan, delivery, &mut rng);
        fleet.settle(way, &mut rng);
    }
}

#[test]
fn simple_docker_compose_with_mounted_files() {
    let make = |rng: &mut fastrand::Rng, _| plan::simple_docker_compose(rng);
    run(
        "simple-docker-compose",
        Way::Calm,
        Delivery::Mounted,
        &[2],
        make,
    );
}

#[test]
fn simple_random() {
    run(
        "simple-random",
        Way::Calm,
        Delivery::Copied,
        &[2, 3, 5, 10],
        plan::simple_random,
    );
}

#[test]
fn simple_extra_with_a_file_of_no_bytes() {
    let make = |rng: &mut fastrand::Rng, _| plan::simple_extra_empty(rng);
    run(
        "simple-extra, no bytes",
        Way::Calm,
        Delivery::Copied,
        &[7],
        make,
    );
}

#[test]
fn simple_extra() {
    let make = |rng: &mut fastrand::Rng, count| plan::simple_extra(rng, count, FULL_TOTAL);
    run(
        "simple-extra",
        Way::Calm,
        Delivery::Copied,
        &[3, 9, 30],
        make,
    );
}

#[test]
fn simple_extra_with_60_nodes() {
    let make = |rng: &mut fastrand::Rng, count| plan::simple_extra(rng, count, FULL_TOTAL);
    run("simple-extra 60", Way::Calm, Delivery::Copied, &[60], make);
}

#[test]
fn many_source() {
    let make = |rng: &mut fastrand::Rng, count| plan::many_source(rng, count, FULL_SIZES);
    run(
        "many-source",
        Way::Calm,
        Delivery::Copied,
        &[4, 8, 16],
        make,
    );
}

fn restarts(test: &str, way: Way) {
    let make = |rng: &mut fastrand::Rng, count| plan::restarts(rng, count, FULL_SIZES);
    run(test, way, Delivery::Copied, &[4, 8, 14], make);
}

#[test]
fn restarts_at_random() {
    restarts("restarts, random", RANDOM_FAST);
}

#[test]
fn restarts_in_epochs() {
    restarts("restarts, epochs", EPOCHS_FAST);
}

fn restarts_discovery(test: &str, way: Way) {
    let make = |rng: &mut fastrand::Rng, count| plan::restarts_discovery(rng, count, FULL_SIZES);
    run(test, way, Delivery::Copied, &[4, 8, 14], make);
}

#[test]
fn restarts_discovery_at_random() {
    restarts_discovery("restarts-discovery, random", RANDOM_SLOW);
}

#[test]
fn restarts_discovery_in_epochs() {
    restarts_discovery("restarts-discovery, epochs", EPOCHS_SLOW);
}

fn self_discovery(test: &str, way: Way, counts: &[usize]) {
    let make = |rng: &mut fastrand::Rng, count| plan::self_discovery(rng, count, FULL_SIZES);
    run(test, way, Delivery::Copied, counts, make);
}

#[test]
fn self_discovery_at_random() {
    self_discovery("self-discovery, random", RANDOM_SLOW, &[4, 8, 14]);
}

#[test]
fn self_discovery_in_epochs() {
    self_discovery("self-discovery, epochs", EPOCHS_SLOW, &[4, 8, 14]);
}

#[test]
fn storm() {
    self_discovery("storm", Way::Storm, &[14]);
}
