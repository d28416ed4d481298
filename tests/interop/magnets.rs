//! Magnet links: nothing but the infohash and a hint where to begin.

use crate::client::{KINDS, Kind, Wishes};
use crate::payload::{Has, Payload};
use crate::support;
use crate::swarm::Swarm;

#[test]
fn a_client_joins_a_node_by_a_magnet_link_that_names_it() {
    let test = "a_client_joins_a_node_by_a_magnet_link_that_names_it";
    // The others know no `x.pe`.
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let mut rng = support::seeded(test);
    for payload in [Payload::file(&mut rng), Payload::folder(&mut rng)] {
        let mut swarm = Swarm::new(payload);
        swarm.add_node(Has::All, &[], &[]);
        let magnet = Some(swarm.magnet(&[swarm.address(0)]));
        let wishes = Wishes {
            magnet,
            ..Wishes::default()
        };
        swarm.add_client(Kind::Libtorrent, Has::Nothing, wishes);
        swarm.completes();
    }
}

#[test]
fn each_kind_of_client_joins_a_node_by_a_magnet_link_with_a_tracker() {
    let test = "each_kind_of_client_joins_a_node_by_a_magnet_link_with_a_tracker";
    let mut rng = support::seeded(test);
    for kind in KINDS.into_iter().filter(|kind| kind.is_here(test)) {
        let mut swarm = Swarm::tracked(Payload::file(&mut rng), false);
        let magnet = Some(swarm.magnet(&[]));
        // Who does not dial on loopback is dialled: the node hears of it by the tracker, and asks
        // that again only after minutes, so it is told here.
        let client = swarm.address(1);
        swarm.add_node(Has::All, &[client], &[]);
        let wishes = Wishes {
            magnet,
            ..Wishes::default()
        };
        swarm.add_client(kind, Has::Nothing, wishes);
        swarm.completes();
    }
}

#[test]
fn a_node_joins_each_kind_of_client_by_a_magnet_link() {
    let test = "a_node_joins_each_kind_of_client_by_a_magnet_link";
    let mut rng = support::seeded(test);
    // Transmission does not find a torrent again that was put into its folder, when it is asked for
    // the info dictionary: it looks for a file of another name.
    let describes = |kind: &Kind| *kind != Kind::Transmission && kind.is_here(test);
    for kind in KINDS.into_iter().filter(describes) {
        for payload in [Payload::file(&mut rng), Payload::folder(&mut rng)] {
            let mut swarm = Swarm::new(payload);
            swarm.add_client(kind, Has::All, Wishes::default());
            let magnet = swarm.magnet(&[swarm.address(0)]);
            swarm.add_node_by(magnet.clone());
            swarm.completed();
            // As a user does it.
            swarm.gets(&magnet);
            swarm.ends();
        }
    }
}

/// The client is in the tracker's list when it was there before us.
#[test]
fn a_node_finds_a_client_by_the_tracker_of_a_magnet_link() {
    let test = "a_node_finds_a_client_by_the_tracker_of_a_magnet_link";
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let mut rng = support::seeded(test);
    let mut swarm = Swarm::tracked(Payload::folder(&mut rng), false);
    swarm.add_client(Kind::Libtorrent, Has::All, Wishes::default());
    let magnet = swarm.magnet(&[]);
    swarm.add_node_by(magnet.clone());
    swarm.completed();
    swarm.gets(&magnet);
    swarm.ends();
}
