//! One node that keeps several files: one port, one search for peers, a swarm for each.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::content::{Content, torrent_conf};
use support::loopback::Subnet;
use support::node::{Files, Node, STOP_PATIENCE};
use support::tracker::{Manner, Tracker};
use tempfile::TempDir;

const KIB: usize = 1024;

/// A node whose directory has a subdirectory of shares.
struct Sharer {
    node: Node,
    shares: PathBuf,
}

impl Sharer {
    /// A node that keeps `first` by its config and file, and others in its directory of shares.
    fn new(root: &Path, subnet: &Subnet, number: usize, arguments: &[&str]) -> Self {
        let folder = root.join(format!("node-{number}"));
        let files = Files::below(&folder).unwrap();
        let shares = folder.join("shares");
        fs::create_dir(&shares).unwrap();
        let node = Node::new(support::binary(), files, subnet.address(number), arguments);
        Self { node, shares }
    }

    /// Describes the node's first file.
    fn keep(&self, rng: &mut fastrand::Rng, content: &Content, peers: &[String], whole: bool) {
        let conf = torrent_conf(rng, Some(content.file_info()), peers);
        fs::write(&self.node.files.conf, conf).unwrap();
        if whole {
            fs::write(&self.node.files.data, content.bytes()).unwrap();
        }
    }

    /// Describes a further one.
    fn share(
        &mut self,
        rng: &mut fastrand::Rng,
        name: &str,
        content: &Content,
        peers: &[String],
        whole: bool,
    ) {
        let conf = torrent_conf(rng, Some(content.file_info()), peers);
        fs::write(self.shares.join(format!("{name}.conf")), conf).unwrap();
        if whole {
            fs::write(self.shares.join(name), content.bytes()).unwrap();
        }
        let shares = self.shares.display().to_string();
        if !self.node.has_argument("--shares") {
            self.node.add_argument("--shares");
            self.node.add_argument(&shares);
        }
    }

    fn has(&self, name: &str, content: &Content) -> bool {
        fs::read(self.shares.join(name)).is_ok_and(|bytes| bytes == content.bytes())
    }
}

fn directory() -> TempDir {
    tempfile::Builder::new()
        .prefix("swarmlet-several-")
        .tempdir()
        .unwrap()
}

fn exits_complete(node: &mut Node) {
    let status = node.wait(6 * STOP_PATIENCE);
    let code = status.map(|status| status.code());
    assert_eq!(code, Ok(Some(0)), "{}", node.log());
}

#[test]
fn a_node_fetches_more_contents_than_have_their_turn_at_once() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("several");
    let (root, subnet) = (directory(), Subnet::reserve());
    let contents: Vec<_> = [900, 1, 300, 700, 64, 500, 0]
        .into_iter()
        .map(|kib| Content::random(&mut rng, kib * KIB, 16 * KIB))
        .collect();
    let mut seed = Sharer::new(root.path(), &subnet, 0, &[]);
    let mut leech = Sharer::new(root.path(), &subnet, 1, &["--exit-when-complete"]);
    let peers = [subnet.ip(0).to_string()];
    seed.keep(&mut rng, &contents[0], &[], true);
    leech.keep(&mut rng, &contents[0], &peers, false);
    for (number, content) in contents.iter().enumerate().skip(1) {
        let name = format!("file-{number}.bin");
        seed.share(&mut rng, &name, content, &[], true);
        leech.share(&mut rng, &name, content, &peers, false);
    }
    seed.node.start();
    leech.node.start();
    exits_complete(&mut leech.node);
    assert_eq!(
        fs::read(&leech.node.files.data).unwrap(),
        contents[0].bytes()
    );
    for (number, content) in contents.iter().enumerate().skip(1) {
        assert!(
            leech.has(&format!("file-{number}.bin"), content),
            "{number}"
        );
    }
    assert!(!leech.node.log().contains("ERROR"), "{}", leech.node.log());
    assert!(!seed.node.log().contains("ERROR"), "{}", seed.node.log());
}

#[test]
fn nodes_that_share_one_of_their_contents_find_each_other_by_it() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("overlap");
    let (root, subnet) = (directory(), Subnet::reserve());
    let [a, b, c] = [0; 3].map(|_| Content::random(&mut rng, 200 * KIB, 16 * KIB));
    let sweep = subnet.cidr();
    // No peers at all: only a sweep, which does not know for which swarm it looks.
    let mut one = Sharer::new(root.path(), &subnet, 0, &["--sweep", &sweep]);
    let mut two = Sharer::new(root.path(), &subnet, 1, &[]);
    one.keep(&mut rng, &a, &[], true);
    one.share(&mut rng, "b", &b, &[], false);
    two.keep(&mut rng, &c, &[], true);
    two.share(&mut rng, "b", &b, &[], true);
    two.node.start();
    one.node.start();
    support::wait_for(
        "the common content is here",
        || one.has("b", &b),
        || format!("{}\n---\n{}", one.node.log_tail(), two.node.log_tail()),
    );
    let held = fs::read(&one.node.files.data).unwrap();
    assert_eq!(held, a.bytes());
}

