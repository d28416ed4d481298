//! Strangers that say much: handshakes, garbage, and every word there is, without end.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use crate::crowd::Crowd;
use crate::peer::*;
use crate::stage::{Has, Stage, stranger};
use crate::support;

/// 64 MiB of words: whoever is not sent away by then is not sent away.
const PATIENCE: usize = 64 * 1024 * 1024;

/// A thousand strangers that come once a second each.
fn a_thousand_a_second(stage: &Stage, node: usize, from: fn(usize) -> usize) -> Crowd {
    let (to, swarm) = (stage.address(node), info_hash(&stage.content));
    Crowd::start(
        1_000,
        Duration::from_secs(1),
        move |number, turn| async move {
            let name = number + 1_000 * turn;
            Peer::join(stranger(from(number)), to, swarm, name)
                .await
                .is_some()
        },
    )
}

/// What 5,000 connections at a thousand a second cost, beside an honest transfer of the same run.
fn cost_of_handshakes(test: &str, from: fn(usize) -> usize) {
    const CAME: usize = 5_000;
    let _turn = support::take_turn();
    let mut stage = Stage::new(test, 1_024);
    let seed = stage.start(Has::File, &[], &[]);
    // What a transfer costs its seed.
    let node = stage.start(Has::Config, &[seed], &[]);
    stage.completes(node);
    let transfer = stage.processor_time(node);
    // What strangers cost a node that does nothing else.
    let before = stage.processor_time(seed);
    let crowd = a_thousand_a_second(&stage, seed, from);
    crowd.wait_until_came(CAME);
    let cost = stage.processor_time(seed) - before;
    let each = cost.as_secs_f64() * 1e6 / CAME as f64;
    println!(
        "{test}: {each:.0} us of a core each; {} of {} were spoken to; a thousand a second are \
         {:.1} % of a core; fetching 64 MiB took {transfer:?}",
        crowd.heard(),
        crowd.came(),
        each / 10.0
    );
    // A node still answers honest ones.
    let newcomer = stage.start(Has::Config, &[seed], &[]);
    stage.completes(newcomer);
    stage.assert_bounded();
    // A bound beside something honest: each of them costs less than fetching 256 KiB does.
    assert!(
        cost < transfer * 20,
        "{cost:?} for {CAME}, and {transfer:?} for a transfer"
    );
}

#[test]
fn a_thousand_handshakes_a_second_cost_little() {
    cost_of_handshakes("handshakes", |number| number);
}

#[test]
fn a_thousand_handshakes_a_second_of_one_address_cost_little() {
    cost_of_handshakes("handshakes of one address", |_| 0);
}

#[test]
fn garbage_is_hung_up_on_and_costs_little() {
    let _turn = support::take_turn();
    let mut stage = Stage::new("garbage", 256);
    let seed = stage.start(Has::File, &[], &[]);
    let to = stage.address(seed);
    let crowd = Crowd::start(
        200,
        Duration::from_millis(200),
        move |number, turn| async move {
            let Ok(mut peer) = Peer::connect(stranger(number), to).await else {
                return false;
            };
            let mut bytes = vec![0; 4_096];
            fastrand::Rng::with_seed((number + 200 * turn) as u64).fill(&mut bytes);
            let _ = peer.stream.write_all(&bytes).await;
            peer.stay().await;
            true
        },
    );
    crowd.wait_until_came(2_000);
    let node = stage.start(Has::Config, &[seed], &[]);
    stage.completes(node);
    stage.assert_bounded();
}

/// Says the same words over and over, in one write of many, until it is sent away. How many bytes that
/// took; `None` if it was not, within all patience.
async fn babble(to: SocketAddr, swarm: [u8; 20], number: usize, words: &[u8]) -> Option<usize> {
    let mut peer = Peer::join(stranger(number), to, swarm, number)
        .await
        .expect("it is let in");
    let chunk = words.repeat((65_536 / words.len()).max(1));
    let mut said = 0;
    let (mut reading, mut writing) = peer.stream.split();
    // What the node says is read: nobody waits for anybody but for the words.
    let listening = async {
        let mut buffer = [0; 65_536];
        while matches!(
            tokio::io::AsyncReadExt::read(&mut reading, &mut buffer).await,
            Ok(1..)
        ) {}
    };
    let talking = async {
        while said < PATIENCE && writing.write_all(&chunk).await.is_ok() {
            said += chunk.len();
        }
    };
    tokio::select! {
        () = listening => Some(said),
        () = talking => (said < PATIENCE).then_some(said),
    }
}

