//! The check that stands before every view of bencoded bytes.
//!
//! Reads token by token with a stack of at most [`MAX_DEPTH`] open containers, never by recursion.

use super::MAX_DEPTH;
use super::token::{DecodeError, Token, token};
use super::value::Value;

/// Reads one value that fills the whole input.
///
/// # Errors
/// Says what is wrong and where; bytes after the value are an error.
pub fn decode(input: &[u8]) -> Result<Value<'_>, DecodeError> {
    let (value, length) = decode_prefix(input)?;
    match input.len() - length {
        0 => Ok(value),
        extra => Err(DecodeError::Trailing { extra }),
    }
}

/// Reads one value at the start of the input, and says how many bytes it takes.
///
/// # Errors
/// Says what is wrong and where.
pub fn decode_prefix(input: &[u8]) -> Result<(Value<'_>, usize), DecodeError> {
    let length = check(input)?;
    let checked = input.get(..length).unwrap_or(input);
    let value = Value::view(checked).ok_or(DecodeError::Truncated { at: 0 })?;
    Ok((value, length))
}

/// An open container.
enum Frame<'a> {
    List,
    Dict {
        start: usize,
        last_key: Option<&'a [u8]>,
        value_next: bool,
        sorted: bool,
    },
}

/// The length of the value at the start of the input.
fn check(input: &[u8]) -> Result<usize, DecodeError> {
    let mut open: Vec<Frame<'_>> = Vec::new();
    let mut at = 0;
    loop {
        let (token, next) = token(input, at)?;
        match open.last_mut() {
            Some(Frame::Dict {
                last_key,
                value_next,
                sorted,
                ..
            }) => match (&token, *value_next) {
                (Token::End, true) => return Err(DecodeError::KeyWithoutValue { at }),
                (Token::End, false) => {}
                (_, true) => *value_next = false,
                (Token::Bytes(key), false) => {
                    *sorted &= last_key.is_none_or(|last| last < *key);
                    *last_key = Some(key);
                    *value_next = true;
                }
                (_, false) => return Err(DecodeError::KeyNotString { at }),
            },
            None if matches!(token, Token::End) => {
                return Err(DecodeError::Unexpected { byte: b'e', at });
            }
            Some(Frame::List) | None => {}
        }
        match token {
            Token::List | Token::Dict if open.len() == MAX_DEPTH => {
                return Err(DecodeError::TooDeep { at });
            }
            Token::List => open.push(Frame::List),
            Token::Dict => open.push(Frame::Dict {
                start: at,
                last_key: None,
                value_next: false,
                sorted: true,
            }),
            Token::End => {
                // Sorted keys cannot repeat; only unsorted ones cost a second look.
                if let Some(Frame::Dict {
                    start,
                    sorted: false,
                    ..
                }) = open.pop()
                {
                    refuse_duplicates(input, start, next)?;
                }
            }
            Token::Bytes(_) | Token::Integer(_) => {}
        }
        at = next;
        if open.is_empty() {
            return Ok(at);
        }
    }
}

fn refuse_duplicates(input: &[u8], start: usize, end: usize) -> Result<(), DecodeError> {
    let dict = input.get(start..end).and_then(Value::view);
    let mut keys: Vec<&[u8]> = dict
        .as_ref()
        .and_then(Value::dict)
        .into_iter()
        .flat_map(|dict| dict.iter().map(|(key, _)| key))
        .collect();
    keys.sort_unstable();
    if keys.is_sorted_by(|one, two| one < two) {
        Ok(())
    } else {
        Err(DecodeError::DuplicateKey { at: start })
    }
}
