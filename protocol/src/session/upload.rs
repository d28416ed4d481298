//! The answering half of a session: the peer's requests wait here until they can be read and
//! written.
//!
//! Invariant: a request in the queue names a block that exists and that we said we have. Bytes of
//! blocks wait in memory only up to one batch being read and one being written.

use std::collections::{HashSet, VecDeque};

use bytes::Bytes;

use super::outbox::Outbox;
use super::violation::Violation;
use crate::bitfield::Bitfield;
use crate::layout::{Block, Layout, PieceIndex};
use crate::wire::{Message, RawBlock};

/// 8,192: the requests of one peer that we queue, told to it as `reqq` (BEP 10). A window of 2 MiB
/// in parts of 256 bytes.
pub const MAX_QUEUED_REQUESTS: usize = 8_192;

/// 128 KiB: the longest block we serve. Everybody asks for 16 KiB; old clients asked for more.
pub const MAX_REQUEST_LENGTH: u32 = 128 * 1024;

/// 1 MiB: bytes read and written at once for one peer. Measured: a read and a write per block cost
/// 1.4 times the processor time of a whole transfer (docs/performance.md); beyond 256 KiB the gain is
/// small on one machine, and wake-ups are saved where a round trip is long.
pub const READ_BATCH: u32 = 1024 * 1024;

/// 256 KiB: the next batch is read when less than this waits to be written, so that the socket never
/// finds nothing.
pub const READ_AHEAD: usize = 256 * 1024;

/// What this link serves.
#[derive(Debug)]
pub(super) struct Upload {
    layout: Layout,
    ours: Bitfield,
    /// Pieces that we had and lost: the peer may ask for them in good faith.
    lost: HashSet<PieceIndex>,
    /// Those of them that were refused before it was said that they are lost.
    unsaid: HashSet<PieceIndex>,
    queue: VecDeque<Block>,
    /// A read is under way.
    reading: bool,
    /// What is being read was dropped meanwhile.
    dropped: bool,
    /// Bytes of blocks that may be read, if that is limited; below zero when the last block was
    /// longer than what was left.
    budget: Option<i64>,
    /// Bytes of blocks that were answered.
    pub(super) taken: u64,
}

impl Upload {
    pub(super) fn new(layout: Layout, ours: Bitfield) -> Self {
        Self {
            layout,
            ours,
            lost: HashSet::new(),
            unsaid: HashSet::new(),
            queue: VecDeque::new(),
            reading: false,
            dropped: false,
            budget: None,
            taken: 0,
        }
    }

    /// We have the piece; says whether that is news.
    pub(super) fn gain(&mut self, piece: PieceIndex) -> bool {
        self.lost.remove(&piece);
        self.unsaid.remove(&piece);
        self.ours.insert(piece)
    }

    /// We no longer have the piece; says whether the peer has still to be told.
    pub(super) fn lose(&mut self, piece: PieceIndex) -> bool {
        let is_news = self.ours.remove(piece);
        if is_news {
            self.lost.insert(piece);
        }
        self.unsaid.remove(&piece) || is_news
    }

    /// Takes requests for lost pieces out of the queue.
    pub(super) fn drop_lost(&mut self) -> Vec<Block> {
        let (dropped, kept) = std::mem::take(&mut self.queue)
            .into_iter()
            .partition(|block| self.lost.contains(&block.piece));
        self.queue = kept;
        Vec::from(dropped)
    }

    /// Queues a request; says whether it will be answered.
    ///
    /// # Errors
    /// Names the rule that the request breaks.
    pub(super) fn request(&mut self, block: RawBlock) -> Result<bool, Violation> {
        let checked = self.layout.block(block.piece, block.begin, block.length)?;
        if block.length > MAX_REQUEST_LENGTH {
            let limit = MAX_REQUEST_LENGTH;
            return Err(Violation::RequestTooLong {
                length: block.length,
                limit,
            });
        }
        if self.lost.contains(&checked.piece) {
            return Ok(false);
        }
        if !self.ours.contains(checked.piece) {
            return Err(Violation::RequestedMissing(block.piece));
        }
        if self.queue.len() >= MAX_QUEUED_REQUESTS {
            return Err(Violation::TooManyRequests(MAX_QUEUED_REQUESTS));
        }
        self.queue.push_back(checked);
        Ok(true)
    }

