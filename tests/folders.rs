//! Contents of several files, kept by real nodes.

// Helpers of tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;

use support::folder::Folder;
use support::loopback::Subnet;
use support::mounts::Mounts;
use support::node::{Files, Node, STOP_PATIENCE};
use support::wait_for;

/// Set where these tests must not be skipped.
const REQUIRED_BY: &str = "SWARMLET_REQUIRE_ROOT";

/// A node that has the torrent, or knows nothing but one peer.
fn node(place: &Path, subnet: &Subnet, number: usize, torrent: Option<&[u8]>, peer: usize) -> Node {
    let place = place.join(number.to_string());
    fs::create_dir(&place).unwrap();
    let mut files = Files::below(&place).unwrap();
    files.data = place.join("content");
    fs::write(&files.conf, torrent.unwrap_or_default()).unwrap();
    let peer = subnet.address(peer).to_string();
    let arguments = ["--sweep", "off", "--peer", &peer];
    Node::new(support::binary(), files, subnet.address(number), &arguments)
}

fn logs(nodes: &[Node]) -> String {
    nodes
        .iter()
        .map(Node::log_tail)
        .collect::<Vec<_>>()
        .join("\n---\n")
}

/// Waits until all have the folder. None may end meanwhile.
fn settle(nodes: &mut [Node], folder: &Folder) {
    let roots: Vec<_> = nodes.iter().map(|node| node.files.data.clone()).collect();
    let mut ended = None;
    let all = || {
        for node in nodes.iter_mut() {
            ended = ended.or_else(|| node.poll().err());
        }
        ended.is_some() || roots.iter().all(|root| folder.is_at(root))
    };
    wait_for("all have the folder", all, String::new);
    assert_eq!(ended, None, "{}", logs(nodes));
}

#[test]
fn a_folder_reaches_those_who_know_it_and_those_who_learn_it_and_is_healed() {
    let _turn = support::take_turn();
    let folder = Folder::usual(&mut support::seeded("folder"));
    let torrent = folder.torrent();
    let (place, subnet) = (tempfile::tempdir().unwrap(), Subnet::reserve());
    let mut nodes = [
        node(place.path(), &subnet, 0, Some(&torrent), 1),
        node(place.path(), &subnet, 1, Some(&torrent), 0),
        // An empty config: it learns from number 1.
        node(place.path(), &subnet, 2, None, 1),
    ];
    folder.write(&nodes[0].files.data);
    // Something is here already, in part and too long.
    let theirs = nodes[1].files.data.clone();
    folder.write(&theirs);
    fs::write(theirs.join("first/large.bin"), "rubbish").unwrap();
    fs::write(theirs.join("empty"), "not empty").unwrap();
    fs::remove_dir_all(theirs.join("many")).unwrap();
    nodes.iter_mut().for_each(Node::start);
    settle(&mut nodes, &folder);
    // Files and folders that vanish under a node come back.
    fs::remove_dir_all(theirs.join("many")).unwrap();
    fs::remove_file(nodes[2].files.data.join("aligned")).unwrap();
    settle(&mut nodes, &folder);
    // A node that was killed comes back, and knows what it learned.
    nodes[2].kill();
    fs::remove_file(nodes[2].files.data.join("first/large.bin")).unwrap();
    nodes[2].start();
    settle(&mut nodes, &folder);
    for node in &mut nodes {
        let status = node.stop().map(|status| status.code());
        assert_eq!(status, Ok(Some(0)), "{}", node.log());
        assert!(folder.is_at(&node.files.data));
    }
}

#[test]
fn a_folder_that_was_learned_and_has_a_file_in_its_place_waits_until_that_is_gone() {
    let _turn = support::take_turn();
    let folder = Folder::usual(&mut support::seeded("in place"));
    let (place, subnet) = (tempfile::tempdir().unwrap(), Subnet::reserve());
    let mut nodes = [
        node(place.path(), &subnet, 0, Some(&folder.torrent()), 1),
        node(place.path(), &subnet, 1, None, 0),
    ];
    folder.write(&nodes[0].files.data);
    let data = nodes[1].files.data.clone();
    fs::write(&data, "a file").unwrap();
    nodes.iter_mut().for_each(Node::start);
    let expected = format!(
        "cannot open {}: is a file; the content is a folder",
        data.display()
    );
    let is_said = || nodes[1].log().contains(&expected);
    wait_for("it says so", is_said, || nodes[1].log());
    assert_eq!(fs::read(&data).unwrap(), b"a file");
    fs::remove_file(&data).unwrap();
    settle(&mut nodes, &folder);
}

