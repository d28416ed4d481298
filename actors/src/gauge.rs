//! What a link looks like from outside: written by its session, read by whoever reports of it.
//!
//! The session runs on another thread and must not be asked: it would have to be woken, and one that
//! is stuck would not answer. Nobody decides by what stands here; the numbers may be of different
//! moments.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use swarmlet_protocol::session::Standing;

/// The last known standing of one link.
#[derive(Debug, Default)]
pub struct Gauge {
    flags: AtomicU8,
    encrypted: AtomicBool,
    secured: AtomicBool,
    peer_has: AtomicU32,
    received: AtomicU64,
    sent: AtomicU64,
}

const INTERESTED: u8 = 1;
const CHOKED: u8 = 2;
const PEER_INTERESTED: u8 = 4;
const PEER_CHOKED: u8 = 8;

impl Gauge {
    /// The link stands so now.
    pub(crate) fn set(&self, standing: Standing, encrypted: bool) {
        let flags = [
            (standing.interested, INTERESTED),
            (standing.choked, CHOKED),
            (standing.peer_interested, PEER_INTERESTED),
            (standing.peer_choked, PEER_CHOKED),
        ];
        let flags = flags.iter().filter(|(is_set, _)| *is_set);
        let flags = flags.fold(0, |all, (_, flag)| all | flag);
        self.flags.store(flags, Ordering::Relaxed);
        self.encrypted.store(encrypted, Ordering::Relaxed);
        self.peer_has.store(standing.peer_has, Ordering::Relaxed);
        self.received.store(standing.moved.0, Ordering::Relaxed);
        self.sent.store(standing.moved.1, Ordering::Relaxed);
    }

    /// How the link stood when its session last had something to do.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let flags = self.flags.load(Ordering::Relaxed);
        Standing {
            interested: flags & INTERESTED != 0,
            choked: flags & CHOKED != 0,
            peer_interested: flags & PEER_INTERESTED != 0,
            peer_choked: flags & PEER_CHOKED != 0,
            peer_has: self.peer_has.load(Ordering::Relaxed),
            moved: (
                self.received.load(Ordering::Relaxed),
                self.sent.load(Ordering::Relaxed),
            ),
        }
    }

    /// Both ends have proved who they are, and what travels is encrypted, from now on.
    pub(crate) fn set_secured(&self) {
        self.secured.store(true, Ordering::Relaxed);
    }

    /// Have both ends proved who they are, by a fleet secret?
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.secured.load(Ordering::Relaxed)
    }

    /// What travels on it is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.encrypted.load(Ordering::Relaxed) || self.is_secured()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_shows_what_was_set_last() {
        let gauge = Gauge::default();
        for bits in 0..16_u8 {
            let standing = Standing {
                interested: bits & 1 != 0,
                choked: bits & 2 != 0,
                peer_interested: bits & 4 != 0,
                peer_choked: bits & 8 != 0,
                peer_has: u32::from(bits),
                moved: (1 << bits, 7),
            };
            gauge.set(standing, bits > 7);
            assert_eq!(gauge.standing(), standing);
            assert_eq!(gauge.is_encrypted(), bits > 7);
        }
    }
}