    /// A request of a peer that we choke, which is not served.
    ///
    /// # Errors
    /// The block does not exist. Whether we choke is a matter of moments; that is not.
    pub(super) fn check(&self, block: RawBlock) -> Result<(), Violation> {
        self.layout.block(block.piece, block.begin, block.length)?;
        Ok(())
    }

    /// Drops all requests: the peer is choked. With the fast extension those that are being read
    /// are still answered, and the others are returned, to be refused.
    pub(super) fn choke(&mut self, fast: bool) -> VecDeque<Block> {
        self.dropped |= self.reading && !fast;
        std::mem::take(&mut self.queue)
    }

    /// Bytes of blocks are read only as far as [`Self::allow`] says.
    pub(super) const fn limit(&mut self) {
        if self.budget.is_none() {
            self.budget = Some(0);
        }
    }

    /// So many more bytes may be read.
    pub(super) const fn allow(&mut self, bytes: u64) {
        if let Some(budget) = &mut self.budget {
            *budget = budget.saturating_add_unsigned(bytes);
        }
    }

    /// The bytes that the peer waits for, if nothing but the budget keeps the next blocks from being read.
    pub(super) fn wanted_allowance(&self, waiting: usize) -> Option<u64> {
        let debt = self.budget.filter(|&budget| budget <= 0)?.unsigned_abs();
        let bytes = self.queue.iter().map(|block| u64::from(block.length));
        self.is_due(waiting).then(|| debt + bytes.sum::<u64>())
    }

    fn is_due(&self, waiting: usize) -> bool {
        !self.reading && !self.queue.is_empty() && waiting < READ_AHEAD
    }

    /// Gives back the budget of blocks that do not leave.
    fn refund(&mut self, blocks: &[Block]) {
        let bytes = blocks.iter().map(|block| u64::from(block.length)).sum();
        self.allow(bytes);
    }

    /// Takes a request back; says whether it was still waiting.
    pub(super) fn cancel(&mut self, block: RawBlock) -> bool {
        let position = self
            .queue
            .iter()
            .position(|&queued| RawBlock::from(queued) == block);
        position.is_some_and(|position| self.queue.remove(position).is_some())
    }

    /// The next blocks to read: what was asked first, up to a batch and as far as the budget goes;
    /// none while a read is under way or much of the last batch is not written.
    pub(super) fn next_read(&mut self, waiting: usize) -> Option<Vec<Block>> {
        if !self.is_due(waiting) || self.budget.is_some_and(|budget| budget <= 0) {
            return None;
        }
        let mut blocks = Vec::new();
        let mut bytes = 0;
        while let Some(&block) = self.queue.front() {
            let spent = self.budget.is_some_and(|budget| budget <= bytes.into());
            if bytes > 0 && (bytes + block.length > READ_BATCH || spent) {
                break;
            }
            bytes += block.length;
            blocks.push(block);
            self.queue.pop_front();
        }
        if let Some(budget) = &mut self.budget {
            *budget -= i64::from(bytes);
        }
        self.reading = true;
        Some(blocks)
    }

    /// Answers the blocks that were read; `data` holds their bytes one after the other. If it ends
    /// before the last block, the rest is read next.
    pub(super) fn answer(&mut self, blocks: &[Block], mut data: Bytes, outbox: &mut Outbox) {
        self.reading = false;
        if std::mem::take(&mut self.dropped) {
            self.refund(blocks);
            return;
        }
        for (index, &block) in blocks.iter().enumerate() {
            if data.len() < block.length as usize {
                let rest = &blocks[index..];
                self.refund(rest);
                rest.iter()
                    .rev()
                    .for_each(|&block| self.queue.push_front(block));
                return;
            }
            self.taken += u64::from(block.length);
            outbox.block(block, data.split_to(block.length as usize));
        }
    }

    /// The first of these blocks cannot be read: the peer is told, where it can be (BEP 6), and may
    /// ask somebody else. It takes us for a node without that piece then, so it is lost until
    /// announced again. Blocks of other pieces are asked for again.
    pub(super) fn refuse(&mut self, blocks: &[Block], fast: bool, outbox: &mut Outbox) {
        self.reading = false;
        self.refund(blocks);
        let dropped = std::mem::take(&mut self.dropped);
        let Some(first) = blocks.first() else { return };
        if self.lose(first.piece) {
            self.unsaid.insert(first.piece);
        }
        for &block in blocks.iter().rev() {
            if block.piece != first.piece {
                if !dropped {
                    self.queue.push_front(block);
                }
            } else if fast {
                outbox.message(&Message::RejectRequest(block.into()));
            }
        }
    }
}
