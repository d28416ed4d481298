//! Pieces on one link: the two directions of transfer, and whether the peer chokes us.
//!
//! What the peer says of its own pieces is kept in `claims`; what we say of ours, and do with its
//! requests, stands in `serving`.

mod serving;

use bytes::Bytes;

use super::claims::Claims;
use super::download::Download;
use super::events::{Output, Standing};
use super::outbox::Outbox;
use super::reciprocity::Reciprocity;
use super::upload::{MAX_QUEUED_REQUESTS, Upload};
use super::violation::Violation;
use crate::bitfield::Bitfield;
use crate::buffers::Buffers;
use crate::layout::{Layout, PieceIndex};
use crate::time::Timestamp;
use crate::wire::{Message, RawBlock};

/// 250: what a client queues that does not say (libtorrent's default, BEP 10).
pub(super) const DEFAULT_REQUEST_LIMIT: usize = 250;

/// The state of pieces on one link.
#[derive(Debug)]
pub(super) struct Pieces {
    /// The peer speaks the fast extension (BEP 6).
    pub(super) fast: bool,
    /// Both exist as soon as the layout is known.
    pub(super) download: Option<Download>,
    upload: Option<Upload>,
    layout: Option<Layout>,
    pub(super) claims: Claims,
    request_limit: usize,
    buffers: Buffers,
    peer_chokes: bool,
    we_choke: bool,
    /// The host lets the peer fetch from us.
    permitted: bool,
    /// The host says how many bytes may leave.
    upload_limited: bool,
    pub(super) reciprocity: Reciprocity,
    interested: bool,
    told_interested: bool,
    /// Our first word about pieces is said.
    opened: bool,
    /// The host is to hear that the peer chokes us.
    tell_choked: bool,
    /// Messages that changed nothing, until they are counted.
    pub(super) idle_words: u32,
}

impl Pieces {
    /// Nothing is known of either side. Memory for pieces will come from `buffers`.
    pub(super) fn new(buffers: Buffers) -> Self {
        Self {
            buffers,
            fast: false,
            download: None,
            upload: None,
            layout: None,
            claims: Claims::default(),
            request_limit: DEFAULT_REQUEST_LIMIT,
            peer_chokes: true,
            we_choke: true,
            permitted: true,
            upload_limited: false,
            reciprocity: Reciprocity::default(),
            interested: false,
            told_interested: false,
            opened: false,
            tell_choked: false,
            idle_words: 0,
        }
    }

    /// Takes the number of words that changed nothing since the last call.
    pub(super) const fn idle_words(&mut self) -> u32 {
        let claims = std::mem::replace(&mut self.claims.idle_words, 0);
        claims + std::mem::replace(&mut self.idle_words, 0)
    }

    /// The link begins: says what we have, and that requests are welcome.
    pub(super) fn open(&mut self, ours: Option<&Bitfield>, outbox: &mut Outbox) {
        match ours {
            Some(ours) if self.fast && ours.is_full() => outbox.message(&Message::HaveAll),
            Some(ours) if !ours.is_empty() => {
                outbox.message(&Message::Bitfield(Bytes::copy_from_slice(ours.as_wire())));
            }
            _ if self.fast => outbox.message(&Message::HaveNone),
            _ => {}
        }
        self.opened = true;
        self.tell_interest(outbox);
    }

    /// The layout is known: reads what the peer claimed before.
    pub(super) fn learned(
        &mut self,
        layout: Layout,
        ours: Bitfield,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        self.layout = Some(layout);
        self.download = Some(Download::new(
            layout,
            self.request_limit,
            self.buffers.clone(),
        ));
        let mut upload = Upload::new(layout, ours);
        if self.upload_limited {
            upload.limit();
        }
        self.upload = Some(upload);
        self.claims.learned(layout, out)
    }

    /// What the link looks like from outside.
    pub(super) fn standing(&self) -> Standing {
        Standing {
            interested: self.interested,
            choked: self.peer_chokes,
            peer_interested: self.reciprocity.interested,
            peer_choked: self.we_choke,
            peer_has: self.claims.count(),
            moved: (
                self.download.as_ref().map_or(0, |download| download.given),
                self.upload.as_ref().map_or(0, |upload| upload.taken),
            ),
        }
    }

    /// The peer queues so many requests (`reqq`, BEP 10).
    pub(super) fn limit_requests(&mut self, limit: u32) {
        self.request_limit = (limit as usize).clamp(1, MAX_QUEUED_REQUESTS);
        if let Some(download) = &mut self.download {
            download.request_limit = self.request_limit;
        }
    }

