//! Actors that answer nobody, and threads that stand still: found, told, and started anew.

use std::io::Read;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use swarmlet::{ActorKind, Event, Harm, Remedy};

use crate::inprocess::{Content, Journal, Member, Network, on_system, until};
use crate::support::content::Content as Random;
use crate::support::handful::{Handful, Has};
use crate::support::loopback::Subnet;
use crate::support::node::Node;
use crate::support::{self, wait_for};

/// 2,048 pieces of 16 KiB: enough steps for an actor to get stuck between them.
const PIECES: usize = 2_048;

/// What an actor may take to answer here: less than in earnest, for nobody wants to wait.
const PATIENCE: Duration = Duration::from_secs(1);

const ALL: [(ActorKind, &str); 10] = [
    (ActorKind::Session, "session"),
    (ActorKind::Storage, "storage"),
    (ActorKind::Scheduler, "scheduler"),
    (ActorKind::Discovery, "discovery"),
    (ActorKind::Listener, "listener"),
    (ActorKind::Turns, "turns"),
    (ActorKind::OwnAddresses, "own addresses"),
    (ActorKind::Trackers, "trackers"),
    (ActorKind::Watchdog, "watchdog"),
    (ActorKind::Supervisor, "supervisor"),
];

/// The actors that were stuck, in order.
fn stuck(journal: &Journal) -> Vec<&'static str> {
    let mut found = Vec::new();
    journal.each(|event| {
        if let Event::ActorStuck { actor, .. } = event {
            found.push(*actor);
        }
    });
    found
}

/// A seed, and a leecher that is patient for a second.
async fn pair(folder: &std::path::Path, content: &Content) -> (Member, Member) {
    let network = Network::any();
    let (seed_at, leecher_at) = (network.host(10), network.host(11));
    let data = folder.join(format!("{}.bin", seed_at.ip()));
    std::fs::write(data, &content.bytes).unwrap();
    let seed = Member::start(folder, seed_at, &content.conf(&[]));
    seed.completes(content).await;
    let conf = content.conf(&[seed_at]);
    let leecher = Member::start_with(folder, leecher_at, &conf, |node| node.patience(PATIENCE));
    (seed, leecher)
}

async fn harm(member: &Member, kind: ActorKind, harm: Harm) {
    while !member.node.harm(kind, harm).await {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn a_transfer_survives_an_actor_of_each_kind_that_answers_nobody_any_more() {
    let _turn = support::take_turn();
    let mut longest = Duration::ZERO;
    for (kind, name) in ALL {
        on_system(async {
            let folder = tempfile::tempdir().unwrap();
            let content = Content::pieces(PIECES);
            let (seed, leecher) = pair(folder.path(), &content).await;
            leecher.is_under_way().await;
            let begin = Instant::now();
            harm(&leecher, kind, Harm::Stick).await;
            let is_told = || stuck(&leecher.journal).contains(&name);
            until("the stuck actor is found", is_told, || {
                format!("{name}: {:?}", stuck(&leecher.journal))
            })
            .await;
            longest = longest.max(begin.elapsed());
            leecher.completes(&content).await;
            assert!(leecher.journal.panicked().is_empty());
            let failed = |event: &Event| matches!(event, Event::Failed { .. });
            assert_eq!(leecher.journal.count(failed), 0);
            assert!(stuck(&seed.journal).is_empty());
            leecher.node.shutdown().await;
            seed.node.shutdown().await;
        });
    }
    println!(
        "stuck actors: {kinds} kinds, each found within {longest:.1?} where {PATIENCE:?} are allowed; \
         {kinds} of {kinds} transfers completed, wrong bytes 0",
        kinds = ALL.len()
    );
}

#[test]
fn a_transfer_survives_all_actors_stuck_at_once() {
    let _turn = support::take_turn();
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let content = Content::pieces(PIECES);
        let (seed, leecher) = pair(folder.path(), &content).await;
        leecher.is_under_way().await;
        let begin = Instant::now();
        // All but one: if both who watch each other are stuck, nobody is left who looks.
        for (kind, _) in ALL.into_iter().filter(|(_, name)| *name != "watchdog") {
            harm(&leecher, kind, Harm::Stick).await;
        }
        leecher.completes(&content).await;
        let mut found = stuck(&leecher.journal);
        found.sort_unstable();
        found.dedup();
        println!(
            "stuck actors: {} at once, all was well after {:.1?}",
            ALL.len() - 1,
            begin.elapsed()
        );
        // The link of a stuck session may have ended with discovery before it was found itself.
        let others = [
            "discovery",
            "listener",
            "scheduler",
            "storage",
            "supervisor",
        ];
        assert!(others.iter().all(|name| found.contains(name)), "{found:?}");
        leecher.node.shutdown().await;
        seed.node.shutdown().await;
    });
}

