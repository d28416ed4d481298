//! The stream of a link: any chunking gives the same frames, and what was read is what was written.

use bytes::BytesMut;
use swarmlet_protocol::layout::{Block, MAX_PIECES, PieceIndex};
use swarmlet_protocol::wire::message::encode_piece_head;
use swarmlet_protocol::wire::{Decoder, Frame, FrameError, Handshake, Message, RawBlock};

use crate::Hand;

/// A frame that owns its bytes; the parts of a block are joined.
#[derive(Debug, Eq, PartialEq)]
enum Owned {
    Message(Message),
    Block(RawBlock, Vec<u8>),
}

/// The same stream whole and in parts, and what came of it written and read again.
pub fn check(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let pieces = hand.one_of(&[0, 1, 9, 4_000, MAX_PIECES, u32::MAX]);
    let cuts = [1 + hand.below(9), 1 + hand.below(200)];
    let stream = hand.rest();
    let mut whole = Vec::new();
    let judged = read(&mut decoder(pieces), stream, &mut whole);
    let mut parts = Vec::new();
    let judged_parts = read_in_parts(&mut decoder(pieces), stream, cuts, &mut parts);
    assert_eq!(judged, judged_parts, "chunks changed the verdict");
    assert_eq!(whole, parts, "chunks changed the frames");
    let mut written = BytesMut::new();
    // The last block may have been cut, and the payload of an unknown message is not kept.
    let is_whole = |frame: &&Owned| match frame {
        Owned::Message(message) => !matches!(message, Message::Unknown(_)),
        Owned::Block(block, bytes) => bytes.len() == block.length as usize,
    };
    whole
        .iter()
        .filter(is_whole)
        .for_each(|frame| write(frame, &mut written));
    let mut again = Vec::new();
    let judged = read(&mut decoder(pieces), &written, &mut again);
    assert_eq!(judged, Ok(()));
    assert!(
        again.iter().eq(whole.iter().filter(is_whole)),
        "read as others"
    );
}

/// A handshake: what is accepted is written as it came, but for bits that nobody knows.
pub fn check_handshake(bytes: &[u8]) {
    let started = Handshake::check_start(bytes);
    for cut in 0..bytes.len().min(24) {
        let before = Handshake::check_start(&bytes[..cut]);
        assert!(before.is_ok() || started.is_err(), "refused, and then not");
    }
    let Some(whole) = bytes.first_chunk() else {
        return;
    };
    let read = Handshake::decode(whole);
    assert_eq!(read.is_ok(), started.is_ok());
    if let Ok(handshake) = read {
        let written = handshake.encode();
        assert_eq!(written[..20], whole[..20]);
        assert_eq!(written[28..], whole[28..]);
        assert!(
            (20..28).all(|at| written[at] & !whole[at] == 0),
            "a bit that was not there"
        );
        assert_eq!(Handshake::decode(&written), Ok(handshake));
    }
}

fn decoder(pieces: u32) -> Decoder {
    let mut decoder = Decoder::new();
    if pieces < u32::MAX {
        decoder.expect_pieces(pieces);
    }
    decoder
}

fn read(decoder: &mut Decoder, mut input: &[u8], out: &mut Vec<Owned>) -> Result<(), FrameError> {
    while let Some(frame) = decoder.next(&mut input)? {
        match frame {
            Frame::Message(message) => out.push(Owned::Message(message)),
            Frame::Block(block) => out.push(Owned::Block(block, Vec::new())),
            Frame::Data(part) => match out.last_mut() {
                Some(Owned::Block(block, bytes)) => {
                    assert!(!part.is_empty());
                    bytes.extend_from_slice(part);
                    assert!(bytes.len() <= block.length as usize);
                }
                other => panic!("data after {other:?}"),
            },
        }
    }
    assert!(input.is_empty(), "one that wants more has read everything");
    Ok(())
}

fn read_in_parts(
    decoder: &mut Decoder,
    mut stream: &[u8],
    cuts: [u32; 2],
    out: &mut Vec<Owned>,
) -> Result<(), FrameError> {
    for &cut in cuts.iter().cycle() {
        let (part, rest) = stream.split_at(stream.len().min(cut as usize));
        if part.is_empty() {
            break;
        }
        read(decoder, part, out)?;
        stream = rest;
    }
    Ok(())
}

fn write(frame: &Owned, out: &mut BytesMut) {
    match frame {
        Owned::Message(message) => message.encode(out),
        Owned::Block(block, bytes) => {
            let head = Block {
                piece: PieceIndex::new(block.piece),
                begin: block.begin,
                length: block.length,
            };
            encode_piece_head(head, out);
            out.extend_from_slice(bytes);
        }
    }
}
