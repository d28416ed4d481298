//! One peer link as a machine: handshakes, choking, requests in both directions, extensions.
//!
//! Bytes that arrive go in through [`Session::receive`], everything else through
//! [`Session::handle`]; what is to be done comes out as [`Output`]s, and what is to be written
//! collects in the [`Outbox`]. The machine opens no socket, reads no file and chooses no piece.
//!
//! Invariants: nothing larger than a handshake is kept before the handshake is complete; nothing
//! is said or believed about pieces before the layout is known; when `receive` fails the link is
//! beyond use and must be closed.

mod assembly;
mod chatter;
mod claims;
mod download;
mod events;
mod extensions;
mod lists;
mod opening;
mod outbox;
mod pieces;
mod reciprocity;
mod spill;
mod timeouts;
mod unfinished;
mod upload;
mod violation;

use std::sync::Arc;

use bytes::Bytes;

pub use self::chatter::{CHATTER_BURST, CHATTER_PERIOD, LISTED_PER_WORD};
pub use self::download::{PROGRESS_PERIOD, STORE_BATCH, STORE_DELAY, WholePiece};
pub use self::events::{CloseReason, Input, Output, Params, PeerHave, Ready, Role, Standing};
pub use self::lists::{LIST_PERIOD, PEX_READ_BURST, SWARMS_READ_BURST};
pub use self::outbox::Outbox;
pub use self::reciprocity::{SNUBBED_AFTER, TRAFFIC_PERIOD};
pub use self::spill::{PART_LENGTH, Spill};
pub use self::upload::{MAX_QUEUED_REQUESTS, MAX_REQUEST_LENGTH, READ_AHEAD, READ_BATCH};
pub use self::violation::{STRIKES, Verdict, Violation};

use self::chatter::Chatter;
use self::extensions::Extensions;
use self::lists::Lists;
use self::pieces::Pieces;
use self::unfinished::Unfinished;
use crate::bitfield::Bitfield;
use crate::id::{InfoHash, PeerId};
use crate::metainfo::Info;
use crate::time::Timestamp;
use crate::wire::handshake::HANDSHAKE_LENGTH;
use crate::wire::{Decoder, Frame, Handshake, Message};

pub use self::timeouts::{
    HANDSHAKE_TIMEOUT, KEEP_ALIVE, MAX_OUTBOX, MESSAGE_LIMIT, PROBE_REST, SILENCE_LIMIT,
    STARVED_LIMIT, STUCK_LIMIT,
};

/// One link.
#[derive(Debug)]
pub struct Session {
    params: Params,
    phase: Phase,
    decoder: Decoder,
    outbox: Outbox,
    /// Bytes that came behind the handshake, until the host has let the link in.
    backlog: Vec<u8>,
    pieces: Pieces,
    extensions: Extensions,
    /// The peer has a node of the distributed hash table.
    peer_dht: bool,
    /// It has said where.
    knows_dht: bool,
    strikes: u32,
    chatter: Chatter,
    lists: Lists,
    opened: Timestamp,
    last_received: Timestamp,
    unfinished: Unfinished,
    last_sent: Timestamp,
    /// When the socket last took bytes, or when bytes began to wait for it.
    last_written: Timestamp,
    /// Something waited for the socket after the last input.
    waiting: bool,
    /// The content, learned while the host had not let the link in.
    early: Option<(Arc<Info>, Bitfield)>,
    /// We want nothing more; the peer is to be told of it once it has said who it is.
    satisfied: bool,
}

#[derive(Debug)]
enum Phase {
    /// The peer's handshake is not complete.
    Greeting { bytes: Vec<u8> },
    /// An accepted link waits for the name that we answer for.
    Answering,
    /// Both handshakes are through; the host has not said what the swarm looks like.
    Waiting { info_hash: InfoHash },
    /// Messages flow.
    Open { info_hash: InfoHash },
    /// Nothing is read or written any more.
    Closed,
}

