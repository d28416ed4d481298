//! What a system may run short of: descriptors, room, and memory for what is on its way.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use swarmlet::protocol::metainfo::TorrentConf;

use crate::foreigner::{
    HAVE_ALL, HAVE_NONE, INTERESTED, Link, UNCHOKE, answer, dial, name, request, serve, try_dial,
};
use crate::inprocess::{self, Member, Network, PIECE, on_system};
use crate::support;
use crate::support::content::Content;
use crate::support::handful::{Handful, Has};
use crate::support::loopback::Subnet;

const KIB: usize = 1024;

/// Descriptors of a process that has few: its own take some twenty.
const FEW: &str = "--nofile=48";

#[test]
fn a_node_whose_descriptors_strangers_use_up_completes_and_serves_again_when_they_are_free() {
    let _turn = support::share_turn();
    let mut rng = support::seeded("descriptors");
    let content = Content::random(&mut rng, 200 * 16 * KIB, 16 * KIB);
    let subnet = Subnet::reserve();
    let mut handful = Handful::new();
    handful.add((Has::File, &content), subnet.address(0), &[], &[], &[]);
    let seed = [subnet.ip(0).to_string()];
    let slow = ["--download-limit", "500000", "--max-links", "60"];
    let poor = subnet.address(1);
    handful.add(
        (Has::Config, &content),
        poor,
        &seed,
        &slow,
        &["prlimit", FEW],
    );
    handful.start_all();
    handful.wait_for_log(1, "listening on");
    // Strangers who say nothing: each holds a descriptor until the node hangs up, and comes again.
    let begin = Instant::now();
    let mut strangers: Vec<TcpStream> = Vec::new();
    let mut came = 0;
    let file = handful.nodes[1].files.data.clone();
    let has_all = || std::fs::read(&file).unwrap_or_default() == content.bytes();
    while !has_all() {
        for number in 0..40 {
            let from = subnet.ip(100 + number % 50).into();
            strangers.extend(try_dial(from, poor));
            came += 1;
        }
        let excess = strangers.len().saturating_sub(120);
        strangers.drain(..excess);
        std::thread::sleep(Duration::from_millis(100));
        assert!(
            begin.elapsed() < Duration::from_secs(120),
            "it does not go on"
        );
    }
    let took = begin.elapsed();
    drop(strangers);
    // Now it serves somebody who knows nobody else.
    handful.nodes[0].kill();
    let late = subnet.address(2);
    let known = [subnet.ip(1).to_string()];
    handful.add((Has::Config, &content), late, &known, &[], &[]);
    handful.nodes[2].start();
    let begin = Instant::now();
    handful.wait_for_file(&[2], &content);
    println!(
        "descriptors: {came} strangers at a node with 48 descriptors; its transfer took {took:.1?}, and {:.1?} \
         after they left it had served a newcomer",
        begin.elapsed()
    );
}

#[test]
fn a_process_with_a_handful_of_descriptors_says_what_it_needs_and_the_least_that_it_needs_will_do()
{
    let _turn = support::share_turn();
    let content = Content::random(&mut support::seeded("few"), 20 * 16 * KIB, 16 * KIB);
    let subnet = Subnet::reserve();
    for few in ["8", "20", "47"] {
        let folder = tempfile::tempdir().unwrap();
        let node = std::process::Command::new("prlimit")
            .arg(format!("--nofile={few}"))
            .arg(support::binary())
            .args(["get", "--listen", &subnet.address(9).to_string(), "-o"])
            .arg(folder.path())
            .arg("magnet:?xt=urn:btih:0123456789012345678901234567890123456789")
            .output()
            .expect("run prlimit of util-linux");
        let said = String::from_utf8_lossy(&node.stderr);
        assert_eq!(node.status.code(), Some(1), "{few}: {said}");
        let expected = format!("error: this process may have {few} descriptors; a node needs 48");
        assert!(said.starts_with(&expected), "{few}: {said}");
        assert_eq!(said.lines().count(), 2, "{few}: {said}");
    }
    let mut handful = Handful::new();
    handful.add((Has::File, &content), subnet.address(0), &[], &[], &[]);
    let seed = [subnet.ip(0).to_string()];
    let least = ["prlimit", "--nofile=48"];
    let http = ["--http", &format!("{}:6880", subnet.ip(1))];
    handful.add(
        (Has::Config, &content),
        subnet.address(1),
        &seed,
        &http,
        &least,
    );
    handful.start_all();
    handful.wait_for_file(&[1], &content);
    handful.wait_for_log(1, "links instead of 24");
    assert_eq!(handful.lines_with(1, "Too many open files"), 0);
}

