//! A set of pieces, stored as it stands on the wire: most significant bit first (BEP 3).

use thiserror::Error;

use crate::layout::PieceIndex;

/// A set of pieces of one content.
///
/// Invariants: the spare bits of the last byte are zero; `ones` is the number of set bits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Bitfield {
    bytes: Vec<u8>,
    pieces: u32,
    ones: u32,
}

/// Bytes that are not the bitfield of that many pieces.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum BitfieldError {
    /// Too many or too few bytes.
    #[error("a bitfield of {actual} bytes for {pieces} pieces; it must have {expected}")]
    Length {
        /// The bytes that came.
        actual: usize,
        /// The bytes that it takes.
        expected: usize,
        /// The number of pieces.
        pieces: u32,
    },
    /// Bits past the last piece are set (BEP 3: "spare bits at the end are set to zero").
    #[error("a bitfield for {pieces} pieces has spare bits set")]
    SpareBits {
        /// The number of pieces.
        pieces: u32,
    },
}

impl Bitfield {
    /// The empty set for a content of that many pieces.
    #[must_use]
    pub fn new(pieces: u32) -> Self {
        Self {
            bytes: vec![0; wire_length(pieces)],
            pieces,
            ones: 0,
        }
    }

    /// The set of all pieces.
    #[must_use]
    pub fn full(pieces: u32) -> Self {
        let mut bytes = vec![0xff; wire_length(pieces)];
        if let Some(last) = bytes.last_mut() {
            *last &= !spare_mask(pieces);
        }
        Self {
            bytes,
            pieces,
            ones: pieces,
        }
    }

    /// Reads the payload of a `bitfield` message.
    ///
    /// # Errors
    /// Refuses a wrong length and set spare bits.
    pub fn from_wire(bytes: &[u8], pieces: u32) -> Result<Self, BitfieldError> {
        let expected = wire_length(pieces);
        if bytes.len() != expected {
            return Err(BitfieldError::Length {
                actual: bytes.len(),
                expected,
                pieces,
            });
        }
        if bytes
            .last()
            .is_some_and(|last| last & spare_mask(pieces) != 0)
        {
            return Err(BitfieldError::SpareBits { pieces });
        }
        let ones = bytes.iter().map(|byte| byte.count_ones()).sum();
        Ok(Self {
            bytes: bytes.to_vec(),
            pieces,
            ones,
        })
    }

    /// Adds a piece; says whether it was new. A piece that does not exist is not added.
    pub fn insert(&mut self, piece: PieceIndex) -> bool {
        if piece.get() >= self.pieces || self.contains(piece) {
            return false;
        }
        self.bytes[piece.as_usize() / 8] |= bit(piece);
        self.ones += 1;
        true
    }

    /// Takes a piece out; says whether it was there.
    pub fn remove(&mut self, piece: PieceIndex) -> bool {
        if !self.contains(piece) {
            return false;
        }
        self.bytes[piece.as_usize() / 8] &= !bit(piece);
        self.ones -= 1;
        true
    }

    /// Is the piece in the set?
    #[must_use]
    pub fn contains(&self, piece: PieceIndex) -> bool {
        self.bytes
            .get(piece.as_usize() / 8)
            .is_some_and(|byte| byte & bit(piece) != 0)
    }

    /// How many pieces the content has.
    #[must_use]
    pub const fn pieces(&self) -> u32 {
        self.pieces
    }

    /// How many pieces are in the set.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.ones
    }

    /// Is every piece in the set? True of a content without pieces.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.ones == self.pieces
    }

    /// Is no piece in the set?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ones == 0
    }

    /// The payload of a `bitfield` message.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.bytes
    }

    /// The pieces in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        self.bytes.iter().enumerate().flat_map(|(row, &byte)| {
            let mut rest = byte;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let column = rest.leading_zeros();
                    rest &= !(0x80 >> column);
                    PieceIndex::new(row as u32 * 8 + column)
                })
            })
        })
    }

    /// The pieces that are in this set and not in `other`, in order.
    pub fn difference<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = PieceIndex> + 'a {
        self.iter().filter(|&piece| !other.contains(piece))
    }
}

/// Bytes that the bitfield of that many pieces takes.
#[must_use]
pub const fn wire_length(pieces: u32) -> usize {
    pieces.div_ceil(8) as usize
}

const fn bit(piece: PieceIndex) -> u8 {
    0x80 >> (piece.get() % 8)
}

const fn spare_mask(pieces: u32) -> u8 {
    match pieces % 8 {
        0 => 0,
        used => 0xff >> used,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_piece_is_the_high_bit() {
        let mut field = Bitfield::new(9);
        assert!(field.insert(PieceIndex::new(0)));
        assert!(field.insert(PieceIndex::new(8)));
        assert_eq!(field.as_wire(), [0x80, 0x80]);
    }

    #[test]
    fn malformed_bitfields_are_refused_by_name() {
        let length = BitfieldError::Length {
            actual: 1,
            expected: 2,
            pieces: 9,
        };
        assert_eq!(Bitfield::from_wire(&[0], 9), Err(length));
        let spare = BitfieldError::SpareBits { pieces: 9 };
        assert_eq!(Bitfield::from_wire(&[0, 0x40], 9), Err(spare));
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_set(
            pieces in 0_u32..200,
            operations in prop::collection::vec((any::<bool>(), 0_u32..220), 0..200),
        ) {
            let mut field = Bitfield::new(pieces);
            let mut model = BTreeSet::new();
            for (insert, index) in operations {
                let piece = PieceIndex::new(index);
                if insert {
                    prop_assert_eq!(field.insert(piece), index < pieces && model.insert(index));
                } else {
                    prop_assert_eq!(field.remove(piece), model.remove(&index));
                }
            }
            prop_assert_eq!(field.count() as usize, model.len());
            prop_assert!(field.iter().map(PieceIndex::get).eq(model.iter().copied()));
            prop_assert_eq!(field.is_full(), model.len() == pieces as usize);
            prop_assert_eq!(Bitfield::from_wire(field.as_wire(), pieces), Ok(field));
        }

        #[test]
        fn full_means_every_piece(pieces in 0_u32..200) {
            let full = Bitfield::full(pieces);
            prop_assert!(full.is_full());
            prop_assert_eq!(full.iter().count(), pieces as usize);
            prop_assert_eq!(Bitfield::from_wire(full.as_wire(), pieces), Ok(full));
        }
    }
}
