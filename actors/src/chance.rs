//! Where a node's randomness comes from: the operating system, or in a simulation its seed.
//!
//! `fastrand` seeds itself from a clock. Two nodes that start in the same nanosecond then have the
//! same peer id, take each other for themselves and never link: seen once in 20,000 starts of a
//! pair on one machine. Containers that resume from one snapshot may share even their clock.

use std::hash::{BuildHasher, Hasher, RandomState};

use swarmlet_protocol::encryption::Randomness;

/// A seed that no other node has.
#[must_use]
pub fn seed() -> u64 {
    #[cfg(feature = "simulation")]
    if let Some(seed) = crate::simulation::seed() {
        return seed;
    }
    // The keys of the standard library's hash maps are the system's randomness, and the hash of
    // nothing under such keys is as random as they are.
    RandomState::new().build_hasher().finish()
}

/// What the handshake of an encrypted link needs.
#[must_use]
pub fn randomness() -> Randomness {
    let mut secret = [0; 20];
    for part in secret.chunks_mut(8) {
        part.copy_from_slice(&seed().to_be_bytes()[..part.len()]);
    }
    Randomness {
        secret,
        padding: seed(),
    }
}

/// A generator that gives every node other numbers.
#[must_use]
pub fn generator() -> fastrand::Rng {
    fastrand::Rng::with_seed(seed())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_seeds_are_the_same() {
        let seeds: BTreeSet<u64> = (0..1_000).map(|_| seed()).collect();
        assert_eq!(seeds.len(), 1_000);
    }
}
