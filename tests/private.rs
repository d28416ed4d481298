//! Private contents (BEP 27), by nodes inside this process: only trackers, the operator and who
//! comes bring peers together, and nobody is told what is synced.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod inprocess;
#[path = "support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use inprocess::{Content, Member, Network, PIECE, on_system, until};
use sha1::{Digest, Sha1};
use support::tracker::{Manner, Tracker, answer};
use swarmlet::Event;
use swarmlet::protocol::metainfo::{Magnet, Torrent};

const PIECES: usize = 20;

/// How long it is watched that something does not happen: many times what it takes elsewhere.
const WATCH: Duration = Duration::from_secs(2);

/// The `.torrent` of a content, made by hand, and its infohash.
fn torrent(content: &Content, is_private: bool, tracker: &str) -> (Torrent, [u8; 20]) {
    let hashes: Vec<u8> = content.bytes.chunks(PIECE).flat_map(Sha1::digest).collect();
    let mut info = format!(
        "d6:lengthi{}e4:name8:data.bin12:piece lengthi{PIECE}e6:pieces{}:",
        content.bytes.len(),
        hashes.len()
    )
    .into_bytes();
    info.extend(hashes);
    if is_private {
        info.extend(b"7:privatei1e");
    }
    info.push(b'e');
    let info_hash = Sha1::digest(&info).into();
    let mut file = format!("d8:announce{}:{tracker}4:info", tracker.len()).into_bytes();
    file.extend(info);
    file.push(b'e');
    (Torrent::parse(&file.into()).unwrap(), info_hash)
}

/// Starts a node with a `.torrent`; one that has the file if `has_file`.
fn start(folder: &Path, at: SocketAddr, torrent: Torrent, file: Option<&Content>) -> Member {
    if let Some(content) = file {
        std::fs::write(folder.join(format!("{}.bin", at.ip())), &content.bytes).unwrap();
    }
    Member::start_with(folder, at, b"", |node| node.torrent(torrent).fleet("one"))
}

fn tracker_at(network: Network, host: u8, manner: Manner) -> Tracker {
    let ip = network.host(host).ip();
    Tracker::http(SocketAddr::new(ip, 6969), manner)
}

/// A seed and two peers. The tracker names the seed to each of them, and neither to the other.
fn links_of_a_peer_that_others_could_name(is_private: bool) -> u32 {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(PIECES));
        let hosts = [network.host(10), network.host(11), network.host(12)];
        let tracker = tracker_at(network, 40, Manner::Says(answer(&hosts[..1])));
        let torrent = || torrent(&content, is_private, &tracker.url).0;
        let seed = start(folder.path(), hosts[0], torrent(), Some(&content));
        seed.completes(&content).await;
        let one = start(folder.path(), hosts[1], torrent(), None);
        let two = start(folder.path(), hosts[2], torrent(), None);
        one.completes(&content).await;
        two.completes(&content).await;
        let mut most = 0;
        let begin = std::time::Instant::now();
        while begin.elapsed() < WATCH {
            most = most.max(one.journal.progress().links);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for member in [&seed, &one, &two] {
            member.node.shutdown().await;
        }
        most
    })
}

#[test]
fn peers_of_a_private_content_are_not_told_of_each_other_by_peers() {
    // Peer exchange would bring them together, and does where it may.
    assert!(links_of_a_peer_that_others_could_name(false) >= 2);
    assert!(links_of_a_peer_that_others_could_name(true) <= 1);
}

/// Does a node that knows nothing but the address of a seed learn what the seed shares?
fn is_learned_at_the_rendezvous(is_private: bool) -> bool {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(PIECES));
        let (seed_at, curious_at) = (network.host(10), network.host(11));
        let tracker = tracker_at(network, 40, Manner::Honest);
        let (torrent, _) = torrent(&content, is_private, &tracker.url);
        let seed = start(folder.path(), seed_at, torrent, Some(&content));
        seed.completes(&content).await;
        let peer = format!(r#"{{"Peers": ["{seed_at}"]}}"#);
        let curious = Member::start_with(folder.path(), curious_at, peer.as_bytes(), |node| {
            node.fleet("one")
        });
        let is_known = |event: &Event| matches!(event, Event::ContentKnown { .. });
        let begin = std::time::Instant::now();
        let mut learned = false;
        while begin.elapsed() < WATCH && !learned {
            learned = curious.journal.count(is_known) > 0;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        seed.node.shutdown().await;
        curious.node.shutdown().await;
        learned
    })
}

#[test]
fn a_private_content_is_not_named_at_the_rendezvous() {
    assert!(is_learned_at_the_rendezvous(false));
    assert!(!is_learned_at_the_rendezvous(true));
}

#[test]
fn a_private_content_is_announced_to_the_trackers_of_its_torrent_alone() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(PIECES));
        let own = tracker_at(network, 40, Manner::Honest);
        let operators = tracker_at(network, 41, Manner::Honest);
        let (torrent, info_hash) = torrent(&content, true, &own.url);
        let url = operators.url.parse().unwrap();
        let member = Member::start_with(folder.path(), network.host(10), b"", |node| {
            node.torrent(torrent).tracker(url).fleet("one")
        });
        let named = || operators.told().len();
        until(
            "the operator's tracker hears of the fleet",
            || named() > 0,
            String::new,
        )
        .await;
        until(
            "the torrent's hears of it",
            || !own.told().is_empty(),
            String::new,
        )
        .await;
        assert!(own.told().iter().all(|told| told.info_hash == info_hash));
        assert!(
            operators
                .told()
                .iter()
                .all(|told| told.info_hash != info_hash)
        );
        member.node.shutdown().await;
        // The end was said to both before the node was gone.
        for tracker in [&own, &operators] {
            let events = tracker.events_of(network.host(10).ip());
            assert_eq!(events, ["started", "stopped"]);
        }
    });
}

#[test]
fn a_magnet_link_with_a_tracker_is_enough() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(PIECES));
        let tracker = tracker_at(network, 40, Manner::Honest);
        let (torrent, info_hash) = torrent(&content, false, &tracker.url);
        let seed = start(folder.path(), network.host(10), torrent, Some(&content));
        seed.completes(&content).await;
        let hash: String = info_hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let magnet = format!("magnet:?xt=urn:btih:{hash}&tr={}", tracker.url);
        let magnet: Magnet = magnet.parse().unwrap();
        let one = Member::start_with(folder.path(), network.host(11), b"", |node| {
            node.magnet(magnet)
        });
        one.completes(&content).await;
        seed.node.shutdown().await;
        one.node.shutdown().await;
    });
}
