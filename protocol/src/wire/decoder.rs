//! Turns the stream of a link into frames, whatever the chunks it arrives in.
//!
//! The payload of a `piece` message is never collected here: its head is announced and its bytes
//! are lent out as they come, so that they are copied once, into the piece they belong to. Every
//! length is checked before memory is taken for it.

use bytes::Bytes;
use thiserror::Error;

use super::message::{Message, RawBlock, ids};
use crate::bitfield::wire_length;
use crate::layout::{BLOCK_LENGTH, MAX_PIECES};

/// 128 KiB: the longest extended message we read. A metadata piece of 16 KiB and its dictionary
/// (BEP 9), a first PEX message or a list of swarms fit several times.
pub const MAX_EXTENDED_LENGTH: u32 = 128 * 1024;

/// 1 MiB: an unknown message up to this length is skipped; a longer one is taken for garbage.
pub const MAX_UNKNOWN_LENGTH: u32 = 1024 * 1024;

/// One thing that came out of the stream.
#[derive(Debug, Eq, PartialEq)]
pub enum Frame<'a> {
    /// A whole message.
    Message(Message),
    /// A `piece` message starts; exactly `length` bytes of [`Frame::Data`] follow.
    Block(RawBlock),
    /// Bytes of the block that was announced last.
    Data(&'a [u8]),
}

/// A stream that is not the peer wire protocol.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A message that cannot have that length.
    #[error("message {id} has {length} bytes; {expected} were expected")]
    WrongLength {
        /// The message's number.
        id: u8,
        /// Its length as the prefix tells it, without the number.
        length: u32,
        /// The length that it must have.
        expected: u32,
    },
    /// A message longer than we take.
    #[error("message {id} has {length} bytes; the limit is {limit}")]
    TooLong {
        /// The message's number.
        id: u8,
        /// Its length as the prefix tells it, without the number.
        length: u32,
        /// The limit.
        limit: u32,
    },
    /// A block without bytes: it would look like progress and be none.
    #[error("a piece message without bytes")]
    EmptyBlock,
}

/// The state of reading one stream.
#[derive(Debug)]
pub struct Decoder {
    /// Length prefix, number, and the two numbers of a `piece` message.
    head: [u8; PIECE_HEAD],
    head_length: usize,
    state: State,
    /// Messages that were read to their end.
    finished: u64,
    bitfield_limit: u32,
}

#[derive(Debug)]
enum State {
    Head,
    /// Collecting the payload of a message that came in parts.
    Body {
        id: u8,
        length: usize,
        collected: Vec<u8>,
    },
    /// Lending out the payload of a `piece` message.
    Data {
        remaining: usize,
    },
    /// Passing over the payload of an unknown message.
    Skip {
        id: u8,
        remaining: usize,
    },
}

