//! Honest nodes, and addresses for strangers.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::support::content::{Content, torrent_conf};
use crate::support::judge::Judge;
use crate::support::loopback::Subnet;
use crate::support::measure::{Sockets, peak_memory, processor_times};
use crate::support::node::{Files, Node};
use crate::support::{self, wait_for};

/// 64 MiB: what a node may take, whoever comes.
pub(crate) const MEMORY: u64 = 64 * 1024 * 1024;

/// 30 sockets of links: the promise of a node with one content.
pub(crate) const SOCKETS: usize = 30;

/// What a node has at first.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Has {
    /// The file, and the config that describes it.
    File,
    /// Only the config.
    Config,
}

/// Nodes of one loopback /24, and one content. Nodes end before their directory is removed.
pub(crate) struct Stage {
    pub(crate) nodes: Vec<Node>,
    pub(crate) content: Content,
    /// Numbers of addresses that are somebody else's.
    skipped: usize,
    subnet: Subnet,
    rng: fastrand::Rng,
    directory: tempfile::TempDir,
    /// What starts nodes, by exec; empty for nothing.
    launcher: &'static [&'static str],
}

impl Stage {
    /// A content of so many parts of 64 KiB, and nobody.
    pub(crate) fn new(test: &str, parts: usize) -> Self {
        let mut rng = support::seeded(test);
        Self {
            nodes: Vec::new(),
            skipped: 0,
            content: Content::random(&mut rng, parts * 65_536 - 1_000, 65_536),
            subnet: Subnet::reserve(),
            rng,
            directory: tempfile::tempdir().unwrap(),
            launcher: &[],
        }
    }

    /// The same, its nodes started by another program.
    pub(crate) fn launched_by(mut self, launcher: &'static [&'static str]) -> Self {
        self.launcher = launcher;
        self
    }

    /// The next node gets the address after the one that would be its own.
    pub(crate) fn skip_number(&mut self) {
        self.skipped += 1;
    }

    /// The address of that number: the node of the same number is there, unless one was skipped.
    pub(crate) fn address(&self, number: usize) -> SocketAddr {
        self.subnet.address(number)
    }

    /// Adds a node that lists these others, and starts it.
    pub(crate) fn start(&mut self, has: Has, peers: &[usize], arguments: &[&str]) -> usize {
        let number = self.nodes.len();
        let files = Files::below(&self.directory.path().join(format!("node-{number}"))).unwrap();
        let peers: Vec<_> = peers
            .iter()
            .map(|&peer| self.address(peer).to_string())
            .collect();
        let info = Some(self.content.file_info());
        fs::write(&files.conf, torrent_conf(&mut self.rng, info, &peers)).unwrap();
        if has == Has::File {
            fs::write(&files.data, self.content.bytes()).unwrap();
        }
        let place = number + self.skipped;
        let node = Node::new(support::binary(), files, self.address(place), arguments);
        let mut node = node.launched_by(self.launcher);
        node.start();
        self.nodes.push(node);
        let listens = || Sockets::look().is_listening(self.subnet.ip(place), 6881);
        wait_for("a node listens", listens, || self.nodes[number].log_tail());
        number
    }

    /// Waits until the node has the file.
    pub(crate) fn completes(&mut self, node: usize) {
        let mut judge = Judge::new(&self.nodes[node].files.data);
        let content = self.content.clone();
        let nodes = std::cell::RefCell::new(&mut self.nodes);
        let is_complete = || {
            for node in nodes.borrow_mut().iter_mut() {
                if let Err(status) = node.poll() {
                    panic!("{} ended with {status}:\n{}", node.address, node.log_tail());
                }
            }
            judge.is_identical(&content)
        };
        wait_for("the node has the file", is_complete, || {
            let tails = nodes.borrow();
            tails.iter().map(|node| node.log_tail() + "\n").collect()
        });
    }

    /// The processor time that a node has used.
    pub(crate) fn processor_time(&self, node: usize) -> Duration {
        let pid = self.nodes[node].pid().expect("the node runs");
        processor_times(pid).values().sum()
    }

    /// How many links a node has.
    pub(crate) fn sockets(&self, node: usize) -> usize {
        Sockets::look().links(self.subnet.ip(node + self.skipped))
    }

    /// No node has taken more than it may, and all of them live.
    pub(crate) fn assert_bounded(&mut self) {
        for number in 0..self.nodes.len() {
            assert!(
                self.nodes[number].poll().is_ok(),
                "{}",
                self.nodes[number].log_tail()
            );
            let Some(pid) = self.nodes[number].pid() else {
                continue;
            };
            let memory = peak_memory(pid).unwrap_or(0);
            let sockets = self.sockets(number);
            println!(
                "node {number}: {:.1} MiB at most, {sockets} links now",
                memory as f64 / 1_048_576.0
            );
            assert!(memory <= MEMORY, "node {number} took {memory} bytes");
            assert!(sockets <= SOCKETS, "node {number} has {sockets} links");
        }
    }
}

/// The address of a stranger, with nobody's subnet: 250 of them in each /24.
pub(crate) fn stranger(number: usize) -> Ipv4Addr {
    let (network, host) = (number / 250, number % 250);
    Ipv4Addr::new(127, 252, network as u8, 1 + host as u8)
}
