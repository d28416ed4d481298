//! libtorrent, by Debian's Python binding and a script of ours.

use std::fs;
use std::io;
use std::process::Command;

use super::{Engine, Site, first_line};
use crate::process::{Mark, Sign};

/// Debian's interpreter, which has Debian's libtorrent; another in the path may not.
const PYTHON: &str = "/usr/bin/python3";

/// What the interpreter runs: a file of its own, to be read as one.
const SCRIPT: &str = include_str!("../../engines/libtorrent_node.py");

#[derive(Debug)]
pub(super) struct Libtorrent;

impl Engine for Libtorrent {
    fn name(&self) -> &'static str {
        "libtorrent"
    }

    fn package(&self) -> &'static str {
        "python3-libtorrent (Debian)"
    }

    fn version(&self) -> Option<String> {
        let code = "import libtorrent; print(libtorrent.version)";
        first_line(PYTHON, &["-c", code])
    }

    fn signs(&self) -> &'static [Sign] {
        &[("ready", Mark::Ready), ("complete", Mark::Complete)]
    }

    fn waits_for_go(&self) -> bool {
        true
    }

    fn command(&self, site: &Site<'_>, node: usize) -> io::Result<Command> {
        fs::write(site.torrent(node), site.content.torrent(None))?;
        let role = if node == 0 { "seed" } else { "leech" };
        let mut command = Command::new(PYTHON);
        command.args(["-c", SCRIPT, "--wait", role]);
        command.arg(site.addresses[node].to_string());
        command.arg(site.torrent(node)).arg(&site.folders[node]);
        command.args(site.peers(node).map(|peer| peer.to_string()));
        Ok(command)
    }
}
