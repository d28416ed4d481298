//! One link: a peer that says anything in any order and chunks, and a host that does whatever hosts do.
//!
//! The rules that are looked at after every step: a lease ends once, by its whole piece, by its return
//! or by the host's word; we ask for blocks of leases only, and read blocks that exist; what is written is
//! itself readable; the outbox is bounded; a timeout that was heard is over; a link that ended is silent.

mod host;
mod peer;

use std::collections::BTreeSet;
use std::io::IoSlice;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::buffers::Buffers;
use swarmlet_protocol::fuzzing;
use swarmlet_protocol::id::{InfoHash, PeerId, PieceHash};
use swarmlet_protocol::layout::{BLOCK_LENGTH, Block, Layout, PieceIndex};
use swarmlet_protocol::metainfo::Info;
use swarmlet_protocol::session::{
    CloseReason, Input, MAX_OUTBOX, MAX_REQUEST_LENGTH, Output, Params, PeerHave, READ_BATCH, Role,
    STRIKES, Session, Verdict, Violation,
};
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::wire::{Decoder, Frame, Handshake, Message, RawBlock};

use crate::Hand;

const SWARM: InfoHash = InfoHash([7; 20]);
const RENDEZVOUS: InfoHash = InfoHash([9; 20]);

/// Contents of pieces that take two blocks, of tiny ones, of one that does not come together in memory,
/// and of none at all.
static CONTENTS: LazyLock<[Arc<Info>; 4]> = LazyLock::new(|| {
    [
        (5 * 20_000 + 17, 20_000),
        (70 * 100 - 1, 100),
        (2 * 5_000_000, 5_000_000),
        (0, 1),
    ]
    .map(|(size, piece_length): (u64, u64)| {
        let hashes = vec![PieceHash([0; 20]); size.div_ceil(piece_length) as usize];
        let info = Info::single_file("data.bin", size, piece_length, &hashes);
        Arc::new(info.expect("a good content"))
    })
});

/// A link and all that is known of it by the book.
struct World {
    session: Session,
    info: Arc<Info>,
    now: Timestamp,
    out: Vec<Output>,
    decoder: Decoder,
    /// Bytes of a chunk of what the peer says.
    chunk: usize,
    /// What is leased to the link, and what was a step ago.
    leased: BTreeSet<PieceIndex>,
    leased_before: BTreeSet<PieceIndex>,
    /// What was leased at some time since all that waited was written: it may have been asked for.
    leased_unwritten: BTreeSet<PieceIndex>,
    /// What was taken back when it was whole: it is on its way to storage, and may be leased again by then,
    /// come again and be taken back again.
    taken_back: Vec<PieceIndex>,
    /// Our requests that the peer has not answered.
    requests: Vec<RawBlock>,
    /// The peer said something that is no whole message: what it says next may be taken for the rest of a
    /// block.
    is_garbled: bool,
    /// The read that the session waits for.
    reading: Option<Vec<Block>>,
    /// Bytes of the handshake that are still to be seen in what is written.
    greeting: usize,
    is_over: bool,
    /// The host has hung up.
    is_gone: bool,
    /// The host does not write.
    is_stuck: bool,
}

/// A sequence of words.
pub fn check(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let mut world = World::new(&mut hand);
    // Longer ones bring nothing new and cost time.
    for _ in 0..200 {
        if hand.is_empty() || world.is_gone {
            break;
        }
        world.leased_before.clone_from(&world.leased);
        if !world.is_stuck {
            world.leased_unwritten.clear();
        }
        world.leased_unwritten.extend(&world.leased);
        let judged = match hand.byte() {
            kind @ 0..=159 => world.peer_says(kind, &mut hand),
            kind => world.host_says(kind, &mut hand),
        };
        world.settle(judged);
    }
    // The link ends at any moment.
    let left_over = world.session.left_over();
    world.follow(Output::Pieces(left_over));
    fuzzing::check_session(&world.session);
}

