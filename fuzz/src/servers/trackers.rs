//! Trackers: their URLs, and their answers over HTTP and UDP.

use std::time::Duration;

use swarmlet_protocol::address::is_usable;
use swarmlet_protocol::id::{InfoHash, PeerId};
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::tracker::udp::{Conversation, Step};
use swarmlet_protocol::tracker::{
    Announce, Answer, AskError, Event, Figures, INTERVAL_CEILING, INTERVAL_FLOOR, MAX_PEERS_READ,
    MAX_TRACKER_ID, MAX_URL_LENGTH, MAX_WORDS, MIN_INTERVAL_DEFAULT, Scheme, TrackerUrl,
    UDP_PATIENCE, UDP_TRIES, http,
};

use crate::{Hand, oracle};

/// The body of an answer over HTTP.
pub fn check_http(bytes: &[u8]) {
    judge(&http::answer(bytes));
}

/// Packets over UDP, some of which carry the right transaction.
pub fn check_udp(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let (ipv6, seed) = (hand.coin(), u64::from(hand.byte()));
    let mut now = Timestamp::from_millis(1_000);
    let announce = announce(None);
    let (mut conversation, mut asked) = Conversation::begin(announce, ipv6, seed, now);
    let mut sent = 1;
    while !hand.is_empty() {
        let step = match hand.below(4) {
            0 => {
                now = now.max(conversation.deadline());
                conversation.tick(now)
            }
            1 => {
                now = now + Duration::from_millis(hand.magnitude());
                conversation.tick(now)
            }
            kind => {
                let mut packet = hand.some_bytes().to_vec();
                // A tracker repeats the number of what it was asked.
                if kind == 2 && packet.len() >= 8 {
                    let transaction = &asked[12..16];
                    packet[..3].fill(0);
                    packet[4..8].copy_from_slice(transaction);
                }
                conversation.received(&packet, now)
            }
        };
        match step {
            Some(Step::Send(packet)) => {
                assert!(packet.len() == 16 || packet.len() == 98);
                sent += 1;
                // Two rounds of tries at most: one for the connection, one for the announce, and a
                // new connection where the first has become old.
                assert!(sent <= 3 * UDP_TRIES, "{sent} packets");
                let longest = UDP_PATIENCE * 2_u32.pow(UDP_TRIES);
                assert!(conversation.deadline().since(now) <= longest);
                asked = packet;
            }
            Some(Step::Done(answer)) => return judge(&answer),
            None => {}
        }
    }
}

/// A URL, and the request that is made of it.
pub fn check_url(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let id = hand.coin().then(|| hand.some_bytes().to_vec());
    let Ok(text) = std::str::from_utf8(hand.rest()) else {
        return;
    };
    let url: TrackerUrl = match text.parse() {
        Ok(url) => url,
        Err(error) => return oracle::is_short(&error),
    };
    assert!(!url.host().is_empty() && url.port() != 0 && url.as_str().len() <= MAX_URL_LENGTH);
    assert!(url.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(url.as_str().parse().as_ref(), Ok(&url));
    let shown = url.to_string();
    assert!(
        !shown.contains('?') && shown.matches('/').count() == 2,
        "{shown}"
    );
    let concealed = url.conceal(url.as_str());
    assert!(concealed.len() <= url.as_str().len());
    if url.scheme() != Scheme::Udp {
        let request = http::request(&url, &announce(id));
        assert!(
            request.bytes().all(|byte| byte.is_ascii_graphic()),
            "{request}"
        );
        assert!(!request.contains('#') && request.contains("info_hash=%07"));
    }
}

fn announce(tracker_id: Option<Vec<u8>>) -> Announce {
    Announce {
        info_hash: InfoHash([7; 20]),
        peer_id: PeerId([1; 20]),
        port: 6881,
        key: 1,
        event: Event::Started,
        figures: Figures::default(),
        wanted: 50,
        tracker_id,
    }
}

fn judge(answer: &Result<Answer, AskError>) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return oracle::is_short(error),
    };
    assert!((INTERVAL_FLOOR..=INTERVAL_CEILING).contains(&answer.interval));
    assert!((MIN_INTERVAL_DEFAULT..=answer.interval).contains(&answer.min_interval));
    assert!(answer.peers.len() <= MAX_PEERS_READ);
    assert!(answer.peers.iter().all(|&peer| is_usable(peer)));
    let id = answer.tracker_id.as_deref().unwrap_or(b"-");
    assert!((1..=MAX_TRACKER_ID).contains(&id.len()));
    let warning = answer.warning.as_deref().unwrap_or_default();
    assert!(warning.len() <= MAX_WORDS);
    oracle::is_printable(warning);
}
