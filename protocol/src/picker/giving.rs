//! A complete node hands its pieces out: each to one peer at first, who passes it on.
//!
//! Peers that choose for themselves among what only we have choose alike now and then, and each
//! such piece leaves us twice while another has not left us once. The last piece to leave decides
//! when the whole fleet is done, so we say which piece we would like to send to whom, by
//! `suggest piece` (BEP 6). That is what super-seeding (BEP 16) is for, without its lies: peers that
//! do not understand ask for what they like.
//!
//! Whoever asks us for nothing holds up those who do, if each is handed as much: so a peer gets two pieces
//! at first, and one more for each that it has taken, up to its share of [`GIVEN_AHEAD`].
//!
//! Invariant: a piece is `fresh` only if no partial peer is known to have it and it is on no link's
//! list; after [`State::give`] also the other way round.

use std::collections::VecDeque;
use std::time::Duration;

use super::bits::Bits;
use super::state::{Effects, State};
use crate::id::LinkId;
use crate::layout::{BLOCK_LENGTH, PieceIndex};
use crate::time::Timestamp;

/// 4 MiB: bytes that are suggested ahead, over all links that take what they are suggested; what a line of
/// 10 Gbit/s sends in the few milliseconds from a piece's arrival to the peer's `have`.
pub const GIVEN_AHEAD: u64 = 4 * 1024 * 1024;

/// 2 pieces are suggested ahead to each link at least: one that is on its way, and the next.
const MIN_AHEAD: u64 = 2;

/// Four takers for each complete peer: with fewer, what we suggest may come from others as well,
/// and nothing is gained by an order.
const TAKERS_PER_SOURCE: usize = 4;

/// 200 ms: before this, and before twice the time that suggestions took so far, no piece is
/// suggested to a second peer.
const MIN_TURN: Duration = Duration::from_millis(200);

/// What one link was suggested and its peer has not announced: pieces, and since when.
pub(super) type Given = VecDeque<(PieceIndex, Timestamp)>;

/// What a complete node has not handed out.
#[derive(Clone, Debug)]
pub(super) struct Giving {
    fresh: Bits,
    /// Something may have become fresh again: `fresh` is to be made anew.
    stale: bool,
    /// A link may have room.
    stirred: bool,
    /// How long it took of late from a suggestion to the peer's `have`; zero if unknown.
    turn: Duration,
}

#[cfg(any(test, feature = "fuzzing"))]
impl Giving {
    /// The fresh pieces, unless they are to be looked for anew.
    pub(super) fn known_fresh(&self) -> impl Iterator<Item = PieceIndex> {
        self.fresh.iter().filter(|_| !self.stale)
    }
}

impl State {
    /// We are complete now, or no longer.
    pub(super) fn set_giving(&mut self, complete: bool) {
        let layout = self.table.layout();
        // Words for tiny pieces would cost more than they save.
        let gives = complete && layout.piece_length() >= BLOCK_LENGTH;
        if gives != self.giving.is_some() {
            self.giving = gives.then(|| Giving {
                fresh: Bits::new(layout.pieces()),
                stale: true,
                stirred: true,
                turn: Duration::ZERO,
            });
            for link in self.links.values_mut() {
                link.given.clear();
            }
        }
    }

    /// A link came or went, or its peer has other pieces than we thought.
    pub(super) const fn stir_giving(&mut self) {
        if let Some(giving) = &mut self.giving {
            giving.stale = true;
            giving.stirred = true;
        }
    }

    /// The link's peer got these pieces.
    pub(super) fn passed_on(&mut self, id: LinkId, pieces: &[PieceIndex], now: Timestamp) {
        let (Some(giving), Some(link)) = (&mut self.giving, self.links.get_mut(&id)) else {
            return;
        };
        giving.stirred = true;
        for &piece in pieces {
            giving.fresh.remove(piece);
            let place = link.given.iter().position(|&(given, _)| given == piece);
            let Some((_, since)) = place.and_then(|place| link.given.remove(place)) else {
                continue;
            };
            link.taken = link.taken.saturating_add(1);
            let took = now.since(since);
            giving.turn = match giving.turn {
                Duration::ZERO => took,
                turn => (turn * 7 + took) / 8,
            };
        }
    }

