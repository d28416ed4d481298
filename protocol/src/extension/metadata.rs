//! Metadata exchange (BEP 9): the info dictionary in blocks of 16 KiB.
//!
//! Invariant: a [`MetadataMessage::Data`] that was decoded has exactly the bytes that its piece of
//! `total_size` bytes has, and `total_size` is within [`MAX_METADATA_LENGTH`]. Whether they are the
//! right bytes, only the infohash of the whole can tell.

use std::ops::Range;

use bytes::Bytes;

use super::{ExtensionError, dictionary, positive};
use crate::bencode::{Dict, DictEncoder};
use crate::metainfo::MAX_METADATA_LENGTH;

/// Bytes of every piece of the metadata but the last (BEP 9).
pub const METADATA_PIECE_LENGTH: u32 = 16 * 1024;

const REQUEST: i64 = 0;
const DATA: i64 = 1;
const REJECT: i64 = 2;

/// A `ut_metadata` message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MetadataMessage {
    /// "Send me this piece."
    Request {
        /// The number of the piece.
        piece: u32,
    },
    /// A piece.
    Data {
        /// The number of the piece.
        piece: u32,
        /// Bytes of the whole metadata.
        total_size: u32,
        /// The piece's bytes.
        data: Bytes,
    },
    /// "I have not got it, or I will not send it."
    Reject {
        /// The number of the piece.
        piece: u32,
    },
    /// A type that BEP 9 does not know; to be ignored.
    Unknown(i64),
}

/// How many pieces that many bytes of metadata have.
#[must_use]
pub const fn metadata_pieces(total_size: u32) -> u32 {
    total_size.div_ceil(METADATA_PIECE_LENGTH)
}

/// Where a piece lies in that many bytes of metadata; `None` if there is no such piece.
#[must_use]
pub fn metadata_piece(total_size: u32, piece: u32) -> Option<Range<usize>> {
    let start = piece.checked_mul(METADATA_PIECE_LENGTH)?;
    let end = start.saturating_add(METADATA_PIECE_LENGTH).min(total_size);
    (start < end).then_some(start as usize..end as usize)
}

impl MetadataMessage {
    /// The payload of the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut dict = DictEncoder::new();
        let mut tail: &[u8] = &[];
        match self {
            Self::Request { piece } => {
                dict.integer(b"msg_type", REQUEST).integer(b"piece", *piece);
            }
            Self::Data {
                piece,
                total_size,
                data,
            } => {
                dict.integer(b"msg_type", DATA)
                    .integer(b"piece", *piece)
                    .integer(b"total_size", *total_size);
                tail = data;
            }
            Self::Reject { piece } => {
                dict.integer(b"msg_type", REJECT).integer(b"piece", *piece);
            }
            Self::Unknown(number) => {
                dict.integer(b"msg_type", *number);
            }
        }
        let mut payload = dict.finish();
        payload.extend_from_slice(tail);
        payload
    }

    /// Reads a payload. The data of a piece stays a view of it.
    ///
    /// # Errors
    /// Refuses what is not a dictionary, numbers that are missing or out of range, and a piece whose
    /// length does not fit its place.
    pub fn decode(payload: &Bytes) -> Result<Self, ExtensionError> {
        let (dict, length) = dictionary(payload)?;
        let number = dict.get(b"msg_type").and_then(|number| number.integer());
        match number.ok_or(ExtensionError::Key {
            key: "msg_type",
            rule: "an integer",
        })? {
            REQUEST => piece(&dict).map(|piece| Self::Request { piece }),
            REJECT => piece(&dict).map(|piece| Self::Reject { piece }),
            DATA => read_data(piece(&dict)?, &dict, payload.slice(length..)),
            other => Ok(Self::Unknown(other)),
        }
    }
}

fn piece(dict: &Dict<'_>) -> Result<u32, ExtensionError> {
    let piece = dict.get(b"piece").and_then(|piece| piece.integer());
    let piece = piece.and_then(|piece| u32::try_from(piece).ok());
    piece.ok_or(ExtensionError::Key {
        key: "piece",
        rule: "the number of a piece, 0 or more",
    })
}

