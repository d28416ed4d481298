//! aria2: `aria2c` with its defaults for BitTorrent, peers from the tracker.

use std::fs;
use std::io;
use std::process::Command;

use super::{Engine, Site, first_line};
use crate::process::{Mark, Sign};

#[derive(Debug)]
pub(super) struct Aria2;

impl Engine for Aria2 {
    fn name(&self) -> &'static str {
        "aria2"
    }

    fn package(&self) -> &'static str {
        "aria2 (Debian)"
    }

    fn version(&self) -> Option<String> {
        let line = first_line("aria2c", &["--version"])?;
        Some(line.trim_start_matches("aria2 version ").to_owned())
    }

    fn signs(&self) -> &'static [Sign] {
        &[("/data.bin", Mark::Complete)]
    }

    fn wants_tracker(&self) -> bool {
        true
    }

    fn command(&self, site: &Site<'_>, node: usize) -> io::Result<Command> {
        let tracker = site.tracker.map(|address| (address, node));
        fs::write(site.torrent(node), site.content.torrent(tracker))?;
        let address = site.addresses[node];
        let mut command = Command::new("aria2c");
        command.args([
            "--no-conf",
            "--no-netrc",
            "--enable-dht=false",
            "--enable-dht6=false",
            "--bt-enable-lpd=false",
            "--disable-ipv6=true",
            "--seed-ratio=0.0",
            "--allow-overwrite=true",
            "--show-console-readout=false",
            "--summary-interval=0",
            "--console-log-level=notice",
            // It prints the path of the file: the tracker hears of it a second later.
            "--on-bt-download-complete=/bin/echo",
        ]);
        if node == 0 {
            // The seed's file is known to be right: it is not hashed again.
            command.arg("--bt-seed-unverified=true");
        }
        command.arg(format!("--stop-with-process={}", std::process::id()));
        command.arg(format!("--interface={}", address.ip()));
        command.arg(format!("--listen-port={}", address.port()));
        command.arg(format!("--dir={}", site.folders[node].display()));
        command.arg(site.torrent(node));
        // A proxy of the environment must not see the tracker.
        for name in ["http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
        Ok(command)
    }
}
