//! Time: what a link may take it for, and what ends it.

use std::time::Duration;

use super::rig::*;
use crate::extension::{ExtensionHandshake, METADATA_ID, MetadataMessage};
use crate::session::{
    CHATTER_BURST, CloseReason, HANDSHAKE_TIMEOUT, Input, KEEP_ALIVE, MAX_OUTBOX, MESSAGE_LIMIT,
    Output, PROBE_REST, PROGRESS_PERIOD, Role, SILENCE_LIMIT, SNUBBED_AFTER, STARVED_LIMIT,
    STORE_DELAY, STUCK_LIMIT,
};
use crate::time::Timestamp;
use crate::wire::Message;

const TICK: Duration = Duration::from_micros(1);

/// Goes to the next timeout, just before it first: nothing must happen there.
fn expire(rig: &mut Rig) -> Vec<Output> {
    let due = rig.session.next_timeout();
    rig.outputs();
    rig.now = Timestamp::from_micros(due.as_micros() - 1);
    rig.input(Input::Wake);
    assert_eq!(rig.outputs(), []);
    assert_eq!(rig.session.next_timeout(), due);
    rig.now = due;
    rig.input(Input::Wake);
    rig.outputs()
}

fn closed(reason: CloseReason) -> Vec<Output> {
    vec![Output::Close(reason)]
}

#[test]
fn a_link_that_is_not_ready_in_time_is_closed() {
    let start = Rig::new(Role::Accepted).now;
    let dialed = Rig::new(Role::Dialed { info_hash: SWARM });
    let mut half = Rig::new(Role::Accepted);
    half.hear(&greeting(SWARM, true, true)[..67]).unwrap();
    let mut silent = Rig::greeted(true, true);
    silent.input(Input::Welcome(None));
    silent.said();
    for mut rig in [
        Rig::new(Role::Accepted),
        dialed,
        half,
        silent,
        Rig::greeted(true, true),
    ] {
        rig.raw_writes();
        assert_eq!(expire(&mut rig), closed(CloseReason::HandshakeTimedOut));
        assert_eq!(rig.now, start + HANDSHAKE_TIMEOUT);
        assert_eq!(rig.session.next_timeout(), Timestamp::NEVER);
    }
}

#[test]
fn an_idle_link_keeps_itself_alive_and_ends_a_silent_peer() {
    let mut rig = Rig::open(&info(1_000, 100), &[], true);
    let start = rig.now;
    for beat in 1..=2 {
        assert_eq!(expire(&mut rig), []);
        assert_eq!(rig.now, start + KEEP_ALIVE * beat);
        assert_eq!(rig.said(), [Said::Message(Message::KeepAlive)]);
    }
    assert_eq!(expire(&mut rig), closed(CloseReason::Silent));
    assert_eq!(rig.now, start + SILENCE_LIMIT);
}

#[test]
fn a_probe_is_a_keep_alive_and_one_a_second_at_most() {
    let mut rig = Rig::open(&info(1_000, 100), &[], true);
    let start = rig.now;
    rig.input(Input::Probe);
    assert_eq!(rig.said(), [], "something was said just now");
    rig.now = start + PROBE_REST;
    for _ in 0..3 {
        rig.input(Input::Probe);
    }
    assert_eq!(rig.said(), [Said::Message(Message::KeepAlive)]);
    rig.input(Input::Probe);
    assert_eq!(rig.said(), []);
}

#[test]
fn a_peer_that_only_keeps_alive_lives() {
    let mut rig = Rig::open(&info(1_000, 100), &[], true);
    for _ in 0..20 {
        rig.later(Duration::from_secs(110));
        rig.say(Message::KeepAlive).unwrap();
        rig.input(Input::Wake);
        assert_eq!(rig.outputs(), []);
        rig.said();
    }
}

#[test]
fn a_peer_that_owes_blocks_and_sends_none_is_closed() {
    let mut rig = Rig::fetching(1_000, 100);
    rig.later(Duration::from_secs(50));
    rig.grant(&[1, 2]);
    rig.said();
    let granted = rig.now;
    rig.later(Duration::from_secs(5));
    rig.say(Message::KeepAlive).unwrap();
    assert_eq!(rig.session.next_timeout(), granted + SNUBBED_AFTER);
    rig.now = granted + SNUBBED_AFTER;
    rig.input(Input::Wake);
    assert_eq!(rig.told_the_choker().last(), Some(&Output::Snubs(true)));
    assert_eq!(expire(&mut rig), closed(CloseReason::Starved));
    assert_eq!(rig.now, granted + STARVED_LIMIT);
}

#[test]
fn a_peer_that_owes_nothing_does_not_starve_us() {
    let mut rig = Rig::fetching(1_000, 100);
    rig.grant(&[1, 2]);
    rig.deliver(raw(1, 0, 100)).unwrap();
    rig.cancel(&[2]);
    rig.said();
    rig.later(STARVED_LIMIT * 2);
    rig.input(Input::Wake);
    assert!(!rig.outputs().contains(&Output::Close(CloseReason::Starved)));
}

#[test]
fn a_message_that_comes_by_drops_ends_the_link_whether_it_is_wanted_or_not() {
    let block = encoded(&Message::Bitfield(vec![0; 2].into()));
    let piece = [&[0, 0, 0, 109, 7][..], &[0; 108]].concat();
    let unknown = [&[0, 0, 0, 99, 200][..], &[0; 98]].concat();
    for message in [block, piece, unknown] {
        let mut rig = Rig::open(&info(1_000, 100), &[], true);
        rig.later(SILENCE_LIMIT - TICK);
        let began = rig.now;
        let mut drops = message.iter();
        let closing = loop {
            let drop = drops.next().expect("no limit on one message");
            rig.hear(&[*drop]).unwrap();
            rig.outputs();
            rig.said();
            rig.later(Duration::from_secs(10));
            rig.input(Input::Wake);
            let outputs = rig.outputs();
            if !outputs.is_empty() {
                break outputs;
            }
        };
        assert_eq!(closing, closed(CloseReason::Unfinished));
        assert_eq!(rig.now, began + MESSAGE_LIMIT);
    }
}

