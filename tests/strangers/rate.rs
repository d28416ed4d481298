//! How fast an honest transfer is with a thousand hostile links beside it, and without.

use std::net::SocketAddr;
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

/// Parts of 64 KiB: 512 MiB as fast as two processors are, 256 MiB at the rate of a line.
const PARTS: usize = 8_192;
const PARTS_OF_A_LINE: usize = 4_096;

/// 1 Gbit/s.
const LINE: &str = "125000000";

/// Where the processes of a measurement run. In the world a stranger's work is done on machines of his own.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Processors {
    /// The nodes have the first processor to themselves, the strangers and the test all others.
    Apart,
    /// Wherever the system wants: what the strangers' own work takes, the nodes lack.
    Shared,
}

/// 500 strangers at an address, those from this number on: a third says nothing, a third is idle by the book,
/// a third talks.
fn hostile(stage: &Stage, to: SocketAddr, first: usize) -> Crowd {
    let swarm = info_hash(&stage.content);
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
fn transfer(parts: usize, limits: &[&str], on: Processors, beside_strangers: bool) -> f64 {
    let launcher: &[&str] = match on {
        Processors::Apart => &["taskset", "--cpu-list", "0"],
        Processors::Shared => &[],
    };
    let mut stage = Stage::new("rate", parts).launched_by(launcher);
    // They list each other, as a fleet does.
    let seed = stage.start(Has::File, &[1], &[]);
    let crowd = |stage: &Stage, node: usize| {
        beside_strangers.then(|| hostile(stage, stage.address(node), 500 * node))
    };
    let at_seed = crowd(&stage, seed);
    if let Some(crowd) = &at_seed {
        crowd.wait_until_came(500);
    }
    let begin = Instant::now();
    let node = stage.start(Has::Config, &[seed], limits);
    let at_node = crowd(&stage, node);
    stage.completes(node);
    let rate = stage.content.size() as f64 / begin.elapsed().as_secs_f64();
    stage.assert_bounded();
    drop((at_seed, at_node));
    rate
}

/// What a transfer keeps of its rate, in the middle of all rounds.
fn kept(what: &str, parts: usize, limits: &[&str], on: Processors) -> f64 {
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        // Now the one first, now the other.
        let mut rates = [0.0; 2];
        for arm in [round % 2, 1 - round % 2] {
            rates[arm] = transfer(parts, limits, on, arm == 1);
        }
        let [without, beside] = rates;
        println!(
            "{what}, round {round}: {:.0} MB/s without, {:.0} MB/s beside them: {:.2}",
            without / 1e6,
            beside / 1e6,
            beside / without
        );
        ratios.push(beside / without);
    }
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

/// Has this thread, and those that it starts, run on any processor but the first; false if there is no other.
fn leave_the_first_processor() -> bool {
    let mut others = rustix::thread::sched_getaffinity(None).unwrap();
    others.unset(0);
    others.count() > 0 && rustix::thread::sched_setaffinity(None, &others).is_ok()
}

#[test]
fn an_honest_transfer_keeps_its_rate_beside_a_thousand_hostile_links() {
    if !support::is_set(MEASURED_BY) {
        let test = "an_honest_transfer_keeps_its_rate_beside_a_thousand_hostile_links";
        let why = "set SWARMLET_STRANGERS=1 to measure, on a machine that does nothing else";
        return support::skip(test, why, MEASURED_BY);
    }
    let _turn = support::take_turn();
    let machine = kept("shared processors", PARTS, &[], Processors::Shared);
    assert!(leave_the_first_processor(), "it takes two processors");
    let line = ["--download-limit", LINE];
    let of_a_line = kept("1 Gbit/s", PARTS_OF_A_LINE, &line, Processors::Apart);
    let of_all = kept("a whole processor", PARTS, &[], Processors::Apart);
    println!(
        "beside a thousand hostile links a transfer at 1 Gbit/s keeps {of_a_line:.2} of its rate, and one that takes \
         all of a processor {of_all:.2}; where the strangers' own work is done on the same two processors, \
         {machine:.2} (medians of {ROUNDS} rounds)"
    );
    assert!(of_a_line >= PROMISED, "{of_a_line:.2}");
    assert!(of_all >= PROMISED, "{of_all:.2}");
}
