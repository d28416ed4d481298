//! Transmission: `transmission-daemon` with a folder of its own for everything.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{Encryption, Site};
use crate::support::wait_for;

/// Where it takes commands, on its own address.
const RPC_PORT: u16 = 9091;

pub(super) fn command(site: &Site) -> Command {
    let wishes = &site.wishes;
    // Torrents that lie here are there from the start.
    let torrents = site.home.join("torrents");
    fs::create_dir_all(&torrents).unwrap();
    if wishes.magnet.is_none() {
        fs::copy(&site.torrent, torrents.join("content.torrent")).unwrap();
    }
    let ip = site.address.ip().to_string();
    let settings = json!({
        "bind-address-ipv4": ip,
        "bind-address-ipv6": "::1",
        // What was fetched is in the file at once, under its name, so that a test sees it there.
        "cache-size-mb": 0,
        "rename-partial-files": false,
        "dht-enabled": false,
        "download-dir": site.downloads(),
        "download-queue-enabled": false,
        "encryption": match wishes.encryption {
            Encryption::Never => 0,
            Encryption::Usual => 1,
            Encryption::Required | Encryption::HandshakeOnly => 2,
        },
        "incomplete-dir-enabled": false,
        "lpd-enabled": false,
        "peer-port": site.address.port(),
        "peer-port-random-on-start": false,
        "pex-enabled": wishes.exchange,
        "port-forwarding-enabled": false,
        "ratio-limit-enabled": false,
        "rpc-bind-address": ip,
        "rpc-port": RPC_PORT,
        "rpc-whitelist-enabled": false,
        "scrape-paused-torrents-enabled": false,
        // In thousands of bytes.
        "speed-limit-up": wishes.upload_limit.unwrap_or(0) / 1000,
        "speed-limit-up-enabled": wishes.upload_limit.is_some(),
        "upload-slots-per-torrent": wishes.slots.unwrap_or(14),
        "utp-enabled": false,
    });
    fs::write(site.home.join("settings.json"), settings.to_string()).unwrap();
    let mut command = Command::new("transmission-daemon");
    command.args(["--foreground", "--log-info", "--config-dir"]);
    command.arg(&site.home).env("HOME", &site.home);
    command
}

/// Tells a running daemon of a magnet link, which it takes by no other way.
pub(super) fn add_magnet(site: &Site) {
    let Some(magnet) = &site.wishes.magnet else {
        return;
    };
    let rpc = format!("{}:{RPC_PORT}", site.address.ip());
    let add = || {
        let mut command = Command::new("transmission-remote");
        command
            .args([&rpc, "--add", magnet])
            .env("HOME", &site.home);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    };
    wait_for("transmission takes a magnet link", add, String::new);
}
