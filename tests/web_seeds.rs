//! Nodes and an origin: a web server that has the content, asked for what no peer has.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod inprocess;
mod support;

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use swarmlet::ActorKind;

use support::content::Content;
use support::folder::Folder;
use support::handful::{Handful, Has};
use support::loopback::Subnet;
use support::origin::{Manner, Origin};
use support::torrent;

/// The numbers of the servers' addresses; nodes are numbered from 0.
const ORIGIN: usize = 60;
const OTHER: usize = 61;
const THIRD: usize = 62;

/// Nodes of one loopback /24, and a content for them.
struct Stage {
    nodes: Handful,
    subnet: Subnet,
    content: Content,
}

impl Stage {
    fn new(test: &str, size: usize, part_size: usize) -> Self {
        Self {
            nodes: Handful::new(),
            subnet: Subnet::reserve(),
            content: Content::random(&mut support::seeded(test), size, part_size),
        }
    }

    fn place(&self, number: usize) -> SocketAddr {
        SocketAddr::new(self.subnet.ip(number).into(), 8080)
    }

    /// A server that has the content as `/data.bin`.
    fn origin(&self, manner: Manner) -> Origin {
        let files = [("/data.bin", self.content.bytes())];
        Origin::new(self.place(ORIGIN), &files, manner)
    }

    /// Adds a node that asks this server, and knows the nodes of these numbers.
    fn add(&mut self, has: Has, source: &str, peers: &[usize], more: &[&str]) -> usize {
        let mut arguments = more.to_vec();
        if !source.is_empty() {
            arguments.extend(["--source", source]);
        }
        let address = self.subnet.address(self.nodes.nodes.len());
        let peers: Vec<_> = peers
            .iter()
            .map(|&peer| self.subnet.address(peer).to_string())
            .collect();
        let has = (has, &self.content.clone());
        self.nodes.add(has, address, &peers, &arguments, &[])
    }

    fn wait(&mut self, nodes: &[usize]) {
        let content = self.content.clone();
        self.nodes.wait_for_file(nodes, &content);
    }

    fn run(&mut self, nodes: &[usize]) {
        self.nodes.start_all();
        self.wait(nodes);
    }
}

#[test]
fn a_node_without_peers_gets_all_from_the_origin_over_kept_connections() {
    let mut stage = Stage::new("web seeds, alone", 6_000_000, 64 * 1024);
    let origin = stage.origin(Manner::Honest);
    let node = stage.add(Has::Config, &origin.url, &[], &[]);
    stage.run(&[node]);
    let tally = origin.tally();
    assert_eq!(tally.sent, stage.content.size(), "every byte once");
    assert!(tally.connections <= 2, "{tally:?}");
    assert!(
        tally.asked.len() <= 8,
        "neighbours make one request: {tally:?}"
    );
    stage.nodes.wait_for_log(node, "from sources");
    assert!(
        stage.nodes.nodes[node]
            .log()
            .contains("fetching what no peer has")
    );
    assert!(!stage.nodes.nodes[node].log().contains("ERROR"));
}

#[test]
fn the_origin_sends_nothing_while_a_peer_has_all_and_steps_in_when_it_is_gone() {
    let mut stage = Stage::new("web seeds, spared", 3_000_000, 64 * 1024);
    let origin = stage.origin(Manner::Honest);
    let seed = stage.add(Has::File, "", &[], &[]);
    // Slow enough to outlast the grace.
    let spared = stage.add(
        Has::Config,
        &origin.url,
        &[seed],
        &["--download-limit", "700KiB"],
    );
    let left = stage.add(
        Has::Config,
        &origin.url,
        &[seed],
        &["--download-limit", "300KiB"],
    );
    stage.nodes.start_all();
    stage.wait(&[spared]);
    assert_eq!(origin.tally().sent, 0);
    stage.nodes.nodes[seed].kill();
    stage.nodes.nodes[spared].kill();
    stage.wait(&[left]);
    let sent = origin.tally().sent;
    assert!(sent > 0 && sent < stage.content.size(), "{sent}");
}

