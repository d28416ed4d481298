//! A link between two nodes: what each side has asked, owes and knows.
//!
//! Invariant: `coming` is the bytes of the pieces in `owed`.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::layout::{Layout, PieceIndex};
use crate::pipeline::Pipeline;
use crate::time::Timestamp;

/// 256 KiB that a node sends to one peer before it turns to the next. A session reads more at a time,
/// but TCP shares the line packet by packet: this is far coarser than that already.
const BATCH: u64 = 256 * 1024;

/// One side of a link.
#[derive(Debug)]
pub(super) struct End {
    pub(super) node: u32,
    /// This side knows of the link.
    pub(super) open: bool,
    /// This side has exchanged handshakes on it.
    pub(super) ready: bool,
    /// How many pieces the other side is known to have.
    pub(super) theirs: u32,
    /// Leases of this side, which the other side is to send.
    pub(super) owed: BTreeSet<PieceIndex>,
    /// Pieces that came whole and wait for others, to go to storage together.
    pub(super) whole: Vec<PieceIndex>,
    /// When the first of them came.
    pub(super) whole_since: Timestamp,
    coming: u64,
    open_want: u64,
    pipeline: Pipeline,
    /// When something was asked on an empty pipeline.
    probe: Option<Timestamp>,
    /// Since when the next bytes are on their way.
    flows_since: Timestamp,
    /// What the other side asked of this one.
    pub(super) queue: VecDeque<PieceIndex>,
}

/// A link. Its number is the index in the swarm's table, and the `LinkId` on both sides.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) ends: [End; 2],
}

impl Link {
    pub(super) fn new(dialer: u32, dialed: u32) -> Self {
        let end = |node| End {
            node,
            open: false,
            ready: false,
            theirs: 0,
            owed: BTreeSet::new(),
            whole: Vec::new(),
            whole_since: Timestamp::ZERO,
            coming: 0,
            open_want: 0,
            pipeline: Pipeline::new(),
            probe: None,
            flows_since: Timestamp::ZERO,
            queue: VecDeque::new(),
        };
        Self {
            ends: [end(dialer), end(dialed)],
        }
    }

    /// Both sides take it for a link.
    pub(super) fn is_up(&self) -> bool {
        self.ends.iter().all(|end| end.ready && end.open)
    }
}

impl End {
    /// This side has no more use for the link: its memory is free.
    pub(super) fn close(&mut self) {
        self.open = false;
        self.coming = 0;
        self.owed = BTreeSet::new();
        self.whole = Vec::new();
        self.queue = VecDeque::new();
    }

    /// The picker leases these pieces to this link.
    pub(super) fn grant(&mut self, pieces: &[PieceIndex], layout: &Layout, now: Timestamp) {
        if self.owed.is_empty() {
            self.probe = Some(now);
        }
        for &piece in pieces {
            let length = u64::from(layout.length(piece));
            self.open_want = self.open_want.saturating_sub(length);
            if self.owed.insert(piece) {
                self.coming += length;
            }
        }
    }

    /// A piece is no longer to come, or came. Says whether it was owed.
    pub(super) fn release(&mut self, piece: PieceIndex, layout: &Layout) -> bool {
        let owed = self.owed.remove(&piece);
        if owed {
            self.coming -= u64::from(layout.length(piece));
            if self.owed.is_empty() {
                self.pipeline.drained();
                self.probe = None;
            }
        }
        owed
    }

    /// Bytes came in. The other side's line carries the blocks of all its peers by turns, so the
    /// first of ours came a round trip after they were asked for, or behind the last that came.
    pub(super) fn received(&mut self, bytes: u64, round_trip: Duration, now: Timestamp) {
        if let Some(asked) = self.probe.take() {
            self.pipeline.answered(round_trip, now);
            self.flows_since = asked + round_trip;
        }
        self.pipeline.received(0, self.flows_since.min(now));
        self.pipeline.received(bytes, now);
        self.flows_since = now;
    }

    /// What the link could take now: bytes, shortest round trip, rate. The session's rule.
    pub(super) fn want(&mut self, layout: &Layout) -> Option<(u64, Duration, u64)> {
        let target = self.pipeline.window() * 3 / 2;
        if self.coming + self.open_want > target / 2 {
            return None;
        }
        let piece = u64::from(layout.piece_length());
        self.open_want = (target - self.coming).max(piece);
        Some((
            self.open_want,
            self.pipeline.round_trip(),
            self.pipeline.rate(),
        ))
    }

    /// The next pieces to send: about a batch.
    pub(super) fn next_batch(&mut self, layout: &Layout) -> (Vec<PieceIndex>, u64) {
        let (mut pieces, mut bytes) = (Vec::new(), 0);
        while let Some(&piece) = self.queue.front() {
            let length = u64::from(layout.length(piece));
            if bytes > 0 && bytes + length > BATCH {
                break;
            }
            bytes += length;
            pieces.push(piece);
            self.queue.pop_front();
        }
        (pieces, bytes)
    }
}
