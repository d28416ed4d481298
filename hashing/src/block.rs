//! What SHA-1 works on: states, blocks, and the padding that ends a message (FIPS 180-4, §5).

use crate::Digest;

/// Bytes in a block.
pub(crate) const BLOCK: usize = 64;

/// Bytes at the end of the last block that hold the length of the message.
const LENGTH_FIELD: usize = 8;

/// 64 bytes of a message.
pub(crate) type Block = [u8; BLOCK];

/// The words a, b, c, d and e between two blocks.
pub(crate) type State = [u32; 5];

/// The state before the first block (FIPS 180-4, §5.3.1).
pub(crate) const INITIAL: State = [
    0x6745_2301,
    0xefcd_ab89,
    0x98ba_dcfe,
    0x1032_5476,
    0xc3d2_e1f0,
];

/// Up to two blocks that are no part of the caller's bytes as they stand: the first block of an
/// update, put together from two updates, or the padded end of a message.
#[derive(Clone)]
pub(crate) struct Edge {
    blocks: [Block; 2],
    /// How many of them are still to be hashed: the last ones, up to `end`.
    next: u8,
    end: u8,
}

impl Edge {
    /// No block at all.
    pub(crate) const EMPTY: Self = Self {
        blocks: [[0; BLOCK]; 2],
        next: 0,
        end: 0,
    };

    /// One block.
    pub(crate) const fn one(block: Block) -> Self {
        Self {
            blocks: [block, [0; BLOCK]],
            next: 0,
            end: 1,
        }
    }

    /// The end of a message of `length` bytes: those that filled no block, a bit, zeros, and the
    /// length in bits. `rest` is shorter than a block.
    pub(crate) fn end_of_message(rest: &[u8], length: u64) -> Self {
        let mut edge = Self::EMPTY;
        let bytes = edge.blocks.as_flattened_mut();
        bytes[..rest.len()].copy_from_slice(rest);
        bytes[rest.len()] = 0x80;
        let is_one = rest.len() < BLOCK - LENGTH_FIELD;
        edge.end = if is_one { 1 } else { 2 };
        let end = usize::from(edge.end) * BLOCK;
        // SHA-1 is not defined for messages of 2^64 bits and more.
        let bits = length.wrapping_mul(8);
        bytes[end - LENGTH_FIELD..end].copy_from_slice(&bits.to_be_bytes());
        edge
    }

    /// What is still to be hashed of it.
    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks[usize::from(self.next)..usize::from(self.end)]
    }

    /// Takes away as many blocks from its front; at most as many as there are.
    pub(crate) fn advance(&mut self, blocks: usize) {
        let left = self.end - self.next;
        self.next += u8::try_from(blocks).map_or(left, |blocks| blocks.min(left));
    }
}

/// A state as it is written.
pub(crate) fn to_digest(state: State) -> Digest {
    let mut digest = [0; 20];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}
