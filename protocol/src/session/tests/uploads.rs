//! The peer's requests.

use bytes::Bytes;

use super::rig::*;
use crate::layout::{BLOCK_LENGTH, Block, BlockError, PieceIndex};
use crate::session::{
    Input, MAX_QUEUED_REQUESTS, MAX_REQUEST_LENGTH, Output, READ_BATCH, STRIKES, Verdict, Violation,
};
use crate::wire::Message;

fn block(piece: u32, begin: u32, length: u32) -> Block {
    let piece = PieceIndex::new(piece);
    Block {
        piece,
        begin,
        length,
    }
}

fn reads(rig: &mut Rig) -> Vec<Vec<Block>> {
    let reads = rig.outputs().into_iter().filter_map(|output| match output {
        Output::Read(blocks) => Some(blocks),
        _ => None,
    });
    reads.collect()
}

fn reject(block: crate::wire::RawBlock) -> Said {
    Said::Message(Message::RejectRequest(block))
}

#[test]
fn a_request_is_read_and_answered() {
    let mut rig = Rig::open(&info(1_000, 100), &[3], true);
    rig.say(Message::Request(raw(3, 10, 20))).unwrap();
    assert_eq!(reads(&mut rig), [vec![block(3, 10, 20)]]);
    let data = Bytes::from_static(b"12345678901234567890");
    rig.input(Input::BlocksRead(vec![block(3, 10, 20)], data.clone()));
    assert_eq!(rig.said(), [Said::Block(raw(3, 10, 20), data.to_vec())]);
}

#[test]
fn requests_are_read_in_batches_and_one_batch_at_a_time() {
    let mut rig = Rig::open(&info(4 << 20, 4 << 20), &[0], true);
    for begin in 0..140 {
        rig.say(Message::Request(raw(0, begin * BLOCK_LENGTH, BLOCK_LENGTH)))
            .unwrap();
    }
    let first = reads(&mut rig).remove(0);
    rig.input(Input::ReadFailed(first));
    let batch = reads(&mut rig).remove(0);
    assert_eq!(batch.len() as u32, READ_BATCH / BLOCK_LENGTH);
    assert!(reads(&mut rig).is_empty());
    let data = Bytes::from(vec![0; READ_BATCH as usize]);
    rig.input(Input::BlocksRead(batch, data));
    assert!(reads(&mut rig).is_empty(), "the last batch is not written");
    rig.said();
    assert_eq!(reads(&mut rig).len(), 1);
}

