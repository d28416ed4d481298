//! Pieces on one link: who has what, who chokes whom, and the two directions of transfer.
//!
//! Before the layout is known (a link of a swarm whose metadata is still being fetched) the peer's
//! claims are kept as they came, within bounds, and read when the layout is there.

use bytes::Bytes;

use super::download::Download;
use super::events::{Output, PeerHave};
use super::outbox::Outbox;
use super::upload::{MAX_QUEUED_REQUESTS, Upload};
use super::violation::Violation;
use crate::bitfield::Bitfield;
use crate::buffers::Buffers;
use crate::layout::{Block, Layout, PieceIndex};
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
    theirs: Bitfield,
    claims: Claims,
    request_limit: usize,
    buffers: Buffers,
    peer_chokes: bool,
    we_choke: bool,
    interested: bool,
    told_interested: bool,
    /// Our first word about pieces is said.
    opened: bool,
    /// The host is to hear that the peer chokes us.
    tell_choked: bool,
    /// `have`s of the present read, told to the host together.
    fresh: Vec<PieceIndex>,
    /// Suggestions of the present read, likewise.
    suggested: Vec<PieceIndex>,
    told_complete: bool,
    /// Suggestions that came.
    advice: u32,
    /// Messages that changed nothing, until they are counted.
    pub(super) idle_words: u32,
}

/// What a peer said of its pieces before the layout was known.
#[derive(Debug, Default)]
struct Claims {
    all: bool,
    bitfield: Option<Bytes>,
    haves: Vec<u32>,
    suggested: Vec<u32>,
    /// Something was said: a bitfield would be late.
    spoken: bool,
}

/// 65,536: `have`s remembered before the layout is known. A peer sends its bitfield first, so only
/// what it finishes meanwhile comes this way.
const MAX_EARLY_HAVES: usize = 65_536;

/// 1,024 suggestions of one read are passed on, or kept until the layout is known; more is no
/// longer advice.
const MAX_SUGGESTIONS: usize = 1_024;

