//! A set of pieces that is fast to intersect: 64 pieces at a step, 4,096 where there are none.
//!
//! Not the wire's form (see `bitfield`). Invariants: bit `i` of `summary` is set exactly if word
//! `i` is not zero; `count` is the number of set bits.

use crate::bitfield::Bitfield;
use crate::layout::PieceIndex;

const WIDTH: u32 = u64::BITS;

/// A set of pieces of one content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Bits {
    words: Vec<u64>,
    summary: Vec<u64>,
    count: u32,
}

fn place(index: u32) -> (usize, u64) {
    ((index / WIDTH) as usize, 1 << (index % WIDTH))
}

impl Bits {
    pub(super) fn new(pieces: u32) -> Self {
        let words = pieces.div_ceil(WIDTH);
        Self {
            words: vec![0; words as usize],
            summary: vec![0; words.div_ceil(WIDTH) as usize],
            count: 0,
        }
    }

    pub(super) fn full(pieces: u32) -> Self {
        let mut bits = Self::new(pieces);
        for index in 0..pieces {
            bits.insert(PieceIndex::new(index));
        }
        bits
    }

    /// The empty set for the same content.
    pub(super) fn emptied(&self) -> Self {
        Self {
            words: vec![0; self.words.len()],
            summary: vec![0; self.summary.len()],
            count: 0,
        }
    }

    pub(super) fn from_bitfield(field: &Bitfield) -> Self {
        let mut bits = Self::new(field.pieces());
        for piece in field.iter() {
            bits.insert(piece);
        }
        bits
    }

    /// Adds a piece; says whether it was new. A piece past the end is not added.
    pub(super) fn insert(&mut self, piece: PieceIndex) -> bool {
        let (row, bit) = place(piece.get());
        let Some(word) = self.words.get_mut(row).filter(|word| **word & bit == 0) else {
            return false;
        };
        *word |= bit;
        let (row, bit) = place(row as u32);
        if let Some(word) = self.summary.get_mut(row) {
            *word |= bit;
        }
        self.count += 1;
        true
    }

    /// Takes a piece out; says whether it was there.
    pub(super) fn remove(&mut self, piece: PieceIndex) -> bool {
        let (row, bit) = place(piece.get());
        let Some(word) = self.words.get_mut(row).filter(|word| **word & bit != 0) else {
            return false;
        };
        *word &= !bit;
        if *word == 0 {
            let (row, bit) = place(row as u32);
            if let Some(word) = self.summary.get_mut(row) {
                *word &= !bit;
            }
        }
        self.count -= 1;
        true
    }

    pub(super) fn contains(&self, piece: PieceIndex) -> bool {
        let (row, bit) = place(piece.get());
        self.word(row) & bit != 0
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// The pieces in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        self.words.iter().enumerate().flat_map(|(row, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let column = rest.trailing_zeros();
                    rest &= rest - 1;
                    PieceIndex::new(row as u32 * WIDTH + column)
                })
            })
        })
    }

    /// The first piece at or after `from`, going round, that is in this set and in `with`, and in
    /// none of `without`.
    pub(super) fn find(&self, with: &Self, without: &[&Self], from: u32) -> Option<PieceIndex> {
        let (start, bit) = place(from);
        self.find_within(with, without, start, usize::MAX, !(bit - 1))
            .or_else(|| self.find_within(with, without, 0, start, u64::MAX))
    }

    /// Looks through the rows from `start` to `end` inclusive; `mask` holds for the first of them.
    fn find_within(
        &self,
        with: &Self,
        without: &[&Self],
        start: usize,
        end: usize,
        mask: u64,
    ) -> Option<PieceIndex> {
        let (mut row, mut mask) = (Some(start), mask);
        while let Some(at) = row.filter(|&at| at <= end && at < self.words.len()) {
            let both = self.word(at) & with.word(at) & mask;
            let left = without.iter().fold(both, |left, set| left & !set.word(at));
            if left != 0 {
                return Some(PieceIndex::new(at as u32 * WIDTH + left.trailing_zeros()));
            }
            mask = u64::MAX;
            row = self.next_row(with, at + 1);
        }
        None
    }

    /// The first row at or after `row` where both sets have something.
    fn next_row(&self, with: &Self, row: usize) -> Option<usize> {
        let (mut at, bit) = place(row as u32);
        let mut mask = !(bit - 1);
        while let (Some(ours), Some(theirs)) = (self.summary.get(at), with.summary.get(at)) {
            let both = ours & theirs & mask;
            if both != 0 {
                return Some(at * WIDTH as usize + both.trailing_zeros() as usize);
            }
            mask = u64::MAX;
            at += 1;
        }
        None
    }

    fn word(&self, row: usize) -> u64 {
        self.words.get(row).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn bits(pieces: u32, set: &BTreeSet<u32>) -> Bits {
        let mut bits = Bits::new(pieces);
        for &piece in set {
            assert!(bits.insert(PieceIndex::new(piece)));
        }
        bits
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_set(
            operations in prop::collection::vec((any::<bool>(), 0_u32..9_000), 0..300),
        ) {
            let mut set = Bits::new(9_000);
            let mut model = BTreeSet::new();
            for (insert, index) in operations {
                let piece = PieceIndex::new(index);
                if insert {
                    prop_assert_eq!(set.insert(piece), model.insert(index));
                } else {
                    prop_assert_eq!(set.remove(piece), model.remove(&index));
                }
            }
            prop_assert_eq!(set.count() as usize, model.len());
            prop_assert!(set.iter().map(PieceIndex::get).eq(model.iter().copied()));
            prop_assert_eq!(set, bits(9_000, &model));
        }

        #[test]
        fn find_is_the_first_common_piece_going_round(
            ours in prop::collection::btree_set(0_u32..9_000, 0..60),
            theirs in prop::collection::btree_set(0_u32..9_000, 0..60),
            common in prop::collection::btree_set(0_u32..9_000, 0..6),
            without in prop::collection::btree_set(0_u32..9_000, 0..3),
            from in 0_u32..9_000,
        ) {
            let ours = &ours | &common;
            let theirs = &theirs | &common;
            let without = &without | &common.iter().copied().take(1).collect();
            let wanted = &(&ours & &theirs) - &without;
            let expected = wanted.range(from..).chain(wanted.range(..from)).next();
            let found = bits(9_000, &ours)
                .find(&bits(9_000, &theirs), &[&bits(9_000, &without)], from);
            prop_assert_eq!(found.map(PieceIndex::get), expected.copied());
        }
    }
}
