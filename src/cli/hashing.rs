//! Hashes all parts of a file, on all cores and in bounded memory.
//!
//! A thread holds one buffer of [`STRIDE`] bytes, whatever the part size: small parts are read many
//! at a time, large ones a stretch at a time.

use std::fs::File;
use std::io;
use std::num::NonZero;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use sha1::{Digest, Sha1};
use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::layout::{Layout, PieceIndex};

/// 1 MiB: what is read at once. Larger reads gain nothing, smaller ones cost system calls.
const STRIDE: usize = 1 << 20;

/// The digest of each part in order; `None` where the file ends before the part does.
///
/// `done` is told, from any thread, how many more bytes are hashed.
///
/// # Errors
/// The file cannot be read, for another reason than that it ends.
pub(crate) fn hash_parts(
    file: &File,
    layout: &Layout,
    done: &(impl Fn(u64) + Sync),
) -> io::Result<Vec<Option<PieceHash>>> {
    // Parts that a thread takes at a time: as many as fit its buffer.
    let batch = (STRIDE as u32 / layout.piece_length()).max(1);
    let batches = layout.pieces().div_ceil(batch);
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(batches as usize);
    let next = AtomicU32::new(0);
    let work = || -> io::Result<Vec<(u32, Option<PieceHash>)>> {
        let mut buffer = vec![0; STRIDE];
        let mut hashes = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= batches {
                return Ok(hashes);
            }
            let first = number * batch;
            let last = first.saturating_add(batch).min(layout.pieces());
            hash_batch(file, layout, first..last, &mut buffer, &mut hashes)?;
            let bytes = (first..last).map(|part| u64::from(layout.length(PieceIndex::new(part))));
            done(bytes.sum());
        }
    };
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

/// Hashes neighbouring parts: several that fit the buffer together, or one of any length.
fn hash_batch(
    file: &File,
    layout: &Layout,
    parts: std::ops::Range<u32>,
    buffer: &mut [u8],
    hashes: &mut Vec<(u32, Option<PieceHash>)>,
) -> io::Result<()> {
    let start = layout.offset(PieceIndex::new(parts.start));
    let lengths = || {
        parts
            .clone()
            .map(|part| layout.length(PieceIndex::new(part)))
    };
    if parts.len() == 1 {
        let hash = hash_stretch(file, start, lengths().map(u64::from).sum(), buffer)?;
        hashes.push((parts.start, hash));
        return Ok(());
    }
    let total: usize = lengths().map(|length| length as usize).sum();
    let read = read_fully(file, &mut buffer[..total], start)?;
    let mut rest = &buffer[..read];
    for (part, length) in parts.clone().zip(lengths()) {
        let hash = rest
            .split_at_checked(length as usize)
            .map(|(bytes, after)| {
                rest = after;
                PieceHash::of(bytes)
            });
        if hash.is_none() {
            rest = &[];
        }
        hashes.push((part, hash));
    }
    Ok(())
}

/// The digest of `length` bytes from `start` on; `None` if the file ends before them.
fn hash_stretch(
    file: &File,
    start: u64,
    length: u64,
    buffer: &mut [u8],
) -> io::Result<Option<PieceHash>> {
    let mut hash = Sha1::new();
    let mut position = 0;
    while position < length {
        let wanted = (length - position).min(buffer.len() as u64) as usize;
        let read = read_fully(file, &mut buffer[..wanted], start + position)?;
        if read < wanted {
            return Ok(None);
        }
        hash.update(&buffer[..read]);
        position += read as u64;
    }
    Ok(Some(PieceHash(hash.finalize().into())))
}

/// Fills the buffer from that place on; says how far the file went.
pub(crate) fn read_fully(file: &File, buffer: &mut [u8], start: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], start + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::AtomicU64;

    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], size: u64, part_size: u64) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let layout = Layout::new(size, part_size).unwrap();
        let told = AtomicU64::new(0);
        let hashes = hash_parts(&file, &layout, &|bytes| {
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

    #[test]
    fn parts_larger_than_the_buffer_are_hashed_in_stretches() {
        let bytes: Vec<u8> = (0..3 * STRIDE + 17)
            .map(|place| (place % 251) as u8)
            .collect();
        check(&bytes, bytes.len() as u64, 2 * STRIDE as u64 + 1);
        check(&bytes[..STRIDE], bytes.len() as u64, 2 * STRIDE as u64 + 1);
    }

    #[test]
    fn an_empty_file_has_no_parts() {
        check(&[], 0, 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_part_gets_its_own_digest(
            bytes in proptest::collection::vec(any::<u8>(), 0..5_000),
            size in 0_u64..5_000,
            part_size in 1_u64..700,
        ) {
            check(&bytes, size, part_size);
        }
    }
}