#[test]
fn a_fleet_takes_about_one_copy_from_its_origin() {
    let _turn = support::take_turn();
    let mut stage = Stage::new("web seeds, fleet", 16 << 20, 64 * 1024);
    let origin = stage.origin(Manner::Honest);
    let nodes: Vec<_> = (0..8)
        .map(|number| {
            let before: Vec<_> = (0..number).collect();
            stage.add(Has::Config, &origin.url, &before, &[])
        })
        .collect();
    stage.run(&nodes);
    let copies = origin.tally().sent as f64 / stage.content.size() as f64;
    println!(
        "{copies:.2} copies, {} requests",
        origin.tally().asked.len()
    );
    assert!(copies <= 2.0, "{copies:.2} copies");
}

#[test]
fn a_restarted_node_asks_for_the_rest_only() {
    let mut stage = Stage::new("web seeds, restart", 4_000_000, 64 * 1024);
    // Slowly, so that little is on its way at a time.
    let slowly = Manner::Drips(16 * 1024, Duration::from_millis(10));
    let origin = stage.origin(slowly);
    let node = stage.add(Has::Config, &origin.url, &[], &[]);
    stage.nodes.start_all();
    let half = stage.content.size() / 2;
    support::wait_for(
        "half of it was sent",
        || origin.tally().sent > half,
        String::new,
    );
    stage.nodes.nodes[node].kill();
    stage.run(&[node]);
    let sent = origin.tally().sent;
    // What was on its way is sent again: pieces that were not whole or not written.
    assert!(sent < stage.content.size() * 5 / 4, "{sent}");
}

#[test]
fn a_broken_connection_costs_no_more_than_what_was_lost_with_it() {
    let mut stage = Stage::new("web seeds, breaks", 2_000_000, 256 * 1024);
    let origin = stage.origin(Manner::Closes(100_000));
    let node = stage.add(Has::Config, &origin.url, &[], &[]);
    stage.run(&[node]);
    let tally = origin.tally();
    assert_eq!(tally.sent, stage.content.size(), "{tally:?}");
    assert!(tally.asked.len() >= 20, "{tally:?}");
}

#[test]
fn a_slow_origin_is_no_dead_one() {
    let mut stage = Stage::new("web seeds, drips", 200_000, 64 * 1024);
    let origin = stage.origin(Manner::Drips(4_000, Duration::from_millis(50)));
    let node = stage.add(Has::Config, &origin.url, &[], &[]);
    stage.run(&[node]);
    assert_eq!(origin.tally().sent, stage.content.size());
}

#[test]
fn redirects_are_followed_and_a_loop_is_left() {
    let mut stage = Stage::new("web seeds, redirects", 1_000_000, 64 * 1024);
    let there = stage.origin(Manner::Honest);
    let files = [
        ("/old", stage.content.bytes()),
        ("/old/data.bin", stage.content.bytes()),
    ];
    let place = stage.place(OTHER);
    let target = there.url.trim_end_matches('/').to_owned();
    let here = Origin::new(place, &files, Manner::Redirects(target));
    // `/old` leads to `/old` there, which is not there: the folder's URL leads to the file.
    let node = stage.add(Has::Config, &format!("{}old/", here.url), &[], &[]);
    stage.nodes.start_all();
    stage.nodes.wait_for_log(node, "HTTP 404");
    let third = format!("http://{}/data.bin?was=", stage.place(THIRD));
    here.behave(Manner::Redirects(third));
    let files = [("/data.bin?was=/old/data.bin", stage.content.bytes())];
    let there = Origin::new(stage.place(THIRD), &files, Manner::Honest);
    stage.wait(&[node]);
    assert_eq!(there.tally().sent, stage.content.size());

    let circle = format!("http://{place}");
    here.behave(Manner::Redirects(circle));
    let node = stage.add(Has::Config, &format!("{}old/", here.url), &[], &[]);
    let before = here.tally().asked.len();
    stage.nodes.start_all();
    stage
        .nodes
        .wait_for_log(node, "it redirects more than 5 times");
    let asked = here.tally().asked.len() - before;
    assert!(asked <= 4 * 6, "{asked}");
}

