//! Networks that break without a word: cables that are cut, partitions. Each test has network namespaces
//! of its own, and needs root.

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use swarmlet::protocol::session::SILENCE_LIMIT;

use crate::support::content::Content;
use crate::support::handful::{Handful, Has};
use crate::support::judge::right_parts;
use crate::support::network::Network;
use crate::support::{self, wait_for};

const KIB: usize = 1024;

/// Nodes on hosts of a network.
pub struct Lan {
    pub handful: Handful,
    pub network: Network,
    pub content: Content,
}

impl Lan {
    pub fn or_skip(test: &str, hosts: &[u8], pieces: usize) -> Option<Self> {
        let size = pieces * 16 * KIB - 100;
        Some(Self {
            network: Network::or_skip(test, hosts)?,
            handful: Handful::new(),
            content: Content::random(&mut support::seeded(test), size, 16 * KIB),
        })
    }

    pub fn add(&mut self, host: u8, has: Has, peers: &[u8], arguments: &[&str]) -> usize {
        let everywhere = "0.0.0.0:6881".parse().unwrap();
        let launcher = self.network.launcher(host);
        let launcher: Vec<&str> = launcher.iter().map(String::as_str).collect();
        let peers: Vec<_> = peers
            .iter()
            .map(|&it| self.network.ip(it).to_string())
            .collect();
        let has = (has, &self.content);
        self.handful
            .add(has, everywhere, &peers, arguments, &launcher)
    }

    /// How many pieces a node has on its disk.
    pub fn has(&self, node: usize) -> usize {
        let right = right_parts(&self.handful.nodes[node].files.data, &self.content);
        right.iter().filter(|&&right| right).count()
    }

    pub fn wait_until_has(&self, node: usize, pieces: usize) {
        wait_for(
            &format!("node {node} has {pieces} pieces"),
            || self.has(node) >= pieces,
            || self.handful.nodes[node].log_tail(),
        );
    }

    pub fn wait_for_file(&mut self, nodes: &[usize]) -> Duration {
        let begin = Instant::now();
        self.handful.wait_for_file(nodes, &self.content);
        begin.elapsed()
    }
}

#[test]
fn a_host_that_vanishes_without_a_word_holds_up_nobody_and_is_linked_again_when_it_is_back() {
    let _turn = support::share_turn();
    let test = "faults, half-open links";
    let Some(mut lan) = Lan::or_skip(test, &[2, 3, 4], 512) else {
        return;
    };
    // Both seeds together bring all in some ten seconds.
    let slow = ["--upload-limit", "400000"];
    lan.add(2, Has::File, &[], &slow);
    lan.add(3, Has::File, &[], &slow);
    let leecher = lan.add(4, Has::Config, &[2, 3], &[]);
    lan.handful.start_all();
    lan.wait_until_has(leecher, 60);
    lan.network.cut(2);
    let (begin, mut last, mut longest) = (Instant::now(), Instant::now(), Duration::ZERO);
    let mut had = lan.has(leecher);
    while had < 512 {
        let has = lan.has(leecher);
        if has > had {
            (longest, last, had) = (longest.max(last.elapsed()), Instant::now(), has);
        }
        assert!(
            last.elapsed() < Duration::from_secs(60),
            "it stands still at {has}"
        );
        sleep(Duration::from_millis(20));
    }
    let took = begin.elapsed();
    lan.wait_for_file(&[leecher]);
    lan.network.mend(2);
    // Nobody else has the file any more, and the leecher needs it again.
    lan.handful.nodes[1].kill();
    std::fs::remove_file(&lan.handful.nodes[leecher].files.data).unwrap();
    let back = lan.wait_for_file(&[leecher]);
    println!(
        "half-open link: a seed that vanished; no new piece for {longest:.1?} at most, complete after {took:.1?}; \
         back, and the only seed, it gave the whole file within {back:.1?}"
    );
}

#[test]
fn a_host_that_vanishes_from_an_idle_link_is_missed_long_before_its_silence_would_tell() {
    let _turn = support::share_turn();
    let test = "faults, half-open idle links";
    let Some(mut lan) = Lan::or_skip(test, &[2, 3], 16) else {
        return;
    };
    lan.add(2, Has::File, &[], &[]);
    let leecher = lan.add(3, Has::Config, &[2], &[]);
    lan.handful.start_all();
    lan.wait_for_file(&[leecher]);
    // What they say when one is complete is said.
    sleep(Duration::from_secs(2));
    lan.network.cut(3);
    let begin = Instant::now();
    while lan.handful.lines_with(0, "the connection broke") == 0 {
        assert!(begin.elapsed() < SILENCE_LIMIT, "it is not missed");
        sleep(Duration::from_millis(100));
    }
    println!("half-open idle link: missed after {:.1?}", begin.elapsed());
}

