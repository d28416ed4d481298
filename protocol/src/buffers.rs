//! Memory for bytes of pieces that is used again, the last given back first.
//!
//! What was used last is still in the processor's cache, and its pages are there, where a new buffer
//! costs a page fault for every 4 KiB: measured, 5 % of the time of a transfer and a third of a seed's
//! memory (docs/performance.md). A [`Buffer`] comes from its [`Buffers`] and goes back when it is
//! dropped, on whatever thread. Never zeroed twice: a buffer keeps what was in it, and only bytes
//! that its owner has written count.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// 8 MiB: bytes that a pool keeps for later. A window of 2 MiB, a batch that is being stored and
/// reads for peers are met by it; what a busier moment took beyond is given back to the system.
pub const MAX_POOLED: usize = 8 * 1024 * 1024;

/// 4 KiB: buffers smaller than a page are not worth a pool: the allocator keeps those itself.
const MIN_POOLED: usize = 4 * 1024;

/// Buffers that wait to be used again. Clones share them.
#[derive(Clone, Default)]
pub struct Buffers {
    idle: Arc<Mutex<Idle>>,
}

#[derive(Default)]
struct Idle {
    stack: Vec<Vec<u8>>,
    bytes: usize,
    /// Bytes of buffers that are in use, as large as they were asked for.
    out: usize,
}

/// Some bytes, in memory that goes back to its pool.
pub struct Buffer {
    /// All of it is initialised; the first `length` bytes count.
    memory: Vec<u8>,
    length: usize,
    home: Option<Buffers>,
    /// As large as it was asked for.
    asked: usize,
}

impl Buffers {
    /// An empty buffer with room for `capacity` bytes.
    #[must_use]
    pub fn empty(&self, capacity: usize) -> Buffer {
        let home = (capacity >= MIN_POOLED).then(|| self.clone());
        // Few sizes, so that one serves for another. What is not written takes no memory.
        let capacity = if home.is_some() {
            capacity.next_power_of_two()
        } else {
            capacity
        };
        let idle = home.as_ref().and_then(|home| home.take(capacity));
        Buffer {
            memory: idle.unwrap_or_else(|| Vec::with_capacity(capacity)),
            length: 0,
            home,
            asked: capacity,
        }
    }

    /// A buffer of `length` bytes with anything in them: to be written over.
    #[must_use]
    pub fn filled(&self, length: usize) -> Buffer {
        let mut buffer = self.empty(length);
        if buffer.memory.len() < length {
            buffer.memory.resize(length, 0);
        }
        buffer.length = length;
        buffer
    }

    /// Bytes that wait to be used again.
    #[must_use]
    pub fn idle_bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Bytes of buffers that are in use: those that a pool has given out and not got back.
    #[must_use]
    pub fn bytes_out(&self) -> usize {
        self.lock().out
    }

    /// The buffer that was given back last and has that much room, but no more than four times as
    /// much: small pieces must not sit in large memory.
    fn take(&self, capacity: usize) -> Option<Vec<u8>> {
        let mut idle = self.lock();
        idle.out += capacity;
        let fits = |memory: &Vec<u8>| (capacity..=capacity * 4).contains(&memory.capacity());
        let position = idle.stack.iter().rposition(fits)?;
        let memory = idle.stack.remove(position);
        idle.bytes -= memory.capacity();
        Some(memory)
    }

