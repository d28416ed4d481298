//! Message stream encryption: noise, and both sides behind the exchange of keys.

use swarmlet_protocol::encryption::{
    Envelope, KEY_LENGTH, MAX_INITIAL, MAX_PADDING, Policy, Randomness, Refusal, Side,
};
use swarmlet_protocol::fuzzing;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::wire::handshake::PROTOCOL;

use crate::Hand;

const SWARM: InfoHash = InfoHash([7; 20]);
const OTHER: InfoHash = InfoHash([8; 20]);
const SECRET: [u8; KEY_LENGTH] = [5; KEY_LENGTH];

/// The most that a side may keep before it knows what it is listening to.
const MOST_KEPT: usize = KEY_LENGTH + 2 * MAX_PADDING + MAX_INITIAL + 1_024;

const fn random() -> Randomness {
    Randomness {
        secret: [3; 20],
        padding: 1,
    }
}

/// Whatever comes over a new link, keys and all.
pub fn check_stream(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let policy = hand.one_of(&[Policy::Off, Policy::Allowed, Policy::Required]);
    let side = match hand.below(3) {
        0 => Side::Plain,
        1 => Side::Dialer(SWARM),
        _ => Side::Acceptor(vec![OTHER, SWARM]),
    };
    let listens = matches!(side, Side::Acceptor(_));
    let cut = 1 + hand.below(200) as usize;
    let mut envelope = Envelope::new(side, policy, random(), b"first words");
    let stream = hand.rest();
    let (heard, judged) = hear(&mut envelope, stream, cut);
    if listens && policy == Policy::Allowed && stream.starts_with(PROTOCOL) {
        assert_eq!(
            (heard.as_slice(), judged),
            (stream, Ok(())),
            "a plain link was touched"
        );
    }
}

/// The side that was dialed, behind the keys: the dialer says whatever it likes.
pub fn check_accepting(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let policy = hand.one_of(&[Policy::Allowed, Policy::Required]);
    let manner = hand.byte();
    let cut = 1 + hand.below(200) as usize;
    let mut envelope = fuzzing::accepting(policy, vec![OTHER, SWARM], &SECRET, random());
    // Only a dialer that can cipher gets behind the mark: so it may have help.
    let stream = match manner & 1 {
        0 => hand.rest().to_vec(),
        _ => {
            let padding = hand.some_bytes();
            let swarm = if hand.below(8) == 0 {
                InfoHash([9; 20])
            } else {
                SWARM
            };
            fuzzing::dialers_words(&SECRET, swarm, padding, hand.rest())
        }
    };
    let (heard, judged) = hear(&mut envelope, &stream, cut);
    assert!(heard.len() <= stream.len());
    assert!(
        judged.is_err() || envelope.is_open() || stream.len() < MOST_KEPT,
        "it listens for ever"
    );
}

/// The side that dials, behind the keys.
pub fn check_dialing(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let policy = hand.one_of(&[Policy::Allowed, Policy::Required]);
    let manner = hand.byte();
    let cut = 1 + hand.below(200) as usize;
    let mut envelope = fuzzing::dialing(policy, SWARM, &SECRET, random());
    let stream = match manner & 1 {
        0 => hand.rest().to_vec(),
        _ => {
            let padding = hand.some_bytes();
            fuzzing::acceptors_words(&SECRET, SWARM, padding, hand.rest())
        }
    };
    let (heard, judged) = hear(&mut envelope, &stream, cut);
    assert!(heard.len() <= stream.len());
    assert!(
        judged.is_err() || envelope.is_open() || stream.len() < MOST_KEPT,
        "it listens for ever"
    );
}

/// Says the stream in parts, and reads what is answered. An error is the end.
fn hear(envelope: &mut Envelope, stream: &[u8], cut: usize) -> (Vec<u8>, Result<(), Refusal>) {
    let mut heard = Vec::new();
    let mut written = 0;
    for part in stream.chunks(cut) {
        match envelope.open(&mut part.to_vec()) {
            Ok(bytes) => heard.extend_from_slice(&bytes),
            Err(refusal) => return (heard, Err(refusal)),
        }
        written += envelope.outgoing().len();
        let sent = envelope.outgoing().len();
        envelope.sent(sent);
        assert!(envelope.is_empty());
    }
    assert!(
        written <= MOST_KEPT,
        "{written} bytes of answers to {}",
        stream.len()
    );
    (heard, Ok(()))
}
