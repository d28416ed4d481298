use std::time::Duration;

use proptest::prelude::*;

use super::{announce, url};
use crate::bencode::DictEncoder;
use crate::tracker::http::{answer, request};
use crate::tracker::{
    AskError, Event, INTERVAL_CEILING, INTERVAL_DEFAULT, INTERVAL_FLOOR, MAX_PEERS_READ, MAX_WORDS,
    MIN_INTERVAL_DEFAULT,
};

const QUERY: &str = "info_hash=%00%20%26%FFhhhhhhhhhhhhhhhh&peer_id=-SW0100-abcdefghijkl\
    &port=6881&uploaded=1&downloaded=2&left=3&compact=1&no_peer_id=1&numwant=50&key=00c0ffee";

#[test]
fn the_query_has_raw_bytes_encoded_and_keeps_what_the_url_has() {
    let mut said = announce(Event::Started);
    assert_eq!(
        request(&url("http://t/announce"), &said),
        format!("http://t/announce?{QUERY}&event=started")
    );
    said.event = Event::Regular;
    said.tracker_id = Some(b"a b".to_vec());
    assert_eq!(
        request(&url("http://t/a?pass=1#top"), &said),
        format!("http://t/a?pass=1&{QUERY}&trackerid=a%20b")
    );
    said.figures.left = None;
    let unknown = request(&url("http://t/"), &said);
    assert!(unknown.contains("&left=16384&"), "{unknown}");
    assert!(
        !unknown.contains("&ip="),
        "our address is for the tracker to see"
    );
}

#[test]
fn compact_answers_and_ipv6_peers_are_read() {
    let mut dict = DictEncoder::new();
    dict.integer(b"interval", 900)
        .integer(b"min interval", 300)
        .integer(b"complete", 7)
        .integer(b"incomplete", -1)
        .bytes(b"tracker id", &b"id"[..])
        .bytes(b"warning message", &b"soon\n"[..])
        .bytes(b"peers", &b"\x0a\0\0\x07\x1a\xe1\x0a\0\0\x08\0\0"[..]);
    let mut v6 = [0_u8; 18];
    (v6[0], v6[15], v6[17]) = (0xfd, 7, 80);
    dict.bytes(b"peers6", &v6[..]);
    let answer = answer(&dict.finish()).unwrap();
    assert_eq!(answer.interval, Duration::from_secs(900));
    assert_eq!(answer.min_interval, Duration::from_secs(300));
    assert_eq!((answer.complete, answer.incomplete), (Some(7), None));
    assert_eq!(answer.tracker_id.as_deref(), Some(&b"id"[..]));
    assert_eq!(answer.warning.as_deref(), Some("soon\u{fffd}"));
    // The peer with port 0 is none.
    let peers: Vec<_> = answer.peers.iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["10.0.0.7:6881", "[fd00::7]:80"]);
}

#[test]
fn peers_may_be_dictionaries_and_names_among_them_are_left_out() {
    let body = b"d5:peersl\
        d2:ip8:10.0.0.77:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881ee\
        d2:ip7:fd00::74:porti1ee\
        d2:ip4:host4:porti1ee\
        d2:ip8:10.0.0.94:porti99999ee\
        i5e\
        ee";
    let answer = answer(body).unwrap();
    let peers: Vec<_> = answer.peers.iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["10.0.0.7:6881", "[fd00::7]:1"]);
    assert_eq!(answer.interval, INTERVAL_DEFAULT);
    assert_eq!(answer.min_interval, MIN_INTERVAL_DEFAULT);
}

#[test]
fn refusals_and_garbage_are_told_apart() {
    let long = format!("d14:failure reason{}:{}e", 999, "x".repeat(999));
    let Err(AskError::Refused(words)) = answer(long.as_bytes()) else {
        panic!("not refused");
    };
    assert_eq!(words.len(), MAX_WORDS);
    for (body, error) in [
        (
            &b"d14:failure reason12:unregisterede"[..],
            "it refuses: unregistered",
        ),
        (
            b"<html>",
            "its answer makes no sense: unexpected byte 0x3c at 0 in bencode",
        ),
        (
            b"le",
            "its answer makes no sense: it is a list; it must be a dictionary",
        ),
        (
            b"d5:peersi1ee",
            "its answer makes no sense: 'peers' is an integer; it must be a string or a list",
        ),
        (
            b"d5:peers5:abcdee",
            "its answer makes no sense: 5 bytes of compact addresses; it must be a multiple of 6",
        ),
    ] {
        assert_eq!(answer(body).unwrap_err().to_string(), error);
    }
}

#[test]
fn a_million_peers_are_two_hundred() {
    let body = [
        &b"d5:peers6000000:"[..],
        &b"\x0a\0\0\x07\x1a\xe1".repeat(1_000_000),
        b"e",
    ]
    .concat();
    assert_eq!(answer(&body).unwrap().peers.len(), MAX_PEERS_READ);
}

proptest! {
    #[test]
    fn no_number_of_a_tracker_leaves_the_bounds(interval: i64, least: i64) {
        let mut dict = DictEncoder::new();
        dict.integer(b"interval", interval).integer(b"min interval", least);
        let answer = answer(&dict.finish()).unwrap();
        prop_assert!(answer.interval >= INTERVAL_FLOOR && answer.interval <= INTERVAL_CEILING);
        prop_assert!(answer.min_interval >= MIN_INTERVAL_DEFAULT);
        prop_assert!(answer.min_interval <= answer.interval);
    }

    #[test]
    fn no_body_makes_it_panic(
        start in prop::sample::select(vec!["", "d", "d5:peers", "d8:intervali", "d6:peers618:"]),
        rest in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _ = answer(&[start.as_bytes(), &rest].concat());
    }
}
