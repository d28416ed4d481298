//! The geometry of a content: how its bytes fall into pieces and blocks.
//!
//! Everything that comes from the network as a number becomes a [`PieceIndex`] or a [`Block`] here
//! or is refused, so that the rest of the crate cannot be asked about a piece that does not exist.

use thiserror::Error;

/// Bytes in a block, the unit of request on the wire: 16 KiB, the length that every client uses
/// and that many refuse to exceed (BEP 3).
pub const BLOCK_LENGTH: u32 = 16 * 1024;

/// 256 MiB: the largest piece we accept. Larger than any client makes, and small enough that all
/// arithmetic within a piece fits 32 bits.
pub const MAX_PIECE_LENGTH: u32 = 256 * 1024 * 1024;

/// 4 MiB: a piece that is longer is never held in memory as a whole, but goes to a scratch file in
/// parts. Six pieces of this length fill what may be in flight at once; most contents have shorter
/// ones, and those are spared a second trip through a file.
pub const SPILL_LENGTH: u32 = 4 * 1024 * 1024;

/// 800,000 pieces: their hashes fill the 16 MiB that an info dictionary may have (see `metadata`).
pub const MAX_PIECES: u32 = 800_000;

/// The number of a piece that is known to exist in the layout it came from.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct PieceIndex(u32);

impl PieceIndex {
    /// Names a piece without asking a layout. The caller knows that the piece exists.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// The number as it stands on the wire.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number as an index into a table with a row per piece.
    #[must_use]
    pub const fn as_usize(self) -> usize {
        self.0 as usize
    }
}

/// A part of one piece that was checked against a layout: not empty, and within the piece.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Block {
    /// The piece it lies in.
    pub piece: PieceIndex,
    /// Its first byte, counted from the start of the piece.
    pub begin: u32,
    /// Its length in bytes.
    pub length: u32,
}

/// Sizes that no content can have.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// Pieces of nothing.
    #[error("the piece length is 0; it must be at least 1")]
    PieceLengthZero,
    /// A piece that is longer than we hold.
    #[error("the piece length {0} exceeds the limit of {MAX_PIECE_LENGTH} bytes")]
    PieceTooLong(u64),
    /// More pieces than we keep account of.
    #[error("{0} pieces exceed the limit of {MAX_PIECES}; use a larger piece length")]
    TooManyPieces(u64),
}

/// A part of a piece that does not exist.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum BlockError {
    /// There is no such piece.
    #[error("piece {piece} does not exist: there are {pieces}")]
    NoSuchPiece {
        /// The number that was named.
        piece: u32,
        /// How many pieces there are.
        pieces: u32,
    },
    /// The block has no bytes.
    #[error("a block of piece {piece} has no bytes")]
    Empty {
        /// The piece that was named.
        piece: u32,
    },
    /// The block reaches past the end of its piece.
    #[error("block {begin}+{length} exceeds piece {piece} of {piece_length} bytes")]
    OutOfPiece {
        /// The piece that was named.
        piece: u32,
        /// The offset that was named.
        begin: u32,
        /// The length that was named.
        length: u32,
        /// The length of the piece.
        piece_length: u32,
    },
}

/// How a content of `size` bytes falls into pieces, all of one length but for the last.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct Layout {
    size: u64,
    piece_length: u32,
    pieces: u32,
}

impl Layout {
    /// The layout of `size` bytes in pieces of `piece_length` bytes. No bytes make no pieces.
    ///
    /// # Errors
    /// Names the number that is out of bounds, and the bound.
    pub fn new(size: u64, piece_length: u64) -> Result<Self, LayoutError> {
        if piece_length == 0 {
            return Err(LayoutError::PieceLengthZero);
        }
        let length = u32::try_from(piece_length)
            .ok()
            .filter(|&length| length <= MAX_PIECE_LENGTH)
            .ok_or(LayoutError::PieceTooLong(piece_length))?;
        let count = size.div_ceil(piece_length);
        let pieces = u32::try_from(count)
            .ok()
            .filter(|&pieces| pieces <= MAX_PIECES)
            .ok_or(LayoutError::TooManyPieces(count))?;
        Ok(Self {
            size,
            piece_length: length,
            pieces,
        })
    }

    /// Bytes of the whole content.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes in every piece but the last.
    #[must_use]
    pub const fn piece_length(&self) -> u32 {
        self.piece_length
    }

    /// How many pieces there are.
    #[must_use]
    pub const fn pieces(&self) -> u32 {
        self.pieces
    }

