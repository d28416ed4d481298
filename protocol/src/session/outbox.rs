//! What waits to be written to one link, in order: messages and the bytes of blocks.
//!
//! Blocks are kept as references to the buffer they were read into, so that one vectored write
//! takes many of them. How much may wait here is the session's business.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes, BytesMut};

use crate::layout::Block;
use crate::wire::Message;
use crate::wire::message::encode_piece_head;

/// A queue of bytes in the order in which they must leave.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<Bytes>,
    /// Messages that follow the queue and can still grow.
    tail: BytesMut,
    queued: usize,
}

impl Outbox {
    /// Appends raw bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// Appends a message.
    pub fn message(&mut self, message: &Message) {
        message.encode(&mut self.tail);
    }

    /// Appends a `piece` message whose bytes are `data`.
    pub fn block(&mut self, block: Block, data: Bytes) {
        encode_piece_head(block, &mut self.tail);
        self.seal();
        self.queued += data.len();
        self.queue.push_back(data);
    }

    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queued + self.tail.len()
    }

    /// Does nothing wait?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `slices` with what is to be written next; says how many it filled.
    pub fn slices<'a>(&'a mut self, slices: &mut [IoSlice<'a>]) -> usize {
        self.seal();
        let filled = self.queue.len().min(slices.len());
        for (slice, bytes) in slices.iter_mut().zip(&self.queue) {
            *slice = IoSlice::new(bytes);
        }
        filled
    }

    /// The first `count` bytes were written.
    pub fn written(&mut self, count: usize) {
        if count > self.queued {
            self.seal();
        }
        let mut left = count.min(self.queued);
        self.queued -= left;
        while let Some(front) = self.queue.front_mut() {
            if front.len() > left {
                front.advance(left);
                break;
            }
            left -= front.len();
            self.queue.pop_front();
        }
    }

    /// A copy of all that waits.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let queued = self.queue.iter().flat_map(|bytes| bytes.iter());
        queued.chain(&self.tail).copied().collect()
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.queued += self.tail.len();
            self.queue.push_back(self.tail.split().freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::layout::PieceIndex;

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_order_whatever_each_write_takes(
            parts in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..50)), 0..20),
            writes in prop::collection::vec(1_usize..60, 1..20),
        ) {
            let mut outbox = Outbox::default();
            let mut expected = BytesMut::new();
            for (as_block, bytes) in parts {
                if as_block {
                    let block = Block { piece: PieceIndex::new(3), begin: 7, length: bytes.len() as u32 };
                    encode_piece_head(block, &mut expected);
                    outbox.block(block, Bytes::from(bytes.clone()));
                } else {
                    outbox.raw(&bytes);
                }
                expected.extend_from_slice(&bytes);
            }
            let mut sent = Vec::new();
            for count in writes.into_iter().cycle() {
                prop_assert_eq!(sent.len() + outbox.len(), expected.len());
                let mut slices = [IoSlice::new(&[]); 4];
                let filled = outbox.slices(&mut slices);
                let ready: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
                if ready.is_empty() {
                    break;
                }
                let taken = count.min(ready.len());
                sent.extend_from_slice(&ready[..taken]);
                outbox.written(taken);
            }
            prop_assert_eq!(sent, expected.to_vec());
        }
    }
}
