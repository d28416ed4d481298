//! The storm: nobody lives longer than a second, nobody knows a peer, one has the config.

mod support;

use support::churn::Way;
use support::fleet::Fleet;
use support::plan;

const NODES: usize = 14;

#[test]
fn a_fleet_settles_although_no_node_lives_longer_than_a_second() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("storm");
    let plan = plan::self_discovery(&mut rng, NODES, 1024 * 1024..=3 * 1024 * 1024);
    let mut fleet = Fleet::lay_out(plan, &mut rng);
    let report = fleet
        .settle(Way::Storm, &mut rng)
        .unwrap_or_else(|complaint| panic!("{complaint}"));
    println!("storm {NODES}: {report}");
    assert!(report.kills > 0, "{report}");
    fleet.kill_and_compare();
}
