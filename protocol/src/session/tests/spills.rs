//! Pieces too long for memory: handed out in parts, once, and taken back when they are given up.

use std::collections::BTreeMap;

use super::rig::*;
use crate::layout::SPILL_LENGTH;
use crate::session::{Input, Output, PART_LENGTH, STARVED_LIMIT, Spill};
use crate::wire::{Message, RawBlock};

const LONG: u64 = 2 * SPILL_LENGTH as u64 + 5;

/// What a host knows of long pieces: how often each byte came.
#[derive(Default)]
struct Host {
    open: BTreeMap<u32, Vec<u8>>,
    whole: Vec<u32>,
    dropped: Vec<u32>,
    longest: usize,
    parts: usize,
}

impl Host {
    fn hear(&mut self, rig: &mut Rig) {
        for output in rig.outputs() {
            match output {
                Output::Spill(Spill::Part { piece, begin, data }) => {
                    assert!(data.iter().all(|&byte| byte == piece.get() as u8));
                    assert!(!data.is_empty());
                    let empty = || vec![0; LONG as usize];
                    let seen = self.open.entry(piece.get()).or_insert_with(empty);
                    for count in &mut seen[begin as usize..][..data.len()] {
                        *count += 1;
                    }
                    self.longest = self.longest.max(data.len());
                    self.parts += 1;
                }
                Output::Spill(Spill::Whole(piece)) => {
                    let seen = self.open.remove(&piece.get()).unwrap();
                    assert!(seen.iter().all(|&count| count == 1), "not every byte, once");
                    self.whole.push(piece.get());
                }
                Output::Spill(Spill::Dropped(piece)) => {
                    assert!(
                        self.open.remove(&piece.get()).is_some(),
                        "nothing came of it"
                    );
                    self.dropped.push(piece.get());
                }
                Output::Pieces(pieces) => panic!("{} pieces in memory", pieces.len()),
                _ => {}
            }
        }
    }

    /// Answers up to `most` requests, in the order that `order` gives them.
    fn serve(&mut self, rig: &mut Rig, most: usize, order: impl Fn(&mut Vec<RawBlock>)) {
        let mut answered = 0;
        while answered < most {
            let mut requests = rig.requests();
            if requests.is_empty() {
                return;
            }
            order(&mut requests);
            for block in requests {
                rig.deliver(block).unwrap();
                self.hear(rig);
                answered += 1;
            }
        }
    }
}

#[test]
fn a_long_piece_leaves_in_long_runs_with_every_byte_once() {
    let mut rig = Rig::fetching(2 * LONG, LONG);
    let mut host = Host::default();
    rig.grant(&[1]);
    host.serve(&mut rig, usize::MAX, |_| {});
    assert_eq!(host.whole, [1]);
    assert_eq!(host.longest, PART_LENGTH);
    assert_eq!(host.parts, (LONG as usize).div_ceil(PART_LENGTH));
    assert_eq!(rig.session.unsettled(), (0, 0, 0));
}

#[test]
fn blocks_in_any_order_make_a_long_piece_with_every_byte_once() {
    let seed = fastrand::Rng::with_seed(7);
    let mut rig = Rig::fetching(2 * LONG, LONG);
    let mut host = Host::default();
    rig.grant(&[0, 1]);
    host.serve(&mut rig, usize::MAX, |requests| {
        seed.clone().shuffle(requests);
    });
    assert_eq!(host.whole.len(), 2);
    assert!(host.longest <= PART_LENGTH);
}

#[test]
fn a_piece_of_the_threshold_is_still_put_together_in_memory() {
    let length = u64::from(SPILL_LENGTH);
    let mut rig = Rig::fetching(length, length);
    rig.grant(&[0]);
    let mut stored = Vec::new();
    loop {
        let requests = rig.requests();
        if requests.is_empty() {
            break;
        }
        for block in requests {
            rig.deliver(block).unwrap();
            stored.extend(rig.stored());
        }
    }
    assert_eq!(stored, [(0, length as usize)]);
}

#[test]
fn a_long_piece_that_is_cancelled_choked_or_rejected_is_dropped_and_may_begin_anew() {
    type End = fn(&mut Rig);
    let ends: [End; 3] = [
        |rig| rig.cancel(&[1]),
        |rig| {
            rig.say(Message::Choke).unwrap();
            rig.say(Message::Unchoke).unwrap();
        },
        |rig| {
            let next = rig.requests()[0];
            rig.say(Message::RejectRequest(next)).unwrap();
        },
    ];
    for end in ends {
        let mut rig = Rig::fetching(2 * LONG, LONG);
        let mut host = Host::default();
        rig.grant(&[1]);
        host.serve(&mut rig, 60, |_| {});
        assert!(host.parts > 0);
        end(&mut rig);
        host.hear(&mut rig);
        assert_eq!(host.dropped, [1]);
        rig.said();
        rig.grant(&[1]);
        host.serve(&mut rig, usize::MAX, |_| {});
        assert_eq!(host.whole, [1]);
    }
}

#[test]
fn a_long_piece_of_which_nothing_was_handed_out_is_not_dropped() {
    let mut rig = Rig::fetching(2 * LONG, LONG);
    rig.grant(&[1]);
    let first = rig.requests()[0];
    rig.deliver(first).unwrap();
    rig.cancel(&[1]);
    let spilled = |output: &Output| matches!(output, Output::Spill(_));
    assert!(!rig.outputs().iter().any(spilled));
}

#[test]
fn a_peer_is_not_closed_for_what_the_host_did_not_read() {
    let mut rig = Rig::fetching(2 * LONG, LONG);
    rig.grant(&[1]);
    rig.said();
    for (held_up, closes) in [(true, false), (false, true)] {
        rig.later(STARVED_LIMIT);
        if held_up {
            rig.held_up();
        }
        rig.input(Input::Wake);
        let closed = |output: &Output| matches!(output, Output::Close(_));
        assert_eq!(rig.outputs().iter().any(closed), closes);
    }
}
