//! A panic in any actor is contained, told once, and the transfer goes on.
//!
//! Every test has an actix system of its own and nodes on addresses of one loopback /24. A panic
//! is injected when the node says that it has a part of the file.

// Helpers of tests panic as tests do.
#![allow(clippy::unwrap_used)]

mod inprocess;

use std::time::Duration;

use inprocess::{Content, Holdings, Member, Network, on_system, until};
use swarmlet::{ActorKind, Event};

/// 2,048 pieces of 16 KiB: enough steps for panics to fall between them.
const PIECES: usize = 2_048;

/// A seed and a leecher; the leecher's actors panic as `injure` has it.
fn transfer_with(injure: impl AsyncFn(&Member)) -> Vec<&'static str> {
    let _alone = alone();
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(PIECES));
        let (seed_at, leecher_at) = (network.host(10), network.host(11));
        std::fs::write(
            folder.path().join(format!("{}.bin", seed_at.ip())),
            &content.bytes,
        )
        .unwrap();
        let seed = Member::start(folder.path(), seed_at, &content.conf(&[]));
        seed.completes(&content).await;
        let leecher = Member::start(folder.path(), leecher_at, &content.conf(&[seed_at]));
        injure(&leecher).await;
        leecher.completes(&content).await;
        seed.holds(&content);
        assert_eq!(
            leecher
                .journal
                .count(|event| matches!(event, Event::Failed { .. })),
            0
        );
        assert!(
            seed.journal.panicked().is_empty(),
            "{:?}",
            seed.journal.panicked()
        );
        leecher.node.shutdown().await;
        seed.node.shutdown().await;
        leecher.journal.panicked()
    })
}

/// One node panics in one actor, in mid-transfer, and again.
fn survives(kind: ActorKind, name: &'static str) {
    let panicked = transfer_with(async |leecher| {
        for time in 1..=2 {
            leecher.is_under_way().await;
            crash(leecher, kind).await;
            let told = || leecher.journal.panicked().len() == time;
            until("the panic is told", told, || {
                format!("{:?}", leecher.journal.panicked())
            })
            .await;
            assert!(
                time > 1 || !is_complete(leecher),
                "the panic came too late to say anything"
            );
        }
    });
    assert_eq!(panicked, [name, name]);
}

fn is_complete(member: &Member) -> bool {
    member
        .journal
        .count(|event| matches!(event, Event::Completed { .. }))
        > 0
}

/// Panics an actor of that kind. A moment after another panic there may be no link.
async fn crash(member: &Member, kind: ActorKind) {
    while !member.node.crash(kind).await {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Tests of this file take turns: each is to have the transfer's pace for itself, and one counts
/// the descriptors of the process.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
    TURN.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn a_transfer_survives_panics_of_discovery() {
    survives(ActorKind::Discovery, "discovery");
}

#[test]
fn a_transfer_survives_panics_of_the_listener() {
    survives(ActorKind::Listener, "listener");
}

#[test]
fn a_transfer_survives_panics_of_the_scheduler() {
    survives(ActorKind::Scheduler, "scheduler");
}

#[test]
fn a_transfer_survives_panics_of_sessions() {
    survives(ActorKind::Session, "session");
}

#[test]
fn a_transfer_survives_panics_of_storage() {
    survives(ActorKind::Storage, "storage");
}

#[test]
fn a_transfer_survives_panics_of_the_supervisor() {
    survives(ActorKind::Supervisor, "supervisor");
}

#[test]
fn a_transfer_survives_panics_of_the_trackers() {
    survives(ActorKind::Trackers, "trackers");
}

#[test]
fn a_transfer_survives_panics_of_the_watchdog() {
    survives(ActorKind::Watchdog, "watchdog");
}

#[test]
fn a_transfer_survives_panics_of_the_watch_over_own_addresses() {
    survives(ActorKind::OwnAddresses, "own addresses");
}

#[test]
fn a_transfer_survives_panics_of_the_turns() {
    survives(ActorKind::Turns, "turns");
}

#[test]
fn a_transfer_survives_panics_of_all_kinds_at_once() {
    let panicked = transfer_with(async |leecher| {
        leecher.is_under_way().await;
        for kind in [
            ActorKind::Session,
            ActorKind::Storage,
            ActorKind::Scheduler,
            ActorKind::Discovery,
            ActorKind::Listener,
            ActorKind::Watchdog,
            ActorKind::Turns,
            ActorKind::Trackers,
            ActorKind::Supervisor,
        ] {
            crash(leecher, kind).await;
        }
    });
    let mut panicked = panicked;
    panicked.sort_unstable();
    let all = [
        "discovery",
        "listener",
        "scheduler",
        "session",
        "storage",
        "supervisor",
        "trackers",
        "turns",
        "watchdog",
    ];
    assert_eq!(panicked, all);
}

#[test]
fn a_transfer_survives_one_lost_link_after_the_other() {
    let panicked = transfer_with(async |leecher| {
        for time in 1..=5 {
            // Each time the pause before the next dial doubles; more losses would only take longer.
            let before = leecher.journal.progress().have;
            let goes_on = || leecher.journal.progress().have > before;
            until("the transfer goes on", goes_on, String::new).await;
            crash(leecher, ActorKind::Session).await;
            let told = || leecher.journal.panicked().len() == time;
            until("the panic is told", told, String::new).await;
        }
        assert!(
            !is_complete(leecher),
            "the last panic came too late to say anything"
        );
    });
    assert_eq!(panicked, ["session"; 5]);
}

#[test]
fn a_transfer_survives_panics_of_the_node_that_serves() {
    let _alone = alone();
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(PIECES));
        let (seed_at, leecher_at) = (network.host(10), network.host(11));
        std::fs::write(
            folder.path().join(format!("{}.bin", seed_at.ip())),
            &content.bytes,
        )
        .unwrap();
        // The leecher knows nobody: the seed must come back to it after each of its panics.
        let leecher = Member::start(folder.path(), leecher_at, &content.conf(&[]));
        let seed = Member::start(folder.path(), seed_at, &content.conf(&[leecher_at]));
        for kind in [
            ActorKind::Storage,
            ActorKind::Scheduler,
            ActorKind::Discovery,
        ] {
            leecher.is_under_way().await;
            crash(&seed, kind).await;
        }
        leecher.completes(&content).await;
        let told = || seed.journal.panicked().len() == 3;
        until("the panics are told", told, || {
            format!("{:?}", seed.journal.panicked())
        })
        .await;
        assert!(leecher.journal.panicked().is_empty());
        seed.completes(&content).await;
        seed.node.shutdown().await;
        leecher.node.shutdown().await;
    });
}

