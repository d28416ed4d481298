//! Reading a content while it may still be on its way.

use std::ops::{Bound, Range, RangeBounds};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use swarmlet_actors::messages::operator::OpenContent;
use swarmlet_actors::messages::scheduler::{AwaitPieces, ReadRefusal, ReaderGone};
use swarmlet_actors::messages::storage::ReadBlocks;
use swarmlet_protocol::layout::{Block, Layout, PieceIndex};
use swarmlet_protocol::metainfo::{Info, Selection};
use swarmlet_protocol::readers::ReaderId;
use thiserror::Error;

/// 256 KiB: what is read at once. Larger parts gain little, and a thousand readers hold them.
const PART: u64 = 256 * 1024;

/// Readers of this process are numbered, whatever node they read from. A number decides nothing.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Reads a part of a content from its beginning to its end, each byte verified. Made by
/// [`Node::read`](crate::Node::read).
///
/// What it needs next comes first of all that is fetched; dropping it ends that. What a web request
/// asks for with `Range: bytes=500-999`:
///
/// ```no_run
/// # async fn run(
/// #     node: swarmlet::Node,
/// #     info_hash: swarmlet::protocol::id::InfoHash,
/// # ) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
/// let mut reader = node.read(info_hash, 500..=999).await?;
/// let mut body = Vec::with_capacity(reader.left() as usize);
/// while let Some(bytes) = reader.next().await? {
///     body.extend_from_slice(&bytes);
/// }
/// # Ok(body)
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a reader reads nothing until it is asked to"]
pub struct Reader {
    content: OpenContent,
    reader: ReaderId,
    /// What is still to be read.
    range: Range<u64>,
    /// Pieces up to this one are here, as far as is known.
    here: u32,
}

/// Why reading cannot go on.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ReadError {
    /// A piece will not come.
    #[error("piece {piece} cannot be read: {reason}")]
    Piece {
        /// The piece.
        piece: u32,
        /// Why, in one line.
        reason: ReadRefusal,
    },
    /// The disk does not give it.
    #[error("cannot read: {0}")]
    Disk(String),
}

impl Reader {
    pub(crate) fn new(content: OpenContent, range: impl RangeBounds<u64>) -> Self {
        let size = content.info.layout().size();
        Self {
            content,
            reader: ReaderId(NEXT.fetch_add(1, Ordering::Relaxed)),
            range: within(size, &range),
            here: 0,
        }
    }

    /// What is read.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.content.info
    }

    /// Which of its files are wanted. Of the others only what is here can be read.
    #[must_use]
    pub const fn selection(&self) -> &Selection {
        &self.content.selection
    }

    /// An operator paused the content: what is missing does not come until it is resumed.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.content.paused
    }

    /// How many bytes are still to be read.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// The piece in which the next byte lies; none at the end.
    #[cfg(feature = "http")]
    pub(crate) fn next_piece(&self) -> Option<u32> {
        let layout = self.content.info.layout();
        (self.left() > 0).then(|| piece_at(layout, self.range.start))
    }

    /// Goes on with this part of the content, and with no other.
    pub fn seek(&mut self, range: impl RangeBounds<u64>) {
        self.range = within(self.content.info.layout().size(), &range);
        self.here = 0;
    }

    /// The next bytes, as soon as they are here; `None` at the end.
    ///
    /// # Errors
    /// They will not come, or the disk does not give them. Asked again, it tries again.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ReadError> {
        if self.left() == 0 {
            return Ok(None);
        }
        match self.read().await {
            // It was found damaged, perhaps just now as we asked for it: it is waited for again.
            Err(ReadError::Disk(_)) => self.read().await.map(Some),
            other => other.map(Some),
        }
    }

    async fn read(&mut self) -> Result<Bytes, ReadError> {
        self.wait().await?;
        let blocks = blocks(self.content.info.layout(), &self.range, self.here);
        let read = self.content.read.send(ReadBlocks { blocks }).await;
        match read {
            Ok(Ok(bytes)) => {
                self.range.start += bytes.len() as u64;
                self.content.counters.read.add(bytes.len() as u64);
                Ok(bytes)
            }
            Ok(Err(reason)) => {
                self.here = 0;
                Err(ReadError::Disk(reason))
            }
            Err(_) => Err(self.refused(ReadRefusal::Gone)),
        }
    }

    /// Waits for the piece in which the next byte lies, and says so that others are needed next.
    async fn wait(&mut self) -> Result<(), ReadError> {
        let layout = self.content.info.layout();
        let first = piece_at(layout, self.range.start);
        if first < self.here {
            return Ok(());
        }
        let asked = self.content.pieces.send(AwaitPieces {
            reader: self.reader,
            bytes: self.range.clone(),
        });
        match asked.await {
            Ok(Ok(here)) => {
                self.here = first.saturating_add(here);
                Ok(())
            }
            Ok(Err(refusal)) => Err(self.refused(refusal)),
            Err(_) => Err(self.refused(ReadRefusal::Gone)),
        }
    }

    fn refused(&self, reason: ReadRefusal) -> ReadError {
        let piece = piece_at(self.content.info.layout(), self.range.start);
        ReadError::Piece { piece, reason }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // A content that is gone has forgotten its readers.
        self.content.gone.do_send(ReaderGone(self.reader));
    }
}

