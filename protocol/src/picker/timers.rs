//! What time brings: leases that expire, links that fall silent, bars that end.
//!
//! Invariant: `wakes_at` is never where nothing is leased and nobody waits for a bar to end, and
//! after an input at some time it lies later than that time.

use super::endgame::has_other_source;
use super::link::MAX_EXTENSION;
use super::peers::fetching;
use super::state::{Effects, State};
use crate::id::LinkId;
use crate::time::Timestamp;

impl State {
    /// Notes when something expires, and when there is something to do if nothing else happens: one
    /// look at each link, after each input.
    pub(super) fn look_ahead(&mut self) {
        let (mut expires, mut wakes) = (Timestamp::NEVER, Timestamp::NEVER);
        let full = self.is_full();
        for link in self.links.values() {
            let mut next = link.silent_at().unwrap_or(Timestamp::NEVER);
            for batch in &link.batches {
                next = next.min(batch.deadline);
            }
            let bar = link.next_bar().unwrap_or(Timestamp::NEVER);
            expires = expires.min(next).min(bar);
            if link.want > 0 && !self.paused && link.useful > 0 {
                next = next.min(bar);
                if !full {
                    next = next.min(link.look_at);
                }
            }
            wakes = wakes.min(next);
        }
        for source in self.sources.values() {
            let bar = source.next_bar().unwrap_or(Timestamp::NEVER);
            expires = expires.min(bar);
            if source.want > 0 && !self.paused && source.useful > 0 {
                let look = if full {
                    Timestamp::NEVER
                } else {
                    source.look_at
                };
                wakes = wakes.min(bar).min(look);
            }
        }
        (self.expires_at, self.wakes_at) = (expires, wakes.min(self.demand.look_at));
    }

    /// Does what is due by now.
    pub(super) fn expire(&mut self, now: Timestamp, effects: &mut Effects) {
        let due = self.links.iter().filter(|(_, link)| link.is_due(now));
        let ids: Vec<_> = due.map(|(&id, _)| id).collect();
        let mut news = false;
        for id in ids {
            let Some(link) = self.links.get_mut(&id) else {
                continue;
            };
            link.fresh |= link.lift_bars(now);
            if link.silent_at().is_some_and(|at| at <= now) {
                link.fall_silent(now);
                self.pass_on(id, effects);
                news = true;
            }
            news |= self.expire_batches(id, now, effects);
        }
        for source in self.sources.values_mut() {
            source.fresh |= source.lift_bars(now);
        }
        if news {
            self.wake_all();
        }
    }

    /// Ends the leases of a silent link that somebody else can take over.
    fn pass_on(&mut self, id: LinkId, effects: &mut Effects) {
        let Some(link) = self.links.get(&id) else {
            return;
        };
        let mut ended = fetching(link);
        ended.retain(|&piece| has_other_source(self, piece, id) && self.drop_holder(piece, id));
        if !ended.is_empty() {
            effects.cancels.entry(id).or_default().extend(ended);
        }
    }

    /// At its first deadline a lease becomes overdue: others may join at once. At the second one
    /// the lease of a silent link ends, if somebody else can do the work or needs the memory.
    /// Else it is extended. Says whether anything expired.
    fn expire_batches(&mut self, id: LinkId, now: Timestamp, effects: &mut Effects) -> bool {
        let crowded = self.leases.in_flight() >= self.limits.in_flight_bytes / 2
            || self.leases.len() >= self.limits.leases / 2;
        let Some(link) = self.links.get_mut(&id) else {
            return false;
        };
        let silent = link.silent;
        let mut expired = false;
        let mut given_up = Vec::new();
        for batch in link
            .batches
            .iter_mut()
            .filter(|batch| batch.deadline <= now)
        {
            if batch.overdue && silent {
                given_up.push(batch.number);
            }
            expired = true;
            batch.overdue = true;
            let age = now.since(batch.granted);
            batch.deadline = now + age.clamp(super::link::MIN_LEASE, MAX_EXTENSION);
        }
        if given_up.is_empty() {
            return expired;
        }
        let mut ended = fetching(link);
        ended.retain(|&piece| {
            let batch = self.leases.batch_of(piece, id);
            batch.is_some_and(|batch| given_up.contains(&batch))
                && (crowded || has_other_source(self, piece, id))
                && self.drop_holder(piece, id)
        });
        if let Some(link) = self.links.get_mut(&id).filter(|_| !ended.is_empty()) {
            effects.cancels.entry(id).or_default().extend(&ended);
            link.bar_returned(ended, now);
        }
        true
    }
}
