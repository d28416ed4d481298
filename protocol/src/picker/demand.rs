//! Demand: pieces that somebody waits for, who reads the content while it is still fetched. They
//! come before all others, in the order of their urgency.
//!
//! A demanded piece is leased to the hungry link that is likely to bring it first, whatever its
//! rarity, whether or not complete peers are to be spared, and whatever was suggested. A link that
//! could take a demanded piece gets nothing else before. What is demanded changes no other rule: what
//! is not selected is not fetched, demanded or not; what was not checked is not fetched before; a
//! source is asked for nothing that a peer of use has.
//!
//! No reader waits on a slow peer: one of the first [`URGENT_PIECES`] demanded pieces that are not
//! here gets a second and a third holder, a *rival*, when all who hold it are as late (or the rival is
//! as much faster) as the end game asks for, though other pieces are still wanted.
//!
//! Invariants: all leases that others than the first holder of a piece have by these rules make no
//! more than [`RIVAL_BYTES`], or one piece, at a time; demanded pieces take no more memory beyond
//! [`PickerLimits::in_flight_bytes`] than [`PickerLimits::demanded_bytes`]; no timer runs for a piece
//! that nobody has.
//!
//! Cost: nothing where nothing is demanded; else, after each input, a step for each demanded piece
//! that is missing, and one for each hungry link as well where somebody has it.
//!
//! [`PickerLimits::in_flight_bytes`]: super::messages::PickerLimits::in_flight_bytes
//! [`PickerLimits::demanded_bytes`]: super::messages::PickerLimits::demanded_bytes

use std::collections::BTreeSet;

use super::endgame::MIN_AGE;
use super::lease::Lease;
use super::link::Link;
use super::messages::{PieceState, charge};
use super::state::{Effects, State};
use crate::id::LinkId;
use crate::layout::PieceIndex;
use crate::time::Timestamp;

/// 512 pieces that are demanded at a time: 8 MiB in pieces of 16 KiB, and few contents have shorter
/// ones. They are looked through after each input, while there are some.
pub const MAX_DEMANDED: usize = 512;

/// 8 pieces: so many of the demanded ones that are not here may be given to a second holder. Some
/// readers wait for one each, and one that reads small pieces waits for a few at a time.
pub const URGENT_PIECES: usize = 8;

/// 4 MiB: what may be fetched a second time at a time, over all links, for readers; or one piece. A
/// reader that jumps about among slow peers wastes no more than that.
pub const RIVAL_BYTES: u64 = 4 * 1024 * 1024;

/// What is demanded.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    /// The most urgent first, each once, no more than [`MAX_DEMANDED`].
    pieces: Vec<PieceIndex>,
    /// When there is something to do for them if no input comes; as of the last input.
    pub(super) look_at: Timestamp,
}

impl Demand {
    pub(super) const fn none() -> Self {
        Self {
            pieces: Vec::new(),
            look_at: Timestamp::NEVER,
        }
    }

    pub(super) fn pieces(&self) -> &[PieceIndex] {
        &self.pieces
    }
}

impl State {
    /// From now on these are demanded, and no others.
    pub(super) fn set_demand(&mut self, mut pieces: Vec<PieceIndex>) {
        let total = self.table.layout().pieces();
        let mut seen = BTreeSet::new();
        pieces.retain(|piece| {
            seen.len() < MAX_DEMANDED && piece.get() < total && seen.insert(piece.get())
        });
        self.demand.pieces = pieces;
    }

    /// Leases what is demanded to whoever can send it, before anything else is leased.
    pub(super) fn meet_demand(&mut self, now: Timestamp, effects: &mut Effects) {
        self.demand.look_at = Timestamp::NEVER;
        if self.paused || self.demand.pieces.is_empty() {
            return;
        }
        let pieces = self.demand.pieces.iter().copied();
        let lacking: Vec<_> = pieces
            .filter(|&piece| self.table.is_lacking(piece))
            .collect();
        if lacking.is_empty() {
            return;
        }
        self.free_from_useless(now, effects);
        let peers = self.demand_of_peers(&lacking, now, effects);
        let sources = self.demand_of_sources(&lacking, now, effects);
        self.demand.look_at = peers.min(sources);
    }

    /// Is there no room for one more lease of a whole demanded piece?
    pub(super) fn is_full_for_demand(&self) -> bool {
        let length = charge(u64::from(self.table.layout().piece_length()));
        let used = self.leases.in_flight();
        used > 0 && used.saturating_add(length) > self.demand_limit()
            || self.leases.len() >= self.limits.leases
    }

    /// Bytes that all leases together may take, for the sake of demanded ones.
    pub(super) const fn demand_limit(&self) -> u64 {
        let limits = &self.limits;
        limits.in_flight_bytes.saturating_add(limits.demanded_bytes)
    }

    /// Does the link's peer have a demanded piece that nobody fetches? Then nothing else is leased to
    /// it: there was no room for that piece.
    pub(super) fn owes_demanded(&self, link: &Link) -> bool {
        self.open_demand().any(|piece| link.offers(piece))
    }

    /// The demanded pieces that are wanted and that nobody fetches.
    pub(super) fn open_demand(&self) -> impl Iterator<Item = PieceIndex> {
        let pieces = self.demand.pieces.iter().copied();
        pieces.filter(|&piece| self.table.get(piece) == Some(PieceState::Wanted))
    }

