//! A side is killed in mid transfer, and comes back.
//!
//! A limit on the node's rate makes sure that it is in mid transfer: there are seconds between the
//! first part and the last one.

use crate::client::{KINDS, Kind, Wishes};
use crate::payload::{Has, Payload};
use crate::support;
use crate::swarm::Swarm;

/// A transfer of 3 MB takes five seconds.
const LIMIT: &str = "600KiB";

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Killed {
    Ours,
    Theirs,
}

fn goes_on(test: &str, kind: Kind, ours: Has, killed: Killed) {
    if !kind.is_here(test) {
        return;
    }
    println!("{kind:?}: a node with {ours:?}, and {killed:?} is killed");
    let mut swarm = Swarm::new(Payload::file(&mut support::seeded(test)));
    let client = swarm.address(0);
    let (theirs, flag) = match ours {
        Has::All => (Has::Nothing, "--upload-limit"),
        _ => (Has::All, "--download-limit"),
    };
    swarm.add_client(kind, theirs, Wishes::default());
    swarm.add_node(ours, &[client], &[flag, LIMIT]);
    let leecher = match ours {
        Has::All => swarm.clients[0].data(),
        _ => &swarm.nodes[0].files.data,
    };
    let leecher = leecher.to_owned();
    swarm.until("a fifth is there", |swarm| {
        swarm.payload.percent_at(&leecher) >= 20
    });
    match killed {
        Killed::Ours => swarm.nodes[0].kill(),
        Killed::Theirs => swarm.clients[0].kill(),
    }
    let before = swarm.payload.percent_at(&leecher);
    assert!(before < 100, "it was complete before anybody was killed");
    swarm.nodes[0].start();
    swarm.clients[0].start();
    swarm.completes();
}

#[test]
fn a_node_that_downloads_is_killed_and_goes_on() {
    let test = "a_node_that_downloads_is_killed_and_goes_on";
    for kind in KINDS {
        goes_on(test, kind, Has::Nothing, Killed::Ours);
    }
}

#[test]
fn a_node_that_seeds_is_killed_and_goes_on() {
    let test = "a_node_that_seeds_is_killed_and_goes_on";
    for kind in KINDS {
        goes_on(test, kind, Has::All, Killed::Ours);
    }
}

#[test]
fn a_client_that_seeds_is_killed_and_the_node_goes_on_with_it() {
    let test = "a_client_that_seeds_is_killed_and_the_node_goes_on_with_it";
    for kind in KINDS {
        goes_on(test, kind, Has::Nothing, Killed::Theirs);
    }
}

#[test]
fn a_client_that_downloads_is_killed_and_gets_the_rest_from_the_node() {
    let test = "a_client_that_downloads_is_killed_and_gets_the_rest_from_the_node";
    for kind in KINDS {
        goes_on(test, kind, Has::All, Killed::Theirs);
    }
}