impl World {
    fn new(hand: &mut Hand<'_>) -> Self {
        let shape = hand.byte();
        let info = Arc::clone(&CONTENTS[usize::from(shape & 3)]);
        let role = match shape & 4 {
            0 => Role::Dialed { info_hash: SWARM },
            _ => Role::Accepted,
        };
        let (fast, extensions) = (shape & 8 == 0, shape & 16 == 0);
        let chunk = [usize::MAX, 13, 1_000][hand.below(3) as usize];
        let params = Params {
            role,
            peer_id: PeerId([1; 20]),
            rendezvous: RENDEZVOUS,
            listen_port: 6881,
            dht_port: (shape & 32 == 0).then_some(6882),
            remote: Some([10, 0, 0, 7].into()),
            client: "swarmlet 0".to_owned(),
            buffers: Buffers::default(),
        };
        let now = Timestamp::from_millis(1_000);
        let mut world = Self {
            session: Session::new(params, now),
            info,
            now,
            out: Vec::new(),
            decoder: Decoder::new(),
            chunk,
            leased: BTreeSet::new(),
            leased_before: BTreeSet::new(),
            leased_unwritten: BTreeSet::new(),
            taken_back: Vec::new(),
            requests: Vec::new(),
            is_garbled: false,
            reading: None,
            greeting: 68,
            is_over: false,
            is_gone: false,
            is_stuck: false,
        };
        // Most begin behind the handshakes; the others get there by themselves, or do not.
        if shape < 192 {
            world.begin(fast, extensions, shape & 64 == 0);
        }
        world
    }

    fn begin(&mut self, fast: bool, extensions: bool, knows: bool) {
        let handshake = Handshake {
            info_hash: SWARM,
            peer_id: PeerId([2; 20]),
            extensions,
            fast,
            dht: true,
        };
        let judged = self.hear(&handshake.encode());
        self.settle(judged);
        let judged = self.input(Input::Answer(SWARM));
        self.settle(judged);
        let swarm = knows.then(|| (Arc::clone(&self.info), self.some_pieces(0b0110)));
        let judged = self.input(Input::Welcome(swarm));
        self.settle(judged);
    }

    fn layout(&self) -> Layout {
        *self.info.layout()
    }

    fn some_pieces(&self, bits: u8) -> Bitfield {
        let mut pieces = Bitfield::new(self.layout().pieces());
        for piece in (0..8).filter(|piece| bits >> piece & 1 == 1) {
            pieces.insert(PieceIndex::new(piece));
        }
        pieces
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        for part in bytes.chunks(self.chunk.min(bytes.len().max(1))) {
            // The host reads no more while it owes an answer.
            if !self.session.wants_bytes() {
                break;
            }
            self.session.receive(part, self.now, &mut self.out)?;
        }
        Ok(())
    }

    fn input(&mut self, input: Input) -> Result<(), Violation> {
        self.session.handle(input, self.now, &mut self.out)
    }

    /// Looks at what came of a step.
    fn settle(&mut self, judged: Result<(), Violation>) {
        fuzzing::check_session(&self.session);
        let was_over = self.is_over;
        if let Err(violation) = judged {
            self.is_over = true;
            if let Verdict::Strikes(strikes) = violation.verdict() {
                assert!(strikes <= STRIKES);
            }
            crate::oracle::is_short(&violation);
        }
        let outputs = std::mem::take(&mut self.out);
        assert!(
            !was_over || outputs.is_empty(),
            "words after the end: {outputs:?}"
        );
        for output in outputs {
            self.follow(output);
        }
        if self.is_over {
            assert_eq!(self.session.next_timeout(), Timestamp::NEVER);
            return;
        }
        let fetched = fuzzing::leases(&self.session);
        assert!(fetched.is_subset(&self.leased), "not leased: {fetched:?}");
        let standing = self.session.standing();
        assert!(standing.peer_has <= self.layout().pieces());
        assert!(
            self.session.outbox().len() <= MAX_OUTBOX,
            "the outbox grows"
        );
        if !self.is_stuck {
            self.write();
        }
    }

    fn follow(&mut self, output: Output) {
        let layout = self.layout();
        let exists = |piece: &PieceIndex| piece.get() < layout.pieces();
        match output {
            Output::Pieces(pieces) => {
                for (piece, data) in pieces {
                    let taken_back = self.taken_back.iter().position(|&other| other == piece);
                    taken_back.map(|at| self.taken_back.swap_remove(at));
                    let was_leased = taken_back.is_some() || self.leased.remove(&piece);
                    assert!(was_leased, "{piece:?} was not leased");
                    assert_eq!(data.len(), layout.length(piece) as usize);
                    let is_right = |&byte: &u8| byte == piece.get() as u8;
                    assert!(self.is_garbled || data.iter().all(is_right));
                }
            }
            Output::Returned(pieces) => {
                for piece in pieces {
                    assert!(self.leased.remove(&piece), "{piece:?} was not leased");
                }
            }
            Output::Spill(spill) => self.follow_spill(&spill),
            Output::Read(blocks) => {
                assert!(self.reading.is_none(), "two reads at once");
                let mut bytes = 0;
                for block in &blocks {
                    let named = layout.block(block.piece.get(), block.begin, block.length);
                    assert_eq!(named.as_ref(), Ok(block));
                    assert!(block.length <= MAX_REQUEST_LENGTH);
                    bytes += block.length;
                }
                assert!(bytes <= READ_BATCH + MAX_REQUEST_LENGTH && !blocks.is_empty());
                self.reading = Some(blocks);
            }
            Output::PeerHas(PeerHave::Only(pieces)) => assert_eq!(pieces.pieces(), layout.pieces()),
            Output::PeerHas(PeerHave::More(pieces))
            | Output::PeerSuggests(pieces)
            | Output::PeerLacks(pieces) => assert!(pieces.iter().all(exists)),
            // Until the host has hung up, requests for what was lost are still refused.
            Output::Close(CloseReason::Withdrew) => self.is_gone = true,
            Output::Close(reason) => {
                assert!(!reason.to_string().is_empty());
                self.is_over = true;
            }
            _ => {}
        }
    }

