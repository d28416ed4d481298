//! How a link begins: what we say first, and what follows from the peer's extension handshake.

use std::sync::Arc;

use bytes::Bytes;

use super::events::{CloseReason, Output, Ready};
use super::upload::MAX_QUEUED_REQUESTS;
use super::violation::Violation;
use super::{Phase, Session};
use crate::bitfield::Bitfield;
use crate::extension::{
    DONT_HAVE_ID, ExtensionHandshake, METADATA_ID, PEX_ID, SWARMS_ID, decode_dont_have,
};
use crate::layout::PieceIndex;
use crate::metainfo::Info;
use crate::time::Timestamp;
use crate::wire::Message;

impl Session {
    /// The host lets the link in: what we have, what we can do, and that requests are welcome.
    pub(super) fn open(
        &mut self,
        swarm: Option<(Arc<Info>, Bitfield)>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        // Nodes tell each other of swarms at the rendezvous, and of pieces nowhere but in a swarm.
        let rendezvous = self.is_rendezvous();
        let swarm = swarm.or_else(|| self.early.take()).filter(|_| !rendezvous);
        if rendezvous {
            self.pieces.fast = false;
        } else {
            self.pieces
                .open(swarm.as_ref().map(|(_, ours)| ours), &mut self.outbox);
        }
        let info = swarm.as_ref().map(|(info, _)| Arc::clone(info));
        let mut handshake = self.our_handshake();
        let has_all = swarm.as_ref().is_some_and(|(_, ours)| ours.is_full());
        handshake.upload_only = has_all.then_some(true);
        self.extensions.greet(handshake, info, &mut self.outbox);
        if let Some(port) = self
            .params
            .dht_port
            .filter(|_| self.peer_dht && !rendezvous)
        {
            self.outbox.message(&Message::Port(port));
        }
        if self.extensions.is_settled() {
            // Without BEP 10 the peer says nothing of itself.
            let ready = Ready {
                listen_port: None,
                fleet: false,
                pex: false,
                client: None,
            };
            out.push(Output::Ready(ready));
        }
        if let Some((info, ours)) = swarm {
            self.know(&info, ours, out)?;
        }
        self.backlog(now, out)
    }

    /// The content became known after the link was opened.
    pub(super) fn learned(
        &mut self,
        info: Arc<Info>,
        ours: Bitfield,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        if !matches!(self.phase, Phase::Open { .. }) {
            self.early = Some((info, ours));
            return Ok(());
        }
        if self.is_rendezvous() || self.pieces.download.is_some() {
            return Ok(());
        }
        let have: Vec<_> = ours.iter().collect();
        let none = Bitfield::new(ours.pieces());
        self.extensions.greet(
            self.our_handshake(),
            Some(Arc::clone(&info)),
            &mut self.outbox,
        );
        // The peer was told that we have nothing; what we have by now are new pieces to it.
        self.know(&info, none, out)?;
        self.pieces.announce(&have, &mut self.outbox);
        Ok(())
    }

    /// A message of the extension protocol arrived.
    pub(super) fn extended(
        &mut self,
        id: u8,
        payload: &Bytes,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        if id == DONT_HAVE_ID && self.extensions.is_agreed() {
            let piece = decode_dont_have(payload)?;
            if self.is_rendezvous() {
                self.pieces.idle_words += 1;
                return Ok(());
            }
            return self.pieces.claims.lost(piece, out);
        }
        let handshake = self
            .extensions
            .message(id, payload, &mut self.outbox, out)?;
        let Some(handshake) = handshake else {
            return Ok(());
        };
        if let Some(limit) = handshake.request_limit {
            self.pieces.limit_requests(limit);
        }
        self.pieces.reciprocity.fleet = handshake.swarms_id.is_some();
        let upload_only = handshake.upload_only == Some(true);
        self.pieces.reciprocity.upload_only = upload_only;
        if self.satisfied {
            self.satisfied();
        }
        // Others say so, too, when they want no more of a content that they have in part.
        if upload_only && handshake.swarms_id.is_some() && !self.is_rendezvous() {
            self.pieces.claims.completed(out);
        }
        Ok(())
    }

    /// We have everything: says so in one word where the peer understands it (BEP 21), and piece by
    /// piece where it does not.
    pub(super) fn complete(&mut self) {
        if !self
            .pieces
            .gain_all(self.extensions.is_fleet(), &mut self.outbox)
        {
            return;
        }
        self.say_done(true);
    }

    /// We want nothing more, and have not all of it (BEP 21).
    pub(super) fn satisfied(&mut self) {
        self.satisfied = !self.extensions.is_settled();
        if self.satisfied || self.extensions.is_fleet() {
            return;
        }
        self.say_done(true);
    }

    /// We lost pieces that we announced. The peer is told so (BEP 54); one that does not understand
    /// has to begin anew, for we keep no word that we gave.
    pub(super) fn withdraw(&mut self, pieces: &[PieceIndex], out: &mut Vec<Output>) {
        if let Some((_, ours)) = &mut self.early {
            pieces.iter().for_each(|&piece| {
                ours.remove(piece);
            });
        }
        let lost = self.pieces.withdraw(pieces, &mut self.outbox);
        if lost.is_empty() {
            return;
        }
        if self.extensions.send_dont_have(&lost, &mut self.outbox) {
            self.say_done(false);
        } else {
            out.push(Output::Close(CloseReason::Withdrew));
        }
    }

    /// Do we want nothing more?
    fn say_done(&mut self, done: bool) {
        let handshake = ExtensionHandshake {
            upload_only: Some(done),
            ..ExtensionHandshake::default()
        };
        self.extensions.add(&handshake, &mut self.outbox);
    }

    fn know(
        &mut self,
        info: &Info,
        ours: Bitfield,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        self.decoder.expect_pieces(info.layout().pieces());
        self.pieces.learned(*info.layout(), ours, out)?;
        self.pieces.unchoke(&mut self.outbox);
        Ok(())
    }

    fn our_handshake(&self) -> ExtensionHandshake {
        let rendezvous = self.is_rendezvous();
        ExtensionHandshake {
            metadata_id: (!rendezvous).then_some(METADATA_ID),
            pex_id: (!rendezvous).then_some(PEX_ID),
            swarms_id: Some(SWARMS_ID),
            dont_have_id: (!rendezvous).then_some(DONT_HAVE_ID),
            port: Some(self.params.listen_port),
            client: Some(self.params.client.clone()),
            request_limit: Some(MAX_QUEUED_REQUESTS as u32),
            your_ip: self.params.remote,
            ..ExtensionHandshake::default()
        }
    }
}