#[test]
fn an_origin_with_other_bytes_is_struck_and_left_and_the_next_one_asked() {
    let mut stage = Stage::new("web seeds, corrupt", 1_000_000, 64 * 1024);
    let bad = stage.origin(Manner::Corrupt);
    let secret = format!("http://me:word@{}/data.bin", stage.place(ORIGIN));
    let node = stage.add(Has::Config, &secret, &[], &[]);
    stage.nodes.start_all();
    stage.nodes.wait_for_log(node, "is not asked any more");
    let log = stage.nodes.nodes[node].log();
    assert!(!log.contains("word"), "{log}");
    assert_eq!(stage.nodes.lines_with(node, "is not asked any more"), 1);
    let asked = bad.tally().asked.len();
    stage.nodes.nodes[node].kill();
    let files = [("/data.bin", stage.content.bytes())];
    let good = Origin::new(stage.place(OTHER), &files, Manner::Honest);
    stage.nodes.nodes[node].add_argument("--source");
    stage.nodes.nodes[node].add_argument(&good.url);
    stage.run(&[node]);
    assert!(bad.tally().asked.len() <= 2 * asked + 6);
}

#[test]
fn an_origin_that_lies_or_sends_whole_files_is_named_in_the_log() {
    for (manner, complaint) in [
        (Manner::WrongRange, "were asked for"),
        (Manner::Whole, "does not answer Range requests"),
        (
            Manner::Says("503 Busy", "Retry-After: 7\r\n".to_owned()),
            "HTTP 503",
        ),
    ] {
        let mut stage = Stage::new("web seeds, liars", 9_000_000, 256 * 1024);
        let origin = stage.origin(manner);
        let node = stage.add(Has::Config, &origin.url, &[], &[]);
        stage.nodes.start_all();
        stage.nodes.wait_for_log(node, complaint);
        origin.behave(Manner::Honest);
        if complaint == "HTTP 503" {
            stage.wait(&[node]);
        }
        assert_eq!(stage.nodes.lines_with(node, "WARN"), 1);
    }
}

/// A folder on a server, and the .torrent that names it as its web seed.
fn served_folder(test: &str, subnet: &Subnet) -> (Folder, Origin, Vec<u8>, usize) {
    let folder = Folder::usual(&mut support::seeded(test));
    let place = SocketAddr::new(subnet.ip(ORIGIN).into(), 8080);
    let directory = tempfile::tempdir().unwrap();
    folder.write(directory.path());
    let mut files = Vec::new();
    read_all(directory.path(), "/x/tree", &mut files);
    let bytes = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let listed: Vec<_> = files
        .iter()
        .map(|(path, bytes)| (&**path, &**bytes))
        .collect();
    let origin = Origin::new(place, &listed, Manner::Honest);
    let torrent = with_web_seed(&folder.torrent(), &format!("http://{place}/x/"));
    (folder, origin, torrent, bytes)
}

/// A .torrent with the key `url-list` behind all others.
fn with_web_seed(torrent: &[u8], url: &str) -> Vec<u8> {
    let listed = format!("8:url-list{}:{url}e", url.len());
    [&torrent[..torrent.len() - 1], listed.as_bytes()].concat()
}

#[test]
fn a_folder_comes_from_the_web_seed_of_its_torrent_without_its_padding() {
    let subnet = Subnet::reserve();
    let (folder, origin, torrent, bytes) = served_folder("web seeds, folder", &subnet);
    let mut nodes = Handful::new();
    let nothing = Content::random(&mut support::seeded("nothing"), 0, 1);
    let node = nodes.add((Has::Nothing, &nothing), subnet.address(0), &[], &[], &[]);
    fs::write(&nodes.nodes[node].files.conf, torrent).unwrap();
    nodes.start_all();
    let data = nodes.nodes[node].files.data.clone();
    support::wait_for(
        "the folder is there",
        || folder.is_at(&data),
        || nodes.nodes[node].log_tail(),
    );
    assert_eq!(
        origin.tally().sent,
        bytes,
        "every byte once, and no padding"
    );
}

