//! A node whose file is damaged among clients that are no swarmlets.

use std::fs;
use std::os::unix::fs::FileExt;

use crate::client::{Kind, Wishes};
use crate::payload::{Has, Payload};
use crate::support;
use crate::swarm::Swarm;

fn damage(swarm: &Swarm, node: usize, pieces: &[u64]) {
    let data = &swarm.nodes[node].files.data;
    let file = fs::File::options().write(true).open(data).unwrap();
    for piece in pieces {
        file.write_all_at(b"damaged", piece * 64 * 1024).unwrap();
    }
}

/// The node has what it lost again.
fn heals(swarm: &mut Swarm, node: usize) {
    swarm.until("all is right again", |swarm| {
        let log = swarm.nodes[node].log();
        log.contains("all that was damaged is right again")
    });
}

/// Not of Transmission: it remembers that an address was a seed, until it is restarted, and a seed
/// closes links to seeds at once.
#[test]
fn a_node_heals_from_a_seed_of_another_kind() {
    let test = "a_node_heals_from_a_seed_of_another_kind";
    for kind in [Kind::Libtorrent, Kind::Aria2] {
        if !kind.is_here(test) {
            continue;
        }
        let mut swarm = Swarm::new(Payload::file(&mut support::seeded(test)));
        let seed = swarm.address(0);
        swarm.add_client(kind, Has::All, Wishes::default());
        swarm.add_node(Has::Nothing, &[seed], &[]);
        swarm.completed();
        damage(&swarm, 0, &[3, 11]);
        heals(&mut swarm, 0);
        swarm.completed();
    }
}

#[test]
fn libtorrent_hears_what_a_node_lost_and_gets_the_rest_on_the_same_link() {
    let test = "libtorrent_hears_what_a_node_lost_and_gets_the_rest_on_the_same_link";
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let mut swarm = Swarm::new(Payload::file(&mut support::seeded(test)));
    let addresses = [0, 1].map(|number| swarm.address(number));
    // The second node has all that the first one loses, and nobody else knows it.
    swarm.add_node(Has::All, &[addresses[1]], &["--upload-limit", "500000"]);
    swarm.add_node(Has::All, &[addresses[0]], &["--upload-slots", "1"]);
    let wishes = Wishes {
        peers: vec![addresses[0]],
        ..Wishes::default()
    };
    swarm.add_client(Kind::Libtorrent, Has::Nothing, wishes);
    let client = swarm.address(2).ip();
    swarm.until("they are linked", |swarm| {
        swarm.are_linked(addresses[0].ip(), client)
    });
    damage(&swarm, 0, &[0, 7, 20, 44]);
    heals(&mut swarm, 0);
    swarm.completed();
    let log = swarm.nodes[0].log();
    let cannot = "the peer cannot be told of it";
    assert!(!log.contains(cannot), "{log}");
}
