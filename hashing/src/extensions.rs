//! SHA-1's compression with the SHA extensions of x86-64, one to four states at a time.
//!
//! The only module with `unsafe` in it, in two places: the call of code that needs instructions which
//! not every processor has, and the load of sixteen bytes.
//!
//! Written after FIPS 180-4, §6.1.2, and the descriptions of `SHA1RNDS4`, `SHA1NEXTE`, `SHA1MSG1`
//! and `SHA1MSG2` in Intel's manual, volume 2. A register holds four words with the earliest in its
//! highest lane: a, b, c, d of the state, or four words of the message schedule. Twenty groups of
//! four rounds make a block. The word e is not carried along: four rounds after a was what it was, e
//! is that a rotated, and `SHA1NEXTE` computes it while adding the schedule's words.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_extract_epi32, _mm_loadu_si128, _mm_set_epi32, _mm_set_epi64x,
    _mm_setzero_si128, _mm_sha1msg1_epu32, _mm_sha1msg2_epu32, _mm_sha1nexte_epu32,
    _mm_sha1rnds4_epu32, _mm_shuffle_epi8, _mm_xor_si128,
};

use crate::block::{Block, State};

/// A processor that has the instructions. Exists only where they were found, and no other module can
/// make one.
#[derive(Copy, Clone)]
pub(crate) struct Extensions(());

impl Extensions {
    /// Asks the processor, and the operating system where it has a say.
    pub(crate) fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse2");
        found.then_some(Self(()))
    }

    /// As [`Compress::compress`](crate::kernel::Compress::compress) says.
    pub(crate) fn compress(self, states: &mut [State], runs: &[&[Block]], count: usize) {
        let mut states = states;
        let mut runs = runs;
        // Never more than four lanes are asked for, so this is one turn.
        while !states.is_empty() && !runs.is_empty() {
            let lanes = match states.len().min(runs.len()) {
                1 => self.interleaved::<1>(states, runs, count),
                2 => self.interleaved::<2>(states, runs, count),
                3 => self.interleaved::<3>(states, runs, count),
                _ => self.interleaved::<4>(states, runs, count),
            };
            states = &mut states[lanes..];
            runs = &runs[lanes..];
        }
    }

    /// The first `N` of them, of which there must be as many; says how many that were.
    fn interleaved<const N: usize>(
        self,
        states: &mut [State],
        runs: &[&[Block]],
        count: usize,
    ) -> usize {
        if let (Some(states), Some(runs)) = (states.first_chunk_mut(), runs.first_chunk()) {
            // SAFETY: the function is safe but for the instructions that it is compiled to: sha,
            // sse2, ssse3 and sse4.1. `self` exists, and `detect`, which alone makes one, found
            // all four of them on this processor.
            unsafe { compress::<N>(states, runs, count) };
        }
        N
    }
}

/// Takes each state through the first `count` blocks of its run.
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn compress<const N: usize>(states: &mut [State; N], runs: &[&[Block]; N], count: usize) {
    // A word of the message is big-endian, and the earliest comes highest: sixteen bytes reversed.
    let reversed = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
    let mut abcd = [_mm_setzero_si128(); N];
    let mut e = [_mm_setzero_si128(); N];
    for lane in 0..N {
        let [a, b, c, d, e_word] = states[lane].map(u32::cast_signed);
        abcd[lane] = _mm_set_epi32(a, b, c, d);
        e[lane] = _mm_set_epi32(e_word, 0, 0, 0);
    }
    let runs = runs.map(|run| &run[..count]);
    for number in 0..count {
        let blocks = runs.map(|run| &run[number]);
        let abcd_before_block = abcd;
        // The state four rounds ago, of which the e of now is made.
        let mut earlier = abcd;
        // The last sixteen words of the message schedule.
        let mut words = [[_mm_setzero_si128(); 4]; N];
        // Spelled out for the compiler: the function of the rounds is part of the instruction, and
        // the words must stay in registers. Lanes take turns within a group.
        macro_rules! four_rounds {
            ($($group:literal)*) => {$(
                for lane in 0..N {
                    let w = &mut words[lane];
                    const SLOT: usize = $group % 4;
                    w[SLOT] = if $group < 4 {
                        _mm_shuffle_epi8(load(blocks[lane], $group), reversed)
                    } else {
                        let oldest = _mm_sha1msg1_epu32(w[SLOT], w[(SLOT + 1) % 4]);
                        let mixed = _mm_xor_si128(oldest, w[(SLOT + 2) % 4]);
                        _mm_sha1msg2_epu32(mixed, w[(SLOT + 3) % 4])
                    };
                    let e_and_words = if $group == 0 {
                        _mm_add_epi32(e[lane], w[SLOT])
                    } else {
                        _mm_sha1nexte_epu32(earlier[lane], w[SLOT])
                    };
                    earlier[lane] = abcd[lane];
                    abcd[lane] = _mm_sha1rnds4_epu32::<{ $group / 5 }>(abcd[lane], e_and_words);
                }
            )*};
        }
        four_rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19);
        for lane in 0..N {
            e[lane] = _mm_sha1nexte_epu32(earlier[lane], e[lane]);
            abcd[lane] = _mm_add_epi32(abcd[lane], abcd_before_block[lane]);
        }
    }
    for lane in 0..N {
        states[lane] = [
            _mm_extract_epi32::<3>(abcd[lane]),
            _mm_extract_epi32::<2>(abcd[lane]),
            _mm_extract_epi32::<1>(abcd[lane]),
            _mm_extract_epi32::<0>(abcd[lane]),
            _mm_extract_epi32::<3>(e[lane]),
        ]
        .map(i32::cast_unsigned);
    }
}

/// Sixteen bytes of a block as they stand in memory: the first, second, third or last quarter.
#[inline]
#[target_feature(enable = "sse2")]
fn load(block: &Block, quarter: usize) -> __m128i {
    let bytes: &[u8] = &block[quarter * 16..][..16];
    // SAFETY: the slice has sixteen bytes that can be read for as long as it is borrowed, and this
    // load asks for no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}
