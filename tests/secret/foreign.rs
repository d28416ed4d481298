//! Clients that are not ours, against a node with a secret.

use std::fs;
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
    'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False, 'min_reconnect_time': 1})
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
