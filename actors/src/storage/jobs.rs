//! The blocking work of storage: plain functions that a worker thread runs.

use std::io;
use std::ops::Range;

use swarmlet_hashing::{Digest, Hasher, LANES, digest_all, update_all};
use swarmlet_protocol::buffers::{Buffer, Buffers};
use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::Info;

use super::content::{Content, is_lost};
use super::store::Delivered;

/// 1 MiB: the buffer of one check job, and the longest run that is written at once.
pub(super) const BUFFER: usize = 1024 * 1024;

/// 64 KiB: pieces shorter than this are copied together, if they are neighbours, and written in one
/// call. For longer ones the copy costs more than a call.
const SHORT: usize = 64 * 1024;

/// 1,024: places that a batch of pieces is copied to beyond its own, where the content repeats
/// itself. A job must end soon: the node may be asked to stop.
pub(super) const COPIES_PER_BATCH: usize = 1_024;

/// 64 MiB: and no more bytes than this. Peers bring the rest, or further batches.
pub(super) const COPIED_PER_BATCH: usize = 64 * 1024 * 1024;

/// What a check found of a range of pieces.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Checked {
    pub(super) good: Vec<PieceIndex>,
    pub(super) bad: Vec<PieceIndex>,
    /// Those of the bad ones that could not be read.
    pub(super) lost: Vec<PieceIndex>,
}

/// Hashes these pieces of the file. What the disk has lost is bad, and fetched again; any other error says
/// nothing of the pieces and ends the job. What it found stands.
pub(super) fn check(
    file: &Content,
    info: &Info,
    pieces: Range<u32>,
    buffers: &Buffers,
) -> (Checked, io::Result<()>) {
    let mut checked = Checked::default();
    let mut buffer = buffers.filled(BUFFER.min(info.layout().size() as usize));
    let mut zeros = None;
    let mut next = pieces.start;
    while next < pieces.end {
        let (is_fresh, until) = file.fresh().run(next..pieces.end);
        if is_fresh {
            check_zeros(info, next..until, &mut zeros, &mut checked);
            next = until;
            continue;
        }
        // As many as fit the buffer, or as many as are hashed side by side.
        let fit = buffer.len() as u32 / info.layout().piece_length();
        let count = fit.max(LANES as u32).min(until - next);
        let some = next..next + count;
        if let Err(error) = check_or_lose(file, info, some, &mut buffer, &mut checked) {
            return (checked, Err(error));
        }
        next += count;
    }
    (checked, Ok(()))
}

/// Hashes pieces again that were right; as the check does, but for what was known unread.
pub(super) fn check_again(
    file: &Content,
    info: &Info,
    pieces: Range<u32>,
    buffers: &Buffers,
) -> (Checked, io::Result<()>) {
    let mut checked = Checked::default();
    let mut buffer = buffers.filled(BUFFER.min(info.layout().size() as usize));
    let fit = buffer.len() as u32 / info.layout().piece_length();
    let mut next = pieces.start;
    while next < pieces.end {
        let count = fit.max(LANES as u32).min(pieces.end - next);
        let some = next..next + count;
        if let Err(error) = check_or_lose(file, info, some, &mut buffer, &mut checked) {
            return (checked, Err(error));
        }
        next += count;
    }
    (checked, Ok(()))
}

/// Checks some neighbouring pieces. Those that the disk has lost are bad.
fn check_or_lose(
    file: &Content,
    info: &Info,
    pieces: Range<u32>,
    buffer: &mut [u8],
    checked: &mut Checked,
) -> io::Result<()> {
    if check_some(file, info, pieces.clone(), buffer, checked).is_ok() {
        return Ok(());
    }
    // Which of them is it?
    for piece in pieces {
        match check_some(file, info, piece..piece + 1, buffer, checked) {
            Err(error) if is_lost(&error) => {
                checked.note(PieceIndex::new(piece), false);
                checked.lost.push(PieceIndex::new(piece));
            }
            judged => judged?,
        }
    }
    Ok(())
}

/// Pieces that lay beyond the old end of a file are zeros, and need not be read to know it. The hash
/// of so many zeros is kept in `known`.
fn check_zeros(
    info: &Info,
    pieces: Range<u32>,
    known: &mut Option<(u32, PieceHash)>,
    checked: &mut Checked,
) {
    for piece in pieces.map(PieceIndex::new) {
        let length = info.layout().length(piece);
        let zeros = match known {
            Some((of, hash)) if *of == length => *hash,
            _ => zero_hash(length),
        };
        *known = Some((length, zeros));
        checked.note(piece, zeros == info.hash(piece));
    }
}

fn zero_hash(length: u32) -> PieceHash {
    let zeros = vec![0; BUFFER.min(length as usize)];
    let mut hasher = Hasher::new();
    let mut left = length as usize;
    while left > 0 {
        let part = left.min(zeros.len());
        hasher.update(&zeros[..part]);
        left -= part;
    }
    PieceHash(hasher.finish())
}