impl Session {
    /// The machine of a new link. A dialled link speaks first: its handshake waits in the outbox.
    #[must_use]
    pub fn new(params: Params, now: Timestamp) -> Self {
        let mut session = Self {
            phase: Phase::Greeting { bytes: Vec::new() },
            decoder: Decoder::new(),
            outbox: Outbox::default(),
            backlog: Vec::new(),
            pieces: Pieces::new(params.buffers.clone()),
            extensions: Extensions::default(),
            peer_dht: false,
            knows_dht: false,
            strikes: 0,
            chatter: Chatter::new(now),
            lists: Lists::new(),
            opened: now,
            last_received: now,
            unfinished: Unfinished::default(),
            last_sent: now,
            last_written: now,
            waiting: false,
            early: None,
            satisfied: false,
            params,
        };
        if let Role::Dialed { info_hash } = session.params.role {
            session.greet(info_hash);
            session.waiting = true;
        }
        session
    }

    /// Takes bytes from the socket.
    ///
    /// # Errors
    /// The peer broke a rule that ends the link; [`Violation::verdict`] says what it costs.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        self.last_received = now;
        self.unfinished.read_on(now);
        let judged = self.take_bytes(bytes, now, out);
        self.conclude(judged, now, out)
    }

    /// Takes a word of the host.
    ///
    /// # Errors
    /// What came behind the handshake broke a rule (see [`Self::receive`]).
    pub fn handle(
        &mut self,
        input: Input,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        let judged = match self.phase {
            Phase::Closed => Ok(()),
            _ => self.take_input(input, now, out),
        };
        self.conclude(judged, now, out)
    }

    fn conclude(
        &mut self,
        judged: Result<(), Violation>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        match judged {
            Ok(()) => self.work(now, out),
            Err(_) => self.phase = Phase::Closed,
        }
        judged
    }

    fn take_bytes(
        &mut self,
        mut bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        if let Phase::Greeting { bytes: collected } = &mut self.phase {
            let missing = HANDSHAKE_LENGTH - collected.len();
            let (part, rest) = bytes.split_at(missing.min(bytes.len()));
            collected.extend_from_slice(part);
            bytes = rest;
            Handshake::check_start(collected)?;
            if let Ok(whole) = <&[u8; HANDSHAKE_LENGTH]>::try_from(collected.as_slice()) {
                let handshake = Handshake::decode(whole)?;
                self.greeted(handshake, out)?;
            }
        }
        match self.phase {
            Phase::Open { .. } => self.read(bytes, now, out)?,
            Phase::Closed => {}
            _ => self.backlog.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn take_input(
        &mut self,
        input: Input,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        match input {
            Input::Answer(info_hash) => {
                if matches!(self.phase, Phase::Answering) {
                    self.greet(info_hash);
                    self.phase = Phase::Waiting { info_hash };
                }
            }
            Input::Welcome(swarm) => {
                if let Phase::Waiting { info_hash } = self.phase {
                    self.phase = Phase::Open { info_hash };
                    self.open(swarm, now, out)?;
                }
            }
            Input::Choke => self.pieces.choke(&mut self.outbox),
            Input::Unchoke => self.pieces.permit(&mut self.outbox),
            Input::InfoLearned(info, ours) => {
                self.learned(info, ours, out)?;
            }
            Input::Grant(pieces) => {
                let refused = self.pieces.grant(pieces, now);
                if !refused.is_empty() {
                    out.push(Output::Returned(refused));
                }
            }
            Input::Cancel(pieces) => self.pieces.cancel(&pieces, &mut self.outbox),
            Input::Complete => self.complete(),
            Input::Satisfied => self.satisfied(),
            Input::Withdraw(pieces) => self.withdraw(&pieces, out),
            Input::Announce(pieces) => self.pieces.announce(&pieces, &mut self.outbox),
            Input::Suggest(pieces) => self.pieces.suggest(&pieces, &mut self.outbox),
            Input::Interest(interested) => self.pieces.interest(interested, &mut self.outbox),
            Input::BlocksRead(blocks, data) => {
                self.pieces.answer(&blocks, data, &mut self.outbox);
            }
            Input::ReadFailed(blocks) => self.pieces.refuse(&blocks, &mut self.outbox),
            Input::RequestMetadata(piece) => {
                self.extensions
                    .request_metadata(piece, &mut self.outbox, out);
            }
            Input::Probe => self.probe(now),
            Input::SendPex(pex) => self.extensions.send_pex(&pex, &mut self.outbox),
            Input::SendSwarms(swarms) => self.extensions.send_swarms(swarms, &mut self.outbox),
            Input::Wake => self.wake(now, out),
        }
        Ok(())
    }

    /// What waits to be written. Tell [`Self::written`] what the socket took.
    pub const fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// The socket took that many bytes of the outbox. There may be room for more blocks now.
    pub fn written(&mut self, count: usize, now: Timestamp, out: &mut Vec<Output>) {
        self.outbox.written(count);
        self.last_written = now;
        self.work(now, out);
    }

    /// Should more be read from the socket? No while the host owes an answer, so that nothing
    /// piles up behind a handshake.
    #[must_use]
    pub const fn wants_bytes(&self) -> bool {
        matches!(self.phase, Phase::Greeting { .. } | Phase::Open { .. })
    }

    /// The host does not read the socket since it cannot take more at present: the peer is not
    /// to be closed, nor to be taken for a dead one, for what it may well have sent.
    pub fn held_up(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.last_received = now;
        self.unfinished.hold_up(now);
        if !matches!(self.phase, Phase::Closed)
            && let Some(download) = &mut self.pieces.download
            && download.excuse_silence(now)
        {
            out.push(Output::Progress);
        }
    }

    /// The link is over, in whatever way: the pieces that have come whole and wait for others to be stored with.
    pub fn left_over(&mut self) -> Vec<WholePiece> {
        let download = self.pieces.download.as_mut();
        download
            .map(download::Download::hand_over)
            .unwrap_or_default()
    }

    /// From now on bytes of blocks leave only as far as [`Self::allow_upload`] says.
    pub const fn limit_upload(&mut self) {
        self.pieces.limit_upload();
    }

    /// How many bytes of blocks the peer waits for, if nothing but [`Self::allow_upload`] keeps them from
    /// leaving.
    #[must_use]
    pub fn wanted_allowance(&self) -> Option<u64> {
        self.pieces.wanted_allowance(self.outbox.len())
    }

    /// So many more bytes of blocks may leave. A block that is begun is sent as a whole, and what
    /// it has too much is taken from the next allowance.
    pub fn allow_upload(&mut self, bytes: u64, now: Timestamp, out: &mut Vec<Output>) {
        self.pieces.allow_upload(bytes);
        self.work(now, out);
    }

    /// The swarm that the link is for, once the handshakes have said so.
    #[must_use]
    pub const fn info_hash(&self) -> Option<InfoHash> {
        match self.phase {
            Phase::Waiting { info_hash } | Phase::Open { info_hash } => Some(info_hash),
            _ => None,
        }
    }

    /// Is this a link on which nodes tell each other of swarms (and not one of a swarm)?
    #[must_use]
    pub fn is_rendezvous(&self) -> bool {
        self.info_hash() == Some(self.params.rendezvous)
    }

    /// The measured state of the link's pipeline: bytes per second and the shortest round trip.
    #[must_use]
    pub fn figures(&self) -> (u64, std::time::Duration) {
        self.pieces
            .download
            .as_ref()
            .map_or((0, std::time::Duration::ZERO), |download| {
                (download.pipeline.rate(), download.pipeline.round_trip())
            })
    }

    /// What the link looks like from outside.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.pieces.standing()
    }

    /// What the link still holds: bytes asked for, bytes of leases that have not come, and
    /// withdrawn requests whose answers may come. All zero when a transfer is over.
    #[must_use]
    pub fn unsettled(&self) -> (u64, u64, usize) {
        let download = self.pieces.download.as_ref();
        download.map_or((0, 0, 0), |download| download.figures())
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn check(&self) {
        if let Some(download) = &self.pieces.download {
            download.check();
        }
    }

    /// The pieces of which blocks are still to come.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn leases(&self) -> std::collections::BTreeSet<crate::layout::PieceIndex> {
        let download = self.pieces.download.iter();
        download.flat_map(|download| download.leased()).collect()
    }

    const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Open { .. }) && self.extensions.is_settled()
    }

    fn greet(&mut self, info_hash: InfoHash) {
        let handshake = Handshake {
            info_hash,
            peer_id: self.params.peer_id,
            extensions: true,
            // Piece messages have no place on a rendezvous link.
            fast: info_hash != self.params.rendezvous,
            dht: info_hash != self.params.rendezvous && self.params.dht_port.is_some(),
        };
        self.outbox.raw(&handshake.encode());
    }

    fn greeted(&mut self, peer: Handshake, out: &mut Vec<Output>) -> Result<(), Violation> {
        match self.params.role {
            Role::Accepted => self.phase = Phase::Answering,
            // A node that does not know the swarm answers for the rendezvous, and the link
            // becomes one.
            Role::Dialed { info_hash }
                if peer.info_hash == info_hash || peer.info_hash == self.params.rendezvous =>
            {
                self.phase = Phase::Waiting {
                    info_hash: peer.info_hash,
                };
            }
            Role::Dialed { .. } => return Err(Violation::WrongSwarm),
        }
        self.pieces.fast = peer.fast;
        self.peer_dht = peer.dht;
        self.extensions.agree(peer.extensions);
        out.push(Output::Handshaken {
            info_hash: peer.info_hash,
            peer_id: peer.peer_id,
        });
        Ok(())
    }

    fn read(
        &mut self,
        mut bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        while let Some(frame) = self.decoder.next(&mut bytes)? {
            let judged = match frame {
                Frame::Block(block) => self.pieces.block(block, now),
                Frame::Data(data) => {
                    self.pieces.data(data, now);
                    Ok(())
                }
                Frame::Message(message) => self.message(message, now, out).and_then(|()| {
                    let idle = self.pieces.idle_words();
                    self.chatter.count(idle, now)
                }),
            };
            if let Err(violation) = judged {
                self.judge(violation)?;
            }
        }
        self.unfinished.set(self.decoder.within(), now);
        self.pieces.claims.tell(out);
        Ok(())
    }

    fn message(
        &mut self,
        message: Message,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Violation> {
        match message {
            Message::KeepAlive | Message::Unknown(_) => {
                self.pieces.idle_words += 1;
                Ok(())
            }
            Message::Port(port) => {
                self.pieces.idle_words += 1;
                let is_news = port != 0 && self.params.dht_port.is_some();
                if is_news && !std::mem::replace(&mut self.knows_dht, true) {
                    out.push(Output::DhtPort(port));
                }
                Ok(())
            }
            Message::Extended { id, payload } => {
                self.pieces.idle_words += chatter::words_in(id, payload.len());
                match self.lists.admit(id, now) {
                    true => self.extended(id, &payload, out),
                    false => Ok(()),
                }
            }
            message => self.pieces.message(message, &mut self.outbox, out),
        }
    }

    /// Strikes add up; the rest ends the link.
    fn judge(&mut self, violation: Violation) -> Result<(), Violation> {
        if let Verdict::Strikes(strikes) = violation.verdict() {
            self.strikes += strikes;
            if self.strikes < STRIKES {
                return Ok(());
            }
        }
        Err(violation)
    }

    /// Everything that follows from the state: top up requests, ask for leases, hand over pieces,
    /// read the next blocks for the peer.
    fn work(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if matches!(self.phase, Phase::Open { .. }) {
            self.pieces.work(&mut self.outbox, now, out);
        }
        self.settle(now, out);
    }

    fn backlog(&mut self, now: Timestamp, out: &mut Vec<Output>) -> Result<(), Violation> {
        let backlog = Bytes::from(std::mem::take(&mut self.backlog));
        self.read(&backlog, now, out)
    }

    /// The peer's name for log lines is the host's business; ours is the same on all links.
    #[must_use]
    pub const fn peer_id(&self) -> PeerId {
        self.params.peer_id
    }
}

#[cfg(test)]
mod tests;
