//! The asking half of a session: leases in, requests out, whole pieces to storage.
//!
//! Works on the leases that the picker granted to this link and never chooses a piece itself.
//! Invariant: every block of a leased piece is unasked, outstanding or received, and
//! `outstanding` and `leased` are the bytes of the outstanding blocks and of the leased pieces.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use super::outbox::Outbox;
use super::violation::Violation;
use crate::layout::{BLOCK_LENGTH, Block, Layout, PieceIndex};
use crate::pipeline::Pipeline;
use crate::time::Timestamp;
use crate::wire::{Message, RawBlock};

/// 1 MiB: pieces go to storage in batches of about this size, so that one job hashes and writes
/// many small ones.
pub const STORE_BATCH: usize = 1024 * 1024;

/// 10 ms: a batch that does not fill up is handed over after this long.
pub const STORE_DELAY: Duration = Duration::from_millis(10);

/// A piece whose blocks have all arrived. Its hash is not checked yet.
pub type WholePiece = (PieceIndex, Vec<u8>);

/// Withdrawn requests that we remember, so that their late answers are no offence. Peers without
/// the fast extension never say that they dropped one, so the memory must end somewhere.
const MAX_FORSAKEN: usize = 16 * 1024;

#[derive(Debug)]
struct Assembly {
    data: Vec<u8>,
    length: u32,
    /// Blocks asked for so far; they are asked in order.
    asked: u32,
    blocks: u32,
    received: BlockSet,
}

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
    leases: HashMap<PieceIndex, Assembly>,
    /// Leased pieces with blocks that were not asked for, in the order of their leases.
    unasked: VecDeque<PieceIndex>,
    outstanding: u64,
    outstanding_blocks: usize,
    leased: u64,
    /// Blocks that were asked for and given up since; their answers may still come.
    forsaken: HashSet<(u32, u32)>,
    incoming: Option<Incoming>,
    /// The request that was sent on an empty pipeline, to measure the round trip.
    probe: Option<(u32, u32, Timestamp)>,
    ready: Vec<WholePiece>,
    ready_bytes: usize,
    ready_since: Timestamp,
    /// Bytes that the picker knows we could take.
    open_want: u64,
    last_arrival: Timestamp,
    pub(super) pipeline: Pipeline,
    /// The most requests that the peer queues (`reqq`, BEP 10).
    pub(super) request_limit: usize,
}

impl Download {
    pub(super) fn new(layout: Layout, request_limit: usize) -> Self {
        Self {
            layout,
            leases: HashMap::new(),
            unasked: VecDeque::new(),
            outstanding: 0,
            outstanding_blocks: 0,
            leased: 0,
            forsaken: HashSet::new(),
            incoming: None,
            probe: None,
            ready: Vec::new(),
            ready_bytes: 0,
            ready_since: Timestamp::ZERO,
            open_want: 0,
            last_arrival: Timestamp::ZERO,
            pipeline: Pipeline::new(),
            request_limit,
        }
    }

