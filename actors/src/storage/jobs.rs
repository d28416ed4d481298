//! The blocking work of storage: plain functions that a worker thread runs.

use std::io;

use sha1::{Digest, Sha1};
use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::Info;
use swarmlet_protocol::session::WholePiece;

use super::file::ContentFile;

/// 1 MiB: the buffer of one check job, and the longest run that is written at once.
pub(super) const BUFFER: usize = 1024 * 1024;

/// 1,024: places that a batch of pieces is copied to beyond its own, where the content repeats
/// itself. A job must end soon: the node may be asked to stop.
pub(super) const COPIES_PER_BATCH: usize = 1_024;

/// What a check found of a range of pieces.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Checked {
    pub(super) good: Vec<PieceIndex>,
    pub(super) bad: Vec<PieceIndex>,
}

/// Hashes the pieces `from..to` of the file. Stops early at an error; what it found stands.
pub(super) fn check(
    file: &ContentFile,
    info: &Info,
    from: u32,
    to: u32,
) -> (Checked, io::Result<()>) {
    let mut checked = Checked::default();
    let mut buffer = vec![0; BUFFER.min(info.layout().size() as usize)];
    let mut next = from;
    while next < to {
        if next >= file.fresh_from.get() {
            check_zeros(info, next, to, &mut checked);
            break;
        }
        let outcome = check_some(file, info, next, to, &mut buffer, &mut checked);
        match outcome {
            Ok(after) => next = after,
            Err(error) => return (checked, Err(error)),
        }
    }
    (checked, Ok(()))
}

/// Pieces that lay beyond the old end of the file are zeros, and need not be read to know it.
fn check_zeros(info: &Info, from: u32, to: u32, checked: &mut Checked) {
    let mut known: Option<(u32, PieceHash)> = None;
    for piece in (from..to).map(PieceIndex::new) {
        let length = info.layout().length(piece);
        let zeros = match known {
            Some((of, hash)) if of == length => hash,
            _ => zero_hash(length),
        };
        known = Some((length, zeros));
        checked.note(piece, zeros == info.hash(piece));
    }
}

fn zero_hash(length: u32) -> PieceHash {
    let zeros = vec![0; BUFFER.min(length as usize)];
    let mut hasher = Sha1::new();
    let mut left = length as usize;
    while left > 0 {
        let part = left.min(zeros.len());
        hasher.update(&zeros[..part]);
        left -= part;
    }
    PieceHash(hasher.finalize().into())
}

/// Checks as many pieces as fit the buffer, or one that does not; returns the next piece.
fn check_some(
    file: &ContentFile,
    info: &Info,
    next: u32,
    to: u32,
    buffer: &mut [u8],
    checked: &mut Checked,
) -> io::Result<u32> {
    let layout = info.layout();
    let piece_length = layout.piece_length() as usize;
    let first = PieceIndex::new(next);
    let start = layout.offset(first);
    if piece_length > buffer.len() {
        let mut hasher = Sha1::new();
        let mut left = layout.length(first) as usize;
        let mut at = start;
        while left > 0 {
            let part = left.min(buffer.len());
            file.read_at(&mut buffer[..part], at)?;
            hasher.update(&buffer[..part]);
            left -= part;
            at += part as u64;
        }
        checked.note(
            first,
            PieceHash(hasher.finalize().into()) == info.hash(first),
        );
        return Ok(next + 1);
    }
    let to = to.min(file.fresh_from.get());
    let count = ((buffer.len() / piece_length) as u32).min(to - next);
    let pieces = || (next..next + count).map(PieceIndex::new);
    let total: usize = pieces().map(|piece| layout.length(piece) as usize).sum();
    file.read_at(&mut buffer[..total], start)?;
    let mut rest = &buffer[..total];
    for piece in pieces() {
        let (bytes, after) = rest.split_at(layout.length(piece) as usize);
        rest = after;
        checked.note(piece, PieceHash::of(bytes) == info.hash(piece));
    }
    Ok(next + count)
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

/// Which of these pieces have the hash that they must have.
pub(super) fn verify(info: &Info, pieces: &[WholePiece]) -> Vec<bool> {
    pieces
        .iter()
        .map(|(piece, data)| {
            data.len() == info.layout().length(*piece) as usize
                && PieceHash::of(data) == info.hash(*piece)
        })
        .collect()
}

/// Writes verified pieces; neighbours in one call.
pub(super) fn write(file: &ContentFile, info: &Info, pieces: &mut [WholePiece]) -> io::Result<()> {
    pieces.sort_unstable_by_key(|&(piece, _)| piece);
    let layout = info.layout();
    let mut run = Vec::new();
    let mut start = 0;
    for (piece, data) in pieces {
        let offset = layout.offset(*piece);
        if run.len() + data.len() > BUFFER || offset != start + run.len() as u64 {
            flush(file, &mut run, start)?;
            start = offset;
        }
        if run.is_empty() && data.len() >= BUFFER / 2 {
            file.write_at(data, offset)?;
            start = offset + data.len() as u64;
        } else {
            run.extend_from_slice(data);
        }
    }
    flush(file, &mut run, start)
}

fn flush(file: &ContentFile, run: &mut Vec<u8>, start: u64) -> io::Result<()> {
    if !run.is_empty() {
        file.write_at(run, start)?;
        run.clear();
    }
    Ok(())
}

/// Copies a piece that is here to another place whose hash is the same.
pub(super) fn copy(
    file: &ContentFile,
    info: &Info,
    from: PieceIndex,
    to: &[PieceIndex],
) -> io::Result<()> {
    let layout = info.layout();
    let mut buffer = vec![0; BUFFER.min(layout.length(from) as usize)];
    let mut done = 0;
    while done < layout.length(from) as usize {
        let part = buffer.len().min(layout.length(from) as usize - done);
        file.read_at(&mut buffer[..part], layout.offset(from) + done as u64)?;
        for &place in to {
            file.write_at(&buffer[..part], layout.offset(place) + done as u64)?;
        }
        done += part;
    }
    Ok(())
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
