//! How nodes find each other in networks that are not loopback: local beacons, a sweep through
//! addresses at which nobody is, names that stand for several hosts, IPv6.
//!
//! Each network is of namespaces that the test makes, so this needs root. How often something is
//! sent is read from the kernel's counters of each host.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::net::{SocketAddr, TcpListener};
use std::thread::sleep;
use std::time::Duration;

use support::content::Content;
use support::handful::{Handful, Has};
use support::network::Network;

/// What a node says at its start, three times, and when a swarm begins; one more to spare.
const MOST_BEACONS: u64 = 5;

/// How long a network is watched in which nothing is to happen.
const WATCH: Duration = Duration::from_secs(6);

fn content(what: &str) -> Content {
    Content::random(&mut support::seeded(what), 200_000, 16 * 1024)
}

/// Nodes on the hosts of a network.
struct Lan {
    handful: Handful,
    network: Network,
    content: Content,
}

impl Lan {
    fn or_skip(test: &str, hosts: &[u8]) -> Option<Self> {
        Some(Self {
            network: Network::or_skip(test, hosts)?,
            handful: Handful::new(),
            content: content(test),
        })
    }

    /// A node that listens on the address of its host.
    fn add(&mut self, host: u8, has: Has, peers: &[&str], arguments: &[&str]) -> usize {
        self.add_at(self.network.address(host), host, has, peers, arguments)
    }

    fn add_at(
        &mut self,
        address: SocketAddr,
        host: u8,
        has: Has,
        peers: &[&str],
        arguments: &[&str],
    ) -> usize {
        let launcher = self.network.launcher(host);
        let launcher: Vec<&str> = launcher.iter().map(String::as_str).collect();
        let peers: Vec<String> = peers.iter().map(|&peer| peer.to_owned()).collect();
        let has = (has, &self.content);
        self.handful.add(has, address, &peers, arguments, &launcher)
    }

    fn start(&mut self, node: usize) {
        self.handful.nodes[node].start();
    }

    fn wait_for_file(&mut self, nodes: &[usize]) {
        self.handful.wait_for_file(nodes, &self.content);
    }
}

#[test]
fn nodes_that_know_nobody_find_each_other_by_beacons_and_then_fall_silent() {
    let test = "networks, beacons";
    let beacons = ["--lan", "on", "--sweep", "off"];
    let Some(mut lan) = Lan::or_skip(test, &[2, 3, 4]) else {
        return;
    };
    let holder = lan.add(2, Has::File, &[], &beacons);
    let early = lan.add(3, Has::Nothing, &[], &beacons);
    lan.start(holder);
    lan.start(early);
    lan.wait_for_file(&[early]);
    // The last of the first beacons is sent 1.5 s after the start.
    sleep(Duration::from_secs(3));
    let sent = |lan: &Lan| [2, 3].map(|host| lan.network.counter(host, "Udp", "OutDatagrams"));
    let before = sent(&lan);
    println!("{test}: datagrams sent {before:?}");
    assert!(
        before
            .iter()
            .all(|&sent| (1..=MOST_BEACONS).contains(&sent)),
        "{before:?}"
    );
    sleep(WATCH);
    assert_eq!(sent(&lan), before, "an idle pair sends beacons");

    let late = lan.add(4, Has::Nothing, &[], &beacons);
    lan.start(late);
    lan.wait_for_file(&[late]);
    assert_eq!(
        sent(&lan),
        before,
        "a newcomer's beacon is not answered by beacons"
    );
}

#[test]
fn a_node_that_listens_everywhere_is_found_by_its_beacons() {
    let beacons = ["--lan", "on"];
    let Some(mut lan) = Lan::or_skip("networks, beacons from everywhere", &[2, 3]) else {
        return;
    };
    let everywhere = "0.0.0.0:6881".parse().unwrap();
    lan.add_at(everywhere, 2, Has::File, &[], &beacons);
    let leecher = lan.add_at(everywhere, 3, Has::Config, &[], &beacons);
    lan.handful.start_all();
    lan.wait_for_file(&[leecher]);
}

