//! The scripted peer: what it may say, and where the link is when it says it.
//!
//! The content has ten pieces of 100 bytes; we have piece 3.

use std::str::FromStr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::buffers::Buffers;
use swarmlet_protocol::extension::{DONT_HAVE_ID, encode_dont_have};
use swarmlet_protocol::id::{InfoHash, PeerId, PieceHash};
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::Info;
use swarmlet_protocol::session::{
    Input, Output, Params, Role, STRIKES, Session, Verdict, Violation,
};
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::wire::{Handshake, Message, RawBlock};

use super::outcome;

const SWARM: InfoHash = InfoHash([7; 20]);

/// The first word of each message, as the tables write it.
pub(crate) const MESSAGES: &[&str] = &[
    "keep-alive",
    "choke",
    "unchoke",
    "interested",
    "not-interested",
    "have",
    "bitfield",
    "request",
    "piece",
    "cancel",
    "port",
    "suggest",
    "have-all",
    "have-none",
    "reject",
    "allowed-fast",
    "extended",
    "dont-have",
    "unknown",
    "id",
];

/// Where the link is, as the tables write it.
pub(crate) const SITUATIONS: &[&str] =
    &["handshake", "first", "open", "choking", "twice", "magnet"];

#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Situation {
    /// The message comes in place of a handshake.
    Handshake,
    /// The handshakes are through, and the message is the first that the peer says. It chokes us,
    /// and we unchoke it.
    First,
    /// The peer has piece 1, and unchokes us; we have asked it for that piece. We unchoke it.
    Open,
    /// The same, but we choke the peer.
    Choking,
    /// The same as `Open`, and the peer has just said the very same thing; what follows from the
    /// second time is told.
    Twice,
    /// The content is not known; the peer's first message.
    Magnet,
}

impl FromStr for Situation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "handshake" => Self::Handshake,
            "first" => Self::First,
            "open" => Self::Open,
            "choking" => Self::Choking,
            "twice" => Self::Twice,
            "magnet" => Self::Magnet,
            other => return Err(format!("no situation: {other}")),
        })
    }
}

/// What the session does when the peer says this there.
pub(crate) fn outcome(message: &str, situation: Situation, fast: bool) -> String {
    let bytes = encode(message);
    let mut link = Link::new(situation, fast);
    if situation == Situation::Twice
        && let Err(violation) = link.hear(&bytes)
    {
        return format!("over at the first: {}", outcome::verdict(&violation));
    }
    link.clear();
    let judged = link.hear(&bytes);
    let mut words = outcome::outputs(&link.out);
    words.extend(outcome::wire(&link.writes()));
    match judged {
        Err(violation) => words.push(outcome::verdict(&violation)),
        Ok(()) => words.extend(match link.strikes() {
            0 => None,
            1 => Some("1 strike".to_owned()),
            more => Some(format!("{more} strikes")),
        }),
    }
    if words.is_empty() {
        return "-".to_owned();
    }
    words.join("; ")
}

/// A session and what came out of it.
struct Link {
    session: Session,
    out: Vec<Output>,
    now: Timestamp,
}

impl Link {
    fn new(situation: Situation, fast: bool) -> Self {
        let params = Params {
            role: Role::Dialed { info_hash: SWARM },
            peer_id: PeerId([1; 20]),
            rendezvous: InfoHash([9; 20]),
            listen_port: 6881,
            dht_port: None,
            remote: None,
            client: "conformance".to_owned(),
            buffers: Buffers::default(),
        };
        let now = Timestamp::from_millis(1_000);
        let mut link = Self {
            session: Session::new(params, now),
            out: Vec::new(),
            now,
        };
        if situation == Situation::Handshake {
            return link;
        }
        let handshake = Handshake {
            info_hash: SWARM,
            peer_id: PeerId([2; 20]),
            extensions: true,
            fast,
            dht: false,
        };
        link.hear(&handshake.encode()).unwrap();
        if situation == Situation::Choking {
            link.input(Input::Choke);
        }
        let mut ours = Bitfield::new(10);
        ours.insert(PieceIndex::new(3));
        let swarm = (content(), ours);
        let known = situation != Situation::Magnet;
        link.input(Input::Welcome(known.then_some(swarm)));
        if matches!(situation, Situation::First | Situation::Magnet) {
            return link;
        }
        link.hear(&encode("bitfield 4000")).unwrap();
        link.input(Input::Interest(true));
        link.hear(&encode("unchoke")).unwrap();
        link.input(Input::Grant(vec![PieceIndex::new(1)]));
        link
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        self.session.receive(bytes, self.now, &mut self.out)
    }

