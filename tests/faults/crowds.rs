//! More addresses than anybody could dial.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::content::Content;
use crate::support::handful::{Handful, Has};
use crate::support::loopback::Subnet;
use crate::support::measure::peak_memory;
use crate::support::{self, wait_for};

/// Addresses of the list.
const LISTED: usize = 1_000_000;

/// So many of them are alive: one in a hundred. Of one in ten thousand a lot of ten thousand may have none.
const ALIVE: usize = 10_000;

/// Where the seed listens on all addresses of this machine: a port that no other test uses.
const ALIVE_PORT: u16 = 6_989;

/// A node that has its list may have so much memory at its peak: the text, what is read of it, and what
/// is kept.
const MOST_MEMORY: u64 = 400 * 1024 * 1024;

/// A list of a million addresses at which nobody is, with a few among them at which a seed is. No two
/// are the same.
fn list(subnet: &Subnet, rng: &mut fastrand::Rng) -> Vec<String> {
    let [_, second, third, _] = subnet.ip(0).octets();
    // Ports of the network's own hosts, on which nobody listens.
    let dead = (0..LISTED - ALIVE).map(|number| {
        let (host, port) = (number % 200, 7_000 + number / 200);
        format!("127.{second}.{third}.{host}:{port}")
    });
    let mut all: Vec<_> = dead.collect();
    // The seed listens on all addresses of this machine.
    all.extend((0..ALIVE).map(|number| {
        let (network, host) = (number / 200, number % 200);
        format!("127.{second}.{network}.{}:{ALIVE_PORT}", 1 + host)
    }));
    rng.shuffle(&mut all);
    all
}

#[test]
fn among_a_million_listed_addresses_those_that_live_are_found() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("a million addresses");
    let content = Content::random(&mut rng, 500_000, 16 * 1024);
    let subnet = Subnet::reserve();
    let mut handful = Handful::new();
    // As many nodes as there are live addresses would say no more.
    let everywhere = SocketAddr::from(([0, 0, 0, 0], ALIVE_PORT));
    let launcher = ["env", "RUST_LOG=info"];
    handful.add((Has::File, &content), everywhere, &[], &[], &launcher);
    let at = subnet.address(200);
    handful.add((Has::Config, &content), at, &[], &[], &launcher);
    let mut conf = String::from("{\"Peers\": [");
    for (number, peer) in list(&subnet, &mut rng).iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        write!(conf, "{comma}\"{peer}\"").unwrap();
    }
    write!(conf, "], \"FileInfo\": {}}}", content.file_info()).unwrap();
    let size = conf.len();
    fs::write(&handful.nodes[1].files.conf, conf).unwrap();
    handful.nodes[0].start();
    handful.wait_for_log(0, "complete, every piece is verified");
    let begin = Instant::now();
    handful.nodes[1].start();
    handful.wait_for_log(1, "listening on");
    let started = begin.elapsed();
    handful.wait_for_file(&[1], &content);
    let found = begin.elapsed();
    let memory = handful.nodes[1].pid().and_then(peak_memory).unwrap_or(0);
    println!(
        "a million addresses: a config of {:.1} MB, of which 1 in {} lives; listening after {started:.1?}, \
         the file was here after {found:.1?}, with {:.0} MiB at the peak",
        size as f64 / 1e6,
        LISTED / ALIVE,
        memory as f64 / 1_048_576.0
    );
    assert!(memory < MOST_MEMORY, "{memory}");
    // And then it is quiet: who has links does not go through the list.
    let quiet = || cpu_time(handful.nodes[1].pid().unwrap());
    let mut before = quiet();
    wait_for(
        "the node rests",
        || {
            std::thread::sleep(Duration::from_secs(2));
            let now = quiet();
            let used = now - before;
            before = now;
            used < Duration::from_millis(100)
        },
        String::new,
    );
}

/// What a process has used of the processor.
fn cpu_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let rest = stat.rsplit(')').next().unwrap();
    let fields: Vec<_> = rest.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}
