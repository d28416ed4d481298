//! Rounds, doubts, and what holds them up.

use proptest::prelude::*;

use super::*;

const DAY: Duration = SCRUB_PERIOD;

fn layout(pieces: u32, piece_length: u64) -> Layout {
    Layout::new(u64::from(pieces) * piece_length, piece_length).unwrap()
}

fn at(start: Timestamp, share: f64) -> Timestamp {
    start + DAY.mul_f64(share)
}

/// Runs until that time; when which pieces were hashed.
fn run(
    scrub: &mut Scrub,
    have: &Bitfield,
    is_busy: impl Fn(Timestamp) -> bool,
    until: Timestamp,
) -> Vec<(Timestamp, Range<u32>)> {
    let mut taken = Vec::new();
    let mut now = Timestamp::ZERO;
    let mut calls = 0;
    loop {
        calls += 1;
        assert!(calls < 100_000, "it never rests");
        now = match scrub.step(have, is_busy(now), now) {
            Some(step) => {
                let pieces = step.pieces.clone().map(PieceIndex::new);
                assert!(pieces.clone().count() > 0);
                assert!(pieces.clone().all(|piece| have.contains(piece)));
                scrub.settled(pieces, step.epoch);
                taken.push((now, step.pieces));
                now
            }
            // A host that is busy looks again in a while.
            None => match scrub.next_timeout() {
                Some(next) if next <= now => now + DAY / 10_000,
                next => next.unwrap_or(Timestamp::NEVER),
            },
        };
        if now > until {
            return taken;
        }
    }
}

#[test]
fn everything_has_its_turn_once_in_a_period_and_evenly() {
    let layout = layout(1_000, 256 * 1024);
    let mut scrub = Scrub::new(layout, Some(DAY), Timestamp::ZERO);
    let have = Bitfield::full(1_000);
    let taken = run(&mut scrub, &have, |_| false, at(Timestamp::ZERO, 2.999));
    assert_eq!(scrub.rounds(), 2);
    assert_eq!(taken.len(), 3 * 250, "four pieces of 256 KiB make a step");
    for (number, (when, pieces)) in taken.iter().enumerate() {
        assert_eq!(pieces.start, 4 * (number as u32 % 250));
        let due = at(Timestamp::ZERO, number as f64 / 250.0);
        assert!(when.since(due) <= Duration::from_millis(1));
    }
}

#[test]
fn what_is_not_here_is_left_out_and_nothing_here_is_no_busy_loop() {
    let layout = layout(64, 1024 * 1024);
    let mut have = Bitfield::new(64);
    let mut scrub = Scrub::new(layout, Some(DAY), Timestamp::ZERO);
    assert_eq!(
        run(&mut scrub, &have, |_| false, at(Timestamp::ZERO, 3.5)),
        []
    );
    assert_eq!(scrub.rounds(), 3);
    let empty = Layout::new(0, 16_384).unwrap();
    let mut scrub = Scrub::new(empty, Some(DAY), Timestamp::ZERO);
    let none = Bitfield::new(0);
    assert_eq!(
        run(&mut scrub, &none, |_| true, at(Timestamp::ZERO, 3.5)),
        []
    );
    assert_eq!(scrub.rounds(), 3);
    have.insert(PieceIndex::new(7));
    have.insert(PieceIndex::new(63));
    let mut scrub = Scrub::new(layout, Some(DAY), Timestamp::ZERO);
    let taken = run(&mut scrub, &have, |_| false, at(Timestamp::ZERO, 0.99));
    let pieces: Vec<_> = taken.into_iter().map(|(_, pieces)| pieces).collect();
    assert_eq!(pieces, [7..8, 63..64]);
}

#[test]
fn a_busy_node_scrubs_a_quarter_of_a_period_late_and_then_anyway() {
    let layout = layout(100, 1024 * 1024);
    let have = Bitfield::full(100);
    let mut scrub = Scrub::new(layout, Some(DAY), Timestamp::ZERO);
    let taken = run(&mut scrub, &have, |_| true, at(Timestamp::ZERO, 1.3));
    let (first, last) = (taken[0].0, taken[99].0);
    assert!(first >= at(Timestamp::ZERO, 0.25) && first < at(Timestamp::ZERO, 0.26));
    assert!(last < at(Timestamp::ZERO, 1.25), "{last:?}");
}

#[test]
fn a_round_that_was_held_up_catches_up_at_four_times_its_rate() {
    let layout = layout(1_000, 1024 * 1024);
    let have = Bitfield::full(1_000);
    let mut scrub = Scrub::new(layout, Some(DAY), Timestamp::ZERO);
    let until = at(Timestamp::ZERO, 0.2);
    let taken = run(
        &mut scrub,
        &have,
        |now| now < until,
        at(Timestamp::ZERO, 0.999),
    );
    assert_eq!(taken.len(), 1_000);
    for pair in taken.windows(2) {
        let between = pair[1].0.since(pair[0].0);
        assert!(between + Duration::from_millis(1) >= DAY / 1_000 / CATCH_UP);
    }
}

