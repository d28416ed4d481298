//! Leases in, requests out, pieces to storage, and everything that can cross on the way.

use std::time::Duration;

use super::rig::*;
use crate::layout::BLOCK_LENGTH;
use crate::pipeline::MIN_WINDOW;
use crate::session::{
    Input, MAX_QUEUED_REQUESTS, Output, PROGRESS_PERIOD, PeerHave, STORE_DELAY, STRIKES, Spill,
    Verdict, Violation,
};
use crate::wire::{FrameError, Message, RawBlock};

const KIB: u64 = 1024;

fn cancels(said: &[Said]) -> Vec<RawBlock> {
    let cancels = said.iter().filter_map(|said| match said {
        Said::Message(Message::Cancel(block)) => Some(*block),
        _ => None,
    });
    cancels.collect()
}

/// Answers every request until no more come; gives what was stored.
fn serve(rig: &mut Rig) -> Vec<(u32, usize)> {
    let mut stored = Vec::new();
    loop {
        let requests = rig.requests();
        if requests.is_empty() {
            rig.later(STORE_DELAY);
            rig.input(Input::Wake);
            stored.extend(rig.stored());
            return stored;
        }
        for block in requests {
            rig.deliver(block).unwrap();
            stored.extend(rig.stored());
        }
    }
}

#[test]
fn a_lease_becomes_requests_and_then_a_piece() {
    let mut rig = Rig::fetching(100 * KIB, 40 * KIB);
    rig.grant(&[1, 2]);
    let expected = [
        raw(1, 0, BLOCK_LENGTH),
        raw(1, BLOCK_LENGTH, BLOCK_LENGTH),
        raw(1, 2 * BLOCK_LENGTH, 8 * 1024),
        raw(2, 0, BLOCK_LENGTH),
        raw(2, BLOCK_LENGTH, 4 * 1024),
    ];
    assert_eq!(rig.requests(), expected);
    // In any order.
    for index in [4, 1, 0, 3, 2] {
        rig.deliver(expected[index]).unwrap();
    }
    rig.later(STORE_DELAY);
    rig.input(Input::Wake);
    assert_eq!(rig.stored(), [(2, 20 * 1024), (1, 40 * 1024)]);
    assert_eq!(rig.session.unsettled(), (0, 0, 0));
}

#[test]
fn what_has_come_whole_is_handed_over_when_the_link_is_over() {
    let mut rig = Rig::fetching(100 * KIB, 40 * KIB);
    rig.grant(&[1, 2]);
    let requests = rig.requests();
    for block in requests.into_iter().filter(|block| block.piece == 1) {
        rig.deliver(block).unwrap();
    }
    assert_eq!(rig.stored(), [], "it waits for others");
    let left_over = rig.session.left_over();
    let left_over = left_over
        .iter()
        .map(|(piece, data)| (piece.get(), data.len()));
    let left_over: Vec<_> = left_over.collect();
    assert_eq!(left_over, [(1, 40 * 1024)]);
    assert!(rig.session.left_over().is_empty(), "it is handed over once");
}

