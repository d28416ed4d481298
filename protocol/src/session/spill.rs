//! The bytes of a piece that is too long to be put together in memory.
//!
//! They leave the session in runs as they arrive, unverified: the host keeps them apart from the
//! file until the piece is whole and its hash is right. Invariant: what was pushed comes out
//! exactly once and in order of arrival, in runs of at most [`PART_LENGTH`].

use crate::buffers::{Buffer, Buffers};
use crate::layout::PieceIndex;

/// 256 KiB: the longest run of bytes that a session hands out of a long piece: one read of the
/// socket, and few enough messages.
pub const PART_LENGTH: usize = 256 * 1024;

/// A word about a piece longer than [`SPILL_LENGTH`](crate::layout::SPILL_LENGTH). For one piece:
/// parts in any order of their places, then one of the other two; and perhaps all of it anew.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Spill {
    /// Bytes of the piece, at most [`PART_LENGTH`]. Not verified.
    Part {
        /// The piece.
        piece: PieceIndex,
        /// The place of the first byte, counted from the start of the piece.
        begin: u32,
        /// The bytes.
        data: Buffer,
    },
    /// All bytes of the piece were handed out. Its hash is not checked yet.
    Whole(PieceIndex),
    /// The piece will not become whole on this link: its parts are of no use.
    Dropped(PieceIndex),
}

/// Neighbouring bytes that were not handed out yet.
#[derive(Debug)]
pub(super) struct Run {
    begin: usize,
    data: Buffer,
    buffers: Buffers,
    /// Something of this piece was handed out.
    pub(super) begun: bool,
}

impl Run {
    pub(super) fn new(buffers: Buffers) -> Self {
        Self {
            begin: 0,
            data: Buffer::default(),
            buffers,
            begun: false,
        }
    }

    /// Adds bytes, fewer than [`PART_LENGTH`]; gives the run so far if they do not continue it or
    /// find no room in it.
    pub(super) fn push(&mut self, at: usize, data: &[u8]) -> Option<(u32, Buffer)> {
        let continues = at == self.begin + self.data.len();
        let full = self.data.len() + data.len() > PART_LENGTH;
        let part = if continues && !full {
            None
        } else {
            self.take()
        };
        if self.data.is_empty() {
            self.begin = at;
            self.data = self.buffers.empty(PART_LENGTH);
        }
        self.data.extend_from_slice(data);
        part
    }

    /// The rest, if there is any.
    pub(super) fn take(&mut self) -> Option<(u32, Buffer)> {
        if self.data.is_empty() {
            return None;
        }
        self.begun = true;
        Some((self.begin as u32, std::mem::take(&mut self.data)))
    }
}
