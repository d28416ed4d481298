//! The asking half of a session: leases in, requests out, whole pieces to storage.
//!
//! Pieces too long for memory leave in parts as they arrive (see `spill`).
//!
//! Works on the leases that the picker granted to this link and never chooses a piece itself.
//! Invariant: every block of a leased piece is unasked, outstanding or received; `outstanding` is
//! the bytes of the outstanding blocks, and `coming` the bytes of all blocks not received.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::assembly::Assembly;
use super::outbox::Outbox;
use super::spill::Spill;
use super::violation::Violation;
use crate::buffers::{Buffer, Buffers};
use crate::layout::{BLOCK_LENGTH, Block, Layout, PieceIndex};
use crate::pipeline::Pipeline;
use crate::time::Timestamp;
use crate::wire::{Message, RawBlock};

/// 1 MiB: pieces go to storage in batches of about this size, so that one job hashes and writes
/// many small ones.
pub const STORE_BATCH: usize = 1024 * 1024;

/// 10 ms: a batch that does not fill up is handed over after this long.
pub const STORE_DELAY: Duration = Duration::from_millis(10);

/// 250 ms: a link that brings bytes of pieces but no whole piece says so this often. Six times
/// within the silence after which the picker takes a link for dead.
pub const PROGRESS_PERIOD: Duration = Duration::from_millis(250);

/// A piece whose blocks have all arrived. Its hash is not checked yet.
pub type WholePiece = (PieceIndex, Buffer);

/// Withdrawn requests that we remember, so that their late answers are no offence. Peers without
/// the fast extension never say that they dropped one, so the memory must end somewhere.
const MAX_FORSAKEN: usize = 16 * 1024;

/// The block whose bytes are arriving.
#[derive(Copy, Clone, Debug)]
struct Incoming {
    block: RawBlock,
    written: u32,
    wanted: bool,
}

/// What this link fetches.
#[derive(Debug)]
pub(super) struct Download {
    layout: Layout,
    buffers: Buffers,
    leases: HashMap<PieceIndex, Assembly>,
    /// Leased pieces with blocks that were not asked for, in the order of their leases.
    unasked: VecDeque<PieceIndex>,
    outstanding: u64,
    outstanding_blocks: usize,
    /// Bytes of leased pieces that have not come.
    coming: u64,
    /// Blocks that were asked for and given up since, and how often; their answers may still come.
    /// A peer answers in order, so a refusal is for the oldest of several requests of one block.
    forsaken: HashMap<(u32, u32), u32>,
    incoming: Option<Incoming>,
    /// The request that was sent on an empty pipeline, to measure the round trip.
    probe: Option<(u32, u32, Timestamp)>,
    /// Words about long pieces for the host, in the order in which they became true.
    spilled: Vec<Spill>,
    ready: Vec<WholePiece>,
    ready_bytes: usize,
    ready_since: Timestamp,
    /// Bytes that the picker knows we could take.
    open_want: u64,
    last_arrival: Timestamp,
    /// When a piece last became whole, progress was last told, or leases came to an idle link.
    quiet_since: Timestamp,
    progressed: bool,
    pub(super) pipeline: Pipeline,
    /// The most requests that the peer queues (`reqq`, BEP 10).
    pub(super) request_limit: usize,
    /// Bytes of blocks that came and were asked for.
    pub(super) given: u64,
}

impl Download {
    pub(super) fn new(layout: Layout, request_limit: usize, buffers: Buffers) -> Self {
        Self {
            layout,
            buffers,
            leases: HashMap::new(),
            unasked: VecDeque::new(),
            outstanding: 0,
            outstanding_blocks: 0,
            coming: 0,
            forsaken: HashMap::new(),
            incoming: None,
            probe: None,
            spilled: Vec::new(),
            ready: Vec::new(),
            ready_bytes: 0,
            ready_since: Timestamp::ZERO,
            open_want: 0,
            last_arrival: Timestamp::ZERO,
            quiet_since: Timestamp::ZERO,
            progressed: false,
            pipeline: Pipeline::new(),
            request_limit,
            given: 0,
        }
    }

