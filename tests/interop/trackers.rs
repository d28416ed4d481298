//! Nodes and clients that know each other from a tracker only.

use crate::client::{KINDS, Kind, Wishes};
use crate::payload::{Has, Payload};
use crate::support;
use crate::swarm::Swarm;

/// The node comes second: it is the one that hears of the other.
fn a_node_finds(kind: Kind, payload: Payload, is_udp: bool, ours: Has, theirs: Has) {
    let mut swarm = Swarm::tracked(payload, is_udp);
    let client = swarm.address(0);
    swarm.add_client(kind, theirs, Wishes::default());
    swarm.until("the client has announced itself", |swarm| {
        let tracker = swarm.tracker.as_ref().unwrap();
        !tracker.events_of(client.ip()).is_empty()
    });
    swarm.add_node(ours, &[], &[]);
    swarm.completes();
}

/// The client comes second.
fn a_node_is_found(kind: Kind, payload: Payload, is_udp: bool, ours: Has, theirs: Has) {
    let mut swarm = Swarm::tracked(payload, is_udp);
    let node = swarm.address(0);
    swarm.add_node(ours, &[], &[]);
    swarm.until("the node has announced itself", |swarm| {
        let tracker = swarm.tracker.as_ref().unwrap();
        !tracker.events_of(node.ip()).is_empty()
    });
    swarm.add_client(kind, theirs, Wishes::default());
    swarm.completes();
}

/// Kinds that dial what a tracker names.
const DIALLERS: [Kind; 2] = [Kind::Libtorrent, Kind::Aria2];

#[test]
fn a_node_finds_each_kind_of_client_by_an_http_tracker() {
    let test = "a_node_finds_each_kind_of_client_by_an_http_tracker";
    let mut rng = support::seeded(test);
    for kind in KINDS.into_iter().filter(|kind| kind.is_here(test)) {
        a_node_finds(kind, Payload::file(&mut rng), false, Has::Nothing, Has::All);
    }
}

#[test]
fn clients_find_a_node_by_an_http_tracker() {
    let test = "clients_find_a_node_by_an_http_tracker";
    let mut rng = support::seeded(test);
    for kind in DIALLERS.into_iter().filter(|kind| kind.is_here(test)) {
        a_node_is_found(kind, Payload::file(&mut rng), false, Has::All, Has::Nothing);
    }
}

#[test]
fn a_node_and_libtorrent_find_each_other_by_a_udp_tracker() {
    let test = "a_node_and_libtorrent_find_each_other_by_a_udp_tracker";
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let mut rng = support::seeded(test);
    let kind = Kind::Libtorrent;
    a_node_finds(kind, Payload::file(&mut rng), true, Has::Nothing, Has::All);
    a_node_is_found(kind, Payload::file(&mut rng), true, Has::All, Has::Nothing);
}

#[test]
fn transmission_finds_a_node_by_a_tracker_in_a_network() {
    let test = "transmission_finds_a_node_by_a_tracker_in_a_network";
    if !Kind::Transmission.is_here(test) {
        return;
    }
    let mut rng = support::seeded(test);
    for (ours, theirs) in [(Has::All, Has::Nothing), (Has::Nothing, Has::All)] {
        let Some(mut swarm) = Swarm::on_hosts(test, Payload::file(&mut rng), 2) else {
            return;
        };
        let node = swarm.address(0);
        swarm.add_node(ours, &[], &[]);
        swarm.until("the node has announced itself", |swarm| {
            let tracker = swarm.tracker.as_ref().unwrap();
            !tracker.events_of(node.ip()).is_empty()
        });
        swarm.add_client(Kind::Transmission, theirs, Wishes::default());
        swarm.completes();
    }
}

#[test]
fn private_torrents_are_shared_by_their_tracker() {
    let test = "private_torrents_are_shared_by_their_tracker";
    let mut rng = support::seeded(test);
    for kind in KINDS.into_iter().filter(|kind| kind.is_here(test)) {
        let mut payload = || Payload::file(&mut rng).private();
        a_node_finds(kind, payload(), false, Has::Nothing, Has::All);
        a_node_finds(kind, payload(), false, Has::All, Has::Nothing);
        if DIALLERS.contains(&kind) {
            a_node_is_found(kind, payload(), false, Has::All, Has::Nothing);
        }
    }
}
