//! The picker's whole state and the moves that keep it in one piece.
//!
//! Every move of a piece or a lease goes through here; what to lease to whom is decided in `demand`,
//! `choose` and `endgame`. Invariants: a piece is leased exactly if it has a lease; each fetching holder has
//! it in the batch that it names; a link's `useful` is the number of pieces that its peer has and we
//! are known to lack.

use std::collections::BTreeMap;

use super::bits::Bits;
use super::demand::Demand;
use super::giving::Giving;
use super::lease::{Holder, Lease, Leases};
use super::link::Link;
use super::messages::{PickerLimits, PieceState, charge};
use super::table::Table;
use crate::id::LinkId;
use crate::layout::PieceIndex;
use crate::time::Timestamp;

/// What one input leads to, gathered so that each link gets one batch of each kind.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) grants: BTreeMap<LinkId, Vec<PieceIndex>>,
    pub(super) cancels: BTreeMap<LinkId, Vec<PieceIndex>>,
    pub(super) suggestions: BTreeMap<LinkId, Vec<PieceIndex>>,
    pub(super) gained: Vec<PieceIndex>,
    pub(super) lost: Vec<PieceIndex>,
    /// What we have and a peer has lost, who may not know that we have it.
    pub(super) reminders: BTreeMap<LinkId, Vec<PieceIndex>>,
}

/// The picker's state.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) table: Table,
    pub(super) links: BTreeMap<LinkId, Link>,
    /// Sources that are no peers, asked last: see `reserve`. No number stands in both.
    pub(super) sources: BTreeMap<LinkId, Link>,
    pub(super) leases: Leases,
    pub(super) limits: PickerLimits,
    pub(super) rng: fastrand::Rng,
    pub(super) paused: bool,
    /// What readers wait for.
    pub(super) demand: Demand,
    pub(super) told_complete: bool,
    /// Pieces that we had and lost: when they are back all peers are told, also those who have them.
    pub(super) withdrawn: Bits,
    /// What we hand out, while we have everything.
    pub(super) giving: Option<Giving>,
    /// When the first lease or bar ends, or a link falls silent; as of the last input.
    pub(super) expires_at: Timestamp,
    /// When there is something to do if no input comes; as of the last input.
    pub(super) wakes_at: Timestamp,
}

impl State {
    /// Bytes in a piece.
    pub(super) fn length(&self, piece: PieceIndex) -> u64 {
        u64::from(self.table.layout().length(piece))
    }

    /// How many pieces wait for storage's check.
    pub(super) fn postponed(&self) -> u32 {
        let fetched = self.table.wanted() + self.leases.len() as u32;
        let known = self.table.have().count() + fetched + self.table.skipped();
        self.table.layout().pieces() - known
    }

    /// Is everything here that is selected? Not before the check has come to its end: what is here
    /// and not selected is found by it, too.
    pub(super) fn is_satisfied(&self) -> bool {
        self.table.missing() == 0 && self.postponed() == 0
    }