/// The part of so many bytes that is meant; an empty one beyond their end.
fn within(size: u64, range: &impl RangeBounds<u64>) -> Range<u64> {
    let start = match range.start_bound() {
        Bound::Included(&start) => start,
        Bound::Excluded(&before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(&last) => last.saturating_add(1),
        Bound::Excluded(&end) => end,
        Bound::Unbounded => size,
    };
    let end = end.min(size);
    start.min(end)..end
}

fn piece_at(layout: &Layout, offset: u64) -> u32 {
    (offset / u64::from(layout.piece_length())) as u32
}

/// The next part of a range as blocks within its pieces, as far as those before `here` go.
fn blocks(layout: &Layout, range: &Range<u64>, here: u32) -> Vec<Block> {
    let length = u64::from(layout.piece_length());
    let end = range
        .end
        .min(range.start + PART)
        .min(u64::from(here) * length);
    let (mut at, mut blocks) = (range.start, Vec::new());
    while at < end {
        let piece = at / length;
        let upto = ((piece + 1) * length).min(end);
        blocks.push(Block {
            piece: PieceIndex::new(piece as u32),
            begin: (at % length) as u32,
            length: (upto - at) as u32,
        });
        at = upto;
    }
    blocks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_part_is_cut_at_pieces_and_covers_each_byte_once(
            size in 1_u64..1 << 22,
            piece_length in 1_u64..1 << 20,
            start in 0_u64..1 << 22,
            length in 1_u64..1 << 22,
        ) {
            // Enough pieces to be slow is too many.
            let piece_length = piece_length.max(size / 4_096 + 1);
            let layout = Layout::new(size, piece_length).unwrap();
            let start = start % size;
            let range = start..(start + length).min(size);
            let blocks = blocks(&layout, &range, layout.pieces());
            let mut at = range.start;
            for block in &blocks {
                prop_assert_eq!(layout.offset(block.piece) + u64::from(block.begin), at);
                prop_assert!(block.begin + block.length <= layout.length(block.piece));
                at += u64::from(block.length);
            }
            prop_assert_eq!(at, range.end.min(range.start + PART));
        }
    }

    #[test]
    fn a_part_lies_within_the_content_however_it_is_said() {
        assert_eq!(within(10, &..), 0..10);
        assert_eq!(within(10, &(2..=4)), 2..5);
        assert_eq!(within(10, &(..u64::MAX)), 0..10);
        assert_eq!(within(10, &(7..=u64::MAX)), 7..10);
        assert_eq!(within(10, &(12..)), 10..10);
        assert_eq!(within(10, &(Bound::Excluded(3), Bound::Unbounded)), 4..10);
    }

    #[test]
    fn what_is_not_here_is_not_read() {
        let layout = Layout::new(100, 10).unwrap();
        let bytes: u32 = blocks(&layout, &(15..100), 3)
            .iter()
            .map(|block| block.length)
            .sum();
        assert_eq!(bytes, 15);
    }
}
