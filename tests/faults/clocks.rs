//! Clocks that jump, and machines that sleep.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::content::Content;
use crate::support::handful::{Handful, Has};
use crate::support::judge::right_parts;
use crate::support::loopback::Subnet;
use crate::support::node::Node;
use crate::support::{self, wait_for};

const KIB: usize = 1024;

/// A second fleet of a seed and two leechers, whose transfer takes some seconds.
fn fleet(content: &Content, launcher: &[&str], arguments: &[&str]) -> Handful {
    let subnet = Subnet::reserve();
    let mut handful = Handful::new();
    let slow = [&["--upload-limit", "400000"], arguments].concat();
    for number in 0..3 {
        let has = if number == 0 { Has::File } else { Has::Config };
        let others = (0..3).filter(|&other| other != number);
        let peers: Vec<_> = others.map(|it| subnet.ip(it).to_string()).collect();
        let at = subnet.address(number);
        handful.add((has, content), at, &peers, &slow, launcher);
    }
    handful
}

fn signal(node: &Node, signal: Signal) {
    let pid = node
        .pid()
        .and_then(|pid| Pid::from_raw(pid as i32))
        .unwrap();
    kill_process(pid, signal).unwrap();
}

/// How many pieces a node has on its disk.
fn has(node: &Node, content: &Content) -> usize {
    let right = right_parts(&node.files.data, content);
    right.iter().filter(|&&right| right).count()
}

fn assert_nothing_was_blamed(handful: &Handful) {
    for number in 0..handful.nodes.len() {
        for words in [
            "not spoken to",
            "starts anew",
            "stood still",
            "ERROR",
            "panicked",
        ] {
            let lines = handful.lines_with(number, words);
            assert_eq!(lines, 0, "{words}:\n{}", handful.nodes[number].log());
        }
    }
}

#[test]
fn a_node_that_slept_wakes_blames_nobody_and_goes_on_within_seconds() {
    let _turn = support::share_turn();
    let mut rng = support::seeded("sleep");
    let content = Content::random(&mut rng, 600 * 16 * KIB, 16 * KIB);
    // Longer than anything may be silent for, as its own clock has it.
    let limit = ["--standstill-limit", "5s"];
    let mut handful = fleet(&content, &[], &limit);
    handful.start_all();
    let mut woke = Vec::new();
    // A leecher first, then the seed: once for longer than a link may starve, and once for longer than
    // its outbox may wait.
    for (sleeper, seconds) in [(1, 25), (0, 35)] {
        let before = has(&handful.nodes[1], &content);
        wait_for(
            "the transfer is under way",
            || has(&handful.nodes[1], &content) > before + 10,
            || handful.nodes[1].log_tail(),
        );
        signal(&handful.nodes[sleeper], Signal::STOP);
        sleep(Duration::from_secs(seconds));
        let slept = has(&handful.nodes[1], &content);
        signal(&handful.nodes[sleeper], Signal::CONT);
        let begin = Instant::now();
        wait_for(
            "pieces come again",
            || {
                let has = has(&handful.nodes[1], &content);
                has > slept || has == 600
            },
            || handful.nodes[1].log_tail(),
        );
        woke.push(begin.elapsed());
    }
    handful.wait_for_file(&[1, 2], &content);
    println!(
        "sleep: a leecher slept for 25 s and had new pieces {:.1?} after; the seed for 35 s and gave {:.1?} after; \
         nobody was banned, nothing started anew",
        woke[0], woke[1]
    );
    assert_nothing_was_blamed(&handful);
}

/// Where Debian's package `faketime` has its library.
fn faketime() -> Option<PathBuf> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten();
    let paths = folders.map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    paths.into_iter().find(|path| path.exists())
}

#[test]
fn a_clock_on_the_wall_that_jumps_by_decades_changes_nothing() {
    let _turn = support::share_turn();
    let test = "faults, clocks that jump";
    let Some(library) = faketime() else {
        support::skip(test, "there is no faketime", "SWARMLET_REQUIRE_FOREIGN");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let time = folder.path().join("time");
    fs::write(&time, "@2005-05-05 05:05:05").unwrap();
    let words = [
        format!("LD_PRELOAD={}", library.display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", time.display()),
        "FAKETIME_NO_CACHE=1".to_owned(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        "NO_FAKE_STAT=1".to_owned(),
    ];
    let mut launcher = vec!["env"];
    launcher.extend(words.iter().map(String::as_str));
    let mut rng = support::seeded(test);
    let content = Content::random(&mut rng, 250 * 16 * KIB, 16 * KIB);
    let mut handful = fleet(&content, &launcher, &[]);
    // And files that were written in another century.
    let times = [
        SystemTime::UNIX_EPOCH,
        SystemTime::now() + Duration::from_secs(75 * 31_557_600),
    ];
    for (node, time) in handful.nodes.iter().zip(times) {
        if let Ok(file) = fs::File::options().write(true).open(&node.files.data) {
            file.set_modified(time).unwrap();
        }
    }
    handful.start_all();
    let jumps = [
        "@1971-01-01 00:00:01",
        "@2038-01-19 03:14:08",
        "@2105-12-31 00:00:00",
        "@1999-12-31 23:59:59",
    ];
    let mut jumped = 0;
    let is_complete = |handful: &Handful| {
        [1, 2]
            .iter()
            .all(|&node| has(&handful.nodes[node], &content) == 250)
    };
    while !is_complete(&handful) || jumped < 12 {
        fs::write(&time, jumps[jumped % jumps.len()]).unwrap();
        jumped += 1;
        sleep(Duration::from_millis(300));
        assert!(jumped < 1_000, "it does not go on");
    }
    handful.wait_for_file(&[1, 2], &content);
    // The log tells that it did jump: it has the time of day.
    let log = handful.nodes[1].log();
    assert!(log.contains("03:14:") || log.contains("23:59:59"), "{log}");
    // But for those that were dialed from both sides, or begun at the rendezvous.
    let crossed = [
        " ended: the same peer is linked already",
        " ended: both ends serve the same swarm",
        " ended: closed by the peer",
    ];
    let ended: usize = (0..3)
        .map(|node| {
            let said = |text| handful.lines_with(node, text);
            said(" ended: ") - crossed.map(said).iter().sum::<usize>()
        })
        .sum();
    println!(
        "clocks: jumped {jumped} times by up to 134 years during a transfer; links that ended {ended}"
    );
    assert_eq!(ended, 0, "{log}");
    assert_nothing_was_blamed(&handful);
}

#[test]
fn a_machine_that_has_been_up_for_decades_is_as_good_as_another() {
    let test = "faults, uptime";
    let launcher = [
        "unshare",
        "--time",
        "--monotonic",
        "1500000000",
        "--boottime",
        "1500000000",
        "--fork",
    ];
    let works = Command::new(launcher[0])
        .args(&launcher[1..])
        .arg("true")
        .status();
    if !works.is_ok_and(|status| status.success()) {
        support::skip(test, "no time namespaces", "SWARMLET_REQUIRE_TIME");
        return;
    }
    let mut rng = support::seeded(test);
    let content = Content::random(&mut rng, 50 * 16 * KIB, 16 * KIB);
    let launcher = [&launcher[..], &["--kill-child"]].concat();
    let mut handful = fleet(&content, &launcher, &[]);
    handful.start_all();
    handful.wait_for_file(&[1, 2], &content);
    assert_nothing_was_blamed(&handful);
}
