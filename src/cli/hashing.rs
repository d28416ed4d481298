//! Hashes all parts of a content, on all cores, several parts side by side on each, in bounded memory.
//!
//! A thread holds one buffer of [`STRIDE`] bytes, whatever the part size: small parts are read many
//! at a time, of large ones as many as there are lanes, a stripe of each at a time.

use std::array;
use std::io;
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use swarmlet_hashing::{Hasher, LANES, digest_all, update_all};
use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::layout::{Layout, PieceIndex};

use super::source::Source;

/// 1 MiB: what a thread reads before it hashes. Larger reads gain nothing and leave the processor's
/// caches, smaller ones cost system calls.
const STRIDE: usize = 1 << 20;

/// Small parts that are handed to the hash at once. A multiple of the lanes, so that none is empty.
const GROUP: usize = 16 * LANES;

/// What became of a part: its number and digest, or none if the file ends before it does.
type Hashed = (u32, Option<PieceHash>);

/// The digest of each part in order; `None` where the content ends before the part does.
///
/// `done` is told, from any thread, how many more bytes are hashed.
///
/// # Errors
/// It cannot be read, for another reason than that it ends.
pub(crate) fn hash_parts(
    source: &impl Source,
    layout: &Layout,
    done: &(impl Fn(u64) + Sync),
) -> io::Result<Vec<Option<PieceHash>>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    hash_on(threads, source, layout, done)
}

fn hash_on(
    threads: usize,
    source: &impl Source,
    layout: &Layout,
    done: &(impl Fn(u64) + Sync),
) -> io::Result<Vec<Option<PieceHash>>> {
    let batch = batch_size(layout, threads);
    let batches = layout.pieces().div_ceil(batch);
    let next = AtomicU32::new(0);
    let work = || -> io::Result<Vec<Hashed>> {
        let mut buffer = vec![0; STRIDE];
        let mut hashes = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= batches {
                return Ok(hashes);
            }
            let first = number * batch;
            let parts = first..first.saturating_add(batch).min(layout.pieces());
            if bytes(layout, &parts) <= STRIDE as u64 {
                hash_small(source, layout, parts, &mut buffer, &mut hashes, done)?;
            } else {
                hash_large(source, layout, parts, &mut buffer, &mut hashes, done)?;
            }
        }
    };
    let threads = threads.min(batches as usize);
    let mut hashes = vec![None; layout.pieces() as usize];
    let results: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect()
    });
    for result in results {
        let part_hashes =
            result.map_err(|_| io::Error::other("bug: a hashing thread panicked"))??;
        for (part, hash) in part_hashes {
            if let Some(place) = hashes.get_mut(part as usize) {
                *place = hash;
            }
        }
    }
    Ok(hashes)
}

/// Neighbouring parts that a thread takes at a time: as many as fit its buffer, or one per lane;
/// fewer where that would leave threads without work, for a thread of its own is worth more to a
/// part than a lane.
fn batch_size(layout: &Layout, threads: usize) -> u32 {
    let fitting = STRIDE as u32 / layout.piece_length();
    let share = layout.pieces().div_ceil(threads as u32);
    fitting.max(LANES as u32).min(share).max(1)
}

/// Hashes parts that fit the buffer together, after one read.
fn hash_small(
    source: &impl Source,
    layout: &Layout,
    parts: Range<u32>,
    buffer: &mut [u8],
    hashes: &mut Vec<Hashed>,
    done: &impl Fn(u64),
) -> io::Result<()> {
    let start = layout.offset(PieceIndex::new(parts.start));
    let total = bytes(layout, &parts);
    let read = source.read_fully(&mut buffer[..total as usize], start)?;
    let mut rest = &buffer[..read];
    let mut part = parts.start;
    while part < parts.end {
        let mut group: [&[u8]; GROUP] = [&[]; GROUP];
        let mut whole = 0;
        for place in group.iter_mut().take((parts.end - part) as usize) {
            let length = layout.length(PieceIndex::new(part + whole as u32)) as usize;
            let Some((bytes, after)) = rest.split_at_checked(length) else {
                break;
            };
            (*place, rest) = (bytes, after);
            whole += 1;
        }
        if whole == 0 {
            // The file ends here.
            hashes.extend((part..parts.end).map(|part| (part, None)));
            break;
        }
        let mut digests = [[0; 20]; GROUP];
        digest_all(&group[..whole], &mut digests);
        let digests = digests[..whole].iter().map(|digest| PieceHash(*digest));
        hashes.extend((part..).zip(digests.map(Some)));
        part += whole as u32;
    }
    done(total);
    Ok(())
}

