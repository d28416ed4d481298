//! The messages of a link and how they are written (BEP 3, BEP 6, BEP 10).

use bytes::{BufMut, Bytes, BytesMut};

use crate::layout::Block;

/// Three numbers that name a block, as they came: not yet checked against a layout.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct RawBlock {
    /// The piece.
    pub piece: u32,
    /// The first byte within the piece.
    pub begin: u32,
    /// The number of bytes.
    pub length: u32,
}

/// Every message but `piece`, whose bytes are passed on as they come (see `Frame`).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// Nothing but a sign of life.
    KeepAlive,
    /// The sender will not answer requests.
    Choke,
    /// The sender will answer requests.
    Unchoke,
    /// The sender wants something that the receiver has.
    Interested,
    /// The sender wants nothing that the receiver has.
    NotInterested,
    /// The sender has one more piece.
    Have(u32),
    /// The pieces that the sender has, one bit each. Only as the first message.
    Bitfield(Bytes),
    /// The sender wants a block.
    Request(RawBlock),
    /// The sender no longer wants a block.
    Cancel(RawBlock),
    /// The sender's DHT port (BEP 5).
    Port(u16),
    /// "You might like to download this piece" (BEP 6).
    SuggestPiece(u32),
    /// The sender has every piece (BEP 6).
    HaveAll,
    /// The sender has no piece (BEP 6).
    HaveNone,
    /// The sender will not answer this request (BEP 6).
    RejectRequest(RawBlock),
    /// The sender answers requests for this piece even while choking (BEP 6).
    AllowedFast(u32),
    /// A message of the extension protocol (BEP 10).
    Extended {
        /// The receiver's number for the extension; 0 is the extension handshake.
        id: u8,
        /// What the extension says, bencoded for the most part.
        payload: Bytes,
    },
    /// A message of a number that we do not know; its payload was skipped.
    Unknown(u8),
}

pub(crate) mod ids {
    pub(crate) const CHOKE: u8 = 0;
    pub(crate) const UNCHOKE: u8 = 1;
    pub(crate) const INTERESTED: u8 = 2;
    pub(crate) const NOT_INTERESTED: u8 = 3;
    pub(crate) const HAVE: u8 = 4;
    pub(crate) const BITFIELD: u8 = 5;
    pub(crate) const REQUEST: u8 = 6;
    pub(crate) const PIECE: u8 = 7;
    pub(crate) const CANCEL: u8 = 8;
    pub(crate) const PORT: u8 = 9;
    pub(crate) const SUGGEST_PIECE: u8 = 0x0d;
    pub(crate) const HAVE_ALL: u8 = 0x0e;
    pub(crate) const HAVE_NONE: u8 = 0x0f;
    pub(crate) const REJECT_REQUEST: u8 = 0x10;
    pub(crate) const ALLOWED_FAST: u8 = 0x11;
    pub(crate) const EXTENDED: u8 = 20;
}

impl Message {
    /// Appends the message, with its length prefix, to `out`.
    pub fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::KeepAlive => out.put_u32(0),
            Self::Choke => bare(out, ids::CHOKE),
            Self::Unchoke => bare(out, ids::UNCHOKE),
            Self::Interested => bare(out, ids::INTERESTED),
            Self::NotInterested => bare(out, ids::NOT_INTERESTED),
            Self::Have(piece) => number(out, ids::HAVE, *piece),
            Self::Bitfield(bits) => payload(out, &[ids::BITFIELD], bits),
            Self::Request(block) => triple(out, ids::REQUEST, block),
            Self::Cancel(block) => triple(out, ids::CANCEL, block),
            Self::Port(port) => payload(out, &[ids::PORT], &port.to_be_bytes()),
            Self::SuggestPiece(piece) => number(out, ids::SUGGEST_PIECE, *piece),
            Self::HaveAll => bare(out, ids::HAVE_ALL),
            Self::HaveNone => bare(out, ids::HAVE_NONE),
            Self::RejectRequest(block) => triple(out, ids::REJECT_REQUEST, block),
            Self::AllowedFast(piece) => number(out, ids::ALLOWED_FAST, *piece),
            Self::Extended { id, payload: body } => payload(out, &[ids::EXTENDED, *id], body),
            Self::Unknown(id) => bare(out, *id),
        }
    }
}

/// Appends the head of a `piece` message; the block's bytes must follow it.
pub fn encode_piece_head(block: Block, out: &mut BytesMut) {
    out.put_u32(block.length + 9);
    out.put_u8(ids::PIECE);
    out.put_u32(block.piece.get());
    out.put_u32(block.begin);
}

impl From<Block> for RawBlock {
    fn from(block: Block) -> Self {
        Self {
            piece: block.piece.get(),
            begin: block.begin,
            length: block.length,
        }
    }
}

fn bare(out: &mut BytesMut, id: u8) {
    out.put_u32(1);
    out.put_u8(id);
}

fn number(out: &mut BytesMut, id: u8, number: u32) {
    out.put_u32(5);
    out.put_u8(id);
    out.put_u32(number);
}

fn triple(out: &mut BytesMut, id: u8, block: &RawBlock) {
    out.put_u32(13);
    out.put_u8(id);
    out.put_u32(block.piece);
    out.put_u32(block.begin);
    out.put_u32(block.length);
}

fn payload(out: &mut BytesMut, head: &[u8], body: &[u8]) {
    out.put_u32((head.len() + body.len()) as u32);
    out.put_slice(head);
    out.put_slice(body);
}