    fn follow_spill(&mut self, spill: &swarmlet_protocol::session::Spill) {
        use swarmlet_protocol::session::{PART_LENGTH, Spill};
        match spill {
            Spill::Part { piece, begin, data } => {
                assert!(!data.is_empty() && data.len() <= PART_LENGTH);
                let end = u64::from(*begin) + data.len() as u64;
                assert!(end <= u64::from(self.layout().length(*piece)));
                // The part may have come before the lease was taken back.
                let is_known = |leases: &BTreeSet<_>| leases.contains(piece);
                assert!(is_known(&self.leased) || is_known(&self.leased_before));
            }
            Spill::Whole(piece) => assert!(self.leased.remove(piece), "{piece:?} was not leased"),
            Spill::Dropped(_) => {}
        }
    }

    /// The socket takes all that waits; a peer of our kind could read it.
    fn write(&mut self) {
        let mut written = Vec::new();
        while !self.session.outbox().is_empty() {
            let mut slices = [IoSlice::new(&[]); 8];
            let filled = self.session.outbox().slices(&mut slices);
            let before = written.len();
            slices[..filled]
                .iter()
                .for_each(|slice| written.extend_from_slice(slice));
            let count = written.len() - before;
            let mut out = Vec::new();
            self.session.written(count, self.now, &mut out);
            out.into_iter().for_each(|output| self.follow(output));
        }
        let hello = self.greeting.min(written.len());
        self.greeting -= hello;
        self.read(&written[hello..]);
    }

    fn read(&mut self, mut written: &[u8]) {
        while let Some(&prefix) = written.first_chunk() {
            // All that waited was written: there is no part of a message.
            let (message, rest) = written.split_at(4 + u32::from_be_bytes(prefix) as usize);
            written = rest;
            self.read_message(message);
        }
        assert!(written.is_empty(), "a part of a message");
    }

    fn read_message(&mut self, mut message: &[u8]) {
        // We ask for no longer blocks, so we read none; but whoever asks for one gets it.
        if message.len() > LONGEST_PIECE && message[4] == PIECE {
            assert!(message.len() <= LONGEST_PIECE_SERVED);
            return;
        }
        let layout = self.layout();
        let frame = self.decoder.next(&mut message).expect("our own words");
        match frame.expect("a whole message") {
            Frame::Message(Message::Request(block)) => {
                let named = layout.block(block.piece, block.begin, block.length);
                let piece = named.expect("a block that does not exist").piece;
                let is_known = |leases: &BTreeSet<_>| leases.contains(&piece);
                assert!(
                    is_known(&self.leased) || is_known(&self.leased_unwritten),
                    "{piece:?}"
                );
                self.requests.push(block);
            }
            Frame::Message(Message::Cancel(block)) => {
                let at = self.requests.iter().position(|&request| request == block);
                at.map(|at| self.requests.remove(at));
            }
            Frame::Message(Message::Have(piece)) => assert!(piece < layout.pieces()),
            Frame::Message(Message::Unknown(id)) => panic!("we said message {id}"),
            Frame::Block(_) => {
                let data = self.decoder.next(&mut message).expect("our own words");
                assert!(matches!(data, Some(Frame::Data(_))));
            }
            _ => {}
        }
        assert!(message.is_empty(), "longer than its prefix says");
    }

    fn later(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }
}

/// The number of a message that brings a block.
const PIECE: u8 = 7;

/// Bytes before the block in it: its length, its number, the piece and the place in it.
const PIECE_HEAD: usize = 13;

/// The longest such message that we read ...
const LONGEST_PIECE: usize = PIECE_HEAD + BLOCK_LENGTH as usize;

/// ... and that we write.
const LONGEST_PIECE_SERVED: usize = PIECE_HEAD + MAX_REQUEST_LENGTH as usize;
