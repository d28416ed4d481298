//! The extension protocol on one link (BEP 10): metadata, peer exchange, and our rendezvous.

use std::sync::Arc;

use bytes::Bytes;

use super::events::{Output, Ready};
use super::outbox::Outbox;
use super::violation::Violation;
use crate::extension::{
    ExtensionHandshake, HANDSHAKE_ID, METADATA_ID, MetadataMessage, PEX_ID, PexMessage, SWARMS_ID,
    SwarmsMessage, encode_dont_have, metadata_piece, metadata_pieces,
};
use crate::layout::PieceIndex;
use crate::metainfo::Info;
use crate::wire::Message;

/// The parts of the metadata that one peer may ask for, as a multiple of what there is: enough for
/// a peer that starts again, and an end to one that only wants to be sent bytes.
const SERVED_PER_PART: u32 = 4;

/// The state of the extension protocol on one link.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    /// Both sides speak BEP 10.
    agreed: bool,
    /// What the peer said; later handshakes add to the first (BEP 10).
    peer: Option<ExtensionHandshake>,
    info: Option<Arc<Info>>,
    served: u32,
    /// Waits for the peer's handshake, which tells its number for the message.
    swarms: Option<SwarmsMessage>,
}

impl Extensions {
    /// The handshakes say whether the peer speaks BEP 10.
    pub(super) const fn agree(&mut self, agreed: bool) {
        self.agreed = agreed;
    }

    /// Do both sides speak BEP 10?
    pub(super) const fn is_agreed(&self) -> bool {
        self.agreed
    }

    /// Nothing more is to be waited for.
    pub(super) const fn is_settled(&self) -> bool {
        !self.agreed || self.peer.is_some()
    }

    /// Says what we can do; again when the metadata becomes known.
    pub(super) fn greet(
        &mut self,
        mut handshake: ExtensionHandshake,
        info: Option<Arc<Info>>,
        outbox: &mut Outbox,
    ) {
        if !self.agreed {
            return;
        }
        handshake.metadata_size = info.as_ref().map(|info| info.bytes().len() as u32);
        self.info = info;
        let payload = Bytes::from(handshake.encode());
        outbox.message(&Message::Extended {
            id: HANDSHAKE_ID,
            payload,
        });
    }

    /// Is the peer one of ours?
    pub(super) fn is_fleet(&self) -> bool {
        let peer = self.peer.as_ref();
        peer.is_some_and(|peer| peer.swarms_id.is_some())
    }

    /// Adds to what we said before ("subsequent handshake messages", BEP 10).
    pub(super) fn add(&self, handshake: &ExtensionHandshake, outbox: &mut Outbox) {
        if self.agreed {
            send(HANDSHAKE_ID, handshake.encode(), outbox);
        }
    }

    /// A message of the extension protocol. Returns the peer's handshake if it was one.
    pub(super) fn message(
        &mut self,
        id: u8,
        payload: &Bytes,
        outbox: &mut Outbox,
        out: &mut Vec<Output>,
    ) -> Result<Option<ExtensionHandshake>, Violation> {
        if !self.agreed {
            return Err(Violation::NotNegotiated(20));
        }
        match id {
            HANDSHAKE_ID => return self.greeted(payload, outbox, out).map(Some),
            METADATA_ID => self.metadata(MetadataMessage::decode(payload)?, outbox, out),
            PEX_ID => out.push(Output::Pex(PexMessage::decode(payload)?)),
            SWARMS_ID => out.push(Output::Swarms(SwarmsMessage::decode(payload)?)),
            // "Unknown names should be ignored", and so should numbers.
            _ => {}
        }
        Ok(None)
    }

    pub(super) fn request_metadata(&self, piece: u32, outbox: &mut Outbox, out: &mut Vec<Output>) {
        match self.peer.as_ref().and_then(|peer| peer.metadata_id) {
            Some(id) => send(id, MetadataMessage::Request { piece }.encode(), outbox),
            None => out.push(Output::MetadataRejected(piece)),
        }
    }

    pub(super) fn send_pex(&self, pex: &PexMessage, outbox: &mut Outbox) {
        if let Some(id) = self.peer.as_ref().and_then(|peer| peer.pex_id) {
            send(id, pex.encode(), outbox);
        }
    }

    pub(super) fn send_swarms(&mut self, swarms: SwarmsMessage, outbox: &mut Outbox) {
        match &self.peer {
            Some(ExtensionHandshake {
                swarms_id: Some(id),
                ..
            }) => {
                send(*id, swarms.encode(), outbox);
            }
            Some(_) => {}
            None => self.swarms = Some(swarms),
        }
    }

    /// Takes back what was said of these pieces (BEP 54). Says whether the peer understands.
    pub(super) fn send_dont_have(&self, pieces: &[PieceIndex], outbox: &mut Outbox) -> bool {
        let Some(id) = self.peer.as_ref().and_then(|peer| peer.dont_have_id) else {
            return false;
        };
        for piece in pieces {
            send(id, encode_dont_have(piece.get()).to_vec(), outbox);
        }
        true
    }

    fn greeted(
        &mut self,
        payload: &Bytes,
        outbox: &mut Outbox,
        out: &mut Vec<Output>,
    ) -> Result<ExtensionHandshake, Violation> {
        let offered = self.peer.as_ref().and_then(|peer| peer.metadata_size);
        let first = self.peer.is_none();
        let mut handshake = self.peer.take().unwrap_or_default();
        handshake.update(payload)?;
        if handshake.metadata_id.is_some()
            && let Some(size) = handshake.metadata_size
            && offered != Some(size)
        {
            out.push(Output::MetadataOffered(size));
        }
        if first {
            out.push(Output::Ready(Ready {
                listen_port: handshake.port,
                fleet: handshake.swarms_id.is_some(),
                pex: handshake.pex_id.is_some(),
                client: handshake.client.clone(),
            }));
        }
        self.peer = Some(handshake.clone());
        if let Some(swarms) = self.swarms.take() {
            self.send_swarms(swarms, outbox);
        }
        Ok(handshake)
    }

    fn metadata(&mut self, message: MetadataMessage, outbox: &mut Outbox, out: &mut Vec<Output>) {
        match message {
            MetadataMessage::Request { piece } => {
                let Some(id) = self.peer.as_ref().and_then(|peer| peer.metadata_id) else {
                    return;
                };
                send(id, self.metadata_answer(piece).encode(), outbox);
            }
            MetadataMessage::Data {
                piece,
                total_size,
                data,
            } => {
                out.push(Output::MetadataData {
                    piece,
                    total_size,
                    data,
                });
            }
            MetadataMessage::Reject { piece } => out.push(Output::MetadataRejected(piece)),
            _ => {}
        }
    }

    fn metadata_answer(&mut self, piece: u32) -> MetadataMessage {
        let reject = MetadataMessage::Reject { piece };
        let Some(info) = &self.info else {
            return reject;
        };
        let total_size = info.bytes().len() as u32;
        let limit = metadata_pieces(total_size).saturating_mul(SERVED_PER_PART);
        match metadata_piece(total_size, piece) {
            Some(range) if self.served < limit => {
                self.served += 1;
                MetadataMessage::Data {
                    piece,
                    total_size,
                    data: info.bytes().slice(range),
                }
            }
            _ => reject,
        }
    }
}

fn send(id: u8, payload: Vec<u8>, outbox: &mut Outbox) {
    outbox.message(&Message::Extended {
        id,
        payload: Bytes::from(payload),
    });
}
