//! How nodes find each other and what to sync, on loopback: listed peers, several swarms, chains
//! of nodes that know nothing, and what a node remembers.
//!
//! See `networks.rs` for beacons, sweeps and names.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::content::Content;
use support::handful::{Handful, Has};
use support::loopback::Subnet;
use support::measure::Sockets;

/// How long nodes are watched that are to leave something be.
const WATCH: Duration = Duration::from_secs(3);

fn content(rng: &mut fastrand::Rng) -> Content {
    Content::random(rng, 150_000, 16 * 1024)
}

/// Nodes of one loopback /24, and a content for them.
struct Fleet {
    handful: Handful,
    subnet: Subnet,
    content: Content,
}

impl Fleet {
    fn new(test: &str) -> Self {
        Self {
            handful: Handful::new(),
            subnet: Subnet::reserve(),
            content: content(&mut support::seeded(test)),
        }
    }

    /// Adds a node that lists those nodes, by their numbers.
    fn add(&mut self, has: Has, peers: &[usize]) -> usize {
        let content = self.content.clone();
        self.add_with((has, &content), peers, &[])
    }

    fn add_with(&mut self, has: (Has, &Content), peers: &[usize], arguments: &[&str]) -> usize {
        let address = self.subnet.address(self.handful.nodes.len());
        let peers: Vec<_> = peers
            .iter()
            .map(|&peer| self.subnet.ip(peer).to_string())
            .collect();
        self.handful.add(has, address, &peers, arguments, &[])
    }

    fn start(&mut self, node: usize) {
        self.handful.nodes[node].start();
    }

    fn wait_for_file(&mut self, nodes: &[usize]) {
        self.handful.wait_for_file(nodes, &self.content);
    }