#[test]
fn doubt_comes_first_and_stays_until_it_is_settled() {
    let layout = layout(64, 1024 * 1024);
    let have = Bitfield::full(64);
    for period in [None, Some(DAY)] {
        let mut scrub = Scrub::new(layout, period, Timestamp::ZERO);
        scrub.doubt(10..40, &have);
        assert!(scrub.is_doubted(PieceIndex::new(10)));
        assert!(!scrub.is_doubted(PieceIndex::new(40)));
        // Busy or not, and as many steps at once as the host likes.
        let first = scrub.step(&have, true, Timestamp::ZERO).unwrap();
        let second = scrub.step(&have, true, Timestamp::ZERO).unwrap();
        assert_eq!((first.pieces.clone(), second.pieces), (10..26, 26..40));
        assert!(first.is_urgent);
        assert!(!scrub.is_urgent());
        assert!(scrub.is_doubted(PieceIndex::new(39)));
        scrub.settled((10..20).map(PieceIndex::new), first.epoch);
        scrub.unsettled(10..26);
        let again = scrub.step(&have, true, Timestamp::ZERO).unwrap();
        assert_eq!(again.pieces, 20..26);
        assert_eq!(again.epoch, first.epoch);
        scrub.settled((20..40).map(PieceIndex::new), first.epoch);
        assert!((0..64).all(|piece| !scrub.is_doubted(PieceIndex::new(piece))));
    }
}

#[test]
fn what_was_hashed_before_a_doubt_does_not_settle_it() {
    let have = Bitfield::full(64);
    let mut scrub = Scrub::new(layout(64, 1024 * 1024), None, Timestamp::ZERO);
    scrub.doubt(0..20, &have);
    let early = scrub.step(&have, false, Timestamp::ZERO).unwrap();
    scrub.doubt(3..4, &have);
    scrub.settled(early.pieces.map(PieceIndex::new), early.epoch);
    assert!(scrub.is_doubted(PieceIndex::new(3)));
    assert!(!scrub.is_doubted(PieceIndex::new(4)));
    // Somebody who writes all the time keeps nobody from having a turn.
    let mut seen = Bitfield::new(64);
    for _ in 0..4 {
        scrub.doubt(0..64, &have);
        let step = scrub.step(&have, false, Timestamp::ZERO).unwrap();
        step.pieces.for_each(|piece| {
            seen.insert(PieceIndex::new(piece));
        });
    }
    assert!(seen.is_full(), "{seen:?}");
}

#[test]
fn what_comes_after_the_doubt_is_hashed_when_it_is_here() {
    let have = Bitfield::new(4);
    let mut scrub = Scrub::new(layout(4, 1024), None, Timestamp::ZERO);
    scrub.doubt(1..3, &have);
    assert_eq!(scrub.step(&have, false, Timestamp::ZERO), None);
    // Written after the doubt; and before.
    let epoch = scrub.epoch();
    scrub.settled([PieceIndex::new(1)], epoch);
    scrub.gained(&[PieceIndex::new(1), PieceIndex::new(2)]);
    let step = scrub.step(&Bitfield::full(4), false, Timestamp::ZERO);
    assert_eq!(step.unwrap().pieces, 2..3);
}

#[test]
fn what_somebody_waits_for_is_not_hashed_twice() {
    let layout = layout(4, 16 * 1024 * 1024);
    let have = Bitfield::full(4);
    let mut scrub = Scrub::new(layout, None, Timestamp::ZERO);
    scrub.doubt(0..2, &have);
    scrub.take(PieceIndex::new(0));
    let step = scrub.step(&have, false, Timestamp::ZERO).unwrap();
    assert_eq!(step.pieces, 1..2);
    assert!(scrub.is_doubted(PieceIndex::new(0)), "until it is settled");
    assert_eq!(scrub.step(&have, false, Timestamp::ZERO), None);
    assert_eq!(scrub.next_timeout(), None, "nothing is scrubbed");
}

proptest! {
    #[test]
    fn in_any_round_every_piece_that_is_here_is_taken_once(
        pieces in 1_u32..200,
        length in prop_oneof![Just(1_u64), Just(16_384), Just(1 << 20), Just(5 << 20)],
        here in any::<u64>(),
        busy in any::<u64>(),
    ) {
        let mut have = Bitfield::new(pieces);
        for piece in (0..pieces).filter(|piece| here >> (piece % 64) & 1 == 1) {
            have.insert(PieceIndex::new(piece));
        }
        let mut scrub = Scrub::new(layout(pieces, length), Some(DAY), Timestamp::ZERO);
        let is_busy = |now: Timestamp| {
            let hour = now.since(Timestamp::ZERO).as_secs() / 3_600;
            busy >> (hour % 64) & 1 == 1
        };
        let taken = run(&mut scrub, &have, is_busy, at(Timestamp::ZERO, 1.249));
        let mut seen = vec![0; pieces as usize];
        for (_, step) in taken.iter().filter(|(when, _)| *when < at(Timestamp::ZERO, 1.0)) {
            step.clone().for_each(|piece| seen[piece as usize] += 1);
        }
        prop_assert!(seen.iter().all(|&times| times <= 1));
        for (_, step) in taken.iter().filter(|(when, _)| *when >= at(Timestamp::ZERO, 1.0)) {
            step.clone().for_each(|piece| seen[piece as usize] += 1);
        }
        let lacks = |piece: &u32| have.contains(PieceIndex::new(*piece)) && seen[*piece as usize] == 0;
        prop_assert_eq!((0..pieces).find(lacks), None);
    }
}

#[test]
fn what_was_read_of_a_piece_before_it_was_written_says_nothing_of_it() {
    let mut scrub = Scrub::new(layout(4, 1), None, Timestamp::ZERO);
    let piece = PieceIndex::new(2);
    scrub.doubt(0..4, &Bitfield::full(4));
    let before = scrub.epoch();
    assert!(scrub.tells_of(piece, before));
    scrub.overtake(&[piece]);
    assert!(!scrub.tells_of(piece, before));
    assert!(scrub.tells_of(PieceIndex::new(1), before));
    assert!(scrub.tells_of(piece, scrub.epoch()), "read afterwards");
    scrub.settled([piece], before);
    assert!(!scrub.is_doubted(piece), "it is no doubt by itself");
    scrub.rest();
    assert!(scrub.tells_of(piece, before));
}
