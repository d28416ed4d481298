//! Announces over UDP (BEP 15): two packets there, two back.
//!
//! [`Conversation`] is one announce from the first packet to the answer or the end of patience. A
//! tracker gives out a connection id first, so that nobody announces in another's name; it is used
//! for [`UDP_CONNECTION`] at most. Packets that do not carry our transaction id are not for us.

use super::announce::{Announce, Answer, AskError, Event};
use super::limits::{LEFT_UNKNOWN, MAX_WORDS, UDP_CONNECTION, UDP_PATIENCE, UDP_TRIES};
use crate::address::{COMPACT_V4_LENGTH, COMPACT_V6_LENGTH, decode_v4, decode_v6};
use crate::text::printable;
use crate::time::Timestamp;

/// What a connect request carries in place of a connection id.
const MAGIC: u64 = 0x0417_2710_1980;

/// What is asked for or answered.
const CONNECT: u32 = 0;
const ANNOUNCE: u32 = 1;
const ERROR: u32 = 3;

/// Bytes of an announce's answer before its peers.
const ANSWER_HEAD: usize = 20;

/// One announce to one tracker.
#[derive(Debug)]
pub struct Conversation {
    announce: Announce,
    /// The tracker's address is an IPv6 one, and so are the peers it knows.
    ipv6: bool,
    connection: Option<Connection>,
    /// The tracker has given out a connection once: the patience begins anew only then.
    connected: bool,
    transaction: u32,
    tries: u32,
    deadline: Timestamp,
    rng: fastrand::Rng,
}

#[derive(Copy, Clone, Debug)]
struct Connection {
    id: u64,
    since: Timestamp,
}

/// What is to be done next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Send this packet.
    Send(Vec<u8>),
    /// It is over.
    Done(Result<Answer, AskError>),
}

impl Conversation {
    /// A conversation with a tracker at an address of that family; gives the first packet to send.
    #[must_use]
    pub fn begin(announce: Announce, ipv6: bool, seed: u64, now: Timestamp) -> (Self, Vec<u8>) {
        let mut conversation = Self {
            announce,
            ipv6,
            connection: None,
            connected: false,
            transaction: 0,
            tries: 0,
            deadline: now,
            rng: fastrand::Rng::with_seed(seed),
        };
        let packet = conversation.packet(now);
        (conversation, packet)
    }

    /// When [`Self::tick`] is wanted.
    #[must_use]
    pub const fn deadline(&self) -> Timestamp {
        self.deadline
    }

    /// A packet came from the tracker. `None` if it is not for us.
    pub fn received(&mut self, packet: &[u8], now: Timestamp) -> Option<Step> {
        let (action, rest) = number(packet)?;
        let (transaction, rest) = number(rest)?;
        if transaction != self.transaction {
            return None;
        }
        match (action, self.connection) {
            (CONNECT, None) => {
                let (high, rest) = number(rest)?;
                let (low, _) = number(rest)?;
                let id = u64::from(high) << 32 | u64::from(low);
                self.connection = Some(Connection { id, since: now });
                if !std::mem::replace(&mut self.connected, true) {
                    self.tries = 0;
                }
                Some(Step::Send(self.packet(now)))
            }
            (ANNOUNCE, Some(_)) => Some(Step::Done(self.answer(packet))),
            (ERROR, _) => {
                let words = printable(rest, MAX_WORDS);
                Some(Step::Done(Err(AskError::Refused(words))))
            }
            _ => None,
        }
    }

    /// The deadline has come: sends again, or gives up.
    pub fn tick(&mut self, now: Timestamp) -> Option<Step> {
        if now < self.deadline {
            return None;
        }
        if self.tries >= UDP_TRIES {
            return Some(Step::Done(Err(AskError::Silent)));
        }
        Some(Step::Send(self.packet(now)))
    }

    /// The packet that is due, and the wait after it.
    fn packet(&mut self, now: Timestamp) -> Vec<u8> {
        let is_old = |connection: Connection| now.since(connection.since) >= UDP_CONNECTION;
        if self.connection.is_some_and(is_old) {
            self.connection = None;
        }
        self.deadline = now + UDP_PATIENCE * 2_u32.saturating_pow(self.tries);
        self.tries += 1;
        self.transaction = self.rng.u32(..);
        match self.connection {
            None => connect(self.transaction),
            Some(Connection { id, .. }) => self.request(id),
        }
    }

    fn request(&self, connection: u64) -> Vec<u8> {
        let announce = &self.announce;
        let figures = announce.figures;
        let event: u32 = match announce.event {
            // BEP 15 has no number for it.
            Event::Regular | Event::Paused => 0,
            Event::Completed => 1,
            Event::Started => 2,
            Event::Stopped => 3,
        };
        let mut packet = Vec::with_capacity(98);
        packet.extend_from_slice(&connection.to_be_bytes());
        packet.extend_from_slice(&ANNOUNCE.to_be_bytes());
        packet.extend_from_slice(&self.transaction.to_be_bytes());
        packet.extend_from_slice(&announce.info_hash.0);
        packet.extend_from_slice(&announce.peer_id.0);
        packet.extend_from_slice(&figures.downloaded.to_be_bytes());
        packet.extend_from_slice(&figures.left.unwrap_or(LEFT_UNKNOWN).to_be_bytes());
        packet.extend_from_slice(&figures.uploaded.to_be_bytes());
        packet.extend_from_slice(&event.to_be_bytes());
        // The IP is for the tracker to see.
        packet.extend_from_slice(&0_u32.to_be_bytes());
        packet.extend_from_slice(&announce.key.to_be_bytes());
        packet.extend_from_slice(&announce.wanted.to_be_bytes());
        packet.extend_from_slice(&announce.port.to_be_bytes());
        packet
    }

    fn answer(&self, packet: &[u8]) -> Result<Answer, AskError> {
        let garbage = || {
            let length = packet.len();
            AskError::Garbage(format!(
                "{length} bytes of an announce's answer; it has {ANSWER_HEAD} at least"
            ))
        };
        let rest = packet.get(8..).ok_or_else(garbage)?;
        let (interval, rest) = number(rest).ok_or_else(garbage)?;
        let (incomplete, rest) = number(rest).ok_or_else(garbage)?;
        let (complete, peers) = number(rest).ok_or_else(garbage)?;
        let mut answer = Answer::bounded(Some(i64::from(interval)), None);
        answer.complete = Some(complete);
        answer.incomplete = Some(incomplete);
        // A datagram may have been cut: what is not a whole address is left out.
        let whole = |unit: usize| {
            let length = peers.len() / unit * unit;
            peers.get(..length).unwrap_or_default()
        };
        if self.ipv6 {
            let peers = decode_v6(whole(COMPACT_V6_LENGTH)).map_err(|_| garbage())?;
            answer.add_peers(peers);
        } else {
            let peers = decode_v4(whole(COMPACT_V4_LENGTH)).map_err(|_| garbage())?;
            answer.add_peers(peers);
        }
        Ok(answer)
    }
}

fn connect(transaction: u32) -> Vec<u8> {
    let mut packet = Vec::with_capacity(16);
    packet.extend_from_slice(&MAGIC.to_be_bytes());
    packet.extend_from_slice(&CONNECT.to_be_bytes());
    packet.extend_from_slice(&transaction.to_be_bytes());
    packet
}

/// The number at the start of the bytes, big endian, and what follows.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}
