use std::time::Duration;

use proptest::prelude::*;

use super::announce;
use crate::time::Timestamp;
use crate::tracker::udp::{Conversation, Step};
use crate::tracker::{AskError, Event, INTERVAL_FLOOR, UDP_PATIENCE, UDP_TRIES};

const START: Timestamp = Timestamp::from_millis(1_000);

fn begin() -> (Conversation, Vec<u8>) {
    Conversation::begin(announce(Event::Completed), false, 1, START)
}

fn word(packet: &[u8], at: usize) -> [u8; 4] {
    packet[at..at + 4].try_into().unwrap()
}

/// The transaction of a request.
fn transaction(packet: &[u8]) -> [u8; 4] {
    word(packet, 12)
}

fn connected(packet: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0][..], &transaction(packet), b"CONN-IDX"].concat()
}

fn sent(step: Option<Step>) -> Vec<u8> {
    match step {
        Some(Step::Send(packet)) => packet,
        other => panic!("{other:?} is no packet"),
    }
}

#[test]
fn packets_are_those_of_the_specification() {
    let (mut conversation, connect) = begin();
    assert_eq!(connect.len(), 16);
    assert_eq!(connect[..12], *b"\0\0\x04\x17\x27\x10\x19\x80\0\0\0\0");
    let request = sent(conversation.received(&connected(&connect), START));
    let said = announce(Event::Completed);
    let expected = [
        &b"CONN-IDX\0\0\0\x01"[..],
        &transaction(&request),
        &said.info_hash.0,
        &said.peer_id.0,
        b"\0\0\0\0\0\0\0\x02",
        b"\0\0\0\0\0\0\0\x03",
        b"\0\0\0\0\0\0\0\x01",
        b"\0\0\0\x01",
        b"\0\0\0\0",
        b"\0\xc0\xff\xee",
        b"\0\0\0\x32",
        b"\x1a\xe1",
    ];
    assert_eq!(request, expected.concat());
    assert_eq!(request.len(), 98);
    let head = [&b"\0\0\0\x01"[..], &transaction(&request)].concat();
    let body = b"\0\0\0\x05\0\0\0\x02\0\0\0\x01\x0a\0\0\x07\x1a\xe1\x0a\0";
    let answer = conversation.received(&[&head[..], body].concat(), START);
    let Some(Step::Done(Ok(answer))) = answer else {
        panic!("{answer:?} is no answer");
    };
    assert_eq!(answer.interval, INTERVAL_FLOOR, "5 s are not believed");
    assert_eq!((answer.incomplete, answer.complete), (Some(2), Some(1)));
    assert_eq!(answer.peers, ["10.0.0.7:6881".parse().unwrap()]);
}

#[test]
fn an_ipv6_tracker_names_ipv6_peers() {
    let said = announce(Event::Regular);
    let (mut conversation, connect) = Conversation::begin(said, true, 1, START);
    let request = sent(conversation.received(&connected(&connect), START));
    let mut packet = [&b"\0\0\0\x01"[..], &transaction(&request), &[0; 12]].concat();
    packet.extend_from_slice(&[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 80]);
    let answer = conversation.received(&packet, START);
    let Some(Step::Done(Ok(answer))) = answer else {
        panic!("{answer:?} is no answer");
    };
    assert_eq!(answer.peers, ["[fd00::9]:80".parse().unwrap()]);
}

#[test]
fn words_of_an_error_are_passed_on_and_strangers_packets_are_not_for_us() {
    let (mut conversation, connect) = begin();
    let error = [&b"\0\0\0\x03"[..], &transaction(&connect), b"go \x07away"].concat();
    let mut other = error.clone();
    other[7] ^= 1;
    assert_eq!(conversation.received(&other, START), None);
    assert_eq!(conversation.received(b"short", START), None);
    let refused = AskError::Refused("go \u{fffd}away".to_owned());
    let done = conversation.received(&error, START);
    assert_eq!(done, Some(Step::Done(Err(refused))));
}

#[test]
fn an_answer_before_the_connection_is_not_believed() {
    let (mut conversation, connect) = begin();
    let answer = [&b"\0\0\0\x01"[..], &transaction(&connect), &[0; 12]].concat();
    assert_eq!(conversation.received(&answer, START), None);
}

#[test]
fn silence_is_answered_by_few_packets_further_and_further_apart() {
    let (mut conversation, _) = begin();
    let mut waits = Vec::new();
    let mut now = START;
    let end = loop {
        assert_eq!(conversation.tick(now), None, "too early");
        waits.push(conversation.deadline().since(now));
        now = conversation.deadline();
        match conversation.tick(now) {
            Some(Step::Send(packet)) => assert_eq!(packet.len(), 16),
            other => break other,
        }
    };
    assert_eq!(end, Some(Step::Done(Err(AskError::Silent))));
    assert_eq!(waits, [15, 30, 60].map(Duration::from_secs));
}

#[test]
fn a_connection_is_not_used_for_longer_than_a_minute() {
    let (mut conversation, connect) = begin();
    sent(conversation.received(&connected(&connect), START));
    let after = START + UDP_PATIENCE;
    let again = sent(conversation.tick(after));
    assert_eq!(again.len(), 98, "it is good still");
    let late = START + Duration::from_secs(75);
    let again = sent(conversation.tick(late));
    assert_eq!(again.len(), 16, "a new one is asked for");
}

proptest! {
    #[test]
    fn whatever_comes_back_the_packets_are_few(
        replies in prop::collection::vec(
            (prop::option::of(0_u32..4), prop::collection::vec(any::<u8>(), 0..40), 0_u64..90),
            0..40,
        ),
    ) {
        let (mut conversation, mut last) = begin();
        let mut now = START;
        let mut packets = 1;
        for (action, rest, seconds) in replies {
            now = now + Duration::from_secs(seconds);
            let reply = match action {
                Some(action) => [&action.to_be_bytes()[..], &transaction(&last), &rest].concat(),
                None => rest,
            };
            let ticked = conversation.tick(now);
            for step in [ticked, conversation.received(&reply, now)].into_iter().flatten() {
                match step {
                    Step::Send(packet) => {
                        packets += 1;
                        last = packet;
                    }
                    Step::Done(_) => return Ok(()),
                }
            }
            prop_assert!(packets <= 2 * UDP_TRIES + 2);
        }
    }
}