#[test]
fn an_actor_that_is_stuck_again_and_again_fails_the_node_and_ends_in_no_loop() {
    let _turn = support::take_turn();
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let content = Content::pieces(64);
        let patient = |node: swarmlet::NodeBuilder| node.patience(PATIENCE / 4);
        let at = Network::any().host(10);
        let member = Member::start_with(folder.path(), at, &content.conf(&[]), patient);
        for time in 1..=6 {
            harm(&member, ActorKind::Storage, Harm::Stick).await;
            let is_told = || stuck(&member.journal).len() == time;
            until("it is found once more", is_told, || {
                format!("{:?}", stuck(&member.journal))
            })
            .await;
        }
        let failed = |event: &Event| matches!(event, Event::Failed { .. });
        member.journal.wait("the node fails", failed).await;
        assert_eq!(member.journal.count(failed), 1);
        member.node.shutdown().await;
        assert!(!member.node.is_running());
    });
}

#[test]
fn a_thread_that_stands_still_is_told_from_outside_and_the_node_goes_on_if_it_comes_back() {
    let _turn = support::take_turn();
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let content = Content::pieces(PIECES);
        let network = Network::any();
        let (seed_at, leecher_at) = (network.host(10), network.host(11));
        let data = folder.path().join(format!("{}.bin", seed_at.ip()));
        std::fs::write(data, &content.bytes).unwrap();
        let seed = Member::start(folder.path(), seed_at, &content.conf(&[]));
        seed.completes(&content).await;
        let (told, said) = (
            Arc::<AtomicUsize>::default(),
            Arc::<Mutex<String>>::default(),
        );
        let (count, words) = (Arc::clone(&told), Arc::clone(&said));
        let remedy = Remedy::new(move |standstill| {
            count.fetch_add(1, Ordering::Relaxed);
            *words.lock().unwrap() = standstill.to_string();
        });
        let watched =
            |node: swarmlet::NodeBuilder| node.sentinel(Duration::from_secs(2), Some(remedy));
        let conf = content.conf(&[seed_at]);
        let leecher = Member::start_with(folder.path(), leecher_at, &conf, watched);
        leecher.is_under_way().await;
        assert_eq!(told.load(Ordering::Relaxed), 0);
        // Nobody on this thread can do anything; whoever looks is elsewhere.
        harm(
            &leecher,
            ActorKind::Storage,
            Harm::Block(Duration::from_secs(8)),
        )
        .await;
        let is_told = |event: &Event| matches!(event, Event::ThreadStuck { .. });
        leecher.journal.wait("the thread is told", is_told).await;
        let told = told.load(Ordering::Relaxed);
        assert!((1..=4).contains(&told), "{told}");
        let said = said.lock().unwrap().clone();
        assert!(
            said.starts_with("the node's thread has stood still for "),
            "{said}"
        );
        println!("standing still: told {told} times in 8 s, where 2 s are allowed");
        leecher.completes(&content).await;
        // Whoever was held up with the thread is not stuck: nobody could have answered.
        assert!(stuck(&leecher.journal).is_empty());
        leecher.node.shutdown().await;
        seed.node.shutdown().await;
    });
}

#[test]
fn a_program_whose_log_nobody_reads_any_more_ends_with_its_own_status() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("a log that nobody reads");
    let content = Random::random(&mut rng, 4 * 1024 * 1024, 16 * 1024);
    let subnet = Subnet::reserve();
    let mut handful = Handful::new();
    let has = (Has::File, &content);
    handful.add(has, subnet.address(0), &[], &[], &[]);
    let peers = [subnet.ip(0).to_string()];
    handful.add((Has::Config, &content), subnet.address(1), &peers, &[], &[]);
    let files = handful.nodes[0].files.clone();
    let limited = ["--standstill-limit", "3s"];
    let mut command = Node::new(support::binary(), files, subnet.address(0), &limited).command();
    command.env("RUST_LOG", "trace");
    command.stderr(Stdio::piped()).stdout(Stdio::null());
    let begin = Instant::now();
    let mut talker = command.spawn().unwrap();
    // Its pipe is full soon, and then its thread stands in the middle of a line.
    handful.nodes[1].start();
    let mut status = None;
    wait_for(
        "it ends",
        || {
            status = talker.try_wait().unwrap();
            status.is_some()
        },
        String::new,
    );
    println!(
        "standing still: a program that could not write its log ended after {:.1?}, where 3 s are allowed",
        begin.elapsed()
    );
    assert_eq!(status.and_then(|status| status.code()), Some(70));
    let mut log = Vec::new();
    talker.stderr.take().unwrap().read_to_end(&mut log).unwrap();
    assert!(log.len() >= 4096);
}