fn read_data(piece: u32, dict: &Dict<'_>, data: Bytes) -> Result<MetadataMessage, ExtensionError> {
    let total_size: Option<u32> = positive(dict.get(b"total_size"));
    let total_size = total_size
        .filter(|&size| size as usize <= MAX_METADATA_LENGTH)
        .ok_or(ExtensionError::Key {
            key: "total_size",
            rule: "the bytes of the metadata, 1 to 16777216",
        })?;
    let range = metadata_piece(total_size, piece).ok_or_else(|| ExtensionError::MetadataPiece {
        piece,
        total_size,
        pieces: metadata_pieces(total_size),
    })?;
    if data.len() != range.len() {
        return Err(ExtensionError::MetadataLength {
            piece,
            total_size,
            actual: data.len(),
            expected: range.len(),
        });
    }
    Ok(MetadataMessage::Data {
        piece,
        total_size,
        data,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(payload: &'static [u8]) -> Result<MetadataMessage, String> {
        MetadataMessage::decode(&Bytes::from_static(payload)).map_err(|error| error.to_string())
    }

    #[test]
    fn messages_have_the_bytes_of_the_specification() {
        let request = MetadataMessage::Request { piece: 0 };
        assert_eq!(request.encode(), b"d8:msg_typei0e5:piecei0ee");
        let data = MetadataMessage::Data {
            piece: 0,
            total_size: 3,
            data: Bytes::from_static(b"xyz"),
        };
        assert_eq!(
            data.encode(),
            b"d8:msg_typei1e5:piecei0e10:total_sizei3eexyz"
        );
    }

    #[test]
    fn unknown_types_are_passed_on_to_be_ignored() {
        assert_eq!(decode(b"d8:msg_typei7ee"), Ok(MetadataMessage::Unknown(7)));
    }

    #[test]
    fn numbers_and_lengths_that_do_not_fit_are_refused_by_name() {
        for (payload, error) in [
            (
                &b"de"[..],
                "an extension message needs the key 'msg_type' with an integer",
            ),
            (
                b"d8:msg_typei0e5:piecei-1ee",
                "an extension message needs the key 'piece' with the number of a piece, 0 or more",
            ),
            (
                b"d8:msg_typei1e5:piecei0eex",
                "an extension message needs the key 'total_size' with the bytes of the metadata, 1 to 16777216",
            ),
            (
                b"d8:msg_typei1e5:piecei0e10:total_sizei16777217eex",
                "an extension message needs the key 'total_size' with the bytes of the metadata, 1 to 16777216",
            ),
            (
                b"d8:msg_typei1e5:piecei1e10:total_sizei16384eex",
                "metadata piece 1 does not exist: 16384 bytes have 1",
            ),
            (
                b"d8:msg_typei1e5:piecei0e10:total_sizei3eexy",
                "metadata piece 0 has 2 bytes; of 3 bytes in all it has 3",
            ),
        ] {
            assert_eq!(decode(payload), Err(error.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn pieces_cover_the_metadata_and_survive_the_wire(total_size in 1_u32..100_000) {
            let mut next = 0;
            for piece in 0..metadata_pieces(total_size) {
                let range = metadata_piece(total_size, piece).unwrap();
                prop_assert_eq!(range.start, next);
                next = range.end;
                let data = Bytes::from(vec![7; range.len()]);
                let message = MetadataMessage::Data { piece, total_size, data };
                let payload = message.encode().into();
                prop_assert_eq!(MetadataMessage::decode(&payload), Ok(message));
            }
            prop_assert_eq!(next, total_size as usize);
            prop_assert_eq!(metadata_piece(total_size, metadata_pieces(total_size)), None);
        }

        #[test]
        fn requests_and_rejects_survive_the_wire(piece in any::<u32>(), other in 3_i64..) {
            for message in [
                MetadataMessage::Request { piece },
                MetadataMessage::Reject { piece },
                MetadataMessage::Unknown(other),
            ] {
                prop_assert_eq!(MetadataMessage::decode(&message.encode().into()), Ok(message));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = MetadataMessage::decode(&bytes.into());
        }
    }
}
