//! Readers: what they wait for comes first, and costs nothing where nobody waits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::steps::{demand, steps};
use super::stories::{A, B, Story, granted, pieces, selection};
use crate::id::LinkId;
use crate::layout::{Layout, PieceIndex};
use crate::picker::judge::{Step, World};
use crate::picker::{Input, MAX_DEMANDED, Output, Picker, PickerLimits, PieceState, RIVAL_BYTES};
use crate::time::Timestamp;

const KIB: u64 = 1 << 10;

pub(super) fn demanded(numbers: impl IntoIterator<Item = u32>) -> Input {
    Input::Demand(pieces(numbers))
}

/// All that was granted, in the order in which it was.
fn all_granted(out: &[Output]) -> Vec<PieceIndex> {
    let grants = out.iter().filter_map(|output| match output {
        Output::Grant { pieces, .. } => Some(pieces.clone()),
        _ => None,
    });
    grants.flatten().collect()
}

impl Story {
    pub(super) fn has_all(&mut self, link: LinkId) {
        self.tell(Input::LinkOpened { link });
        self.tell(Input::PeerHasAll { link });
    }

    pub(super) fn arrive(&mut self, link: LinkId, some: &[PieceIndex]) -> Vec<Output> {
        let mut out = self.receive(link, some);
        out.extend(self.tell(Input::Stored(some.to_vec())));
        out
    }

    pub(super) fn wants(&mut self, link: LinkId, bytes: u64, rate: u64) -> Vec<Output> {
        let rtt = Duration::from_millis(1);
        self.tell(Input::Want {
            link,
            bytes,
            rtt,
            rate,
        })
    }

    pub(super) fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }
}

#[test]
fn a_reader_gets_its_pieces_in_order_and_the_rest_comes_by_rarity() {
    let mut story = Story::new(40 * 100, 100);
    // Pieces from 30 on are rare: only A has them.
    story.peer(A, 0..40);
    story.peer(B, 0..30);
    story.tell(demanded(5..9));
    let mut order = Vec::new();
    for _ in 0..14 {
        let got = story.want(A, 100);
        story.arrive(A, &got);
        order.extend(got.iter().map(|piece| piece.get()));
    }
    assert_eq!(order[..4], [5, 6, 7, 8]);
    let rare = |piece: &u32| *piece >= 30;
    assert!(order[4..].iter().all(rare), "{order:?}");
}

#[test]
fn a_seek_replaces_what_was_demanded() {
    let mut story = Story::new(40 * 100, 100);
    story.peer(A, 0..40);
    story.tell(demanded(0..10));
    assert_eq!(story.want(A, 200), pieces(0..2));
    story.tell(demanded([30, 31, 30, 77]));
    assert_eq!(story.picker.demanded(), pieces([30, 31]));
    assert_eq!(story.want(A, 200), pieces([30, 31]));
    story.tell(demanded([]));
    assert_eq!(story.picker.demanded(), []);
}

#[test]
fn a_complete_peer_is_not_spared_what_a_reader_waits_for() {
    let mut story = Story::new(40 << 20, 1 << 20);
    story.peer(A, 0..39);
    story.has_all(B);
    assert!(!story.want(A, 1 << 20).is_empty(), "it helps");
    assert_eq!(story.want(B, 1 << 20), pieces([39]), "only it has that");
    assert_eq!(story.want(B, 4 << 20), [], "it is spared");
    let is_wanted = |piece: &u32| story.picker.state(PieceIndex::new(*piece)) == PieceState::Wanted;
    let free: Vec<_> = (0..39).filter(is_wanted).collect();
    let [.., suggested, second, first] = free[..] else {
        panic!("nothing is wanted");
    };
    // What it suggests comes later as well.
    story.tell(Input::Pause);
    story.tell(Input::PeerSuggests {
        link: B,
        pieces: pieces([suggested]),
    });
    story.tell(demanded([first, second]));
    let out = story.tell(Input::Resume);
    assert_eq!(granted(&out, B)[..2], pieces([first, second]));
}

