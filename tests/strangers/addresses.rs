//! Strangers that want to be all that a node knows: places taken before anybody honest is there, and
//! addresses without number.

use std::time::Duration;

use crate::crowd::Crowd;
use crate::peer::*;
use crate::stage::{Has, Stage, stranger};
use crate::support;

/// An honest node lists another one that does not run yet. A thousand strangers come first and take all
/// the places that there are, by the book, and say that they are linked with the honest one, so that it
/// seems to need nobody. When it starts, knowing nobody, the file arrives.
#[test]
fn a_node_whose_places_strangers_took_dials_the_one_that_its_operator_named() {
    let _turn = support::take_turn();
    let mut stage = Stage::new("eclipse", 256);
    let node = stage.start(Has::Config, &[1], &[]);
    let (to, swarm) = (stage.address(node), info_hash(&stage.content));
    let std::net::IpAddr::V4(honest) = stage.address(1).ip() else {
        unreachable!();
    };
    let crowd = Crowd::start(
        1_000,
        Duration::from_millis(500),
        move |number, turn| async move {
            let name = number + 1_000 * turn;
            let Some(mut peer) = Peer::join(stranger(number), to, swarm, name).await else {
                return false;
            };
            let added = [&honest.octets()[..], &[0x1a, 0xe1]].concat();
            let pex = [b"d5:added6:", &added[..], b"e"].concat();
            let words = [message(HAVE_NONE, &[]), extended(PEX, &pex)].concat();
            let _ = peer.say(&words).await;
            peer.stay().await;
            true
        },
    );
    let is_full = || stage.sockets(node) >= 20;
    support::wait_for("strangers have the places", is_full, || {
        stage.nodes[node].log_tail()
    });
    crowd.wait_until_came(2_000);
    stage.start(Has::File, &[], &[]);
    stage.completes(node);
    stage.assert_bounded();
    println!(
        "eclipse: {} came, {} were spoken to",
        crowd.came(),
        crowd.heard()
    );
}

/// A hundred thousand addresses that lead nowhere, told by strangers again and again.
#[test]
fn a_hundred_thousand_addresses_that_lead_nowhere_cost_little_and_hide_nobody() {
    let _turn = support::take_turn();
    let mut stage = Stage::new("poison", 256);
    let node = stage.start(Has::Config, &[1], &[]);
    let (to, swarm) = (stage.address(node), info_hash(&stage.content));
    let crowd = Crowd::start(
        200,
        Duration::from_millis(500),
        move |number, turn| async move {
            let name = number + 200 * turn;
            let Some(mut peer) = Peer::join(stranger(number), to, swarm, name).await else {
                return false;
            };
            // Addresses of a network of loopback that nobody has: 200 in each message, 500 messages.
            for message in 0..500_u32 {
                let first = 0x7ffd_0000 + (number as u32 * 500 + message) * 200 % 100_000;
                let added: Vec<u8> = (first..first + 200)
                    .flat_map(|ip| [&ip.to_be_bytes()[..], &[0x1a, 0xe1]].concat())
                    .collect();
                let pex = [b"d5:added1200:", &added[..], b"e"].concat();
                if peer.say(&extended(PEX, &pex)).await.is_none() {
                    return true;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            peer.stay().await;
            true
        },
    );
    crowd.wait_until_came(1_000);
    let before = stage.processor_time(node);
    stage.start(Has::File, &[], &[]);
    stage.completes(node);
    println!(
        "poison: {:?} of the node's processor before the honest one came",
        before
    );
    stage.assert_bounded();
}
