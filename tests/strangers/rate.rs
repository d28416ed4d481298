//! How fast an honest transfer is with a thousand hostile links beside it, and without.

use std::time::{Duration, Instant};

use crate::crowd::Crowd;
use crate::peer::*;
use crate::stage::{Has, Stage, stranger};
use crate::support;

/// Set to measure. It is about a clock, so that a machine that does other work says nothing of it.
const MEASURED_BY: &str = "SWARMLET_STRANGERS";

/// What is promised: the transfer keeps nine tenths of its rate.
const PROMISED: f64 = 0.9;

/// Now without, now with them, so often.
const ROUNDS: usize = 7;

/// 512 MiB in parts of 64 KiB.
const PARTS: usize = 8_192;

/// 500 strangers at a node, those from this number on: a third says nothing, a third is idle by the book,
/// a third talks.
fn hostile(stage: &Stage, node: usize, first: usize) -> Crowd {
    let (to, swarm) = (stage.address(node), info_hash(&stage.content));
    Crowd::start(
        500,
        Duration::from_secs(1),
        move |number, turn| async move {
            let number = first + number;
            if number.is_multiple_of(3) {
                let Ok(mut peer) = Peer::connect(stranger(number), to).await else {
                    return false;
                };
                peer.stay().await;
                return false;
            }
            let name = number + 1_000 * turn;
            let Some(mut peer) = Peer::join(stranger(number), to, swarm, name).await else {
                return false;
            };
            if number % 3 == 1 {
                let words = [message(INTERESTED, &[]), message(NOT_INTERESTED, &[])].concat();
                while peer.say(&words).await.is_some() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
            peer.stay().await;
            true
        },
    )
}

/// Bytes per second of one transfer, between two nodes that just started.
fn transfer(parts: usize, crowded: bool) -> f64 {
    let mut stage = Stage::new("rate", parts);
    // They list each other, as a fleet does.
    let seed = stage.start(Has::File, &[1], &[]);
    let at_seed = crowded.then(|| hostile(&stage, seed, 0));
    if let Some(crowd) = &at_seed {
        crowd.wait_until_came(500);
    }
    let begin = Instant::now();
    let node = stage.start(Has::Config, &[seed], &[]);
    let at_node = crowded.then(|| hostile(&stage, node, 500));
    stage.completes(node);
    let rate = stage.content.size() as f64 / begin.elapsed().as_secs_f64();
    stage.assert_bounded();
    drop((at_seed, at_node));
    rate
}

#[test]
fn an_honest_transfer_keeps_its_rate_beside_a_thousand_hostile_links() {
    if !support::is_set(MEASURED_BY) {
        let test = "an_honest_transfer_keeps_its_rate_beside_a_thousand_hostile_links";
        let why = "set SWARMLET_STRANGERS=1 to measure, on a machine that does nothing else";
        return support::skip(test, why, MEASURED_BY);
    }
    let _turn = support::take_turn();
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        // Now the one first, now the other.
        let (alone, beside) = if round % 2 == 0 {
            let alone = transfer(PARTS, false);
            (alone, transfer(PARTS, true))
        } else {
            let beside = transfer(PARTS, true);
            (transfer(PARTS, false), beside)
        };
        println!(
            "round {round}: {:.0} MB/s alone, {:.0} MB/s beside them: {:.2}",
            alone / 1e6,
            beside / 1e6,
            beside / alone
        );
        ratios.push(beside / alone);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    println!("an honest transfer keeps {median:.2} of its rate (median of {ROUNDS} rounds)");
    assert!(median >= PROMISED, "{median:.2}");
}
