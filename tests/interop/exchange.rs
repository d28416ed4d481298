//! Peer exchange (BEP 11) among three, of whom the one in the middle knows the others.

use crate::client::{Kind, Wishes};
use crate::payload::{Has, Payload};
use crate::support;
use crate::swarm::Swarm;

/// A node or a client.
#[derive(Clone, Copy, Debug)]
enum Party {
    Ours,
    Theirs(Kind),
}

use Party::{Ours, Theirs};

/// One end knows the middle, and the middle the other end: the ends must come to have a link.
/// Nobody has all, and together they lack a half, so that nobody loses interest in the others.
fn ends_meet(test: &str, [end, middle, other]: [Party; 3]) {
    let mut swarm = Swarm::new(Payload::file(&mut support::seeded(test)));
    let [first, second, third] = [0, 1, 2].map(|number| swarm.address(number));
    // Kinds that take no addresses are dialled by the others.
    let mut knows: [Vec<_>; 3] = [vec![second], vec![third], vec![]];
    if matches!(end, Theirs(kind) if !kind.dials()) {
        knows[1].push(first);
    }
    if matches!(middle, Theirs(kind) if !kind.dials()) {
        knows[2].push(second);
    }
    let has = [Has::Nothing, Has::Nothing, Has::Half(0)];
    for (number, party) in [end, middle, other].into_iter().enumerate() {
        let peers = std::mem::take(&mut knows[number]);
        match party {
            Ours => {
                swarm.add_node(has[number], &peers, &[]);
            }
            Theirs(kind) => {
                let wishes = Wishes {
                    peers,
                    exchange: true,
                    ..Wishes::default()
                };
                swarm.add_client(kind, has[number], wishes);
            }
        }
    }
    swarm.until("the ends have a link", |swarm| {
        swarm.are_linked(first.ip(), third.ip()) || swarm.are_linked(third.ip(), first.ip())
    });
    swarm.ends();
}

#[test]
fn a_node_tells_clients_of_each_other() {
    let test = "a_node_tells_clients_of_each_other";
    if Kind::Libtorrent.is_here(test) && Kind::Aria2.is_here(test) {
        ends_meet(
            test,
            [Theirs(Kind::Libtorrent), Ours, Theirs(Kind::Libtorrent)],
        );
        ends_meet(test, [Theirs(Kind::Aria2), Ours, Theirs(Kind::Libtorrent)]);
    }
}

#[test]
fn libtorrent_tells_nodes_of_each_other() {
    let test = "libtorrent_tells_nodes_of_each_other";
    if Kind::Libtorrent.is_here(test) {
        ends_meet(test, [Ours, Theirs(Kind::Libtorrent), Ours]);
    }
}

#[test]
fn aria2_tells_nodes_of_each_other() {
    let test = "aria2_tells_nodes_of_each_other";
    if Kind::Aria2.is_here(test) {
        ends_meet(test, [Ours, Theirs(Kind::Aria2), Ours]);
    }
}

#[test]
fn a_node_tells_a_node_of_a_client() {
    let test = "a_node_tells_a_node_of_a_client";
    if Kind::Libtorrent.is_here(test) {
        ends_meet(test, [Ours, Ours, Theirs(Kind::Libtorrent)]);
    }
}
