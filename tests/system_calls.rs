//! Which system calls a node makes: those of `deploy/seccomp/swarmlet.json`, which is given to engines,
//! and no others.
//!
//! Needs `strace`. What nodes do here is what they do in a fleet: they listen, find each other by several
//! ways, ask a tracker that is not there, fetch, verify and serve a file with short and one with long
//! parts, keep state, answer on their HTTP face, and stop on a signal.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::content::Content;
use support::handful::{Handful, Has};
use support::loopback::Subnet;
use support::node::Node;
use support::wait_for;

/// Set where this test must run.
const REQUIRED_BY: &str = "SWARMLET_REQUIRE_FOREIGN";

/// Calls that a filter is there to refuse: if a change brings one of them in, it is not to be added to
/// the list without a thought.
const NEVER: &[&str] = &[
    "acct",
    "add_key",
    "bpf",
    "chroot",
    "delete_module",
    "init_module",
    "io_uring_setup",
    "kexec_load",
    "keyctl",
    "mount",
    "open_by_handle_at",
    "perf_event_open",
    "personality",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "reboot",
    "setns",
    "swapon",
    "umount2",
    "unshare",
    "userfaultfd",
];

fn allowed() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/seccomp/swarmlet.json");
    let profile: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(profile["defaultAction"], "SCMP_ACT_ERRNO");
    let groups = profile["syscalls"].as_array().unwrap().iter();
    let names = groups.flat_map(|group| {
        assert_eq!(group["action"], "SCMP_ACT_ALLOW");
        group["names"].as_array().unwrap()
    });
    names
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

/// The names of the calls in what `strace -f` wrote: `123  read(...` or `123  <... read resumed>`.
fn calls(trace: &str) -> BTreeSet<String> {
    let name = |line: &str| {
        let said = line.split_once(' ')?.1.trim_start();
        let said = said.strip_prefix("<... ").unwrap_or(said);
        let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let end = said.find(|c| !is_part(c))?;
        let is_call = said[end..].starts_with('(') || said[end..].starts_with(" resumed");
        (end > 0 && is_call).then(|| said[..end].to_owned())
    };
    trace.lines().filter_map(name).collect()
}

#[test]
fn the_profile_for_engines_allows_nothing_that_a_filter_is_for() {
    let allowed = allowed();
    let never: Vec<_> = NEVER
        .iter()
        .filter(|name| allowed.contains(**name))
        .collect();
    assert!(never.is_empty(), "{never:?}");
    assert!(allowed.len() < 160, "{} calls", allowed.len());
}

#[test]
fn a_line_of_a_trace_is_read() {
    let trace = "17 read(3, \"x\", 1) = 1\n18  <... futex resumed>) = 0\n18 +++ exited with 0 +++\n\
                 19 --- SIGTERM {si_signo=SIGTERM} ---\n";
    let expected: BTreeSet<_> = ["futex", "read"].map(str::to_owned).into();
    assert_eq!(calls(trace), expected);
}

#[test]
fn nodes_make_no_other_system_calls_than_those_of_the_profile() {
    let test = "nodes_make_no_other_system_calls_than_those_of_the_profile";
    if !Command::new("strace")
        .arg("-V")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return support::skip(
            test,
            "there is no strace (Debian: apt-get install strace)",
            REQUIRED_BY,
        );
    }
    let _turn = support::take_turn();
    let mut rng = support::seeded(test);
    let traces = tempfile::tempdir().unwrap();
    for (size, part) in [(3_000_000, 65_536), (20_000_000, 6 * 1_048_576)] {
        trace_a_transfer(&Content::random(&mut rng, size, part), traces.path());
    }
    let mut seen = BTreeSet::new();
    for trace in fs::read_dir(traces.path()).unwrap() {
        let text = fs::read(trace.unwrap().path()).unwrap();
        seen.append(&mut calls(&String::from_utf8_lossy(&text)));
    }
    println!(
        "{} system calls: {}",
        seen.len(),
        seen.iter().cloned().collect::<Vec<_>>().join(" ")
    );
    assert!(
        seen.contains("pwrite64") && seen.contains("accept4"),
        "nothing was traced"
    );
    let allowed = allowed();
    let others: Vec<_> = seen.difference(&allowed).collect();
    assert!(
        others.is_empty(),
        "not in deploy/seccomp/swarmlet.json: {others:?}"
    );
}

/// A seed with a face, and a node that looks for it in several ways, both traced.
fn trace_a_transfer(content: &Content, traces: &Path) {
    let (mut nodes, subnet) = (Handful::new(), Subnet::reserve());
    let trace = |name: &str| {
        traces
            .join(format!("{}-{name}", content.part_size()))
            .display()
            .to_string()
    };
    let (seed, node) = (trace("seed"), trace("node"));
    let strace = |file| ["strace", "-f", "-qq", "-o", file];
    let (one, two) = (subnet.address(0), subnet.address(1));
    let face = format!("{}:6880", one.ip());
    let peers = ["localhost:9".to_owned()];
    nodes.add(
        (Has::File, content),
        one,
        &[],
        &["--http", &face, "--lan", "on"],
        &strace(&seed),
    );
    let tracker = format!("http://{}/announce", subnet.address(9));
    let sweep = format!("{}/28", one.ip());
    let ways = ["--tracker", &tracker, "--sweep", &sweep, "--lan", "on"];
    nodes.add((Has::Config, content), two, &peers, &ways, &strace(&node));
    nodes.start_all();
    nodes.wait_for_file(&[1], content);
    let mut answer = String::new();
    for path in ["/readyz", "/metrics", "/api/v1/status"] {
        let mut stream = TcpStream::connect(&face).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {face}\r\n\r\n").unwrap();
        stream.read_to_string(&mut answer).unwrap();
    }
    assert!(answer.contains("swarmlet_"), "{answer}");
    for node in &mut nodes.nodes {
        end(node);
    }
}

/// Asks the traced program to stop: a signal to strace would be one to it.
fn end(node: &mut Node) {
    let tracer = node.pid().unwrap();
    let children = fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children")).unwrap();
    let traced = children.split_whitespace().next().unwrap().to_owned();
    let stopped = Command::new("kill")
        .args(["-TERM", &traced])
        .status()
        .unwrap();
    assert!(stopped.success());
    let gone = || !Path::new(&format!("/proc/{traced}")).exists();
    wait_for("the traced node has stopped", gone, || node.log_tail());
    let _ = node.stop();
}
