//! What the peer says.

use bytes::{Bytes, BytesMut};
use swarmlet_protocol::extension::{
    DONT_HAVE_ID, ExtensionHandshake, METADATA_ID, MetadataMessage, PEX_ID, PexMessage, PexPeer,
    SWARMS_ID, SwarmsMessage, encode_dont_have,
};
use swarmlet_protocol::id::PeerId;
use swarmlet_protocol::layout::{BLOCK_LENGTH, Block, PieceIndex};
use swarmlet_protocol::session::Violation;
use swarmlet_protocol::wire::message::encode_piece_head;
use swarmlet_protocol::wire::{Handshake, Message, RawBlock};

use super::{RENDEZVOUS, SWARM, World};
use crate::Hand;

impl World {
    pub(super) fn peer_says(&mut self, kind: u8, hand: &mut Hand<'_>) -> Result<(), Violation> {
        match kind {
            // It answers what it was asked, the oldest first as a rule.
            0..=39 => self.serve(hand),
            40..=47 => self.say(&Message::Unchoke),
            48..=51 => self.say(&Message::Choke),
            52..=55 => self.say(&Message::Interested),
            56..=57 => self.say(&Message::NotInterested),
            58..=60 => self.say(&Message::HaveAll),
            61 => self.say(&Message::HaveNone),
            62..=71 => self.say(&Message::Have(self.piece(hand))),
            72..=75 => self.say(&Message::Bitfield(Bytes::copy_from_slice(
                hand.some_bytes(),
            ))),
            76..=87 => self.say(&Message::Request(self.block(hand))),
            88..=91 => self.say(&Message::Cancel(self.block(hand))),
            92..=95 => {
                let block = match hand.coin() {
                    true => self.requests.pop().unwrap_or_else(|| self.block(hand)),
                    false => self.block(hand),
                };
                self.say(&Message::RejectRequest(block))
            }
            96..=98 => self.say(&Message::SuggestPiece(self.piece(hand))),
            99..=101 => self.say(&Message::AllowedFast(self.piece(hand))),
            102..=103 => self.say(&Message::Port(hand.short())),
            104..=106 => self.say(&Message::KeepAlive),
            107..=108 => self.say(&Message::Unknown(21 + hand.byte() % 200)),
            109..=119 => self.greet_extensions(hand),
            120..=126 => self.say_extended(METADATA_ID, self.metadata(hand)),
            127..=131 => self.say_extended(PEX_ID, pex(hand)),
            132..=136 => self.say_extended(SWARMS_ID, SwarmsMessage::default().encode()),
            137..=143 => {
                self.say_extended(DONT_HAVE_ID, encode_dont_have(self.piece(hand)).to_vec())
            }
            144..=147 => {
                let id = hand.byte() % 8;
                self.say_extended(id, hand.some_bytes().to_vec())
            }
            148..=151 => self.babble(hand.some_bytes()),
            152..=155 => self.deliver(self.block(hand), hand.coin()),
            _ => {
                let handshake = Handshake {
                    info_hash: if hand.below(4) == 0 {
                        RENDEZVOUS
                    } else {
                        SWARM
                    },
                    peer_id: PeerId([2; 20]),
                    extensions: hand.coin(),
                    fast: hand.coin(),
                    dht: hand.coin(),
                };
                let cut = hand.below(80) as usize;
                let bytes = handshake.encode();
                match bytes.get(..cut) {
                    Some(part) => self.babble(part),
                    None => self.hear(&bytes),
                }
            }
        }
    }

    fn say(&mut self, message: &Message) -> Result<(), Violation> {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes);
        self.hear(&bytes)
    }

    /// Bytes that need not be whole messages.
    fn babble(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        self.is_garbled |= !bytes.is_empty();
        self.hear(bytes)
    }

    fn say_extended(&mut self, id: u8, payload: Vec<u8>) -> Result<(), Violation> {
        let payload = payload.into();
        self.say(&Message::Extended { id, payload })
    }

    fn serve(&mut self, hand: &mut Hand<'_>) -> Result<(), Violation> {
        if self.requests.is_empty() {
            return Ok(());
        }
        let how = hand.byte();
        let at = match how & 3 {
            3 => usize::from(how >> 2) % self.requests.len(),
            _ => 0,
        };
        let block = self.requests.remove(at);
        self.deliver(block, how < 252)
    }

    /// A `piece` message; each of its bytes is the number of the piece. Of one that is not whole the rest is
    /// whatever the peer says next.
    fn deliver(&mut self, block: RawBlock, is_whole: bool) -> Result<(), Violation> {
        let length = block.length.clamp(1, BLOCK_LENGTH);
        let mut bytes = BytesMut::new();
        let head = Block {
            piece: PieceIndex::new(block.piece),
            begin: block.begin,
            length,
        };
        encode_piece_head(head, &mut bytes);
        let sent = if is_whole { length } else { length / 2 };
        bytes.resize(bytes.len() + sent as usize, block.piece as u8);
        self.is_garbled |= sent < length;
        self.hear(&bytes)
    }

    /// The number of a piece, or of the first that does not exist.
    pub(super) fn piece(&self, hand: &mut Hand<'_>) -> u32 {
        let byte = hand.byte();
        match byte {
            255 => u32::MAX,
            _ => u32::from(byte) % (self.layout().pieces() + 1),
        }
    }

    fn block(&self, hand: &mut Hand<'_>) -> RawBlock {
        let piece = self.piece(hand);
        let (begin, length) = match hand.below(8) {
            0 => (hand.word(), hand.word()),
            1 => (hand.magnitude() as u32, hand.magnitude() as u32),
            number => {
                let index = PieceIndex::new(piece);
                let block = self.layout().nth_block(index, number % 2);
                block.map_or((0, BLOCK_LENGTH), |block| (block.begin, block.length))
            }
        };
        RawBlock {
            piece,
            begin,
            length,
        }
    }

    fn greet_extensions(&mut self, hand: &mut Hand<'_>) -> Result<(), Violation> {
        let which = hand.byte();
        let id = |bit: u8, id: u8| (which >> bit & 1 == 0).then_some(id);
        let handshake = ExtensionHandshake {
            metadata_id: id(0, 2),
            pex_id: id(1, 5),
            swarms_id: id(2, 3),
            dont_have_id: id(3, 4),
            port: id(4, 9).map(u16::from),
            client: id(5, 0).map(|_| "x".to_owned()),
            metadata_size: id(6, 0).map(|_| 1 + u32::from(hand.short())),
            request_limit: id(7, 0).map(|_| 1 + hand.below(9)),
            ..ExtensionHandshake::default()
        };
        self.say_extended(0, handshake.encode())
    }

    fn metadata(&self, hand: &mut Hand<'_>) -> Vec<u8> {
        let piece = hand.below(3);
        let message = match hand.below(4) {
            0 | 1 => MetadataMessage::Request { piece },
            2 => MetadataMessage::Reject { piece },
            _ => {
                let data = hand.some_bytes();
                MetadataMessage::Data {
                    piece,
                    total_size: data.len() as u32,
                    data: Bytes::copy_from_slice(data),
                }
            }
        };
        message.encode()
    }
}

fn pex(hand: &mut Hand<'_>) -> Vec<u8> {
    let mut peer = || PexPeer {
        address: ([10, 0, 0, hand.byte()], 6881).into(),
        flags: hand.byte(),
    };
    let message = PexMessage {
        added: vec![peer(), peer()],
        dropped: vec![peer().address],
    };
    message.encode()
}