    /// Keeps it, and lets go of what lay there longest if that is too much.
    fn give_back(&self, memory: Vec<u8>, asked: usize) {
        let mut idle = self.lock();
        idle.out -= asked;
        idle.bytes += memory.capacity();
        idle.stack.push(memory);
        let mut gone = Vec::new();
        while idle.bytes > MAX_POOLED {
            let oldest = idle.stack.remove(0);
            idle.bytes -= oldest.capacity();
            gone.push(oldest);
        }
        // Memory is freed after the lock.
        drop(idle);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Idle> {
        // Nothing that can panic happens between two steps of a change.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    /// Copies `data` to the byte at `at` and after; the buffer grows as far as that. Bytes that were
    /// passed over hold anything.
    pub fn write(&mut self, at: usize, data: &[u8]) {
        let end = at + data.len();
        if at >= self.memory.len() {
            self.memory.resize(at, 0);
            self.memory.extend_from_slice(data);
        } else if end <= self.memory.len() {
            self.memory[at..end].copy_from_slice(data);
        } else {
            self.memory.truncate(at);
            self.memory.extend_from_slice(data);
        }
        self.length = self.length.max(end);
    }

    /// Appends `data`.
    pub fn extend_from_slice(&mut self, data: &[u8]) {
        self.write(self.length, data);
    }

    /// Forgets what is in it.
    pub const fn clear(&mut self) {
        self.length = 0;
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.give_back(std::mem::take(&mut self.memory), self.asked);
        }
    }
}

/// A copy in memory of its own.
impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::from(self.to_vec())
    }
}

/// Memory of its own, that goes nowhere.
impl From<Vec<u8>> for Buffer {
    fn from(memory: Vec<u8>) -> Self {
        Self {
            length: memory.len(),
            memory,
            home: None,
            asked: 0,
        }
    }
}

/// The same memory, to be shared; it goes back when the last part of it is dropped.
impl From<Buffer> for Bytes {
    fn from(buffer: Buffer) -> Self {
        Self::from_owner(buffer)
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.memory[..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.memory[..self.length]
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Buffer {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Buffer {}

impl fmt::Debug for Buffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} bytes", self.length)
    }
}

impl fmt::Debug for Buffers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} idle bytes", self.idle_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_memory_that_was_given_back_last_is_used_first() {
        let buffers = Buffers::default();
        let (first, second) = (buffers.filled(16_384), buffers.filled(16_000));
        let second_at = second.as_ptr();
        drop(first);
        drop(second);
        assert_eq!(buffers.idle_bytes(), 2 * 16_384);
        assert_eq!(buffers.bytes_out(), 0);
        let again = buffers.empty(8_000);
        assert_eq!(again.as_ptr(), second_at);
        assert!(again.is_empty());
        assert_eq!(buffers.bytes_out(), 8_192);
    }

    #[test]
    fn a_pool_keeps_no_more_than_its_bound() {
        let buffers = Buffers::default();
        let many: Vec<_> = (0..20).map(|_| buffers.filled(1 << 20)).collect();
        drop(many);
        assert_eq!(buffers.idle_bytes(), MAX_POOLED);
        drop(buffers.filled(MAX_POOLED + 1));
        assert_eq!(buffers.idle_bytes(), 0, "what is too large pushes all out");
    }

    #[test]
    fn small_buffers_do_not_take_large_memory() {
        let buffers = Buffers::default();
        drop(buffers.filled(1 << 20));
        drop(buffers.empty(16 * 1024));
        assert!(buffers.idle_bytes() >= (1 << 20) + 16 * 1024);
    }

    proptest! {
        #[test]
        fn what_is_written_is_there_whatever_was_there_before(
            before in prop::collection::vec(any::<u8>(), 0..9_000),
            writes in prop::collection::vec((0_usize..9_000, prop::collection::vec(any::<u8>(), 1..500)), 0..20),
        ) {
            let buffers = Buffers::default();
            let mut used = buffers.empty(8_000);
            used.extend_from_slice(&before);
            drop(used);
            let mut buffer = buffers.empty(8_000);
            let mut model: Vec<Option<u8>> = Vec::new();
            for (at, data) in writes {
                buffer.write(at, &data);
                if model.len() < at + data.len() {
                    model.resize(at + data.len(), None);
                }
                for (place, &byte) in model[at..].iter_mut().zip(&data) {
                    *place = Some(byte);
                }
            }
            prop_assert_eq!(buffer.len(), model.len());
            for (byte, expected) in buffer.iter().zip(model) {
                prop_assert!(expected.is_none_or(|expected| expected == *byte));
            }
        }
    }
}
