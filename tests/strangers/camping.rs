//! Strangers that come and take a place: without a word, byte by byte, or with all that is proper.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::crowd::Crowd;
use crate::peer::{Peer, handshake, info_hash};
use crate::stage::{Has, Stage, stranger};
use crate::support;

/// As many as the figure says.
const THOUSAND: usize = 1_000;

/// How soon one that was sent away comes again.
const AGAIN: Duration = Duration::from_secs(1);

/// While strangers do this to both, a node gets a file from another; and then one that was not there
/// before gets it, too.
fn honest_nodes_go_on(test: &str, attack: impl Fn(&Stage, usize) -> Crowd) {
    let _turn = support::take_turn();
    let mut stage = Stage::new(test, 256);
    let seed = stage.start(Has::File, &[], &[]);
    let crowd = attack(&stage, seed);
    crowd.wait_until_came(THOUSAND);
    let node = stage.start(Has::Config, &[seed], &[]);
    let second = attack(&stage, node);
    stage.completes(node);
    let newcomer = stage.start(Has::Config, &[seed], &[]);
    stage.completes(newcomer);
    stage.assert_bounded();
    println!(
        "{test}: {} and {} came, {} and {} were spoken to",
        crowd.came(),
        second.came(),
        crowd.heard(),
        second.heard()
    );
}

/// Connects and waits to be sent away.
fn silent(
    from: impl Fn(usize) -> usize + Copy + Send + 'static,
) -> impl Fn(&Stage, usize) -> Crowd {
    move |stage, node| {
        let to = stage.address(node);
        Crowd::start(THOUSAND, AGAIN, move |number, _| async move {
            let Ok(mut peer) = Peer::connect(stranger(from(number)), to).await else {
                return false;
            };
            peer.leave_no_trace();
            matches!(peer.stream.read(&mut [0; 1]).await, Ok(1))
        })
    }
}

#[test]
fn a_thousand_that_say_nothing_keep_nobody_out() {
    honest_nodes_go_on("silent strangers", silent(|number| number));
}

#[test]
fn a_thousand_of_one_address_that_say_nothing_keep_nobody_out() {
    honest_nodes_go_on("silent strangers of one address", silent(|_| 0));
}

#[test]
fn a_thousand_that_say_a_byte_a_second_keep_nobody_out() {
    honest_nodes_go_on("slow strangers", |stage, node| {
        let (to, swarm) = (stage.address(node), info_hash(&stage.content));
        Crowd::start(THOUSAND, AGAIN, move |number, turn| async move {
            let Ok(mut peer) = Peer::connect(stranger(number), to).await else {
                return false;
            };
            peer.leave_no_trace();
            for byte in handshake(swarm, number + 1_000 * turn) {
                if peer.stream.write_all(&[byte]).await.is_err() {
                    return false;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            matches!(peer.stream.read(&mut [0; 1]).await, Ok(1))
        })
    });
}

/// Shakes hands by the book, and does nothing.
fn idle(from: impl Fn(usize) -> usize + Copy + Send + 'static) -> impl Fn(&Stage, usize) -> Crowd {
    move |stage, node| {
        let (to, swarm) = (stage.address(node), info_hash(&stage.content));
        Crowd::start(THOUSAND, AGAIN, move |number, turn| async move {
            let name = number + THOUSAND * turn;
            let from = stranger(from(number));
            let Some(mut peer) = Peer::join(from, to, swarm, name).await else {
                return false;
            };
            peer.leave_no_trace();
            peer.stay().await;
            true
        })
    }
}

#[test]
fn a_thousand_idle_links_keep_nobody_out() {
    honest_nodes_go_on("idle strangers", idle(|number| number));
}

#[test]
fn a_thousand_idle_links_of_one_address_keep_nobody_out() {
    honest_nodes_go_on("idle strangers of one address", idle(|_| 0));
}