/// Every word that a peer can say, said without end to a seed that serves an honest node meanwhile.
#[test]
fn whoever_talks_without_end_is_sent_away_whatever_the_words_are() {
    let _turn = support::take_turn();
    let mut stage = Stage::new("floods of words", 512);
    let seed = stage.start(Has::File, &[], &[]);
    let (to, swarm) = (stage.address(seed), info_hash(&stage.content));
    let pieces = stage.content.hashes().len() as u32;
    let all_haves: Vec<u8> = (0..pieces)
        .flat_map(|piece| numbers(HAVE, &[piece]))
        .collect();
    let in_and_out = [numbers(HAVE, &[1]), extended(4, &1_u32.to_be_bytes())].concat();
    let addresses: Vec<u8> = (0..200_u32)
        .flat_map(|host| [&(0x7ffd_0000 + host).to_be_bytes()[..], &[0x1a, 0xe1]].concat())
        .collect();
    let pex = [b"d5:added1200:", &addresses[..], b"e"].concat();
    let request = |piece: u32| numbers(REQUEST, &[piece, 0, 16_384]);
    let floods: Vec<(&str, Vec<u8>)> = vec![
        ("keep-alives", vec![0; 4]),
        (
            "chokes and unchokes",
            [message(CHOKE, &[]), message(UNCHOKE, &[])].concat(),
        ),
        (
            "interest and none",
            [message(INTERESTED, &[]), message(NOT_INTERESTED, &[])].concat(),
        ),
        ("haves", all_haves),
        ("haves of what is not there", numbers(HAVE, &[pieces])),
        ("haves taken back", in_and_out),
        ("cancels", numbers(CANCEL, &[0, 0, 16_384])),
        ("rejects", numbers(REJECT, &[0, 0, 16_384])),
        (
            "requests and cancels",
            [request(0), numbers(CANCEL, &[0, 0, 16_384])].concat(),
        ),
        ("requests of what is not there", request(pieces)),
        ("requests of a gigabyte", numbers(REQUEST, &[0, 0, 1 << 30])),
        (
            "blocks that nobody asked for",
            message(PIECE, &[0; 8 + 1_024]),
        ),
        ("suggestions", numbers(13, &[1])),
        ("allowed-fast", numbers(17, &[1])),
        ("greetings", greeting(6881, "")),
        ("peer exchange", extended(PEX, &pex)),
        (
            "requests for metadata",
            extended(METADATA, b"d8:msg_typei0e5:piecei0ee"),
        ),
        (
            "refusals of metadata",
            extended(METADATA, b"d8:msg_typei2e5:piecei0ee"),
        ),
        ("unknown extensions", extended(99, &[7; 100])),
        ("unknown messages", message(77, &[7; 100])),
        ("broken extensions", extended(PEX, b"d5:added")),
        ("a length of 4 GiB", vec![0xff; 64]),
    ];
    let cost = stage.processor_time(seed);
    let results: Vec<_> = {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let words = floods.clone();
        let babbling = std::thread::spawn(move || {
            let mut results = Vec::new();
            for (number, (name, words)) in words.iter().enumerate() {
                let said = runtime.block_on(babble(to, swarm, number, words));
                results.push((*name, words.len(), said));
            }
            results
        });
        // Meanwhile an honest node is served.
        let node = stage.start(Has::Config, &[seed], &[]);
        stage.completes(node);
        babbling.join().unwrap()
    };
    let cost = stage.processor_time(seed) - cost;
    println!(
        "all floods together took {cost:?} of the seed's processor, a transfer of 32 MiB included"
    );
    for (name, length, said) in &results {
        match said {
            Some(said) => println!(
                "{name}: sent away after some {} words, {said} bytes",
                said / length
            ),
            None => println!("{name}: NOT SENT AWAY"),
        }
    }
    stage.assert_bounded();
    let endless: Vec<_> = results
        .iter()
        .filter(|(_, _, said)| said.is_none())
        .collect();
    assert!(endless.is_empty(), "{endless:?}");
}

#[test]
fn a_thousand_requests_without_reading_hold_no_memory_and_end() {
    let _turn = support::take_turn();
    let mut stage = Stage::new("requests without reading", 1_024);
    let seed = stage.start(Has::File, &[], &[]);
    let (to, swarm) = (stage.address(seed), info_hash(&stage.content));
    let crowd = Crowd::start(
        100,
        Duration::from_millis(500),
        move |number, turn| async move {
            let name = number + 100 * turn;
            let Some(mut peer) = Peer::join(stranger(number), to, swarm, name).await else {
                return false;
            };
            let _ = peer.say(&message(INTERESTED, &[])).await;
            for piece in (0..1_000_u32).cycle().take(8_000) {
                if peer
                    .say(&numbers(REQUEST, &[piece, 0, 16_384]))
                    .await
                    .is_none()
                {
                    return true;
                }
            }
            // It reads nothing, and waits.
            tokio::time::sleep(Duration::from_secs(60)).await;
            true
        },
    );
    crowd.wait_until_came(100);
    let node = stage.start(Has::Config, &[seed], &[]);
    stage.completes(node);
    stage.assert_bounded();
}
