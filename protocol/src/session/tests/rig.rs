//! The session under test, and the hand that plays its peer and its host.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::bitfield::Bitfield;
use crate::buffers::Buffers;
use crate::extension::ExtensionHandshake;
use crate::id::{InfoHash, PeerId, PieceHash};
use crate::layout::{Block, PieceIndex};
use crate::metainfo::Info;
use crate::session::{Input, Output, Params, Role, Session, Violation};
use crate::time::Timestamp;
use crate::wire::message::encode_piece_head;
use crate::wire::{Decoder, Frame, Handshake, Message, RawBlock};

pub(super) const SWARM: InfoHash = InfoHash([7; 20]);
pub(super) const RENDEZVOUS: InfoHash = InfoHash([9; 20]);
pub(super) const OURS: PeerId = PeerId([1; 20]);
pub(super) const THEIRS: PeerId = PeerId([2; 20]);

/// What the session wrote.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Message(Message),
    Block(RawBlock, Vec<u8>),
}

pub(super) struct Rig {
    pub(super) session: Session,
    pub(super) now: Timestamp,
    out: Vec<Output>,
    decoder: Decoder,
}

pub(super) fn info(size: u64, piece_length: u64) -> Arc<Info> {
    let count = size.div_ceil(piece_length) as usize;
    let hashes = vec![PieceHash([0; 20]); count];
    Arc::new(Info::single_file("data.bin", size, piece_length, &hashes).unwrap())
}

pub(super) fn bits(pieces: u32, set: &[u32]) -> Bitfield {
    let mut bits = Bitfield::new(pieces);
    for &piece in set {
        bits.insert(PieceIndex::new(piece));
    }
    bits
}

pub(super) fn indices(pieces: &[u32]) -> Vec<PieceIndex> {
    pieces.iter().map(|&piece| PieceIndex::new(piece)).collect()
}

pub(super) const fn raw(piece: u32, begin: u32, length: u32) -> RawBlock {
    RawBlock {
        piece,
        begin,
        length,
    }
}

pub(super) fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes);
    bytes.to_vec()
}

/// A `piece` message; each of its bytes is the number of the piece.
pub(super) fn piece_message(block: RawBlock) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    let head = Block {
        piece: PieceIndex::new(block.piece),
        begin: block.begin,
        length: block.length,
    };
    encode_piece_head(head, &mut bytes);
    bytes.resize(bytes.len() + block.length as usize, block.piece as u8);
    bytes.to_vec()
}

pub(super) fn greeting(info_hash: InfoHash, fast: bool, extensions: bool) -> Vec<u8> {
    let handshake = Handshake {
        info_hash,
        peer_id: THEIRS,
        extensions,
        fast,
        dht: false,
    };
    handshake.encode().to_vec()
}

pub(super) fn extended(id: u8, payload: impl Into<Bytes>) -> Message {
    Message::Extended {
        id,
        payload: payload.into(),
    }
}

const fn is_for_the_choker(output: &Output) -> bool {
    matches!(
        output,
        Output::PeerInterest { .. } | Output::Traffic { .. } | Output::Snubs(_)
    )
}

impl Rig {
    pub(super) fn new(role: Role) -> Self {
        Self::with_dht(role, None)
    }

    /// Of a node that has a node of the distributed hash table at that port.
    pub(super) fn with_dht(role: Role, dht_port: Option<u16>) -> Self {
        let params = Params {
            role,
            peer_id: OURS,
            rendezvous: RENDEZVOUS,
            listen_port: 6881,
            dht_port,
            remote: None,
            client: "swarmlet 0".to_owned(),
            buffers: Buffers::default(),
        };
        let now = Timestamp::from_millis(1_000);
        Self {
            session: Session::new(params, now),
            now,
            out: Vec::new(),
            decoder: Decoder::new(),
        }
    }

    /// A dialled link past its handshakes; no extensions unless asked for.
    pub(super) fn greeted(fast: bool, extensions: bool) -> Self {
        let mut rig = Self::new(Role::Dialed { info_hash: SWARM });
        rig.raw_writes();
        rig.hear(&greeting(SWARM, fast, extensions)).unwrap();
        rig.outputs();
        rig
    }

    /// An open link of a swarm whose content is known.
    pub(super) fn open(info: &Arc<Info>, ours: &[u32], fast: bool) -> Self {
        let mut rig = Self::greeted(fast, false);
        let ours = bits(info.layout().pieces(), ours);
        rig.input(Input::Welcome(Some((Arc::clone(info), ours))));
        rig.said();
        rig.outputs();
        rig
    }

