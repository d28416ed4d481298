//! The extension protocol on one link (BEP 10): metadata, peer exchange, and our rendezvous.

use std::sync::Arc;

use bytes::Bytes;

use super::events::{Output, Ready};
use super::outbox::Outbox;
use super::violation::Violation;
use crate::extension::handshake::{
    ExtensionHandshake, METADATA_ID, METADATA_NAME, PEX_ID, PEX_NAME, SWARMS_ID, SWARMS_NAME,
};
use crate::extension::metadata::MetadataMessage;
use crate::extension::pex::PexMessage;
use crate::extension::rendezvous::SwarmsMessage;
use crate::metadata_fetch::METADATA_PIECE;
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
        outbox.message(&Message::Extended { id: 0, payload });
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
        let malformed = |extension| move |error| Violation::Extension { extension, error };
        match id {
            0 => {
                let handshake =
                    ExtensionHandshake::decode(payload).map_err(malformed("extension handshake"))?;
                return Ok(Some(self.greeted(handshake, outbox, out)));
            }
            METADATA_ID => {
                let message =
                    MetadataMessage::decode(payload).map_err(malformed(METADATA_NAME))?;
                self.metadata(message, outbox, out);
            }
            PEX_ID => {
                let pex = PexMessage::decode(payload).map_err(malformed(PEX_NAME))?;
                out.push(Output::Pex(pex));
            }
            SWARMS_ID => {
                let swarms = SwarmsMessage::decode(payload).map_err(malformed(SWARMS_NAME))?;
                out.push(Output::Swarms(swarms));
            }
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
            Some(ExtensionHandshake { swarms_id: Some(id), .. }) => {
                send(*id, swarms.encode(), outbox);
            }
            Some(_) => {}
            None => self.swarms = Some(swarms),
        }
    }

    fn greeted(
        &mut self,
        mut handshake: ExtensionHandshake,
        outbox: &mut Outbox,
        out: &mut Vec<Output>,
    ) -> ExtensionHandshake {
        let first = self.peer.is_none();
        let offered = self.peer.as_ref().and_then(|peer| peer.metadata_size);
        handshake.metadata_size = handshake.metadata_size.or(offered);
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
        handshake
    }

    fn metadata(&mut self, message: MetadataMessage, outbox: &mut Outbox, out: &mut Vec<Output>) {
        match message {
            MetadataMessage::Request { piece } => {
                let Some(id) = self.peer.as_ref().and_then(|peer| peer.metadata_id) else { return };
                send(id, self.metadata_answer(piece).encode(), outbox);
            }
            MetadataMessage::Data { piece, total_size, data } => {
                out.push(Output::MetadataData { piece, total_size, data });
            }
            MetadataMessage::Reject { piece } => out.push(Output::MetadataRejected(piece)),
            _ => {}
        }
    }

    fn metadata_answer(&mut self, piece: u32) -> MetadataMessage {
        let reject = MetadataMessage::Reject { piece };
        let Some(info) = &self.info else { return reject };
        let bytes = info.bytes();
        let parts = bytes.len().div_ceil(METADATA_PIECE) as u32;
        if piece >= parts || self.served >= parts.saturating_mul(SERVED_PER_PART) {
            return reject;
        }
        self.served += 1;
        let start = piece as usize * METADATA_PIECE;
        let end = bytes.len().min(start + METADATA_PIECE);
        let total_size = bytes.len() as u32;
        MetadataMessage::Data { piece, total_size, data: bytes.slice(start..end) }
    }
}

fn send(id: u8, payload: Vec<u8>, outbox: &mut Outbox) {
    outbox.message(&Message::Extended { id, payload: Bytes::from(payload) });
}