#[test]
fn messages_that_each_come_to_their_end_may_take_all_day() {
    let mut rig = Rig::open(&info(1_000, 100), &[], true);
    let stream = encoded(&Message::Have(1)).repeat(20);
    // Two bytes of nine at a time: the stream is hardly ever between two messages.
    for drop in stream.chunks(2) {
        rig.hear(drop).unwrap();
        rig.later(MESSAGE_LIMIT / 6);
        rig.input(Input::Wake);
        assert!(
            !rig.outputs()
                .iter()
                .any(|it| matches!(it, Output::Close(_)))
        );
        rig.said();
    }
}

#[test]
fn a_message_that_we_do_not_read_on_is_not_held_against_the_peer() {
    let mut rig = Rig::open(&info(1_000, 100), &[], true);
    rig.hear(&[0, 0]).unwrap();
    rig.later(MESSAGE_LIMIT - TICK);
    for _ in 0..3 {
        rig.held_up();
        rig.later(MESSAGE_LIMIT);
        rig.held_up();
        rig.input(Input::Wake);
        assert_eq!(rig.outputs(), []);
        rig.said();
    }
    rig.hear(&[0]).unwrap();
    rig.later(TICK);
    rig.input(Input::Wake);
    assert_eq!(rig.outputs(), closed(CloseReason::Unfinished));
}

#[test]
fn a_peer_that_takes_nothing_is_stuck_but_an_idle_one_is_not() {
    let mut rig = Rig::open(&info(1_000, 100), &[], true);
    // Long idle: what is written now waits from now on.
    rig.later(Duration::from_secs(60));
    rig.input(Input::Announce(indices(&[1])));
    let start = rig.now;
    rig.input(Input::Wake);
    assert_eq!(rig.outputs(), []);
    rig.later(STUCK_LIMIT - TICK);
    rig.session.written(1, rig.now, &mut Vec::new());
    let taken = rig.now;
    assert!(taken > start);
    assert_eq!(expire(&mut rig), closed(CloseReason::Stuck));
    assert_eq!(rig.now, taken + STUCK_LIMIT);
}

#[test]
fn a_keep_alive_that_is_not_written_at_once_does_not_end_the_link() {
    let mut rig = Rig::open(&info(1_000, 100), &[], true);
    assert_eq!(expire(&mut rig), []);
    assert!(rig.session.next_timeout() > rig.now);
    rig.input(Input::Wake);
    assert_eq!(rig.outputs(), []);
    assert_eq!(rig.said(), [Said::Message(Message::KeepAlive)]);
}

#[test]
fn a_peer_that_asks_faster_than_it_reads_is_closed_before_memory_is_gone() {
    let mut rig = Rig::greeted(true, true);
    rig.input(Input::Welcome(None));
    rig.greet(&ExtensionHandshake {
        metadata_id: Some(1),
        ..Default::default()
    });
    rig.outputs();
    let request = MetadataMessage::Request { piece: 0 };
    let word = encoded(&extended(METADATA_ID, request.encode()));
    let flood = word.repeat(1_000);
    for _ in 0..1_000 {
        if rig.hear(&flood).is_err() {
            // Answers are not much longer than what they answer.
            let waiting = rig.session.outbox().len();
            assert!(
                waiting < 2 * word.len() * CHATTER_BURST as usize,
                "{waiting}"
            );
            return;
        }
    }
    panic!("the outbox grows without end");
}

#[test]
fn a_peer_that_reads_nothing_is_closed_before_what_we_say_fills_the_memory() {
    let pieces: Vec<_> = (0..100_000).collect();
    let mut rig = Rig::open(&info(100_000, 1), &[], true);
    for _ in 0..100 {
        rig.input(Input::Announce(indices(&pieces)));
        if rig.outputs().contains(&closed(CloseReason::Stuck)[0]) {
            let waiting = rig.session.outbox().len();
            assert!(waiting < MAX_OUTBOX + 10 * pieces.len(), "{waiting}");
            return;
        }
        rig.input(Input::Withdraw(indices(&pieces)));
    }
    panic!("the outbox grows without end");
}

#[test]
fn a_small_piece_waits_for_company_only_for_a_moment() {
    let mut rig = Rig::fetching(1_000, 100);
    rig.grant(&[1, 2]);
    rig.requests();
    rig.deliver(raw(1, 0, 100)).unwrap();
    assert_eq!(rig.stored(), []);
    let arrived = rig.now;
    assert_eq!(rig.session.next_timeout(), arrived + STORE_DELAY);
    rig.now = arrived + STORE_DELAY;
    rig.input(Input::Wake);
    assert_eq!(rig.stored(), [(1, 100)]);
    rig.deliver(raw(2, 0, 100)).unwrap();
    assert_eq!(rig.stored(), [(2, 100)], "nothing else is on its way");
}

#[test]
fn a_link_that_ended_says_nothing_more_of_its_progress() {
    let mut rig = Rig::fetching(100, 100);
    rig.grant(&[0]);
    rig.outputs();
    rig.later(PROGRESS_PERIOD);
    rig.held_up();
    assert_eq!(rig.outputs(), [Output::Progress]);
    assert!(rig.hear(&[0xff; 5]).is_err());
    rig.later(PROGRESS_PERIOD);
    rig.held_up();
    assert_eq!(rig.outputs(), []);
}
