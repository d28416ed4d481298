//! The 68 bytes that open every link (BEP 3), and the features they announce.

use thiserror::Error;

use crate::id::{InfoHash, PeerId};

/// Bytes of a handshake: a length, the protocol's name, eight reserved bytes and two names.
pub const HANDSHAKE_LENGTH: usize = 68;

/// The length byte and the name that it counts.
pub const PROTOCOL: &[u8; 20] = b"\x13BitTorrent protocol";

/// What a node says of itself before anything else.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Handshake {
    /// The swarm that the link is for.
    pub info_hash: InfoHash,
    /// Who is speaking.
    pub peer_id: PeerId,
    /// It speaks the extension protocol (BEP 10).
    pub extensions: bool,
    /// It speaks the fast extension (BEP 6).
    pub fast: bool,
    /// It has a node of the distributed hash table, and will tell its port (BEP 5).
    pub dht: bool,
}

/// Bytes that do not open a BitTorrent link.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Another protocol is spoken there.
    #[error("the first bytes are not a BitTorrent handshake")]
    OtherProtocol,
}

impl Handshake {
    /// The bytes that stand on the wire.
    #[must_use]
    pub fn encode(&self) -> [u8; HANDSHAKE_LENGTH] {
        let mut bytes = [0; HANDSHAKE_LENGTH];
        bytes[..20].copy_from_slice(PROTOCOL);
        bytes[25] = if self.extensions { EXTENSIONS_BIT } else { 0 };
        bytes[27] = if self.fast { FAST_BIT } else { 0 } | if self.dht { DHT_BIT } else { 0 };
        bytes[28..48].copy_from_slice(&self.info_hash.0);
        bytes[48..].copy_from_slice(&self.peer_id.0);
        bytes
    }

    /// Reads a whole handshake. Reserved bits that we do not know are ignored.
    ///
    /// # Errors
    /// Refuses another protocol.
    pub fn decode(bytes: &[u8; HANDSHAKE_LENGTH]) -> Result<Self, HandshakeError> {
        Self::check_start(bytes)?;
        let mut info_hash = InfoHash([0; 20]);
        let mut peer_id = PeerId([0; 20]);
        info_hash.0.copy_from_slice(&bytes[28..48]);
        peer_id.0.copy_from_slice(&bytes[48..]);
        Ok(Self {
            info_hash,
            peer_id,
            extensions: bytes[25] & EXTENSIONS_BIT != 0,
            fast: bytes[27] & FAST_BIT != 0,
            dht: bytes[27] & DHT_BIT != 0,
        })
    }

    /// Refuses another protocol as soon as its first byte is here, however few bytes have come.
    ///
    /// # Errors
    /// When the bytes cannot become a handshake.
    pub fn check_start(bytes: &[u8]) -> Result<(), HandshakeError> {
        let known = bytes.len().min(PROTOCOL.len());
        if bytes[..known] == PROTOCOL[..known] {
            Ok(())
        } else {
            Err(HandshakeError::OtherProtocol)
        }
    }
}

/// Bit 20 from the right: reserved byte 5 (BEP 10).
const EXTENSIONS_BIT: u8 = 0x10;
/// The third least significant bit of the last reserved byte (BEP 6).
const FAST_BIT: u8 = 0x04;
/// The least significant bit of the last reserved byte (BEP 5).
const DHT_BIT: u8 = 0x01;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn another_protocol_is_refused_at_its_first_byte() {
        assert_eq!(
            Handshake::check_start(b"GET / HTTP"),
            Err(HandshakeError::OtherProtocol)
        );
        assert_eq!(
            Handshake::check_start(b"\x16\x03\x01"),
            Err(HandshakeError::OtherProtocol)
        );
        assert_eq!(Handshake::check_start(b"\x13Bit"), Ok(()));
        assert_eq!(Handshake::check_start(b""), Ok(()));
    }

    proptest! {
        #[test]
        fn it_reads_what_it_writes(
            hash: [u8; 20], id: [u8; 20], extensions: bool, fast: bool, dht: bool
        ) {
            let handshake = Handshake {
                info_hash: InfoHash(hash), peer_id: PeerId(id), extensions, fast, dht };
            prop_assert_eq!(Handshake::decode(&handshake.encode()), Ok(handshake));
        }
    }
}
