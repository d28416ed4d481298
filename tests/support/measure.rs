//! What the kernel says of processes and sockets.
//!
//! Linux only, as the addresses of a fleet are. Whatever cannot be read counts as nothing: a
//! process may end between two looks.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::net::Ipv4Addr;
use std::time::Duration;

/// States of sockets in `/proc/net/tcp`.
const ESTABLISHED: &str = "01";
const LISTEN: &str = "0A";

/// The TCP sockets of this machine at one moment.
#[derive(Debug, Default)]
pub struct Sockets {
    links: HashMap<Ipv4Addr, usize>,
    listeners: HashMap<Ipv4Addr, Vec<u16>>,
}

impl Sockets {
    /// Looks now. IPv4 only.
    pub fn look() -> Self {
        let mut sockets = Self::default();
        let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        // The table changes while it is read, and a socket may be listed twice.
        let mut seen = HashSet::new();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let (Some(local), Some(state), Some(inode)) =
                (fields.get(1), fields.get(3), fields.get(9))
            else {
                continue;
            };
            let Some((ip, port)) = parse_address(local) else {
                continue;
            };
            match *state {
                // Links without an inode wait to be accepted: they are nobody's yet.
                ESTABLISHED if *inode != "0" && seen.insert(*inode) => {
                    *sockets.links.entry(ip).or_default() += 1
                }
                LISTEN => sockets.listeners.entry(ip).or_default().push(port),
                _ => {}
            }
        }
        sockets
    }

    /// How many links leave from or end at an address. A node's links all have its own address,
    /// whoever dialled.
    pub fn links(&self, ip: Ipv4Addr) -> usize {
        self.links.get(&ip).copied().unwrap_or(0)
    }

    /// Whether somebody listens there.
    pub fn is_listening(&self, ip: Ipv4Addr, port: u16) -> bool {
        self.listeners
            .get(&ip)
            .is_some_and(|ports| ports.contains(&port))
    }
}

/// Parses `0100007F:1AE1`: the address is little-endian, the port is not.
fn parse_address(text: &str) -> Option<(Ipv4Addr, u16)> {
    let (ip, port) = text.split_once(':')?;
    let ip = u32::from_str_radix(ip, 16).ok()?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some((Ipv4Addr::from(ip.to_le_bytes()), port))
}

/// How often a process has written: to files, sockets, and to wake a thread of its own.
pub fn writes(pid: u32) -> Option<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let line = io.lines().find_map(|line| line.strip_prefix("syscw:"))?;
    line.trim().parse().ok()
}

/// The largest resident memory that a process has had, in bytes.
pub fn peak_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The processor time that each thread of a process has used, by its id.
///
/// From the scheduler's own books, which are exact; the ticks of `/proc/PID/stat` are 10 ms
/// each, too coarse for a node that idles. What a thread used before it ended is lost.
pub fn processor_times(pid: u32) -> HashMap<u32, Duration> {
    let mut times = HashMap::new();
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return times;
    };
    for task in tasks.flatten() {
        let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else {
            continue;
        };
        let id = task.file_name().to_str().and_then(|name| name.parse().ok());
        let used = text
            .split_whitespace()
            .next()
            .and_then(|field| field.parse().ok());
        if let (Some(id), Some(used)) = (id, used) {
            times.insert(id, Duration::from_nanos(used));
        }
    }
    times
}

/// What the open TCP sockets in a range of addresses have sent: the key names a socket, the
/// value is in bytes, without headers. `None` if there is no `ss` to ask.
pub fn bytes_sent(range: &str) -> Option<HashMap<String, u64>> {
    let output = std::process::Command::new("ss")
        .args([
            "--tcp",
            "--info",
            "--numeric",
            "--no-header",
            "--oneline",
            "src",
            range,
        ])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut sent = HashMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(local), Some(remote)) = (fields.get(3), fields.get(4)) else {
            continue;
        };
        let bytes = fields
            .iter()
            .find_map(|field| field.strip_prefix("bytes_sent:"));
        let bytes = bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        sent.insert(format!("{local} {remote}"), bytes);
    }
    Some(sent)
}
