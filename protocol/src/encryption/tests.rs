//! Both sides of the handshake against each other, and against strangers.

use proptest::prelude::*;

use super::*;
use crate::id::InfoHash;
use crate::wire::handshake::PROTOCOL;

const SWARM: InfoHash = InfoHash([7; 20]);
const OTHER: InfoHash = InfoHash([8; 20]);

fn random(seed: u64) -> Randomness {
    let mut rng = fastrand::Rng::with_seed(seed);
    Randomness {
        secret: std::array::from_fn(|_| rng.u8(..)),
        padding: rng.u64(..),
    }
}

fn acceptor(policy: Policy, seed: u64) -> Envelope {
    let side = Side::Acceptor(vec![OTHER, SWARM]);
    Envelope::new(side, policy, random(seed), &[])
}

fn dialer(policy: Policy, swarm: InfoHash, seed: u64, initial: &[u8]) -> Envelope {
    Envelope::new(Side::Dialer(swarm), policy, random(seed), initial)
}

/// Moves what waits at one end to the other, in pieces of those lengths.
fn carry(from: &mut Envelope, to: &mut Envelope, cuts: &[usize]) -> Result<Vec<u8>, Refusal> {
    let mut arrived = Vec::new();
    for &cut in cuts.iter().cycle() {
        let mut bytes: Vec<u8> = from.outgoing().iter().copied().take(cut).collect();
        if bytes.is_empty() {
            return Ok(arrived);
        }
        from.sent(bytes.len());
        arrived.extend_from_slice(&to.open(&mut bytes)?);
    }
    Ok(arrived)
}

/// Lets both speak until neither has more to say; gives what their sessions heard.
fn converse(
    one: &mut Envelope,
    other: &mut Envelope,
    cuts: &[usize],
) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
    let (mut to_one, mut to_other) = (Vec::new(), Vec::new());
    while !one.outgoing().is_empty() || !other.outgoing().is_empty() {
        to_other.extend(carry(one, other, cuts)?);
        to_one.extend(carry(other, one, cuts)?);
    }
    Ok((to_one, to_other))
}

/// Sends bytes of a session through both envelopes.
fn send(from: &mut Envelope, to: &mut Envelope, bytes: &[u8], cuts: &[usize]) -> Vec<u8> {
    from.seal(bytes);
    carry(from, to, cuts).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whatever_both_allow_is_agreed_and_carries_all_bytes(
        seeds in any::<(u64, u64)>(),
        cuts in prop::collection::vec(1_usize..900, 1..8),
        dialing in prop_oneof![Just(Policy::Allowed), Just(Policy::Required)],
        accepting in prop_oneof![Just(Policy::Allowed), Just(Policy::Required)],
        initial in prop::collection::vec(any::<u8>(), 0..200),
        words in prop::collection::vec(any::<u8>(), 1..3_000),
    ) {
        let mut one = dialer(dialing, SWARM, seeds.0, &initial);
        let mut other = acceptor(accepting, seeds.1);
        prop_assert!(one.takes_initial() && !one.is_open());
        let (heard, initially) = converse(&mut one, &mut other, &cuts).unwrap();
        prop_assert!(heard.is_empty());
        prop_assert_eq!(initially, initial);
        prop_assert!(one.is_open() && other.is_open());
        let ciphered = dialing == Policy::Required || accepting == Policy::Required;
        prop_assert_eq!((one.is_ciphered(), other.is_ciphered()), (ciphered, ciphered));
        prop_assert_eq!(send(&mut one, &mut other, &words, &cuts), words.clone());
        prop_assert_eq!(send(&mut other, &mut one, &words, &cuts), words);
    }

    #[test]
    fn a_plain_link_passes_untouched(
        cuts in prop::collection::vec(1_usize..90, 1..8),
        rest in prop::collection::vec(any::<u8>(), 0..200),
        off in any::<bool>(),
    ) {
        let policy = if off { Policy::Off } else { Policy::Allowed };
        let mut one = Envelope::new(Side::Plain, Policy::Allowed, random(1), &[]);
        let mut other = acceptor(policy, 2);
        let bytes = [PROTOCOL.as_slice(), &rest].concat();
        prop_assert_eq!(send(&mut one, &mut other, &bytes, &cuts), bytes.clone());
        prop_assert_eq!(send(&mut other, &mut one, &bytes, &cuts), bytes);
    }

    #[test]
    fn noise_ends_soon_and_never_in_a_panic(
        noise in prop::collection::vec(any::<u8>(), 0..3_000),
        cuts in prop::collection::vec(1_usize..900, 1..8),
        dialed in any::<bool>(),
    ) {
        let mut one = Envelope::new(Side::Plain, Policy::Off, random(1), &[]);
        one.seal(&noise);
        let mut other = if dialed {
            dialer(Policy::Allowed, SWARM, 2, b"first words")
        } else {
            acceptor(Policy::Allowed, 2)
        };
        // Key and padding are noise to whoever listens; behind those something must make sense.
        let most = KEY_LENGTH + MAX_PADDING + 20;
        let plain = !dialed && noise.starts_with(PROTOCOL);
        let heard = carry(&mut one, &mut other, &cuts);
        prop_assert!(plain || noise.len() < most || heard.is_err(), "{heard:?}");
    }
}

#[test]
fn a_dialer_must_know_a_swarm_of_ours() {
    let mut one = dialer(Policy::Allowed, InfoHash([9; 20]), 1, &[]);
    let mut other = acceptor(Policy::Allowed, 2);
    let heard = converse(&mut one, &mut other, &[10_000]);
    assert_eq!(heard, Err(Refusal::UnknownSwarm));
}

#[test]
fn a_plain_link_is_refused_where_only_encrypted_ones_are_wanted() {
    let mut other = acceptor(Policy::Required, 2);
    assert_eq!(other.open(&mut PROTOCOL.to_vec()), Err(Refusal::Plain));
}

#[test]
fn keys_with_a_known_secret_are_refused() {
    for key in [[0; KEY_LENGTH], [0xff; KEY_LENGTH]] {
        let mut other = acceptor(Policy::Allowed, 2);
        assert_eq!(other.open(&mut key.clone()), Err(Refusal::WeakKey));
    }
}

#[test]
fn a_dialer_that_offers_nothing_we_know_is_refused() {
    assert_eq!(Policy::Allowed.choose(4), None);
    assert_eq!(Policy::Required.choose(PLAIN), None);
    assert_eq!(Policy::Required.choose(PLAIN | RC4), Some(RC4));
    assert_eq!(Policy::Allowed.choose(PLAIN | RC4 | 8), Some(PLAIN));
}

#[test]
fn both_sides_have_the_same_secret_and_strangers_another() {
    let (one, other, third) = (random(1), random(2), random(3));
    let secret = one.shared_secret(&other.public_key()).unwrap();
    assert_eq!(secret, other.shared_secret(&one.public_key()).unwrap());
    assert_ne!(secret, third.shared_secret(&one.public_key()).unwrap());
}
