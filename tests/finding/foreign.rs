//! A client that is not ours, and a node, that know nothing of each other: by the table (BEP 5), and by
//! local beacons (BEP 14).
//!
//! libtorrent does not use the table on loopback addresses, so these are in namespaces, and need
//! root.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::content::Content;
use crate::support::handful::{Handful, Has};
use crate::support::judge::Judge;
use crate::support::loopback::Subnet;
use crate::support::network::Network;
use crate::support::{self, skip, torrent, wait_for};

/// Set where tests with foreign clients must not be skipped.
pub(crate) const REQUIRED_BY: &str = "SWARMLET_REQUIRE_FOREIGN";

/// Debian's interpreter, which has Debian's libtorrent; another in the path may not.
const PYTHON: &str = "/usr/bin/python3";

/// A client process, its output in a file, ended when dropped.
pub(crate) struct Client {
    child: Child,
    log: PathBuf,
}

impl Client {
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Self {
        let output = fs::File::create(&log).unwrap();
        let errors = output.try_clone().unwrap();
        command.stdin(Stdio::piped()).stdout(output).stderr(errors);
        let child = command.spawn().unwrap();
        Self { child, log }
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A content, a place for a node and one for a client, and nothing that joins them.
pub(crate) struct Stage {
    pub(crate) handful: Handful,
    pub(crate) content: Content,
    pub(crate) node_at: SocketAddr,
    pub(crate) client_at: SocketAddr,
    directory: tempfile::TempDir,
    _subnet: Option<Subnet>,
    network: Option<Network>,
}

/// The hosts of a network.
const NODE: u8 = 2;
const CLIENT: u8 = 3;
/// The one that has the nodes of the table.
const TABLE: u8 = 4;

impl Stage {
    /// On two loopback addresses.
    pub(crate) fn on_loopback(test: &str) -> Option<Self> {
        let subnet = Subnet::reserve();
        let at = [1, 2].map(|number| subnet.address(number));
        let mut stage = Self::new(test, at)?;
        stage._subnet = Some(subnet);
        Some(stage)
    }

    /// On two hosts of a network; a third is free.
    pub(crate) fn on_network(test: &str) -> Option<Self> {
        let network = Network::or_skip(test, &[NODE, CLIENT, TABLE])?;
        let at = [NODE, CLIENT].map(|host| network.address(host));
        let mut stage = Self::new(test, at)?;
        // Multicast needs a route.
        for host in [NODE, CLIENT, TABLE] {
            network.route_by(host, 1);
        }
        stage.network = Some(network);
        Some(stage)
    }

    fn new(test: &str, [node_at, client_at]: [SocketAddr; 2]) -> Option<Self> {
        let mut check = Command::new(PYTHON);
        check.args(["-c", "import libtorrent"]);
        check.stdout(Stdio::null()).stderr(Stdio::null());
        if !check.status().is_ok_and(|status| status.success()) {
            skip(test, "python3-libtorrent is not installed", REQUIRED_BY);
            return None;
        }
        let content = Content::random(&mut support::seeded(test), 1_000_001, 64 * 1024);
        let directory = tempfile::tempdir().unwrap();
        fs::write(
            directory.path().join("a.torrent"),
            torrent::torrent(&content),
        )
        .unwrap();
        Some(Self {
            handful: Handful::new(),
            content,
            node_at,
            client_at,
            directory,
            _subnet: None,
            network: None,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn torrent(&self) -> String {
        self.path("a.torrent").display().to_string()
    }

    /// A link that names nobody.
    pub(crate) fn link(&self) -> String {
        format!("magnet:?xt=urn:btih:{}", torrent::infohash(&self.content))
    }

    /// The client has all from the start.
    pub(crate) fn write_data(&self) {
        fs::write(self.path("data.bin"), self.content.bytes()).unwrap();
    }

    fn add_node(&mut self, has: Has, arguments: &[&str]) {
        let launcher = self.network.as_ref().map(|network| network.launcher(NODE));
        let launcher = launcher.unwrap_or_default();
        let launcher: Vec<&str> = launcher.iter().map(String::as_str).collect();
        let has = (has, &self.content);
        self.handful
            .add(has, self.node_at, &[], arguments, &launcher);
    }

    pub(crate) fn add_seed(&mut self, arguments: &[&str]) {
        self.add_node(Has::File, arguments);
    }

    /// libtorrent with these words on how to find peers.
    pub(crate) fn client(&self, torrent: &str, words: &[&str]) -> Client {
        self.libtorrent(CLIENT, self.client_at, torrent, words)
    }

    fn libtorrent(&self, host: u8, at: SocketAddr, torrent: &str, words: &[&str]) -> Client {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/finding/client.py");
        let launcher = self.network.as_ref().map(|network| network.launcher(host));
        let mut line = launcher.unwrap_or_default();
        line.push(PYTHON.into());
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).arg(script);
        command.arg(at.to_string()).arg(torrent);
        command.arg(self.folder()).args(words);
        Client::start(command, self.path(&format!("client-{host}.log")))
    }

    /// Waits until the client has the file, or what is the same, has renamed it to its name.
    pub(crate) fn client_completes(&self, client: &Client) {
        let mut judge = Judge::new(&self.path("data.bin"));
        let log = || {
            format!(
                "{}\n--- the node:\n{}",
                client.log(),
                self.handful.nodes[0].log_tail()
            )
        };
        wait_for(
            "the client has the file",
            || judge.is_identical(&self.content),
            log,
        );
        assert_eq!(self.handful.lines_with(0, "ERROR"), 0);
    }

    fn node_completes(&mut self, client: &Client) {
        let mut judge = Judge::new(&self.handful.nodes[0].files.data);
        let log = || {
            format!(
                "{}\n--- the node:\n{}",
                client.log(),
                self.handful.nodes[0].log_tail()
            )
        };
        wait_for(
            "the node has the file",
            || judge.is_identical(&self.content),
            log,
        );
        assert_eq!(self.handful.lines_with(0, "ERROR"), 0);
    }

    /// A table of one node that is not ours, on the third host, and where that is.
    fn table(&self) -> (Client, String) {
        let at = self.network.as_ref().unwrap().address(TABLE);
        let other = self.client_at.to_string();
        let table = self.libtorrent(TABLE, at, "none", &["dht", &other]);
        wait_for(
            "the table is there",
            || table.log().contains("ready"),
            || table.log(),
        );
        (table, at.to_string())
    }
}

#[test]
fn libtorrent_finds_a_node_by_the_table() {
    let Some(mut stage) = Stage::on_network("the table, libtorrent leeches") else {
        return;
    };
    let (_table, entry) = stage.table();
    stage.add_seed(&["--dht", "on", "--dht-bootstrap", &entry]);
    stage.handful.start_all();
    let client = stage.client(&stage.link(), &["dht", &entry]);
    stage.client_completes(&client);
}

#[test]
fn a_node_finds_libtorrent_by_the_table() {
    let Some(mut stage) = Stage::on_network("the table, libtorrent seeds") else {
        return;
    };
    let (_table, entry) = stage.table();
    stage.write_data();
    let client = stage.client(&stage.torrent(), &["dht", &entry]);
    stage.add_node(Has::Config, &["--dht", "on", "--dht-bootstrap", &entry]);
    stage.handful.start_all();
    stage.node_completes(&client);
}

#[test]
fn libtorrent_finds_a_node_by_its_beacon() {
    let Some(mut stage) = Stage::on_network("beacons, libtorrent leeches") else {
        return;
    };
    // It hears the node's first words, or the node hears its.
    let client = stage.client(&stage.torrent(), &["lan"]);
    wait_for(
        "libtorrent runs",
        || client.log().contains("ready"),
        || client.log(),
    );
    stage.add_seed(&["--lan", "on"]);
    stage.handful.start_all();
    stage.client_completes(&client);
}

#[test]
fn a_node_finds_libtorrent_by_its_beacon() {
    let Some(mut stage) = Stage::on_network("beacons, libtorrent seeds") else {
        return;
    };
    stage.write_data();
    stage.add_node(Has::Config, &["--lan", "on"]);
    stage.handful.start_all();
    stage.handful.wait_for_log(0, "listening on");
    // The node is silent by now, for 5 min: it is libtorrent that speaks.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let client = stage.client(&stage.torrent(), &["lan"]);
    stage.node_completes(&client);
}
