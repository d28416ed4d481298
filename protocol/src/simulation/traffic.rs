//! Bytes on the wire beside the content, as the encoders of this crate write them.
//!
//! Without the heads of TCP, IP and Ethernet, which carry the content, too.

use crate::layout::{Layout, PieceIndex};

/// A `request` or a `cancel` (BEP 3), and a `reject request` (BEP 6).
const BLOCK_MESSAGE: u64 = 17;

/// What stands before the bytes of a block.
const BLOCK_HEAD: u64 = 13;

/// A `have` (BEP 3).
const HAVE: u64 = 9;

/// `interested` or `not interested` (BEP 3).
const INTEREST: u64 = 5;

/// The handshake (BEP 3), the extension handshake (BEP 10) with all that ours says, `unchoke`, and
/// the head of a bitfield.
const GREETING: u64 = 68 + 153 + 5 + 5;

/// A second extension handshake that says `upload_only` (BEP 21).
const UPLOAD_ONLY: u64 = 30;

/// A message of peer exchange (BEP 11) without its addresses, and one address with its flags.
const EXCHANGE: u64 = 40;
const EXCHANGE_ADDED: u64 = 7;
const EXCHANGE_DROPPED: u64 = 6;

/// Bytes that a node sent beside the content.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Traffic {
    /// Requests, and the heads of the blocks that answer them.
    pub requests: u64,
    /// Haves, and the word that everything is here.
    pub haves: u64,
    /// Cancels, and the rejects that answer them.
    pub cancels: u64,
    /// Handshakes, bitfields, interest.
    pub links: u64,
    /// Peer exchange.
    pub exchanges: u64,
    /// Messages about pieces: requests, haves, cancels and interest.
    pub messages: u64,
}

impl Traffic {
    /// All bytes.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.requests + self.haves + self.cancels + self.links + self.exchanges
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.haves += other.haves;
        self.cancels += other.cancels;
        self.links += other.links;
        self.exchanges += other.exchanges;
        self.messages += other.messages;
    }

    pub(super) const fn greet(&mut self, layout: &Layout) {
        self.links += GREETING + (layout.pieces() as u64).div_ceil(8);
    }

    pub(super) const fn interest(&mut self) {
        self.links += INTEREST;
        self.messages += 1;
    }

    pub(super) fn request(&mut self, pieces: &[PieceIndex], layout: &Layout) {
        let blocks = blocks(pieces, layout);
        self.requests += blocks * BLOCK_MESSAGE;
        self.messages += blocks;
    }

    pub(super) fn answer(&mut self, pieces: &[PieceIndex], layout: &Layout) {
        self.requests += blocks(pieces, layout) * BLOCK_HEAD;
    }

    /// A cancel of all blocks: some of them may have come, so this is the most it can be.
    pub(super) fn cancel(&mut self, pieces: &[PieceIndex], layout: &Layout) {
        let blocks = blocks(pieces, layout);
        self.cancels += blocks * BLOCK_MESSAGE;
        self.messages += blocks;
    }

    /// The answer to a cancel that was in time (BEP 6).
    pub(super) fn reject(&mut self, piece: PieceIndex, layout: &Layout) {
        self.cancels += blocks(&[piece], layout) * BLOCK_MESSAGE;
    }

    pub(super) const fn have(&mut self, pieces: &[PieceIndex]) {
        self.haves += HAVE * pieces.len() as u64;
        self.messages += pieces.len() as u64;
    }

    pub(super) const fn complete(&mut self) {
        self.haves += UPLOAD_ONLY;
        self.messages += 1;
    }

    pub(super) const fn exchange(&mut self, added: usize, dropped: usize) {
        let addresses = added as u64 * EXCHANGE_ADDED + dropped as u64 * EXCHANGE_DROPPED;
        self.exchanges += EXCHANGE + addresses;
    }
}

fn blocks(pieces: &[PieceIndex], layout: &Layout) -> u64 {
    let counts = pieces.iter().map(|&piece| layout.block_count(piece));
    counts.map(u64::from).sum()
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};

    use super::*;
    use crate::extension::{ExtensionHandshake, PexMessage, PexPeer};
    use crate::wire::handshake::HANDSHAKE_LENGTH;
    use crate::wire::message::encode_piece_head;
    use crate::wire::{Message, RawBlock};

    fn length(message: &Message) -> u64 {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes);
        bytes.len() as u64
    }

    fn extended(payload: Vec<u8>) -> u64 {
        let payload = Bytes::from(payload);
        length(&Message::Extended { id: 1, payload })
    }

    #[test]
    fn the_sizes_are_those_of_the_encoders() {
        let layout = Layout::new(1 << 20, 256 << 10).unwrap();
        let piece = layout.piece(0).unwrap();
        let block = layout.nth_block(piece, 0).unwrap();
        let raw = RawBlock::from(block);
        for message in [
            Message::Request(raw),
            Message::Cancel(raw),
            Message::RejectRequest(raw),
        ] {
            assert_eq!(length(&message), BLOCK_MESSAGE);
        }
        let mut head = BytesMut::new();
        encode_piece_head(block, &mut head);
        assert_eq!(head.len() as u64, BLOCK_HEAD);
        assert_eq!(length(&Message::Have(7)), HAVE);
        assert_eq!(length(&Message::SuggestPiece(7)), HAVE);
        assert_eq!(length(&Message::Interested), INTEREST);
        let hello = ExtensionHandshake {
            metadata_id: Some(1),
            pex_id: Some(2),
            swarms_id: Some(3),
            port: Some(6881),
            client: Some("swarmlet 0.1.0".to_owned()),
            metadata_size: Some(40_000),
            request_limit: Some(8_192),
            your_ip: Some([10, 0, 0, 1].into()),
            dont_have_id: Some(4),
            upload_only: None,
        };
        let hello = extended(hello.encode());
        let empty = length(&Message::Bitfield(Bytes::new()));
        let greeting = HANDSHAKE_LENGTH as u64 + hello + length(&Message::Unchoke) + empty;
        assert!(
            (GREETING - 4..=GREETING + 4).contains(&greeting),
            "{greeting}"
        );
        let done = ExtensionHandshake {
            upload_only: Some(true),
            ..ExtensionHandshake::default()
        };
        assert_eq!(extended(done.encode()), UPLOAD_ONLY);
    }

    #[test]
    fn peer_exchange_is_counted_to_a_few_bytes() {
        let address = |number: u8| ([10, 0, 0, number], 6881).into();
        for (added, dropped) in [(1, 0), (10, 3), (100, 50)] {
            let message = PexMessage {
                added: (0..added)
                    .map(|number| PexPeer {
                        address: address(number),
                        flags: 0,
                    })
                    .collect(),
                dropped: (0..dropped).map(|number| address(100 + number)).collect(),
            };
            let mut traffic = Traffic::default();
            traffic.exchange(usize::from(added), usize::from(dropped));
            let real = extended(message.encode());
            assert!(
                traffic.total().abs_diff(real) <= 16,
                "{real} {}",
                traffic.total()
            );
        }
    }
}
