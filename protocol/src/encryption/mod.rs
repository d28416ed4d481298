//! Message stream encryption, as BitTorrent clients speak it (MSE, also called PE; Azureus and
//! µTorrent, 2006; it has no BEP).
//!
//! It hides from simple filters that a connection is BitTorrent. It is no secrecy: whoever knows the
//! infohash can step in between, nobody proves who he is, and RC4 is broken. Some clients insist on
//! it, and others try it first and lose a second when it is not understood; that is why it is here.
//!
//! Two Diffie-Hellman keys are exchanged, the dialer shows that it knows the infohash, and both agree
//! on a method: RC4 for all that follows, or plain bytes. A link is wrapped in an [`Envelope`], which
//! tells by the first bytes what a stranger speaks. The files, from the ground up: `exchange` (the
//! keys), `cipher`, `dialer` and `acceptor` (the two sides of the handshake), `envelope`.

mod acceptor;
#[cfg(feature = "fuzzing")]
pub(crate) mod behind_keys;
mod cipher;
mod dialer;
mod envelope;
mod exchange;
#[cfg(test)]
mod tests;

pub use envelope::{Envelope, Side};
pub use exchange::{KEY_LENGTH, Randomness};

use std::str::FromStr;

use thiserror::Error;

/// 512: bytes of padding in one place of the handshake at most, by the specification.
pub const MAX_PADDING: usize = 512;

/// 16 KiB: what a dialer may send with its handshake before we have answered. Clients send a
/// BitTorrent handshake there, 68 bytes.
pub const MAX_INITIAL: usize = 16 * 1024;

/// Who is spoken to how.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Policy {
    /// Links are plain, and nothing else is understood.
    Off,
    /// Links are plain, unless the other side insists.
    #[default]
    Allowed,
    /// Only links whose whole stream is encrypted.
    Required,
}

/// The bits of `crypto_provide` and `crypto_select`.
const PLAIN: u32 = 1;
const RC4: u32 = 2;

impl Policy {
    /// Do we dial encrypted, when `asked` says whether the peer hung up on a plain link?
    #[must_use]
    pub const fn dials_encrypted(self, asked: bool) -> bool {
        match self {
            Self::Off => false,
            Self::Allowed => asked,
            Self::Required => true,
        }
    }

    /// What we offer when we dial.
    const fn offers(self) -> u32 {
        match self {
            Self::Off => PLAIN,
            Self::Allowed => PLAIN | RC4,
            Self::Required => RC4,
        }
    }

    /// What we choose of what is offered: plain bytes where we may, for they cost nothing.
    const fn choose(self, offered: u32) -> Option<u32> {
        let common = self.offers() & offered;
        match common {
            0 => None,
            _ if common & PLAIN != 0 => Some(PLAIN),
            _ => Some(RC4),
        }
    }
}

/// A text that names no [`Policy`].
#[derive(Copy, Clone, Debug, Eq, PartialEq, Error)]
#[error("expected off, allow or require")]
pub struct ParsePolicyError;

impl FromStr for Policy {
    type Err = ParsePolicyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "allow" => Ok(Self::Allowed),
            "require" => Ok(Self::Required),
            _ => Err(ParsePolicyError),
        }
    }
}

/// Why a handshake leads nowhere.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The key of the other side is one with which every secret would be the same.
    #[error("its key exchange is void")]
    WeakKey,
    /// Neither a BitTorrent handshake nor an encrypted one.
    #[error("the first bytes are neither a BitTorrent handshake nor an encrypted one")]
    OtherProtocol,
    /// The dialer does not know the infohash of a swarm that is served here.
    #[error("an encrypted link for a swarm that is not served here")]
    UnknownSwarm,
    /// A field of the handshake has a value that it must not have.
    #[error("the encrypted handshake says {value} where at most {limit} is allowed")]
    TooLong {
        /// What it says.
        value: usize,
        /// The limit.
        limit: usize,
    },
    /// The constant in front of the encrypted part is wrong.
    #[error("the encrypted handshake cannot be decrypted")]
    Garbled,
    /// No method that both sides accept.
    #[error("no common method: the peer offers {0:#x}")]
    NoCommonMethod(u32),
    /// A plain link, where only encrypted ones are wanted.
    #[error("a plain link, and only encrypted ones are wanted here")]
    Plain,
}
