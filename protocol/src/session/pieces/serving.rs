//! What the peer may have of us: whom the host lets fetch, what we have, and its requests.

use bytes::Bytes;

use super::Pieces;
use crate::layout::{Block, PieceIndex};
use crate::session::outbox::Outbox;
use crate::session::violation::Violation;
use crate::wire::{Message, RawBlock};

impl Pieces {
    /// The host lets the peer fetch from us: it hears so as soon as we can answer.
    pub(in crate::session) fn permit(&mut self, outbox: &mut Outbox) {
        self.permitted = true;
        self.unchoke(outbox);
    }

    /// We take requests from now on, if the host lets us and the content is known.
    pub(in crate::session) fn unchoke(&mut self, outbox: &mut Outbox) {
        if self.permitted && self.upload.is_some() && std::mem::take(&mut self.we_choke) {
            outbox.message(&Message::Unchoke);
        }
    }

    /// We take no requests from now on. Those that wait are refused one by one (BEP 6), or the peer
    /// knows that they are void (BEP 3).
    pub(in crate::session) fn choke(&mut self, outbox: &mut Outbox) {
        self.permitted = false;
        if std::mem::replace(&mut self.we_choke, true) {
            return;
        }
        outbox.message(&Message::Choke);
        let Some(upload) = &mut self.upload else {
            return;
        };
        let dropped = upload.choke(self.fast);
        if self.fast {
            for block in dropped {
                outbox.message(&Message::RejectRequest(block.into()));
            }
        }
    }

    pub(in crate::session) const fn limit_upload(&mut self) {
        self.upload_limited = true;
        if let Some(upload) = &mut self.upload {
            upload.limit();
        }
    }

    pub(in crate::session) fn wanted_allowance(&self, waiting: usize) -> Option<u64> {
        self.upload.as_ref()?.wanted_allowance(waiting)
    }

    pub(in crate::session) const fn allow_upload(&mut self, bytes: u64) {
        if let Some(upload) = &mut self.upload {
            upload.allow(bytes);
        }
    }

    pub(in crate::session) fn announce(&mut self, pieces: &[PieceIndex], outbox: &mut Outbox) {
        let Some(upload) = &mut self.upload else {
            return;
        };
        for &piece in pieces {
            if upload.gain(piece) {
                outbox.message(&Message::Have(piece.get()));
            }
        }
    }

    /// Says which pieces we would like to send first (BEP 6).
    pub(in crate::session) fn suggest(&self, pieces: &[PieceIndex], outbox: &mut Outbox) {
        if !self.fast || !self.opened {
            return;
        }
        for piece in pieces {
            outbox.message(&Message::SuggestPiece(piece.get()));
        }
    }

    /// We have everything. Peers that are not of the fleet hear of each piece that is news to
    /// them. Says whether anything changed.
    pub(in crate::session) fn gain_all(&mut self, fleet: bool, outbox: &mut Outbox) -> bool {
        let (Some(upload), Some(layout)) = (&mut self.upload, &self.layout) else {
            return false;
        };
        let mut changed = false;
        for piece in layout.all_pieces() {
            if upload.gain(piece) {
                changed = true;
                if !fleet {
                    outbox.message(&Message::Have(piece.get()));
                }
            }
        }
        changed
    }

    /// We have these no longer: what the peer asked of them is refused. Gives those that it was told
    /// of.
    pub(in crate::session) fn withdraw(
        &mut self,
        pieces: &[PieceIndex],
        outbox: &mut Outbox,
    ) -> Vec<PieceIndex> {
        let Some(upload) = &mut self.upload else {
            return Vec::new();
        };
        let mut lost = pieces.to_vec();
        lost.retain(|&piece| upload.lose(piece));
        for block in upload.drop_lost() {
            if self.fast {
                outbox.message(&Message::RejectRequest(block.into()));
            }
        }
        lost
    }

    pub(in crate::session) fn answer(
        &mut self,
        blocks: &[Block],
        data: Bytes,
        outbox: &mut Outbox,
    ) {
        if let Some(upload) = &mut self.upload {
            upload.answer(blocks, data, outbox);
        }
    }

    pub(in crate::session) fn refuse(&mut self, blocks: &[Block], outbox: &mut Outbox) {
        if let Some(upload) = &mut self.upload {
            upload.refuse(blocks, self.fast, outbox);
        }
    }

    pub(super) fn requested(
        &mut self,
        block: RawBlock,
        outbox: &mut Outbox,
    ) -> Result<(), Violation> {
        let refused = match &mut self.upload {
            Some(upload) if !self.we_choke => match upload.request(block) {
                Ok(true) => return Ok(()),
                Ok(false) => Ok(()),
                Err(violation) => Err(violation),
            },
            // It may have asked before it heard of the choke.
            Some(upload) => upload.check(block),
            None => Err(Violation::RequestedMissing(block.piece)),
        };
        self.idle_words += 1;
        if self.fast {
            outbox.message(&Message::RejectRequest(block));
        }
        refused
    }

    pub(super) fn cancelled(&mut self, block: RawBlock, outbox: &mut Outbox) {
        let Some(upload) = &mut self.upload else {
            return;
        };
        // "A peer MUST either send the piece or a reject" (BEP 6).
        if upload.cancel(block) && self.fast {
            outbox.message(&Message::RejectRequest(block));
        }
    }
}
