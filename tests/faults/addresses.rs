//! Addresses that change under a node: a lease that ends, a container that is joined to a network
//! after its start. Each test has network namespaces of its own, and needs root.

use std::fs::File;
use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::networks::Lan;
use crate::support::handful::Has;
use crate::support::{self, wait_for};

/// The port of beacons (BEP 14).
const BEACONS: u16 = 6771;

/// Two ways to find each other, and nothing else.
const BY_BEACONS: [&str; 4] = ["--lan", "on", "--sweep", "off"];
const BY_SWEEP: [&str; 4] = ["--lan", "off", "--sweep", "auto"];

/// How often a node looks at its addresses, and some time to act.
const NOTICED: Duration = Duration::from_secs(4);

/// Damages the file of a node, which needs others to heal it.
fn damage(lan: &Lan, node: usize) {
    let file = &lan.handful.nodes[node].files.data;
    let file = File::options().write(true).open(file).unwrap();
    file.set_len(100).unwrap();
}

/// The address of a host in a network of that number beside the first.
fn elsewhere(network: u8, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 74, network, host)
}

#[test]
fn nodes_whose_addresses_change_find_each_other_again() {
    let _turn = support::share_turn();
    let test = "faults, new addresses";
    let Some(mut lan) = Lan::or_skip(test, &[2, 3, 4], 96) else {
        return;
    };
    let flags = ["--lan", "on"];
    lan.add(2, Has::File, &[], &flags);
    lan.add(3, Has::Nothing, &[2], &flags);
    lan.add(4, Has::Nothing, &[2], &flags);
    lan.handful.start_all();
    lan.wait_for_file(&[1, 2]);
    // One moves while it runs, and lacks everything after that.
    let lost = |lan: &mut Lan, node: usize| {
        let node = &mut lan.handful.nodes[node];
        node.kill();
        std::fs::remove_file(&node.files.data).unwrap();
    };
    lan.network.renumber(3, 3, 33);
    damage(&lan, 1);
    let moved = lan.wait_for_file(&[1]);
    // The whole fleet moves while it is off; what its state directories say is all wrong.
    lan.handful.nodes.iter_mut().for_each(|node| node.kill());
    for (host, from, to) in [(2, 2, 102), (3, 33, 103), (4, 4, 104)] {
        lan.network.renumber(host, from, to);
    }
    lost(&mut lan, 1);
    lost(&mut lan, 2);
    lan.handful.start_all();
    let all = lan.wait_for_file(&[1, 2]);
    println!(
        "new addresses: one of three moved while it ran and was healed after {moved:.1?}; the whole fleet \
         moved with stale state and was whole after {all:.1?}"
    );
}

#[test]
fn a_fleet_that_moves_to_another_network_while_it_runs_is_one_fleet_there() {
    let _turn = support::share_turn();
    for (way, flags) in [("beacons", BY_BEACONS), ("a sweep", BY_SWEEP)] {
        let Some(mut lan) = Lan::or_skip("faults, another network", &[2, 3, 4], 96) else {
            return;
        };
        lan.add(2, Has::File, &[], &flags);
        lan.add(3, Has::Nothing, &[], &flags);
        lan.add(4, Has::Nothing, &[], &flags);
        lan.handful.start_all();
        lan.wait_for_file(&[1, 2]);
        // Nothing that they know of each other leads anywhere after that. They move one by one, and
        // are looked at in another order.
        let moved = Instant::now();
        for host in [2, 3, 4] {
            lan.network.take_address(host, lan.network.ip(host));
            lan.network.give_address(host, elsewhere(1, host + 50));
        }
        damage(&lan, 1);
        damage(&lan, 2);
        lan.wait_for_file(&[1, 2]);
        let healed = moved.elapsed();
        println!(
            "new addresses: a fleet of three that moved to another network while it ran was whole by \
             {way} after {healed:.1?}"
        );
    }
}

#[test]
fn a_node_that_starts_without_a_network_joins_once_it_has_one() {
    let _turn = support::share_turn();
    for (way, flags) in [("beacons", BY_BEACONS), ("a sweep", BY_SWEEP)] {
        let Some(mut lan) = Lan::or_skip("faults, a late network", &[2, 3], 96) else {
            return;
        };
        lan.network.take_address(3, lan.network.ip(3));
        // The other one searches for nobody when the newcomer is there: it has done so in vain.
        lan.add(2, Has::File, &[], &flags);
        let late = lan.add(3, Has::Nothing, &[], &flags);
        lan.handful.start_all();
        lan.handful.wait_for_log(late, "listening on");
        sleep(Duration::from_secs(5));
        lan.network.give_address(3, lan.network.ip(3));
        let took = lan.wait_for_file(&[late]);
        println!(
            "new addresses: a node whose network came after it was whole by {way} {took:.1?} later"
        );
    }
}

#[test]
fn addresses_that_come_and_go_leave_no_socket_behind_and_no_sweep_without_end() {
    let _turn = support::share_turn();
    let Some(mut lan) = Lan::or_skip("faults, flapping addresses", &[2, 3], 8) else {
        return;
    };
    let flags = ["--lan", "on", "--sweep", "auto"];
    lan.add(2, Has::File, &[], &flags);
    let node = lan.add(3, Has::Nothing, &[], &flags);
    lan.handful.nodes[node].start();
    let sockets = |lan: &Lan| lan.network.udp_sockets(3, BEACONS);
    // On loopback and on its network.
    wait_for("it speaks beacons", || sockets(&lan) == 2, String::new);
    sleep(Duration::from_secs(2));
    let before = lan.network.counter(3, "Tcp", "ActiveOpens");
    let begin = Instant::now();
    for _ in 0..4 {
        for (network, expected) in [(1, 3), (2, 4)] {
            lan.network.give_address(3, elsewhere(network, 7));
            wait_for(
                "beacons are opened",
                || sockets(&lan) == expected,
                String::new,
            );
        }
        for (network, expected) in [(1, 3), (2, 2)] {
            lan.network.take_address(3, elsewhere(network, 7));
            wait_for(
                "beacons are closed",
                || sockets(&lan) == expected,
                String::new,
            );
        }
    }
    let (time, tried) = (
        begin.elapsed(),
        lan.network.counter(3, "Tcp", "ActiveOpens") - before,
    );
    // Three networks, each swept from its beginning once in ten seconds at most.
    let most = 3 * 254 * (time.as_secs() / 10 + 2);
    assert!(tried <= most, "{tried} attempts in {time:?}");
    sleep(NOTICED);
    // And it is found where it is.
    lan.handful.start_all();
    lan.wait_for_file(&[node]);
    println!(
        "new addresses: 16 came and went in {time:.0?}: {tried} attempts of the sweep, no socket more than before"
    );
}