#[test]
fn what_a_short_answer_leaves_out_is_read_next_and_sent_in_order() {
    let mut rig = Rig::open(&info(1_000, 100), &[3], true);
    let blocks: Vec<_> = (0..4).map(|n| block(3, n * 20, 20)).collect();
    for block in &blocks {
        rig.say(Message::Request((*block).into())).unwrap();
    }
    let first = reads(&mut rig).remove(0);
    assert_eq!(first, [blocks[0]], "requests of one message each");
    rig.input(Input::BlocksRead(first, vec![0; 20].into()));
    let rest = reads(&mut rig).remove(0);
    assert_eq!(rest, blocks[1..]);
    rig.input(Input::BlocksRead(rest, vec![1; 30].into()));
    assert_eq!(reads(&mut rig), [blocks[2..].to_vec()]);
    rig.input(Input::BlocksRead(blocks[2..].to_vec(), vec![2; 40].into()));
    let sent: Vec<_> = rig
        .said()
        .into_iter()
        .map(|said| match said {
            Said::Block(head, data) => (head.begin, data[0]),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sent, [(0, 0), (20, 1), (40, 2), (60, 2)]);
}

#[test]
fn a_failed_read_is_refused_and_the_piece_can_be_announced_again() {
    for fast in [true, false] {
        let mut rig = Rig::open(&info(1_000, 100), &[3, 4], fast);
        rig.say(Message::Request(raw(3, 0, 100))).unwrap();
        rig.input(Input::ReadFailed(vec![block(3, 0, 100)]));
        let expected = if fast {
            vec![reject(raw(3, 0, 100))]
        } else {
            vec![]
        };
        assert_eq!(rig.said(), expected);
        reads(&mut rig);
        // Asking on in good faith costs nothing, however often.
        for _ in 0..2 * STRIKES {
            rig.say(Message::Request(raw(3, 0, 100))).unwrap();
        }
        assert!(reads(&mut rig).is_empty());
        rig.said();
        rig.input(Input::Announce(indices(&[3])));
        assert_eq!(rig.said(), [Said::Message(Message::Have(3))]);
        rig.say(Message::Request(raw(3, 0, 100))).unwrap();
        assert_eq!(reads(&mut rig), [vec![block(3, 0, 100)]]);
    }
}

#[test]
fn withdrawn_pieces_are_refused_without_strikes() {
    let mut rig = Rig::open(&info(1_000, 100), &[3], true);
    rig.input(Input::Withdraw(indices(&[3, 5])));
    for _ in 0..2 * STRIKES {
        rig.say(Message::Request(raw(3, 0, 100))).unwrap();
        assert_eq!(rig.said(), [reject(raw(3, 0, 100))]);
    }
}

#[test]
fn a_cancelled_request_is_rejected_once_and_only_while_it_waits() {
    let mut rig = Rig::open(&info(1_000, 100), &[3, 4], true);
    rig.say(Message::Request(raw(3, 0, 100))).unwrap();
    rig.say(Message::Request(raw(4, 0, 100))).unwrap();
    // Piece 3 is being read: its answer comes. Piece 4 waits.
    for request in [raw(3, 0, 100), raw(4, 0, 100), raw(4, 0, 100), raw(9, 1, 1)] {
        rig.say(Message::Cancel(request)).unwrap();
    }
    assert_eq!(rig.said(), [reject(raw(4, 0, 100))]);
    rig.input(Input::BlocksRead(
        vec![block(3, 0, 100)],
        vec![0; 100].into(),
    ));
    assert_eq!(rig.said().len(), 1);
    assert_eq!(reads(&mut rig).len(), 1);

    let mut rig = Rig::open(&info(1_000, 100), &[3, 4], false);
    rig.say(Message::Request(raw(3, 0, 100))).unwrap();
    rig.say(Message::Request(raw(4, 0, 100))).unwrap();
    rig.say(Message::Cancel(raw(4, 0, 100))).unwrap();
    assert_eq!(rig.said(), []);
}

#[test]
fn a_request_for_what_we_lack_is_rejected_and_a_strike() {
    let mut rig = Rig::open(&info(1_000, 100), &[3], true);
    for _ in 1..STRIKES {
        rig.say(Message::Request(raw(4, 0, 100))).unwrap();
        assert_eq!(rig.said(), [reject(raw(4, 0, 100))]);
    }
    let violation = rig.say(Message::Request(raw(4, 0, 100))).unwrap_err();
    assert_eq!(violation, Violation::RequestedMissing(4));
    assert_eq!(violation.verdict(), Verdict::Strikes(1));
}

#[test]
fn a_request_before_the_content_is_known_is_a_strike() {
    let mut rig = Rig::greeted(true, false);
    rig.input(Input::Welcome(None));
    rig.said();
    rig.say(Message::Request(raw(0, 0, 100))).unwrap();
    assert_eq!(rig.said(), [reject(raw(0, 0, 100))]);
}

#[test]
fn a_request_that_is_too_long_is_a_heavy_strike() {
    let mut rig = Rig::open(&info(1 << 20, 1 << 20), &[0], true);
    let most = raw(0, 0, MAX_REQUEST_LENGTH);
    rig.say(Message::Request(most)).unwrap();
    assert_eq!(reads(&mut rig).len(), 1);
    let long = raw(0, 0, MAX_REQUEST_LENGTH + 1);
    for _ in 0..3 {
        rig.say(Message::Request(long)).unwrap();
        assert_eq!(rig.said(), [reject(long)]);
    }
    let violation = rig.say(Message::Request(long)).unwrap_err();
    let (length, limit) = (MAX_REQUEST_LENGTH + 1, MAX_REQUEST_LENGTH);
    assert_eq!(violation, Violation::RequestTooLong { length, limit });
    assert_eq!(violation.verdict(), Verdict::Strikes(STRIKES / 4));
}

#[test]
fn a_request_for_a_block_that_cannot_exist_is_a_ban() {
    for (request, expected) in [
        (
            raw(10, 0, 1),
            BlockError::NoSuchPiece {
                piece: 10,
                pieces: 10,
            },
        ),
        (
            raw(u32::MAX, 0, 1),
            BlockError::NoSuchPiece {
                piece: u32::MAX,
                pieces: 10,
            },
        ),
        (raw(3, 0, 0), BlockError::Empty { piece: 3 }),
        (
            raw(3, 1, 100),
            BlockError::OutOfPiece {
                piece: 3,
                begin: 1,
                length: 100,
                piece_length: 100,
            },
        ),
        (
            raw(3, u32::MAX, u32::MAX),
            BlockError::OutOfPiece {
                piece: 3,
                begin: u32::MAX,
                length: u32::MAX,
                piece_length: 100,
            },
        ),
    ] {
        let mut rig = Rig::open(&info(1_000, 100), &[3], true);
        let violation = rig.say(Message::Request(request)).unwrap_err();
        assert_eq!(violation, Violation::Block(expected));
        assert_eq!(violation.verdict(), Verdict::Ban);
    }
}

#[test]
fn more_requests_than_we_queue_close_the_link() {
    let mut rig = Rig::open(&info(1 << 20, 1 << 20), &[0], true);
    rig.say(Message::Request(raw(0, 0, 1))).unwrap();
    assert_eq!(reads(&mut rig).len(), 1);
    for _ in 0..MAX_QUEUED_REQUESTS {
        rig.say(Message::Request(raw(0, 0, 1))).unwrap();
    }
    let violation = rig.say(Message::Request(raw(0, 0, 1))).unwrap_err();
    assert_eq!(violation, Violation::TooManyRequests(MAX_QUEUED_REQUESTS));
    assert_eq!(violation.verdict(), Verdict::Close);
}
