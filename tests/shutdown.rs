//! The ordered end of a node inside this process: what is verified stays, what was learned is
//! remembered, and the address is free at once.

// Helpers of tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod inprocess;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use inprocess::{Content, Member, Network, PIECE, on_system, until};
use swarmlet::Event;

const PIECES: usize = 2_048;

/// A seed with a file of its own, complete and listening.
async fn seed(folder: &Path, at: SocketAddr, content: &Content) -> Member {
    std::fs::write(folder.join(format!("{}.bin", at.ip())), &content.bytes).unwrap();
    let seed = Member::start(folder, at, &content.conf(&[]));
    seed.completes(content).await;
    seed
}

/// How many pieces of the file are right.
fn right_pieces(file: &Path, content: &Content) -> usize {
    let file = std::fs::read(file).unwrap();
    let pieces = file.chunks(PIECE).zip(content.bytes.chunks(PIECE));
    pieces.filter(|(ours, theirs)| ours == theirs).count()
}

#[test]
fn a_node_that_is_stopped_in_mid_transfer_keeps_what_it_verified_and_goes_on_in_its_next_life() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(PIECES));
        let (seed_at, leecher_at) = (network.host(10), network.host(11));
        let seed = seed(folder.path(), seed_at, &content).await;
        let state = folder.path().join("state");
        // It learns from the seed what to sync, so the state is worth something.
        let peer = format!(r#"{{"Peers": ["{seed_at}"]}}"#);
        let conf = peer.as_bytes();
        let leecher =
            Member::start_with(folder.path(), leecher_at, conf, |node| node.state(&state));
        leecher.is_under_way().await;
        let begin = Instant::now();
        leecher.node.shutdown().await;
        let took = begin.elapsed();
        println!("stopped in {took:?}");
        // The deadlines of its steps add up to 990 ms. A busy machine may add to that.
        assert!(took < Duration::from_secs(10), "{took:?}");
        let said = *leecher.journal.history().iter().max().unwrap() as usize;
        let right = right_pieces(&leecher.data, &content);
        assert!(right >= said && said > 0, "said {said}, {right} are right");
        assert!(right < PIECES, "it was stopped too late to say anything");
        let remembered = std::fs::read_to_string(state.join("node.json")).unwrap();
        assert!(remembered.contains(&seed_at.to_string()), "{remembered}");
        // The same address, the same process, no configuration.
        let again = Member::start_with(folder.path(), leecher_at, b"{}", |node| node.state(&state));
        again.completes(&content).await;
        again.node.shutdown().await;
        seed.node.shutdown().await;
    });
}

#[test]
fn the_address_of_a_node_is_free_when_it_has_stopped() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(8));
        let at = network.host(10);
        for _ in 0..5 {
            let node = Member::start(folder.path(), at, &content.conf(&[]));
            let taken = Member::try_start(folder.path(), at, b"{}", |node| node);
            assert_eq!(
                taken.err().map(|error| error.to_string()),
                Some(format!("cannot listen on {at}: address in use"))
            );
            node.node.shutdown().await;
            drop(TcpListener::bind(at).expect("the address is free"));
        }
    });
}

#[test]
fn a_stopped_node_is_silent_and_stopping_it_again_does_no_harm() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(64));
        let member = Member::start(folder.path(), network.host(10), &content.conf(&[]));
        let (one, other) = (member.node.clone(), member.node.clone());
        assert!(member.node.is_responsive().await);
        // Two at once, and a third one later.
        let one = actix_rt::spawn(async move { one.shutdown().await });
        let other = actix_rt::spawn(async move { other.shutdown().await });
        one.await.unwrap();
        other.await.unwrap();
        member.node.shutdown().await;
        assert!(!member.node.is_running());
        assert!(!member.node.is_responsive().await);
        let heard = member.journal.count(|_| true);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(member.journal.count(|_| true), heard);
    });
}

#[test]
fn a_node_that_is_stopped_as_soon_as_it_was_started_stops() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let network = Network::any();
        for host in 10..20 {
            let content = Content::pieces(512);
            let conf = content.conf(&[network.host(200)]);
            let member = Member::start(folder.path(), network.host(host), &conf);
            member.node.shutdown().await;
            drop(TcpListener::bind(network.host(host)).expect("the address is free"));
        }
    });
}

#[test]
fn a_node_leaves_the_system_of_its_host_alone() {
    let system = actix_rt::System::new();
    let network = Network::any();
    let folder = tempfile::tempdir().unwrap();
    let content = Content::pieces(64);
    // An arbiter of the host's own: the node is started there, not on the main one.
    let arbiter = actix_rt::Arbiter::new();
    let (folder_path, conf) = (folder.path().to_owned(), content.conf(&[]));
    let (done, ended) = tokio::sync::oneshot::channel();
    arbiter.spawn(async move {
        let member = Member::start(&folder_path, network.host(10), &conf);
        member
            .journal
            .wait("it listens", |event| matches!(event, Event::Listening(_)))
            .await;
        member.node.shutdown().await;
        let _ = done.send(());
    });
    system.block_on(async {
        ended
            .await
            .expect("the node was started and stopped on an arbiter of the host");
        let two = Member::start(folder.path(), network.host(11), &content.conf(&[]));
        two.node.shutdown().await;
        // The system still runs what it is given, here and on the other arbiter.
        assert_eq!(actix_rt::spawn(async { 7 }).await.unwrap(), 7);
        let (done, ended) = tokio::sync::oneshot::channel();
        assert!(arbiter.spawn_fn(move || done.send(8).unwrap_or_default()));
        assert_eq!(ended.await, Ok(8));
    });
    arbiter.stop();
    arbiter.join().unwrap();
}

#[test]
fn links_hear_the_goodbye_of_a_node_that_stops() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(PIECES));
        let seed = seed(folder.path(), network.host(10), &content).await;
        let conf = content.conf(&[network.host(10)]);
        let leecher = Member::start(folder.path(), network.host(11), &conf);
        leecher.is_under_way().await;
        seed.node.shutdown().await;
        let alone = || leecher.journal.progress().links == 0;
        until("the link is gone", alone, || {
            format!("{:?}", leecher.journal.progress())
        })
        .await;
        assert!(leecher.journal.panicked().is_empty() && seed.journal.panicked().is_empty());
        leecher.node.shutdown().await;
    });
}