#[test]
fn a_demanded_piece_stays_with_the_complete_peer_that_was_to_be_soonest() {
    let mut story = Story::new(10 * 64 * KIB, 64 * KIB);
    story.has_all(A);
    story.tell(demanded([3]));
    assert_eq!(granted(&story.wants(A, 64 * KIB, KIB), A), pieces([3]));
    story.tell(Input::LinkOpened { link: B });
    story.wants(B, 64 * KIB, 10 << 20);
    let out = story.tell(Input::PeerHas {
        link: B,
        pieces: pieces([3]),
    });
    let is_cancel = |output: &Output| matches!(output, Output::Cancel { .. });
    assert!(!out.iter().any(is_cancel), "{out:?}");
    // But it is doubled in a moment.
    assert_eq!(story.until_granted(B), pieces([3]));
    assert!(story.now < Timestamp::from_millis(200));
}

#[test]
fn the_link_that_is_likely_to_be_first_gets_what_is_most_urgent() {
    let mut story = Story::new(20 * 64 * KIB, 64 * KIB);
    story.peer(A, 0..20);
    story.peer(B, 0..20);
    story.tell(Input::Pause);
    story.wants(A, 256 * KIB, 10 * KIB);
    story.wants(B, 256 * KIB, 10 << 20);
    story.tell(demanded(3..7));
    let out = story.tell(Input::Resume);
    assert_eq!(granted(&out, B)[..4], pieces(3..7));
}

#[test]
fn what_nobody_has_costs_nothing_and_is_fetched_on_a_have() {
    let mut story = Story::new(1_000, 100);
    story.peer(A, [0]);
    let first = story.want(A, 1_000);
    story.arrive(A, &first);
    assert_eq!(story.tell(demanded(4..8)), []);
    assert_eq!(story.picker.next_timeout(), None);
    assert_eq!(story.tell(Input::Tick), []);
    let out = story.tell(Input::PeerHas {
        link: A,
        pieces: pieces([9, 5]),
    });
    assert_eq!(granted(&out, A), pieces([5, 9]));
}

#[test]
fn what_is_not_selected_is_not_fetched_for_being_demanded() {
    let mut story = Story::new(400, 100);
    story.tell(selection(4, [0]));
    story.peer(A, 0..4);
    story.tell(demanded([2, 0]));
    assert_eq!(story.want(A, 400), pieces([0]));
    assert_eq!(story.picker.state(PieceIndex::new(2)), PieceState::Skipped);
    let out = story.tell(selection(4, [0, 1, 2, 3]));
    assert_eq!(granted(&out, A)[0], PieceIndex::new(2));
}

#[test]
fn a_pause_stops_what_is_demanded_as_well() {
    let mut story = Story::new(1_000, 100);
    story.peer(A, 0..10);
    story.tell(Input::Pause);
    assert_eq!(story.want(A, 200), []);
    assert_eq!(story.tell(demanded([7, 3])), []);
    assert_eq!(story.picker.next_timeout(), None);
    assert_eq!(granted(&story.tell(Input::Resume), A), pieces([7, 3]));
}

#[test]
fn a_link_without_room_for_what_is_demanded_gets_nothing_shorter_instead() {
    let mut story = Story::new(350, 100);
    story.peer(A, [0, 1, 3]);
    // So piece 3, of 50 bytes, is the rarest.
    story.peer(B, [1]);
    story.tell(demanded([0]));
    assert_eq!(story.want(A, 100), pieces([0]));
    story.tell(demanded([1]));
    assert_eq!(story.want(A, 60), []);
    // Nobody waits any more.
    assert_eq!(granted(&story.tell(demanded([])), A), pieces([3]));
}

#[test]
fn a_doubted_link_gets_one_demanded_piece_after_its_rest() {
    let mut story = Story::new(1_000, 100);
    story.peer(A, 0..10);
    story.tell(demanded(3..9));
    assert_eq!(story.want(A, 200), pieces([3, 4]));
    story.pass(1_500);
    story.tell(Input::Tick);
    story.tell(Input::Returned {
        link: A,
        pieces: pieces([3, 4]),
    });
    assert_eq!(story.want(A, 1_000), []);
    assert_eq!(story.until_granted(A), pieces([3]));
    assert_eq!(story.now, Timestamp::from_millis(2_500));
}

