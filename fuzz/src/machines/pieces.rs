//! Machines about pieces beside the picker: the description from peers, the scrub, readers, turns.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::extension::metadata_piece;
use swarmlet_protocol::id::{InfoHash, LinkId};
use swarmlet_protocol::layout::{Layout, PieceIndex};
use swarmlet_protocol::metadata_fetch::{Input, MetadataFetch, Output};
use swarmlet_protocol::metainfo::MAX_METADATA_LENGTH;
use swarmlet_protocol::picker::MAX_DEMANDED;
use swarmlet_protocol::readers::{MAX_READERS, ReaderId, Readers, Reading};
use swarmlet_protocol::scrub::{MIN_SCRUB_PERIOD, Scrub};
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::turns::{MAX_RUNNING, Standing, Turn, Turns};

use crate::Hand;

/// A description of two parts and a bit from peers that say anything: what is delivered is right, is
/// delivered once, and nobody is asked in vain or for what is not there.
pub fn check_metadata(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let size = [1, 300, 33_000][hand.below(3) as usize];
    let info: Vec<u8> = (0..size)
        .map(|index: u32| (index * 7 % 251) as u8)
        .collect();
    let mut fetch = MetadataFetch::new(InfoHash::of(&info), u64::from(hand.byte()));
    let mut now = Timestamp::from_millis(1);
    let mut offers: BTreeMap<LinkId, u64> = BTreeMap::new();
    let mut asked: Vec<(LinkId, u32)> = Vec::new();
    let mut done = false;
    for _ in 0..100 {
        if hand.is_empty() {
            break;
        }
        let link = LinkId(u64::from(hand.below(5)));
        let input = match hand.below(16) {
            0..=4 => {
                let size = match hand.below(4) {
                    0 => hand.long(),
                    1 => hand.magnitude(),
                    _ => u64::from(size),
                };
                // One that cannot be taken leaves an earlier offer as it was.
                if (1..=MAX_METADATA_LENGTH as u64).contains(&size) {
                    offers.insert(link, size);
                }
                Input::LinkOffers { link, size }
            }
            // The oldest request is answered, well or ill.
            5..=10 if !asked.is_empty() => {
                let (link, piece) = asked.remove(0);
                answer(&mut hand, link, piece, &info, offers[&link])
            }
            11 => Input::Data {
                link,
                piece: hand.below(4),
                total_size: u64::from(size),
                bytes: Bytes::copy_from_slice(hand.some_bytes()),
            },
            12 => Input::Reject {
                link,
                piece: hand.below(4),
            },
            13 => {
                asked.retain(|(other, _)| *other != link);
                Input::LinkClosed { link }
            }
            _ => {
                now = fetch.next_timeout().map_or(now, |next| next.max(now));
                Input::Tick
            }
        };
        now = now + Duration::from_millis(hand.magnitude());
        let mut out = Vec::new();
        fetch.handle(input, now, &mut out);
        for output in out {
            match output {
                Output::Request { link, piece } => {
                    assert!(!done, "asked after the end");
                    let size = u32::try_from(offers[&link]).expect("a size that was taken");
                    assert!(size as usize <= MAX_METADATA_LENGTH);
                    assert!(
                        metadata_piece(size, piece).is_some(),
                        "there is no such part"
                    );
                    asked.push((link, piece));
                }
                Output::Done(bytes) => {
                    assert!(!done && bytes == info, "another description");
                    done = true;
                }
                Output::Strike { reason, .. } => crate::oracle::is_short(&reason),
            }
        }
        assert_eq!(fetch.is_done(), done);
        assert!(
            fetch.next_timeout().is_none_or(|next| next > now),
            "it spins"
        );
    }
}

fn answer(hand: &mut Hand<'_>, link: LinkId, piece: u32, info: &[u8], offered: u64) -> Input {
    let part = u32::try_from(offered)
        .ok()
        .and_then(|size| metadata_piece(size, piece));
    let part = part.map_or(0, |range| range.len().min(16 * 1024));
    let start = (piece as usize * 16 * 1024).min(info.len());
    let mut bytes = info[start..].to_vec();
    bytes.resize(part, 0);
    let manner = hand.byte();
    match manner {
        0..=15 => return Input::Reject { link, piece },
        16..=31 => bytes.truncate(usize::from(manner)),
        32..=63 => {
            if let Some(first) = bytes.first_mut() {
                *first ^= manner;
            }
        }
        _ => {}
    }
    let total_size = if manner == 64 { offered ^ 1 } else { offered };
    Input::Data {
        link,
        piece,
        total_size,
        bytes: bytes.into(),
    }
}

