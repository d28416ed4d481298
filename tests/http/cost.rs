//! What a face costs that nobody looks at, and one that somebody does.

use std::collections::HashMap;
use std::io::Read;
use std::time::Duration;

use crate::request::get;
use crate::stage::{LEECHER, SEED, Stage};
use crate::support::measure::processor_times;

/// After the last byte the node looks around for a moment; then it is idle.
const COME_TO_REST: Duration = Duration::from_secs(5);

/// How long it is watched.
const WATCH: Duration = Duration::from_secs(10);

/// 1 % of a core, of each node.
const MOST: Duration = WATCH.checked_div(100).expect("not by zero");

#[test]
fn an_idle_node_with_a_face_stays_under_one_percent_of_a_core() {
    let stage = Stage::running(4 << 20, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    std::thread::sleep(COME_TO_REST);
    let used = used(&stage, LEECHER);
    println!("idle, with a face: {used:?} in {WATCH:?}");
    assert!(used <= MOST, "{used:?} in {WATCH:?}");
}

#[test]
fn an_idle_node_that_somebody_watches_stays_under_one_percent_of_a_core() {
    let stage = Stage::running(4 << 20, 64 * 1024, &[], &[]);
    stage.wait_until_ready(SEED);
    let (_, _, mut reader) = get("/api/v1/events").open(stage.face(SEED));
    std::thread::spawn(move || {
        // Until the node ends.
        let mut buffer = [0; 4096];
        while matches!(reader.read(&mut buffer), Ok(1..)) {}
    });
    std::thread::sleep(COME_TO_REST);
    let used = used(&stage, SEED);
    println!("idle, watched: {used:?} in {WATCH:?}");
    assert!(used <= MOST, "{used:?} in {WATCH:?}");
}

fn used(stage: &Stage, node: usize) -> Duration {
    let pid = stage.handful.nodes[node].pid().unwrap();
    let before: HashMap<u32, Duration> = processor_times(pid);
    std::thread::sleep(WATCH);
    let after = processor_times(pid);
    assert!(
        !after.is_empty(),
        "the kernel keeps no books of the threads"
    );
    let new = |(id, time): (&u32, &Duration)| {
        time.saturating_sub(before.get(id).copied().unwrap_or_default())
    };
    after.iter().map(new).sum()
}