#[test]
fn used_up_memory_does_not_keep_a_reader_waiting() {
    const PIECE: u64 = 1 << 20;
    let mut story = Story::new(60 * PIECE, PIECE);
    for link in (1..=3).map(LinkId) {
        story.peer(link, 0..60);
        story.wants(link, 12 * PIECE, 0);
    }
    assert_eq!(story.picker.leased(), 24, "the memory is used up");
    let free = (0..60).filter(|&piece| {
        let piece = PieceIndex::new(piece);
        story.picker.state(piece) == PieceState::Wanted
    });
    let free: Vec<_> = free.collect();
    let out = story.tell(demanded(free.iter().copied().take(10)));
    // So much goes beyond it, and no more.
    let mut got = all_granted(&out);
    got.sort_unstable();
    assert_eq!(got, pieces(free.iter().copied().take(4)));
    // The next one gets what becomes free, before anything else does.
    let busy = got[0];
    for link in (1..=3).map(LinkId) {
        let out = story.receive(link, &[busy]);
        assert_eq!(all_granted(&out), []);
    }
    let out = story.tell(Input::Stored(vec![busy]));
    assert_eq!(all_granted(&out), pieces([free[4]]));
}

#[test]
fn used_up_memory_keeps_no_rival_of_a_slow_holder_waiting() {
    const PIECE: u64 = 1 << 20;
    let mut story = Story::new(60 * PIECE, PIECE);
    story.peer(A, [55]);
    story.tell(demanded([55]));
    assert_eq!(granted(&story.wants(A, PIECE, 10 * KIB), A), pieces([55]));
    for link in (10..=12).map(LinkId) {
        story.peer(link, 0..50);
        story.wants(link, 12 * PIECE, 0);
    }
    story.peer(B, 0..60);
    assert_eq!(story.wants(B, PIECE, 100 << 20), []);
    assert!(story.picker.state.is_full());
    assert_eq!(story.until_granted(B), pieces([55]));
    assert!(story.now < Timestamp::from_millis(200), "{:?}", story.now);
}

#[test]
fn a_reader_does_not_wait_on_a_slow_holder_though_others_are_wanted() {
    const PIECE: u64 = 256 * KIB;
    let mut story = Story::new(400 * PIECE, PIECE);
    story.peer(A, 0..400);
    story.tell(demanded(0..4));
    // It would take 25 s.
    assert_eq!(granted(&story.wants(A, PIECE, 10 * KIB), A), pieces([0]));
    story.peer(B, 0..400);
    let mut waited = 0;
    let mut order = Vec::new();
    while order.len() < 4 {
        waited += 10;
        assert!(waited < 1_000, "{order:?}");
        story.pass(10);
        let mut out = story.tell(Input::Progress { link: A });
        out.extend(story.wants(B, PIECE, 10 << 20));
        let got = granted(&out, B);
        story.arrive(B, &got);
        let readable = got.iter().filter(|piece| piece.get() < 4);
        order.extend(readable.map(|piece| piece.get()));
    }
    assert_eq!(order, [1, 2, 3, 0]);
    assert!(story.picker.wanted() > 300, "the rest was not waited for");
}

#[test]
fn a_reader_that_jumps_among_slow_peers_wastes_a_bounded_number_of_bytes() {
    const PIECE: u64 = 1 << 20;
    let mut story = Story::new(400 * PIECE, PIECE);
    let slow: Vec<_> = (100..108).map(LinkId).collect();
    let fast: Vec<_> = (0..8).map(LinkId).collect();
    for &link in slow.iter().chain(&fast) {
        story.peer(link, 0..400);
    }
    let mut holders = BTreeMap::new();
    let mut most = 0;
    for from in (0..80).step_by(8) {
        let mut out = story.tell(demanded(from..from + 8));
        for &link in &slow {
            out.extend(story.wants(link, PIECE, KIB));
        }
        // All eight are with slow ones, and eight others could take them.
        story.pass(150);
        for &link in &fast {
            out.extend(story.wants(link, PIECE, 100 << 20));
        }
        follow(&mut holders, out);
        let extra: usize = holders.values().map(|holders| holders.len() - 1).sum();
        assert!(extra as u64 * PIECE <= RIVAL_BYTES, "{extra} pieces");
        most = most.max(extra);
        // Half of the fast ones are done with it, and all of the slow ones give up.
        for &link in &fast[..4] {
            let held = |(_, holders): &(&PieceIndex, &BTreeSet<LinkId>)| holders.contains(&link);
            let Some((&piece, _)) = holders.iter().find(held) else {
                continue;
            };
            let out = story.arrive(link, &[piece]);
            holders.remove(&piece);
            follow(&mut holders, out);
        }
        for &link in &slow {
            let held = holders
                .iter()
                .filter(|(_, holders)| holders.contains(&link));
            let pieces: Vec<_> = held.map(|(&piece, _)| piece).collect();
            for piece in &pieces {
                holders.entry(*piece).or_default().remove(&link);
            }
            let out = story.tell(Input::Returned { link, pieces });
            follow(&mut holders, out);
        }
        assert!(story.picker.wanted() > 300, "the end game has not begun");
    }
    assert_eq!(most as u64 * PIECE, RIVAL_BYTES);
}

