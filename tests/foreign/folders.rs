//! Folders of files, between a node and clients that are not ours.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::folder::{Folder, NAME};
use crate::support::loopback::Subnet;
use crate::support::node::{Files, Node};
use crate::support::{self, wait_for};
use crate::{Client, PYTHON, has_aria2c, has_libtorrent};

/// A node and a client, each with a folder of its own, and the torrent.
struct Stage {
    folder: Folder,
    place: tempfile::TempDir,
    node: Node,
    client: SocketAddr,
    _subnet: Subnet,
}

impl Stage {
    fn new(test: &str) -> Self {
        let folder = Folder::usual(&mut support::seeded(test));
        let (place, subnet) = (tempfile::tempdir().unwrap(), Subnet::reserve());
        let mut files = Files::below(place.path()).unwrap();
        files.data = place.path().join("ours");
        files.conf = place.path().join("a.torrent");
        fs::write(&files.conf, folder.torrent()).unwrap();
        fs::create_dir(place.path().join("theirs")).unwrap();
        let client = subnet.address(1);
        let peer = client.to_string();
        let arguments = ["--sweep", "off", "--peer", &peer];
        let node = Node::new(support::binary(), files, subnet.address(0), &arguments);
        Self {
            folder,
            place,
            node,
            client,
            _subnet: subnet,
        }
    }

    /// Where the client's programs keep the files.
    fn theirs(&self) -> PathBuf {
        self.place.path().join("theirs").join(NAME)
    }

    fn libtorrent(&self, role: &str) -> Client {
        let mut command = Command::new(PYTHON);
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/client.py");
        command.arg(script).arg(role).arg(self.client.to_string());
        command.arg(&self.node.files.conf);
        command.arg(self.place.path().join("theirs"));
        Client::start(command, self.place.path().join("client.log"))
    }

    /// Starts the node, and waits until both have all.
    fn settle(&mut self, client: &Client) {
        self.node.start();
        let (ours, theirs) = (self.node.files.data.clone(), self.theirs());
        let logs = format!("{}", self.node.files.log.display());
        let both = || {
            assert_eq!(self.node.poll(), Ok(()), "the node ended");
            self.folder.is_at(&ours) && self.folder.is_in(&theirs)
        };
        let complaint = || {
            let node = fs::read_to_string(&logs).unwrap_or_default();
            format!("--- the node:\n{node}\n--- the client:\n{}", client.log())
        };
        wait_for("both have the folder", both, complaint);
    }
}

#[test]
fn a_node_downloads_a_folder_from_libtorrent() {
    let test = "a_node_downloads_a_folder_from_libtorrent";
    if !has_libtorrent(test) {
        return;
    }
    let _turn = support::take_turn();
    let mut stage = Stage::new(test);
    stage.folder.write(&stage.theirs());
    let client = stage.libtorrent("seed");
    stage.settle(&client);
}

#[test]
fn libtorrent_downloads_a_folder_from_a_node() {
    let test = "libtorrent_downloads_a_folder_from_a_node";
    if !has_libtorrent(test) {
        return;
    }
    let _turn = support::take_turn();
    let mut stage = Stage::new(test);
    stage.folder.write(&stage.node.files.data);
    let client = stage.libtorrent("leech");
    stage.settle(&client);
}

#[test]
fn aria2c_downloads_a_folder_from_a_node() {
    let test = "aria2c_downloads_a_folder_from_a_node";
    if !has_aria2c(test) {
        return;
    }
    let _turn = support::take_turn();
    let mut stage = Stage::new(test);
    stage.folder.write(&stage.node.files.data);
    let mut command = Command::new("aria2c");
    command.args([
        "--no-conf",
        "--enable-dht=false",
        "--enable-dht6=false",
        "--bt-enable-lpd=false",
        "--enable-peer-exchange=false",
        "--disable-ipv6=true",
        "--seed-ratio=0.0",
        "--file-allocation=none",
    ]);
    command.arg(format!("--interface={}", stage.client.ip()));
    command.arg(format!("--listen-port={}", stage.client.port()));
    command.arg(format!(
        "--dir={}",
        stage.place.path().join("theirs").display()
    ));
    command.arg(&stage.node.files.conf);
    let client = Client::start(command, stage.place.path().join("client.log"));
    stage.node.start();
    // It may keep padding as a file like any other.
    let (theirs, folder) = (stage.theirs(), stage.folder.clone());
    wait_for(
        "aria2c has the folder",
        || folder.is_in(&theirs),
        || client.log(),
    );
}
