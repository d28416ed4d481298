//! The engines: how each is found, started as a seed and as a leecher, and what it says.
//!
//! All are run alike: every leecher is told the addresses of all nodes, all discovery that leaves
//! the host is off, and an engine keeps its defaults otherwise. Its own word that the file is
//! complete ends its time. No process ends by itself before it was measured.

mod aria2;
mod floor;
mod libtorrent;
mod rqbit;
mod swarmlet;
mod transmission;

use std::io;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::content::{Content, NAME};
use crate::process::Sign;

/// The nodes of one run, and where everything is.
#[derive(Debug)]
pub(crate) struct Site<'a> {
    /// What is delivered.
    pub(crate) content: &'a Content,
    /// Bytes of the file and of a piece.
    pub(crate) size: u64,
    pub(crate) piece: u64,
    /// Where each node listens; node 0 is the seed.
    pub(crate) addresses: Vec<SocketAddrV4>,
    /// A folder for each node.
    pub(crate) folders: Vec<PathBuf>,
    /// The tracker, for engines that want one.
    pub(crate) tracker: Option<SocketAddrV4>,
}

impl Site<'_> {
    /// The file of a node. The seed's is there, a leecher's comes to be.
    pub(crate) fn data(&self, node: usize) -> PathBuf {
        self.folders[node].join(NAME)
    }

    /// Where a node may keep what it likes.
    pub(crate) fn state(&self, node: usize) -> PathBuf {
        self.folders[node].join("state")
    }

    /// The .torrent of a node.
    pub(crate) fn torrent(&self, node: usize) -> PathBuf {
        self.folders[node].join("content.torrent")
    }

    /// Whom a node is told of: a leecher of everybody else, the seed of nobody.
    pub(crate) fn peers(&self, node: usize) -> impl Iterator<Item = SocketAddrV4> {
        let all = self.addresses.iter().copied().enumerate();
        all.filter(move |(other, _)| node > 0 && *other != node)
            .map(|(_, address)| address)
    }
}

/// A BitTorrent engine, or what stands for one.
pub(crate) trait Engine {
    /// Its name in tables and on the command line.
    fn name(&self) -> &'static str;

    /// The package that brings it.
    fn package(&self) -> &'static str;

    /// Its version, if it is installed.
    fn version(&self) -> Option<String>;

    /// The words by which its nodes tell that they are ready or complete. What it says to the
    /// tracker counts as well.
    fn signs(&self) -> &'static [Sign];

    /// Whether it finds peers by a tracker only.
    fn wants_tracker(&self) -> bool {
        false
    }

    /// Whether its leechers load first and begin when told to: for engines that are libraries, so
    /// that the start of an interpreter is not counted.
    fn waits_for_go(&self) -> bool {
        false
    }

    /// The command that runs a node: the seed if it is node 0.
    ///
    /// # Errors
    /// A file that it needs cannot be written.
    fn command(&self, site: &Site<'_>, node: usize) -> io::Result<Command>;
}

/// All engines in the order of tables, swarmlet by the path of its release binary.
pub(crate) fn all(swarmlet: &Path, bench: &Path) -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(floor::Floor::new(bench)),
        Box::new(swarmlet::Swarmlet::new(swarmlet)),
        Box::new(swarmlet::Swarmlet::secured(swarmlet)),
        Box::new(libtorrent::Libtorrent),
        Box::new(aria2::Aria2),
        Box::new(transmission::Transmission),
        Box::new(rqbit::Rqbit),
    ]
}

/// What is measured unless something else is asked for: all but what is compared with itself only.
pub(crate) const USUAL: [&str; 6] = [
    "floor",
    "swarmlet",
    "libtorrent",
    "aria2",
    "transmission",
    "rqbit",
];

/// swarmlet with a fleet secret.
pub(crate) const SECURED: &str = "swarmlet-secret";

/// The names of all engines.
pub(crate) const NAMES: [&str; 7] = [
    "floor",
    "swarmlet",
    SECURED,
    "libtorrent",
    "aria2",
    "transmission",
    "rqbit",
];

/// The first line that a program prints with these arguments, on either output.
fn first_line(program: impl AsRef<Path>, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program.as_ref())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    Some(text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_engines() {
        let engines = all(Path::new("swarmlet"), Path::new("bench"));
        let names: Vec<_> = engines.iter().map(|engine| engine.name()).collect();
        assert_eq!(names, NAMES);
    }
}
