//! One link as the picker sees it: what its peer has, what it can take, what it is fetching.
//!
//! Decides nothing across links. Invariants: `queued` is the sum of the bytes left in `batches`;
//! no batch is empty; batch numbers ascend.

use std::collections::VecDeque;
use std::time::Duration;

use super::bits::Bits;
use super::giving::Given;
use crate::layout::PieceIndex;
use crate::time::Timestamp;

/// 1 MiB/s: what we take a link to carry before it was measured. Slow for a fleet's network, so
/// the first lease of a link does not expire early.
pub const ASSUMED_RATE: u64 = 1024 * 1024;

/// 500 ms: no lease expires sooner. A peer on a busy core may sleep that long.
pub const MIN_LEASE: Duration = Duration::from_millis(500);

/// 10 s: every lease expires by then, whatever a slow link's estimate says.
pub const MAX_LEASE: Duration = Duration::from_secs(10);

/// 60 s: how far the lease of a sole holder is extended at a time.
pub const MAX_EXTENSION: Duration = Duration::from_secs(60);

/// 1 s: a link that fell silent is tried again after so long; doubled each time, up to 8 s. A dozen
/// peers that claim everything and send nothing must not take turns in holding pieces.
const FIRST_REST: Duration = Duration::from_secs(1);

/// 1.5 s: a link that owes us pieces and delivered nothing for so long is silent: others may fetch
/// the same, and it gets no more. Half a second less than a file's end may stall.
pub const SILENCE: Duration = Duration::from_millis(1_500);

/// 100 ms: for so long a piece that a link gave back is not leased to it again. Doubles, up to
/// [`MAX_RETURN_PAUSE`], while the link delivers nothing.
pub const RETURN_PAUSE: Duration = Duration::from_millis(100);

/// 6.4 s: so seldom a peer that rejects everything is asked for the same piece.
pub const MAX_RETURN_PAUSE: Duration = Duration::from_millis(6_400);

/// 5 s: for so long a piece with a wrong hash is not leased again to the link that delivered it. A
/// peer whose disk went bad finds that out by its own checks; policy closes the others.
pub const REJECT_PAUSE: Duration = Duration::from_secs(5);

/// Leases that were granted together.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) granted: Timestamp,
    /// When all of it should be here by the link's round trip and rate.
    pub(super) due: Timestamp,
    /// When it expires: later than `due`, as estimates are rough.
    pub(super) deadline: Timestamp,
    /// Did it expire?
    pub(super) overdue: bool,
    /// Were others fetching these pieces already?
    pub(super) extra: bool,
    /// What was granted; some of it may have come or been returned.
    pub(super) pieces: Vec<PieceIndex>,
    /// How many of the pieces are still to come, and their bytes.
    pub(super) left: u32,
    pub(super) bytes: u64,
}

/// Pieces that are not to be leased to the link for a while.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    until: Timestamp,
    pieces: Vec<PieceIndex>,
}

/// One link.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) has: Bits,
    /// Does the peer have everything? Then it is not counted among a piece's partial holders.
    pub(super) complete: bool,
    /// The peer once lacked again what it had. From then on it counts as partial, so that a peer
    /// that flips cannot make us move all pieces each time.
    pub(super) fickle: bool,
    pub(super) barred: Bits,
    bars: Vec<Bar>,
    /// How often it returned leases since it last delivered.
    pub(super) returns: u32,
    /// What it can still take.
    pub(super) want: u64,
    pub(super) rtt: Duration,
    pub(super) rate: u64,
    pub(super) batches: VecDeque<Batch>,
    pub(super) queued: u64,
    next_batch: u64,
    /// When it last brought something, or began to owe us something.
    pub(super) heard: Timestamp,
    pub(super) silent: bool,
    /// How often in a row it fell silent. A doubted link fetches one piece at a time, after a rest,
    /// and others may fetch that piece at once.
    pub(super) doubt: u32,
    /// A doubted link gets nothing before this time.
    pub(super) rest_until: Timestamp,
    /// Did it ever deliver a piece?
    pub(super) has_delivered: bool,
    /// When it opened, or its peer last said that it got a piece.
    pub(super) news: Timestamp,
    /// How many pieces its peer has that we are known to lack.
    pub(super) useful: u32,
    /// What the peer suggested and we have not asked it for; and when it last suggested something
    /// that we lack.
    pub(super) suggested: VecDeque<PieceIndex>,
    pub(super) suggested_at: Option<Timestamp>,
    /// What we suggested.
    pub(super) given: Given,
    /// Pieces that its peer was suggested and has taken.
    pub(super) taken: u64,
    /// What we last told the peer.
    pub(super) interested: bool,
    /// Until when it was last of use to us, or not asked to be: see `reserve`.
    pub(super) gave: Timestamp,
    /// The host said that it can take nothing, as when the peer chokes us, or has said nothing.
    pub(super) takes_nothing: bool,
    /// Since it was last looked at, something came up that it might fetch.
    pub(super) fresh: bool,
    /// When to look at it although nothing came up.
    pub(super) look_at: Timestamp,
}

impl Link {
    pub(super) fn new(pieces: u32, now: Timestamp) -> Self {
        Self {
            has: Bits::new(pieces),
            complete: false,
            fickle: false,
            barred: Bits::new(0),
            bars: Vec::new(),
            returns: 0,
            want: 0,
            rtt: Duration::ZERO,
            rate: 0,
            batches: VecDeque::new(),
            queued: 0,
            next_batch: 0,
            heard: now,
            silent: false,
            doubt: 0,
            rest_until: Timestamp::ZERO,
            has_delivered: false,
            news: now,
            useful: 0,
            suggested: VecDeque::new(),
            suggested_at: None,
            given: Given::new(),
            taken: 0,
            interested: false,
            gave: now,
            takes_nothing: true,
            fresh: false,
            look_at: Timestamp::NEVER,
        }
    }