    /// Takes over what the picker granted; the granted bytes were part of our want.
    pub(super) fn grant(&mut self, pieces: Vec<PieceIndex>, now: Timestamp) {
        if self.outstanding_blocks == 0 {
            self.last_arrival = now;
            self.quiet_since = now;
        }
        for piece in pieces {
            let length = u64::from(self.layout.length(piece));
            self.open_want = self.open_want.saturating_sub(length);
            // A lease that is here already keeps what has come of it.
            if let Entry::Vacant(free) = self.leases.entry(piece) {
                free.insert(Assembly::new(&self.layout, piece, &self.buffers));
                self.coming += length;
                self.unasked.push_back(piece);
            }
        }
    }

    /// Gives up these pieces and withdraws their requests.
    pub(super) fn cancel(&mut self, pieces: &[PieceIndex], outbox: &mut Outbox) {
        for &piece in pieces {
            for block in self.forsake(piece) {
                outbox.message(&Message::Cancel(block.into()));
            }
        }
        // A piece that is leased again waits its turn again, and once.
        self.unasked.retain(|piece| self.leases.contains_key(piece));
    }

    /// Gives up everything: the peer chokes us. Returns the leases that end.
    pub(super) fn give_up(&mut self) -> Vec<PieceIndex> {
        let mut pieces: Vec<_> = self.leases.keys().copied().collect();
        // Not in the order of a hash map: the same inputs have the same outputs.
        pieces.sort_unstable();
        for &piece in &pieces {
            self.forsake(piece);
        }
        self.unasked.clear();
        self.open_want = 0;
        pieces
    }

    /// The peer will not answer a request. Returns the lease that ends by it.
    pub(super) fn rejected(&mut self, block: RawBlock, outbox: &mut Outbox) -> Option<PieceIndex> {
        if self.excuse(block) {
            return None;
        }
        let piece = PieceIndex::new(block.piece);
        let assembly = self.leases.get(&piece)?;
        if !assembly.is_outstanding(block.begin) {
            return None;
        }
        let others = self.forsake(piece);
        // Of those that wait only the first can have been asked for in part. If it is leased again it waits
        // its turn again, and once.
        if self.unasked.front() == Some(&piece) {
            self.unasked.pop_front();
        }
        for other in others {
            if other.begin == block.begin {
                self.excuse(block);
            } else {
                outbox.message(&Message::Cancel(other.into()));
            }
        }
        Some(piece)
    }

    /// Ends a lease; returns the blocks that were asked for and have not come.
    fn forsake(&mut self, piece: PieceIndex) -> Vec<Block> {
        let Some(assembly) = self.leases.remove(&piece) else {
            return Vec::new();
        };
        self.coming -= u64::from(assembly.missing);
        if assembly.run.as_ref().is_some_and(|run| run.begun) {
            self.spilled.push(Spill::Dropped(piece));
        }
        let open: Vec<_> = self
            .layout
            .blocks(piece)
            .take(assembly.asked as usize)
            .filter(|block| assembly.is_outstanding(block.begin))
            .collect();
        for block in &open {
            self.outstanding -= u64::from(block.length);
            self.outstanding_blocks -= 1;
            *self.forsaken.entry((piece.get(), block.begin)).or_default() += 1;
        }
        if let Some(incoming) = &mut self.incoming
            && incoming.block.piece == piece.get()
            && std::mem::take(&mut incoming.wanted)
        {
            // Its head has come already; only the rest of its bytes is on the way.
            let block = incoming.block;
            self.excuse(block);
        }
        if self.forsaken.len() > MAX_FORSAKEN {
            self.forsaken.clear();
        }
        if self.outstanding_blocks == 0 {
            self.probe = None;
            self.pipeline.drained();
        }
        open
    }