#[test]
fn pieces_of_every_size_arrive_and_wants_never_dry_up() {
    for (size, piece_length, limit) in [
        (300, 1, None),
        (300, 1, Some(1)),
        (100_000, 256, None),
        (100_000, 256, Some(1)),
        (600_000, 16_384, Some(1)),
        (600_000, 20_000, Some(3)),
        (9_000_000, 3_000_000, None),
        (9_000_000, 3_000_000, Some(2)),
        (5, 1 << 28, None),
        (70 << 20, 64 << 20, None),
    ] {
        let info = info(size, piece_length);
        let mut rig = Rig::greeted(true, true);
        rig.input(Input::Welcome(Some((
            info.clone(),
            bits(info.layout().pieces(), &[]),
        ))));
        let handshake = crate::extension::ExtensionHandshake {
            request_limit: limit,
            ..Default::default()
        };
        rig.greet(&handshake);
        rig.input(Input::Interest(true));
        rig.say(Message::HaveAll).unwrap();
        rig.say(Message::Unchoke).unwrap();
        rig.said();
        // A host that grants what is wanted: at least a piece to a link without any.
        let mut wanted = rig.want().unwrap();
        let mut next = 0;
        let mut missing = size;
        let mut turns = 0;
        while missing > 0 {
            turns += 1;
            assert!(
                turns < 100_000,
                "stalled with {missing} of {size} B missing"
            );
            let mut granted = Vec::new();
            while next < info.layout().pieces() {
                let length = u64::from(info.layout().length(crate::layout::PieceIndex::new(next)));
                let idle = rig.session.unsettled().1 == 0 && granted.is_empty();
                if length > wanted && !(idle && wanted > 0) {
                    break;
                }
                wanted = wanted.saturating_sub(length);
                granted.push(next);
                next += 1;
            }
            if !granted.is_empty() {
                rig.grant(&granted);
            }
            for block in rig.requests() {
                rig.deliver(block).unwrap();
            }
            rig.later(STORE_DELAY);
            rig.input(Input::Wake);
            for output in rig.outputs() {
                match output {
                    Output::Want { bytes, .. } => wanted = bytes,
                    Output::Pieces(pieces) => {
                        missing -= pieces
                            .iter()
                            .map(|(_, data)| data.len() as u64)
                            .sum::<u64>();
                    }
                    Output::Spill(Spill::Part { data, .. }) => missing -= data.len() as u64,
                    _ => {}
                }
            }
        }
        assert_eq!(rig.session.unsettled(), (0, 0, 0));
    }
}

#[test]
fn a_short_queue_of_the_peer_bounds_requests_and_wants() {
    for (limit, most) in [(1, 1), (7, 7), (u32::MAX, MAX_QUEUED_REQUESTS)] {
        let mut rig = Rig::greeted(true, true);
        rig.input(Input::Welcome(Some((info(1 << 16, 1), bits(1 << 16, &[])))));
        let handshake = crate::extension::ExtensionHandshake {
            request_limit: Some(limit),
            ..Default::default()
        };
        rig.greet(&handshake);
        rig.say(Message::HaveAll).unwrap();
        rig.say(Message::Unchoke).unwrap();
        rig.said();
        rig.input(Input::Interest(true));
        assert_eq!(rig.want(), Some((most as u64 * 3 / 2).max(1)));
        rig.grant(&(0..20_000).collect::<Vec<_>>());
        assert_eq!(rig.requests().len(), most);
    }
}

#[test]
fn long_pieces_follow_each_other_without_a_gap() {
    let mut rig = Rig::open(&info(64 << 20, 4 << 20), &[], true);
    rig.say(Message::HaveAll).unwrap();
    rig.say(Message::Unchoke).unwrap();
    rig.input(Input::Interest(true));
    assert_eq!(rig.want(), Some(4 << 20));
    rig.grant(&[0]);
    rig.outputs();
    let mut early = None;
    loop {
        let requests = rig.requests();
        if requests.is_empty() {
            break;
        }
        for block in requests {
            rig.deliver(block).unwrap();
            let left = rig.session.unsettled().1;
            if left > 0 {
                early = early.or_else(|| rig.want().map(|bytes| (bytes, left)));
            }
        }
    }
    let (bytes, left) = early.expect("no want before the piece was whole");
    assert!(bytes >= 4 << 20 && left >= MIN_WINDOW / 2, "{bytes} {left}");
}

#[test]
fn a_grant_to_a_choked_link_comes_back() {
    let mut rig = Rig::open(&info(1_000, 100), &[], true);
    rig.input(Input::Interest(true));
    rig.grant(&[1, 2]);
    assert_eq!(rig.outputs(), [Output::Returned(indices(&[1, 2]))]);
}

#[test]
fn a_grant_of_what_is_leased_already_changes_nothing() {
    let mut rig = Rig::fetching(1 << 20, 64 * KIB);
    rig.grant(&[1]);
    let requests = rig.requests();
    rig.deliver(requests[0]).unwrap();
    rig.grant(&[1]);
    assert_eq!(rig.requests(), []);
    for &block in &requests[1..] {
        rig.deliver(block).unwrap();
    }
    assert_eq!(rig.stored(), [(1, 64 * 1024)]);
    assert_eq!(rig.session.unsettled(), (0, 0, 0));
}

