//! Parts that are larger than the memory a node may use: they come whole, and through files.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used)]

mod support;

use support::churn::Way;
use support::fleet::Fleet;
use support::plan;

const MIB: usize = 1024 * 1024;

/// A seeder and two leechers.
const NODES: usize = 3;

/// No node may need more memory than this, in bytes.
const MOST_MEMORY: u64 = 64 * 1024 * 1024;

#[test]
fn one_part_of_64_mib_arrives_within_64_mib_of_memory() {
    fetch(64 * MIB, 64 * MIB);
}

#[test]
fn three_parts_of_40_mib_arrive_within_64_mib_of_memory() {
    fetch(120 * MIB, 40 * MIB);
}

fn fetch(size: usize, part_size: usize) {
    let _turn = support::take_turn();
    let mut rng = support::seeded("huge part");
    let plan = plan::one_seed(&mut rng, NODES, size, part_size);
    let name = plan.name.clone();
    let mut fleet = Fleet::lay_out(plan, &mut rng);
    let report = fleet
        .settle(Way::Calm, &mut rng)
        .unwrap_or_else(|complaint| panic!("{complaint}"));
    println!("{name}: {report}");
    assert!(report.most_memory > 0, "nobody was measured");
    assert!(report.most_memory <= MOST_MEMORY, "{report}");
    for node in &fleet.nodes {
        let state = std::fs::read_dir(&node.files.state).expect("read a state directory");
        let sizes = state.map(|entry| entry.and_then(|entry| entry.metadata()).map(|m| m.len()));
        for size in sizes {
            let size = size.expect("look at a state file");
            assert!(
                size < MIB as u64,
                "a scratch file of {size} bytes has a name"
            );
        }
    }
    fleet.kill_and_compare();
}
