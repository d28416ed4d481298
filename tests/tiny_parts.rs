//! Parts far smaller than a block: tens of thousands of them must not mean as many system calls.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used)]

mod support;

use support::churn::Way;
use support::fleet::Fleet;
use support::measure::writes;
use support::plan;

const SIZE: usize = 8 * 1024 * 1024;
const PART_SIZE: usize = 256;

/// A seeder and two leechers.
const NODES: usize = 3;

/// A write for every sixteen parts: what is written to the file, to peers and to wake threads,
/// with haves and requests, all together. One per part would be 32,768 of each.
const MOST_WRITES: u64 = (SIZE / PART_SIZE / 16) as u64;

#[test]
fn tiny_parts_are_stored_served_and_announced_together() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("tiny parts");
    let plan = plan::one_seed(&mut rng, NODES, SIZE, PART_SIZE);
    let mut fleet = Fleet::lay_out(plan, &mut rng);
    let report = fleet
        .settle(Way::Calm, &mut rng)
        .unwrap_or_else(|complaint| panic!("{complaint}"));
    for node in &fleet.nodes {
        let pid = node.pid().expect("the node lives");
        let writes = writes(pid).expect("look at what it wrote");
        println!("{writes} writes");
        assert!(writes > 0, "nothing was counted");
        assert!(writes <= MOST_WRITES, "{writes} writes; {report}");
    }
    fleet.kill_and_compare();
}
