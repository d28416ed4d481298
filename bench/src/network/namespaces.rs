//! Network namespaces with a cable each to a bridge, which lives in a namespace of its own.
//!
//! The machine's own namespace stays as it is. What was made is removed when this is dropped;
//! names carry our process id, so what a killed benchmark left behind is found and removed by the
//! next one.

use std::fs::File;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::last_byte;
use crate::leftovers;

/// Where `ip netns` keeps its names.
const FOLDER: &str = "/var/run/netns";

/// What all our names begin with.
const PREFIX: &str = "swbench";

/// The address of the bridge. Only our namespaces know this network.
pub(super) const HUB: Ipv4Addr = Ipv4Addr::new(10, 255, 77, 1);

/// The address of a node's end of the cable.
pub(super) fn address(node: usize) -> Ipv4Addr {
    let [a, b, c, _] = HUB.octets();
    Ipv4Addr::new(a, b, c, last_byte(node))
}

/// The namespaces of one benchmark.
#[derive(Debug)]
pub(crate) struct Namespaces {
    owner: u32,
    nodes: usize,
}

impl Namespaces {
    /// Makes them all.
    ///
    /// # Errors
    /// `ip` is missing or refuses.
    pub(super) fn make(nodes: usize) -> io::Result<Self> {
        remove_leftovers();
        let owner = std::process::id();
        // From here on, whatever was made is removed by `drop`.
        let made = Self { owner, nodes };
        let hub = made.name(None);
        let mut outside = format!("netns add {hub}\n");
        let mut inside = format!(
            "link set lo up\nlink add bridge type bridge\naddress add {HUB}/24 dev bridge\n\
             link set bridge up\n"
        );
        for node in 0..nodes {
            let name = made.name(Some(node));
            outside += &format!("netns add {name}\n");
            inside += &format!(
                "link add port{node} type veth peer name cable netns {name}\n\
                 link set port{node} master bridge up\n"
            );
        }
        batch(None, &outside)?;
        batch(Some(&hub), &inside)?;
        for node in 0..nodes {
            let lines = format!(
                "link set lo up\naddress add {}/24 dev cable\nlink set cable up\n",
                address(node)
            );
            batch(Some(&made.name(Some(node))), &lines)?;
        }
        Ok(made)
    }

    /// Does something in the namespace of a node, or of the bridge.
    pub(super) fn within<T: Send>(
        &self,
        node: Option<usize>,
        act: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        let path = Path::new(FOLDER).join(self.name(node));
        // A namespace belongs to a thread. This one ends, so that ours stays where it is.
        let enter_and_act = || {
            setns(File::open(path)?, CloneFlags::CLONE_NEWNET)?;
            act()
        };
        thread::scope(|scope| scope.spawn(enter_and_act).join())
            .unwrap_or_else(|_| Err(io::Error::other("bug: a thread in a namespace panicked")))
    }

    fn name(&self, node: Option<usize>) -> String {
        match node {
            None => format!("{PREFIX}-{}-hub", self.owner),
            Some(node) => format!("{PREFIX}-{}-{node}", self.owner),
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        let names = (0..self.nodes).map(Some).chain([None]);
        for name in names.map(|node| self.name(node)) {
            remove(&name);
        }
    }
}

/// Removes namespaces whose benchmark was killed, and ends the processes that live in them.
fn remove_leftovers() {
    for path in leftovers::orphans(Path::new(FOLDER), PREFIX) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let pids = Command::new("ip").args(["netns", "pids", &name]).output();
        let pids = pids.map_or_else(|_| Vec::new(), |output| output.stdout);
        for pid in String::from_utf8_lossy(&pids).split_whitespace() {
            if let Ok(pid) = pid.parse() {
                // It may have ended by itself.
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
        remove(&name);
    }
}

fn remove(name: &str) {
    // It is gone already, or there is nothing more that we could do.
    if Path::new(FOLDER).join(name).exists() {
        let _ = Command::new("ip").args(["netns", "delete", name]).status();
    }
}

/// Runs `ip` with one command per line, within a namespace if one is named.
fn batch(namespace: Option<&str>, lines: &str) -> io::Result<()> {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-netns", namespace]);
    }
    let mut child = command
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("cannot run ip (Debian: iproute2): {error}; or use --loopback"),
            )
        })?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(lines.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or("no reason given").to_owned();
    Err(io::Error::other(format!(
        "ip cannot make the namespaces: {said}; use --loopback"
    )))
}
