//! Any chunking of a stream gives the same frames, and no stream panics.

use bytes::{BufMut, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::layout::{Block, PieceIndex};
use crate::wire::message::encode_piece_head;

/// A frame that owns its bytes; the parts of a block are joined.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Owned {
    Message(Message),
    Block(RawBlock, Vec<u8>),
}

fn decode(decoder: &mut Decoder, mut input: &[u8], out: &mut Vec<Owned>) -> Result<(), FrameError> {
    while let Some(frame) = decoder.next(&mut input)? {
        match frame {
            Frame::Message(message) => out.push(Owned::Message(message)),
            Frame::Block(block) => out.push(Owned::Block(block, Vec::new())),
            Frame::Data(part) => match out.last_mut() {
                Some(Owned::Block(block, bytes)) => {
                    bytes.extend_from_slice(part);
                    assert!(bytes.len() <= block.length as usize);
                }
                other => panic!("data after {other:?}"),
            },
        }
    }
    assert!(
        input.is_empty(),
        "a decoder that wants more has read everything"
    );
    Ok(())
}

fn encode(frame: &Owned, out: &mut BytesMut) {
    match frame {
        Owned::Message(message) => message.encode(out),
        Owned::Block(block, bytes) => {
            let block = Block {
                piece: PieceIndex::new(block.piece),
                begin: block.begin,
                length: block.length,
            };
            encode_piece_head(block, out);
            out.put_slice(bytes);
        }
    }
}

fn any_raw_block() -> impl Strategy<Value = RawBlock> {
    (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(piece, begin, length)| RawBlock {
        piece,
        begin,
        length,
    })
}

fn any_frame() -> impl Strategy<Value = Owned> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from);
    prop_oneof![
        Just(Owned::Message(Message::KeepAlive)),
        Just(Owned::Message(Message::Choke)),
        Just(Owned::Message(Message::Unchoke)),
        Just(Owned::Message(Message::Interested)),
        Just(Owned::Message(Message::NotInterested)),
        Just(Owned::Message(Message::HaveAll)),
        Just(Owned::Message(Message::HaveNone)),
        any::<u32>().prop_map(|piece| Owned::Message(Message::Have(piece))),
        any::<u32>().prop_map(|piece| Owned::Message(Message::SuggestPiece(piece))),
        any::<u32>().prop_map(|piece| Owned::Message(Message::AllowedFast(piece))),
        any::<u16>().prop_map(|port| Owned::Message(Message::Port(port))),
        bytes().prop_map(|bits| Owned::Message(Message::Bitfield(bits))),
        any_raw_block().prop_map(|block| Owned::Message(Message::Request(block))),
        any_raw_block().prop_map(|block| Owned::Message(Message::Cancel(block))),
        any_raw_block().prop_map(|block| Owned::Message(Message::RejectRequest(block))),
        (any::<u8>(), bytes())
            .prop_map(|(id, payload)| Owned::Message(Message::Extended { id, payload })),
        (21_u8..).prop_map(|id| Owned::Message(Message::Unknown(id))),
        (
            any::<u32>(),
            any::<u32>(),
            prop::collection::vec(any::<u8>(), 1..300)
        )
            .prop_map(|(piece, begin, bytes)| {
                Owned::Block(
                    RawBlock {
                        piece,
                        begin,
                        length: bytes.len() as u32,
                    },
                    bytes,
                )
            }),
    ]
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_frames(
        frames in prop::collection::vec(any_frame(), 0..20),
        chunks in prop::collection::vec(1_usize..40, 1..50),
    ) {
        let mut stream = BytesMut::new();
        frames.iter().for_each(|frame| encode(frame, &mut stream));
        let mut whole = Vec::new();
        prop_assert_eq!(decode(&mut Decoder::new(), &stream, &mut whole), Ok(()));
        prop_assert_eq!(&whole, &frames);

        let mut decoder = Decoder::new();
        let mut parts = Vec::new();
        let mut rest = &stream[..];
        for length in chunks.iter().cycle() {
            let (part, after) = rest.split_at((*length).min(rest.len()));
            prop_assert_eq!(decode(&mut decoder, part, &mut parts), Ok(()));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(&parts, &frames);
    }

    #[test]
    fn no_stream_panics(stream in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = decode(&mut Decoder::new(), &stream, &mut Vec::new());
    }

    #[test]
    fn short_lengths_with_any_number_do_not_panic(
        messages in prop::collection::vec((0_u32..20, any::<u8>(), any::<[u8; 20]>()), 0..20)
    ) {
        let mut stream = Vec::new();
        for (length, id, body) in messages {
            stream.extend(length.to_be_bytes());
            stream.push(id);
            stream.extend(&body[..length.saturating_sub(1) as usize]);
        }
        let _ = decode(&mut Decoder::new(), &stream, &mut Vec::new());
    }
}

fn refused(bytes: &[u8]) -> String {
    decode(&mut Decoder::new(), bytes, &mut Vec::new())
        .unwrap_err()
        .to_string()
}

#[test]
fn lengths_are_refused_before_the_payload_is_here() {
    assert_eq!(refused(&[0, 0, 0, 9, 7]), "a piece message without bytes");
    assert_eq!(
        refused(&[0, 0, 0, 8, 7]),
        "message 7 has 7 bytes; 16392 were expected"
    );
    assert_eq!(
        refused(&[0xff; 5]),
        "message 255 has 4294967294 bytes; the limit is 1048576"
    );
    assert_eq!(
        refused(&[0, 1, 0, 0, 7]),
        "message 7 has 65535 bytes; the limit is 16392"
    );
    assert_eq!(
        refused(&[0, 0, 0, 2, 0]),
        "message 0 has 1 bytes; 0 were expected"
    );
    assert_eq!(
        refused(&[0, 0, 0, 1, 20]),
        "message 20 has 0 bytes; 1 were expected"
    );
    assert_eq!(
        refused(&[0, 4, 0, 0, 20]),
        "message 20 has 262143 bytes; the limit is 131072"
    );
}

#[test]
fn a_bitfield_is_held_to_the_number_of_pieces() {
    let mut decoder = Decoder::new();
    decoder.expect_pieces(8);
    let refused = decode(&mut decoder, &[0, 0, 0, 3, 5], &mut Vec::new());
    assert_eq!(
        refused,
        Err(FrameError::TooLong {
            id: 5,
            length: 2,
            limit: 1
        })
    );
}

#[test]
fn an_unknown_message_is_passed_over() {
    let mut frames = Vec::new();
    let stream = [0, 0, 0, 3, 99, 1, 2, 0, 0, 0, 1, 1];
    decode(&mut Decoder::new(), &stream, &mut frames).unwrap();
    assert_eq!(
        frames,
        [
            Owned::Message(Message::Unknown(99)),
            Owned::Message(Message::Unchoke)
        ]
    );
}
