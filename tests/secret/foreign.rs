//! Clients that are not ours, against a node with a secret.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::stage::{OLD, Stage};
use crate::support::handful::Has;
use crate::support::skip;

/// A child that is ended when the test is.
struct Client(Child);

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const SCRIPT: &str = "
import libtorrent as lt, sys, time
torrent, folder, here, ip, port = sys.argv[1:]
s = lt.session({'listen_interfaces': here + ':6881', 'outgoing_interfaces': here, 'enable_dht': False,
    'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False, 'enable_outgoing_utp': False,
    'enable_incoming_utp': False, 'allow_multiple_connections_per_ip': True, 'min_reconnect_time': 1})
h = s.add_torrent({'ti': lt.torrent_info(torrent), 'save_path': folder})
while True:
    h.connect_peer((ip, int(port)))
    time.sleep(0.2)
    print(h.status().total_payload_download, flush=True)
";

#[test]
fn a_foreign_client_gets_no_byte_of_a_node_with_a_secret() {
    let test = "a_foreign_client_gets_no_byte";
    let mut stage = Stage::new(test, 400);
    stage.add(Has::File, &[OLD], &[]);
    stage.handful.start_all();
    stage
        .handful
        .wait_for_log(0, "complete, every piece is verified");
    let torrent = described(&stage);
    let (target, here) = (stage.subnet.address(0), stage.subnet.ip(3).to_string());
    let folder = stage.path("foreign");
    fs::create_dir(&folder).unwrap();
    let has_libtorrent = Command::new("/usr/bin/python3")
        .args(["-c", "import libtorrent"])
        .stderr(Stdio::null())
        .status();
    if !has_libtorrent.is_ok_and(|status| status.success()) {
        skip(
            test,
            "python3-libtorrent is not installed",
            "SWARMLET_REQUIRE_FOREIGN",
        );
        return;
    }
    let out = fs::File::create(stage.path("said")).unwrap();
    let client = Command::new("/usr/bin/python3")
        .args(["-c", SCRIPT])
        .args([&torrent, &folder])
        .args([&here, &target.ip().to_string(), &target.port().to_string()])
        .stdin(Stdio::null())
        .stdout(out)
        .spawn();
    let _client = Client(client.unwrap());
    // It tries a plain handshake and an encrypted one, again and again.
    stage.wait_for_lines(0, "is refused: it speaks without TLS", 3);
    let said = fs::read_to_string(stage.path("said")).unwrap();
    assert!(said.lines().all(|line| line == "0"), "{said}");
}

#[test]
fn a_node_with_a_secret_takes_nothing_from_a_foreign_seed() {
    let test = "a_node_with_a_secret_takes_nothing";
    let mut stage = Stage::new(test, 400);
    // A node without a secret speaks as any client does.
    stage.add(Has::File, &[], &[]);
    stage.add(Has::Config, &[OLD], &[]);
    stage.handful.start_all();
    stage.handful.wait_for_log(1, "no link with");
    stage.handful.wait_for_log(0, "ended: ");
    assert!(!stage.handful.nodes[1].log().contains("is ready"));
}

#[test]
fn a_node_with_a_secret_and_aria2_get_nothing_of_each_other() {
    let test = "a_node_with_a_secret_and_aria2_get_nothing";
    let mut aria2 = Command::new("aria2c");
    let version = aria2.arg("--version").stdout(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        skip(test, "aria2c is not installed", "SWARMLET_REQUIRE_FOREIGN");
        return;
    }
    let mut stage = Stage::new(test, 400);
    // Makes the description, and is not started.
    stage.add(Has::File, &[], &[]);
    let torrent = described(&stage);
    let folder = stage.path("aria2");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("data.bin"), stage.content.bytes()).unwrap();
    let seed = stage.subnet.address(1);
    let out = fs::File::create(stage.path("said")).unwrap();
    let mut aria2 = Command::new("aria2c");
    aria2.args([
        "--no-conf",
        "--enable-dht=false",
        "--enable-dht6=false",
        "--bt-enable-lpd=false",
        "--disable-ipv6=true",
        "--seed-ratio=0.0",
        "--check-integrity=true",
        "--bt-hash-check-seed=true",
        "--show-console-readout=false",
    ]);
    aria2.arg(format!("--stop-with-process={}", std::process::id()));
    aria2.arg(format!("--interface={}", seed.ip()));
    aria2.arg(format!("--listen-port={}", seed.port()));
    aria2
        .arg(format!("--dir={}", folder.display()))
        .arg(torrent);
    let started = aria2.stdin(Stdio::null()).stdout(out).spawn();
    let _client = Client(started.unwrap());
    let peers = [seed.ip().to_string()];
    let node = stage.add_knowing(Has::Config, &[OLD], &peers, &[]);
    // The address of the node itself is that of its number: the seed has the one after it.
    stage.handful.nodes[node].address = stage.subnet.address(2);
    stage.handful.nodes[node].start();
    stage.handful.wait_for_log(node, "no link with");
    let log = stage.handful.nodes[node].log();
    assert!(log.contains(&format!("no link with {seed}")), "{log}");
    assert!(!log.contains("is ready"), "{log}");
}

/// The content as a .torrent, made of what the first node has.
fn described(stage: &Stage) -> PathBuf {
    let torrent = stage.path("data.torrent");
    let created = Command::new(crate::support::binary())
        .arg("create")
        .arg(&stage.handful.nodes[0].files.data)
        .args(["--part-size", "16KiB", "-o"])
        .arg(&torrent)
        .output()
        .unwrap();
    assert!(
        created.status.success(),
        "{}",
        String::from_utf8_lossy(&created.stderr)
    );
    torrent
}
