//! Peers that a magnet link names (`x.pe`, BEP 9): a link that names a swarmlet, and one that names
//! a client that is not ours. Nothing else leads the one to the other.

use std::process::Stdio;

use crate::foreign::{Client, Stage};
use crate::inprocess::on_system;
use crate::support::{self, wait_for};

#[test]
fn libtorrent_follows_a_link_that_names_a_node() {
    let Some(mut stage) = Stage::on_loopback("x.pe, libtorrent leeches") else {
        return;
    };
    let _turn = support::share_turn();
    stage.add_seed(&[]);
    let magnet = format!("{}&x.pe={}", stage.link(), stage.node_at);
    stage.handful.start_all();
    let client = stage.client(&magnet, &[]);
    stage.client_completes(&client);
}

#[test]
fn a_node_follows_a_link_that_names_aria2() {
    // The other way round there is nothing to see: aria2 does not read `x.pe`.
    let test = "x.pe, aria2 seeds";
    let mut check = std::process::Command::new("aria2c");
    check
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if !check.status().is_ok_and(|status| status.success()) {
        support::skip(test, "aria2c is not installed", crate::foreign::REQUIRED_BY);
        return;
    }
    let Some(stage) = Stage::on_loopback(test) else {
        return;
    };
    let _turn = support::share_turn();
    stage.write_data();
    let mut command = std::process::Command::new("aria2c");
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
        "--check-integrity=true",
        "--file-allocation=none",
    ]);
    command.arg(format!("--interface={}", stage.client_at.ip()));
    command.arg(format!("--listen-port={}", stage.client_at.port()));
    command.arg(format!("--dir={}", stage.folder().display()));
    command.arg(stage.torrent());
    let client = Client::start(command, stage.path("client.log"));
    follows(&stage, &client);
}

#[test]
fn a_node_follows_a_link_that_names_libtorrent() {
    let Some(stage) = Stage::on_loopback("x.pe, libtorrent seeds") else {
        return;
    };
    let _turn = support::share_turn();
    stage.write_data();
    let client = stage.client(&stage.torrent(), &[]);
    wait_for(
        "libtorrent has all",
        || client.log().contains("done"),
        || client.log(),
    );
    follows(&stage, &client);
}

/// A node that has nothing but the link gets everything from the client that the link names.
fn follows(stage: &Stage, client: &Client) {
    let link = format!("{}&x.pe={}", stage.link(), stage.client_at);
    on_system(async {
        let data = stage.path("ours.bin");
        let node = swarmlet::Node::builder(&data)
            .magnet(link.parse().unwrap())
            .listen(stage.node_at)
            .start()
            .unwrap();
        let has_all = || std::fs::read(&data).is_ok_and(|bytes| bytes == stage.content.bytes());
        crate::inprocess::until("the node has all", has_all, || client.log()).await;
        node.shutdown().await;
    });
}