#[test]
fn a_tracker_hears_of_each_content_what_was_moved_of_it() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("figures");
    let (root, subnet) = (directory(), Subnet::reserve());
    let tracker = Tracker::http((subnet.ip(40), 6969).into(), Manner::Honest);
    let contents = [300, 100, 40].map(|kib| Content::random(&mut rng, kib * KIB, 16 * KIB));
    let arguments = ["--tracker", &tracker.url];
    let mut seed = Sharer::new(root.path(), &subnet, 0, &arguments);
    let mut leech = Sharer::new(root.path(), &subnet, 1, &arguments);
    seed.keep(&mut rng, &contents[0], &[], true);
    leech.keep(&mut rng, &contents[0], &[], false);
    for (number, content) in contents.iter().enumerate().skip(1) {
        let name = format!("file-{number}.bin");
        seed.share(&mut rng, &name, content, &[], true);
        // The last one is here already: nothing of it is fetched.
        leech.share(&mut rng, &name, content, &[], number == 2);
    }
    seed.node.start();
    leech.node.start();
    support::wait_for(
        "all is here",
        || {
            fs::read(&leech.node.files.data).is_ok_and(|bytes| bytes == contents[0].bytes())
                && leech.has("file-1.bin", &contents[1])
        },
        || leech.node.log(),
    );
    leech.node.stop().unwrap();
    let gone: Vec<_> = tracker
        .told()
        .into_iter()
        .filter(|told| told.event == "stopped")
        .map(|told| (support::content::hex(&told.info_hash), told.downloaded))
        .collect();
    for (content, fetched) in contents.iter().zip([300 * KIB, 100 * KIB, 0]) {
        let word = (content.info_hash(), fetched as u64);
        assert!(gone.contains(&word), "{word:?}: {gone:?}");
    }
}

#[test]
fn a_node_with_contents_of_its_own_learns_no_others() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("own");
    let (root, subnet) = (directory(), Subnet::reserve());
    let [own, second, other] = [0; 3].map(|_| Content::random(&mut rng, 100 * KIB, 16 * KIB));
    let mut node = Sharer::new(root.path(), &subnet, 0, &[]);
    let mut stranger = Sharer::new(root.path(), &subnet, 1, &[]);
    node.keep(&mut rng, &own, &[subnet.ip(1).to_string()], true);
    node.share(&mut rng, "x", &second, &[], false);
    stranger.keep(&mut rng, &other, &[subnet.ip(0).to_string()], true);
    stranger.node.start();
    node.node.start();
    // It meets the stranger, who serves something else, and goes on as it is.
    support::wait_for(
        "both have started",
        || node.node.log().contains("watchdog:") && stranger.node.log().contains("watchdog:"),
        || node.node.log(),
    );
    assert!(!node.node.log().contains("joining"), "{}", node.node.log());
    assert_eq!(fs::read(&node.node.files.data).unwrap(), own.bytes());
}

#[test]
fn contents_that_get_into_each_others_way_are_refused_at_the_start() {
    let mut rng = support::seeded("ways");
    let (root, subnet) = (directory(), Subnet::reserve());
    let content = Content::random(&mut rng, 10 * KIB, KIB);
    let mut node = Sharer::new(root.path(), &subnet, 0, &[]);
    node.keep(&mut rng, &content, &[], true);
    node.share(&mut rng, "again", &content, &[], false);
    node.node.start();
    let status = node.node.wait(STOP_PATIENCE).map(|status| status.code());
    assert_eq!(status, Ok(Some(1)), "{}", node.node.log());
    let log = node.node.log();
    assert!(log.contains("the same content is kept in"), "{log}");
    // The first config knows nothing, while others do.
    fs::write(&node.node.files.conf, "{}").unwrap();
    node.node.start();
    let status = node.node.wait(STOP_PATIENCE).map(|status| status.code());
    assert_eq!(status, Ok(Some(1)), "{}", node.node.log());
    let log = node.node.log();
    assert!(log.contains("needs the description of each"), "{log}");
}