/// Checks some neighbouring pieces side by side: all at once if they fit the buffer, else in
/// stripes.
fn check_some(
    file: &Content,
    info: &Info,
    pieces: Range<u32>,
    buffer: &mut [u8],
    checked: &mut Checked,
) -> io::Result<()> {
    let layout = info.layout();
    let pieces: Vec<_> = pieces.map(PieceIndex::new).collect();
    let lengths = pieces.iter().map(|&piece| layout.length(piece) as usize);
    let total: usize = lengths.clone().sum();
    let Some(&first) = pieces.first() else {
        return Ok(());
    };
    let mut digests = vec![Digest::default(); pieces.len()];
    if total <= buffer.len() {
        file.read_at(&mut buffer[..total], layout.offset(first))?;
        let mut rest = &buffer[..total];
        let mut parts = Vec::with_capacity(pieces.len());
        for length in lengths {
            let (bytes, after) = rest.split_at(length);
            rest = after;
            parts.push(bytes);
        }
        digest_all(&parts, &mut digests);
    } else {
        let stripe = buffer.len() / pieces.len();
        let mut hashers = vec![Hasher::new(); pieces.len()];
        let longest = lengths.max().unwrap_or(0);
        for at in (0..longest).step_by(stripe) {
            let mut parts = Vec::with_capacity(pieces.len());
            for (&piece, place) in pieces.iter().zip(buffer.chunks_exact_mut(stripe)) {
                let left = (layout.length(piece) as usize).saturating_sub(at);
                let part = &mut place[..left.min(stripe)];
                file.read_at(part, layout.offset(piece) + at as u64)?;
                parts.push(&*part);
            }
            update_all(&mut hashers, &parts);
        }
        for (digest, hasher) in digests.iter_mut().zip(hashers) {
            *digest = hasher.finish();
        }
    }
    for (piece, digest) in pieces.into_iter().zip(digests) {
        checked.note(piece, PieceHash(digest) == info.hash(piece));
    }
    Ok(())
}

impl Checked {
    fn note(&mut self, piece: PieceIndex, right: bool) {
        if right {
            self.good.push(piece)
        } else {
            self.bad.push(piece)
        }
    }
}

/// Tells the pieces that have the hash that they must have from those that do not.
pub(super) fn verify(info: &Info, batch: Vec<Delivered>) -> (Vec<Delivered>, Vec<Delivered>) {
    let mut digests = vec![Digest::default(); batch.len()];
    if batch.iter().any(|one| !one.verified) {
        let messages: Vec<&[u8]> = batch.iter().map(|one| &*one.data).collect();
        digest_all(&messages, &mut digests);
    }
    let mut digests = digests.into_iter().map(PieceHash);
    let (mut right, wrong): (Vec<_>, Vec<_>) = batch.into_iter().partition(|one| {
        let digest = digests.next();
        let length = info.layout().length(one.piece) as usize;
        one.verified || one.data.len() == length && digest == Some(info.hash(one.piece))
    });
    right.iter_mut().for_each(|one| one.verified = true);
    (right, wrong)
}

/// Writes verified pieces; short neighbours in one call.
pub(super) fn write(
    file: &Content,
    info: &Info,
    batch: &mut [Delivered],
    buffers: &Buffers,
) -> io::Result<()> {
    batch.sort_unstable_by_key(|one| one.piece);
    let layout = info.layout();
    let mut run = None;
    let mut start = 0;
    for Delivered { piece, data, .. } in batch {
        let offset = layout.offset(*piece);
        if data.len() >= SHORT {
            file.write_at(data, offset)?;
            continue;
        }
        let run = run.get_or_insert_with(|| buffers.empty(BUFFER));
        if run.len() + data.len() > BUFFER || offset != start + run.len() as u64 {
            flush(file, run, start)?;
            start = offset;
        }
        run.extend_from_slice(data);
    }
    run.map_or(Ok(()), |mut run| flush(file, &mut run, start))
}

fn flush(file: &Content, run: &mut Buffer, start: u64) -> io::Result<()> {
    if !run.is_empty() {
        file.write_at(run, start)?;
        run.clear();
    }
    Ok(())
}

/// Copies a piece that is here to other places whose hash is the same. It may have been damaged since it
/// was found right, or be damaged now: nothing is copied then, and the answer is no.
pub(super) fn copy(
    file: &Content,
    info: &Info,
    from: PieceIndex,
    to: &[PieceIndex],
    buffers: &Buffers,
) -> io::Result<bool> {
    let layout = info.layout();
    let length = layout.length(from) as usize;
    let mut buffer = buffers.filled(BUFFER.min(length));
    if length > buffer.len() {
        // It does not fit: what is written is hashed on its way, and this tells before anything is.
        let (checked, read) = check_again(file, info, from.get()..from.get() + 1, buffers);
        read?;
        if checked.good.is_empty() {
            return Ok(false);
        }
    }
    let mut hasher = Hasher::new();
    let mut done = 0;
    while done < length {
        let part = buffer.len().min(length - done);
        let bytes = &mut buffer[..part];
        match file.read_at(bytes, layout.offset(from) + done as u64) {
            Err(error) if is_lost(&error) => return Ok(false),
            read => read?,
        }
        hasher.update(bytes);
        if done + part == length && PieceHash(hasher.clone().finish()) != info.hash(from) {
            return Ok(false);
        }
        for &place in to {
            file.write_at(bytes, layout.offset(place) + done as u64)?;
        }
        done += part;
    }
    Ok(true)
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
