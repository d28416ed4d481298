//! What a peer says of its pieces: those that it has, and those that it would like us to fetch.
//!
//! Before the layout is known (a link of a swarm whose metadata is still being fetched) its words
//! are kept as they came, within bounds, and read when the layout is there. What comes in one read
//! is told to the host together.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::events::{Output, PeerHave};
use super::violation::Violation;
use crate::bitfield::Bitfield;
use crate::layout::{Layout, PieceIndex};

/// 65,536: `have`s remembered before the layout is known. A peer sends its bitfield first, so only
/// what it finishes meanwhile comes this way.
const MAX_EARLY_HAVES: usize = 65_536;

/// 1,024 pieces that a peer lost before the layout is known. One that loses more is asked in vain for
/// the others, and refuses.
const MAX_EARLY_LOSSES: usize = 1_024;

/// 1,024 suggestions of one read are passed on, or kept until the layout is known; more is no
/// longer advice.
const MAX_SUGGESTIONS: usize = 1_024;

/// The peer's words about its pieces.
#[derive(Debug)]
pub(super) struct Claims {
    layout: Option<Layout>,
    theirs: Bitfield,
    early: Early,
    /// Something was said: a bitfield would add to it.
    spoken: bool,
    /// `have`s of the present read.
    fresh: Vec<PieceIndex>,
    /// Suggestions of the present read.
    suggested: Vec<PieceIndex>,
    told_complete: bool,
    /// Pieces that were taken back.
    losses: u32,
    /// Suggestions that came.
    advice: u32,
    /// Words that brought nothing, until they are counted.
    pub(super) idle_words: u32,
}

/// What was said before the layout was known.
#[derive(Debug, Default)]
struct Early {
    all: bool,
    bitfield: Option<Bytes>,
    haves: Vec<u32>,
    /// Taken back since.
    lost: BTreeSet<u32>,
    suggested: Vec<u32>,
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            layout: None,
            theirs: Bitfield::new(0),
            early: Early::default(),
            spoken: false,
            fresh: Vec::new(),
            suggested: Vec::new(),
            told_complete: false,
            losses: 0,
            advice: 0,
            idle_words: 0,
        }
    }
}

impl Claims {
    /// The layout is known: reads what was said before.
    ///
    /// # Errors
    /// The peer spoke of pieces that do not exist.
    pub(super) fn learned(
        &mut self,
        layout: Layout,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        self.layout = Some(layout);
        self.theirs = Bitfield::new(layout.pieces());
        let early = std::mem::take(&mut self.early);
        match early.bitfield {
            _ if early.all => self.has_all(out),
            Some(bits) => self.has_only(&bits, out)?,
            None => {}
        }
        for piece in early.haves {
            self.have(piece)?;
        }
        for piece in early.lost {
            self.lost(piece, out)?;
        }
        for piece in early.suggested {
            self.suggested(piece);
        }
        self.tell(out);
        Ok(())
    }

    /// How many pieces the peer has, as far as it said so.
    pub(super) const fn count(&self) -> u32 {
        self.theirs.count()
    }

    /// A bitfield. BEP 3 wants it to be the first word, but aria2 says so in place of many `have`s:
    /// a late one adds to what is known.
    ///
    /// # Errors
    /// It does not fit the content.
    pub(super) fn bitfield(
        &mut self,
        bits: &Bytes,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        let late = std::mem::replace(&mut self.spoken, true);
        let Some(layout) = self.layout.as_ref().filter(|_| late) else {
            return self.has_only(bits, out);
        };
        for piece in Bitfield::from_wire(bits, layout.pieces())?.iter() {
            if self.theirs.insert(piece) {
                self.fresh.push(piece);
            }
        }
        Ok(())
    }

    /// `have all`, which may be late like a bitfield.
    pub(super) fn have_all(&mut self, out: &mut Vec<Output>) {
        let late = std::mem::replace(&mut self.spoken, true);
        match &self.layout {
            Some(layout) if late => {
                let news = layout
                    .all_pieces()
                    .filter(|&piece| self.theirs.insert(piece));
                self.fresh.extend(news);
            }
            _ => self.has_all(out),
        }
    }

    /// `have none`.
    ///
    /// # Errors
    /// It is not the first word about pieces.
    pub(super) const fn have_none(&mut self) -> Result<(), Violation> {
        if std::mem::replace(&mut self.spoken, true) {
            return Err(Violation::LateHaveNone);
        }
        Ok(())
    }

    /// One more piece.
    ///
    /// # Errors
    /// There is no such piece.
    pub(super) fn have(&mut self, piece: u32) -> Result<(), Violation> {
        self.spoken = true;
        let Some(layout) = &self.layout else {
            self.early.lost.remove(&piece);
            if self.early.haves.len() < MAX_EARLY_HAVES {
                self.early.haves.push(piece);
            } else {
                self.idle_words += 1;
            }
            return Ok(());
        };
        let piece = piece_of(layout, piece)?;
        if self.theirs.insert(piece) {
            self.fresh.push(piece);
        } else {
            self.idle_words += 1;
        }
        Ok(())
    }

