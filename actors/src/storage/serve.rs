//! Reading for peers.
//!
//! Bounded in memory: what was read and has not left yet is counted, and when it is much, a link
//! gets its answer in smaller parts. So neither many peers nor slow ones fill the memory, and
//! nobody waits for a slow one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::fut::ready;
use actix::{ActorFutureExt, Context, Handler, ResponseActFuture, WrapFuture};
use bytes::Bytes;
use swarmlet_protocol::buffers::{Buffer, Buffers};
use swarmlet_protocol::layout::Block;

use super::Storage;
use super::content::Content;
use super::disk::{here, on_worker};
use crate::messages::storage::ReadBlocks;
use crate::reason::reason;

/// 4 MiB: bytes that were read for peers and have not left. Beyond, reads are short ones.
const LENT: usize = 4 * 1024 * 1024;

/// 40 times a quarter of a second: so long a piece that cannot be read now is tried again. Then the file
/// cannot be used. What the disk has lost is known at once; this is the system that is short of
/// something, such as descriptors, and says nothing of the piece.
const TRIES: u32 = 40;

/// See [`TRIES`].
const PAUSE: Duration = Duration::from_millis(250);

/// 256 KiB: a short read. Thirty links hold 7.5 MiB of them.
const SHORT_READ: usize = 256 * 1024;

/// Bytes on their way to a peer. Counted until they are dropped.
struct Lent {
    bytes: Buffer,
    lent: Arc<AtomicUsize>,
}

