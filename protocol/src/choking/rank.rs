//! The beat: who gets the slots when there are more takers than slots.

use std::cmp::Reverse;

use super::{BEAT, Choker, Link, NEWCOMER_WEIGHT, Output, ROTATION, TURN_BYTES};
use crate::id::LinkId;
use crate::time::Timestamp;

impl Choker {
    /// Gives all slots anew.
    pub(super) fn decide(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let mut takers = self.those(Link::wants);
        let lots = if takers.len() > self.slots {
            self.optimistic_slots()
        } else {
            0
        };
        takers.sort_by_cached_key(|id| self.links.get(id).map(|link| self.rank(link, now)));
        // Anti-snubbing (BEP 3): who leaves us waiting for blocks has to hope for an optimistic slot.
        let complete = self.complete;
        let may = |link: &Link| complete || !link.snubs;
        let regular: Vec<_> = takers
            .iter()
            .copied()
            .filter(|id| self.links.get(id).is_some_and(may))
            .take(self.slots - lots)
            .collect();
        // What snubbing peers leave unused goes by lot as well.
        let lots = self.slots - regular.len();
        takers.retain(|id| !regular.contains(id));
        let lucky = self.draw(takers, lots, now);
        // First those that go, so that there is never one too many.
        for id in self.those(Link::holds) {
            if !regular.contains(&id) && !lucky.contains(&id) {
                self.choke(id, now, out);
            }
        }
        for id in regular {
            self.unchoke(id, false, now, out);
        }
        for id in lucky {
            self.unchoke(id, true, now, out);
        }
        self.begin_period();
        self.beat = Some(now + BEAT);
    }

    /// Smaller is better. While we fetch: what it gave, then what it took (a peer that cannot use
    /// a slot should not hold it), then who waits longest. When we are complete: whoever is in its
    /// turn and takes, the fastest first; then who waits, the longest first; then who had its turn;
    /// then who holds a slot and takes nothing.
    fn rank(&self, link: &Link, now: Timestamp) -> impl Ord + use<> {
        let given = link.given - link.given_before;
        let taken = link.taken - link.taken_before;
        // How long it waits counts for those who wait; who holds a slot comes after them.
        let waits = if link.unchoked {
            Timestamp::NEVER
        } else {
            link.since
        };
        if !self.complete {
            return (Reverse(given), Reverse(taken), waits);
        }
        let had = link.taken - link.taken_at_turn;
        let turn_over = had >= TURN_BYTES && now.since(link.since) >= ROTATION;
        // Its first request may still be on the way.
        let takes = taken > 0 || now.since(link.since) < BEAT;
        let class = match (link.unchoked, takes, turn_over) {
            (true, true, false) => 3,
            (false, ..) => 2,
            (true, true, true) => 1,
            (true, false, _) => 0,
        };
        (Reverse(class), Reverse(taken), waits)
    }

    /// The optimistic slots: those that have one keep it until the rotation, and the others are
    /// drawn, newcomers with more weight.
    fn draw(&mut self, mut takers: Vec<LinkId>, slots: usize, now: Timestamp) -> Vec<LinkId> {
        let mut lucky = Vec::new();
        let rotate = self.rotation <= now;
        if rotate {
            self.rotation = now + ROTATION;
        }
        let keeps = |link: &Link| link.optimistic && !rotate;
        takers.retain(|id| {
            let keeps = lucky.len() < slots && self.links.get(id).is_some_and(keeps);
            if keeps {
                lucky.push(*id);
            }
            !keeps
        });
        // Who had a slot until now has to wait for once, if others do.
        takers.sort_by_key(|id| self.links.get(id).is_some_and(|link| link.unchoked));
        while lucky.len() < slots && !takers.is_empty() {
            let waiting = takers
                .iter()
                .take_while(|id| self.links.get(id).is_some_and(Link::waits))
                .count();
            let among = if waiting == 0 { takers.len() } else { waiting };
            let weight = |link: &Link| if link.served { 1 } else { NEWCOMER_WEIGHT };
            let weights: Vec<_> = takers[..among]
                .iter()
                .map(|id| self.links.get(id).map_or(1, weight))
                .collect();
            let mut ticket = self.rng.usize(..weights.iter().sum::<usize>());
            let mut chosen = 0;
            for (index, weight) in weights.into_iter().enumerate() {
                chosen = index;
                if ticket < weight {
                    break;
                }
                ticket -= weight;
            }
            lucky.push(takers.remove(chosen));
        }
        lucky
    }
}
