//! What a fleet costs that has nothing to do.
//!
//! The only limits here are the product's own: under 1 % of a core for ten nodes together, and
//! next to nothing sent. Time on a processor is counted, not time on the wall.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::collections::HashMap;
use std::time::Duration;

use support::churn::Way;
use support::fleet::Fleet;
use support::measure::{bytes_sent, processor_times};
use support::plan::{self, Plan};

const NODES: usize = 10;

/// A fleet may end links, tell each other of peers and look around for a moment after the last
/// byte; then it is idle.
const COME_TO_REST: Duration = Duration::from_secs(5);

/// How long it is watched.
const WATCH: Duration = Duration::from_secs(10);

/// How often the sockets are looked at: one that is opened and closed between two looks is not
/// counted.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// 1 % of a core, of all nodes together.
const MOST_PROCESSOR_TIME: Duration = WATCH.checked_div(100).expect("not by zero");

/// 1 KiB a second, of all nodes together.
const MOST_BYTES: u64 = WATCH.as_secs() * 1024;

#[test]
fn ten_nodes_with_listed_peers_that_are_done_cost_next_to_nothing() {
    costs_next_to_nothing(|rng| plan::many_source(rng, NODES, 1_000_000..=2_000_000));
}

#[test]
fn ten_nodes_that_found_each_other_by_sweeping_cost_next_to_nothing() {
    costs_next_to_nothing(|rng| plan::self_discovery(rng, NODES, 1_000_000..=2_000_000));
}

fn costs_next_to_nothing(make: impl FnOnce(&mut fastrand::Rng) -> Plan) {
    let _turn = support::take_turn();
    let mut rng = support::seeded("idle");
    let plan = make(&mut rng);
    let mut fleet = Fleet::lay_out(plan, &mut rng);
    fleet
        .settle(Way::Calm, &mut rng)
        .unwrap_or_else(|complaint| panic!("{complaint}"));
    std::thread::sleep(COME_TO_REST);

    let time_before = all_processor_times(&fleet);
    let bytes = watch_bytes(&fleet.subnet.cidr());
    let time = used_between(&time_before, &all_processor_times(&fleet));
    println!(
        "{}: idle for {WATCH:?}: {time:?} of a core, {bytes:?} bytes sent",
        fleet.plan.name
    );
    assert!(time <= MOST_PROCESSOR_TIME, "{time:?} in {WATCH:?}");
    match bytes {
        Some(bytes) => assert!(bytes <= MOST_BYTES, "{bytes} bytes in {WATCH:?}"),
        None => support::skip(
            "idle, bytes sent",
            "there is no ss here",
            "SWARMLET_REQUIRE_ROOT",
        ),
    }
}

/// Of all threads of all nodes.
fn all_processor_times(fleet: &Fleet) -> HashMap<u32, Duration> {
    let pids = fleet
        .nodes
        .iter()
        .map(|node| node.pid().expect("the node runs"));
    let times: HashMap<u32, Duration> = pids.flat_map(processor_times).collect();
    assert!(
        times.len() >= NODES,
        "the kernel keeps no books of the threads, or nodes ended"
    );
    times
}

/// A thread that is new used all its time since then.
fn used_between(before: &HashMap<u32, Duration>, after: &HashMap<u32, Duration>) -> Duration {
    let used = |(id, time): (&u32, &Duration)| {
        time.saturating_sub(before.get(id).copied().unwrap_or_default())
    };
    after.iter().map(used).sum()
}

/// What is sent while the fleet is watched; `None` if nobody can tell.
fn watch_bytes(range: &str) -> Option<u64> {
    let mut last = bytes_sent(range);
    let mut total = 0;
    for _ in 0..WATCH.as_millis() / LOOK_EVERY.as_millis() {
        std::thread::sleep(LOOK_EVERY);
        let now = bytes_sent(range);
        if let (Some(last), Some(now)) = (&last, &now) {
            total += sent_between(last, now);
        }
        last = now;
    }
    last.map(|_| total)
}

/// A socket that is new since the last look sent all that it sent since then.
fn sent_between(last: &HashMap<String, u64>, now: &HashMap<String, u64>) -> u64 {
    now.iter()
        .map(|(socket, &bytes)| bytes.saturating_sub(last.get(socket).copied().unwrap_or(0)))
        .sum()
}

#[test]
fn bytes_of_new_and_old_sockets_are_counted_once() {
    let table = |entries: &[(&str, u64)]| -> HashMap<String, u64> {
        entries
            .iter()
            .map(|&(name, bytes)| (name.to_owned(), bytes))
            .collect()
    };
    let last = table(&[("a", 10), ("closed", 99)]);
    let now = table(&[("a", 15), ("new", 7)]);
    assert_eq!(sent_between(&last, &now), 12);
}
