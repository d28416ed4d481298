//! The harness that judges the nodes is judged here, without a node.

mod support;

use std::time::Duration;

use support::churn::{Churn, Order, Way};
use support::content::{Content, hex, torrent_conf};
use support::judge::{Judge, right_parts};
use support::loopback::Subnet;
use support::plan::{self, Initial};

const SIZES: std::ops::RangeInclusive<usize> = 200_000..=900_000;

#[test]
fn every_part_of_a_scattered_file_is_right_on_exactly_one_node() {
    let mut rng = support::seeded("scattered");
    for count in [4, 8, 14, 16] {
        let plan = plan::many_source(&mut rng, count, SIZES);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.bin");
        let mut holders = vec![0; plan.content.hashes().len()];
        for node in &plan.nodes {
            node.initial.write(&plan.content, &path).unwrap();
            let right = right_parts(&path, &plan.content);
            holders
                .iter_mut()
                .zip(right)
                .for_each(|(count, right)| *count += usize::from(right));
        }
        assert!(holders.iter().all(|&count| count == 1), "{holders:?}");
    }
}

#[test]
fn the_peers_of_restarts_discovery_are_a_tree_and_one_node_knows_the_file() {
    let mut rng = support::seeded("tree");
    for count in [4, 8, 14] {
        let plan = plan::restarts_discovery(&mut rng, count, SIZES);
        assert_eq!(plan.nodes.iter().filter(|node| node.knows_file).count(), 1);
        assert_eq!(
            plan.nodes
                .iter()
                .map(|node| node.peers.len())
                .sum::<usize>(),
            count - 1
        );
        // With one edge less than nodes, a graph that is connected is a tree.
        let mut group: Vec<usize> = (0..count).collect();
        for (node, peer) in plan
            .nodes
            .iter()
            .enumerate()
            .flat_map(|(n, node)| node.peers.iter().map(move |&p| (n, p)))
        {
            let (from, to) = (group[node], group[peer]);
            group
                .iter_mut()
                .filter(|g| **g == from)
                .for_each(|g| *g = to);
        }
        assert!(group.iter().all(|g| *g == group[0]), "{:?}", plan.nodes);
    }
}

#[test]
fn nobody_knows_a_peer_in_self_discovery() {
    let plan = plan::self_discovery(&mut support::seeded("nobody"), 8, SIZES);
    assert!(plan.sweep);
    assert!(plan.nodes.iter().all(|node| node.peers.is_empty()));
    assert_eq!(plan.nodes.iter().filter(|node| node.knows_file).count(), 1);
}

#[test]
fn one_node_in_eight_holds_all_in_simple_extra_and_knows_every_peer() {
    let mut rng = support::seeded("extra");
    for (count, holders) in [(3, 1), (7, 1), (9, 1), (30, 3), (60, 7)] {
        let plan = plan::simple_extra(&mut rng, count, 1_000_000);
        let is_holder = |node: &&plan::NodePlan| matches!(node.initial, Initial::Whole);
        assert_eq!(plan.nodes.iter().filter(is_holder).count(), holders);
        let full = plan
            .nodes
            .iter()
            .filter(is_holder)
            .all(|node| node.peers.len() == count);
        assert!(full, "a holder does not know all");
        let listless = plan
            .nodes
            .iter()
            .filter(|node| node.peers.is_empty())
            .count();
        assert_eq!(listless, (count - holders) / 2);
        assert!(plan.nodes.iter().all(|node| node.knows_file));
    }
}

#[test]
fn the_judge_sees_one_wrong_bit_a_short_file_and_a_long_one() {
    let mut rng = support::seeded("judge");
    let content = Content::random(&mut rng, 100_000, 1000);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data.bin");
    let mut judge = Judge::new(&path);
    assert!(!judge.is_identical(&content), "there is no file");
    let mut verdict = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        judge.is_identical(&content)
    };
    assert!(verdict(content.bytes()));
    let mut wrong = content.bytes().to_vec();
    for offset in [99_999, 0, 50_000] {
        wrong[offset] ^= 1;
        assert!(!verdict(&wrong), "byte {offset}");
        wrong[offset] ^= 1;
        assert!(verdict(&wrong));
    }
    assert!(!verdict(&wrong[1..]));
    wrong.push(0);
    assert!(!verdict(&wrong));
}

