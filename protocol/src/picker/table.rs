//! Where every piece stands, and how rare it is.
//!
//! Knows nothing of links or time. Invariants: a piece is in the rarity class of its number of
//! partial holders exactly if it is wanted, and in `have` exactly if we have it. No counter stands
//! beside: numbers are read from these sets.
//!
//! Rarity counts *partial* peers only. Complete ones have every piece, so they move all pieces
//! alike; leaving them out makes their coming and going cheap and makes class 0 the pieces that
//! only they have.

use super::bits::Bits;
use super::messages::PieceState;
use crate::bitfield::Bitfield;
use crate::layout::{Layout, PieceIndex};

/// Pieces that more than 30 partial peers have are equally common: a node keeps some 30 links.
const CLASSES: usize = 32;

/// The piece table of one content.
#[derive(Clone, Debug)]
pub(super) struct Table {
    layout: Layout,
    states: Vec<PieceState>,
    /// For each piece, how many partial peers have it.
    holders: Vec<u16>,
    /// The wanted pieces by number of partial holders; grows as needed, up to [`CLASSES`].
    classes: Vec<Bits>,
    have: Bitfield,
}

impl Table {
    pub(super) fn new(layout: Layout) -> Self {
        let pieces = layout.pieces();
        Self {
            layout,
            states: vec![PieceState::Postponed; pieces as usize],
            holders: vec![0; pieces as usize],
            classes: vec![Bits::new(pieces)],
            have: Bitfield::new(pieces),
        }
    }

    pub(super) const fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) const fn have(&self) -> &Bitfield {
        &self.have
    }

    /// The state of a piece, if there is such a piece.
    pub(super) fn get(&self, piece: PieceIndex) -> Option<PieceState> {
        self.states.get(piece.as_usize()).copied()
    }

    /// Is it known that we lack this piece?
    pub(super) fn is_lacking(&self, piece: PieceIndex) -> bool {
        matches!(
            self.get(piece),
            Some(PieceState::Wanted | PieceState::Leased)
        )
    }

    /// Moves a piece to a state.
    pub(super) fn set(&mut self, piece: PieceIndex, to: PieceState) {
        let Some(state) = self.states.get_mut(piece.as_usize()) else {
            return;
        };
        match std::mem::replace(state, to) {
            PieceState::Have => {
                self.have.remove(piece);
            }
            PieceState::Wanted => {
                self.class_mut(piece).remove(piece);
            }
            PieceState::Leased | PieceState::Postponed => {}
        }
        match to {
            PieceState::Have => {
                self.have.insert(piece);
            }
            PieceState::Wanted => {
                self.class_mut(piece).insert(piece);
            }
            PieceState::Leased | PieceState::Postponed => {}
        }
    }

    /// One more partial peer has the piece.
    pub(super) fn gain_holder(&mut self, piece: PieceIndex) {
        self.shift(piece, |holders| holders.saturating_add(1));
    }

    /// One partial peer less has the piece.
    pub(super) fn lose_holder(&mut self, piece: PieceIndex) {
        self.shift(piece, |holders| holders.saturating_sub(1));
    }

    fn shift(&mut self, piece: PieceIndex, change: impl Fn(u16) -> u16) {
        let Some(&before) = self.holders.get(piece.as_usize()) else {
            return;
        };
        let after = change(before);
        let wanted = self.get(piece) == Some(PieceState::Wanted) && class(before) != class(after);
        if wanted {
            self.class_mut(piece).remove(piece);
        }
        if let Some(holders) = self.holders.get_mut(piece.as_usize()) {
            *holders = after;
        }
        if wanted {
            self.class_mut(piece).insert(piece);
        }
    }

    /// How many partial peers have the piece.
    pub(super) fn holders(&self, piece: PieceIndex) -> u16 {
        self.holders.get(piece.as_usize()).copied().unwrap_or(0)
    }

    /// The wanted pieces, rarest first, in sets of equal rarity. The first set is what no partial
    /// peer has.
    pub(super) fn classes(&self) -> &[Bits] {
        &self.classes
    }

    /// How many pieces are wanted.
    pub(super) fn wanted(&self) -> u32 {
        self.classes.iter().map(Bits::count).sum()
    }

    /// An upper bound of the bytes in that many pieces.
    pub(super) fn bytes(&self, pieces: u32) -> u64 {
        u64::from(pieces) * u64::from(self.layout.piece_length())
    }

    fn class_mut(&mut self, piece: PieceIndex) -> &mut Bits {
        let class = class(self.holders(piece));
        let pieces = self.layout.pieces();
        if class >= self.classes.len() {
            self.classes.resize_with(class + 1, || Bits::new(pieces));
        }
        &mut self.classes[class]
    }
}

fn class(holders: u16) -> usize {
    usize::from(holders).min(CLASSES - 1)
}