    /// May the piece be leased to this link now?
    pub(super) fn offers(&self, piece: PieceIndex) -> bool {
        self.has.contains(piece) && !self.barred.contains(piece)
    }

    /// How long that many bytes take once the link gets to them.
    pub(super) fn duration(&self, bytes: u64) -> Duration {
        let rate = if self.rate == 0 {
            ASSUMED_RATE
        } else {
            self.rate
        };
        let micros = u128::from(bytes) * 1_000_000 / u128::from(rate);
        Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// How long the link would need for that many more bytes, from now.
    pub(super) fn need(&self, bytes: u64) -> Duration {
        let queue = self.duration(self.queued.saturating_add(bytes));
        self.rtt.saturating_add(queue)
    }

    /// Opens a batch for these pieces and gives its number.
    pub(super) fn push_batch(
        &mut self,
        pieces: Vec<PieceIndex>,
        bytes: u64,
        extra: bool,
        now: Timestamp,
    ) -> u64 {
        let need = self.need(bytes);
        let lease = need.saturating_mul(2).clamp(MIN_LEASE, MAX_LEASE);
        if self.batches.is_empty() {
            self.heard = now;
            self.silent = false;
        }
        let number = self.next_batch;
        self.next_batch += 1;
        self.queued += bytes;
        self.want = self.want.saturating_sub(bytes);
        self.batches.push_back(Batch {
            number,
            granted: now,
            due: now + need,
            deadline: now + lease,
            overdue: false,
            extra,
            left: pieces.len() as u32,
            pieces,
            bytes,
        });
        number
    }

    /// The batch of that number, if something of it is still to come.
    pub(super) fn batch(&self, number: u64) -> Option<&Batch> {
        let found = self
            .batches
            .binary_search_by_key(&number, |batch| batch.number);
        self.batches.get(found.ok()?)
    }

    /// One piece of a batch is no longer to come.
    pub(super) fn settle(&mut self, number: u64, bytes: u64) {
        let found = self
            .batches
            .binary_search_by_key(&number, |batch| batch.number);
        let Some((at, batch)) = found
            .ok()
            .and_then(|at| Some((at, self.batches.get_mut(at)?)))
        else {
            return;
        };
        batch.left = batch.left.saturating_sub(1);
        batch.bytes = batch.bytes.saturating_sub(bytes);
        self.queued = self.queued.saturating_sub(bytes);
        if batch.left == 0 {
            self.batches.remove(at);
        }
        if self.batches.is_empty() {
            self.silent = false;
        }
    }

    /// Something came in.
    pub(super) fn hear(&mut self, now: Timestamp) {
        self.heard = now;
        self.gave = now;
        self.silent = false;
        self.doubt = 0;
        self.fresh = true;
    }

    /// A piece came in whole.
    pub(super) fn delivered(&mut self, now: Timestamp) {
        self.hear(now);
        self.has_delivered = true;
        self.returns = 0;
    }

    /// It owed us pieces and delivered nothing for too long.
    pub(super) fn fall_silent(&mut self, now: Timestamp) {
        self.silent = true;
        let rest = FIRST_REST.saturating_mul(1 << self.doubt.min(3));
        self.doubt = self.doubt.saturating_add(1);
        self.rest_until = now + rest;
    }

    /// When it counts as silent, if nothing comes: only a link that owes us something.
    pub(super) fn silent_at(&self) -> Option<Timestamp> {
        (!self.batches.is_empty() && !self.silent).then(|| self.heard + SILENCE)
    }

    /// Does a bar end, a lease expire, or does it fall silent by now?
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.silent_at().is_some_and(|at| at <= now)
            || self.batches.iter().any(|batch| batch.deadline <= now)
            || self.bars.iter().any(|bar| bar.until <= now)
    }

    /// Bytes that it fetches although others do, too.
    pub(super) fn extra_bytes(&self) -> u64 {
        let extras = self.batches.iter().filter(|batch| batch.extra);
        extras.map(|batch| batch.bytes).sum()
    }

    /// Bars what it gave back, the longer the more often it did.
    pub(super) fn bar_returned(&mut self, pieces: Vec<PieceIndex>, now: Timestamp) {
        let pause = RETURN_PAUSE.saturating_mul(1 << self.returns.min(6));
        self.returns = self.returns.saturating_add(1);
        self.bar(pieces, now + pause.min(MAX_RETURN_PAUSE));
    }

    /// Bars a piece that had the wrong hash.
    pub(super) fn bar_rejected(&mut self, piece: PieceIndex, now: Timestamp) {
        self.bar(vec![piece], now + REJECT_PAUSE);
    }

    fn bar(&mut self, mut pieces: Vec<PieceIndex>, until: Timestamp) {
        if self.barred.count() == 0 {
            // Few links ever need this set.
            self.barred = self.has.emptied();
        }
        pieces.retain(|&piece| self.barred.insert(piece));
        if !pieces.is_empty() {
            self.bars.push(Bar { until, pieces });
        }
    }

    /// Lifts the bars whose time is over; says whether there were any.
    pub(super) fn lift_bars(&mut self, now: Timestamp) -> bool {
        let before = self.bars.len();
        let barred = &mut self.barred;
        self.bars.retain(|bar| {
            let over = bar.until <= now;
            if over {
                for &piece in &bar.pieces {
                    barred.remove(piece);
                }
            }
            !over
        });
        before != self.bars.len()
    }

    /// When the next bar ends.
    pub(super) fn next_bar(&self) -> Option<Timestamp> {
        self.bars.iter().map(|bar| bar.until).min()
    }
}