#[test]
fn libtorrent_finds_the_files_of_the_same_torrent_at_the_same_urls() {
    let test = "libtorrent_finds_the_files_of_the_same_torrent_at_the_same_urls";
    let probe = Command::new(PYTHON)
        .args(["-c", "import libtorrent"])
        .output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        support::skip(
            test,
            "there is no libtorrent here",
            "SWARMLET_REQUIRE_FOREIGN",
        );
        return;
    }
    let subnet = Subnet::reserve();
    let (folder, origin, torrent, _) = served_folder(test, &subnet);
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a.torrent");
    fs::write(&path, torrent).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/engines/libtorrent_node.py");
    let client = Command::new(PYTHON)
        .arg(script)
        .args(["leech", &subnet.address(1).to_string()])
        .args([&path, place.path()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _client = Ended(client.unwrap());
    support::wait_for(
        "libtorrent has the folder",
        || folder.is_in(&place.path().join("tree")),
        || format!("{:?}", origin.tally().asked.last()),
    );
}

const PYTHON: &str = "/usr/bin/python3";

/// Forwards what is said on TLS connections to a server that speaks without.
const TLS: &str = r#"
import socket, ssl, sys, threading
ip, port, to, cert, key = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
def forward(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()
def serve(raw):
    try:
        inner = context.wrap_socket(raw, server_side=True)
        host, number = to.rsplit(":", 1)
        outer = socket.create_connection((host, int(number)))
    except OSError:
        return
    threading.Thread(target=forward, args=(outer, inner), daemon=True).start()
    forward(inner, outer)
listener = socket.create_server((ip, int(port)))
print("ready", flush=True)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
"#;

/// A process that ends with its value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_https_origin_is_believed_if_its_certificate_is_right() {
    let test = "an_https_origin_is_believed_if_its_certificate_is_right";
    let mut stage = Stage::new(test, 500_000, 64 * 1024);
    let origin = stage.origin(Manner::Honest);
    let place = stage.place(OTHER);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let certificate = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=test"])
        .args(["-keyout", &path("key"), "-out", &path("cert")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-addext"])
        .arg(format!("subjectAltName=IP:{}", place.ip()))
        .output();
    if !certificate.is_ok_and(|made| made.status.success()) {
        support::skip(test, "there is no openssl here", "SWARMLET_REQUIRE_FOREIGN");
        return;
    }
    let server = Command::new(PYTHON)
        .args(["-c", TLS, &place.ip().to_string()])
        .args([place.port().to_string(), stage.place(ORIGIN).to_string()])
        .args([path("cert"), path("key")])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut server) = server.map(Ended) else {
        support::skip(test, "there is no python3 here", "SWARMLET_REQUIRE_FOREIGN");
        return;
    };
    let mut ready = [0; 5];
    let said = server.0.stdout.as_mut().unwrap();
    said.read_exact(&mut ready).unwrap();
    let content = stage.content.clone();
    let url = format!("https://{place}/");
    let bundle = format!("SSL_CERT_FILE={}", path("cert"));
    let mut add = |number: usize, launcher: &[&str]| {
        let (has, address) = ((Has::Config, &content), stage.subnet.address(number));
        let arguments = ["--source", url.as_str()];
        stage.nodes.add(has, address, &[], &arguments, launcher)
    };
    let trusting = add(0, &["env", &bundle]);
    let wary = add(1, &[]);
    stage.run(&[trusting]);
    stage.nodes.wait_for_log(wary, "it is tried again later");
    assert_eq!(origin.tally().sent, stage.content.size(), "to one of them");
}

#[test]
fn a_transfer_survives_panics_of_those_who_take_part() {
    let subnet = Subnet::reserve();
    let content = inprocess::Content::pieces(200);
    let place = SocketAddr::new(subnet.ip(ORIGIN).into(), 8080);
    let files = [("/data.bin", content.bytes.as_slice())];
    let slowly = Manner::Drips(16 * 1024, Duration::from_millis(20));
    let origin = Origin::new(place, &files, slowly);
    let mut conf: serde_json::Value = serde_json::from_slice(&content.conf(&[])).unwrap();
    conf["Sources"] = serde_json::json!([origin.url]);
    inprocess::on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let conf = conf.to_string().into_bytes();
        let member = inprocess::Member::start(folder.path(), subnet.address(0), &conf);
        let mut share = 0;
        for kind in [
            ActorKind::WebSeeds,
            ActorKind::Scheduler,
            ActorKind::Storage,
            ActorKind::WebSeeds,
        ] {
            share += 15;
            inprocess::until(
                "it is under way",
                || member.is_at(share..=100),
                || format!("{:?}", origin.tally()),
            )
            .await;
            assert!(member.node.crash(kind).await);
        }
        member.completes(&content).await;
        let panicked = member.journal.panicked();
        assert_eq!(panicked, ["web seeds", "scheduler", "storage", "web seeds"]);
        assert!(member.journal.progress().from_sources > 0);
        member.node.shutdown().await;
    });
}