/// Length prefix, number, piece and begin.
const PIECE_HEAD: usize = 13;

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at the start of a message, after the handshake.
    #[must_use]
    pub fn new() -> Self {
        Self {
            head: [0; PIECE_HEAD],
            head_length: 0,
            state: State::Head,
            finished: 0,
            bitfield_limit: wire_length(MAX_PIECES) as u32,
        }
    }

    /// Says how many pieces there are, so that a longer bitfield is refused before it is read.
    pub fn expect_pieces(&mut self, pieces: u32) {
        self.bitfield_limit = wire_length(pieces) as u32;
    }

    /// Takes the next frame off `input`; `None` when `input` is used up within a frame.
    ///
    /// # Errors
    /// The stream cannot be read on; the link must be closed.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Frame<'a>>, FrameError> {
        loop {
            match &mut self.state {
                State::Head => match self.read_head(input)? {
                    Step::Starved => return Ok(None),
                    Step::Frame(frame) => return Ok(Some(frame)),
                    Step::Continue => {}
                },
                State::Body {
                    id,
                    length,
                    collected,
                } => {
                    let id = *id;
                    let missing = *length - collected.len();
                    if collected.is_empty() && input.len() >= missing {
                        let body = take(input, missing);
                        self.restart();
                        return message(id, body).map(|message| Some(Frame::Message(message)));
                    }
                    let part = take(input, missing);
                    collected.extend_from_slice(part);
                    if collected.len() < *length {
                        return Ok(None);
                    }
                    let body = std::mem::take(collected);
                    self.restart();
                    return message(id, &body).map(|message| Some(Frame::Message(message)));
                }
                State::Data { remaining } => {
                    let part = take(input, *remaining);
                    if part.is_empty() {
                        return Ok(None);
                    }
                    *remaining -= part.len();
                    if *remaining == 0 {
                        self.restart();
                    }
                    return Ok(Some(Frame::Data(part)));
                }
                State::Skip { id, remaining } => {
                    let id = *id;
                    *remaining -= take(input, *remaining).len();
                    if *remaining > 0 {
                        return Ok(None);
                    }
                    self.restart();
                    return Ok(Some(Frame::Message(Message::Unknown(id))));
                }
            }
        }
    }

    /// Which message has begun and is not at its end, counted from 0; `None` between two.
    #[must_use]
    pub const fn within(&self) -> Option<u64> {
        match self.state {
            State::Head if self.head_length == 0 => None,
            _ => Some(self.finished),
        }
    }

    fn restart(&mut self) {
        self.head_length = 0;
        self.state = State::Head;
        self.finished += 1;
    }

    /// Collects the head up to `wanted` bytes; says whether they are all here.
    fn collect_head(&mut self, input: &mut &[u8], wanted: usize) -> bool {
        let part = take(input, wanted.saturating_sub(self.head_length));
        self.head[self.head_length..self.head_length + part.len()].copy_from_slice(part);
        self.head_length += part.len();
        self.head_length >= wanted
    }

    fn read_head<'a>(&mut self, input: &mut &'a [u8]) -> Result<Step<'a>, FrameError> {
        if !self.collect_head(input, 4) {
            return Ok(Step::Starved);
        }
        let Some(length) = self.head_number(0).checked_sub(1) else {
            self.restart();
            return Ok(Step::Frame(Frame::Message(Message::KeepAlive)));
        };
        if !self.collect_head(input, 5) {
            return Ok(Step::Starved);
        }
        let id = self.head[4];
        self.check_length(id, length)?;
        if id == ids::PIECE {
            if !self.collect_head(input, PIECE_HEAD) {
                return Ok(Step::Starved);
            }
            let block = RawBlock {
                piece: self.head_number(5),
                begin: self.head_number(9),
                length: length - 8,
            };
            self.state = State::Data {
                remaining: block.length as usize,
            };
            return Ok(Step::Frame(Frame::Block(block)));
        }
        self.state = if is_known(id) {
            State::Body {
                id,
                length: length as usize,
                collected: Vec::new(),
            }
        } else {
            State::Skip {
                id,
                remaining: length as usize,
            }
        };
        Ok(Step::Continue)
    }

    fn head_number(&self, at: usize) -> u32 {
        number(&self.head[at..])
    }

    fn check_length(&self, id: u8, length: u32) -> Result<(), FrameError> {
        let exactly = |expected| {
            (length == expected)
                .then_some(())
                .ok_or(FrameError::WrongLength {
                    id,
                    length,
                    expected,
                })
        };
        let at_most = |limit| {
            (length <= limit)
                .then_some(())
                .ok_or(FrameError::TooLong { id, length, limit })
        };
        match id {
            ids::CHOKE | ids::UNCHOKE | ids::INTERESTED | ids::NOT_INTERESTED => exactly(0),
            ids::HAVE_ALL | ids::HAVE_NONE => exactly(0),
            ids::HAVE | ids::SUGGEST_PIECE | ids::ALLOWED_FAST => exactly(4),
            ids::REQUEST | ids::CANCEL | ids::REJECT_REQUEST => exactly(12),
            ids::PORT => exactly(2),
            ids::BITFIELD => at_most(self.bitfield_limit),
            ids::PIECE if length < 8 => Err(FrameError::WrongLength {
                id,
                length,
                expected: 8 + BLOCK_LENGTH,
            }),
            ids::PIECE if length == 8 => Err(FrameError::EmptyBlock),
            // We ask for 16 KiB at most, so no more can be an answer.
            ids::PIECE => at_most(8 + BLOCK_LENGTH),
            ids::EXTENDED if length == 0 => Err(FrameError::WrongLength {
                id,
                length,
                expected: 1,
            }),
            ids::EXTENDED => at_most(MAX_EXTENDED_LENGTH),
            _ => at_most(MAX_UNKNOWN_LENGTH),
        }
    }
}

enum Step<'a> {
    Starved,
    Continue,
    Frame(Frame<'a>),
}

fn take<'a>(input: &mut &'a [u8], at_most: usize) -> &'a [u8] {
    let (part, rest) = input.split_at(at_most.min(input.len()));
    *input = rest;
    part
}

/// The first four bytes as a number; bytes that are missing count as zero.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .take(4)
        .fold(0, |value, &byte| value << 8 | u32::from(byte))
}

const fn is_known(id: u8) -> bool {
    matches!(
        id,
        ids::CHOKE..=ids::PORT | ids::SUGGEST_PIECE..=ids::ALLOWED_FAST | ids::EXTENDED
    )
}

/// Reads a payload whose length was checked when its head was read.
fn message(id: u8, body: &[u8]) -> Result<Message, FrameError> {
    let block = || RawBlock {
        piece: number(body),
        begin: number(body.get(4..).unwrap_or_default()),
        length: number(body.get(8..).unwrap_or_default()),
    };
    Ok(match id {
        ids::CHOKE => Message::Choke,
        ids::UNCHOKE => Message::Unchoke,
        ids::INTERESTED => Message::Interested,
        ids::NOT_INTERESTED => Message::NotInterested,
        ids::HAVE => Message::Have(number(body)),
        ids::BITFIELD => Message::Bitfield(Bytes::copy_from_slice(body)),
        ids::REQUEST => Message::Request(block()),
        ids::CANCEL => Message::Cancel(block()),
        ids::PORT => Message::Port(
            body.iter()
                .fold(0, |port, &byte| port << 8 | u16::from(byte)),
        ),
        ids::SUGGEST_PIECE => Message::SuggestPiece(number(body)),
        ids::HAVE_ALL => Message::HaveAll,
        ids::HAVE_NONE => Message::HaveNone,
        ids::REJECT_REQUEST => Message::RejectRequest(block()),
        ids::ALLOWED_FAST => Message::AllowedFast(number(body)),
        ids::EXTENDED => {
            let (&extension, payload) = body.split_first().ok_or(FrameError::WrongLength {
                id,
                length: 0,
                expected: 1,
            })?;
            Message::Extended {
                id: extension,
                payload: Bytes::copy_from_slice(payload),
            }
        }
        unknown => Message::Unknown(unknown),
    })
}

#[cfg(test)]
#[path = "decoder_tests.rs"]
mod tests;