fn info_hash(content: &inprocess::Content) -> [u8; 20] {
    let conf = TorrentConf::parse(&content.conf(&[])).unwrap();
    conf.info.unwrap().info_hash().0
}

#[test]
fn peers_that_hold_all_memory_for_reads_keep_no_other_from_being_served() {
    let _turn = support::share_turn();
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), inprocess::Content::pieces(1_024));
        let (seed_at, leecher_at) = (network.host(10), network.host(11));
        let data = folder.path().join(format!("{}.bin", seed_at.ip()));
        std::fs::write(data, &content.bytes).unwrap();
        let generous = |node: swarmlet::NodeBuilder| node.upload_slots(20);
        let seed = Member::start_with(folder.path(), seed_at, &content.conf(&[]), generous);
        seed.completes(&content).await;
        let hash = info_hash(&content);
        let ask = move || {
            let ask = |number: u8| {
                let stream = dial(network.host(20 + number).ip(), seed_at);
                let mut link = Link::open(stream, hash, name(usize::from(number))).unwrap();
                link.say(HAVE_NONE).unwrap();
                link.say(INTERESTED).unwrap();
                link.until_unchoked().unwrap();
                for piece in 0..1_000 {
                    link.say(&request(piece, PIECE as u32)).unwrap();
                }
                link
            };
            (0..12).map(ask).collect::<Vec<_>>()
        };
        // Each asks for 16 MB and reads nothing of it.
        let gluttons = tokio::task::spawn_blocking(ask).await.unwrap();
        let begin = Instant::now();
        let leecher = Member::start(folder.path(), leecher_at, &content.conf(&[seed_at]));
        leecher.completes(&content).await;
        println!(
            "memory for reads: 12 peers hold all of it; a transfer of 16 MB beside them took {:.1?}",
            begin.elapsed()
        );
        drop(gluttons);
        leecher.node.shutdown().await;
        seed.node.shutdown().await;
    });
}

#[test]
fn peers_that_hold_all_leases_keep_no_piece_from_arriving() {
    let _turn = support::share_turn();
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        // More than may be in flight at a time: 24 MiB.
        let (network, content) = (Network::any(), inprocess::Content::pieces(2_000));
        let (seed_at, leecher_at) = (network.host(10), network.host(11));
        let data = folder.path().join(format!("{}.bin", seed_at.ip()));
        std::fs::write(data, &content.bytes).unwrap();
        let seed = Member::start(folder.path(), seed_at, &content.conf(&[]));
        seed.completes(&content).await;
        let liars: Vec<_> = (0..16).map(|number| network.host(30 + number)).collect();
        let threads: Vec<_> = liars
            .iter()
            .enumerate()
            .map(|(number, &at)| {
                serve(at, move |stream| {
                    let mut link = answer(stream, name(number)).expect("shake hands");
                    link.say(HAVE_ALL).unwrap();
                    link.say(UNCHOKE).unwrap();
                    link.until_closed(|_| {})
                })
            })
            .collect();
        let begin = Instant::now();
        let leecher = Member::start(folder.path(), leecher_at, &content.conf(&liars));
        // They have had the node for themselves for a while before an honest peer comes.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(leecher.journal.progress().have, 0);
        leecher.node.add_peers([seed_at.into()]);
        leecher.completes(&content).await;
        println!(
            "leases: 16 peers that promise all and send nothing had 2 s; the file was here after {:.1?}",
            begin.elapsed()
        );
        leecher.node.shutdown().await;
        for thread in threads {
            tokio::task::spawn_blocking(|| thread.join().unwrap())
                .await
                .unwrap();
        }
        seed.node.shutdown().await;
    });
}
