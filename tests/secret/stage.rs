//! Nodes with a secret, and the files that say who gets in.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::content::Content;
use crate::support::handful::{Handful, Has};
use crate::support::loopback::Subnet;
use crate::support::{self, Turn};

pub(crate) const KIB: usize = 1024;

/// Secrets of fleets.
pub(crate) const OLD: &str = "b2xkIHNlY3JldCBvZiB0aGUgZmxlZXQsIDMyIGJ5dGVz";
pub(crate) const NEW: &str = "bmV3IHNlY3JldCBvZiB0aGUgZmxlZXQsIDMyIGJ5dGVz";
pub(crate) const OTHER: &str = "YW5vdGhlciBmbGVldCdzIHNlY3JldCwgMzIgYnl0ZXMu";

/// Nodes of one loopback network.
pub(crate) struct Stage {
    pub(crate) handful: Handful,
    pub(crate) subnet: Subnet,
    pub(crate) content: Content,
    folder: tempfile::TempDir,
    _turn: Turn,
}

impl Stage {
    /// No node yet, and a content of so many KiB.
    pub(crate) fn new(test: &str, kib: usize) -> Self {
        let turn = support::share_turn();
        let mut rng = support::seeded(test);
        Self {
            handful: Handful::new(),
            subnet: Subnet::reserve(),
            content: Content::random(&mut rng, kib * KIB, 16 * KIB),
            folder: tempfile::tempdir().unwrap(),
            _turn: turn,
        }
    }

    /// A file of this test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in one step, as whoever changes secrets does.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        let draft = self.path(&format!("{name}.draft"));
        fs::write(&draft, text).unwrap();
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&draft, &path).unwrap();
        path
    }

    /// Adds a node that knows those before it, with these secrets in a file of its own, or none.
    pub(crate) fn add(&mut self, has: Has, secrets: &[&str], arguments: &[&str]) -> usize {
        let number = self.handful.nodes.len();
        let known = (0..number).map(|it| self.subnet.ip(it).to_string());
        let known: Vec<_> = known.collect();
        self.add_knowing(has, secrets, &known, arguments)
    }

    /// The same with these peers.
    pub(crate) fn add_knowing(
        &mut self,
        has: Has,
        secrets: &[&str],
        peers: &[String],
        arguments: &[&str],
    ) -> usize {
        let number = self.handful.nodes.len();
        let mut all = arguments.to_vec();
        let file;
        if !secrets.is_empty() {
            let path = self.write(&secret_file(number), &(secrets.join("\n") + "\n"));
            file = path.to_str().unwrap().to_owned();
            all.extend(["--fleet-secret-file", &file]);
        }
        let what = (has, &self.content);
        self.handful
            .add(what, self.subnet.address(number), peers, &all, &[])
    }

    /// The secrets of a node are these from now on.
    pub(crate) fn change_secrets(&self, node: usize, secrets: &[&str]) {
        self.write(&secret_file(node), &(secrets.join("\r\n") + "\r\n"));
    }

    /// Where a node's file of secrets is.
    pub(crate) fn secrets_of(&self, node: usize) -> PathBuf {
        self.path(&secret_file(node))
    }

    pub(crate) fn wait_for_file(&mut self, nodes: &[usize]) {
        let content = self.content.clone();
        self.handful.wait_for_file(nodes, &content);
    }

    /// Waits until so many lines of a node's log have that text.
    pub(crate) fn wait_for_lines(&self, node: usize, text: &str, count: usize) {
        support::wait_for(
            &format!("node {node} has said '{text}' {count} times"),
            || self.handful.lines_with(node, text) >= count,
            || self.handful.nodes[node].log_tail(),
        );
    }

    /// The id of a node, as its log says.
    pub(crate) fn id_of(&self, node: usize) -> String {
        let before = "this is node ";
        self.handful.wait_for_log(node, before);
        let log = self.handful.nodes[node].log();
        let start = log.find(before).unwrap() + before.len();
        log[start..start + 32].to_owned()
    }
}

fn secret_file(node: usize) -> String {
    format!("secret-{node}")
}

/// Sends a signal to a node.
pub(crate) fn hang_up(stage: &Stage, node: usize) {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = stage.handful.nodes[node].pid().unwrap();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
}

/// Does any file below this one hold that?
pub(crate) fn holds(folder: &Path, text: &str) -> Option<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read(&path).is_ok_and(|bytes| contains(&bytes, text.as_bytes())) {
                return Some(path);
            }
        }
    }
    None
}

/// Do these bytes stand somewhere in those?
pub(crate) fn contains(bytes: &[u8], some: &[u8]) -> bool {
    bytes.windows(some.len()).any(|window| window == some)
}
