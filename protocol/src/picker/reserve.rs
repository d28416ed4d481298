//! Sources that are no peers: servers that have the content and are not to be asked for what a peer
//! can send (web seeds, BEP 19; the origin of a fleet).
//!
//! A source gets a lease of a piece only while no peer has it that is *of use*. A peer is of use
//! until we could have taken something from it for [`RESERVE_PATIENCE`] and got nothing: it chokes
//! us, refuses, or is silent. And no source is asked for [`RESERVE_GRACE`] after it was opened, or
//! after a peer left that had something for us: peers come and come back within that time.
//!
//! Many nodes share a source. Each asks it for no more at a time than a small share of what only it
//! has, from a place by lot, and passes that on; so it sends little more than one copy to all of
//! them. A lease ends when a peer gets the piece, so that the source is spared the rest.
//!
//! A source has no deadlines here: its host gives back what does not come. A peer may always take
//! what a source is to send; never the other way round.

use std::time::Duration;

use super::bits::Bits;
use super::choose::{Room, SPARING_PARTS};
use super::link::Link;
use super::messages::PieceState;
use super::peers::fetching;
use super::state::{Effects, State};
use crate::id::LinkId;
use crate::layout::PieceIndex;
use crate::time::Timestamp;

/// 2 s: so long a source is not asked after it was opened, or after a peer left that had something
/// for us. Peers that are there are found within that time on most networks, and one that was killed
/// is back.
pub const RESERVE_GRACE: Duration = Duration::from_secs(2);

/// 10 s: a peer that could have given us something for so long and gave nothing keeps no source from
/// being asked. It is the time after which choked peers get their turn (BEP 3).
pub const RESERVE_PATIENCE: Duration = Duration::from_secs(10);

/// 64 KiB: the least share of what only a source has that it is asked for at a time, where other
/// nodes may ask it, too: a request costs a round trip.
pub const MIN_SOURCE_SHARE: u64 = 64 * 1024;

impl State {
    /// A source was found. It is taken to have everything.
    pub(super) fn open_source(&mut self, id: LinkId, now: Timestamp) {
        if self.links.contains_key(&id) || self.sources.contains_key(&id) {
            return;
        }
        let layout = self.table.layout();
        let mut source = Link::new(layout.pieces(), now);
        source.has = Bits::full(layout.pieces());
        let lacking = layout.all_pieces();
        source.useful = lacking
            .filter(|&piece| self.table.is_lacking(piece))
            .count() as u32;
        source.rest_until = now + RESERVE_GRACE;
        source.fresh = true;
        self.sources.insert(id, source);
    }

    /// A source is not to be asked any more: its leases are free at once.
    pub(super) fn close_source(&mut self, id: LinkId) {
        let leased = self.sources.get(&id).map(fetching).unwrap_or_default();
        for piece in leased {
            self.drop_holder(piece, id);
        }
        self.sources.remove(&id);
        self.wake_all();
    }

    /// The source has these after all.
    pub(super) fn source_has(&mut self, id: LinkId, pieces: &[PieceIndex]) {
        let Some(source) = self.sources.get_mut(&id) else {
            return;
        };
        let total = self.table.layout().pieces();
        for &piece in pieces.iter().filter(|piece| piece.get() < total) {
            if source.has.insert(piece) {
                source.useful += u32::from(self.table.is_lacking(piece));
                source.fresh = true;
            }
        }
    }

    /// The source lacks these; a lease of one ends, and the source is told.
    pub(super) fn source_lacks(
        &mut self,
        id: LinkId,
        pieces: &[PieceIndex],
        effects: &mut Effects,
    ) {
        for &piece in pieces {
            if self.drop_holder(piece, id) {
                effects.cancels.entry(id).or_default().push(piece);
            }
            if let Some(source) = self.sources.get_mut(&id)
                && source.has.remove(piece)
            {
                source.useful -= u32::from(self.table.is_lacking(piece));
            }
        }
    }