    /// The piece of that number, if there is one.
    #[must_use]
    pub fn piece(&self, index: u32) -> Option<PieceIndex> {
        (index < self.pieces).then_some(PieceIndex(index))
    }

    /// All pieces in order.
    pub fn all_pieces(
        &self,
    ) -> impl DoubleEndedIterator<Item = PieceIndex> + ExactSizeIterator + use<> {
        (0..self.pieces).map(PieceIndex)
    }

    /// Where the piece starts in the content.
    #[must_use]
    pub fn offset(&self, piece: PieceIndex) -> u64 {
        u64::from(piece.0) * u64::from(self.piece_length)
    }

    /// Bytes in this piece: the last one may be shorter than the others.
    #[must_use]
    pub fn length(&self, piece: PieceIndex) -> u32 {
        let rest = self.size.saturating_sub(self.offset(piece));
        u32::try_from(rest).map_or(self.piece_length, |rest| rest.min(self.piece_length))
    }

    /// How many blocks the piece has.
    #[must_use]
    pub fn block_count(&self, piece: PieceIndex) -> u32 {
        self.length(piece).div_ceil(BLOCK_LENGTH)
    }

    /// The blocks of a piece in order: 16 KiB each, the last one what is left.
    pub fn blocks(&self, piece: PieceIndex) -> impl Iterator<Item = Block> + use<> {
        let layout = *self;
        (0..self.block_count(piece)).filter_map(move |number| layout.nth_block(piece, number))
    }

    /// The block of that number, counted from the start of the piece.
    #[must_use]
    pub fn nth_block(&self, piece: PieceIndex, number: u32) -> Option<Block> {
        let begin = number.checked_mul(BLOCK_LENGTH)?;
        let left = self
            .length(piece)
            .checked_sub(begin)
            .filter(|&left| left > 0)?;
        Some(Block {
            piece,
            begin,
            length: BLOCK_LENGTH.min(left),
        })
    }

    /// Checks a block that came from outside.
    ///
    /// # Errors
    /// Says which number is wrong and what the bound is.
    pub fn block(&self, piece: u32, begin: u32, length: u32) -> Result<Block, BlockError> {
        let index = self.piece(piece).ok_or(BlockError::NoSuchPiece {
            piece,
            pieces: self.pieces,
        })?;
        let piece_length = self.length(index);
        if length == 0 {
            return Err(BlockError::Empty { piece });
        }
        if u64::from(begin) + u64::from(length) > u64::from(piece_length) {
            return Err(BlockError::OutOfPiece {
                piece,
                begin,
                length,
                piece_length,
            });
        }
        Ok(Block {
            piece: index,
            begin,
            length,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_out_of_bounds_are_refused_by_name() {
        assert_eq!(Layout::new(1, 0), Err(LayoutError::PieceLengthZero));
        assert_eq!(
            Layout::new(1, 1 << 40),
            Err(LayoutError::PieceTooLong(1 << 40))
        );
        assert_eq!(
            Layout::new(1 << 40, 1),
            Err(LayoutError::TooManyPieces(1 << 40))
        );
    }

    #[test]
    fn nothing_has_no_pieces() {
        let layout = Layout::new(0, 1).unwrap();
        assert_eq!(layout.pieces(), 0);
        assert_eq!(layout.piece(0), None);
        assert_eq!(
            layout.block(0, 0, 1),
            Err(BlockError::NoSuchPiece {
                piece: 0,
                pieces: 0
            })
        );
    }

    proptest! {
        #[test]
        fn blocks_cover_the_content_exactly(size in 0_u64..3_000_000, length in 1_u64..200_000) {
            prop_assume!(size / length < 5_000);
            let layout = Layout::new(size, length).unwrap();
            let mut next = 0;
            for piece in layout.all_pieces() {
                for block in layout.blocks(piece) {
                    prop_assert_eq!(layout.offset(piece) + u64::from(block.begin), next);
                    prop_assert_eq!(
                        layout.block(piece.get(), block.begin, block.length), Ok(block));
                    next += u64::from(block.length);
                }
            }
            prop_assert_eq!(next, size);
        }

        #[test]
        fn a_checked_block_lies_in_its_piece(
            piece in any::<u32>(), begin in any::<u32>(), length in any::<u32>()
        ) {
            let layout = Layout::new(1_000_003, 65_537).unwrap();
            if let Ok(block) = layout.block(piece, begin, length) {
                prop_assert!(block.length > 0);
                prop_assert!(block.begin + block.length <= layout.length(block.piece));
            }
        }
    }
}
