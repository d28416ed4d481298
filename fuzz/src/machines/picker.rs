//! Which piece from whom, beside the model of the property tests.

use std::time::Duration;

use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::fuzzing::{PickerStep, PickerWorld};
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::layout::{Layout, PieceIndex};
use swarmlet_protocol::picker::{Input, PickerLimits};

use crate::Hand;

const LINKS: u32 = 4;
const PIECES: u32 = 12;

/// A sequence of words. Everything is looked at in the end, and at every few words on the way.
pub fn check(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let layout = Layout::new(u64::from(PIECES) * 100 - 50, 100).expect("a good layout");
    let limits = PickerLimits {
        in_flight_bytes: hand.one_of(&[50, 300, 3_000, 1 << 20]),
        demanded_bytes: hand.one_of(&[0, 200, 1 << 20]),
        leases: hand.one_of(&[5, 1_000]),
    };
    let every = 1 + hand.below(16);
    let seed = u64::from(hand.byte());
    let mut world = PickerWorld::new(layout, limits, seed).looking_every(every);
    for _ in 0..100 {
        if hand.is_empty() {
            break;
        }
        world.step(step(&mut hand));
    }
    world.look();
}

fn step(hand: &mut Hand<'_>) -> PickerStep {
    match hand.below(16) {
        0..=3 => PickerStep::Answer(link(hand), hand.byte(), hand.magnitude() % 300),
        4 | 5 => PickerStep::Wait,
        _ => {
            let input = input(hand);
            PickerStep::Do(input, hand.magnitude() % 300)
        }
    }
}

fn link(hand: &mut Hand<'_>) -> LinkId {
    LinkId(u64::from(hand.below(LINKS)))
}

/// Two of the numbers are those of no piece.
fn piece(hand: &mut Hand<'_>) -> PieceIndex {
    PieceIndex::new(hand.below(PIECES + 2))
}

/// Some pieces, by two bytes of bits.
fn some(hand: &mut Hand<'_>) -> Vec<PieceIndex> {
    let bits = hand.short();
    let is_one = |piece: &u32| bits >> piece & 1 == 1;
    (0..PIECES + 2)
        .filter(is_one)
        .map(PieceIndex::new)
        .collect()
}

fn field(hand: &mut Hand<'_>) -> Bitfield {
    let mut field = Bitfield::new(PIECES);
    for piece in some(hand) {
        field.insert(piece);
    }
    field
}

fn input(hand: &mut Hand<'_>) -> Input {
    match hand.below(36) {
        0 | 1 => {
            let (good, bad) = (some(hand), some(hand));
            Input::Checked { good, bad }
        }
        2 => Input::Stored(some(hand)),
        3 => Input::Rejected {
            piece: piece(hand),
            link: link(hand),
        },
        4 => Input::Unstored(some(hand)),
        5..=8 => Input::LinkOpened { link: link(hand) },
        9 => Input::LinkClosed { link: link(hand) },
        10..=12 => Input::PeerHas {
            link: link(hand),
            pieces: some(hand),
        },
        13 | 14 => Input::PeerHasBitfield {
            link: link(hand),
            pieces: field(hand),
        },
        15 | 16 => Input::PeerHasAll { link: link(hand) },
        17 => Input::PeerSuggests {
            link: link(hand),
            pieces: some(hand),
        },
        18 => Input::PeerLacks {
            link: link(hand),
            pieces: some(hand),
        },
        19..=25 => Input::Want {
            link: link(hand),
            bytes: hand.magnitude(),
            rtt: Duration::from_millis(hand.magnitude() % 200),
            rate: hand.magnitude(),
        },
        26 => Input::Returned {
            link: link(hand),
            pieces: some(hand),
        },
        27 => Input::Received {
            link: link(hand),
            pieces: some(hand),
        },
        28 => Input::Progress { link: link(hand) },
        29 => Input::Select(field(hand)),
        30..=32 => {
            let count = hand.below(12);
            Input::Demand((0..count).map(|_| piece(hand)).collect())
        }
        33 if hand.coin() => Input::Pause,
        33 => Input::Resume,
        34 => Input::SetMemory(50 + hand.magnitude() % 3_000),
        _ => Input::Tick,
    }
}