    /// Goes through what is demanded and missing, in order. Gives the time at which to look again.
    fn demand_of_peers(
        &mut self,
        lacking: &[PieceIndex],
        now: Timestamp,
        effects: &mut Effects,
    ) -> Timestamp {
        let mut next = Timestamp::NEVER;
        let hungry = self.hungry(now);
        let all_here = |id: &LinkId| self.links.get(id).is_some_and(|link| link.complete);
        let complete = hungry.iter().any(all_here);
        let mut any = false;
        for (place, &piece) in lacking.iter().enumerate() {
            if hungry.is_empty() || self.is_full_for_demand() {
                break;
            }
            if !complete && self.table.holders(piece) == 0 {
                continue;
            }
            match self.table.get(piece) {
                Some(PieceState::Wanted) => {
                    let Some(id) = self.soonest(piece, &hungry) else {
                        continue;
                    };
                    self.table.set(piece, PieceState::Leased);
                    self.grant(id, vec![piece], false, now, effects);
                    any = true;
                }
                Some(PieceState::Leased) if place < URGENT_PIECES => {
                    let (rivals, ripe) = self.rivals(piece, &hungry, now);
                    next = next.min(ripe);
                    if let Some(id) = self.soonest(piece, &rivals) {
                        self.grant(id, vec![piece], true, now, effects);
                    }
                }
                _ => {}
            }
        }
        if any {
            self.look_when_ripe(now);
        }
        next.min(self.rest_ends(now))
    }

    /// The links that could fetch something now, partial peers first, else by lot.
    fn hungry(&mut self, now: Timestamp) -> Vec<LinkId> {
        let links = self.links.iter();
        let hungry = links.filter(|(_, link)| link.want > 0 && !link.silent && !rests(link, now));
        let mut ids: Vec<_> = hungry.map(|(&id, link)| (link.complete, id)).collect();
        self.rng.shuffle(&mut ids);
        ids.sort_by_key(|&(complete, _)| complete);
        ids.into_iter().map(|(_, id)| id).collect()
    }

    /// Who of these is likely to bring the piece first?
    fn soonest(&self, piece: PieceIndex, among: &[LinkId]) -> Option<LinkId> {
        let length = self.length(piece);
        let links = among
            .iter()
            .filter_map(|id| Some((*id, self.links.get(id)?)));
        let able = links.filter(|(_, link)| has_room(link, length) && link.offers(piece));
        let first = able.min_by_key(|(_, link)| link.need(length));
        first.map(|(id, _)| id)
    }

    /// Who of these may fetch the piece beside those that do, and when the first of the others may.
    fn rivals(
        &self,
        piece: PieceIndex,
        among: &[LinkId],
        now: Timestamp,
    ) -> (Vec<LinkId>, Timestamp) {
        let mut next = Timestamp::NEVER;
        let length = self.length(piece);
        let extra: u64 = self.links.values().map(Link::extra_bytes).sum();
        if extra > 0 && extra.saturating_add(length) > RIVAL_BYTES {
            return (Vec::new(), next);
        }
        let mut rivals = Vec::new();
        for &id in among {
            let able = |link: &&Link| link.doubt == 0 && has_room(link, length);
            let Some(link) = self.links.get(&id).filter(able) else {
                continue;
            };
            if !link.offers(piece) || !self.leases.may_join(piece, id) {
                continue;
            }
            let ripe = self.all_ripe_at(link, piece);
            if ripe <= now {
                rivals.push(id);
            } else {
                next = next.min(ripe);
            }
        }
        (rivals, next)
    }

    /// When the link may fetch what all of the piece's holders are late with.
    fn all_ripe_at(&self, link: &Link, piece: PieceIndex) -> Timestamp {
        let Some(Lease::Fetching(holders)) = self.leases.get(piece) else {
            return Timestamp::NEVER;
        };
        let ripe = holders.iter().filter_map(|holder| {
            let links = &self.links;
            let other = links
                .get(&holder.link)
                .or_else(|| self.sources.get(&holder.link))?;
            Some(self.ripe_at(link, other, other.batch(holder.batch)?))
        });
        ripe.max().unwrap_or(Timestamp::NEVER)
    }

    /// Leases began that may grow old: hungry links look at them then.
    pub(super) fn look_when_ripe(&mut self, now: Timestamp) {
        let later = now + MIN_AGE;
        for link in self.links.values_mut().filter(|link| link.want > 0) {
            link.look_at = link.look_at.min(later);
        }
    }

    /// When the first link may be asked again that rests and has what is demanded.
    fn rest_ends(&self, now: Timestamp) -> Timestamp {
        let resting = self
            .links
            .values()
            .filter(|link| link.want > 0 && rests(link, now));
        let able = resting.filter(|link| link.queued == 0 && self.owes_demanded(link));
        let ends = able.map(|link| link.rest_until).min();
        ends.unwrap_or(Timestamp::NEVER)
    }
}

/// Is it given nothing for a while, after it fell silent?
fn rests(link: &Link, now: Timestamp) -> bool {
    link.doubt > 0 && now < link.rest_until
}

/// Can the link take a piece of that length? One that has nothing to do can take any, and one that is
/// doubted a single one.
const fn has_room(link: &Link, length: u64) -> bool {
    link.want > 0 && (link.queued == 0 || link.doubt == 0 && length <= link.want)
}
