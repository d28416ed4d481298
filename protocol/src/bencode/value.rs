//! Views of checked bencoded bytes.
//!
//! Invariant: `raw` fields hold exactly one well-formed value; only the decoder makes them. Should
//! they not, walks end early; nothing panics.

use super::token::{Token, token};

/// One bencoded value: a view of the bytes it was decoded from.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Value<'a> {
    /// A string of bytes.
    Bytes(&'a [u8]),
    /// An integer.
    Integer(i64),
    /// A list.
    List(List<'a>),
    /// A dictionary.
    Dict(Dict<'a>),
}

/// A bencoded list. Two lists are equal when their bytes are.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct List<'a> {
    raw: &'a [u8],
}

/// A bencoded dictionary: its keys are unique, and in whatever order they came in. Two
/// dictionaries are equal when their bytes are.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Dict<'a> {
    raw: &'a [u8],
}

impl<'a> Value<'a> {
    /// The view of bytes that were checked to hold one value.
    pub(super) fn view(raw: &'a [u8]) -> Option<Self> {
        match token(raw, 0).ok()?.0 {
            Token::Bytes(bytes) => Some(Self::Bytes(bytes)),
            Token::Integer(integer) => Some(Self::Integer(integer)),
            Token::List => Some(Self::List(List { raw })),
            Token::Dict => Some(Self::Dict(Dict { raw })),
            Token::End => None,
        }
    }

    /// The bytes, if it is a string.
    #[must_use]
    pub const fn bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text, if it is a string that is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// The number, if it is an integer.
    #[must_use]
    pub const fn integer(&self) -> Option<i64> {
        match *self {
            Self::Integer(integer) => Some(integer),
            _ => None,
        }
    }

    /// The list, if it is one.
    #[must_use]
    pub const fn list(&self) -> Option<List<'a>> {
        match *self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// The dictionary, if it is one.
    #[must_use]
    pub const fn dict(&self) -> Option<Dict<'a>> {
        match *self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// What kind of value it is, for messages.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Bytes(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dictionary",
        }
    }
}

impl<'a> List<'a> {
    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut walk = Walk::inside(self.raw);
        std::iter::from_fn(move || Value::view(walk.value()?))
    }

    /// The bytes of the whole list as they came.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

impl<'a> Dict<'a> {
    /// The value of a key. Walks the dictionary: linear in its bytes.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Value<'a>> {
        Value::view(self.raw_value(key)?)
    }

    /// The bytes of a key's value as they came: what the infohash of `info` is the digest of.
    #[must_use]
    pub fn raw_value(&self, key: &[u8]) -> Option<&'a [u8]> {
        let found = self.entries().find(|&(candidate, _)| candidate == key);
        found.map(|(_, raw)| raw)
    }

    /// The keys and values in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Value<'a>)> + use<'a> {
        self.entries()
            .map_while(|(key, raw)| Some((key, Value::view(raw)?)))
    }

    /// The bytes of the whole dictionary as they came.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    fn entries(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut walk = Walk::inside(self.raw);
        std::iter::from_fn(move || {
            let key = Value::view(walk.value()?)?.bytes()?;
            Some((key, walk.value()?))
        })
    }
}

/// A walk over the values that a container holds.
struct Walk<'a> {
    raw: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    /// Starts after the byte that opens the container.
    const fn inside(raw: &'a [u8]) -> Self {
        Self { raw, at: 1 }
    }

    /// The bytes of the next value; `None` at the container's end.
    fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let mut at = start;
        let mut depth = 0_usize;
        loop {
            let (token, next) = token(self.raw, at).ok()?;
            match token {
                Token::List | Token::Dict => depth += 1,
                Token::End => depth = depth.checked_sub(1)?,
                Token::Bytes(_) | Token::Integer(_) => {}
            }
            at = next;
            if depth == 0 {
                self.at = at;
                return self.raw.get(start..at);
            }
        }
    }
}