    /// A peer left that had something for us: it may come back at once.
    pub(super) fn rest_sources(&mut self, now: Timestamp) {
        for source in self.sources.values_mut() {
            source.rest_until = source.rest_until.max(now + RESERVE_GRACE);
        }
    }

    /// Sources are looked at again.
    pub(super) fn wake_sources(&mut self) {
        for source in self.sources.values_mut() {
            source.fresh = true;
        }
    }

    /// Before an input: whoever was not to give us anything since the last one is not to blame.
    pub(super) fn excuse(&mut self, now: Timestamp) {
        if self.sources.is_empty() {
            return;
        }
        let all = self.paused || self.is_full();
        // There may be room for what is demanded though there is none for anything else.
        let demanded: Vec<_> = match all && !self.paused && !self.is_full_for_demand() {
            true => self.open_demand().collect(),
            false => Vec::new(),
        };
        for link in self.links.values_mut() {
            let asked = demanded.iter().any(|&piece| link.has.contains(piece));
            if all && !asked || link.useful == 0 {
                link.gave = now;
            }
        }
    }

    /// The link said how much it can take. If that was nothing before, as when its peer choked us,
    /// it gets a new chance; one that has given only disappointment does not.
    pub(super) fn may_be_of_use(&mut self, id: LinkId, now: Timestamp, effects: &mut Effects) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let took_nothing = std::mem::replace(&mut link.takes_nothing, link.want == 0);
        if took_nothing && link.want > 0 && link.returns == 0 && link.doubt == 0 {
            link.gave = now;
            self.spare(id, now, effects);
        }
    }

    /// A peer has pieces that sources are to send: if it can send them now, the sources are spared.
    pub(super) fn spare(&mut self, id: LinkId, now: Timestamp, effects: &mut Effects) {
        if self.paused || self.sources.values().all(|source| source.queued == 0) {
            return;
        }
        let Some(link) = self.links.get(&id) else {
            return;
        };
        if !is_of_use(link, now) || link.want == 0 && link.queued == 0 {
            return;
        }
        let mut spared = Vec::new();
        for (&source, leased) in &self.sources {
            let offered = fetching(leased).into_iter();
            let offered = offered.filter(|&piece| link.offers(piece));
            spared.extend(offered.map(|piece| (source, piece)));
        }
        for (source, piece) in spared {
            if self.drop_holder(piece, source) {
                effects.cancels.entry(source).or_default().push(piece);
            }
        }
    }

    /// Leases to sources what no peer of use has.
    pub(super) fn offer_reserve(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.paused || self.sources.is_empty() {
            return;
        }
        let looking = |link: &Link| link.want > 0 && (link.fresh || link.look_at <= now);
        let sources = self.sources.iter().filter(|(_, source)| looking(source));
        let mut ids: Vec<_> = sources.map(|(&id, _)| id).collect();
        self.rng.shuffle(&mut ids);
        for id in ids {
            if self.is_full() {
                // They stay as they are, and are looked at when a lease ends.
                break;
            }
            self.feed_source(id, now, effects);
        }
    }

    /// Before what is demanded is leased: silent peers give up what sources can send.
    pub(super) fn free_from_useless(&mut self, now: Timestamp, effects: &mut Effects) {
        for id in self.able_sources(now) {
            self.take_from_useless(id, now, effects);
        }
    }

    /// Leases to sources what is demanded and no peer of use has, in the order in which it is
    /// demanded. Gives the time at which to look again.
    pub(super) fn demand_of_sources(
        &mut self,
        lacking: &[PieceIndex],
        now: Timestamp,
        effects: &mut Effects,
    ) -> Timestamp {
        let mut next = Timestamp::NEVER;
        let mut ids = self.able_sources(now);
        self.rng.shuffle(&mut ids);
        for id in ids {
            if self.is_full_for_demand() {
                break;
            }
            let granted = self.take_demanded(id, lacking, now);
            self.grant(id, granted, false, now, effects);
            next = next.min(self.patience_ends(id, lacking, now));
        }
        let sources = self.sources.values();
        let resting = sources.filter(|source| source.want > 0 && now < source.rest_until);
        let able = resting.filter(|source| lacking.iter().any(|&piece| source.offers(piece)));
        let rest = able.map(|source| source.rest_until).min();
        next.min(rest.unwrap_or(Timestamp::NEVER))
    }

    /// The sources that could be asked for something now.
    fn able_sources(&self, now: Timestamp) -> Vec<LinkId> {
        let able = |source: &Link| source.want > 0 && source.useful > 0 && now >= source.rest_until;
        let sources = self.sources.iter();
        let able = sources.filter(|(_, source)| able(source));
        able.map(|(&id, _)| id).collect()
    }

    /// Takes what is demanded and that only sources can bring, as far as there is room.
    fn take_demanded(
        &mut self,
        id: LinkId,
        lacking: &[PieceIndex],
        now: Timestamp,
    ) -> Vec<PieceIndex> {
        let mut granted = Vec::new();
        let Some(source) = self.sources.get(&id) else {
            return granted;
        };
        let mut room = Room {
            bytes: source.want,
            pieces: self.limits.leases.saturating_sub(self.leases.len()),
            idle: source.queued == 0,
            budget: self.demand_limit().saturating_sub(self.leases.in_flight()),
            unused: self.leases.in_flight() == 0,
        };
        for &piece in lacking {
            if !self.is_only_of_sources(id, piece, now) {
                continue;
            }
            if !room.take(self.length(piece)) {
                break;
            }
            self.table.set(piece, PieceState::Leased);
            granted.push(piece);
        }
        granted
    }

    /// Is the piece wanted, of this source, and of no peer of use?
    fn is_only_of_sources(&self, id: LinkId, piece: PieceIndex, now: Timestamp) -> bool {
        let mut links = self.links.values();
        self.table.get(piece) == Some(PieceState::Wanted)
            && self
                .sources
                .get(&id)
                .is_some_and(|source| source.offers(piece))
            && !links.any(|link| link.has.contains(piece) && is_of_use(link, now))
    }

    /// When the first peer stops to be of use that has what is demanded and the source could send.
    fn patience_ends(&self, id: LinkId, lacking: &[PieceIndex], now: Timestamp) -> Timestamp {
        let Some(source) = self.sources.get(&id) else {
            return Timestamp::NEVER;
        };
        let spares = |link: &&Link| {
            let has = |&piece: &PieceIndex| link.has.contains(piece) && source.offers(piece);
            is_of_use(link, now) && lacking.iter().any(has)
        };
        let links = self.links.values().filter(spares);
        let ends = links.map(|link| link.gave + RESERVE_PATIENCE).min();
        ends.unwrap_or(Timestamp::NEVER)
    }

    fn feed_source(&mut self, id: LinkId, now: Timestamp, effects: &mut Effects) {
        let Some(source) = self.sources.get_mut(&id) else {
            return;
        };
        source.fresh = false;
        source.look_at = Timestamp::NEVER;
        if source.useful == 0 {
            return;
        }
        if now < source.rest_until {
            source.look_at = source.rest_until;
            return;
        }
        self.take_from_useless(id, now, effects);
        let of_use = self.links.iter().filter(|(_, link)| is_of_use(link, now));
        let of_use: Vec<_> = of_use.map(|(&id, _)| id).collect();
        let complete = |id: &LinkId| self.links.get(id).is_some_and(|link| link.complete);
        let open: Vec<_> = self.open_demand().collect();
        let owes = |&piece: &PieceIndex| self.is_only_of_sources(id, piece, now);
        let owes = open.iter().any(owes);
        let mut granted = Vec::new();
        if !owes
            && !of_use.iter().any(complete)
            && let Some(mut room) = self.source_room(id)
        {
            self.take_unavailable(id, &of_use, &mut room, &mut granted);
        }
        self.grant(id, granted, false, now, effects);
        let patience = of_use
            .iter()
            .filter_map(|id| Some(self.links.get(id)?.gave + RESERVE_PATIENCE));
        let look_at = patience.min().unwrap_or(Timestamp::NEVER);
        if let Some(source) = self.sources.get_mut(&id) {
            source.look_at = look_at;
            // What is demanded comes first: it stays as it is until there is room for that.
            source.fresh = owes;
        }
    }

    /// Silent peers that are of no use any more give up what the source can send.
    fn take_from_useless(&mut self, id: LinkId, now: Timestamp, effects: &mut Effects) {
        let useless = |link: &&Link| link.silent && !is_of_use(link, now);
        let links = self.links.iter().filter(|(_, link)| useless(link));
        let held: Vec<_> = links.map(|(&link, it)| (link, fetching(it))).collect();
        for (link, pieces) in held {
            for piece in pieces {
                let has = |source: &Link| source.offers(piece);
                if self.sources.get(&id).is_some_and(has) && self.drop_holder(piece, link) {
                    effects.cancels.entry(link).or_default().push(piece);
                }
            }
        }
    }

    /// Takes neighbouring pieces from a place by lot, which make one request, the rarest first.
    fn take_unavailable(
        &mut self,
        id: LinkId,
        of_use: &[LinkId],
        room: &mut Room,
        granted: &mut Vec<PieceIndex>,
    ) {
        let mut from = self.rng.u32(..self.table.layout().pieces().max(1));
        for class in 0..self.table.classes().len() {
            while let Some(piece) = self.find_unavailable(class, id, of_use, from) {
                if !room.take(self.length(piece)) {
                    return;
                }
                self.table.set(piece, PieceState::Leased);
                granted.push(piece);
                from = piece.get() + 1;
            }
        }
    }

    fn find_unavailable(
        &self,
        class: usize,
        id: LinkId,
        of_use: &[LinkId],
        from: u32,
    ) -> Option<PieceIndex> {
        let class = self.table.classes().get(class)?;
        if class.count() == 0 {
            return None;
        }
        let source = self.sources.get(&id)?;
        let held = of_use
            .iter()
            .filter_map(|id| Some(&self.links.get(id)?.has));
        let without: Vec<&Bits> = [&source.barred].into_iter().chain(held).collect();
        class.find(&source.has, &without, from)
    }

    /// How much the source may be given: by its want, its part of the memory, and a share that
    /// leaves the rest to other nodes, if there are any that may ask it.
    fn source_room(&self, id: LinkId) -> Option<Room> {
        let source = self.sources.get(&id)?;
        let busy = |link: &&Link| link.want > 0 || link.queued > 0;
        let busy = self.links.values().filter(busy).count() as u64 + 1;
        let others = self.links.values().filter(|link| !link.complete).count() as u64;
        let share = match others {
            0 => u64::MAX,
            others => {
                let only_here = self.table.classes().first().map_or(0, Bits::count);
                let share = self.table.bytes(only_here) / (SPARING_PARTS * (others + 1));
                share.max(MIN_SOURCE_SHARE)
            }
        };
        let most = share.min(self.limits.in_flight_bytes / busy);
        let in_flight = self.leases.in_flight();
        Some(Room {
            bytes: source.want.min(most.saturating_sub(source.queued)),
            pieces: self.limits.leases.saturating_sub(self.leases.len()),
            idle: source.queued == 0,
            budget: self.limits.in_flight_bytes.saturating_sub(in_flight),
            unused: in_flight == 0,
        })
    }
}

/// Did it give us something of late, or was it not to?
pub(super) fn is_of_use(link: &Link, now: Timestamp) -> bool {
    now < link.gave + RESERVE_PATIENCE
}