#[test]
fn a_choke_returns_the_leases_and_an_unchoke_wants_again() {
    for fast in [true, false] {
        let mut rig = Rig::open(&info(1_000, 100), &[], fast);
        rig.input(Input::Interest(true));
        rig.say(Message::Unchoke).unwrap();
        rig.outputs();
        rig.grant(&[1, 2]);
        let requests = rig.requests();
        assert_eq!(requests.len(), 2);
        rig.outputs();
        rig.say(Message::Choke).unwrap();
        let outputs = rig.outputs();
        let Output::Returned(mut returned) = outputs[0].clone() else {
            panic!("{outputs:?}");
        };
        returned.sort();
        assert_eq!(returned, indices(&[1, 2]));
        assert!(matches!(outputs[1], Output::Want { bytes: 0, .. }));
        assert_eq!(outputs.len(), 2);
        if fast {
            for block in requests {
                rig.say(Message::RejectRequest(block)).unwrap();
            }
            assert_eq!(rig.session.unsettled(), (0, 0, 0));
        }
        assert_eq!(rig.outputs(), []);
        rig.say(Message::Unchoke).unwrap();
        assert!(rig.want().is_some_and(|bytes| bytes > 0));
        rig.grant(&[1, 2]);
        assert_eq!(serve(&mut rig).len(), 2);
    }
}

#[test]
fn a_peer_that_flips_its_choke_is_told_of_once_per_read() {
    let mut rig = Rig::fetching(1_000, 100);
    let flips = [encoded(&Message::Choke), encoded(&Message::Unchoke)].concat();
    rig.hear(&flips.repeat(1_000)).unwrap();
    assert!(rig.outputs().len() <= 1);
    let flips = [flips.repeat(1_000), encoded(&Message::Choke)].concat();
    rig.hear(&flips).unwrap();
    assert!(matches!(
        rig.outputs().as_slice(),
        [Output::Want { bytes: 0, .. }]
    ));
}

#[test]
fn a_reject_returns_the_piece_and_the_peer_is_taken_to_lack_it() {
    let mut rig = Rig::fetching(1 << 20, 64 * KIB);
    rig.grant(&[1, 2]);
    let requests = rig.requests();
    rig.outputs();
    rig.say(Message::RejectRequest(requests[1])).unwrap();
    let lacks = [
        Output::Returned(indices(&[1])),
        Output::PeerLacks(indices(&[1])),
    ];
    assert_eq!(rig.outputs()[..2], lacks);
    // The other blocks of the piece are withdrawn; those of piece 2 are not.
    assert_eq!(
        cancels(&rig.said()),
        [requests[0], requests[2], requests[3]]
    );
    rig.deliver(requests[0]).unwrap();
    rig.say(Message::RejectRequest(requests[2])).unwrap();
    rig.say(Message::RejectRequest(requests[3])).unwrap();
    for &block in &requests[4..] {
        rig.deliver(block).unwrap();
    }
    assert_eq!(rig.stored(), [(2, 64 * 1024)]);
    assert_eq!(rig.session.unsettled(), (0, 0, 0));
    // It got the piece after all, and so all of them.
    rig.say(Message::Have(1)).unwrap();
    let outputs = rig.outputs();
    let expected = [
        Output::PeerHas(PeerHave::More(indices(&[1]))),
        Output::PeerComplete,
    ];
    assert_eq!(outputs, expected);
}

#[test]
fn rejects_of_what_was_not_asked_for_change_nothing() {
    let mut rig = Rig::fetching(1 << 20, 64 * KIB);
    rig.grant(&[1]);
    let requests = rig.requests();
    rig.outputs();
    rig.deliver(requests[0]).unwrap();
    rig.outputs();
    for block in [
        requests[0],
        raw(2, 0, 1),
        raw(1, 5, 1),
        raw(u32::MAX, u32::MAX, 0),
    ] {
        rig.say(Message::RejectRequest(block)).unwrap();
    }
    assert_eq!(rig.outputs(), []);
    assert_eq!(rig.said(), []);
}