    /// An open link on which the peer has everything, unchokes us, and we are interested.
    pub(super) fn fetching(size: u64, piece_length: u64) -> Self {
        let mut rig = Self::open(&info(size, piece_length), &[], true);
        rig.input(Input::Interest(true));
        rig.say(Message::HaveAll).unwrap();
        rig.say(Message::Unchoke).unwrap();
        rig.said();
        rig.outputs();
        rig
    }

    pub(super) fn later(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        let judged = self.session.receive(bytes, self.now, &mut self.out);
        self.session.check();
        judged
    }

    pub(super) fn say(&mut self, message: Message) -> Result<(), Violation> {
        self.hear(&encoded(&message))
    }

    pub(super) fn deliver(&mut self, block: RawBlock) -> Result<(), Violation> {
        self.hear(&piece_message(block))
    }

    pub(super) fn greet(&mut self, handshake: &ExtensionHandshake) {
        self.say(extended(0, handshake.encode())).unwrap();
    }

    pub(super) fn input(&mut self, input: Input) {
        self.try_input(input).unwrap();
    }

    pub(super) fn try_input(&mut self, input: Input) -> Result<(), Violation> {
        let judged = self.session.handle(input, self.now, &mut self.out);
        self.session.check();
        judged
    }

    pub(super) fn grant(&mut self, pieces: &[u32]) {
        self.input(Input::Grant(indices(pieces)));
    }

    pub(super) fn cancel(&mut self, pieces: &[u32]) {
        self.input(Input::Cancel(indices(pieces)));
    }

    pub(super) fn held_up(&mut self) {
        self.session.held_up(self.now, &mut self.out);
    }

    /// What came out, without what is told to the choker.
    pub(super) fn outputs(&mut self) -> Vec<Output> {
        let mut out = std::mem::take(&mut self.out);
        out.retain(|output| !is_for_the_choker(output));
        out
    }

    /// What came out for the choker.
    pub(super) fn told_the_choker(&mut self) -> Vec<Output> {
        let mut out = std::mem::take(&mut self.out);
        out.retain(is_for_the_choker);
        out
    }

    pub(super) fn allow_upload(&mut self, bytes: u64) {
        self.session.allow_upload(bytes, self.now, &mut self.out);
    }

    pub(super) fn raw_writes(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !self.session.outbox().is_empty() {
            let mut slices = [IoSlice::new(&[]); 8];
            let filled = self.session.outbox().slices(&mut slices);
            let part: Vec<u8> = slices[..filled].iter().flat_map(|s| s.to_vec()).collect();
            self.session.written(part.len(), self.now, &mut self.out);
            bytes.extend(part);
        }
        bytes
    }

    /// Everything that was written behind the handshake since the last call.
    pub(super) fn said(&mut self) -> Vec<Said> {
        let bytes = self.raw_writes();
        let mut input = bytes.as_slice();
        let mut said = Vec::new();
        while let Some(frame) = self.decoder.next(&mut input).unwrap() {
            match frame {
                Frame::Message(message) => said.push(Said::Message(message)),
                Frame::Block(block) => said.push(Said::Block(block, Vec::new())),
                Frame::Data(data) => match said.last_mut() {
                    Some(Said::Block(_, bytes)) => bytes.extend_from_slice(data),
                    other => panic!("data behind {other:?}"),
                },
            }
        }
        said
    }

    pub(super) fn requests(&mut self) -> Vec<RawBlock> {
        let requests = self.said().into_iter().filter_map(|said| match said {
            Said::Message(Message::Request(block)) => Some(block),
            _ => None,
        });
        requests.collect()
    }

    /// The last want that came out, if any.
    pub(super) fn want(&mut self) -> Option<u64> {
        let wants = self
            .outputs()
            .into_iter()
            .filter_map(|output| match output {
                Output::Want { bytes, .. } => Some(bytes),
                _ => None,
            });
        wants.last()
    }

    /// The pieces that went to storage, with the number of their bytes.
    pub(super) fn stored(&mut self) -> Vec<(u32, usize)> {
        let mut stored = Vec::new();
        for output in self.outputs() {
            if let Output::Pieces(pieces) = output {
                stored.extend(pieces.into_iter().map(|(piece, data)| {
                    assert!(data.iter().all(|&byte| byte == piece.get() as u8));
                    (piece.get(), data.len())
                }));
            }
        }
        stored
    }
}