impl Pieces {
    /// Nothing is known of either side. Memory for pieces will come from `buffers`.
    pub(super) fn new(buffers: Buffers) -> Self {
        Self {
            buffers,
            fast: false,
            download: None,
            upload: None,
            layout: None,
            theirs: Bitfield::new(0),
            claims: Claims::default(),
            request_limit: DEFAULT_REQUEST_LIMIT,
            peer_chokes: true,
            we_choke: true,
            interested: false,
            told_interested: false,
            opened: false,
            tell_choked: false,
            fresh: Vec::new(),
            suggested: Vec::new(),
            told_complete: false,
            advice: 0,
            idle_words: 0,
        }
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

    /// We take requests from now on.
    pub(super) fn unchoke(&mut self, outbox: &mut Outbox) {
        if std::mem::take(&mut self.we_choke) {
            outbox.message(&Message::Unchoke);
        }
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
        self.upload = Some(Upload::new(layout, ours));
        self.theirs = Bitfield::new(layout.pieces());
        let claims = std::mem::take(&mut self.claims);
        match claims.bitfield {
            _ if claims.all => self.has_all(out),
            Some(bits) => self.has_only(&bits, out)?,
            None => {}
        }
        for piece in claims.haves {
            self.has(piece)?;
        }
        claims
            .suggested
            .into_iter()
            .for_each(|piece| self.suggested(piece));
        self.claims.spoken = claims.spoken;
        self.tell_haves(out);
        Ok(())
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
            Message::Bitfield(bits) => {
                self.first_word()?;
                return self.has_only(&bits, out);
            }
            Message::HaveAll => {
                self.first_word()?;
                self.has_all(out);
            }
            Message::HaveNone => return self.first_word(),
            Message::Have(piece) => return self.has(piece),
            Message::Request(block) => return self.requested(block, outbox),
            Message::Cancel(block) => self.cancelled(block, outbox),
            Message::RejectRequest(block) => self.rejected(block, outbox, out),
            Message::SuggestPiece(piece) => self.suggested(piece),
            // We unchoke everybody we keep, so their interest changes nothing; allowed-fast sets
            // are for peers that do not.
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

    pub(super) fn announce(&mut self, pieces: &[PieceIndex], outbox: &mut Outbox) {
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
    pub(super) fn suggest(&self, pieces: &[PieceIndex], outbox: &mut Outbox) {
        if !self.fast || !self.opened {
            return;
        }
        for piece in pieces {
            outbox.message(&Message::SuggestPiece(piece.get()));
        }
    }

    /// A suggestion: advice that may be ignored, so one that means nothing here is.
    fn suggested(&mut self, piece: u32) {
        self.advice = self.advice.saturating_add(1);
        let layout = self.layout.as_ref();
        // Each piece may be suggested, and some again.
        let pieces = layout.map_or(0, |layout| layout.pieces());
        let enough = pieces
            .saturating_mul(4)
            .saturating_add(MAX_SUGGESTIONS as u32);
        let is_piece = layout.is_none_or(|layout| layout.piece(piece).is_some());
        self.idle_words += u32::from(!is_piece || self.advice > enough);
        match &self.layout {
            Some(layout) if self.suggested.len() < MAX_SUGGESTIONS => {
                self.suggested.extend(layout.piece(piece));
            }
            None if self.claims.suggested.len() < MAX_SUGGESTIONS => {
                self.claims.suggested.push(piece);
            }
            _ => {}
        }
    }

    /// We have everything. Peers that are not of the fleet hear of each piece that is news to
    /// them. Says whether anything changed.
    pub(super) fn gain_all(&mut self, fleet: bool, outbox: &mut Outbox) -> bool {
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

    /// The peer has everything, and did not say so by its pieces.
    pub(super) fn completed(&mut self, out: &mut Vec<Output>) {
        if self.layout.is_none() || !self.theirs.is_full() {
            self.has_all(out);
            self.tell_haves(out);
        }
    }

    pub(super) fn withdraw(&mut self, pieces: &[PieceIndex]) {
        if let Some(upload) = &mut self.upload {
            pieces.iter().for_each(|&piece| upload.lose(piece));
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

    pub(super) fn answer(&mut self, blocks: &[Block], data: Bytes, outbox: &mut Outbox) {
        if let Some(upload) = &mut self.upload {
            upload.answer(blocks, data, outbox);
        }
    }

    pub(super) fn refuse(&mut self, blocks: &[Block], outbox: &mut Outbox) {
        if let Some(upload) = &mut self.upload {
            upload.refuse(blocks, self.fast, outbox);
        }
    }

    /// Tops up requests, asks for leases, hands over whole pieces, reads for the peer.
    pub(super) fn work(&mut self, outbox: &mut Outbox, now: Timestamp, out: &mut Vec<Output>) {
        if let Some(upload) = &mut self.upload
            && let Some(blocks) = upload.next_read(outbox.len())
        {
            out.push(Output::Read(blocks));
        }
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

    /// Tells the host of the `have`s that came in one read.
    pub(super) fn tell_haves(&mut self, out: &mut Vec<Output>) {
        if !self.fresh.is_empty() {
            out.push(Output::PeerHas(PeerHave::More(std::mem::take(
                &mut self.fresh,
            ))));
        }
        if !self.suggested.is_empty() {
            let suggested = std::mem::take(&mut self.suggested);
            out.push(Output::PeerSuggests(suggested));
        }
        if self.layout.is_some() && self.theirs.is_full() && !self.told_complete {
            self.told_complete = true;
            out.push(Output::PeerComplete);
        }
    }

    fn has(&mut self, piece: u32) -> Result<(), Violation> {
        self.claims.spoken = true;
        let Some(layout) = &self.layout else {
            if self.claims.haves.len() < MAX_EARLY_HAVES {
                self.claims.haves.push(piece);
            } else {
                self.idle_words += 1;
            }
            return Ok(());
        };
        let pieces = layout.pieces();
        let piece = layout
            .piece(piece)
            .ok_or(Violation::HaveOutOfRange { piece, pieces })?;
        if self.theirs.insert(piece) {
            self.fresh.push(piece);
        } else {
            self.idle_words += 1;
        }
        Ok(())
    }

    /// A bitfield or what stands for one: only as the first word about pieces.
    const fn first_word(&mut self) -> Result<(), Violation> {
        if std::mem::replace(&mut self.claims.spoken, true) {
            return Err(Violation::LateBitfield);
        }
        Ok(())
    }

    fn has_all(&mut self, out: &mut Vec<Output>) {
        match &self.layout {
            Some(layout) => {
                self.theirs = Bitfield::full(layout.pieces());
                out.push(Output::PeerHas(PeerHave::All));
            }
            None => self.claims.all = true,
        }
    }

    fn has_only(&mut self, bits: &Bytes, out: &mut Vec<Output>) -> Result<(), Violation> {
        match &self.layout {
            Some(layout) => {
                self.theirs = Bitfield::from_wire(bits, layout.pieces())?;
                out.push(Output::PeerHas(PeerHave::Only(self.theirs.clone())));
            }
            None => self.claims.bitfield = Some(bits.clone()),
        }
        Ok(())
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

    fn requested(&mut self, block: RawBlock, outbox: &mut Outbox) -> Result<(), Violation> {
        let refused = match &mut self.upload {
            Some(upload) if !self.we_choke => match upload.request(block) {
                Ok(true) => return Ok(()),
                Ok(false) => Ok(()),
                Err(violation) => Err(violation),
            },
            Some(_) => Ok(()),
            None => Err(Violation::RequestedMissing(block.piece)),
        };
        self.idle_words += 1;
        if self.fast {
            outbox.message(&Message::RejectRequest(block));
        }
        refused
    }

    fn cancelled(&mut self, block: RawBlock, outbox: &mut Outbox) {
        let Some(upload) = &mut self.upload else {
            return;
        };
        // "A peer MUST either send the piece or a reject" (BEP 6).
        if upload.cancel(block) && self.fast {
            outbox.message(&Message::RejectRequest(block));
        }
    }

    fn rejected(&mut self, block: RawBlock, outbox: &mut Outbox, out: &mut Vec<Output>) {
        let Some(download) = &mut self.download else {
            return;
        };
        if let Some(piece) = download.rejected(block, outbox) {
            // It said that it has the piece and will not send it: the same as not having it.
            self.theirs.remove(piece);
            self.told_complete = false;
            out.push(Output::Returned(vec![piece]));
            out.push(Output::PeerLacks(vec![piece]));
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