#[test]
fn blocks_that_cross_a_cancel_are_no_offence_and_of_no_use() {
    let mut rig = Rig::fetching(16 << 20, 64 * KIB);
    for round in 0..2 * STRIKES {
        let piece = round % 200;
        rig.grant(&[piece]);
        let requests = rig.requests();
        rig.deliver(requests[0]).unwrap();
        rig.cancel(&[piece]);
        assert_eq!(cancels(&rig.said()), requests[1..]);
        rig.deliver(requests[1]).unwrap();
        rig.say(Message::RejectRequest(requests[2])).unwrap();
        rig.say(Message::RejectRequest(requests[3])).unwrap();
        assert_eq!(rig.session.unsettled(), (0, 0, 0));
    }
    assert_eq!(rig.stored(), []);
    assert!(!rig.outputs().contains(&Output::PeerComplete));
}

#[test]
fn a_cancel_amid_a_block_drops_the_rest_of_it() {
    let mut rig = Rig::fetching(1 << 20, 64 * KIB);
    rig.grant(&[1]);
    let requests = rig.requests();
    let bytes = piece_message(requests[0]);
    rig.hear(&bytes[..1_000]).unwrap();
    rig.cancel(&[1]);
    rig.grant(&[1]);
    rig.hear(&bytes[1_000..]).unwrap();
    rig.requests();
    // The first answer is lost to the cancel; the second request of each block is answered.
    for _ in 0..2 {
        for &block in &requests[1..] {
            let _ = rig.deliver(block);
        }
    }
    rig.deliver(requests[0]).unwrap();
    assert_eq!(rig.stored(), [(1, 64 * 1024)]);
    assert_eq!(rig.session.unsettled(), (0, 0, 0));
}

#[test]
fn late_refusals_of_withdrawn_requests_do_not_end_the_new_lease() {
    let mut rig = Rig::fetching(1 << 20, 16 * KIB);
    for _ in 0..3 {
        rig.grant(&[1]);
        rig.cancel(&[1]);
    }
    rig.grant(&[1]);
    rig.outputs();
    for _ in 0..3 {
        rig.say(Message::RejectRequest(raw(1, 0, BLOCK_LENGTH)))
            .unwrap();
    }
    assert_eq!(rig.outputs(), []);
    rig.deliver(raw(1, 0, BLOCK_LENGTH)).unwrap();
    assert_eq!(rig.stored(), [(1, 16 * 1024)]);
    assert_eq!(rig.session.unsettled(), (0, 0, 0));
}

#[test]
fn an_old_answer_serves_the_new_lease_and_does_not_count_as_its_round_trip() {
    let mut rig = Rig::fetching(1 << 20, 16 * KIB);
    rig.grant(&[1]);
    rig.later(Duration::from_millis(500));
    rig.cancel(&[1]);
    rig.grant(&[1]);
    rig.later(Duration::from_micros(1));
    rig.deliver(raw(1, 0, BLOCK_LENGTH)).unwrap();
    assert_eq!(rig.stored(), [(1, 16 * 1024)]);
    assert_eq!(rig.session.figures().1, Duration::ZERO);
    rig.deliver(raw(1, 0, BLOCK_LENGTH)).unwrap();
    assert_eq!(rig.session.unsettled(), (0, 0, 0));
}

#[test]
fn a_block_that_was_never_asked_for_is_a_strike() {
    for block in [
        raw(5, 0, BLOCK_LENGTH),
        raw(1, 1, BLOCK_LENGTH),
        raw(1, 0, 100),
        raw(u32::MAX, u32::MAX, 1),
    ] {
        let mut rig = Rig::fetching(1 << 20, 16 * KIB);
        rig.grant(&[1]);
        for _ in 1..STRIKES {
            rig.deliver(block).unwrap();
        }
        let violation = rig.deliver(block).unwrap_err();
        let (piece, begin) = (block.piece, block.begin);
        assert_eq!(violation, Violation::Unrequested { piece, begin });
        assert_eq!(violation.verdict(), Verdict::Strikes(1));
        assert_eq!(rig.stored(), []);
    }
    // Nor before the content is known.
    let mut rig = Rig::greeted(true, false);
    rig.input(Input::Welcome(None));
    for _ in 1..STRIKES {
        rig.deliver(raw(0, 0, 10)).unwrap();
    }
    let violation = rig.deliver(raw(0, 0, 10)).unwrap_err();
    assert_eq!(violation, Violation::Unrequested { piece: 0, begin: 0 });
}