impl Lent {
    fn read(
        file: &Content,
        blocks: &[Block],
        buffers: &Buffers,
        lent: Arc<AtomicUsize>,
    ) -> std::io::Result<Bytes> {
        let bytes = file.read_blocks(blocks, buffers)?;
        if file.are_foreign(blocks) {
            return Err(std::io::Error::other("somebody else wrote to it"));
        }
        // The number decides by nothing else in memory.
        lent.fetch_add(bytes.len(), Ordering::Relaxed);
        Ok(Bytes::from_owner(Self { bytes, lent }))
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.lent.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// The pieces are not here.
fn gone() -> Answer {
    let gone = Err("the pieces are not here any more".to_owned());
    Box::pin(ready(gone))
}

/// As many blocks as one answer may hold now: one at least.
fn shorten(blocks: &mut Vec<Block>, lent: usize) {
    if lent < LENT {
        return;
    }
    let mut bytes = 0;
    let fits = |block: &&Block| {
        bytes += block.length as usize;
        bytes <= SHORT_READ
    };
    let count = blocks.iter().take_while(fits).count();
    blocks.truncate(count.max(1));
}

impl Handler<ReadBlocks> for Storage {
    type Result = ResponseActFuture<Self, Result<Bytes, String>>;

    fn handle(&mut self, request: ReadBlocks, context: &mut Context<Self>) -> Self::Result {
        self.serve(request.blocks, TRIES, context)
    }
}

/// What a read gives.
type Answer = ResponseActFuture<Storage, Result<Bytes, String>>;

impl Storage {
    /// Hashes the first piece if it is in doubt, and reads. What cannot be read is in doubt: it is
    /// hashed, and then either lost, which its readers are told as all others are, or read again.
    fn serve(&mut self, blocks: Vec<Block>, tries: u32, context: &mut Context<Self>) -> Answer {
        let first = blocks.first().map(|first| first.piece);
        let Some(piece) = first.filter(|&piece| self.is_doubted(piece)) else {
            return self.read_for_peer(blocks, tries, context);
        };
        if !self.state.good.contains(piece) {
            return gone();
        }
        // Nothing of it is given to anybody before it is hashed.
        let hashed = self.hash_for_reader(piece);
        Box::pin(hashed.then(move |(), storage: &mut Self, context| {
            if !storage.is_doubted(piece) {
                return storage.read_for_peer(blocks, tries, context);
            }
            // The system is short of something, or it was touched again meanwhile.
            let Some(left) = tries.checked_sub(1) else {
                if let Some(error) = storage.state.unread.take() {
                    storage.fail(&error, "read");
                }
                return gone();
            };
            let pause = tokio::time::sleep(PAUSE).into_actor(storage);
            Box::pin(
                pause.then(move |(), storage: &mut Self, context| {
                    storage.serve(blocks, left, context)
                }),
            )
        }))
    }

    /// Reads blocks up to the first that is not here, or in doubt.
    fn read_for_peer(
        &mut self,
        mut blocks: Vec<Block>,
        tries: u32,
        context: &mut Context<Self>,
    ) -> Answer {
        let is_here =
            |block: &&Block| self.state.good.contains(block.piece) && !self.is_doubted(block.piece);
        let here_now = blocks.iter().take_while(is_here).count();
        blocks.truncate(here_now);
        let Some(file) = self.state.file.clone().filter(|_| !blocks.is_empty()) else {
            return gone();
        };
        let bytes = blocks.iter().map(|block| u64::from(block.length));
        self.state.moved += bytes.sum::<u64>();
        let lent = Arc::clone(&self.setup.shared.lent);
        shorten(&mut blocks, lent.load(Ordering::Relaxed));
        let buffers = self.setup.buffers.clone();
        let is_scattered = file.are_blocks_scattered(&blocks);
        let asked = blocks.clone();
        let read = move || Lent::read(&file, &blocks, &buffers, lent);
        if self.state.reading.is_trusted() && !is_scattered {
            return match here(&mut self.state.reading, read) {
                Ok(bytes) => Box::pin(ready(Ok(bytes))),
                Err(error) => self.unreadable(asked, &error, tries, context),
            };
        }
        let readers = Arc::clone(&self.setup.shared.readers);
        let work = async move {
            // Never closed, and if it were the read would only run without a permit.
            let _permit = readers.acquire_owned().await;
            on_worker(read).await
        };
        Box::pin(
            work.into_actor(self)
                .then(move |done, storage: &mut Self, context| match done {
                    Ok((Ok(bytes), waited)) => {
                        storage.state.reading.waited(waited);
                        Box::pin(ready(Ok(bytes)))
                    }
                    Ok((Err(error), _)) => storage.unreadable(asked, &error, tries, context),
                    Err(error) => Box::pin(ready(Err(error))),
                }),
        )
    }

    /// These cannot be read: which of them it is shows when they are hashed.
    fn unreadable(
        &mut self,
        mut blocks: Vec<Block>,
        error: &std::io::Error,
        tries: u32,
        context: &mut Context<Self>,
    ) -> Answer {
        // Others wrote to it: all of it is in doubt, and not only at the next look.
        let changed = self.state.file.as_ref().map(|file| file.changed());
        self.touched(changed.unwrap_or_default(), context);
        let (Some(first), Some(left)) = (blocks.first().copied(), tries.checked_sub(1)) else {
            return Box::pin(ready(Err(reason(error))));
        };
        for block in &blocks {
            let piece = block.piece.get();
            self.state.scrub.doubt(piece..piece + 1, &self.state.good);
        }
        // The others are asked for again.
        blocks.retain(|block| block.piece == first.piece);
        self.serve(blocks, left, context)
    }
}

#[cfg(test)]
mod tests {
    use swarmlet_protocol::layout::PieceIndex;

    use super::*;

    fn blocks(count: u32, length: u32) -> Vec<Block> {
        let block = |begin| Block {
            piece: PieceIndex::new(0),
            begin,
            length,
        };
        (0..count).map(|index| block(index * length)).collect()
    }

    #[test]
    fn answers_are_short_while_much_is_out_and_never_empty() {
        let mut many = blocks(64, 16 * 1024);
        shorten(&mut many, LENT - 1);
        assert_eq!(many.len(), 64);
        shorten(&mut many, LENT);
        assert_eq!(many.len(), SHORT_READ / (16 * 1024));
        let mut long = blocks(2, 2 * SHORT_READ as u32);
        shorten(&mut long, LENT);
        assert_eq!(long.len(), 1);
    }

    #[test]
    fn what_was_read_counts_until_the_last_part_of_it_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        std::fs::write(&path, [7; 100]).unwrap();
        let layout = swarmlet_protocol::layout::Layout::new(100, 50).unwrap();
        let file = Content::over(&path, layout);
        let lent = Arc::new(AtomicUsize::new(0));
        let read = Lent::read(
            &file,
            &blocks(2, 20),
            &Buffers::default(),
            Arc::clone(&lent),
        );
        let mut bytes = read.unwrap();
        assert_eq!(lent.load(Ordering::Relaxed), 40);
        let part = bytes.split_to(10);
        drop(bytes);
        assert_eq!(lent.load(Ordering::Relaxed), 40);
        drop(part);
        assert_eq!(lent.load(Ordering::Relaxed), 0);
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod while_checking;
