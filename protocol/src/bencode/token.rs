//! One token of bencoded bytes: what the check and the views both read.

use thiserror::Error;

use super::MAX_DEPTH;

/// Bytes that are not bencode as we accept it. Offsets count from the start of the input.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input stops within a value.
    #[error("bencode ends at byte {at} within a value")]
    Truncated {
        /// Where the input stops.
        at: usize,
    },
    /// No value and no end of a container starts with this byte.
    #[error("unexpected byte 0x{byte:02x} at {at} in bencode")]
    Unexpected {
        /// The byte.
        byte: u8,
        /// Where it stands.
        at: usize,
    },
    /// An integer or a length that has a leading zero, no digits, or does not fit.
    #[error(
        "bad number at byte {at} in bencode; it must be -2^63 to 2^63-1, without leading zeros"
    )]
    Number {
        /// Where the number starts.
        at: usize,
    },
    /// A dictionary has the same key twice.
    #[error("the bencoded dictionary at byte {at} has a key twice")]
    DuplicateKey {
        /// Where the dictionary starts.
        at: usize,
    },
    /// A dictionary's key is not a string.
    #[error("a key at byte {at} of a bencoded dictionary is not a string")]
    KeyNotString {
        /// Where the key should start.
        at: usize,
    },
    /// A dictionary ends after a key.
    #[error("a bencoded dictionary ends at byte {at} after a key without value")]
    KeyWithoutValue {
        /// Where the dictionary ends.
        at: usize,
    },
    /// Containers within containers within containers.
    #[error("bencode is nested deeper than {MAX_DEPTH} at byte {at}")]
    TooDeep {
        /// Where the container starts that is one too many.
        at: usize,
    },
    /// A whole value, and then more.
    #[error("{extra} bytes follow the bencoded value")]
    Trailing {
        /// How many bytes follow.
        extra: usize,
    },
}

/// What stands at a place in bencoded bytes.
#[derive(Copy, Clone, Debug)]
pub(super) enum Token<'a> {
    Bytes(&'a [u8]),
    Integer(i64),
    List,
    Dict,
    End,
}

/// The token at `at`, and where the next one starts.
pub(super) fn token(input: &[u8], at: usize) -> Result<(Token<'_>, usize), DecodeError> {
    let truncated = DecodeError::Truncated { at: input.len() };
    match input.get(at) {
        None => Err(truncated),
        Some(b'l') => Ok((Token::List, at + 1)),
        Some(b'd') => Ok((Token::Dict, at + 1)),
        Some(b'e') => Ok((Token::End, at + 1)),
        Some(b'i') => {
            let (number, next) = number(input, at + 1, b'e')?;
            Ok((Token::Integer(number), next))
        }
        Some(b'0'..=b'9') => {
            let (length, start) = number(input, at, b':')?;
            let end = usize::try_from(length)
                .ok()
                .and_then(|length| start.checked_add(length));
            let bytes = end.and_then(|end| Some((input.get(start..end)?, end)));
            bytes.map_or(Err(truncated), |(bytes, end)| {
                Ok((Token::Bytes(bytes), end))
            })
        }
        Some(&byte) => Err(DecodeError::Unexpected { byte, at }),
    }
}

/// The number at `start` up to the byte `end`, and where that which follows it starts.
fn number(input: &[u8], start: usize, end: u8) -> Result<(i64, usize), DecodeError> {
    let bad = DecodeError::Number { at: start };
    let negative = input.get(start) == Some(&b'-');
    let first = start + usize::from(negative);
    let mut value = 0_i64;
    let mut at = first;
    loop {
        let digit = match input.get(at) {
            None => return Err(DecodeError::Truncated { at: input.len() }),
            Some(&byte) if byte == end && at > first => return Ok((value, at + 1)),
            Some(&byte) if byte.is_ascii_digit() => i64::from(byte - b'0'),
            Some(_) => return Err(bad),
        };
        let leading_zero = at > first && value == 0;
        if leading_zero || (negative && at == first && digit == 0) {
            return Err(bad);
        }
        let shifted = value.checked_mul(10);
        // Negative numbers grow downwards, so that -2^63 fits.
        let grown = shifted.and_then(|value| match negative {
            true => value.checked_sub(digit),
            false => value.checked_add(digit),
        });
        value = grown.ok_or_else(|| bad.clone())?;
        at += 1;
    }
}
