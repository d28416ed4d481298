//! rqbit: `rqbit download` with its defaults, peers by `--initial-peers`.

use std::fs;
use std::io;
use std::process::Command;

use super::{Engine, Site, first_line};
use crate::process::{Mark, Sign};

#[derive(Debug)]
pub(super) struct Rqbit;

impl Engine for Rqbit {
    fn name(&self) -> &'static str {
        "rqbit"
    }

    fn package(&self) -> &'static str {
        "cargo install rqbit --no-default-features --features default-tls"
    }

    fn version(&self) -> Option<String> {
        let line = first_line("rqbit", &["--version"])?;
        Some(line.trim_start_matches("rqbit ").to_owned())
    }

    fn signs(&self) -> &'static [Sign] {
        &[
            ("Initial check results", Mark::Ready),
            ("torrent finished downloading", Mark::Complete),
        ]
    }

    fn command(&self, site: &Site<'_>, node: usize) -> io::Result<Command> {
        fs::write(site.torrent(node), site.content.torrent(None))?;
        let address = site.addresses[node];
        let mut command = Command::new("rqbit");
        // What an operator has set must not change the command line.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("RQBIT_") {
                command.env_remove(name);
            }
        }
        command.env("NO_COLOR", "1").env("HOME", site.state(node));
        command.args([
            "--disable-dht",
            "--disable-lsd",
            "--disable-trackers",
            "--ipv4-only",
        ]);
        command.arg("--disable-upnp-port-forward");
        command.args(["--listen-ip", &address.ip().to_string()]);
        command.args(["--listen-port", &address.port().to_string()]);
        command.args(["download", "--disable-http-api", "--overwrite"]);
        let peers: Vec<_> = site.peers(node).map(|peer| peer.to_string()).collect();
        if !peers.is_empty() {
            command.args(["--initial-peers", &peers.join(",")]);
        }
        command.arg("--output-folder").arg(&site.folders[node]);
        command.arg(site.torrent(node));
        Ok(command)
    }
}
