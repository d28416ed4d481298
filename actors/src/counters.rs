//! Numbers that many actors add to and that nobody decides by.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the node started. Shared by all actors of one node.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes of blocks that were received, and of what sources sent.
    pub received: Count,
    /// Bytes of blocks that were sent.
    pub sent: Count,
    /// Pieces whose hash was wrong.
    pub rejected: Count,
    /// Actors that panicked.
    pub panics: Count,
    /// Turns that sessions took: what they are woken for. A busy loop shows here.
    pub turns: Count,
}

/// What the links and sources of one swarm moved since the node started.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Bytes of blocks that were received, and of what sources sent.
    pub received: Count,
    /// Those that came from sources that are no peers.
    pub from_sources: Count,
    /// Bytes of blocks that were sent.
    pub sent: Count,
}

/// One total.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to the total.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// The total.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
