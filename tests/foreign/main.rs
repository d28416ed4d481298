//! Clients that are not ours download from a node, and a node downloads from them.
//!
//! They know BitTorrent from its specifications and nothing of swarmlet, which makes them the
//! witnesses that our wire is BitTorrent. All of them are bound to loopback addresses, with
//! every kind of discovery off. A client that is not installed is skipped by name, unless
//! `SWARMLET_REQUIRE_FOREIGN=1` asks for it.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod created;
mod folders;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::content::Content;
use support::fleet::Fleet;
use support::judge::Judge;
use support::plan::{self, Initial};
use support::tracker::{Manner, Tracker};
use support::{skip, torrent, wait_for};

const REQUIRED_BY: &str = "SWARMLET_REQUIRE_FOREIGN";

/// Debian's interpreter, which has Debian's libtorrent; another in the path may not.
const PYTHON: &str = "/usr/bin/python3";

/// A client process, its output in a file, ended when dropped.
struct Client {
    child: Child,
    log: PathBuf,
}

impl Client {
    fn start(mut command: Command, log: PathBuf) -> Self {
        let output = fs::File::create(&log).unwrap();
        let errors = output.try_clone().unwrap();
        let child = command
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A fleet of node 0 and node 1, and a client in the place of node 1 or beside both.
struct Stage {
    fleet: Fleet,
    directory: tempfile::TempDir,
    client_address: SocketAddr,
}

/// The number of the address that the client has.
const CLIENT: usize = 5;

/// The number of the address that a tracker has.
const TRACKER: usize = 6;

impl Stage {
    /// Node 0 has all, or nothing but the config; it knows no peer.
    fn new(test: &str, content: Content, initial: Initial, is_known: bool) -> Self {
        let mut rng = support::seeded(test);
        let mut plan = plan::simple_docker_compose(&mut rng);
        plan.name = test.into();
        plan.content = content;
        plan.nodes.truncate(1);
        plan.nodes[0] = plan::NodePlan {
            initial,
            knows_file: is_known,
            peers: Vec::new(),
        };
        let fleet = Fleet::lay_out(plan, &mut rng);
        let directory = tempfile::tempdir().unwrap();
        let torrent = torrent::torrent(&fleet.plan.content);
        fs::write(directory.path().join("a.torrent"), torrent).unwrap();
        let client_address = fleet.subnet.address(CLIENT);
        Self {
            fleet,
            directory,
            client_address,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write_data(&self) {
        fs::write(self.path("data.bin"), self.fleet.plan.content.bytes()).unwrap();
    }

    fn libtorrent(&self, role: &str, torrent: &str) -> Client {
        let mut command = Command::new(PYTHON);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/client.py");
        command
            .arg(script)
            .args([role, &self.client_address.to_string(), torrent]);
        command.arg(self.directory.path());
        if role == "leech" {
            command.arg(self.fleet.nodes[0].address.to_string());
        }
        Client::start(command, self.path("client.log"))
    }

    /// A tracker from which alone the node and the client know of each other.
    fn tracker(&mut self, is_udp: bool) -> Tracker {
        let at = SocketAddr::new(self.fleet.subnet.ip(TRACKER).into(), 6969);
        let tracker = match is_udp {
            true => Tracker::udp(at, Manner::Honest),
            false => Tracker::http(at, Manner::Honest),
        };
        let torrent = torrent::torrent_with_tracker(&self.fleet.plan.content, &tracker.url);
        fs::write(self.path("a.torrent"), torrent).unwrap();
        self.fleet.nodes[0].add_argument("--tracker");
        self.fleet.nodes[0].add_argument(&tracker.url);
        tracker
    }

    /// libtorrent with nothing but the `.torrent` and its tracker.
    fn libtorrent_with_tracker(&self, role: &str) -> Client {
        let mut command = Command::new(PYTHON);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/client.py");
        let address = self.client_address.to_string();
        command.arg(script).args([role, &address]);
        command.arg(self.path("a.torrent"));
        command.arg(self.directory.path());
        Client::start(command, self.path("client.log"))
    }

    /// aria2c takes peers from a tracker only, so a node has to dial it.
    fn aria2c(&self, is_seed: bool) -> Client {
        let mut command = Command::new("aria2c");
        let port = self.client_address.port();
        command.args([
            "--no-conf",
            "--enable-dht=false",
            "--enable-dht6=false",
            "--bt-enable-lpd=false",
            "--enable-peer-exchange=false",
            "--disable-ipv6=true",
            "--seed-ratio=0.0",
            "--allow-overwrite=true",
            "--bt-hash-check-seed=true",
            "--file-allocation=none",
            "--console-log-level=notice",
        ]);
        command.arg(format!("--check-integrity={is_seed}"));
        command.arg(format!("--interface={}", self.client_address.ip()));
        command.arg(format!("--listen-port={port}"));
        command.arg(format!("--dir={}", self.directory.path().display()));
        command.arg(self.path("a.torrent"));
        Client::start(command, self.path("client.log"))
    }

    /// Starts the node and waits until its file and the client's are right.
    fn settle(&mut self, client: &Client) {
        let content = self.fleet.plan.content.clone();
        let mut judge = Judge::new(&self.path("data.bin"));
        let mut node_judge = Judge::new(&self.fleet.nodes[0].files.data);
        let node_log = self.fleet.nodes[0].files.log.clone();
        let logs = || {
            let node = fs::read_to_string(&node_log).unwrap_or_default();
            format!("--- the node:\n{node}\n--- the client:\n{}", client.log())
        };
        let node = &mut self.fleet.nodes[0];
        node.start();
        let are_right = || {
            assert_eq!(node.poll(), Ok(()), "the node ended\n{}", logs());
            judge.is_identical(&content) && node_judge.is_identical(&content)
        };
        wait_for("both have the file", are_right, logs);
        self.fleet.kill_and_compare();
    }
}

/// Some MiB in parts of a usual size, the last one short.
fn usual_content() -> Content {
    Content::random(&mut support::seeded("content"), 3_000_001, 64 * 1024)
}

fn has_libtorrent(test: &str) -> bool {
    let mut check = Command::new(PYTHON);
    has(
        "python3-libtorrent",
        check.args(["-c", "import libtorrent"]),
        test,
    )
}

fn has_aria2c(test: &str) -> bool {
    has("aria2c", Command::new("aria2c").arg("--version"), test)
}

fn has(name: &str, check: &mut Command, test: &str) -> bool {
    check.stdout(Stdio::null()).stderr(Stdio::null());
    let is_here = check.status().is_ok_and(|status| status.success());
    if !is_here {
        skip(test, &format!("{name} is not installed"), REQUIRED_BY);
    }
    is_here
}

#[test]
fn the_torrent_of_a_known_content_has_the_infohash_that_others_compute() {
    // Computed with libtorrent 2.0.8 from the same info dict.
    let mut rng = fastrand::Rng::with_seed(1);
    let mut content = Content::random(&mut rng, 0, 1);
    assert_eq!(
        torrent::infohash(&content),
        torrent::infohash(&content.clone())
    );
    content = Content::random(&mut rng, 1000, 256);
    let test = "the_torrent_of_a_known_content_has_the_infohash_that_others_compute";
    if !has_libtorrent(test) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.torrent");
    fs::write(&path, torrent::torrent(&content)).unwrap();
    let code = "import libtorrent, sys; print(libtorrent.torrent_info(sys.argv[1]).info_hash())";
    let output = Command::new(PYTHON)
        .args(["-c", code])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        torrent::infohash(&content)
    );
}

#[test]
fn libtorrent_downloads_from_a_node_by_the_torrent_that_its_config_stands_for() {
    let test = "libtorrent_downloads_from_a_node_by_the_torrent_that_its_config_stands_for";
    if !has_libtorrent(test) {
        return;
    }
    let _turn = support::take_turn();
    let mut stage = Stage::new(test, usual_content(), Initial::Whole, true);
    let torrent = stage.path("a.torrent").display().to_string();
    let client = stage.libtorrent("leech", &torrent);
    stage.settle(&client);
}

#[test]
fn libtorrent_downloads_from_a_node_by_a_magnet_link() {
    let test = "libtorrent_downloads_from_a_node_by_a_magnet_link";
    if !has_libtorrent(test) {
        return;
    }
    let _turn = support::take_turn();
    let mut stage = Stage::new(test, usual_content(), Initial::Whole, true);
    let magnet = format!(
        "magnet:?xt=urn:btih:{}",
        torrent::infohash(&stage.fleet.plan.content)
    );
    let client = stage.libtorrent("leech", &magnet);
    stage.settle(&client);
}

#[test]
fn a_node_downloads_from_libtorrent() {
    let test = "a_node_downloads_from_libtorrent";
    if !has_libtorrent(test) {
        return;
    }
    let _turn = support::take_turn();
    let rubbish = Initial::Rubbish {
        length: 5_000_000,
        seed: 7,
    };
    let mut stage = Stage::new(test, usual_content(), rubbish, true);
    stage.write_data();
    let torrent = stage.path("a.torrent").display().to_string();
    let client = stage.libtorrent("seed", &torrent);
    wait_for(
        "libtorrent listens",
        || client.log().contains("ready"),
        || client.log(),
    );
    let peer = stage.client_address.to_string();
    stage.fleet.nodes[0].add_argument("--peer");
    stage.fleet.nodes[0].add_argument(&peer);
    stage.settle(&client);
}

#[test]
fn a_node_and_libtorrent_with_half_of_the_parts_each_complete_each_other() {
    let test = "a_node_and_libtorrent_with_half_of_the_parts_each_complete_each_other";
    if !has_libtorrent(test) {
        return;
    }
    let _turn = support::take_turn();
    let content = usual_content();
    let half = |odd| {
        (0..content.hashes().len())
            .map(|part| part % 2 == odd)
            .collect()
    };
    let ours = Initial::Scattered {
        right: half(0),
        seed: 1,
    };
    let theirs = Initial::Scattered {
        right: half(1),
        seed: 2,
    };
    let mut stage = Stage::new(test, content.clone(), ours, true);
    theirs.write(&content, &stage.path("data.bin")).unwrap();
    let torrent = stage.path("a.torrent").display().to_string();
    let client = stage.libtorrent("leech", &torrent);
    stage.settle(&client);
}

#[test]
fn libtorrent_downloads_from_a_node_that_it_knows_from_a_tracker() {
    let test = "libtorrent_downloads_from_a_node_that_it_knows_from_a_tracker";
    if !has_libtorrent(test) {
        return;
    }
    for is_udp in [false, true] {
        let _turn = support::take_turn();
        let mut stage = Stage::new(test, usual_content(), Initial::Whole, true);
        let tracker = stage.tracker(is_udp);
        let client = stage.libtorrent_with_tracker("leech");
        stage.settle(&client);
        assert!(!tracker.events_of(stage.client_address.ip()).is_empty());
    }
}

#[test]
fn a_node_downloads_from_libtorrent_that_it_knows_from_a_tracker() {
    let test = "a_node_downloads_from_libtorrent_that_it_knows_from_a_tracker";
    if !has_libtorrent(test) {
        return;
    }
    for is_udp in [false, true] {
        let _turn = support::take_turn();
        let mut stage = Stage::new(test, usual_content(), Initial::Missing, true);
        stage.write_data();
        let tracker = stage.tracker(is_udp);
        let client = stage.libtorrent_with_tracker("seed");
        // The node comes second: it is the one that hears of the other.
        wait_for(
            "libtorrent has announced itself",
            || !tracker.told().is_empty(),
            || client.log(),
        );
        stage.settle(&client);
    }
}

#[test]
fn aria2c_downloads_from_a_node() {
    let test = "aria2c_downloads_from_a_node";
    if !has_aria2c(test) {
        return;
    }
    let _turn = support::take_turn();
    let mut stage = Stage::new(test, usual_content(), Initial::Whole, true);
    let client = stage.aria2c(false);
    let peer = stage.client_address.to_string();
    stage.fleet.nodes[0].add_argument("--peer");
    stage.fleet.nodes[0].add_argument(&peer);
    stage.settle(&client);
}

#[test]
fn a_node_downloads_from_aria2c() {
    let test = "a_node_downloads_from_aria2c";
    if !has_aria2c(test) {
        return;
    }
    let _turn = support::take_turn();
    let mut stage = Stage::new(test, usual_content(), Initial::Missing, true);
    stage.write_data();
    let client = stage.aria2c(true);
    let peer = stage.client_address.to_string();
    stage.fleet.nodes[0].add_argument("--peer");
    stage.fleet.nodes[0].add_argument(&peer);
    stage.settle(&client);
}

#[test]
fn the_witnesses_understand_each_other() {
    // If these two cannot, a failure above says nothing of the node.
    let test = "the_witnesses_understand_each_other";
    if !has_libtorrent(test) || !has_aria2c(test) {
        return;
    }
    let _turn = support::take_turn();
    let mut stage = Stage::new(test, usual_content(), Initial::Whole, true);
    let theirs = tempfile::tempdir().unwrap();
    fs::copy(stage.path("a.torrent"), theirs.path().join("a.torrent")).unwrap();
    stage.write_data();
    let seed = stage.aria2c(true);
    // The stage's own client leeches from the seed, in the place of the node.
    let node_address = stage.fleet.nodes[0].address;
    let _ours = std::mem::replace(&mut stage.directory, theirs);
    stage.fleet.nodes[0].address = std::mem::replace(&mut stage.client_address, node_address);
    let torrent = stage.path("a.torrent").display().to_string();
    let leech = stage.libtorrent("leech", &torrent);
    let content = stage.fleet.plan.content.clone();
    let mut judge = Judge::new(&stage.path("data.bin"));
    let logs = || {
        format!(
            "--- libtorrent:\n{}\n--- aria2c:\n{}",
            leech.log(),
            seed.log()
        )
    };
    wait_for(
        "libtorrent has the file of aria2c",
        || judge.is_identical(&content),
        logs,
    );
}