    /// Waits until these nodes have so many links, and watches that it stays so.
    fn settle_with_links(&self, nodes: &[usize], count: usize) {
        let links = || -> Vec<_> {
            let sockets = Sockets::look();
            let ips = nodes.iter().map(|&node| self.subnet.ip(node));
            ips.map(|ip| sockets.links(ip)).collect()
        };
        let as_wanted = |links: &[usize]| links.iter().all(|&links| links == count);
        let logs = || {
            nodes
                .iter()
                .map(|&node| self.handful.nodes[node].log_tail())
                .collect::<Vec<_>>()
                .join("\n---\n")
        };
        support::wait_for(
            &format!("nodes {nodes:?} have {count} links"),
            || as_wanted(&links()),
            || format!("{:?}\n{}", links(), logs()),
        );
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(700) {
            let seen = links();
            assert!(as_wanted(&seen), "{seen:?}, then {:?}\n{}", links(), logs());
            sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn peers_may_be_ipv6_addresses_with_ports() {
    let test = "discovery, IPv6";
    let free = || TcpListener::bind("[::1]:0")?.local_addr();
    let Ok(addresses) = (0..3)
        .map(|_| free())
        .collect::<Result<Vec<SocketAddr>, _>>()
    else {
        support::skip(test, "there is no IPv6 here", "SWARMLET_REQUIRE_ROOT");
        return;
    };
    let content = content(&mut support::seeded(test));
    let mut nodes = Handful::new();
    let holder = addresses[0].to_string();
    nodes.add((Has::File, &content), addresses[0], &[], &[], &[]);
    let arguments = ["--peer", &holder];
    let flag = nodes.add((Has::Nothing, &content), addresses[1], &[], &arguments, &[]);
    let conf = nodes.add(
        (Has::Nothing, &content),
        addresses[2],
        std::slice::from_ref(&holder),
        &[],
        &[],
    );
    nodes.start_all();
    nodes.wait_for_file(&[flag, conf], &content);
}

#[test]
fn a_node_that_lists_itself_does_not_link_with_itself() {
    let mut fleet = Fleet::new("discovery, oneself");
    let holder = fleet.add(Has::File, &[0, 1]);
    let other = fleet.add(Has::Nothing, &[1, 0]);
    fleet.handful.start_all();
    fleet.wait_for_file(&[other]);
    fleet.settle_with_links(&[holder, other], 1);
}

#[test]
fn two_hundred_dead_peers_do_not_hide_the_live_one_nor_keep_the_node_busy() {
    let mut fleet = Fleet::new("discovery, dead peers");
    let holder = fleet.add(Has::File, &[]);
    // Node 0 stands in the middle of 200 at which nobody listens.
    let peers: Vec<usize> = (20..120).chain([holder]).chain(120..220).collect();
    let node = fleet.add(Has::Nothing, &peers);
    let begin = Instant::now();
    fleet.handful.start_all();
    fleet.wait_for_file(&[node]);
    sleep(WATCH);
    let failed = fleet.handful.lines_with(node, "cannot be dialed");
    let most = most_dials(begin.elapsed());
    println!(
        "dead peers: {failed} dials failed in {:?}, {most} may",
        begin.elapsed()
    );
    assert!(failed <= most, "{failed} dials failed, {most} may");
}

/// 64 at once and 50 a second in the swarm, and as many at the rendezvous before that.
fn most_dials(time: Duration) -> usize {
    2 * 64 + 50 * (usize::try_from(time.as_secs()).unwrap() + 1)
}

#[test]
fn nodes_that_dial_each_other_at_once_keep_one_link() {
    for round in 0..10 {
        let mut fleet = Fleet::new("discovery, at once");
        let has = [Has::Nothing, Has::Config, Has::File][round % 3];
        let one = fleet.add(Has::File, &[1]);
        let other = fleet.add(has, &[0]);
        fleet.handful.start_all();
        fleet.wait_for_file(&[one, other]);
        fleet.settle_with_links(&[one, other], 1);
    }
}

#[test]
fn a_node_that_hears_of_two_swarms_joins_neither_and_says_so_once() {
    let mut fleet = Fleet::new("discovery, two swarms");
    let other_content = content(&mut support::seeded("discovery, the second swarm"));
    fleet.add(Has::File, &[]);
    fleet.add_with((Has::File, &other_content), &[], &[]);
    let node = fleet.add(Has::Nothing, &[0, 1]);
    let wanted = other_content.info_hash();
    let nothing = (Has::Nothing, &other_content);
    let chooser = fleet.add_with(nothing, &[0, 1], &["--swarm", &wanted]);
    fleet.start(0);
    fleet.start(1);
    for holder in [0, 1] {
        fleet.handful.wait_for_log(holder, "complete");
    }
    fleet.start(node);
    fleet.handful.wait_for_log(node, " ERROR ");
    sleep(WATCH);
    let log = fleet.handful.nodes[node].log();
    let errors: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(" ERROR "))
        .collect();
    assert_eq!(errors.len(), 1, "{log}");
    for info_hash in [fleet.content.info_hash(), wanted] {
        assert!(errors[0].contains(&info_hash), "{}", errors[0]);
    }
    assert!(errors[0].contains("--swarm"), "{}", errors[0]);
    assert!(!fleet.handful.nodes[node].files.data.exists());

    fleet.start(chooser);
    fleet.handful.wait_for_file(&[chooser], &other_content);
    sleep(WATCH);
    // The chooser, too, serves the second; the list of swarms is the same.
    let errors = fleet.handful.lines_with(node, " ERROR ");
    assert_eq!(errors, 1, "{}", fleet.handful.nodes[node].log());
}

#[test]
fn each_empty_node_gets_the_file_of_its_fleet() {
    let mut fleet = Fleet::new("discovery, two fleets");
    let blue = fleet.content.clone();
    let green = content(&mut support::seeded("discovery, the second fleet"));
    fleet.add_with((Has::File, &blue), &[], &["--fleet", "blue"]);
    fleet.add_with((Has::File, &green), &[], &["--fleet", "green"]);
    let all = [0, 1, 2, 3];
    let in_blue = fleet.add_with((Has::Nothing, &blue), &all, &["--fleet", "blue"]);
    let in_green = fleet.add_with((Has::Nothing, &green), &all, &["--fleet", "green"]);
    fleet.handful.start_all();
    fleet.handful.wait_for_file(&[in_blue], &blue);
    fleet.handful.wait_for_file(&[in_green], &green);
    for node in all {
        assert_eq!(fleet.handful.lines_with(node, " ERROR "), 0);
    }
}

/// A node with the file, one that knows it, one that knows that one, and so on.
fn chain(test: &str) -> Fleet {
    let mut fleet = Fleet::new(test);
    fleet.add(Has::File, &[]);
    for known in [0, 1, 2] {
        fleet.add(Has::Nothing, &[known]);
    }
    fleet
}

#[test]
fn what_is_learned_passes_along_a_chain() {
    let mut fleet = chain("discovery, chain");
    fleet.handful.start_all();
    fleet.wait_for_file(&[1, 2, 3]);
}

#[test]
fn what_is_learned_passes_along_a_chain_that_starts_at_its_end() {
    let mut fleet = chain("discovery, chain from its end");
    for node in [3, 2, 1, 0] {
        fleet.start(node);
        sleep(Duration::from_millis(700));
    }
    fleet.wait_for_file(&[1, 2, 3]);
}

#[test]
fn what_was_learned_outlives_a_kill_and_the_whole_fleet() {
    let mut fleet = Fleet::new("discovery, memory");
    let holder = fleet.add(Has::File, &[]);
    let learner = fleet.add(Has::Nothing, &[0]);
    let newcomer = fleet.add(Has::Nothing, &[1]);
    fleet.start(holder);
    fleet.start(learner);
    fleet.wait_for_file(&[learner]);
    let info_hash = fleet.content.info_hash();
    let state = fleet.handful.nodes[learner].files.state.join("node.json");
    let is_saved = || fs::read_to_string(&state).is_ok_and(|text| text.contains(&info_hash));
    support::wait_for("the swarm is saved", is_saved, || {
        fleet.handful.nodes[learner].log_tail()
    });
    fleet.handful.nodes[learner].kill();
    fleet.handful.nodes[holder].kill();

    fs::remove_file(&fleet.handful.nodes[learner].files.log).unwrap();
    fleet.start(learner);
    fleet.handful.wait_for_log(learner, "complete");
    fleet.start(newcomer);
    fleet.wait_for_file(&[newcomer, learner]);
}