#[test]
fn two_fleets_get_different_addresses() {
    let (one, other) = (Subnet::reserve(), Subnet::reserve());
    assert_ne!(one.ip(0), other.ip(0));
    assert!(one.cidr().starts_with("127.") && one.cidr().ends_with(".0/24"));
}

#[test]
fn a_conf_names_size_part_size_and_hashes() {
    let mut rng = support::seeded("conf");
    let content = Content::random(&mut rng, 1000, 256);
    let text = torrent_conf(&mut rng, Some(content.file_info()), &["127.0.0.9".into()]);
    let conf: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(conf["Peers"][0], "127.0.0.9");
    assert_eq!(conf["FileInfo"]["Size"], 1000);
    assert_eq!(conf["FileInfo"]["PartSize"], 256);
    assert_eq!(conf["FileInfo"]["Parts"].as_array().unwrap().len(), 4);
    assert_eq!(conf["FileInfo"]["Parts"][3], hex(&content.hashes()[3]));
}

#[test]
fn random_restarts_one_node_per_interval_never_twice_running_and_all_every_ten_seconds() {
    let mut rng = support::seeded("random");
    let mut churn = Churn::new(Way::Random(Duration::from_millis(200)), 4, &mut rng);
    let mut last = None;
    let mut all_at = Vec::new();
    let mut singles = 0;
    for millis in (0..25_000).step_by(10) {
        let orders = churn.orders(Duration::from_millis(millis));
        match orders[..] {
            [] => {}
            [order] => {
                assert_ne!(last, Some(order));
                last = Some(order);
                singles += 1;
            }
            _ => {
                assert_eq!(orders, (0..4).map(Order::Restart).collect::<Vec<_>>());
                all_at.push(millis / 1000);
                last = None;
            }
        }
    }
    assert_eq!(all_at, [10, 20]);
    assert!((120..=125).contains(&singles), "{singles}");
}

#[test]
fn an_epoch_starts_half_of_the_nodes_and_ends_with_every_node_killed() {
    let mut rng = support::seeded("epochs");
    let mut churn = Churn::new(Way::Epochs(Duration::from_secs(1)), 8, &mut rng);
    let mut up = [false; 8];
    let mut halves = Vec::new();
    for millis in (0..10_000).step_by(10) {
        for order in churn.orders(Duration::from_millis(millis)) {
            match order {
                Order::Restart(node) => up[node] = true,
                Order::Kill(node) => up[node] = false,
                Order::Start(_) => panic!("{order:?}"),
            }
        }
        let alive = up.iter().filter(|&&up| up).count();
        assert!(
            alive == 4 || (alive == 0 && millis % 1000 <= 100),
            "{alive} at {millis}"
        );
        if halves.last() != Some(&up) {
            halves.push(up);
        }
    }
    halves.dedup();
    assert!(halves.len() > 5, "always the same half");
}

#[test]
fn nobody_lives_for_a_second_in_a_storm() {
    let mut churn = Churn::new(Way::Storm, 14, &mut support::seeded("storm"));
    let mut born = [None; 14];
    let mut deaths = 0;
    for millis in 0..20_000_u64 {
        for order in churn.orders(Duration::from_millis(millis)) {
            match order {
                Order::Start(node) => born[node] = Some(millis),
                Order::Kill(node) => {
                    let life = millis - born[node].take().expect("it lived");
                    assert!(life < 1000, "{life} ms");
                    deaths += 1;
                }
                Order::Restart(_) => panic!("{order:?}"),
            }
        }
    }
    assert!(deaths > 100, "{deaths}");
}

#[test]
fn an_ideal_fleet_settles_as_soon_as_the_churn_lets_it() {
    let mut rng = support::seeded("ideal");
    let calm = plan::many_source(&mut rng, 8, SIZES);
    assert_eq!(
        support::ideal::settle(&calm, Way::Calm, &mut rng),
        Duration::ZERO
    );
    let life = Duration::from_secs(3);
    let mut times: Vec<_> = (0..101)
        .map(|_| {
            let plan = plan::self_discovery(&mut rng, 14, SIZES);
            support::ideal::settle(&plan, Way::Epochs(life), &mut rng)
        })
        .collect();
    times.sort();
    // A node is in half of the halves; all fourteen must have met, and the one that knows.
    assert!(times[0] >= life, "the best: {:?}", times[0]);
    assert!(
        (15..45).contains(&times[50].as_secs()),
        "the median: {:?}",
        times[50]
    );
}