    /// The link or source of that number.
    pub(super) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links
            .get_mut(&id)
            .or_else(|| self.sources.get_mut(&id))
    }

    /// Moves a piece, and keeps the links' count of useful pieces and their news of wanted ones.
    pub(super) fn move_piece(&mut self, piece: PieceIndex, to: PieceState) {
        let before = self.table.is_lacking(piece);
        self.table.set(piece, to);
        let after = self.table.is_lacking(piece);
        let wanted = to == PieceState::Wanted;
        if before == after && !wanted {
            return;
        }
        for link in self.links.values_mut().chain(self.sources.values_mut()) {
            if link.has.contains(piece) {
                link.fresh |= wanted;
                link.useful += u32::from(after && !before);
                link.useful -= u32::from(before && !after);
            }
        }
    }

    /// We have the piece now, from wherever.
    pub(super) fn gain(&mut self, piece: PieceIndex, effects: &mut Effects) {
        match self.table.get(piece) {
            None | Some(PieceState::Have) => return,
            Some(PieceState::Leased) => self.end_lease(piece, effects),
            Some(PieceState::Wanted | PieceState::Postponed | PieceState::Skipped) => {}
        }
        self.move_piece(piece, PieceState::Have);
        effects.gained.push(piece);
        if self.table.have().is_full() {
            self.set_giving(true);
        }
    }

    /// The piece is not here: it was unchecked, or we had it and lost it.
    pub(super) fn lack(&mut self, piece: PieceIndex, effects: &mut Effects) {
        match self.table.get(piece) {
            Some(PieceState::Have) => {
                effects.lost.push(piece);
                self.withdrawn.insert(piece);
                self.told_complete = false;
                self.set_giving(false);
                self.miss(piece);
            }
            Some(PieceState::Postponed) => self.miss(piece),
            None | Some(PieceState::Wanted | PieceState::Leased | PieceState::Skipped) => {}
        }
    }

    /// The piece is missing, and nobody fetches it: it is wanted if it is selected.
    fn miss(&mut self, piece: PieceIndex) {
        let absent = self.table.absent(piece);
        self.move_piece(piece, absent);
    }

    /// From now on these are to be had, and no others.
    pub(super) fn select(&mut self, selected: Bits, effects: &mut Effects) {
        let before = self.table.select(selected);
        self.told_complete &= self.is_satisfied();
        for piece in self.table.layout().all_pieces() {
            let is_selected = self.table.is_selected(piece);
            if before.contains(piece) == is_selected {
                continue;
            }
            match self.table.get(piece) {
                Some(PieceState::Wanted | PieceState::Skipped) => self.miss(piece),
                Some(PieceState::Leased) if !is_selected => {
                    if let Some(Lease::Fetching(_)) = self.leases.get(piece) {
                        self.end_lease(piece, effects);
                        self.miss(piece);
                    }
                }
                _ => {}
            }
        }
        self.wake_all();
    }

    /// Storage does not have the piece after all: whoever delivered it.
    pub(super) fn unstore(&mut self, piece: PieceIndex) {
        if let Some(Lease::Storing(_)) = self.leases.get(piece) {
            self.leases.end(piece);
            self.miss(piece);
        }
    }

    /// Leases pieces to a link, all of which it offers. Wanted pieces were moved to `Leased`.
    pub(super) fn grant(
        &mut self,
        id: LinkId,
        pieces: Vec<PieceIndex>,
        extra: bool,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if pieces.is_empty() {
            return;
        }
        let bytes = pieces.iter().map(|&piece| self.length(piece)).sum();
        let Some(link) = self.link_mut(id) else {
            return;
        };
        let batch = link.push_batch(pieces.clone(), bytes, extra, now);
        for &piece in &pieces {
            let charge = charge(self.length(piece));
            self.leases.add(piece, charge, Holder { link: id, batch });
        }
        effects.grants.entry(id).or_default().extend(pieces);
    }

    /// The link delivered the piece; others need not.
    pub(super) fn deliver(&mut self, piece: PieceIndex, id: LinkId, effects: &mut Effects) {
        if self.leases.batch_of(piece, id).is_none() {
            return;
        }
        let length = self.length(piece);
        for holder in self.leases.deliver(piece, id) {
            self.settle(holder, length);
            if holder.link != id {
                let cancels = effects.cancels.entry(holder.link).or_default();
                cancels.push(piece);
            }
        }
    }

    /// The link does not fetch the piece any more. With its last holder the lease ends and the
    /// piece is wanted again, if it is selected. Says whether the link was fetching it.
    pub(super) fn drop_holder(&mut self, piece: PieceIndex, id: LinkId) -> bool {
        let Some(batch) = self.leases.batch_of(piece, id) else {
            return false;
        };
        let length = self.length(piece);
        let ended = self.leases.remove_holder(piece, id);
        self.settle(Holder { link: id, batch }, length);
        if ended {
            self.miss(piece);
        }
        true
    }

    /// Ends a lease; those who fetch the piece are told.
    fn end_lease(&mut self, piece: PieceIndex, effects: &mut Effects) {
        let length = self.length(piece);
        for holder in self.leases.end(piece) {
            self.settle(holder, length);
            let cancels = effects.cancels.entry(holder.link).or_default();
            cancels.push(piece);
        }
    }

    fn settle(&mut self, holder: Holder, length: u64) {
        if let Some(link) = self.link_mut(holder.link) {
            link.settle(holder.batch, length);
            link.fresh = true;
        }
    }

    /// All links are looked at again.
    pub(super) fn wake_all(&mut self) {
        for link in self.links.values_mut().chain(self.sources.values_mut()) {
            link.fresh = true;
        }
    }

    /// Links to complete peers are looked at again: whom they spare may have changed.
    pub(super) fn wake_complete(&mut self) {
        for link in self.links.values_mut().filter(|link| link.complete) {
            link.fresh = true;
        }
    }
}
