//! A few nodes, each set up by hand: for tests whose nodes are not alike.
//!
//! Their logs say everything, down to single dials. Invariant: nodes end before their directory
//! is removed.

use std::fs;
use std::net::SocketAddr;

use tempfile::TempDir;

use super::content::{Content, torrent_conf};
use super::judge::Judge;
use super::node::{Files, Node};

/// What the nodes log.
const FILTER: &str = "RUST_LOG=info,swarmlet_actors=debug";

/// Whoever runs the tests in the background or by `nohup` ignores these, and so would the nodes and
/// their commands.
const SIGNALS: &str = "--default-signal=HUP,INT,QUIT";

/// What a node has at first.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Has {
    /// The file, and the config that describes it.
    File,
    /// Only the config.
    Config,
    /// Neither.
    Nothing,
}

/// A few nodes that do not run until they are started.
#[derive(Debug)]
pub struct Handful {
    /// In the order in which they were added.
    pub nodes: Vec<Node>,
    rng: fastrand::Rng,
    directory: TempDir,
}

impl Handful {
    /// No node yet.
    ///
    /// # Panics
    /// If no directory can be made.
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("swarmlet-handful-")
            .tempdir();
        Self {
            nodes: Vec::new(),
            rng: fastrand::Rng::with_seed(super::fresh_seed()),
            directory: directory.expect("make a directory for the nodes"),
        }
    }

    /// Adds a node with these peers in its config and these arguments, started by `launcher` if
    /// there is one; gives its number.
    ///
    /// # Panics
    /// If its files cannot be written.
    pub fn add(
        &mut self,
        (has, content): (Has, &Content),
        address: SocketAddr,
        peers: &[String],
        arguments: &[&str],
        launcher: &[&str],
    ) -> usize {
        let number = self.nodes.len();
        let files = Files::below(&self.directory.path().join(format!("node-{number}")));
        let files = files.expect("make a directory for a node");
        let info = (has != Has::Nothing).then(|| content.file_info());
        let conf = torrent_conf(&mut self.rng, info, peers);
        fs::write(&files.conf, conf).expect("write a torrent.conf");
        if has == Has::File {
            fs::write(&files.data, content.bytes()).expect("write a data file");
        }
        let launcher = [&["env", SIGNALS], launcher, &["env", FILTER]].concat();
        let node = Node::new(super::binary(), files, address, arguments).launched_by(&launcher);
        self.nodes.push(node);
        number
    }

    /// Starts all that do not run, in their order.
    pub fn start_all(&mut self) {
        self.nodes.iter_mut().for_each(Node::start);
    }

    /// Waits until those nodes have that file.
    ///
    /// # Panics
    /// If they do not get it, or one of them ends.
    pub fn wait_for_file(&mut self, nodes: &[usize], content: &Content) {
        let files = nodes.iter().map(|&node| &self.nodes[node].files.data);
        let mut judges: Vec<_> = files.map(|data| Judge::new(data)).collect();
        let all = std::cell::RefCell::new(&mut self.nodes);
        super::wait_for(
            &format!("nodes {nodes:?} have the file"),
            || {
                for node in all.borrow_mut().iter_mut() {
                    if let Err(status) = node.poll() {
                        panic!("{} ended with {status}:\n{}", node.address, node.log_tail());
                    }
                }
                judges.iter_mut().all(|judge| judge.is_identical(content))
            },
            || logs(&all.borrow()),
        );
    }

    /// Waits until a node's log, of all its lives, has that text.
    ///
    /// # Panics
    /// If it never does.
    pub fn wait_for_log(&self, node: usize, text: &str) {
        let node = &self.nodes[node];
        super::wait_for(
            &format!("{} says '{text}'", node.address),
            || node.log().contains(text),
            || node.log_tail(),
        );
    }

    /// How many lines of a node's log have that text.
    pub fn lines_with(&self, node: usize, text: &str) -> usize {
        let log = self.nodes[node].log();
        log.lines().filter(|line| line.contains(text)).count()
    }
}

fn logs(nodes: &[Node]) -> String {
    let log = |node: &Node| format!("--- log of {}:\n{}\n", node.address, node.log_tail());
    nodes.iter().map(log).collect()
}
