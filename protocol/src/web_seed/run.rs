//! Neighbouring pieces that are fetched one after the other, and the one that is being put together.
//!
//! Decides nothing. Invariants: `at` lies within the run; if the piece at `at` is wanted, `data` holds
//! its bytes that come before and were not handed out.

use std::collections::BTreeSet;

use super::messages::TransferId;
use crate::buffers::{Buffer, Buffers};
use crate::layout::{Layout, PieceIndex, SPILL_LENGTH};
use crate::session::{PART_LENGTH, Spill};
use crate::time::Timestamp;

/// Pieces from one place of the content to another.
#[derive(Debug)]
pub(super) struct Run {
    /// The first byte of the content that has not come, and the end of the last piece.
    pub(super) at: u64,
    pub(super) end: u64,
    /// The leases among its pieces that were not fulfilled.
    pub(super) wanted: BTreeSet<PieceIndex>,
    data: Buffer,
    /// Something of the present piece was handed out.
    spilled: bool,
    pub(super) transfer: Option<Transfer>,
}

/// The request that a run waits for.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) id: TransferId,
    pub(super) file: usize,
    pub(super) asked: super::answer::Asked,
    /// Bytes that are to come, once the head is here; and whether something follows them.
    pub(super) left: Option<u64>,
    pub(super) more: bool,
    /// Bytes that came, and whether a piece became whole with them.
    pub(super) received: u64,
    pub(super) made_whole: bool,
    pub(super) since: Timestamp,
}

/// What comes of bytes of a piece.
pub(super) enum Made {
    Whole(PieceIndex, Buffer),
    Spill(Spill),
}

impl Run {
    pub(super) fn new(first: PieceIndex, layout: &Layout) -> Self {
        let at = layout.offset(first);
        Self {
            at,
            end: at + u64::from(layout.length(first)),
            wanted: BTreeSet::from([first]),
            data: Buffer::default(),
            spilled: false,
            transfer: None,
        }
    }

    /// The piece behind the last one is fetched as well.
    pub(super) fn extend(&mut self, piece: PieceIndex, layout: &Layout) {
        self.end += u64::from(layout.length(piece));
        self.wanted.insert(piece);
    }

    /// Where the pieces end that are wanted one after the other from the present one on.
    pub(super) fn stretch(&self, layout: &Layout) -> u64 {
        let mut piece = self.piece(layout);
        while self.wanted.contains(&piece) {
            piece = PieceIndex::new(piece.get() + 1);
        }
        layout.offset(piece).min(self.end).max(self.at)
    }

    /// Goes on to the next piece that is wanted; says whether there is one.
    pub(super) fn seek(&mut self, layout: &Layout) -> bool {
        let here = self.piece(layout);
        if self.at < self.end && self.wanted.contains(&here) {
            return true;
        }
        match self.wanted.range(here..).next() {
            Some(&next) => self.at = layout.offset(next),
            None => self.at = self.end,
        }
        self.at < self.end
    }

    /// The lease ended. Says whether it was one of this run.
    pub(super) fn drop_piece(
        &mut self,
        piece: PieceIndex,
        layout: &Layout,
        made: &mut Vec<Made>,
    ) -> bool {
        let dropped = self.wanted.remove(&piece);
        if dropped && self.at < self.end && self.piece(layout) == piece {
            self.forget(layout, made);
        }
        dropped
    }

    /// The piece that the next byte belongs to.
    pub(super) fn piece(&self, layout: &Layout) -> PieceIndex {
        PieceIndex::new((self.at / u64::from(layout.piece_length())) as u32)
    }

    /// Takes bytes of the present piece, no more than it lacks.
    pub(super) fn push(
        &mut self,
        data: &[u8],
        layout: &Layout,
        buffers: &Buffers,
        made: &mut Vec<Made>,
    ) {
        let piece = self.piece(layout);
        let length = layout.length(piece);
        let is_long = length > SPILL_LENGTH;
        let mut rest = data;
        while !rest.is_empty() {
            if self.data.is_empty() {
                let room = if is_long {
                    PART_LENGTH
                } else {
                    length as usize
                };
                self.data = buffers.empty(room);
            }
            let room = if is_long {
                PART_LENGTH - self.data.len()
            } else {
                rest.len()
            };
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.data.extend_from_slice(now);
            self.at += now.len() as u64;
            rest = later;
            if is_long && self.data.len() == PART_LENGTH {
                self.hand_out(piece, layout, made);
            }
        }
        if self.at < layout.offset(piece) + u64::from(length) {
            return;
        }
        self.wanted.remove(&piece);
        if is_long {
            self.hand_out(piece, layout, made);
            self.spilled = false;
            made.push(Made::Spill(Spill::Whole(piece)));
        } else {
            made.push(Made::Whole(piece, std::mem::take(&mut self.data)));
        }
    }

    /// Passes over bytes of the present piece that nobody wants.
    pub(super) const fn skip(&mut self, bytes: u64) {
        self.at += bytes;
    }

    /// What came of the present piece is of no use.
    pub(super) fn forget(&mut self, layout: &Layout, made: &mut Vec<Made>) {
        self.data = Buffer::default();
        if std::mem::take(&mut self.spilled) {
            made.push(Made::Spill(Spill::Dropped(self.piece(layout))));
        }
    }

    fn hand_out(&mut self, piece: PieceIndex, layout: &Layout, made: &mut Vec<Made>) {
        if self.data.is_empty() {
            return;
        }
        let data = std::mem::take(&mut self.data);
        let begin = self.at - layout.offset(piece) - data.len() as u64;
        self.spilled = true;
        made.push(Made::Spill(Spill::Part {
            piece,
            begin: begin as u32,
            data,
        }));
    }
}
