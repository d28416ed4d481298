//! Transmission: `transmission-daemon` with its defaults but for uTP, which is off as with all
//! others; peers from the tracker.

use std::fs;
use std::io;
use std::process::Command;

use super::{Engine, Site, first_line};
use crate::process::{Mark, Sign};

#[derive(Debug)]
pub(super) struct Transmission;

impl Engine for Transmission {
    fn name(&self) -> &'static str {
        "transmission"
    }

    fn package(&self) -> &'static str {
        "transmission-daemon (Debian)"
    }

    fn version(&self) -> Option<String> {
        let line = first_line("transmission-daemon", &["--version"])?;
        Some(line.trim_start_matches("transmission-daemon ").to_owned())
    }

    fn signs(&self) -> &'static [Sign] {
        &[(
            "State changed from \"Incomplete\" to \"Complete\"",
            Mark::Complete,
        )]
    }

    fn wants_tracker(&self) -> bool {
        true
    }

    fn command(&self, site: &Site<'_>, node: usize) -> io::Result<Command> {
        let tracker = site.tracker.map(|address| (address, node));
        // Torrents that lie in this folder of its own are there from the start.
        let torrents = site.state(node).join("torrents");
        fs::create_dir_all(&torrents)?;
        fs::write(
            torrents.join("content.torrent"),
            site.content.torrent(tracker),
        )?;
        let address = site.addresses[node];
        let mut command = Command::new("transmission-daemon");
        command.args([
            "--foreground",
            "--log-info",
            "--no-dht",
            "--no-lpd",
            "--no-portmap",
        ]);
        command.args([
            "--no-watch-dir",
            "--no-incomplete-dir",
            "--no-global-seedratio",
        ]);
        command.arg("--config-dir").arg(site.state(node));
        command.arg("--download-dir").arg(&site.folders[node]);
        command.args(["--bind-address-ipv4", &address.ip().to_string()]);
        command.args(["--rpc-bind-address", &address.ip().to_string()]);
        command.args(["--port", &(address.port() - 10_000).to_string()]);
        command.args(["--peerport", &address.port().to_string()]);
        Ok(command)
    }
}