/// The scrub: what it says to hash is here, and is urgent only where it is in doubt.
pub fn check_scrub(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let pieces = 1 + hand.below(40);
    let length = hand.one_of(&[1, 16_384, 1 << 20, 5 << 20]);
    let layout = Layout::new(u64::from(pieces) * length, length).expect("a good layout");
    let period = match hand.below(3) {
        0 => None,
        1 => Some(Duration::from_secs(hand.magnitude())),
        _ => Some(MIN_SCRUB_PERIOD),
    };
    let mut now = Timestamp::ZERO;
    let mut scrub = Scrub::new(layout, period, now);
    let mut have = Bitfield::new(pieces);
    let mut doubted = BTreeSet::new();
    for _ in 0..150 {
        if hand.is_empty() {
            break;
        }
        let first = hand.below(pieces);
        let range = first..(first + hand.below(9)).min(pieces);
        match hand.below(10) {
            0 | 1 => {
                let gained: Vec<_> = range.map(PieceIndex::new).collect();
                for &piece in &gained {
                    have.insert(piece);
                }
                scrub.gained(&gained);
            }
            2 => range.for_each(|piece| {
                have.remove(PieceIndex::new(piece));
            }),
            3 | 4 => {
                doubted.extend(range.clone());
                scrub.doubt(range, &have);
            }
            5 => {
                let epoch = scrub.epoch();
                doubted.retain(|piece| !range.contains(piece));
                scrub.settled(range.map(PieceIndex::new), epoch);
            }
            6 => scrub.unsettled(range),
            7 => now = now + Duration::from_secs(hand.magnitude()),
            _ => {
                if let Some(next) = scrub.next_timeout().filter(|_| hand.coin()) {
                    now = now.max(next);
                }
                let Some(step) = scrub.step(&have, hand.coin(), now) else {
                    continue;
                };
                assert!(!step.pieces.is_empty() && step.pieces.end <= pieces);
                for piece in step.pieces {
                    let is_here = have.contains(PieceIndex::new(piece));
                    assert!(is_here || step.is_urgent, "{piece} is not here");
                    assert!(
                        !step.is_urgent || doubted.contains(&piece),
                        "{piece} is not in doubt"
                    );
                }
            }
        }
        for piece in 0..pieces {
            let is_doubted = scrub.is_doubted(PieceIndex::new(piece));
            assert_eq!(is_doubted, doubted.contains(&piece), "doubt of {piece}");
        }
    }
}

/// Readers: what is demanded is missing, each once, and within what somebody reads.
pub fn check_readers(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let pieces = 1 + hand.below(200);
    let length = hand.one_of(&[1, 100, 16_384, 5 << 20]);
    let layout = Layout::new(u64::from(pieces) * length, length).expect("a good layout");
    let mut have = Bitfield::new(pieces);
    let mut readers = Readers::default();
    let mut reading = BTreeMap::new();
    for _ in 0..150 {
        if hand.is_empty() {
            break;
        }
        let reader = u64::from(hand.below(80));
        match hand.below(4) {
            0 => {
                have.insert(PieceIndex::new(hand.below(pieces)));
            }
            1 => {
                readers.remove(ReaderId(reader));
                reading.remove(&reader);
            }
            _ => {
                let start = u64::from(hand.below(pieces)) * length;
                let bytes = start..start.saturating_add(hand.magnitude() * length.min(1 << 40));
                let Some(window) = Reading::of(&layout, bytes.clone()) else {
                    assert!(bytes.is_empty());
                    continue;
                };
                assert!(window.first() <= window.last() && window.last().get() < pieces);
                match readers.set(ReaderId(reader), window) {
                    Ok(()) => {
                        reading.insert(reader, window);
                    }
                    Err(_) => {
                        assert!(reading.len() == MAX_READERS && !reading.contains_key(&reader))
                    }
                }
            }
        }
        assert_eq!(readers.len(), reading.len());
    }
    let demand = readers.demand(&layout, &have);
    assert!(demand.len() <= MAX_DEMANDED);
    let distinct: BTreeSet<_> = demand.iter().collect();
    assert_eq!(distinct.len(), demand.len(), "demanded twice");
    for piece in &demand {
        assert!(!have.contains(*piece), "{piece:?} is here");
        let is_read = |it: &Reading| (it.first()..=it.last()).contains(piece);
        assert!(reading.values().any(is_read), "nobody reads {piece:?}");
    }
}

/// Turns: never too many fetch, no place is free while somebody could, and all hear of changes.
pub fn check_turns(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let mut turns = Turns::default();
    let mut now = Timestamp::from_millis(1);
    let mut told = BTreeMap::new();
    let mut open: BTreeMap<u8, Standing> = BTreeMap::new();
    for _ in 0..200 {
        if hand.is_empty() {
            break;
        }
        let number = hand.byte() % 12;
        match hand.below(4) {
            0 => {
                now = turns.next_timeout().map_or(now, |next| next.max(now));
            }
            1 => now = now + Duration::from_millis(hand.magnitude()),
            _ => {
                let standing = Standing {
                    left: hand.magnitude(),
                    in_flight: hand.magnitude() % 3,
                    available: hand.coin(),
                };
                open.insert(number, standing);
                open.retain(|_, standing| standing.left > 0);
                turns.stands(InfoHash([number; 20]), standing, now);
            }
        }
        for (content, turn) in turns.decide(now) {
            assert_ne!(told.insert(content.0[0], turn), Some(turn), "told twice");
        }
        told.retain(|number, _| open.contains_key(number));
        assert!(told.keys().eq(open.keys()), "somebody was told nothing");
        let running = told
            .values()
            .filter(|turn| matches!(turn, Turn::Run { .. }))
            .count();
        assert!(running <= MAX_RUNNING, "{running} fetch");
        for turn in told.values() {
            assert!(matches!(turn, Turn::Wait) || *turn == Turn::Run { sharers: running });
        }
        let begun = |number: &u8| open[number].in_flight > 0;
        let waits = told.iter().filter(|(_, turn)| **turn == Turn::Wait);
        let busy = running + waits.clone().filter(|(number, _)| begun(number)).count();
        let idle = waits.filter(|(number, _)| !begun(number)).count();
        assert!(
            idle == 0 || busy >= MAX_RUNNING,
            "a free turn while {idle} wait"
        );
    }
}