    fn input(&mut self, input: Input) {
        self.session.handle(input, self.now, &mut self.out).unwrap();
    }

    /// Forgets what came out so far.
    fn clear(&mut self) {
        self.writes();
        self.out.clear();
    }

    fn writes(&mut self) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::new();
        while !self.session.outbox().is_empty() {
            let mut slices = [std::io::IoSlice::new(&[]); 8];
            let filled = self.session.outbox().slices(&mut slices);
            let before = bytes.len();
            slices[..filled]
                .iter()
                .for_each(|slice| bytes.extend_from_slice(slice));
            let count = bytes.len() - before;
            self.session.written(count, self.now, &mut Vec::new());
        }
        bytes
    }

    /// The strikes that the peer has got: what a known number of further ones leaves to the limit.
    fn strikes(&mut self) -> u32 {
        // A block that nobody asked for is one strike.
        let strike = encode("piece 9 0 1");
        let before = self.now;
        for given in 0..=STRIKES {
            match self.hear(&strike) {
                Ok(()) => {}
                Err(violation) => {
                    assert_eq!(violation.verdict(), Verdict::Strikes(1));
                    assert_eq!(self.now, before);
                    return STRIKES - given - 1;
                }
            }
        }
        panic!("strikes have no end");
    }
}

fn content() -> Arc<Info> {
    let hashes = vec![PieceHash([0; 20]); 10];
    Arc::new(Info::single_file("data.bin", 1_000, 100, &hashes).unwrap())
}

/// The bytes of a message as the tables write it: its name and its numbers. `piece P B N` has N
/// bytes, `extended ID TEXT` that text, `bitfield HEX` those bits, and `id N L` is a message of
/// number N with L bytes of zeros behind it.
fn encode(text: &str) -> Vec<u8> {
    let mut words = text.splitn(2, ' ');
    let name = words.next().unwrap_or_default();
    let rest = words.next().unwrap_or_default();
    let number = |index: usize| -> u32 {
        let word = rest.split(' ').nth(index);
        word.and_then(|word| word.parse().ok())
            .unwrap_or_else(|| panic!("no number: {text}"))
    };
    let block = || RawBlock {
        piece: number(0),
        begin: number(1),
        length: number(2),
    };
    let message = match name {
        "keep-alive" => Message::KeepAlive,
        "choke" => Message::Choke,
        "unchoke" => Message::Unchoke,
        "interested" => Message::Interested,
        "not-interested" => Message::NotInterested,
        "have" => Message::Have(number(0)),
        "bitfield" => Message::Bitfield(hex(rest)),
        "request" => Message::Request(block()),
        "cancel" => Message::Cancel(block()),
        "port" => Message::Port(number(0) as u16),
        "suggest" => Message::SuggestPiece(number(0)),
        "have-all" => Message::HaveAll,
        "have-none" => Message::HaveNone,
        "reject" => Message::RejectRequest(block()),
        "allowed-fast" => Message::AllowedFast(number(0)),
        "unknown" => Message::Unknown(number(0) as u8),
        "extended" => {
            let payload = rest.split_once(' ').map_or("", |(_, payload)| payload);
            Message::Extended {
                id: number(0) as u8,
                payload: Bytes::copy_from_slice(payload.as_bytes()),
            }
        }
        "dont-have" => Message::Extended {
            id: DONT_HAVE_ID,
            payload: Bytes::copy_from_slice(&encode_dont_have(number(0))),
        },
        "piece" => {
            let RawBlock {
                piece,
                begin,
                length,
            } = block();
            let head = [
                &(9 + length).to_be_bytes()[..],
                &[7],
                &piece.to_be_bytes(),
                &begin.to_be_bytes(),
            ];
            return [head.concat(), vec![0; length as usize]].concat();
        }
        "id" => {
            let (id, length) = (number(0) as u8, number(1));
            let head = [&(1 + length).to_be_bytes()[..], &[id]].concat();
            return [head, vec![0; length as usize]].concat();
        }
        other => panic!("no message: {other}"),
    };
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes);
    bytes.to_vec()
}

fn hex(text: &str) -> Bytes {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}
