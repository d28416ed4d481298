//! What the peers have: links that come and go, and their have-maps.
//!
//! Invariant: a partial link counts once among the holders of each piece that its peer has, a
//! complete one nowhere.

use super::bits::Bits;
use super::link::Link;
use super::messages::PieceState;
use super::state::{Effects, State};
use crate::id::LinkId;
use crate::layout::PieceIndex;
use crate::time::Timestamp;

/// 1,024 suggestions of one peer are kept: more than any list of a node that hands out its pieces.
const MAX_SUGGESTED: usize = 1_024;

impl State {
    /// A link opened. One that is known already stays as it is.
    pub(super) fn open(&mut self, id: LinkId, now: Timestamp) {
        let pieces = self.table.layout().pieces();
        self.links
            .entry(id)
            .or_insert_with(|| Link::new(pieces, now));
        self.stir_giving();
    }

    /// A link is gone: its leases are free at once.
    pub(super) fn close(&mut self, id: LinkId, now: Timestamp) {
        if self.sources.contains_key(&id) {
            return self.close_source(id);
        }
        let Some(link) = self.links.get(&id) else {
            return;
        };
        let leased = fetching(link);
        if link.useful > 0 {
            self.rest_sources(now);
        }
        for piece in leased {
            self.drop_holder(piece, id);
        }
        if let Some(link) = self.links.remove(&id).filter(|link| !link.complete) {
            for piece in link.has.iter() {
                self.table.lose_holder(piece);
            }
        }
        self.stir_giving();
        self.wake_all();
    }

    /// The peer has these too. O(1) for each.
    pub(super) fn peer_has(&mut self, id: LinkId, pieces: &[PieceIndex], now: Timestamp) {
        if self.sources.contains_key(&id) {
            return self.source_has(id, pieces);
        }
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let total = self.table.layout().pieces();
        for &piece in pieces.iter().filter(|piece| piece.get() < total) {
            if !link.has.insert(piece) {
                continue;
            }
            link.news = now;
            let lacking = self.table.is_lacking(piece);
            link.useful += u32::from(lacking);
            link.fresh |= lacking;
            if !link.complete {
                self.table.gain_holder(piece);
            }
        }
        if !link.complete && !link.fickle && link.has.count() == total {
            link.complete = true;
            for piece in self.table.layout().all_pieces() {
                self.table.lose_holder(piece);
            }
            self.stir_giving();
        }
        self.passed_on(id, pieces, now);
    }

    /// The peer would like us to fetch these from it: a complete one says so, to be spared what
    /// others can pass on.
    pub(super) fn suggested(&mut self, id: LinkId, pieces: &[PieceIndex], now: Timestamp) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        for &piece in pieces {
            let wanted = self.table.get(piece) == Some(PieceState::Wanted);
            if wanted && link.suggested.len() < MAX_SUGGESTED && !link.suggested.contains(&piece) {
                link.suggested.push_back(piece);
                link.suggested_at = Some(now);
                link.fresh = true;
            }
        }
    }

    /// The peer has these and nothing else.
    pub(super) fn peer_has_exactly(&mut self, id: LinkId, has: Bits, effects: &mut Effects) {
        let Some(link) = self.links.get(&id) else {
            return;
        };
        let total = self.table.layout().pieces();
        let gone: Vec<_> = link
            .has
            .iter()
            .filter(|&piece| !has.contains(piece))
            .collect();
        self.peer_lacks(id, &gone, effects);
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let complete = !link.fickle && has.count() == total;
        if !link.complete {
            for piece in link.has.iter() {
                self.table.lose_holder(piece);
            }
        }
        if !complete {
            for piece in has.iter() {
                self.table.gain_holder(piece);
            }
        }
        link.complete = complete;
        link.useful = has
            .iter()
            .filter(|&piece| self.table.is_lacking(piece))
            .count() as u32;
        link.fresh = true;
        link.has = has;
        self.stir_giving();
    }

    /// The peer does not have these any more; a lease of one ends, and the link is told.
    pub(super) fn peer_lacks(&mut self, id: LinkId, pieces: &[PieceIndex], effects: &mut Effects) {
        if self.sources.contains_key(&id) {
            return self.source_lacks(id, pieces, effects);
        }
        self.wake_sources();
        for &piece in pieces {
            let Some(link) = self
                .links
                .get_mut(&id)
                .filter(|link| link.has.contains(piece))
            else {
                continue;
            };
            link.fickle = true;
            if std::mem::take(&mut link.complete) {
                // Spared until now, perhaps, for those who have nobody else.
                link.fresh = true;
                for piece in self.table.layout().all_pieces() {
                    self.table.gain_holder(piece);
                }
            }
            if self.table.get(piece) == Some(PieceState::Have) {
                effects.reminders.entry(id).or_default().push(piece);
            }
            if self.drop_holder(piece, id) {
                effects.cancels.entry(id).or_default().push(piece);
            }
            if let Some(link) = self.links.get_mut(&id) {
                link.has.remove(piece);
                link.useful -= u32::from(self.table.is_lacking(piece));
            }
            self.table.lose_holder(piece);
            self.stir_giving();
        }
    }

    /// The link gives leases back. They are barred to it for a while.
    pub(super) fn give_back(&mut self, id: LinkId, pieces: Vec<PieceIndex>, now: Timestamp) {
        let mut returned = pieces;
        returned.retain(|&piece| self.drop_holder(piece, id));
        if let Some(link) = self.link_mut(id).filter(|_| !returned.is_empty()) {
            link.bar_returned(returned, now);
        }
        self.wake_complete();
    }

    /// What the link delivered had the wrong hash.
    pub(super) fn reject(&mut self, piece: PieceIndex, id: LinkId, now: Timestamp) {
        if !matches!(
            self.table.get(piece),
            Some(PieceState::Leased | PieceState::Wanted)
        ) {
            return;
        }
        if self.leases.get(piece) == Some(&super::lease::Lease::Storing(id)) {
            self.unstore(piece);
        }
        self.drop_holder(piece, id);
        if let Some(link) = self.link_mut(id) {
            link.bar_rejected(piece, now);
        }
    }
}

/// All pieces that the link may still fetch; some may be settled.
pub(super) fn fetching(link: &Link) -> Vec<PieceIndex> {
    let batches = link.batches.iter();
    batches
        .flat_map(|batch| batch.pieces.iter().copied())
        .collect()
}
