//! Where every piece stands, and how rare it is.
//!
//! Knows nothing of links or time. Invariants: a piece is in the rarity class of its number of
//! partial holders exactly if it is wanted, in `have` exactly if we have it, and in `skipped`
//! exactly if it is missing and not selected; `missing` is what is selected and not in `have`. No
//! counter stands beside: numbers are read from these sets.
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
    /// The pieces that are to be had at all, and those of them that we do not have.
    selected: Bits,
    missing: Bits,
    skipped: Bits,
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
            selected: Bits::full(pieces),
            missing: Bits::full(pieces),
            skipped: Bits::new(pieces),
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

    /// Is the piece to be had?
    pub(super) fn is_selected(&self, piece: PieceIndex) -> bool {
        self.selected.contains(piece)
    }

    /// The state of a piece that is missing and that nobody fetches.
    pub(super) fn absent(&self, piece: PieceIndex) -> PieceState {
        match self.is_selected(piece) {
            true => PieceState::Wanted,
            false => PieceState::Skipped,
        }
    }

    /// Says which pieces are to be had; gives back the former choice. The caller moves the pieces.
    pub(super) fn select(&mut self, selected: Bits) -> Bits {
        self.missing = selected.clone();
        for piece in self.have.iter() {
            self.missing.remove(piece);
        }
        std::mem::replace(&mut self.selected, selected)
    }

    /// How many pieces are selected and not here.
    pub(super) const fn missing(&self) -> u32 {
        self.missing.count()
    }

    /// How many missing pieces are not selected.
    pub(super) const fn skipped(&self) -> u32 {
        self.skipped.count()
    }

    /// Is it known that we lack this piece, and want it?
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
                if self.is_selected(piece) {
                    self.missing.insert(piece);
                }
            }
            PieceState::Wanted => {
                self.class_mut(piece).remove(piece);
            }
            PieceState::Skipped => {
                self.skipped.remove(piece);
            }
            PieceState::Leased | PieceState::Postponed => {}
        }
        match to {
            PieceState::Have => {
                self.have.insert(piece);
                self.missing.remove(piece);
            }
            PieceState::Wanted => {
                self.class_mut(piece).insert(piece);
            }
            PieceState::Skipped => {
                self.skipped.insert(piece);
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
