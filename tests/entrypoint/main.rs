//! A node that starts a command when everything is here, and one that ends then; and what a service
//! manager hears of a node.
//!
//! Everything is done with real processes; the commands are scripts for `sh`. What needs root is
//! skipped by name without it.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod beside;
mod orphans;
mod seeding;
mod service;
mod signals;
#[path = "../support/mod.rs"]
mod support;
mod terminal;
mod trouble;

use std::fs;
use std::path::PathBuf;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use support::content::Content;
use support::handful::{Handful, Has};
use support::loopback::Subnet;
use support::node::{Node, STOP_PATIENCE};
use tempfile::TempDir;

const KIB: usize = 1024;

/// Waits, in a script, until it is told to go on; not longer than its folder is there, should a test
/// fail.
const WAIT: &str = "until [ -e stop ] || ! [ -e \"$PWD\" ]; do sleep 0.02; done\n";

/// Starts what follows with signals that are blocked, as some supervisors do.
const BLOCKING: [&str; 3] = [
    "perl",
    "-e",
    "use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM, SIGUSR1)); exec @ARGV",
];

/// Nodes with commands, and a folder in which the commands leave word.
///
/// The nodes end before the folder is removed.
struct Scene {
    handful: Handful,
    content: Content,
    subnet: Subnet,
    folder: TempDir,
}

impl Scene {
    fn new(what: &str) -> Self {
        let mut rng = support::seeded(what);
        Self {
            handful: Handful::new(),
            content: Content::random(&mut rng, 300 * KIB + 1, 16 * KIB),
            subnet: Subnet::reserve(),
            folder: TempDir::with_prefix("swarmlet-entrypoint-").unwrap(),
        }
    }

    /// Adds a node that has the file, or the config and the others as peers, and these arguments.
    fn add(&mut self, has: Has, arguments: &[&str]) -> usize {
        self.add_launched(has, arguments, &[])
    }

    /// The same, started by another program.
    fn add_launched(&mut self, has: Has, arguments: &[&str], launcher: &[&str]) -> usize {
        let number = self.handful.nodes.len();
        let others = (0..number).map(|node| self.subnet.ip(node).to_string());
        let peers: Vec<_> = others.collect();
        let address = self.subnet.address(number);
        let has = (has, &self.content);
        self.handful.add(has, address, &peers, arguments, launcher)
    }

    /// Adds a node that has the file, and starts this script in the folder beside it.
    fn add_with_script(&mut self, script: &str) -> usize {
        let node = self.add(Has::File, &[]);
        self.set_script(node, script);
        node
    }

    /// Gives a node a script to start in the folder.
    fn set_script(&mut self, node: usize, script: &str) {
        let script = format!("cd '{}' || exit 99\n{script}", self.folder.path().display());
        for word in ["--", "sh", "-c", &script] {
            self.node(node).add_argument(word);
        }
    }

    fn node(&mut self, node: usize) -> &mut Node {
        &mut self.handful.nodes[node]
    }

    fn start(&mut self, node: usize) {
        self.node(node).start();
    }

    fn send(&mut self, node: usize, signal: Signal) {
        let pid = self.node(node).pid().expect("the node runs");
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end of a node; its status.
    fn status(&mut self, node: usize) -> ExitStatus {
        let status = self.node(node).wait(6 * STOP_PATIENCE);
        status.unwrap_or_else(|error| panic!("{error}\n{}", self.node(node).log_tail()))
    }

    /// Waits for the end of a node, which must be this one.
    fn ends_with(&mut self, node: usize, code: i32) {
        let status = self.status(node);
        let log = self.node(node).log();
        assert_eq!(status.code(), Some(code), "{status}\n{log}");
    }

    /// The path of something in the folder.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a command wrote there; nothing, if it did not.
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Tells a script to go on that waits for that.
    fn write(&self, name: &str) {
        fs::write(self.path(name), "").unwrap();
    }

    /// Waits until a command wrote so much.
    fn wait_for(&self, name: &str, text: &str) {
        support::wait_for(
            &format!("'{text}' stands in {name}"),
            || self.read(name).contains(text),
            || format!("there is: {}\n{}", self.read(name), self.logs()),
        );
    }

    fn logs(&self) -> String {
        let nodes = self.handful.nodes.iter();
        nodes
            .map(Node::log_tail)
            .collect::<Vec<_>>()
            .join("\n---\n")
    }
}
