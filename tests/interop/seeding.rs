//! Each kind of client seeds to a node, and a node to each kind of client.

use std::fs;
use std::process::Command;

use crate::client::{Client, KINDS, Kind, PYTHON, Wishes};
use crate::payload::{Has, Payload};
use crate::support::content::Content;
use crate::support::{self, torrent};
use crate::swarm::Swarm;

/// A node dials a client: one of them has what the other lacks.
fn a_node_dials(test: &str, kind: Kind, payload: Payload, ours: Has, theirs: Has) {
    if !kind.is_here(test) {
        return;
    }
    println!("{kind:?}: a node with {ours:?} dials one with {theirs:?}");
    let mut swarm = Swarm::new(payload);
    let client = swarm.address(0);
    swarm.add_client(kind, theirs, Wishes::default());
    swarm.add_node(ours, &[client], &[]);
    swarm.completes();
}

/// The other way round, for the kinds that can be told whom to dial.
fn a_node_is_dialled(test: &str, kind: Kind, payload: Payload, ours: Has, theirs: Has) {
    if !kind.dials() || !kind.is_here(test) {
        return;
    }
    println!("{kind:?}: one with {theirs:?} dials a node with {ours:?}");
    let mut swarm = Swarm::new(payload);
    swarm.add_node(ours, &[], &[]);
    let peers = vec![swarm.address(0)];
    let wishes = Wishes {
        peers,
        ..Wishes::default()
    };
    swarm.add_client(kind, theirs, wishes);
    swarm.completes();
}

#[test]
fn a_node_downloads_a_file_from_each_kind_of_client() {
    let test = "a_node_downloads_a_file_from_each_kind_of_client";
    let mut rng = support::seeded(test);
    for kind in KINDS {
        a_node_dials(test, kind, Payload::file(&mut rng), Has::Nothing, Has::All);
        a_node_is_dialled(
            test,
            kind,
            Payload::odd_file(&mut rng),
            Has::Nothing,
            Has::All,
        );
    }
}

#[test]
fn each_kind_of_client_downloads_a_file_from_a_node() {
    let test = "each_kind_of_client_downloads_a_file_from_a_node";
    let mut rng = support::seeded(test);
    for kind in KINDS {
        a_node_dials(
            test,
            kind,
            Payload::odd_file(&mut rng),
            Has::All,
            Has::Nothing,
        );
        a_node_is_dialled(test, kind, Payload::file(&mut rng), Has::All, Has::Nothing);
    }
}

#[test]
fn a_node_downloads_a_folder_from_each_kind_of_client() {
    let test = "a_node_downloads_a_folder_from_each_kind_of_client";
    let mut rng = support::seeded(test);
    for kind in KINDS {
        a_node_dials(
            test,
            kind,
            Payload::folder(&mut rng),
            Has::Nothing,
            Has::All,
        );
    }
}

#[test]
fn each_kind_of_client_downloads_a_folder_from_a_node() {
    let test = "each_kind_of_client_downloads_a_folder_from_a_node";
    let mut rng = support::seeded(test);
    for kind in KINDS {
        a_node_dials(
            test,
            kind,
            Payload::folder(&mut rng),
            Has::All,
            Has::Nothing,
        );
    }
}

#[test]
fn a_node_and_each_kind_of_client_with_half_of_the_parts_each_complete_each_other() {
    let test = "a_node_and_each_kind_of_client_with_half_of_the_parts_each_complete_each_other";
    let mut rng = support::seeded(test);
    for kind in KINDS {
        a_node_dials(
            test,
            kind,
            Payload::file(&mut rng),
            Has::Half(0),
            Has::Half(1),
        );
    }
}

#[test]
fn a_node_and_libtorrent_that_dial_each_other_at_once_complete() {
    let test = "a_node_and_libtorrent_that_dial_each_other_at_once_complete";
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let mut rng = support::seeded(test);
    for (ours, theirs) in [(Has::All, Has::Nothing), (Has::Nothing, Has::All)] {
        let mut swarm = Swarm::new(Payload::file(&mut rng));
        let [client, node] = [0, 1].map(|number| swarm.address(number));
        let wishes = Wishes {
            peers: vec![node],
            ..Wishes::default()
        };
        swarm.add_client(Kind::Libtorrent, theirs, wishes);
        swarm.add_node(ours, &[client], &[]);
        swarm.completes();
    }
}

#[test]
fn the_torrent_of_a_known_content_has_the_infohash_that_others_compute() {
    let test = "the_torrent_of_a_known_content_has_the_infohash_that_others_compute";
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let content = Content::random(&mut fastrand::Rng::with_seed(1), 1000, 256);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.torrent");
    fs::write(&path, torrent::torrent(&content)).unwrap();
    let code = "import libtorrent, sys; print(libtorrent.torrent_info(sys.argv[1]).info_hash())";
    let mut command = Command::new(PYTHON);
    let output = command.args(["-c", code]).arg(&path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(text.trim(), torrent::infohash(&content));
}

#[test]
fn the_witnesses_understand_each_other() {
    // If these cannot, a failure elsewhere says nothing of the node.
    let test = "the_witnesses_understand_each_other";
    let kinds = [Kind::Aria2, Kind::Transmission];
    if !Kind::Libtorrent.is_here(test) {
        return;
    }
    let mut rng = support::seeded(test);
    for kind in kinds.into_iter().filter(|kind| kind.is_here(test)) {
        for (theirs, its) in [(Has::All, Has::Nothing), (Has::Nothing, Has::All)] {
            let mut swarm = Swarm::new(Payload::file(&mut rng));
            let peers = vec![swarm.address(0)];
            swarm.add_client(kind, theirs, Wishes::default());
            let wishes = Wishes {
                peers,
                ..Wishes::default()
            };
            swarm.add_client(Kind::Libtorrent, its, wishes);
            swarm.completes();
        }
    }
}

#[test]
fn a_client_that_is_killed_stays_dead_until_it_is_started() {
    let test = "a_client_that_is_killed_stays_dead_until_it_is_started";
    if !Kind::Aria2.is_here(test) {
        return;
    }
    let mut swarm = Swarm::new(Payload::file(&mut support::seeded(test)));
    let number = swarm.add_client(Kind::Aria2, Has::Nothing, Wishes::default());
    let client: &mut Client = &mut swarm.clients[number];
    assert!(!client.has_ended());
    client.kill();
    client.kill();
    assert!(!client.has_ended());
    client.start();
    assert!(!client.has_ended());
}
