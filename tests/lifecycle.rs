//! How a node starts, ends, and comes back.

mod support;

use std::fs;

use support::churn::Way;
use support::fleet::Fleet;
use support::measure::Sockets;
use support::node::STOP_PATIENCE;
use support::plan;

#[test]
fn a_node_that_is_asked_to_stop_ends_with_status_0() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("stop");
    let mut fleet = Fleet::lay_out(plan::simple_docker_compose(&mut rng), &mut rng);
    let report = fleet.settle(Way::Calm, &mut rng);
    report.unwrap_or_else(|complaint| panic!("{complaint}"));
    for node in &mut fleet.nodes {
        let status = node.stop();
        assert_eq!(
            status.map(|status| status.code()),
            Ok(Some(0)),
            "{}",
            node.log()
        );
    }
    fleet.kill_and_compare();
}

#[test]
fn a_node_that_has_not_found_anybody_stops_when_it_is_asked_to() {
    let mut rng = support::seeded("lonely");
    let mut fleet = Fleet::lay_out(plan::simple_docker_compose(&mut rng), &mut rng);
    let ip = fleet.subnet.ip(1);
    let node = &mut fleet.nodes[1];
    node.start();
    let port = node.address.port();
    let is_listening = || Sockets::look().is_listening(ip, port);
    support::wait_for("it listens", is_listening, || node.log());
    let status = node.stop();
    assert_eq!(
        status.map(|status| status.code()),
        Ok(Some(0)),
        "{}",
        node.log()
    );
}

#[test]
fn a_node_that_is_to_exit_when_complete_does_with_status_0() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("exit");
    let mut fleet = Fleet::lay_out(plan::simple_docker_compose(&mut rng), &mut rng);
    fleet.nodes[1].add_argument("--exit-when-complete");
    fleet.nodes[0].start();
    fleet.nodes[1].start();
    let status = fleet.nodes[1].wait(STOP_PATIENCE);
    assert_eq!(
        status.map(|status| status.code()),
        Ok(Some(0)),
        "{}\n--- the other's log:\n{}",
        fleet.nodes[1].log(),
        fleet.nodes[0].log()
    );
    fleet.kill_and_compare();
}

#[test]
fn a_node_knows_the_file_and_its_peers_after_a_restart_without_its_config() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("memory");
    let plan = plan::restarts_discovery(&mut rng, 4, 500_000..=600_000);
    let mut fleet = Fleet::lay_out(plan, &mut rng);
    fleet
        .settle(Way::Calm, &mut rng)
        .unwrap_or_else(|complaint| panic!("{complaint}"));
    for node in &mut fleet.nodes {
        node.stop().unwrap();
        fs::write(&node.files.conf, "{}").unwrap();
    }
    fs::remove_file(&fleet.nodes[3].files.data).unwrap();
    fleet
        .settle(Way::Calm, &mut rng)
        .unwrap_or_else(|complaint| panic!("{complaint}"));
    fleet.kill_and_compare();
}