    /// Takes over what the picker granted; the granted bytes were part of our want.
    pub(super) fn grant(&mut self, pieces: Vec<PieceIndex>, now: Timestamp) {
        if self.outstanding_blocks == 0 {
            self.last_arrival = now;
        }
        for piece in pieces {
            let length = self.layout.length(piece);
            self.open_want = self.open_want.saturating_sub(u64::from(length));
            let blocks = self.layout.block_count(piece);
            let assembly = Assembly {
                data: Vec::new(),
                length,
                asked: 0,
                blocks,
                received: BlockSet::new(blocks),
            };
            if self.leases.insert(piece, assembly).is_none() {
                self.leased += u64::from(length);
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
    }

    /// Gives up everything: the peer chokes us. Returns the leases that end.
    pub(super) fn give_up(&mut self) -> Vec<PieceIndex> {
        let pieces: Vec<_> = self.leases.keys().copied().collect();
        for &piece in &pieces {
            self.forsake(piece);
        }
        self.unasked.clear();
        self.open_want = 0;
        pieces
    }

    /// The peer will not answer a request. Returns the lease that ends by it.
    pub(super) fn rejected(&mut self, block: RawBlock, outbox: &mut Outbox) -> Option<PieceIndex> {
        if self.forsaken.remove(&(block.piece, block.begin)) {
            return None;
        }
        let piece = PieceIndex::new(block.piece);
        let assembly = self.leases.get(&piece)?;
        if !assembly.is_outstanding(block.begin) {
            return None;
        }
        let others = self.forsake(piece);
        for other in others {
            if other.begin == block.begin {
                self.forsaken.remove(&(block.piece, block.begin));
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
        self.leased -= u64::from(assembly.length);
        let open: Vec<_> = self
            .layout
            .blocks(piece)
            .take(assembly.asked as usize)
            .filter(|block| !assembly.received.contains(block.begin / BLOCK_LENGTH))
            .collect();
        for block in &open {
            self.outstanding -= u64::from(block.length);
            self.outstanding_blocks -= 1;
            self.forsaken.insert((piece.get(), block.begin));
        }
        if let Some(incoming) = &mut self.incoming
            && incoming.block.piece == piece.get()
        {
            // Its head has come already; only the rest of its bytes is on the way.
            incoming.wanted = false;
            self.forsaken.remove(&(piece.get(), incoming.block.begin));
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
            let expected = self.forsaken.remove(&(block.piece, block.begin));
            let unrequested = Violation::Unrequested {
                piece: block.piece,
                begin: block.begin,
            };
            return if expected { Ok(()) } else { Err(unrequested) };
        }
        if let Some((piece, begin, asked)) = self.probe.take()
            && (piece, begin) == (block.piece, block.begin)
        {
            self.pipeline.answered(now.since(asked), now);
        }
        Ok(())
    }

    /// Bytes of the current block arrived. Says how many of them were of use.
    pub(super) fn data(&mut self, data: &[u8], now: Timestamp) -> usize {
        let Some(incoming) = &mut self.incoming else {
            return 0;
        };
        let at = (incoming.block.begin + incoming.written) as usize;
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
            return 0;
        };
        assembly.write(at, data);
        if written < block.length {
            return data.len();
        }
        assembly.received.insert(block.begin / BLOCK_LENGTH);
        self.outstanding -= u64::from(block.length);
        self.outstanding_blocks -= 1;
        if self.outstanding_blocks == 0 {
            self.pipeline.drained();
        }
        if assembly.received.count == assembly.blocks
            && let Some(whole) = self.leases.remove(&piece)
        {
            self.leased -= u64::from(whole.length);
            if self.ready.is_empty() {
                self.ready_since = now;
            }
            self.ready_bytes += whole.data.len();
            self.ready.push((piece, whole.data));
        }
        data.len()
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
        let target = self.pipeline.window() * 3 / 2;
        if self.leased + self.open_want > target / 2 {
            return None;
        }
        self.open_want = target - self.leased;
        Some(self.open_want)
    }

    /// The pieces that are to be stored now, if the batch is large or old enough.
    pub(super) fn flush(&mut self, now: Timestamp) -> Option<Vec<WholePiece>> {
        let due = self.ready_bytes >= STORE_BATCH
            || self.outstanding_blocks == 0
            || now >= self.ready_since + STORE_DELAY;
        if self.ready.is_empty() || !due {
            return None;
        }
        self.ready_bytes = 0;
        Some(std::mem::take(&mut self.ready))
    }

    /// When [`Self::flush`] is due at the latest.
    pub(super) fn flush_at(&self) -> Option<Timestamp> {
        (!self.ready.is_empty()).then(|| self.ready_since + STORE_DELAY)
    }

    /// Since when the peer owes us an answer and has sent nothing.
    pub(super) fn starved_since(&self) -> Option<Timestamp> {
        (self.outstanding_blocks > 0).then_some(self.last_arrival)
    }

    /// Bytes that were asked for and have not come.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) const fn outstanding(&self) -> u64 {
        self.outstanding
    }
}

impl Assembly {
    fn is_outstanding(&self, begin: u32) -> bool {
        let block = begin / BLOCK_LENGTH;
        begin.is_multiple_of(BLOCK_LENGTH) && block < self.asked && !self.received.contains(block)
    }

    /// Blocks come in order as a rule, and then nothing is zeroed first.
    fn write(&mut self, at: usize, data: &[u8]) {
        if self.data.capacity() == 0 {
            self.data.reserve_exact(self.length as usize);
        }
        if at == self.data.len() {
            self.data.extend_from_slice(data);
            return;
        }
        let end = at + data.len();
        if self.data.len() < end {
            self.data.resize(end, 0);
        }
        self.data[at..end].copy_from_slice(data);
    }
}

/// A set of blocks of one piece. One word serves pieces of up to 1 MiB.
#[derive(Debug)]
struct BlockSet {
    first: u64,
    rest: Vec<u64>,
    count: u32,
}

impl BlockSet {
    fn new(blocks: u32) -> Self {
        let rest = blocks.div_ceil(64).saturating_sub(1);
        Self {
            first: 0,
            rest: vec![0; rest as usize],
            count: 0,
        }
    }

    fn word(&self, block: u32) -> u64 {
        match (block as usize / 64).checked_sub(1) {
            None => self.first,
            Some(index) => self.rest.get(index).copied().unwrap_or(u64::MAX),
        }
    }

    fn contains(&self, block: u32) -> bool {
        self.word(block) & 1 << (block % 64) != 0
    }

    fn insert(&mut self, block: u32) {
        if self.contains(block) {
            return;
        }
        self.count += 1;
        match (block as usize / 64).checked_sub(1) {
            None => self.first |= 1 << (block % 64),
            Some(index) => self.rest[index] |= 1 << (block % 64),
        }
    }
}
