//! Against the vectors of FIPS 180-4, and against the `sha1` crate, by each way there is on this
//! machine: its SHA instructions, if it has them, and the portable one.

use std::sync::LazyLock;

use proptest::prelude::*;
use sha1::Digest as _;

use crate::block::{BLOCK, Block, State};
use crate::hasher::update_all_by;
use crate::kernel::{Compress, Kernel};
use crate::whole::{digest_all_by, digest_by};
use crate::{Backend, Digest, Hasher, LANES, backend, digest, digest_all, update_all};

/// 5 MiB: what messages are cut out of, at any place.
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes = vec![0; 5 << 20];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    bytes
});

fn kernels() -> [Kernel; 2] {
    [Kernel::best(), Kernel::Portable]
}

fn oracle(message: &[u8]) -> Digest {
    sha1::Sha1::digest(message).into()
}

fn hex(text: &str) -> Digest {
    let mut digest = [0; 20];
    for (place, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..][..2], 16).unwrap();
    }
    digest
}

#[test]
fn the_digests_are_those_of_the_standard() {
    let million = vec![b'a'; 1_000_000];
    let vectors: [(&[u8], &str); 5] = [
        (b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (b"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
        ),
        (
            b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn\
              hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
            "a49b2446a02c645bf419f995b67091253a04a259",
        ),
        (&million, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
    ];
    let messages = vectors.map(|(message, _)| message);
    let expected = vectors.map(|(_, text)| hex(text));
    for mut kernel in kernels() {
        assert_eq!(messages.map(|message| digest_by(kernel, message)), expected);
        let mut digests = [[0; 20]; 5];
        digest_all_by(&mut kernel, &messages, &mut digests);
        assert_eq!(digests, expected);
    }
    assert_eq!(messages.map(digest), expected);
}

#[test]
fn every_length_around_the_padding_and_every_number_of_lanes_is_right() {
    for mut kernel in kernels() {
        for number in 0..=2 * LANES + 1 {
            for length in 0..3 * BLOCK {
                let messages: Vec<&[u8]> = (0..number)
                    .map(|message| &BYTES[message * 7..][..length])
                    .collect();
                let mut digests = vec![[0; 20]; number];
                digest_all_by(&mut kernel, &messages, &mut digests);
                for (message, digest) in messages.iter().zip(digests) {
                    assert_eq!(digest, oracle(message), "{number} of {length} bytes");
                }
            }
        }
    }
}

#[test]
fn what_has_no_counterpart_is_left_as_it_is() {
    let mut digests = [[7; 20]; 3];
    digest_all(&[b"abc"], &mut digests);
    assert_eq!(digests, [oracle(b"abc"), [7; 20], [7; 20]]);
    digest_all(&[b"", b"abc", b"", b"a"], &mut digests[..2]);
    assert_eq!(digests, [oracle(b""), oracle(b"abc"), [7; 20]]);
    digest_all(&[b"abc"], &mut []);

    let mut hashers = [Hasher::new(), Hasher::new()];
    update_all(&mut hashers, &[b"abc"]);
    update_all(&mut hashers[..1], &[b"d", b"e", b"f"]);
    update_all(&mut hashers, &[]);
    assert_eq!(hashers.map(Hasher::finish), [oracle(b"abcd"), oracle(b"")]);
}

#[test]
fn the_backend_says_what_it_is() {
    assert_eq!(backend(), Kernel::best().backend());
    assert_eq!(Kernel::Portable.backend(), Backend::Portable);
    assert_eq!(
        Backend::ShaExtensions.to_string(),
        "SHA extensions, 4 lanes"
    );
    assert_eq!(Backend::Portable.to_string(), "portable, one lane");
}

#[test]
fn sixteen_equal_messages_fill_all_lanes_all_the_time() {
    let steps = steps_for(&[1000 * BLOCK; 16]);
    assert!(steps.iter().all(|&(lanes, _)| lanes == LANES), "{steps:?}");
    // A body and an end for each four.
    assert_eq!(steps.len(), 8);
}

#[test]
fn a_long_message_behind_short_ones_is_begun_with_the_first_of_them() {
    let mut lengths = [100 * BLOCK; 16];
    lengths[15] = 500 * BLOCK;
    let steps = steps_for(&lengths);
    let total: usize = steps.iter().map(|(_, blocks)| blocks).sum();
    // 2016 blocks in four lanes are 504; the long one alone has 501.
    assert!(total <= 510, "{total} turns of {steps:?}");
}

#[test]
fn steps_are_at_most_twice_as_many_as_messages() {
    let lengths: Vec<_> = (0..200).map(|number| number * 37 % 5_000).collect();
    assert!(steps_for(&lengths).len() <= 400);
}

/// The lanes and the blocks of each step for messages of these lengths.
fn steps_for(lengths: &[usize]) -> Vec<(usize, usize)> {
    let messages: Vec<&[u8]> = lengths.iter().map(|&length| &BYTES[..length]).collect();
    let mut digests = vec![[0; 20]; lengths.len()];
    let mut counting = Counting(Vec::new());
    digest_all_by(&mut counting, &messages, &mut digests);
    for (message, digest) in messages.iter().zip(digests) {
        assert_eq!(digest, oracle(message));
    }
    counting.0
}

/// Keeps account of what it is asked for.
struct Counting(Vec<(usize, usize)>);

impl Compress for Counting {
    fn compress(&mut self, states: &mut [State], runs: &[&[Block]], count: usize) {
        assert_eq!(states.len(), runs.len());
        assert!((1..=LANES).contains(&runs.len()));
        assert!(runs.iter().all(|run| run.len() >= count));
        self.0.push((runs.len(), count));
        Kernel::best().compress(states, runs, count);
    }
}

/// Where a message stands in [`BYTES`] and how long it is: mostly short, now and then of some MiB.
fn message() -> impl Strategy<Value = &'static [u8]> {
    let length = prop_oneof![
        8 => 0..200_usize,
        4 => (0..20_usize, 0..3_usize).prop_map(|(blocks, more)| blocks * BLOCK + more),
        4 => 0..20_000_usize,
        1 => 0..4_usize << 20,
    ];
    (length, any::<prop::sample::Index>()).prop_map(|(length, place)| {
        let start = place.index(BYTES.len() - length + 1);
        &BYTES[start..start + length]
    })
}

/// The sorted places at which messages are cut for streaming.
fn cuts(messages: usize) -> impl Strategy<Value = Vec<Vec<prop::sample::Index>>> {
    prop::collection::vec(
        prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        messages,
    )
}

/// The message in one piece more than there are places.
fn cut(message: &'static [u8], places: &[prop::sample::Index]) -> Vec<&'static [u8]> {
    let mut places: Vec<_> = places
        .iter()
        .map(|place| place.index(message.len() + 1))
        .collect();
    places.sort_unstable();
    places.push(message.len());
    let mut start = 0;
    let mut parts = Vec::new();
    for place in places {
        parts.push(&message[start..place]);
        start = place;
    }
    parts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_mix_of_messages_has_the_digests_of_each(
        messages in prop::collection::vec(message(), 0..20),
    ) {
        let expected: Vec<_> = messages.iter().map(|message| oracle(message)).collect();
        for mut kernel in kernels() {
            let mut digests = vec![[0; 20]; messages.len()];
            digest_all_by(&mut kernel, &messages, &mut digests);
            prop_assert_eq!(&digests, &expected);
        }
    }

    #[test]
    fn a_stream_has_the_digest_of_the_whole_however_it_is_cut(
        message in message(),
        cuts in cuts(1),
    ) {
        for kernel in kernels() {
            let mut hasher = Hasher::default();
            for part in cut(message, &cuts[0]) {
                hasher.update_by(kernel, part);
            }
            prop_assert_eq!(hasher.finish_by(kernel), oracle(message));
        }
    }

    #[test]
    fn streams_side_by_side_have_the_digests_of_the_wholes(
        (messages, cuts) in prop::collection::vec(message(), 0..9)
            .prop_flat_map(|messages| {
                let number = messages.len();
                (Just(messages), cuts(number))
            }),
    ) {
        let parts: Vec<_> = messages
            .iter()
            .zip(&cuts)
            .map(|(message, places)| cut(message, places))
            .collect();
        let rounds = parts.iter().map(Vec::len).max().unwrap_or(0);
        for mut kernel in kernels() {
            let mut hashers = vec![Hasher::new(); messages.len()];
            for round in 0..rounds {
                let now: Vec<&[u8]> = parts
                    .iter()
                    .map(|parts| parts.get(round).copied().unwrap_or_default())
                    .collect();
                update_all_by(&mut kernel, &mut hashers, &now);
            }
            for (hasher, message) in hashers.into_iter().zip(&messages) {
                prop_assert_eq!(hasher.finish_by(kernel), oracle(message));
            }
        }
    }
}
