//! The payloads of extension messages (BEP 10): what they mean, and their bytes.
//!
//! Frames and message ids are the wire's matter; what to do with a message is the session's.

mod dont_have;
mod handshake;
mod metadata;
mod pex;
mod rendezvous;

use std::net::SocketAddr;

use thiserror::Error;

use crate::address::{self, CompactError};
use crate::bencode::{self, DecodeError, Dict, Value};

pub use dont_have::{decode_dont_have, encode_dont_have};
pub use handshake::{ExtensionHandshake, MAX_CLIENT_LENGTH};
pub use metadata::{METADATA_PIECE_LENGTH, MetadataMessage, metadata_piece, metadata_pieces};
pub use pex::{MAX_PEX_ACCEPTED, MAX_PEX_SENT, PexMessage, PexPeer, flags};
pub use rendezvous::{
    MAX_RENDEZVOUS_PEERS, MAX_SWARM_NAME_LENGTH, MAX_SWARMS, RENDEZVOUS_PREFIX, RENDEZVOUS_VERSION,
    SwarmEntry, SwarmsMessage, rendezvous_hash,
};

/// The extended message id of the handshake itself (BEP 10).
pub const HANDSHAKE_ID: u8 = 0;
/// The id under which peers send us `ut_metadata` messages (BEP 9).
pub const METADATA_ID: u8 = 1;
/// The id under which peers send us `ut_pex` messages (BEP 11).
pub const PEX_ID: u8 = 2;
/// The id under which peers send us `sw_swarms` messages.
pub const SWARMS_ID: u8 = 3;
/// The id under which peers send us `lt_donthave` messages (BEP 54).
pub const DONT_HAVE_ID: u8 = 4;

/// A payload that is not the message that its id says.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// Not bencode.
    #[error("malformed extension message: {0}")]
    Bencode(DecodeError),
    /// Bencode, but not a dictionary.
    #[error("an extension message is {kind}; it must be a dictionary")]
    NotDictionary {
        /// What it is.
        kind: &'static str,
    },
    /// A key that the message needs is missing, or of another kind, or out of its range.
    #[error("an extension message needs the key '{key}' with {rule}")]
    Key {
        /// The key.
        key: &'static str,
        /// What its value must be.
        rule: &'static str,
    },
    /// A piece's number that is not one.
    #[error("a piece's number has {0} bytes; it must have 4")]
    PieceNumber(usize),
    /// A string of addresses that are not whole.
    #[error("an extension message has {0}")]
    Compact(CompactError),
    /// A block of metadata that has another length than its place in the metadata says.
    #[error(
        "metadata piece {piece} has {actual} bytes; of {total_size} bytes in all it has {expected}"
    )]
    MetadataLength {
        /// The number of the piece.
        piece: u32,
        /// The length of the whole metadata, as the message says.
        total_size: u32,
        /// The bytes that came.
        actual: usize,
        /// The bytes that the piece has.
        expected: usize,
    },
    /// A metadata piece that does not exist.
    #[error("metadata piece {piece} does not exist: {total_size} bytes have {pieces}")]
    MetadataPiece {
        /// The number of the piece.
        piece: u32,
        /// The length of the whole metadata, as the message says.
        total_size: u32,
        /// How many pieces that makes.
        pieces: u32,
    },
}

/// The dictionary at the start of a payload, and its length. What follows is the caller's matter.
fn dictionary(payload: &[u8]) -> Result<(Dict<'_>, usize), ExtensionError> {
    let (value, length) = bencode::decode_prefix(payload).map_err(ExtensionError::Bencode)?;
    match value {
        Value::Dict(dict) => Ok((dict, length)),
        other => Err(ExtensionError::NotDictionary { kind: other.kind() }),
    }
}

/// A key's string; what is missing, or something else, is an empty one.
fn string<'a>(dict: &Dict<'a>, key: &[u8]) -> &'a [u8] {
    dict.get(key)
        .and_then(|value| value.bytes())
        .unwrap_or_default()
}

/// The compact IPv4 addresses of a key, as they are.
fn v4_addresses<'a>(
    dict: &Dict<'a>,
    key: &[u8],
) -> Result<impl Iterator<Item = SocketAddr> + use<'a>, ExtensionError> {
    address::decode_v4(string(dict, key)).map_err(ExtensionError::Compact)
}

/// The compact IPv6 addresses of a key, as they are.
fn v6_addresses<'a>(
    dict: &Dict<'a>,
    key: &[u8],
) -> Result<impl Iterator<Item = SocketAddr> + use<'a>, ExtensionError> {
    address::decode_v6(string(dict, key)).map_err(ExtensionError::Compact)
}

/// An integer that fits the type, and is not zero.
fn positive<T: TryFrom<i64>>(value: Option<Value<'_>>) -> Option<T> {
    let integer = value?.integer().filter(|&integer| integer > 0)?;
    T::try_from(integer).ok()
}
