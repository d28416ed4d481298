//! Limits on how many bytes move per second, shared by links on any thread.
//!
//! A link under no limit holds an empty list and pays nothing. The arithmetic is the machine's,
//! `swarmlet_protocol::rate_limit`.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};

use swarmlet_protocol::rate_limit::RateLimit;
use swarmlet_protocol::time::Timestamp;

/// The limits that hold for a link, or for all links of a swarm or a node.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Bytes from peers, all that comes on the socket.
    pub download: Vec<SharedLimit>,
    /// Bytes of blocks to peers.
    pub upload: Vec<SharedLimit>,
}

/// One limit; clones share it.
#[derive(Clone, Debug)]
pub struct SharedLimit(Arc<Mutex<RateLimit>>);

impl Limits {
    /// Limits of so many bytes per second; `None` is no limit.
    #[must_use]
    pub fn new(download: Option<NonZeroU64>, upload: Option<NonZeroU64>) -> Self {
        let limit = |rate: Option<NonZeroU64>| rate.map(SharedLimit::new).into_iter().collect();
        Self {
            download: limit(download),
            upload: limit(upload),
        }
    }

    /// Is anything limited?
    #[must_use]
    pub const fn is_some(&self) -> bool {
        !self.download.is_empty() || !self.upload.is_empty()
    }
}

impl SharedLimit {
    /// A limit of so many bytes per second.
    #[must_use]
    pub fn new(rate: NonZeroU64) -> Self {
        Self(Arc::new(Mutex::new(RateLimit::new(rate))))
    }

    /// How many bytes to reserve at once.
    #[must_use]
    pub fn quantum(&self) -> u64 {
        self.lock().quantum()
    }

    /// Reserves bytes; says from when on they may move.
    pub fn reserve(&self, bytes: u64, now: Timestamp) -> Timestamp {
        self.lock().reserve(bytes, now)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, RateLimit> {
        // Plain numbers: a panic while they were held cannot have broken them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
