//! SHA-1 (FIPS 180-4) of several independent messages side by side on one core.
//!
//! The SHA instructions of a processor are slow to answer and can be asked again long before they
//! do: one message alone leaves most of their time unused. Here up to [`LANES`] messages take
//! turns, instruction by instruction, which brings two and a half times the bytes per second of
//! one after the other. Without such instructions everything is as right, one message at a time,
//! through the `sha1` crate.
//!
//! No allocation, no thread, no state between calls. This is the only crate of the workspace with
//! `unsafe` in it, all of it in one module (`extensions`).
//!
//! SHA-1 is what BitTorrent's pieces are named by (BEP 3). It tells damage from content; it is not
//! fit for anything that someone could gain by a collision.
//!
//! ```
//! let parts: [&[u8]; 2] = [b"abc", b""];
//! let mut digests = [[0; 20]; 2];
//! swarmlet_hashing::digest_all(&parts, &mut digests);
//! assert_eq!(digests[0], swarmlet_hashing::digest(b"abc"));
//! assert_eq!(digests[0][..4], [0xa9, 0x99, 0x3e, 0x36]);
//! ```

use std::fmt;

mod block;
#[cfg(target_arch = "x86_64")]
mod extensions;
mod hasher;
mod kernel;
mod lanes;
mod whole;

#[cfg(test)]
mod tests;

pub use hasher::{Hasher, update_all};
use kernel::Kernel;
pub use whole::{digest, digest_all};

/// A SHA-1 digest as it stands in a metainfo: big-endian.
pub type Digest = [u8; 20];

/// Messages hashed side by side, where the processor has SHA instructions. Measured on Zen 4: two
/// lanes have 1.7 times the throughput of one, four 2.5 times, six 2.6 times and eight less again.
pub const LANES: usize = 4;

/// What does the work on this machine.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Backend {
    /// The SHA extensions of x86-64, [`LANES`] messages at a time.
    ShaExtensions,
    /// The `sha1` crate, one message at a time.
    Portable,
}

/// What [`digest_all`] and all others use: decided by what the processor says of itself.
#[must_use]
pub fn backend() -> Backend {
    Kernel::best().backend()
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShaExtensions => write!(f, "SHA extensions, {LANES} lanes"),
            Self::Portable => f.write_str("portable, one lane"),
        }
    }
}
