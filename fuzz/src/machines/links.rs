//! Whom to dial and keep, which swarm to join, whom to serve.

use std::collections::BTreeSet;
use std::time::Duration;

use swarmlet_protocol::choking::{Choker, Input, Output};
use swarmlet_protocol::fuzzing::{MembershipWorld, check_choker};
use swarmlet_protocol::id::{InfoHash, LinkId};
use swarmlet_protocol::membership::{HeardSwarm, Join, JoinInput, JoinOutput};
use swarmlet_protocol::time::Timestamp;

use crate::{Hand, oracle};

/// Membership, under anything that a network does.
pub fn check_membership(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let mut world = MembershipWorld::new(u64::from(hand.byte()));
    let every = 1 + hand.below(8);
    for step in 0..150 {
        if hand.is_empty() {
            break;
        }
        if step % every == 0 {
            world.look();
        }
        let kind = hand.byte();
        // The time that passed is in the same byte as what happened.
        let wait = [0, 1, 40, 399][usize::from(kind >> 6)];
        world.step((kind & 63) % 14, hand.byte(), hand.byte(), wait);
    }
    world.look();
}

/// Which swarm a node takes that knows none, by what peers say.
pub fn check_join(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let wanted = match hand.below(3) {
        0 => None,
        1 => Some("a".to_owned()),
        _ => Some(InfoHash([2; 20]).to_string()),
    };
    let mut join = Join::new(wanted.clone());
    let mut now = Timestamp::from_millis(1);
    let mut heard = BTreeSet::new();
    let mut joined = false;
    for _ in 0..200 {
        if hand.is_empty() {
            break;
        }
        let link = LinkId(u64::from(hand.below(6)));
        let input = match hand.below(8) {
            0 => JoinInput::LinkClosed { link },
            1 => JoinInput::Tick,
            2 => {
                now = join.next_timeout().map_or(now, |next| next.max(now));
                JoinInput::Tick
            }
            _ => {
                let count = hand.below(4);
                let swarms: Vec<_> = (0..count).map(|_| swarm(&mut hand)).collect();
                heard.extend(swarms.iter().map(|swarm| swarm.info_hash));
                JoinInput::Heard { link, swarms }
            }
        };
        now = now + Duration::from_millis(hand.magnitude());
        match join.handle(input, now) {
            Some(JoinOutput::Join { info_hash }) => {
                assert!(!joined, "joined twice");
                assert!(heard.contains(&info_hash), "joined what nobody named");
                joined = true;
            }
            Some(JoinOutput::Problem(problem)) => {
                assert!(!joined, "a problem after the end");
                let text = problem.to_string();
                oracle::is_printable(&text);
                assert!(text.len() < 8_192, "{} bytes of a problem", text.len());
            }
            None => {}
        }
        assert!(!joined || join.next_timeout().is_none());
    }
}

fn swarm(hand: &mut Hand<'_>) -> HeardSwarm {
    let number = hand.byte();
    HeardSwarm {
        info_hash: InfoHash([number % 4; 20]),
        name: match number >> 6 {
            0 => "a".to_owned(),
            1 => String::from_utf8_lossy(hand.some_bytes()).into_owned(),
            _ => "b".to_owned(),
        },
        size: u64::from(number),
        configured: number & 32 == 0,
    }
}

/// The choker: slots are kept, nobody waits beside a free one, and words are said once.
pub fn check_choking(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let mut choker = Choker::new(1 + hand.below(5) as usize, u64::from(hand.byte()));
    let mut now = Timestamp::from_millis(1_000);
    let mut unchoked = BTreeSet::new();
    let mut open = BTreeSet::new();
    for _ in 0..200 {
        if hand.is_empty() {
            break;
        }
        let number = u64::from(hand.below(12));
        let link = LinkId(number);
        let input = match hand.below(24) {
            // A link begins once.
            0..=4 if open.insert(number) => Input::LinkOpened {
                link,
                fleet: hand.coin(),
            },
            5 | 6 => Input::Ready {
                link,
                fleet: hand.below(4) == 0,
            },
            7..=12 => Input::Interest {
                link,
                interested: hand.coin(),
                done: hand.below(4) == 0,
            },
            13..=15 => Input::Traffic {
                link,
                given: hand.long(),
                taken: hand.magnitude() << 20,
            },
            16 => Input::Snubs {
                link,
                snubs: hand.coin(),
            },
            17 | 18 => {
                open.remove(&number);
                Input::LinkClosed { link }
            }
            19 => Input::Complete(hand.coin()),
            20 => Input::Hold(hand.coin()),
            21 => {
                now = choker.next_timeout().map_or(now, |next| next.max(now));
                Input::Tick
            }
            _ => {
                now = now + Duration::from_millis(hand.magnitude());
                Input::Tick
            }
        };
        let mut out = Vec::new();
        choker.handle(input, now, &mut out);
        for output in out {
            match output {
                Output::Unchoke { link } => assert!(unchoked.insert(link.0), "told twice"),
                Output::Choke { link } => assert!(unchoked.remove(&link.0), "told twice"),
            }
        }
        if let Input::LinkClosed { link } = input {
            unchoked.remove(&link.0);
        }
        check_choker(&choker, &unchoked);
        assert!(
            choker.next_timeout().is_none_or(|next| next > now),
            "it spins"
        );
    }
}
