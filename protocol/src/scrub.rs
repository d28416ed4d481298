//! Which pieces are hashed again while the node runs, and when: disks forget, and other programs
//! write.
//!
//! What is here is hashed once per period, a little at a time and so evenly that the whole content
//! has its turn (a *scrub*). It waits while peers are served, but not for ever. Pieces that somebody
//! may have changed are *in doubt*: these are hashed at once, and nothing of them is to be served
//! before. The host reads and hashes; it says what came of it with [`Scrub::settled`].
//!
//! Invariants: every piece that is here is taken once in each round; no faster than
//! [`CATCH_UP`] times what the period asks for; a piece in doubt stays so until it is settled.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use crate::bitfield::Bitfield;
use crate::layout::{Layout, PieceIndex};
use crate::time::Timestamp;

/// A day: how long a scrub of everything takes. ZFS and Ceph do so weekly or monthly on disks that
/// know their own checksums; a file of 1 TiB is read at 12 MiB/s.
pub const SCRUB_PERIOD: Duration = Duration::from_secs(24 * 3_600);

/// 1 s: no round is shorter, or a small file would be hashed all the time.
pub const MIN_SCRUB_PERIOD: Duration = Duration::from_secs(1);

/// 1 MiB is hashed in one step, or one piece: less than a thousandth of a second of one core.
pub const SCRUB_STEP: u64 = 1024 * 1024;

/// 16 MiB of pieces in doubt are hashed in one step, so that what it found is known soon.
pub const DOUBT_STEP: u64 = 16 * 1024 * 1024;

/// A round that was held up goes on at this multiple of its rate, and no faster.
pub const CATCH_UP: u32 = 4;

/// A quarter of a period: a node that always has much to do scrubs so much late, and then anyway.
const LATEST: u32 = 4;

/// When pieces of one content are hashed again. See the module's documentation.
#[derive(Clone, Debug)]
pub struct Scrub {
    layout: Layout,
    /// How long a round takes; none: only what is in doubt is hashed.
    period: Option<Duration>,
    /// When the present round began, and the first piece that it has not taken.
    began: Timestamp,
    next: u32,
    /// No step before this.
    rests: Timestamp,
    /// In doubt, and those of them that no step has taken.
    doubted: Bitfield,
    waiting: Bitfield,
    /// By which doubt each of them is; empty if there was none. What was hashed before a doubt does not
    /// settle it.
    since: Vec<Epoch>,
    doubts: Epoch,
    /// Pieces that were written while something was being hashed, and when: what was read of them before
    /// that says nothing any more.
    overtaken: BTreeMap<PieceIndex, Epoch>,
    /// Where the next step among those that wait begins: all have their turn, though somebody writes all
    /// the time.
    turn: u32,
    rounds: u64,
}

/// How many doubts there were, and writes beside a hashing.
pub type Epoch = u32;

/// Pieces to hash, all of which are here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// Neighbours, one at least.
    pub pieces: Range<u32>,
    /// They are in doubt.
    pub is_urgent: bool,
    /// What it finds settles doubts up to this one.
    pub epoch: Epoch,
}

impl Scrub {
    /// The first round begins now: all was hashed just before.
    #[must_use]
    pub fn new(layout: Layout, period: Option<Duration>, now: Timestamp) -> Self {
        let none = Bitfield::new(layout.pieces());
        Self {
            layout,
            period: period.map(|period| period.max(MIN_SCRUB_PERIOD)),
            began: now,
            next: 0,
            rests: now,
            doubted: none.clone(),
            waiting: none,
            since: Vec::new(),
            doubts: 0,
            overtaken: BTreeMap::new(),
            turn: 0,
            rounds: 0,
        }
    }

    /// Somebody may have changed these pieces. Those that are not here are hashed when they are.
    pub fn doubt(&mut self, pieces: Range<u32>, have: &Bitfield) {
        self.doubts = self.doubts.saturating_add(1);
        self.since.resize(self.layout.pieces() as usize, 0);
        for piece in pieces.map(PieceIndex::new) {
            if let Some(since) = self.since.get_mut(piece.as_usize()) {
                *since = self.doubts;
            }
            self.doubted.insert(piece);
            if have.contains(piece) {
                self.waiting.insert(piece);
            }
        }
    }

    /// These pieces are here now.
    pub fn gained(&mut self, pieces: &[PieceIndex]) {
        for &piece in pieces.iter().filter(|_| !self.doubted.is_empty()) {
            if self.doubted.contains(piece) {
                self.waiting.insert(piece);
            }
        }
    }

    /// These pieces were written while something is being hashed, perhaps they.
    pub fn overtake(&mut self, pieces: &[PieceIndex]) {
        self.doubts = self.doubts.saturating_add(1);
        let now = self.doubts;
        self.overtaken
            .extend(pieces.iter().map(|&piece| (piece, now)));
    }

    /// Nothing is being hashed.
    pub fn rest(&mut self) {
        self.overtaken.clear();
    }

    /// Says what was read of the piece at that time how it is? Not if it was written since.
    #[must_use]
    pub fn tells_of(&self, piece: PieceIndex, epoch: Epoch) -> bool {
        let written = self.overtaken.get(&piece);
        written.is_none_or(|&written| written <= epoch)
    }