/// Keeps account of who fetches what.
fn follow(holders: &mut BTreeMap<PieceIndex, BTreeSet<LinkId>>, out: Vec<Output>) {
    for output in out {
        match output {
            Output::Grant { link, pieces } => {
                for piece in pieces {
                    holders.entry(piece).or_default().insert(link);
                }
            }
            Output::Cancel { link, pieces } => {
                for piece in pieces {
                    holders.entry(piece).or_default().remove(&link);
                }
            }
            _ => {}
        }
    }
    holders.retain(|_, holders| !holders.is_empty());
}

#[test]
fn a_silent_holder_is_left_within_two_seconds_and_without_a_word_from_anybody() {
    let mut story = Story::new(100 * 64 * KIB, 64 * KIB);
    story.peer(A, 0..100);
    story.tell(demanded([50]));
    assert_eq!(story.want(A, 64 * KIB), pieces([50]));
    story.peer(B, [50]);
    assert_eq!(story.want(B, 64 * KIB), []);
    assert_eq!(story.until_granted(B), pieces([50]));
    assert!(story.now < Timestamp::from_millis(2_000));
}

#[test]
fn no_more_is_demanded_than_the_limit() {
    let mut story = Story::new(100_000, 100);
    story.tell(demanded((0..1_000).rev()));
    assert_eq!(story.picker.demanded().len(), MAX_DEMANDED);
    assert_eq!(story.picker.demanded()[0], PieceIndex::new(999));
}

proptest! {
    #[test]
    fn a_picker_that_is_given_an_empty_demand_behaves_as_one_that_never_was(
        steps in steps(70),
        emptied in prop::collection::vec(any::<bool>(), 120),
        seed in any::<u64>(),
    ) {
        let layout = Layout::new(6_950, 100).unwrap();
        let limits = PickerLimits { in_flight_bytes: 2_000, ..PickerLimits::default() };
        let world = |demanded_bytes| {
            World::new(layout, PickerLimits { demanded_bytes, ..limits }, seed)
        };
        let (mut plain, mut empty) = (world(0), world(1 << 20));
        for (step, emptied) in steps.into_iter().zip(emptied) {
            let step = match step {
                Step::Do(Input::Demand(_), millis) => Step::Do(Input::Tick, millis),
                other => other,
            };
            if emptied {
                plain.handle(Input::Tick);
                empty.handle(Input::Demand(Vec::new()));
            }
            plain.step(step.clone());
            empty.step(step);
            prop_assert_eq!(&plain.told, &empty.told);
            prop_assert_eq!(plain.picker.next_timeout(), empty.picker.next_timeout());
        }
    }

    #[test]
    fn a_hungry_peer_that_has_all_brings_any_demand_in_its_order(
        demand in demand(70), want in 1_u64..5, seed in any::<u64>(),
    ) {
        let layout = Layout::new(6_950, 100).unwrap();
        let mut picker = Picker::new(layout, PickerLimits::default(), seed);
        let mut tell = |input| {
            let mut out = Vec::new();
            picker.handle(input, Timestamp::ZERO, &mut out);
            all_granted(&out)
        };
        let bad = layout.all_pieces().collect();
        tell(Input::Checked { good: vec![], bad });
        tell(Input::LinkOpened { link: A });
        tell(Input::PeerHasAll { link: A });
        tell(Input::Demand(demand.clone()));
        let mut order = Vec::new();
        let mut here = 0;
        while here < 70 {
            let rtt = Duration::from_millis(1);
            order.extend(tell(Input::Want { link: A, bytes: want * 100, rtt, rate: 0 }));
            let got = order[here..].to_vec();
            here = order.len();
            order.extend(tell(Input::Received { link: A, pieces: got.clone() }));
            order.extend(tell(Input::Stored(got)));
        }
        let mut expected = demand;
        let mut seen = BTreeSet::new();
        expected.retain(|piece| piece.get() < 70 && seen.insert(*piece));
        prop_assert_eq!(&order[..expected.len()], expected.as_slice());
    }
}