#[test]
fn too_many_panics_in_a_short_time_fail_the_node_and_end_in_no_loop() {
    for kind in [
        ActorKind::Storage,
        ActorKind::Discovery,
        ActorKind::Supervisor,
    ] {
        let _alone = alone();
        on_system(async {
            let folder = tempfile::tempdir().unwrap();
            let (network, content) = (Network::any(), Content::pieces(64));
            let member = Member::start(folder.path(), network.host(10), &content.conf(&[]));
            // Five restarts in ten seconds are allowed.
            for _ in 0..6 {
                crash(&member, kind).await;
            }
            let failed = |event: &Event| matches!(event, Event::Failed { .. });
            member.journal.wait("the node fails", failed).await;
            assert_eq!(member.journal.panicked().len(), 6);
            // The seventh finds nobody: nothing is told any more.
            let _ = member.node.crash(kind).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(member.journal.panicked().len(), 6);
            assert_eq!(member.journal.count(failed), 1);
            // What is left of the node can be stopped, and gives its address back.
            member.node.shutdown().await;
            assert!(!member.node.is_running());
            std::net::TcpListener::bind(network.host(10)).expect("the address is free");
        });
    }
}

#[test]
fn nothing_is_left_of_nodes_that_panicked_and_were_stopped() {
    let _alone = alone();
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let network = Network::any();
        // The first round starts what the process keeps for good, such as worker threads.
        let mut before = None;
        for round in 0..4_u8 {
            let content = Content::pieces(256);
            let (seed_at, leecher_at) = (network.host(10 + round), network.host(100 + round));
            std::fs::write(
                folder.path().join(format!("{}.bin", seed_at.ip())),
                &content.bytes,
            )
            .unwrap();
            let seed = Member::start(folder.path(), seed_at, &content.conf(&[]));
            let leecher = Member::start(folder.path(), leecher_at, &content.conf(&[seed_at]));
            for kind in [ActorKind::Session, ActorKind::Storage, ActorKind::Discovery] {
                crash(&leecher, kind).await;
            }
            leecher.completes(&content).await;
            leecher.node.shutdown().await;
            seed.node.shutdown().await;
            let Some(before) = &before else {
                before = Some(Holdings::look());
                continue;
            };
            let is_left = || {
                let now = Holdings::look();
                now.sockets() > before.sockets()
                    || now.descriptors.len() > before.descriptors.len()
                    || now.threads > before.threads
            };
            let complaint = || format!("before {before:?}\nafter {:?}", Holdings::look());
            until("nothing is left", || !is_left(), complaint).await;
        }
    });
}
