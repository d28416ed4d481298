//! What random schedules have found, told as short stories: they stay what they are when seeds do not.

use std::time::Duration;

use swarmlet_actors::simulation::Conditions;
use swarmlet_protocol::encryption::Policy;

use crate::plan::{Fault, NodePlan, Plan, Sick};
use crate::schedule::play_out;

/// A fleet in which the first has everything and all know it; nothing befalls it.
fn fleet(nodes: usize, contents: usize) -> Plan {
    let node = |number: usize| NodePlan {
        peers: (0..nodes).filter(|&other| other != number).collect(),
        knows: true,
        state: true,
        share: if number == 0 { 256 } else { 0 },
    };
    Plan {
        nodes: (0..nodes).map(node).collect(),
        contents: vec![(200_000, 8_192); contents],
        conditions: Conditions::default(),
        max_links: 24,
        encryption: Policy::default(),
        scrub: Duration::from_secs(10),
        faults: Vec::new(),
    }
}

fn ends_well(plan: Plan) {
    let outcome = play_out(1, plan);
    assert!(
        outcome.wrong.is_none(),
        "{}\n{}",
        outcome.wrong.unwrap_or_default(),
        outcome.trace.join("\n")
    );
}

#[test]
fn a_fleet_without_faults_is_whole_in_a_moment() {
    let outcome = play_out(1, fleet(4, 1));
    assert!(outcome.wrong.is_none(), "{:?}", outcome.wrong);
    assert!(
        outcome.healing < Duration::from_secs(3),
        "{:?}",
        outcome.healing
    );
}

#[test]
fn a_recheck_while_the_disk_is_full_leaves_nobody_waiting() {
    let mut plan = fleet(2, 1);
    let (node, content) = (1, 0);
    let time = Duration::from_secs(2);
    let at = Duration::from_millis;
    plan.faults = vec![
        (
            at(1),
            Fault::Disk {
                node,
                how: Sick::Full,
                time,
            },
        ),
        (at(1_000), Fault::Recheck { node, content }),
    ];
    ends_well(plan);
}

#[test]
fn two_contents_and_few_links_leave_room_for_a_newcomer() {
    for max_links in 2..=6 {
        let mut plan = fleet(5, 2);
        plan.max_links = max_links;
        let down = Duration::from_millis(500);
        let kill = Fault::Kill {
            node: 4,
            silently: false,
            down,
        };
        plan.faults = vec![(Duration::from_secs(3), kill)];
        ends_well(plan);
    }
}
