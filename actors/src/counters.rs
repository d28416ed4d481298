//! Numbers that many actors add to and that nobody decides by.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Totals since the node started. Shared by all actors of one node.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes of blocks that were received, and of what sources sent.
    pub received: Count,
    /// Bytes of blocks that were sent.
    pub sent: Count,
    /// The same of links with members of the fleet.
    pub fleet: Moved,
    /// The same of links with other clients.
    pub foreign: Moved,
    /// Bytes of what sources sent that are no peers.
    pub from_sources: Count,
    /// Bytes that readers were given, as of the HTTP face.
    pub read: Count,
    /// Pieces whose hash was wrong.
    pub rejected: Count,
    /// Pieces that were right and were found damaged, and those of them that are right again.
    pub damaged: Count,
    /// See above.
    pub healed: Count,
    /// Bytes that were hashed again after the check at the start.
    pub scrubbed: Count,
    /// Actors that panicked.
    pub panics: Count,
    /// Actors that did not answer any more.
    pub stuck: Count,
    /// Both by the kind of actor.
    pub restarts: Restarts,
    /// Links that were not let in, with a fleet secret.
    pub refused: Refused,
    /// Nodes that had the id of another one.
    pub doubles: Count,
    /// Turns that sessions took: what they are woken for. A busy loop shows here.
    pub turns: Count,
}

/// Links that were not let in, by the reason.
#[derive(Debug, Default)]
pub struct Refused {
    /// The peer spoke without TLS.
    pub plain: Count,
    /// It spoke TLS, and not as our dialers do.
    pub foreign_tls: Count,
    /// It did not show that it knows a secret, or repeated what somebody else had shown.
    pub unproved: Count,
    /// Its certificate was not right, or what it said within TLS.
    pub handshake: Count,
    /// A list denies its address or its node id.
    pub denied: Count,
    /// We dialed, and the peer refused us or was none of ours.
    pub by_peers: Count,
}

/// Bytes of blocks in both directions.
#[derive(Debug, Default)]
pub struct Moved {
    /// That were received.
    pub received: Count,
    /// That were sent.
    pub sent: Count,
}

impl Moved {
    /// The totals: received and sent.
    #[must_use]
    pub fn get(&self) -> (u64, u64) {
        (self.received.get(), self.sent.get())
    }
}

/// How often actors of each kind panicked or were stuck.
#[derive(Debug, Default)]
pub struct Restarts(Mutex<BTreeMap<&'static str, u64>>);

impl Restarts {
    /// One of that kind did.
    pub fn count(&self, actor: &'static str) {
        *self.lock().entry(actor).or_default() += 1;
    }

    /// How often one of that kind did.
    #[must_use]
    pub fn of(&self, actor: &str) -> u64 {
        self.lock().get(actor).copied().unwrap_or(0)
    }

    /// All kinds of which one did, with how often.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        self.lock()
            .iter()
            .map(|(&actor, &count)| (actor, count))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        // Numbers: a panic while it was held cannot have broken them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