    /// Suggests pieces to all links that are through with what they were suggested.
    pub(super) fn give(&mut self, now: Timestamp, effects: &mut Effects) {
        let takers = self.links.values().filter(|link| !link.complete).count();
        let sources = self.links.len() - takers;
        let Some(giving) = &mut self.giving else {
            return;
        };
        if !std::mem::take(&mut giving.stirred)
            || takers < 2
            || sources * TAKERS_PER_SOURCE > takers
        {
            return;
        }
        let patience = MIN_TURN.max(giving.turn * 2);
        if std::mem::take(&mut giving.stale) {
            self.find_fresh();
        }
        let piece_length = u64::from(self.table.layout().piece_length());
        let mut ids: Vec<_> = self.links.keys().copied().collect();
        ids.retain(|id| !self.links[id].complete);
        self.rng.shuffle(&mut ids);
        // What is left goes to those of whom we know that they take it.
        ids.sort_by_key(|id| self.links[id].taken == 0);
        let taking = ids.iter().filter(|id| self.links[id].taken > 0).count() as u64;
        let share = GIVEN_AHEAD / piece_length / taking.max(1);
        for id in ids {
            let link = &self.links[&id];
            let listed = link.given.len() as u64;
            let ahead = share.min(MIN_AHEAD + link.taken).max(MIN_AHEAD);
            let mut pieces = self.take_fresh(ahead.saturating_sub(listed) as usize);
            if pieces.is_empty() && listed == 0 {
                pieces = self.find_late(id, ahead as usize, patience, now);
            }
            if let Some(link) = self.links.get_mut(&id).filter(|_| !pieces.is_empty()) {
                link.given.extend(pieces.iter().map(|&piece| (piece, now)));
                effects.suggestions.insert(id, pieces);
            }
        }
    }

    /// Looks through all pieces for those that nobody has or is to have.
    fn find_fresh(&mut self) {
        let mut fresh = Bits::new(self.table.layout().pieces());
        for piece in self.table.layout().all_pieces() {
            if self.table.holders(piece) == 0 {
                fresh.insert(piece);
            }
        }
        for link in self.links.values_mut() {
            if link.complete {
                link.given.clear();
            }
            for &(piece, _) in &link.given {
                fresh.remove(piece);
            }
        }
        if let Some(giving) = &mut self.giving {
            giving.fresh = fresh;
        }
    }

    /// Takes up to `most` fresh pieces, by lot.
    fn take_fresh(&mut self, most: usize) -> Vec<PieceIndex> {
        let pieces = self.table.layout().pieces();
        let Some(giving) = &mut self.giving else {
            return Vec::new();
        };
        let mut taken = Vec::new();
        while taken.len() < most && giving.fresh.count() > 0 {
            let from = self.rng.u32(..pieces.max(1));
            let Some(piece) = giving.fresh.find(&giving.fresh, &[], from) else {
                break;
            };
            giving.fresh.remove(piece);
            taken.push(piece);
        }
        taken
    }

    /// All is on its way: what was suggested to other links the longest ago, if that is long ago
    /// and this link's peer lacks it. One piece, or up to `ahead` of peers that took nothing so far.
    fn find_late(
        &self,
        id: LinkId,
        ahead: usize,
        patience: Duration,
        now: Timestamp,
    ) -> Vec<PieceIndex> {
        let Some(link) = self.links.get(&id) else {
            return Vec::new();
        };
        let others = self.links.iter().filter(|(other, _)| **other != id);
        let given = others.flat_map(|(_, other)| {
            let given = other.given.iter();
            given.map(|&(piece, since)| (other.taken > 0, since, piece))
        });
        let is_late = |&(_, since, piece): &(bool, Timestamp, PieceIndex)| {
            now.since(since) >= patience && !link.has.contains(piece)
        };
        let mut late: Vec<_> = given.filter(is_late).collect();
        late.sort_unstable();
        let mut pieces = Vec::new();
        for (takes, _, piece) in late {
            let most = if takes { 1 } else { ahead };
            if pieces.len() < most && !pieces.contains(&piece) {
                pieces.push(piece);
            }
        }
        pieces
    }
}
