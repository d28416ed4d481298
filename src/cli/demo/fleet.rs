//! The processes of the demo: starts, kills and buries them.
//!
//! Invariant: no child outlives the [`Fleet`]. Dropping it kills what runs, on a panic too; and if
//! this process is killed itself, the kernel kills the nodes (`--die-with-parent`).

use std::env;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use super::network::Network;

/// Lines of a log that are shown when something went wrong.
const TAIL_LINES: usize = 8;

/// All nodes of the demo.
pub(super) struct Fleet {
    nodes: Vec<Node>,
}

struct Node {
    folder: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
    kills: u32,
}

impl Fleet {
    /// Nodes that are not running yet; node number `n` lives in the folder `n` below `root`.
    /// With a secret if there is one in that file.
    pub(super) fn new(root: &Path, network: Network, nodes: u8, secret: Option<&Path>) -> Self {
        let secret = secret.map(|path| format!("--fleet-secret-file={}", path.display()));
        let nodes = (0..nodes)
            .map(|number| Node {
                folder: folder(root, number),
                arguments: [
                    "node".to_owned(),
                    "--die-with-parent".to_owned(),
                    format!("--listen={}", network.address(number)),
                    format!("--sweep={}", network.range()),
                    "--conf=torrent.conf".to_owned(),
                    "--data=data.bin".to_owned(),
                    "--state=state".to_owned(),
                    "--http=off".to_owned(),
                ]
                .into_iter()
                .chain(secret.clone())
                .collect(),
                child: None,
                kills: 0,
            })
            .collect();
        Self { nodes }
    }

    /// Starts every node.
    pub(super) fn start(&mut self) -> io::Result<()> {
        self.nodes.iter_mut().try_for_each(Node::start)
    }

    /// Kills a node as `kill -9` does.
    pub(super) fn kill(&mut self, number: usize) {
        if let Some(node) = self.nodes.get_mut(number) {
            node.kill();
            node.kills += 1;
        }
    }

    /// Starts a node that was killed.
    pub(super) fn restart(&mut self, number: usize) -> io::Result<()> {
        self.nodes.get_mut(number).map_or(Ok(()), Node::start)
    }

    /// How often a node was killed.
    pub(super) fn kills(&self, number: usize) -> u32 {
        self.nodes.get(number).map_or(0, |node| node.kills)
    }

    /// A node that ended although nobody killed it, and how.
    pub(super) fn find_ended(&mut self) -> Option<(usize, ExitStatus)> {
        self.nodes
            .iter_mut()
            .enumerate()
            .find_map(|(number, node)| {
                let status = node.child.as_mut()?.try_wait().ok()??;
                Some((number, status))
            })
    }

    /// The last lines that a node wrote.
    pub(super) fn log_tail(&self, number: usize) -> Vec<String> {
        let Some(node) = self.nodes.get(number) else {
            return Vec::new();
        };
        let log = fs::read(node.folder.join("log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().collect();
        let start = lines.len().saturating_sub(TAIL_LINES);
        lines
            .iter()
            .skip(start)
            .map(|line| (*line).to_owned())
            .collect()
    }

    /// Kills whatever runs.
    pub(super) fn kill_all(&mut self) {
        self.nodes.iter_mut().for_each(Node::kill);
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.kill_all();
    }
}

impl Node {
    fn start(&mut self) -> io::Result<()> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))?;
        let mut command = Command::new(env::current_exe()?);
        // What configures a node of the user's must not configure those of the demo.
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("SWARMLET_") {
                command.env_remove(name);
            }
        }
        let child = command
            .args(&self.arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    /// Kills and reaps. Either can only fail where the process is gone already.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Where a node has its files.
pub(super) fn folder(root: &Path, number: u8) -> PathBuf {
    root.join((number + 1).to_string())
}
