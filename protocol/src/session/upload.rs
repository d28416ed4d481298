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
    queue: VecDeque<Block>,
    /// A read is under way.
    reading: bool,
}

impl Upload {
    pub(super) fn new(layout: Layout, ours: Bitfield) -> Self {
        Self {
            layout,
            ours,
            lost: HashSet::new(),
            queue: VecDeque::new(),
            reading: false,
        }
    }

    /// We have the piece; says whether that is news.
    pub(super) fn gain(&mut self, piece: PieceIndex) -> bool {
        self.lost.remove(&piece);
        self.ours.insert(piece)
    }

    /// We no longer have the piece.
    pub(super) fn lose(&mut self, piece: PieceIndex) {
        if self.ours.remove(piece) {
            self.lost.insert(piece);
        }
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

    /// Takes a request back; says whether it was still waiting.
    pub(super) fn cancel(&mut self, block: RawBlock) -> bool {
        let position = self
            .queue
            .iter()
            .position(|&queued| RawBlock::from(queued) == block);
        position.is_some_and(|position| self.queue.remove(position).is_some())
    }

    /// The next blocks to read: what was asked first, up to a batch; none while a read is under
    /// way or much of the last batch is not written.
    pub(super) fn next_read(&mut self, waiting: usize) -> Option<Vec<Block>> {
        if self.reading || self.queue.is_empty() || waiting >= READ_AHEAD {
            return None;
        }
        let mut blocks = Vec::new();
        let mut bytes = 0;
        while let Some(&block) = self.queue.front() {
            if bytes > 0 && bytes + block.length > READ_BATCH {
                break;
            }
            bytes += block.length;
            blocks.push(block);
            self.queue.pop_front();
        }
        self.reading = true;
        Some(blocks)
    }

    /// Answers the blocks that were read; `data` holds their bytes one after the other. If it ends
    /// before the last block, the rest is read next.
    pub(super) fn answer(&mut self, blocks: &[Block], mut data: Bytes, outbox: &mut Outbox) {
        self.reading = false;
        for (index, &block) in blocks.iter().enumerate() {
            if data.len() < block.length as usize {
                let rest = &blocks[index..];
                rest.iter()
                    .rev()
                    .for_each(|&block| self.queue.push_front(block));
                return;
            }
            outbox.block(block, data.split_to(block.length as usize));
        }
    }

    /// The read failed: the peer is told, where it can be (BEP 6), and may ask somebody else. It
    /// takes us for a node without these pieces then, so they are lost until announced again.
    pub(super) fn refuse(&mut self, blocks: &[Block], fast: bool, outbox: &mut Outbox) {
        self.reading = false;
        for &block in blocks {
            self.lose(block.piece);
            if fast {
                outbox.message(&Message::RejectRequest(block.into()));
            }
        }
    }
}