/// A node whose folder is on a disk that does not take it all waits and says why; after the remedy
/// it goes on.
fn waits_and_goes_on(test: &str, mount: &str, complaint: &str, remedy: &str) {
    let folder = Folder::usual(&mut support::seeded(test));
    let (place, subnet) = (tempfile::tempdir().unwrap(), Subnet::reserve());
    let torrent = folder.torrent();
    let mut seeder = node(place.path(), &subnet, 0, Some(&torrent), 1);
    let mut unlucky = node(place.path(), &subnet, 1, Some(&torrent), 0);
    let disk = place.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let Some(mounts) = Mounts::new(mount, &disk) else {
        let why = "cannot mount (that takes root and unshare)";
        return support::skip(test, why, REQUIRED_BY);
    };
    unlucky.files.data = disk.join("content");
    let launcher = mounts.launcher();
    let launcher: Vec<&str> = launcher.iter().map(String::as_str).collect();
    let mut unlucky = unlucky.launched_by(&launcher);
    folder.write(&seeder.files.data);
    seeder.start();
    unlucky.start();
    let complaint = complaint.replace("DISK", disk.to_str().unwrap());
    let words: Vec<_> = complaint.split("...").collect();
    let is_said = || {
        let log = unlucky.log();
        let is_it = |line: &str| words.iter().all(|word| line.contains(word));
        log.lines().any(is_it)
    };
    wait_for("it says why it waits", is_said, || unlucky.log());
    mounts.run(remedy, &disk);
    let root = mounts.seen_from_outside(&unlucky.files.data);
    wait_for("it goes on", || folder.is_at(&root), || unlucky.log());
}

#[test]
fn a_folder_on_a_full_disk_waits_for_room() {
    let _turn = support::take_turn();
    waits_and_goes_on(
        "a_folder_on_a_full_disk_waits_for_room",
        r#"mount -t tmpfs -o size=1m tmpfs "$1""#,
        "cannot write DISK/content/...: no space left on device; trying again every second",
        r#"mount -o remount,size=64m "$1""#,
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_made_when_it_can_be() {
    let _turn = support::take_turn();
    waits_and_goes_on(
        "a_folder_that_cannot_be_made_is_made_when_it_can_be",
        r#"mount -t tmpfs tmpfs "$1"; mount -o remount,ro "$1""#,
        "cannot open DISK/content: read-only file system; trying again every second",
        r#"mount -o remount,rw "$1""#,
    );
}

#[test]
fn a_file_in_place_of_a_known_folder_is_one_line_and_status_1() {
    let folder = Folder::usual(&mut support::seeded("known"));
    let (place, subnet) = (tempfile::tempdir().unwrap(), Subnet::reserve());
    let mut node = node(place.path(), &subnet, 0, Some(&folder.torrent()), 1);
    let data = node.files.data.clone();
    fs::write(&data, "a file").unwrap();
    node.start();
    let status = node.wait(STOP_PATIENCE).map(|status| status.code());
    assert_eq!(status, Ok(Some(1)), "{}", node.log());
    let error = format!(
        "error: cannot open {}: is a file; the content is a folder\n",
        data.display()
    );
    assert!(node.log().ends_with(&error), "{}", node.log());
    let damaged = &folder.torrent()[..500];
    fs::write(&node.files.conf, damaged).unwrap();
    node.start();
    let status = node.wait(STOP_PATIENCE).map(|status| status.code());
    assert_eq!(status, Ok(Some(1)), "{}", node.log());
    let error = format!(
        "error: {}: not a .torrent file: bencode ends at byte 500 within a value\n",
        node.files.conf.display()
    );
    assert!(node.log().ends_with(&error), "{}", node.log());
}