/// The files of a folder by their paths on the server.
fn read_all(folder: &Path, path: &str, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{path}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            read_all(&entry.path(), &path, files);
        } else {
            files.push((path, fs::read(entry.path()).unwrap()));
        }
    }
}

#[test]
fn a_config_names_its_origin_and_the_rate_limit_holds_for_it() {
    let mut stage = Stage::new("web seeds, config", 1_000_000, 64 * 1024);
    let origin = stage.origin(Manner::Honest);
    let node = stage.add(Has::Config, "", &[], &["--download-limit", "200KiB"]);
    let conf = stage.nodes.nodes[node].files.conf.clone();
    let mut said: serde_json::Value = serde_json::from_slice(&fs::read(&conf).unwrap()).unwrap();
    said["Sources"] = serde_json::json!([format!("{}data.bin", origin.url)]);
    fs::write(&conf, said.to_string()).unwrap();
    let begin = std::time::Instant::now();
    stage.run(&[node]);
    let least = Duration::from_secs(1_000_000 / (200 * 1024) - 1);
    assert!(begin.elapsed() > least, "{:?}", begin.elapsed());
}

#[test]
fn a_strangers_question_to_a_local_address_is_not_asked() {
    let mut stage = Stage::new("web seeds, strangers", 100_000, 64 * 1024);
    let files = [("/x?reboot=1", stage.content.bytes())];
    let origin = Origin::new(stage.place(ORIGIN), &files, Manner::Honest);
    let node = stage.add(Has::Config, "", &[], &[]);
    let seed = format!("{}x?reboot=1", origin.url);
    let torrent = with_web_seed(&torrent::torrent(&stage.content), &seed);
    fs::write(&stage.nodes.nodes[node].files.conf, torrent).unwrap();
    stage.nodes.start_all();
    stage
        .nodes
        .wait_for_log(node, "which only the operator may name");
    assert_eq!(origin.tally().connections, 0);
    // The operator may.
    stage.nodes.nodes[node].kill();
    stage.nodes.nodes[node].add_argument("--source");
    stage.nodes.nodes[node].add_argument(&seed);
    stage.run(&[node]);
    assert_eq!(origin.tally().sent, stage.content.size());
}

#[test]
fn parts_longer_than_memory_come_from_an_origin_too() {
    let mut stage = Stage::new("web seeds, long parts", 20_000_000, 8 << 20);
    let origin = stage.origin(Manner::Closes(3_000_000));
    let node = stage.add(Has::Config, &origin.url, &[], &[]);
    stage.run(&[node]);
    assert_eq!(origin.tally().sent, stage.content.size());
}