    /// Was the block asked for and given up? Then this answer is no offence, and accounted for.
    fn excuse(&mut self, block: RawBlock) -> bool {
        let Entry::Occupied(mut entry) = self.forsaken.entry((block.piece, block.begin)) else {
            return false;
        };
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
        }
        true
    }

    /// A block's head arrived. Its bytes follow through [`Self::data`].
    ///
    /// # Errors
    /// When the block was never asked for; its bytes are dropped all the same.
    pub(super) fn block(&mut self, block: RawBlock, now: Timestamp) -> Result<(), Violation> {
        let piece = PieceIndex::new(block.piece);
        let wanted = self.leases.get(&piece).is_some_and(|assembly| {
            assembly.is_outstanding(block.begin)
                && self.layout.nth_block(piece, block.begin / BLOCK_LENGTH)
                    == Some(Block {
                        piece,
                        begin: block.begin,
                        length: block.length,
                    })
        });
        self.incoming = Some(Incoming {
            block,
            written: 0,
            wanted,
        });
        self.last_arrival = now;
        if !wanted {
            let expected = self.excuse(block);
            let unrequested = Violation::Unrequested {
                piece: block.piece,
                begin: block.begin,
            };
            return if expected { Ok(()) } else { Err(unrequested) };
        }
        if let Some((piece, begin, asked)) = self.probe.take()
            && (piece, begin) == (block.piece, block.begin)
            // It may answer an older request, and would look faster than it is.
            && !self.forsaken.contains_key(&(piece, begin))
        {
            self.pipeline.answered(now.since(asked), now);
        }
        Ok(())
    }

    /// Bytes of the current block arrived.
    pub(super) fn data(&mut self, data: &[u8], now: Timestamp) {
        let Some(incoming) = &mut self.incoming else {
            return;
        };
        let before = incoming.written;
        incoming.written += data.len() as u32;
        let Incoming {
            block,
            written,
            wanted,
        } = *incoming;
        self.last_arrival = now;
        self.pipeline.received(data.len() as u64, now);
        let piece = PieceIndex::new(block.piece);
        if written >= block.length {
            self.incoming = None;
        }
        let Some(assembly) = self.leases.get_mut(&piece).filter(|_| wanted) else {
            return;
        };
        self.given += data.len() as u64;
        // A block that is wanted lies within its piece. Others may begin where they like.
        let at = (block.begin + before) as usize;
        if let Some((begin, data)) = assembly.write(at, data) {
            self.spilled.push(Spill::Part { piece, begin, data });
        }
        if now >= self.quiet_since + PROGRESS_PERIOD {
            self.quiet_since = now;
            self.progressed = true;
        }
        if written < block.length {
            return;
        }
        assembly.finish(Block {
            piece,
            begin: block.begin,
            length: block.length,
        });
        self.coming -= u64::from(block.length);
        self.outstanding -= u64::from(block.length);
        self.outstanding_blocks -= 1;
        if self.outstanding_blocks == 0 {
            self.pipeline.drained();
        }
        if assembly.is_whole()
            && let Some(whole) = self.leases.remove(&piece)
        {
            self.quiet_since = now;
            self.progressed = false;
            if let Some(mut run) = whole.run {
                let rest = run.take();
                let part = rest.map(|(begin, data)| Spill::Part { piece, begin, data });
                self.spilled.extend(part);
                self.spilled.push(Spill::Whole(piece));
                return;
            }
            if self.ready.is_empty() {
                self.ready_since = now;
            }
            self.ready_bytes += whole.data.len();
            self.ready.push((piece, whole.data));
        }
    }

    /// Did bytes come, and no piece become whole, for so long that the host must hear of it?
    pub(super) const fn progressed(&mut self) -> bool {
        std::mem::replace(&mut self.progressed, false)
    }

    /// Asks for more blocks, in batches: tops up to the window once half of it has come.
    pub(super) fn ask(&mut self, outbox: &mut Outbox, now: Timestamp) {
        let window = self.pipeline.window();
        let idle = self.outstanding_blocks == 0;
        if !idle
            && (self.outstanding > window / 2 || self.outstanding_blocks > self.request_limit / 2)
        {
            return;
        }
        while let Some(&piece) = self.unasked.front() {
            let Some(assembly) = self.leases.get_mut(&piece) else {
                self.unasked.pop_front();
                continue;
            };
            while let Some(block) = self.layout.nth_block(piece, assembly.asked) {
                if self.outstanding >= window || self.outstanding_blocks >= self.request_limit {
                    return;
                }
                outbox.message(&Message::Request(block.into()));
                assembly.asked += 1;
                if self.outstanding_blocks == 0 {
                    self.probe = Some((piece.get(), block.begin, now));
                    self.last_arrival = now;
                }
                self.outstanding += u64::from(block.length);
                self.outstanding_blocks += 1;
            }
            self.unasked.pop_front();
        }
    }

    /// How many more bytes this link could take; `None` while enough is leased or on its way.
    pub(super) fn want(&mut self) -> Option<u64> {
        let block = u64::from(self.layout.piece_length().min(BLOCK_LENGTH));
        // What the peer queues bounds what is worth holding: others could fetch the rest.
        let queue = block * self.request_limit as u64;
        let target = self.pipeline.window().min(queue) * 3 / 2;
        if self.coming + self.open_want > target / 2 {
            return None;
        }
        // For less than a piece the picker gives nothing while one is left, and between two long
        // pieces the link would run dry.
        self.open_want = (target - self.coming).max(u64::from(self.layout.piece_length()));
        Some(self.open_want)
    }

    /// What is to be said of long pieces now.
    pub(super) fn spilled(&mut self) -> Vec<Spill> {
        std::mem::take(&mut self.spilled)
    }

    /// The host did not read until now, so the peer's silence is no fault of its own. Says whether
    /// the host is to hear that the link lives.
    pub(super) fn excuse_silence(&mut self, now: Timestamp) -> bool {
        self.last_arrival = now;
        let tell = self.outstanding_blocks > 0 && now >= self.quiet_since + PROGRESS_PERIOD;
        if tell {
            self.quiet_since = now;
        }
        tell
    }

    /// The pieces that are to be stored now, if the batch is large or old enough.
    pub(super) fn flush(&mut self, now: Timestamp) -> Option<Vec<WholePiece>> {
        let due = self.ready_bytes >= STORE_BATCH
            || self.outstanding_blocks == 0
            || now >= self.ready_since + STORE_DELAY;
        (due && !self.ready.is_empty()).then(|| self.hand_over())
    }

    /// The whole pieces that wait for others to be stored with.
    pub(super) fn hand_over(&mut self) -> Vec<WholePiece> {
        self.ready_bytes = 0;
        std::mem::take(&mut self.ready)
    }

    /// When [`Self::flush`] is due at the latest.
    pub(super) fn flush_at(&self) -> Option<Timestamp> {
        (!self.ready.is_empty()).then(|| self.ready_since + STORE_DELAY)
    }

    /// Since when the peer owes us an answer and has sent nothing.
    pub(super) fn starved_since(&self) -> Option<Timestamp> {
        (self.outstanding_blocks > 0).then_some(self.last_arrival)
    }

    /// The pieces of which blocks are still to come.
    #[cfg(feature = "fuzzing")]
    pub(super) fn leased(&self) -> impl Iterator<Item = PieceIndex> {
        self.leases.keys().copied()
    }

    /// Counts again what is counted along the way, and panics where the two differ.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn check(&self) {
        let mut coming = 0;
        let mut outstanding = 0;
        let mut blocks = 0;
        for (&piece, assembly) in &self.leases {
            assert!(assembly.missing > 0, "{piece:?} is whole and still leased");
            let open: Vec<_> = self
                .layout
                .blocks(piece)
                .filter(|block| assembly.is_outstanding(block.begin))
                .collect();
            coming += u64::from(assembly.missing);
            blocks += open.len();
            outstanding += open
                .iter()
                .map(|block| u64::from(block.length))
                .sum::<u64>();
            let all_asked = assembly.asked == self.layout.block_count(piece);
            let waits = self.unasked.iter().filter(|&&other| other == piece).count();
            assert!(
                waits <= 1 && (all_asked || waits == 1),
                "{piece:?} is never asked for"
            );
        }
        assert_eq!(
            (self.coming, self.outstanding, self.outstanding_blocks),
            (coming, outstanding, blocks)
        );
        let ready: usize = self.ready.iter().map(|(_, data)| data.len()).sum();
        assert_eq!(self.ready_bytes, ready);
        assert!(self.forsaken.values().all(|&count| count > 0));
    }

    /// Bytes that are outstanding, bytes of leases that have not come, and withdrawn requests
    /// that may still be answered.
    pub(super) fn figures(&self) -> (u64, u64, usize) {
        (self.outstanding, self.coming, self.forsaken.len())
    }
}
