//! The end game: when a hungry link finds nothing wanted, it may fetch what another link is slow
//! with, so that no slow or dead holder keeps the last pieces hostage. For what readers wait for the
//! same begins sooner (see `demand`).
//!
//! Never touches a wanted piece. Invariant: a piece has at most [`MAX_HOLDERS`] holders
//! (see `lease`), and a link has at most [`EXTRA_BYTES`], or one piece, of such leases.
//!
//! [`MAX_HOLDERS`]: super::messages::MAX_HOLDERS

use std::collections::BTreeSet;
use std::time::Duration;

use super::link::{Batch, Link};
use super::messages::charge;
use super::state::{Effects, State};
use crate::id::LinkId;
use crate::layout::PieceIndex;
use crate::time::Timestamp;

/// 100 ms: younger leases are never doubled. On a fast network most of them end sooner.
pub const MIN_AGE: Duration = Duration::from_millis(100);

/// 256 KiB: what a link may fetch at a time although others do, too.
pub const EXTRA_BYTES: u64 = 256 * 1024;

impl State {
    /// Doubles leases for a link that has found nothing wanted. Gives the time at which to look
    /// again, if nothing else comes up.
    pub(super) fn feed_extra(
        &mut self,
        id: LinkId,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Timestamp {
        let able = |link: &&Link| link.want > 0 && link.doubt == 0;
        let Some(link) = self.links.get(&id).filter(able) else {
            return Timestamp::NEVER;
        };
        let mut next = Timestamp::NEVER;
        let (mut extra, mut seen) = (Vec::new(), BTreeSet::new());
        let budget = self
            .limits
            .in_flight_bytes
            .saturating_sub(self.leases.in_flight());
        let owed = link.extra_bytes();
        let mut left = EXTRA_BYTES.saturating_sub(owed).min(link.want).min(budget);
        let mut first = link.queued == 0 && budget >= charge(self.piece_bytes());
        for (&other_id, other) in self.links.iter().filter(|(other, _)| **other != id) {
            // The youngest first: what its holder has not begun with is wasted least.
            for batch in other.batches.iter().rev() {
                let ripe = self.ripe_at(link, other, batch);
                if ripe > now && ripe >= next {
                    continue;
                }
                let mut open = batch.pieces.iter().rev().copied().filter(|&piece| {
                    self.leases.batch_of(piece, other_id) == Some(batch.number)
                        && link.offers(piece)
                        && self.leases.may_join(piece, id)
                });
                if ripe > now {
                    if open.next().is_some() {
                        next = ripe;
                    }
                    continue;
                }
                for piece in open {
                    let length = self.length(piece);
                    if seen.contains(&piece) {
                        continue;
                    }
                    if length > left && !first {
                        break;
                    }
                    left = left.saturating_sub(length);
                    first = false;
                    seen.insert(piece);
                    extra.push(piece);
                }
            }
        }
        self.grant(id, extra, true, now, effects);
        next
    }

    /// When `link` may fetch what `other` fetches with this batch.
    pub(super) fn ripe_at(&self, link: &Link, other: &Link, batch: &Batch) -> Timestamp {
        if other.silent || other.doubt > 0 || batch.overdue {
            return batch.granted;
        }
        let need = link.need(self.piece_bytes());
        let age = MIN_AGE.max(link.rtt.saturating_mul(4)).max(need);
        let old = batch.granted + age;
        let sooner = old + need.saturating_mul(2) + MIN_AGE;
        if sooner < batch.due {
            // Even if it keeps to its estimate, we are much sooner.
            return old;
        }
        // Else it must be late, by half of what it was to take.
        old.max(batch.due + batch.due.since(batch.granted) / 2)
    }

    fn piece_bytes(&self) -> u64 {
        let layout = self.table.layout();
        u64::from(layout.piece_length()).min(layout.size())
    }
}

/// Can anybody but this link fetch the piece?
pub(super) fn has_other_source(state: &State, piece: PieceIndex, id: LinkId) -> bool {
    let mut others = state.links.iter().filter(|(other, _)| **other != id);
    others.any(|(_, link)| link.offers(piece) && !link.silent && link.doubt == 0)
}