#[test]
fn a_sweep_finds_nodes_far_apart_among_addresses_where_nobody_is() {
    let test = "networks, sweep";
    let Some(mut lan) = Lan::or_skip(test, &[2, 200]) else {
        return;
    };
    let range = "10.73.19.0/24";
    let holder = lan.add(2, Has::File, &[], &["--sweep", range]);
    let other = lan.add(200, Has::Nothing, &[], &["--sweep", range]);
    lan.start(holder);
    // The holder has been through the network in vain, and rests.
    sleep(Duration::from_secs(2));
    lan.start(other);
    lan.wait_for_file(&[other]);
    sleep(WATCH);
    let tried = [2, 200].map(|host| lan.network.counter(host, "Tcp", "ActiveOpens"));
    println!("{test}: attempts {tried:?}");
    // The rests between passes are 0.5, 1, 2 ... s, and some minutes once there is a link. The
    // first has had at most 4 passes, the other one was linked within its first.
    assert!(tried[0] <= 4 * 253 + 20, "{tried:?}");
    assert!((1..=253 + 20).contains(&tried[1]), "{tried:?}");
}

#[test]
fn a_sweep_does_not_leave_its_range() {
    let test = "networks, range of the sweep";
    let Some(mut lan) = Lan::or_skip(test, &[2, 126, 128, 200]) else {
        return;
    };
    let outside = [128, 200].map(|host| {
        let address = lan.network.address(host);
        let listener = lan.network.on(host, || TcpListener::bind(address));
        let listener = listener.expect("listen on a host");
        listener.set_nonblocking(true).unwrap();
        (host, listener)
    });
    let sweep = ["--sweep", "10.73.19.0/25"];
    let holder = lan.add(2, Has::File, &[], &sweep);
    lan.start(holder);
    sleep(WATCH);
    let node = lan.add(126, Has::Nothing, &[], &[]);
    lan.start(node);
    lan.wait_for_file(&[node]);
    for (host, listener) in outside {
        assert!(listener.accept().is_err(), "{host} was dialed");
        assert_eq!(lan.network.counter(host, "Tcp", "InSegs"), 0);
    }
    let tried = lan.network.counter(2, "Tcp", "ActiveOpens");
    println!("{test}: attempts {tried}");
    assert!((125..=6 * 126).contains(&tried), "{tried}");
}

#[test]
fn a_sweep_from_outside_of_its_range_tries_the_first_address_too() {
    let Some(mut lan) = Lan::or_skip("networks, sweep from outside", &[1, 200]) else {
        return;
    };
    lan.add(1, Has::File, &[], &[]);
    let node = lan.add(200, Has::Nothing, &[], &["--sweep", "10.73.19.0/25"]);
    lan.handful.start_all();
    lan.wait_for_file(&[node]);
}

#[test]
fn a_live_peer_is_found_among_sixty_that_do_not_answer() {
    let test = "networks, silent peers";
    let Some(mut lan) = Lan::or_skip(test, &[2, 3]) else {
        return;
    };
    let dead: Vec<String> = (30..90)
        .map(|host| lan.network.ip(host).to_string())
        .collect();
    let mut peers: Vec<&str> = dead.iter().map(String::as_str).collect();
    peers.insert(30, "10.73.19.2");
    lan.add(2, Has::File, &[], &[]);
    let node = lan.add(3, Has::Nothing, &peers, &[]);
    lan.handful.start_all();
    lan.wait_for_file(&[node]);
    let before = lan.network.counter(3, "Tcp", "ActiveOpens");
    sleep(WATCH);
    let more = lan.network.counter(3, "Tcp", "ActiveOpens") - before;
    println!("{test}: {before} attempts until the file was there, {more} in {WATCH:?} after that");
    // 12 at once in the swarm, each for 3 s; twice that to spare.
    assert!(more <= 2 * 12 * (WATCH.as_secs() / 3 + 1), "{more}");
}