    /// Is the piece to be hashed before anybody is given of it?
    #[must_use]
    pub fn is_doubted(&self, piece: PieceIndex) -> bool {
        self.doubted.contains(piece)
    }

    /// Are there pieces in doubt that no step has taken?
    #[must_use]
    pub const fn is_urgent(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Somebody waits for this piece and hashes it now: no step is to.
    pub fn take(&mut self, piece: PieceIndex) -> Epoch {
        self.waiting.remove(piece);
        self.doubts
    }

    /// What is read or written from now on settles doubts up to this one.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.doubts
    }

    /// It is known how these pieces were when that was the latest doubt. Those that were doubted since
    /// stay so.
    pub fn settled(&mut self, pieces: impl IntoIterator<Item = PieceIndex>, epoch: Epoch) {
        if self.doubted.is_empty() {
            return;
        }
        for piece in pieces {
            let since = self.since.get(piece.as_usize());
            if since.is_none_or(|&since| since <= epoch) {
                self.doubted.remove(piece);
                self.waiting.remove(piece);
            }
        }
    }

    /// The check at the start is over: the first round begins now.
    pub const fn begin(&mut self, now: Timestamp) {
        self.began = now;
        self.rests = now;
        self.next = 0;
    }

    /// The step ended before these were hashed: they wait again if they are in doubt, and are left to
    /// the next round if not.
    pub fn unsettled(&mut self, pieces: Range<u32>) {
        for piece in pieces.map(PieceIndex::new) {
            if self.doubted.contains(piece) {
                self.waiting.insert(piece);
            }
        }
    }

    /// Rounds that came to their end.
    #[must_use]
    pub const fn rounds(&self) -> u64 {
        self.rounds
    }

    /// What is to be hashed now. `busy`: peers are being served, or bring something.
    pub fn step(&mut self, have: &Bitfield, busy: bool, now: Timestamp) -> Option<Step> {
        if let Some(first) = self.next_waiting() {
            let pieces = self.run(first, DOUBT_STEP, &self.waiting);
            self.turn = pieces.end;
            for piece in pieces.clone().map(PieceIndex::new) {
                self.waiting.remove(piece);
            }
            return Some(Step {
                pieces,
                is_urgent: true,
                epoch: self.doubts,
            });
        }
        let period = self.period?;
        let due = self.due(period);
        let is_time = now >= due && (!busy || now >= due + period / LATEST);
        if !is_time || now < self.rests {
            return None;
        }
        let all = self.layout.pieces();
        let first = (self.next..all).find(|&piece| have.contains(PieceIndex::new(piece)));
        let Some(first) = first else {
            // At most once: a round that begins now is not over.
            return match self.end_round(period, now) {
                true => self.step(have, busy, now),
                false => None,
            };
        };
        let pieces = self.run(first, SCRUB_STEP, have);
        self.next = pieces.end;
        let share = self.share(period, pieces.end) - self.share(period, pieces.start);
        self.rests = now + share / CATCH_UP;
        Some(Step {
            pieces,
            is_urgent: false,
            epoch: self.doubts,
        })
    }

    fn next_waiting(&self) -> Option<u32> {
        if self.waiting.is_empty() {
            return None;
        }
        let waits = |piece: &u32| self.waiting.contains(PieceIndex::new(*piece));
        let all = self.layout.pieces();
        let behind = (self.turn..all).find(waits);
        behind.or_else(|| (0..self.turn.min(all)).find(waits))
    }

    /// When [`Self::step`] has something to say, if nothing happens; perhaps later, while the node is
    /// busy.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        if !self.waiting.is_empty() {
            return Some(Timestamp::ZERO);
        }
        self.period.map(|period| self.due(period).max(self.rests))
    }

    /// The round has gone through everything. Says whether the next one begins.
    fn end_round(&mut self, period: Duration, now: Timestamp) -> bool {
        if now < self.began + period {
            // Nothing is here behind the last piece that was taken: wait for the end.
            self.next = self.layout.pieces();
            return false;
        }
        self.rounds += 1;
        self.next = 0;
        let end = self.began + period;
        // One that was held up for long is not made up for by a shorter one.
        self.began = match now.since(end) > period / LATEST {
            true => now,
            false => end,
        };
        true
    }

    /// When the next piece of the round is due, or the round's end.
    fn due(&self, period: Duration) -> Timestamp {
        self.began + self.share(period, self.next)
    }

    /// How much of a period has passed when the pieces before this one are hashed.
    fn share(&self, period: Duration, piece: u32) -> Duration {
        if piece >= self.layout.pieces() {
            return period;
        }
        let all = u128::from(self.layout.pieces());
        let micros = period.as_micros() * u128::from(piece) / all;
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// Neighbours of that set from `first` on: as many as fit, one at least.
    fn run(&self, first: u32, bytes: u64, of: &Bitfield) -> Range<u32> {
        let most = bytes / u64::from(self.layout.piece_length().max(1));
        let most = u32::try_from(most.max(1)).unwrap_or(u32::MAX);
        let limit = first.saturating_add(most).min(self.layout.pieces());
        let end = (first..limit).find(|&piece| !of.contains(PieceIndex::new(piece)));
        first..end.unwrap_or(limit)
    }
}

#[cfg(test)]
mod tests;
