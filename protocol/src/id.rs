//! The names of things: swarms, peers, pieces' digests and links.

use std::fmt;
use std::str::FromStr;

use sha1::{Digest, Sha1};
use thiserror::Error;

/// Bytes in a SHA-1 digest, and so in every identifier of BEP 3.
pub const DIGEST_LENGTH: usize = 20;

/// The name of a swarm: the SHA-1 of a bencoded info dictionary (BEP 3), or of a rendezvous text.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct InfoHash(pub [u8; DIGEST_LENGTH]);

/// The name that a node gives itself for as long as its process lives (BEP 3, BEP 20).
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct PeerId(pub [u8; DIGEST_LENGTH]);

/// The SHA-1 that a piece must have.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct PieceHash(pub [u8; DIGEST_LENGTH]);

/// One connection of this process. Never reused while the process lives, never sent to anyone.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct LinkId(pub u64);

/// Bytes in the name of a node.
pub const NODE_ID_LENGTH: usize = 16;

/// The name of a node that proves it: the start of the SHA-256 of its public key. It outlives the
/// process, and nobody else can show it.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct NodeId(pub [u8; NODE_ID_LENGTH]);

impl NodeId {
    /// The name of the node with this public key, which is given as it stands in certificates.
    #[must_use]
    pub fn of(public_key: &[u8]) -> Self {
        let digest: [u8; 32] = sha2::Sha256::digest(public_key).into();
        let mut id = [0; NODE_ID_LENGTH];
        id.copy_from_slice(&digest[..NODE_ID_LENGTH]);
        Self(id)
    }
}

/// A text that is not the name of a node.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[error("'{text}' is not a node id of 32 hex digits")]
pub struct ParseNodeIdError {
    /// What stood there, cut to a printable length.
    pub text: String,
}

impl FromStr for NodeId {
    type Err = ParseNodeIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_hex(text).map(Self).ok_or_else(|| ParseNodeIdError {
            text: crate::text::quoted(text),
        })
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({self})")
    }
}

impl InfoHash {
    /// The infohash of a bencoded info dictionary.
    #[must_use]
    pub fn of(info: &[u8]) -> Self {
        Self(Sha1::digest(info).into())
    }
}

impl PieceHash {
    /// The digest of a piece's bytes.
    #[must_use]
    pub fn of(piece: &[u8]) -> Self {
        Self(Sha1::digest(piece).into())
    }
}

impl PeerId {
    /// The Azureus-style prefix of our peer ids (BEP 20): client `SW`, version 0.1.0.
    pub const PREFIX: &'static [u8; 8] = b"-SW0100-";

    /// A peer id of ours: the prefix, then random letters and digits.
    #[must_use]
    pub fn random(rng: &mut fastrand::Rng) -> Self {
        let mut id = [0; DIGEST_LENGTH];
        for (index, byte) in id.iter_mut().enumerate() {
            *byte = match Self::PREFIX.get(index) {
                Some(&prefix) => prefix,
                None => rng.alphanumeric() as u8,
            };
        }
        Self(id)
    }
}

impl PeerId {
    /// Does the peer call itself a swarmlet, of whatever version? It may, and be something else.
    #[must_use]
    pub fn looks_like_ours(&self) -> bool {
        let (client, rest) = self.0.split_at(3);
        client == &Self::PREFIX[..3] && rest[4] == b'-'
    }
}

/// A text that is not a SHA-1 digest.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[error("'{text}' is not a SHA-1 digest of 40 hex digits")]
pub struct ParseDigestError {
    /// What stood there, cut to a printable length.
    pub text: String,
}

fn parse_hex(text: &str) -> Result<[u8; DIGEST_LENGTH], ParseDigestError> {
    read_hex(text).ok_or_else(|| ParseDigestError {
        text: text.chars().take(60).collect(),
    })
}

fn read_hex<const LENGTH: usize>(text: &str) -> Option<[u8; LENGTH]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * LENGTH {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = (pair[0] as char).to_digit(16)?;
        let low = (pair[1] as char).to_digit(16)?;
        *byte = (high * 16 + low) as u8;
    }
    Some(bytes)
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

macro_rules! hex_digest {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseDigestError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                parse_hex(text).map(Self)
            }
        }
    };
}

hex_digest!(InfoHash);
hex_digest!(PieceHash);

impl fmt::Display for PeerId {
    /// Printable bytes as they are, the others as a dot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        self.0.iter().try_for_each(|&byte| {
            f.write_char(if byte.is_ascii_graphic() {
                byte as char
            } else {
                '.'
            })
        })
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerId({self})")
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_read_what_they_print() {
        let hash = PieceHash::of(b"abc");
        assert_eq!(hash.to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
    }

    #[test]
    fn node_ids_read_what_they_print() {
        let id = NodeId::of(b"a key");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_ne!(id, NodeId::of(b"another key"));
        for text in ["", "4f1c", &"g".repeat(32), &"a".repeat(40)] {
            assert!(text.parse::<NodeId>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_digest_is_refused_by_name() {
        for text in ["", "abc", &"g".repeat(40), &"é".repeat(20), &"a".repeat(41)] {
            let error = text.parse::<PieceHash>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("'{text}' is not a SHA-1 digest of 40 hex digits")
            );
        }
    }

    #[test]
    fn peer_ids_carry_our_prefix_and_differ() {
        let mut rng = fastrand::Rng::with_seed(7);
        let (one, two) = (PeerId::random(&mut rng), PeerId::random(&mut rng));
        assert!(one.to_string().starts_with("-SW0100-"));
        assert_ne!(one, two);
    }
}