#[test]
fn every_address_behind_a_name_is_a_peer() {
    let Some(mut lan) = Lan::or_skip("networks, names", &[2, 3, 4]) else {
        return;
    };
    // Nobody is at the first, the second is the node itself, and only the third has the file.
    let hosts = "127.0.0.1 localhost\n10.73.19.9 fleet\n10.73.19.3 fleet\n10.73.19.2 fleet\n10.73.19.4 fleet\n";
    lan.network.write_hosts(3, hosts);
    lan.add(2, Has::File, &[], &[]);
    let node = lan.add(3, Has::Nothing, &[], &["--peer", "fleet:6881"]);
    // Nobody tells this one of the others: it waits to be visited.
    let waiting = lan.add(4, Has::Nothing, &[], &[]);
    lan.handful.start_all();
    lan.wait_for_file(&[node, waiting]);
    lan.handful.nodes[0].kill();
    lan.handful.nodes[2].kill();
    sleep(Duration::from_millis(500));
    let linked_to_itself = lan.handful.lines_with(node, "10.73.19.3:6881 is ready");
    assert_eq!(linked_to_itself, 0, "{}", lan.handful.nodes[node].log());
}

#[test]
fn a_name_that_begins_to_resolve_later_is_found() {
    let Some(mut lan) = Lan::or_skip("networks, late names", &[2, 3]) else {
        return;
    };
    lan.network.write_hosts(3, "127.0.0.1 localhost\n");
    lan.add(2, Has::File, &[], &[]);
    let node = lan.add(3, Has::Nothing, &["seed.fleet.example"], &[]);
    lan.handful.start_all();
    lan.handful
        .wait_for_log(node, "cannot resolve seed.fleet.example");
    sleep(Duration::from_secs(3));
    assert_eq!(lan.handful.lines_with(node, "cannot resolve"), 1);
    let hosts = "127.0.0.1 localhost\n10.73.19.2 seed.fleet.example\n";
    lan.network.write_hosts(3, hosts);
    lan.wait_for_file(&[node]);
}

#[test]
fn peers_may_be_ipv6_addresses_without_a_port() {
    let test = "networks, IPv6";
    let Some(mut lan) = Lan::or_skip(test, &[2, 3, 4, 5]) else {
        return;
    };
    let everywhere: SocketAddr = "[::]:6881".parse().unwrap();
    let bound = lan.network.on(2, || TcpListener::bind("[fd73::2]:0"));
    if let Err(error) = bound {
        support::skip(
            test,
            &format!("no IPv6: {error}"),
            support::network::REQUIRED_BY,
        );
        return;
    }
    lan.add_at(everywhere, 2, Has::File, &[], &[]);
    let bare = lan.add_at(everywhere, 3, Has::Nothing, &[], &["--peer", "fd73::2"]);
    let bracketed = lan.add_at(everywhere, 4, Has::Nothing, &["[fd73::2]"], &[]);
    // Whoever listens on IPv6 is reached over IPv4 as well.
    let ipv4 = lan.add(5, Has::Nothing, &["10.73.19.3"], &[]);
    lan.handful.start_all();
    lan.wait_for_file(&[bare, bracketed, ipv4]);
}

#[test]
fn a_listed_ipv6_peer_is_dialed_by_a_node_that_listens_on_ipv4() {
    let Some(mut lan) = Lan::or_skip("networks, IPv6 from IPv4", &[2, 3]) else {
        return;
    };
    lan.add_at("[fd73::2]:6881".parse().unwrap(), 2, Has::File, &[], &[]);
    let everywhere = "0.0.0.0:6881".parse().unwrap();
    let node = lan.add_at(everywhere, 3, Has::Nothing, &["fd73::2"], &[]);
    lan.handful.start_all();
    lan.wait_for_file(&[node]);
}
