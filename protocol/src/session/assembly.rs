//! One piece as it comes together from its blocks.
//!
//! Holds bytes and counts; which blocks may come is decided by its owner. Invariant: `missing` is
//! the number of bytes in the blocks that were not received.

use super::spill::Run;
use crate::buffers::{Buffer, Buffers};
use crate::layout::{BLOCK_LENGTH, Block, Layout, PieceIndex, SPILL_LENGTH};

/// A leased piece.
#[derive(Debug)]
pub(super) struct Assembly {
    /// The whole piece, if it is not too long for that; memory is taken with its first bytes.
    pub(super) data: Buffer,
    buffers: Buffers,
    /// Else the bytes that are next to be handed out.
    pub(super) run: Option<Run>,
    length: u32,
    /// Blocks asked for so far; they are asked in order.
    pub(super) asked: u32,
    /// Bytes that have not come.
    pub(super) missing: u32,
    received: BlockSet,
}

impl Assembly {
    pub(super) fn new(layout: &Layout, piece: PieceIndex, buffers: &Buffers) -> Self {
        let length = layout.length(piece);
        Self {
            data: Buffer::default(),
            buffers: buffers.clone(),
            run: (length > SPILL_LENGTH).then(|| Run::new(buffers.clone())),
            length,
            asked: 0,
            missing: length,
            received: BlockSet::new(layout.block_count(piece)),
        }
    }

    /// Was a block asked for that begins there, and has it not come?
    pub(super) fn is_outstanding(&self, begin: u32) -> bool {
        let block = begin / BLOCK_LENGTH;
        begin.is_multiple_of(BLOCK_LENGTH) && block < self.asked && !self.received.contains(block)
    }

    /// Puts a part of a block in its place. Gives a part that is to be handed out now, if the piece
    /// is a long one.
    pub(super) fn write(&mut self, at: usize, data: &[u8]) -> Option<(u32, Buffer)> {
        if let Some(run) = &mut self.run {
            return run.push(at, data);
        }
        if self.data.is_empty() {
            self.data = self.buffers.empty(self.length as usize);
        }
        self.data.write(at, data);
        None
    }

    /// All bytes of the block have come.
    pub(super) fn finish(&mut self, block: Block) {
        if self.received.insert(block.begin / BLOCK_LENGTH) {
            self.missing -= block.length;
        }
    }

    pub(super) const fn is_whole(&self) -> bool {
        self.missing == 0
    }
}

/// A set of blocks of one piece. One word serves pieces of up to 1 MiB.
#[derive(Debug)]
struct BlockSet {
    first: u64,
    rest: Vec<u64>,
}

impl BlockSet {
    fn new(blocks: u32) -> Self {
        let rest = blocks.div_ceil(64).saturating_sub(1);
        Self {
            first: 0,
            rest: vec![0; rest as usize],
        }
    }

    fn contains(&self, block: u32) -> bool {
        let word = match (block as usize / 64).checked_sub(1) {
            None => self.first,
            Some(index) => self.rest.get(index).copied().unwrap_or(u64::MAX),
        };
        word & 1 << (block % 64) != 0
    }

    /// Says whether the block is new.
    fn insert(&mut self, block: u32) -> bool {
        if self.contains(block) {
            return false;
        }
        match (block as usize / 64).checked_sub(1) {
            None => self.first |= 1 << (block % 64),
            Some(index) => self.rest[index] |= 1 << (block % 64),
        }
        true
    }
}