#[test]
fn blocks_that_cannot_be_an_answer_are_a_ban() {
    for (block, error) in [
        (raw(0, 0, 0), FrameError::EmptyBlock),
        (
            raw(0, 0, BLOCK_LENGTH + 1),
            FrameError::TooLong {
                id: 7,
                length: BLOCK_LENGTH + 9,
                limit: BLOCK_LENGTH + 8,
            },
        ),
    ] {
        let mut rig = Rig::fetching(1 << 20, 64 * KIB);
        let violation = rig.deliver(block).unwrap_err();
        assert_eq!(violation, Violation::Frame(error));
        assert_eq!(violation.verdict(), Verdict::Ban);
    }
}

#[test]
fn slow_pieces_make_progress_known_a_few_times_a_second() {
    let mut rig = Rig::fetching(1 << 20, 256 * KIB);
    rig.grant(&[1]);
    let requests = rig.requests();
    rig.outputs();
    let mut told = Vec::new();
    let bytes: Vec<u8> = requests
        .iter()
        .flat_map(|&block| piece_message(block))
        .collect();
    // A KiB every 20 ms.
    for part in bytes.chunks(1_024) {
        rig.later(Duration::from_millis(20));
        rig.hear(part).unwrap();
        if rig.outputs().contains(&Output::Progress) {
            told.push(rig.now);
        }
    }
    assert!(told.len() >= 15, "{}", told.len());
    for pair in told.windows(2) {
        assert!(pair[1].since(pair[0]) >= PROGRESS_PERIOD);
        assert!(pair[1].since(pair[0]) < PROGRESS_PERIOD + Duration::from_millis(50));
    }
}

#[test]
fn a_fast_link_says_nothing_of_progress() {
    let mut rig = Rig::fetching(16 << 20, 16 * KIB);
    for piece in 0..200 {
        rig.grant(&[piece]);
        rig.later(Duration::from_millis(100));
        rig.deliver(raw(piece, 0, BLOCK_LENGTH)).unwrap();
        assert!(!rig.outputs().contains(&Output::Progress));
    }
}

#[test]
fn without_interest_nothing_is_wanted_and_nothing_asked() {
    let mut rig = Rig::open(&info(1_000, 100), &[], true);
    rig.say(Message::Unchoke).unwrap();
    assert_eq!(rig.want(), None);
    rig.input(Input::Interest(true));
    assert!(rig.want().is_some());
    rig.input(Input::Interest(true));
    assert_eq!(rig.said(), [Said::Message(Message::Interested)]);
    rig.input(Input::Interest(false));
    rig.grant(&[1]);
    assert_eq!(rig.said(), [Said::Message(Message::NotInterested)]);
    rig.input(Input::Interest(true));
    assert_eq!(rig.said().len(), 2);
}

#[test]
fn a_block_may_end_beyond_all_numbers_and_come_in_parts() {
    let mut rig = Rig::fetching(1 << 20, 16 * KIB);
    rig.grant(&[1]);
    for piece in [1, u32::MAX] {
        let message = piece_message(raw(piece, u32::MAX - 10, 100));
        message.chunks(30).for_each(|part| rig.hear(part).unwrap());
    }
    // What was asked for is taken all the same.
    rig.deliver(raw(1, 0, BLOCK_LENGTH)).unwrap();
    assert_eq!(rig.stored(), [(1, 16 * 1024)]);
}

#[test]
fn a_piece_that_was_refused_when_it_was_asked_for_in_part_waits_its_turn_again_and_once() {
    let mut rig = Rig::fetching(4 << 20, 1 << 20);
    rig.grant(&[1, 2]);
    let asked = rig.requests();
    assert!(asked.len() < 64 && asked.iter().all(|block| block.piece == 1));
    rig.say(Message::RejectRequest(asked[0])).unwrap();
    // The rig counts again what waits after each step.
    rig.grant(&[1]);
    let asked = rig.requests();
    assert!(!asked.is_empty() && asked.iter().all(|block| block.piece == 2));
    for block in asked {
        rig.deliver(block).unwrap();
    }
    let stored = serve(&mut rig);
    assert_eq!(stored, [(2, 1 << 20), (1, 1 << 20)]);
}
