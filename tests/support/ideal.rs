//! The least time in which any node could settle a scenario: an engine that costs nothing.
//!
//! Nodes that run at the same moment and can reach each other know and have at once what any of
//! them knows and has. What is left is the scenario itself: whom it lets run, and when. No program
//! is faster than this in the same churn, so a figure is to be read against it.

use std::time::Duration;

use super::churn::{Churn, Order, Way};
use super::plan::{Initial, Plan};

/// The step of the clock: the beat of the fleets is no finer.
const STEP: Duration = Duration::from_millis(10);

/// An hour: a scenario that an ideal fleet does not settle by then cannot be settled.
const END: Duration = Duration::from_secs(3_600);

struct Member {
    is_alive: bool,
    knows_file: bool,
    has: Vec<bool>,
    knows: Vec<bool>,
}

/// When the last node of an ideal fleet has the whole file.
pub fn settle(plan: &Plan, way: Way, rng: &mut fastrand::Rng) -> Duration {
    let mut churn = Churn::new(way, plan.nodes.len(), rng);
    let mut members = members(plan);
    let mut now = Duration::ZERO;
    while now < END {
        let orders = churn.orders(now);
        for order in &orders {
            match *order {
                Order::Start(node) | Order::Restart(node) => members[node].is_alive = true,
                Order::Kill(node) => members[node].is_alive = false,
            }
            // A restart of all brings them up one after the other; the last sees all others.
            if matches!(order, Order::Start(_) | Order::Restart(_)) {
                meet(&mut members);
            }
        }
        if members
            .iter()
            .all(|member| member.has.iter().all(|&has| has))
        {
            return now;
        }
        now += STEP;
    }
    END
}

fn members(plan: &Plan) -> Vec<Member> {
    let parts = plan.content.hashes().len();
    let count = plan.nodes.len();
    let member = |node: &super::plan::NodePlan| Member {
        is_alive: false,
        knows_file: node.knows_file,
        has: match &node.initial {
            Initial::Whole => vec![true; parts],
            Initial::Scattered { right, .. } => right.clone(),
            _ => vec![false; parts],
        },
        knows: (0..count)
            .map(|other| plan.sweep || node.peers.contains(&other))
            .collect(),
    };
    plan.nodes.iter().map(member).collect()
}

/// All groups of running nodes that can reach each other become of one mind.
fn meet(members: &mut [Member]) {
    let mut group: Vec<usize> = (0..members.len()).collect();
    let mut changed = true;
    while changed {
        changed = false;
        for one in 0..members.len() {
            for other in 0..members.len() {
                let both = members[one].is_alive && members[other].is_alive;
                if both
                    && group[other] > group[one]
                    && (members[one].knows[other] || members[other].knows[one])
                {
                    group[other] = group[one];
                    changed = true;
                } else if both
                    && group[other] < group[one]
                    && (members[one].knows[other] || members[other].knows[one])
                {
                    group[one] = group[other];
                    changed = true;
                }
            }
        }
    }
    for name in 0..members.len() {
        let inside: Vec<usize> = (0..members.len())
            .filter(|&node| members[node].is_alive && group[node] == name)
            .collect();
        let knows_file = inside.iter().any(|&node| members[node].knows_file);
        let any = |set: fn(&Member) -> &Vec<bool>, index: usize| {
            inside.iter().any(|&node| set(&members[node])[index])
        };
        let knows: Vec<bool> = (0..members.len())
            .map(|node| inside.contains(&node) || any(|member| &member.knows, node))
            .collect();
        let parts = members[0].has.len();
        let has: Vec<bool> = (0..parts)
            .map(|part| any(|member| &member.has, part))
            .collect();
        for node in inside {
            members[node].knows.clone_from(&knows);
            if knows_file {
                members[node].knows_file = true;
                members[node].has.clone_from(&has);
            }
        }
    }
}
