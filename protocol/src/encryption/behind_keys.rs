//! Both sides of the handshake from behind the exchange of keys on: a power modulo the prime takes a
//! hundred times as long as all the rest, and what a fuzzer says would never be a good key.

use super::Policy;
use super::acceptor::Acceptor;
use super::cipher::{Ciphers, mark, swarm_name};
use super::dialer::Dialer;
use super::envelope::Envelope;
use super::exchange::{KEY_LENGTH, Randomness};
use crate::id::InfoHash;

/// The dialed side of a link whose keys make that secret.
#[must_use]
pub fn accepting(
    policy: Policy,
    swarms: Vec<InfoHash>,
    secret: &[u8; KEY_LENGTH],
    random: Randomness,
) -> Envelope {
    Envelope::accepting(Acceptor::behind_keys(policy, swarms, random, *secret))
}

/// The dialing side of such a link.
#[must_use]
pub fn dialing(
    policy: Policy,
    swarm: InfoHash,
    secret: &[u8; KEY_LENGTH],
    random: Randomness,
) -> Envelope {
    Envelope::dialing(Dialer::behind_keys(policy, swarm, random, secret))
}

/// What a dialer says behind its key: padding, mark and name, and these words under its key stream.
#[must_use]
pub fn dialers_words(
    secret: &[u8; KEY_LENGTH],
    swarm: InfoHash,
    padding: &[u8],
    words: &[u8],
) -> Vec<u8> {
    let mut said = [padding, &mark(secret), &swarm_name(secret, &swarm)].concat();
    let start = said.len();
    said.extend_from_slice(words);
    Ciphers::of_dialer(secret, &swarm)
        .ours
        .apply(&mut said[start..]);
    said
}

/// What the other side says behind its key: padding, and these words under its key stream.
#[must_use]
pub fn acceptors_words(
    secret: &[u8; KEY_LENGTH],
    swarm: InfoHash,
    padding: &[u8],
    words: &[u8],
) -> Vec<u8> {
    let mut said = padding.to_vec();
    said.extend_from_slice(words);
    Ciphers::of_acceptor(secret, &swarm)
        .ours
        .apply(&mut said[padding.len()..]);
    said
}
