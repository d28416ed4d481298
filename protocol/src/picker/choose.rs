//! Leases wanted pieces to hungry links: the rarest first, the rarest source last. What is demanded
//! was leased before (see `demand`), to whomever has it.
//!
//! Moves nothing by itself but through `state`. A link is *hungry* while it could take more, a
//! *helper* while it is a partial peer that is delivering to us.
//!
//! Sparing: a complete peer is first asked for what only complete peers have, and for no more at a
//! time than a small share of it, as other nodes ask for other parts of it and pass them on. For
//! what a helper has, too, it is asked only when there are more complete peers than helpers, or when
//! the helper is far slower. And when a partial peer gets a piece that a complete one has not sent
//! yet, the lease moves.
//!
//! Cost of looking at one link: a step for each piece granted, and for each non-empty rarity class
//! at worst `pieces / 64` steps, where the class and the peer's set are dense and disjoint; mostly
//! a few. A link that found nothing is not looked at again until something came up for it.

use std::time::Duration;

use super::bits::Bits;
use super::lease::Lease;
use super::link::Link;
use super::messages::{PieceState, charge};
use super::state::{Effects, State};
use crate::id::LinkId;
use crate::layout::PieceIndex;
use crate::time::Timestamp;

/// 16 KiB: pieces shorter than a block are leased in runs, as neighbours are read and sent at once.
const TINY_PIECE: u32 = crate::layout::BLOCK_LENGTH;

/// 64 KiB: when little is left it is spread over all links in shares, and no smaller than this.
const MIN_SHARE: u64 = 64 * 1024;

/// 4 KiB: the least share to ask a complete peer for, so that tiny pieces do not come one by one.
const MIN_SPARING_SHARE: u64 = 4 * 1024;

/// A node asks a complete peer for an eighth of its fair share at a time: if all nodes do, about
/// one piece in sixteen is asked for twice before the news of the first copy arrives.
pub(super) const SPARING_PARTS: u64 = 8;

/// 1 s: a partial peer that got something within this time is likely to get us more.
const FRESH_NEWS: Duration = Duration::from_secs(1);

/// 100 ms: a helper that has just delivered all it was asked for still counts for so long.
const HELPER_PAUSE: Duration = Duration::from_millis(100);

/// 200 ms: what all links together have asked for ahead bridges a pause of that long: a busy core, a
/// disk that others read.
const BRIDGE: Duration = Duration::from_millis(200);

/// A helper that is more than eight times slower than a complete peer does not spare it.
const HELPER_FACTOR: u64 = 8;

/// 500 ms: for so long after its last suggestion a complete peer is asked for nothing else of what
/// only complete peers have. It hands out each piece once; we know less.
pub const SUGGESTED_ONLY: Duration = Duration::from_millis(500);

/// How much one link may get now.
pub(super) struct Room {
    /// Bytes that it may still be given, whatever comes first.
    pub(super) bytes: u64,
    /// Pieces that may still be leased.
    pub(super) pieces: usize,
    /// One piece may exceed `bytes`: the link has nothing to do.
    pub(super) idle: bool,
    /// Bytes of memory that all leases together may still grow by, and whether there are none.
    pub(super) budget: u64,
    pub(super) unused: bool,
}

impl Room {
    /// Takes place for a piece, if there is.
    pub(super) fn take(&mut self, length: u64) -> bool {
        let fits = (length <= self.bytes || self.idle)
            && (charge(length) <= self.budget || self.unused)
            && self.pieces > 0;
        if fits {
            self.bytes = self.bytes.saturating_sub(length);
            self.budget = self.budget.saturating_sub(charge(length));
            self.pieces -= 1;
            self.idle = false;
            self.unused = false;
        }
        fits
    }
}