    /// A message about pieces.
    pub(super) fn message(
        &mut self,
        message: Message,
        outbox: &mut Outbox,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        if !self.fast
            && let Some(id) = needs_fast(&message)
        {
            return Err(Violation::NotNegotiated(id));
        }
        self.idle_words += u32::from(match &message {
            // Looked at where it is known whether they bring something.
            Message::Request(_) | Message::Have(_) | Message::SuggestPiece(_) => false,
            _ => true,
        });
        match message {
            Message::Choke => self.choked(out),
            Message::Unchoke => self.peer_chokes = false,
            Message::Bitfield(bits) => return self.claims.bitfield(&bits, out),
            Message::HaveAll => self.claims.have_all(out),
            Message::HaveNone => return self.claims.have_none(),
            Message::Have(piece) => return self.claims.have(piece),
            Message::Request(block) => return self.requested(block, outbox),
            Message::Cancel(block) => self.cancelled(block, outbox),
            Message::RejectRequest(block) => self.rejected(block, outbox, out),
            Message::SuggestPiece(piece) => self.claims.suggested(piece),
            Message::Interested => self.reciprocity.interested = true,
            Message::NotInterested => self.reciprocity.interested = false,
            // We ask only where we are unchoked, so an allowed-fast set changes nothing.
            _ => {}
        }
        Ok(())
    }

    pub(super) fn block(&mut self, block: RawBlock, now: Timestamp) -> Result<(), Violation> {
        let unrequested = Violation::Unrequested {
            piece: block.piece,
            begin: block.begin,
        };
        self.download.as_mut().ok_or(unrequested)?.block(block, now)
    }

    pub(super) fn data(&mut self, data: &[u8], now: Timestamp) {
        if let Some(download) = &mut self.download {
            download.data(data, now);
        }
    }

    /// Takes over leases; returns those that cannot be used because the peer chokes us.
    pub(super) fn grant(&mut self, pieces: Vec<PieceIndex>, now: Timestamp) -> Vec<PieceIndex> {
        match &mut self.download {
            Some(download) if !self.peer_chokes => download.grant(pieces, now),
            _ => return pieces,
        }
        Vec::new()
    }

    pub(super) fn cancel(&mut self, pieces: &[PieceIndex], outbox: &mut Outbox) {
        if let Some(download) = &mut self.download {
            download.cancel(pieces, outbox);
        }
    }

    pub(super) fn interest(&mut self, interested: bool, outbox: &mut Outbox) {
        self.interested = interested;
        self.tell_interest(outbox);
    }

    /// Nothing may precede the handshakes and the bitfield, so before the link is open interest is
    /// only noted.
    fn tell_interest(&mut self, outbox: &mut Outbox) {
        if self.opened && self.told_interested != self.interested {
            self.told_interested = self.interested;
            let interested = self.interested;
            let word = if interested {
                Message::Interested
            } else {
                Message::NotInterested
            };
            outbox.message(&word);
        }
    }

    /// Tops up requests, asks for leases, hands over whole pieces, reads for the peer.
    pub(super) fn work(&mut self, outbox: &mut Outbox, now: Timestamp, out: &mut Vec<Output>) {
        if let Some(upload) = &mut self.upload
            && let Some(blocks) = upload.next_read(outbox.len())
        {
            out.push(Output::Read(blocks));
        }
        self.reciprocity.work(
            self.claims.is_complete(),
            self.download.as_ref(),
            self.upload.as_ref(),
            now,
            out,
        );
        let Some(download) = &mut self.download else {
            return;
        };
        if let Some(pieces) = download.flush(now) {
            out.push(Output::Pieces(pieces));
        }
        out.extend(download.spilled().into_iter().map(Output::Spill));
        if download.progressed() {
            out.push(Output::Progress);
        }
        // A peer that chokes and unchokes a thousand times in one read is told of once.
        let choked = std::mem::take(&mut self.tell_choked) && self.peer_chokes;
        let bytes = if choked {
            Some(0)
        } else if self.peer_chokes || !self.interested {
            None
        } else {
            download.ask(outbox, now);
            download.want()
        };
        if let Some(bytes) = bytes {
            let (rate, round_trip) = (download.pipeline.rate(), download.pipeline.round_trip());
            out.push(Output::Want {
                bytes,
                round_trip,
                rate,
            });
        }
    }

    fn choked(&mut self, out: &mut Vec<Output>) {
        if std::mem::replace(&mut self.peer_chokes, true) {
            return;
        }
        let Some(download) = &mut self.download else {
            return;
        };
        let returned = download.give_up();
        if !returned.is_empty() {
            out.push(Output::Returned(returned));
        }
        self.tell_choked = true;
    }

    fn rejected(&mut self, block: RawBlock, outbox: &mut Outbox, out: &mut Vec<Output>) {
        let Some(download) = &mut self.download else {
            return;
        };
        if let Some(piece) = download.rejected(block, outbox) {
            // It said that it has the piece and will not send it: the same as not having it.
            out.push(Output::Returned(vec![piece]));
            self.claims.lacks(piece, out);
        }
    }
}

const fn needs_fast(message: &Message) -> Option<u8> {
    match message {
        Message::SuggestPiece(_) => Some(0x0d),
        Message::HaveAll => Some(0x0e),
        Message::HaveNone => Some(0x0f),
        Message::RejectRequest(_) => Some(0x10),
        Message::AllowedFast(_) => Some(0x11),
        _ => None,
    }
}
