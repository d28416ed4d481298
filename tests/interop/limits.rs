//! Slots and rates: those that clients keep towards a node, and those that a node keeps towards them.

use std::time::{Duration, Instant};

use crate::client::{Kind, Wishes};
use crate::payload::{Has, Payload};
use crate::support;
use crate::swarm::Swarm;

/// How long it is watched that something does not happen: many times what it takes elsewhere.
const WATCH: Duration = Duration::from_secs(3);

#[test]
fn two_nodes_wait_for_the_only_slot_of_libtorrent_and_complete() {
    let test = "two_nodes_wait_for_the_only_slot_of_libtorrent_and_complete";
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let mut swarm = Swarm::new(Payload::file(&mut support::seeded(test)));
    let seed = swarm.address(0);
    let wishes = Wishes {
        slots: Some(1),
        upload_limit: Some(1_000_000),
        ..Wishes::default()
    };
    swarm.add_client(Kind::Libtorrent, Has::All, wishes);
    swarm.add_node(Has::Nothing, &[seed], &[]);
    swarm.add_node(Has::Nothing, &[seed], &[]);
    swarm.completes();
}

#[test]
fn two_clients_wait_for_the_only_slot_of_a_node_and_complete() {
    let test = "two_clients_wait_for_the_only_slot_of_a_node_and_complete";
    if !Kind::Libtorrent.is_here(test) || !Kind::Aria2.is_here(test) {
        return;
    }
    let mut swarm = Swarm::new(Payload::file(&mut support::seeded(test)));
    let clients = [1, 2].map(|number| swarm.address(number));
    let limits = ["--upload-slots", "1", "--upload-limit", "2MiB"];
    swarm.add_node(Has::All, &clients, &limits);
    swarm.add_client(Kind::Libtorrent, Has::Nothing, Wishes::default());
    swarm.add_client(Kind::Aria2, Has::Nothing, Wishes::default());
    swarm.completes();
}

#[test]
fn a_client_gets_no_more_per_second_than_the_limit_of_a_node() {
    let test = "a_client_gets_no_more_per_second_than_the_limit_of_a_node";
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let mut swarm = Swarm::new(Payload::file(&mut support::seeded(test)));
    let client = swarm.address(1);
    swarm.add_node(Has::All, &[client], &["--upload-limit", "1000000"]);
    let begin = Instant::now();
    swarm.add_client(Kind::Libtorrent, Has::Nothing, Wishes::default());
    swarm.completed();
    // Three million bytes less a burst, which no machine makes shorter.
    assert!(begin.elapsed() >= Duration::from_millis(2_800));
    swarm.ends();
}

#[test]
fn a_node_and_a_client_that_are_complete_leave_each_other_alone() {
    let test = "a_node_and_a_client_that_are_complete_leave_each_other_alone";
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let mut swarm = Swarm::new(Payload::file(&mut support::seeded(test)));
    let client = swarm.address(0);
    swarm.add_client(Kind::Libtorrent, Has::All, Wishes::default());
    swarm.add_node(Has::All, &[client], &[]);
    // It bears another name on each link, and closes those with seeds at once.
    let dials = |swarm: &Swarm| {
        let log = swarm.clients[0].log();
        log.lines()
            .filter(|line| line.starts_with("incoming connection"))
            .count()
    };
    swarm.until("the node has been there", |swarm| dials(swarm) > 0);
    let begin = Instant::now();
    swarm.until("a while is over", |_| begin.elapsed() > WATCH);
    // A few more if the first came before the node knew that both are complete.
    assert!(dials(&swarm) <= 8, "{}", swarm.clients[0].log());
    swarm.ends();
}