    /// A suggestion: advice that may be ignored, so one that means nothing here is.
    pub(super) fn suggested(&mut self, piece: u32) {
        self.advice = self.advice.saturating_add(1);
        let layout = self.layout.as_ref();
        // Each piece may be suggested, and some again.
        let pieces = layout.map_or(0, |layout| layout.pieces());
        let enough = pieces
            .saturating_mul(4)
            .saturating_add(MAX_SUGGESTIONS as u32);
        let is_piece = layout.is_none_or(|layout| layout.piece(piece).is_some());
        self.idle_words += u32::from(!is_piece || self.advice > enough);
        match &self.layout {
            Some(layout) if self.suggested.len() < MAX_SUGGESTIONS => {
                self.suggested.extend(layout.piece(piece));
            }
            None if self.early.suggested.len() < MAX_SUGGESTIONS => {
                self.early.suggested.push(piece);
            }
            _ => {}
        }
    }

    /// The peer has everything, and did not say so by its pieces.
    pub(super) fn completed(&mut self, out: &mut Vec<Output>) {
        if self.layout.is_none() || !self.theirs.is_full() {
            self.has_all(out);
            self.tell(out);
        }
    }

    /// The peer takes back what it said of a piece (BEP 54).
    ///
    /// # Errors
    /// There is no such piece.
    pub(super) fn lost(&mut self, piece: u32, out: &mut Vec<Output>) -> Result<(), Violation> {
        let Some(layout) = &self.layout else {
            let lost = &mut self.early.lost;
            if lost.len() >= MAX_EARLY_LOSSES || !lost.insert(piece) {
                self.idle_words += 1;
            }
            return Ok(());
        };
        let pieces = layout.pieces();
        let piece = piece_of(layout, piece)?;
        if !self.theirs.contains(piece) {
            self.idle_words += 1;
            return Ok(());
        }
        // Each piece may be lost, and some again.
        self.losses = self.losses.saturating_add(1);
        self.idle_words += u32::from(self.losses > pieces.saturating_mul(2));
        self.lacks(piece, out);
        Ok(())
    }

    /// The peer does not have this piece.
    pub(super) fn lacks(&mut self, piece: PieceIndex, out: &mut Vec<Output>) {
        // Whoever hears of it has heard of the piece before.
        self.tell(out);
        self.theirs.remove(piece);
        match out.last_mut() {
            Some(Output::PeerLacks(pieces)) => pieces.push(piece),
            _ => out.push(Output::PeerLacks(vec![piece])),
        }
        if std::mem::take(&mut self.told_complete) {
            out.push(Output::PeerIncomplete);
        }
    }

    /// Does the peer have everything, as far as the host was told?
    pub(super) const fn is_complete(&self) -> bool {
        self.told_complete
    }

    /// Tells the host of what came in one read.
    pub(super) fn tell(&mut self, out: &mut Vec<Output>) {
        if !self.fresh.is_empty() {
            out.push(Output::PeerHas(PeerHave::More(std::mem::take(
                &mut self.fresh,
            ))));
        }
        if !self.suggested.is_empty() {
            let suggested = std::mem::take(&mut self.suggested);
            out.push(Output::PeerSuggests(suggested));
        }
        if self.layout.is_some() && self.theirs.is_full() && !self.told_complete {
            self.told_complete = true;
            out.push(Output::PeerComplete);
        }
    }

    fn has_all(&mut self, out: &mut Vec<Output>) {
        match &self.layout {
            Some(layout) => {
                self.theirs = Bitfield::full(layout.pieces());
                out.push(Output::PeerHas(PeerHave::All));
            }
            None => self.early.all = true,
        }
    }

    fn has_only(&mut self, bits: &Bytes, out: &mut Vec<Output>) -> Result<(), Violation> {
        match &self.layout {
            Some(layout) => {
                self.theirs = Bitfield::from_wire(bits, layout.pieces())?;
                out.push(Output::PeerHas(PeerHave::Only(self.theirs.clone())));
            }
            None => {
                let before = self.early.bitfield.take().unwrap_or_default();
                let mut both = bits.to_vec();
                for (byte, before) in both.iter_mut().zip(before) {
                    *byte |= before;
                }
                self.early.bitfield = Some(both.into());
            }
        }
        Ok(())
    }
}

/// The piece of that number.
fn piece_of(layout: &Layout, piece: u32) -> Result<PieceIndex, Violation> {
    let pieces = layout.pieces();
    let out_of_range = Violation::HaveOutOfRange { piece, pieces };
    layout.piece(piece).ok_or(out_of_range)
}