/// Hashes at most [`LANES`] parts of any length, a stripe of each at a time.
fn hash_large(
    source: &impl Source,
    layout: &Layout,
    parts: Range<u32>,
    buffer: &mut [u8],
    hashes: &mut Vec<Hashed>,
    done: &impl Fn(u64),
) -> io::Result<()> {
    let lanes = parts.len().min(LANES);
    // Whole blocks of SHA-1, whatever the number of lanes: the stride is a power of two.
    let stripe = buffer.len() / lanes.next_power_of_two();
    let mut hashers: [Hasher; LANES] = Default::default();
    let mut is_whole = [true; LANES];
    for position in (0..u64::from(layout.piece_length())).step_by(stripe) {
        let mut stripes: [&[u8]; LANES] = [&[]; LANES];
        let mut told = 0;
        for ((lane, part), buffer) in parts.clone().enumerate().zip(buffer.chunks_mut(stripe)) {
            let piece = PieceIndex::new(part);
            let left = u64::from(layout.length(piece)).saturating_sub(position);
            let wanted = left.min(stripe as u64) as usize;
            told += wanted as u64;
            if is_whole[lane] && wanted > 0 {
                let buffer = &mut buffer[..wanted];
                is_whole[lane] =
                    source.read_fully(buffer, layout.offset(piece) + position)? == wanted;
                stripes[lane] = buffer;
            }
        }
        update_all(&mut hashers, &stripes);
        done(told);
    }
    let digests = array::from_fn::<_, LANES, _>(|lane| {
        is_whole[lane].then(|| PieceHash(hashers[lane].clone().finish()))
    });
    hashes.extend(parts.zip(digests));
    Ok(())
}

/// The bytes of these parts together.
fn bytes(layout: &Layout, parts: &Range<u32>) -> u64 {
    let length = |part| u64::from(layout.length(PieceIndex::new(part)));
    parts.clone().map(length).sum()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::AtomicU64;

    use proptest::prelude::*;

    use super::*;

    fn check(threads: usize, bytes: &[u8], size: u64, part_size: u64) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let layout = Layout::new(size, part_size).unwrap();
        let told = AtomicU64::new(0);
        let hashes = hash_on(threads, &file, &layout, &|bytes| {
            told.fetch_add(bytes, Ordering::Relaxed);
        })
        .unwrap();
        let expected: Vec<Option<PieceHash>> = layout
            .all_pieces()
            .map(|piece| {
                let start = layout.offset(piece) as usize;
                bytes
                    .get(start..start + layout.length(piece) as usize)
                    .map(PieceHash::of)
            })
            .collect();
        assert_eq!(hashes, expected);
        assert_eq!(told.into_inner(), size);
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|place| (place % 251) as u8).collect()
    }

    #[test]
    fn parts_larger_than_the_buffer_are_hashed_in_stripes() {
        let bytes = pattern(5 * STRIDE + 17);
        let size = bytes.len() as u64;
        for part_size in [STRIDE as u64 / 4 + 1, STRIDE as u64, 2 * STRIDE as u64 + 1] {
            for threads in [1, 3] {
                check(threads, &bytes, size, part_size);
                check(threads, &bytes[..3 * STRIDE], size, part_size);
                check(threads, &bytes[..STRIDE / 2], size, part_size);
            }
        }
    }

    #[test]
    fn more_small_parts_than_a_group_are_hashed_in_several() {
        let bytes = pattern(100_000);
        check(2, &bytes, 100_000, 7);
        check(2, &bytes[..77_777], 100_000, 100);
    }

    #[test]
    fn threads_come_before_lanes_and_lanes_before_long_reads() {
        let batch = |size: u64, part_size: u64, threads| {
            batch_size(&Layout::new(size, part_size).unwrap(), threads)
        };
        let part = 64 << 20;
        assert_eq!(batch(4 * part, part, 8), 1);
        assert_eq!(batch(4 * part, part, 2), 2);
        assert_eq!(batch(100 * part, part, 8), 4);
        assert_eq!(batch(1 << 30, 16 << 10, 8), 64);
        assert_eq!(batch(100, 1, 8), 13);
        assert_eq!(batch(0, 1, 8), 1);
    }

    #[test]
    fn an_empty_file_has_no_parts() {
        check(2, &[], 0, 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_part_gets_its_own_digest(
            threads in 1_usize..4,
            bytes in proptest::collection::vec(any::<u8>(), 0..5_000),
            size in 0_u64..5_000,
            part_size in 1_u64..700,
        ) {
            check(threads, &bytes, size, part_size);
        }
    }
}