#[test]
fn a_cable_that_is_cut_and_mended_again_and_again_delays_and_loses_nothing() {
    let _turn = support::share_turn();
    let test = "faults, a loose cable";
    let Some(mut lan) = Lan::or_skip(test, &[2, 3], 256) else {
        return;
    };
    lan.add(2, Has::File, &[], &["--upload-limit", "400000"]);
    let leecher = lan.add(3, Has::Config, &[2], &[]);
    lan.handful.start_all();
    let (mut cuts, mut longest) = (0, Duration::ZERO);
    while lan.has(leecher) < 256 {
        lan.network.cut(2);
        cuts += 1;
        // Some are short and TCP makes them good; some end the link.
        sleep(Duration::from_millis([300, 2_000, 700][cuts % 3]));
        lan.network.mend(2);
        let (begin, before) = (Instant::now(), lan.has(leecher));
        wait_for(
            "pieces come again",
            || lan.has(leecher) > before || lan.has(leecher) == 256,
            || lan.handful.nodes[leecher].log_tail(),
        );
        longest = longest.max(begin.elapsed());
        sleep(Duration::from_millis(600));
    }
    lan.wait_for_file(&[leecher]);
    println!(
        "loose cable: cut {cuts} times; pieces came again within {longest:.1?} of each mending; wrong bytes 0"
    );
}

#[test]
fn partitions_of_any_size_heal() {
    let _turn = support::share_turn();
    let test = "faults, partitions";
    let hosts = [2, 3, 4, 5, 6, 7];
    let Some(mut lan) = Lan::or_skip(test, &hosts, 96) else {
        return;
    };
    // The only one who has the file.
    let slow = ["--upload-limit", "1000000"];
    lan.add(2, Has::File, &[], &slow);
    for host in 3..=7 {
        // Each knows its neighbour, and the rest by hearsay.
        lan.add(host, Has::Nothing, &[host - 1], &[]);
    }
    let all: Vec<_> = (0..6).collect();
    let mut healed = Vec::new();
    for cut_off in [&[5, 6, 7][..], &[7], &[3, 4, 5, 6, 7]] {
        for &host in cut_off {
            lan.network.move_to_island(host, 1);
        }
        for node in 1..6 {
            let node = &mut lan.handful.nodes[node];
            node.kill();
            let _ = std::fs::remove_file(&node.files.data);
        }
        lan.handful.start_all();
        // Whoever is on the seed's side gets all of it, the others nothing.
        let here: Vec<_> = (1..6)
            .filter(|&node| !cut_off.contains(&(node as u8 + 2)))
            .collect();
        lan.wait_for_file(&here);
        sleep(Duration::from_secs(3));
        for &host in cut_off {
            assert_eq!(lan.has(usize::from(host) - 2), 0);
        }
        for &host in cut_off {
            lan.network.move_to_island(host, 0);
        }
        healed.push((cut_off.len(), lan.wait_for_file(&all)));
    }
    // One way only: the seed hears the others, and they do not hear it. One of them hears it.
    for node in 1..6 {
        let node = &mut lan.handful.nodes[node];
        node.kill();
        let _ = std::fs::remove_file(&node.files.data);
    }
    for host in 3..=6 {
        lan.network.silence(2, host);
    }
    lan.handful.start_all();
    let one_way = lan.wait_for_file(&all);
    for host in 3..=6 {
        lan.network.unsilence(2, host);
    }
    let healed: Vec<_> = healed
        .iter()
        .map(|(size, took)| format!("{size} of 6: {took:.1?}"))
        .collect();
    println!(
        "partitions: whole after the end of one that cut off {}; with a seed heard by one of five: {one_way:.1?}",
        healed.join(", ")
    );
}

#[test]
fn a_fleet_whose_last_holder_is_killed_again_and_again_gets_the_file_from_it() {
    let _turn = support::share_turn();
    let test = "faults, last holder";
    let mut rng = support::seeded(test);
    let content = Content::random(&mut rng, 256 * 16 * KIB, 16 * KIB);
    let subnet = support::loopback::Subnet::reserve();
    let mut handful = Handful::new();
    let slow = ["--upload-limit", "2000000"];
    handful.add((Has::File, &content), subnet.address(0), &[], &slow, &[]);
    let seed = [subnet.ip(0).to_string()];
    for number in 1..=3 {
        handful.add(
            (Has::Config, &content),
            subnet.address(number),
            &seed,
            &[],
            &[],
        );
    }
    handful.start_all();
    let have = |handful: &Handful| {
        let mut have = BTreeSet::new();
        for node in &handful.nodes[1..] {
            let right = right_parts(&node.files.data, &content);
            have.extend((0..256).filter(|&part| right[part]));
        }
        have.len()
    };
    let (mut restarts, mut longest) = (0, Duration::ZERO);
    while have(&handful) < 256 {
        let before = have(&handful);
        handful.nodes[0].kill();
        sleep(Duration::from_millis(200));
        handful.nodes[0].start();
        restarts += 1;
        let begin = Instant::now();
        let handful = &handful;
        wait_for(
            "the seed gives again",
            || have(handful) > before || have(handful) == 256,
            || handful.nodes[1].log_tail(),
        );
        longest = longest.max(begin.elapsed());
        sleep(Duration::from_millis(250));
    }
    handful.wait_for_file(&[1, 2, 3], &content);
    println!(
        "last holder: killed {restarts} times; new pieces came within {longest:.1?} of each start; wrong bytes 0"
    );
}