impl State {
    /// Offers what there is to all hungry links that might find something.
    pub(super) fn offer(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.paused {
            return;
        }
        let looking = |link: &Link| link.want > 0 && (link.fresh || link.look_at <= now);
        let mut ids: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| looking(link))
            .map(|(&id, link)| (link.complete, id))
            .collect();
        // Partial peers first: what they take, complete ones need not send. Else by lot.
        if ids.is_empty() {
            return;
        }
        self.rng.shuffle(&mut ids);
        ids.sort_by_key(|&(complete, _)| complete);
        let active = |link: &&Link| link.want > 0 || link.queued > 0;
        let active = self.links.values().filter(active).count().max(1) as u64;
        for (_, id) in ids {
            if self.is_full() {
                // They stay as they are, and are looked at when a lease ends.
                break;
            }
            self.feed(id, active, now, effects);
        }
    }

    /// Is there no room for one more lease of a whole piece?
    pub(super) fn is_full(&self) -> bool {
        let length = charge(u64::from(self.table.layout().piece_length()));
        let used = self.leases.in_flight();
        used > 0 && used.saturating_add(length) > self.limits.in_flight_bytes
            || self.leases.len() >= self.limits.leases
    }

    /// Leases to one link what it may have.
    fn feed(&mut self, id: LinkId, active: u64, now: Timestamp, effects: &mut Effects) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.fresh = false;
        link.look_at = Timestamp::NEVER;
        if link.silent {
            return;
        }
        if link.doubt > 0 && now < link.rest_until {
            link.look_at = link.rest_until;
            return;
        }
        if self.links.get(&id).is_some_and(|it| self.owes_demanded(it)) {
            // It stays as it is, and is looked at when it can take that.
            if let Some(link) = self.links.get_mut(&id) {
                link.fresh = true;
            }
            return;
        }
        let spared = self.feed_wanted(id, active, now, effects);
        let next = self.feed_extra(id, now, effects);
        let bound = self.links.get(&id).and_then(|link| self.bound_until(link));
        if let Some(link) = self.links.get_mut(&id) {
            link.look_at = next;
            if spared {
                link.look_at = next.min(now + HELPER_PAUSE);
            }
            if let Some(until) = bound.filter(|&until| until > now) {
                link.look_at = link.look_at.min(until);
            }
        }
    }

    /// Leases wanted pieces. Says whether a complete peer was spared what it could have sent.
    fn feed_wanted(
        &mut self,
        id: LinkId,
        active: u64,
        now: Timestamp,
        effects: &mut Effects,
    ) -> bool {
        let wanted = self.table.wanted();
        let Some(link) = self.links.get(&id).filter(|_| wanted > 0) else {
            return false;
        };
        let mut room = self.room(link, active);
        let helpers = self.helpers(link, now);
        let mut granted = Vec::new();
        let bound = self.bound_until(link).filter(|&until| now < until);
        let mut more = self.take_suggested(id, &mut room, &mut granted);
        let Some(link) = self.links.get(&id) else {
            return false;
        };
        if link.complete && bound.is_none() {
            let quota = self.sparing_share(now).saturating_sub(link.queued);
            let rest = room.bytes.saturating_sub(quota);
            room.bytes = room.bytes.min(quota);
            more = more && self.take_class(0, id, &[], &mut room, &mut granted);
            room.bytes = room.bytes.saturating_add(rest);
        }
        for class in 1..self.table.classes().len() {
            more = more && self.take_class(class, id, &helpers, &mut room, &mut granted);
        }
        let any = !granted.is_empty();
        self.grant(id, granted, false, now, effects);
        if any {
            self.look_when_ripe(now);
        }
        !helpers.is_empty()
    }

    /// Until when a complete peer is asked only for what it suggested, of what no partial peer has.
    pub(super) fn bound_until(&self, link: &Link) -> Option<Timestamp> {
        let until = link.suggested_at? + SUGGESTED_ONLY;
        let complete = self.links.values().filter(|link| link.complete).count();
        (link.complete && complete * 2 <= self.links.len()).then_some(until)
    }

    /// Takes what the peer suggested. Says whether there was room for all of it.
    fn take_suggested(
        &mut self,
        id: LinkId,
        room: &mut Room,
        granted: &mut Vec<PieceIndex>,
    ) -> bool {
        while let Some(link) = self.links.get_mut(&id) {
            let Some(&piece) = link.suggested.front() else {
                break;
            };
            let offers = link.offers(piece);
            if offers && self.table.get(piece) == Some(PieceState::Wanted) {
                if !room.take(self.length(piece)) {
                    return false;
                }
                self.table.set(piece, PieceState::Leased);
                granted.push(piece);
            }
            if let Some(link) = self.links.get_mut(&id) {
                link.suggested.pop_front();
            }
        }
        true
    }

    /// Takes pieces of one rarity that no helper has. Says whether there was room for all of them.
    fn take_class(
        &mut self,
        class: usize,
        id: LinkId,
        helpers: &[LinkId],
        room: &mut Room,
        granted: &mut Vec<PieceIndex>,
    ) -> bool {
        let tiny = self.table.layout().piece_length() < TINY_PIECE;
        let pieces = self.table.layout().pieces();
        let mut from = self.rng.u32(..pieces.max(1));
        while let Some(piece) = self.find(class, id, helpers, from) {
            if !room.take(self.length(piece)) {
                return false;
            }
            self.table.set(piece, PieceState::Leased);
            granted.push(piece);
            from = if tiny {
                piece.get() + 1
            } else {
                self.rng.u32(..pieces.max(1))
            };
        }
        true
    }

    fn find(&self, class: usize, id: LinkId, helpers: &[LinkId], from: u32) -> Option<PieceIndex> {
        let class = self.table.classes().get(class)?;
        if class.count() == 0 {
            return None;
        }
        let link = self.links.get(&id)?;
        let mut without: Vec<&Bits> = vec![&link.barred];
        without.extend(
            helpers
                .iter()
                .filter_map(|id| Some(&self.links.get(id)?.has)),
        );
        class.find(&link.has, &without, from)
    }

    /// How much the link may be given: by its want, its part of the memory, and its part of what
    /// is left to fetch; `active` links share both.
    fn room(&self, link: &Link, active: u64) -> Room {
        let memory = self.limits.in_flight_bytes / active;
        let spread = (self.table.bytes(self.table.wanted()) / active)
            .max(MIN_SHARE)
            .max(in_transit(link));
        let ahead = ahead(link, active);
        let queue = memory.min(spread).min(ahead).saturating_sub(link.queued);
        // One piece shows whether a doubted link is back.
        let bytes = if link.doubt > 0 {
            0
        } else {
            link.want.min(queue)
        };
        Room {
            bytes,
            pieces: self.limits.leases.saturating_sub(self.leases.len()),
            idle: link.queued == 0,
            budget: self
                .limits
                .in_flight_bytes
                .saturating_sub(self.leases.in_flight()),
            unused: self.leases.in_flight() == 0,
        }
    }

    /// How much one complete peer may owe us of what only complete peers have.
    fn sparing_share(&self, now: Timestamp) -> u64 {
        let partial = self.links.values().filter(|link| !link.complete);
        let others = partial
            .filter(|link| now.since(link.news) < FRESH_NEWS)
            .count() as u64;
        let complete = self.links.values().filter(|link| link.complete).count() as u64;
        if others < complete {
            return u64::MAX;
        }
        let class = self.table.classes().first().map_or(0, Bits::count);
        let share = self.table.bytes(class) / (SPARING_PARTS * (others + 1));
        share.max(MIN_SPARING_SHARE)
    }

    /// A partial peer got pieces that complete peers are to send us. Those who can still be spared
    /// are: the lease ends, and the piece is wanted again, for the partial peer to take.
    pub(super) fn relieve(
        &mut self,
        id: LinkId,
        pieces: &[PieceIndex],
        now: Timestamp,
        effects: &mut Effects,
    ) {
        for &piece in pieces {
            // Who is to bring what is demanded was chosen for being soonest.
            if self.demand.pieces().contains(&piece) {
                continue;
            }
            let Some(source) = self.relievable(id, piece, now) else {
                continue;
            };
            if let Some(link) = self.links.get(&id)
                && link.want >= self.length(piece)
                && self.drop_holder(piece, source)
            {
                effects.cancels.entry(source).or_default().push(piece);
            }
        }
    }

    /// The complete peer that alone fetches the piece, if this partial one is likely to be sooner.
    fn relievable(&self, id: LinkId, piece: PieceIndex, now: Timestamp) -> Option<LinkId> {
        let complete = self.links.values().filter(|link| link.complete).count();
        if self.paused || complete * 2 > self.links.len() {
            return None;
        }
        let link = self.links.get(&id)?;
        let Lease::Fetching(holders) = self.leases.get(piece)? else {
            return None;
        };
        let [holder] = holders.as_slice() else {
            return None;
        };
        let source = self.links.get(&holder.link).filter(|link| link.complete)?;
        let batch = source.batch(holder.batch)?;
        let sooner = now + link.rtt < batch.due && link.queued <= source.queued;
        let able = !link.complete && !link.silent && link.offers(piece);
        (sooner && able).then_some(holder.link)
    }

    /// The partial peers that a complete one leaves the work to; none for a partial one.
    fn helpers(&self, link: &Link, now: Timestamp) -> Vec<LinkId> {
        if !link.complete {
            return Vec::new();
        }
        let helps = |other: &Link| {
            let busy = other.batches.iter().any(|batch| !batch.overdue);
            let recent = other.has_delivered && now.since(other.heard) < HELPER_PAUSE;
            let slow = other.rate > 0 && other.rate.saturating_mul(HELPER_FACTOR) < link.rate;
            !other.complete && !other.silent && !slow && (busy || recent)
        };
        let links = self.links.iter();
        let helpers: Vec<_> = links
            .filter(|(_, other)| helps(other))
            .map(|(&id, _)| id)
            .collect();
        let complete = self.links.values().filter(|link| link.complete).count();
        if helpers.len() < complete {
            return Vec::new();
        }
        helpers
    }
}

/// What one of so many busy links is worth asking for ahead, by its rate. A pause of one link is
/// bridged by what the others bring, so each needs the less ahead the more there are; and what is
/// asked for waits at a peer that others wait for, too. All that waits there delays what is rare.
fn ahead(link: &Link, active: u64) -> u64 {
    if link.rate == 0 {
        return u64::MAX;
    }
    let bridge = BRIDGE / u32::try_from(active.max(1)).unwrap_or(u32::MAX);
    let time = link.rtt.min(Duration::from_secs(1)) * 2 + bridge;
    let bytes = link.rate.saturating_mul(time.as_micros() as u64) / 1_000_000;
    bytes.max(crate::pipeline::MIN_WINDOW)
}

/// What is on its way on a link that is kept busy: giving it less would let it idle.
fn in_transit(link: &Link) -> u64 {
    let micros = link.rtt.min(Duration::from_secs(1)).as_micros() as u64;
    link.rate.saturating_mul(micros) / 1_000_000
}
