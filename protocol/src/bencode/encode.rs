//! Writes canonical bencode: dictionaries come out sorted, whatever order they were filled in.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// A dictionary that is being made. A key that is set twice has the later value.
#[derive(Clone, Debug, Default)]
pub struct DictEncoder<'a> {
    entries: BTreeMap<&'a [u8], Item<'a>>,
}

/// A list that is being made.
#[derive(Clone, Debug, Default)]
pub struct ListEncoder<'a> {
    items: Vec<Item<'a>>,
}

#[derive(Clone, Debug)]
enum Item<'a> {
    Bytes(Cow<'a, [u8]>),
    Integer(i64),
    /// Bencoded already: nesting costs a copy per level, and no recursion.
    Encoded(Cow<'a, [u8]>),
}

impl<'a> DictEncoder<'a> {
    /// An empty dictionary.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a key to a string of bytes.
    pub fn bytes(&mut self, key: &'a [u8], value: impl Into<Cow<'a, [u8]>>) -> &mut Self {
        self.set(key, Item::Bytes(value.into()))
    }

    /// Sets a key to an integer.
    pub fn integer(&mut self, key: &'a [u8], value: impl Into<i64>) -> &mut Self {
        self.set(key, Item::Integer(value.into()))
    }

    /// Sets a key to a dictionary.
    pub fn dict(&mut self, key: &'a [u8], value: &DictEncoder<'_>) -> &mut Self {
        self.set(key, Item::Encoded(value.finish().into()))
    }

    /// Sets a key to a list.
    pub fn list(&mut self, key: &'a [u8], value: &ListEncoder<'_>) -> &mut Self {
        self.set(key, Item::Encoded(value.finish().into()))
    }

    /// Sets a key to bytes that the caller knows to be one bencoded value.
    pub fn encoded(&mut self, key: &'a [u8], value: impl Into<Cow<'a, [u8]>>) -> &mut Self {
        self.set(key, Item::Encoded(value.into()))
    }

    /// The bencoded dictionary.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        let mut out = vec![b'd'];
        for (key, item) in &self.entries {
            write_bytes(&mut out, key);
            item.write(&mut out);
        }
        out.push(b'e');
        out
    }

    fn set(&mut self, key: &'a [u8], item: Item<'a>) -> &mut Self {
        self.entries.insert(key, item);
        self
    }
}

impl<'a> ListEncoder<'a> {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a string of bytes.
    pub fn bytes(&mut self, value: impl Into<Cow<'a, [u8]>>) -> &mut Self {
        self.push(Item::Bytes(value.into()))
    }

    /// Adds an integer.
    pub fn integer(&mut self, value: impl Into<i64>) -> &mut Self {
        self.push(Item::Integer(value.into()))
    }

    /// Adds a dictionary.
    pub fn dict(&mut self, value: &DictEncoder<'_>) -> &mut Self {
        self.push(Item::Encoded(value.finish().into()))
    }

    /// Adds a list.
    pub fn list(&mut self, value: &ListEncoder<'_>) -> &mut Self {
        self.push(Item::Encoded(value.finish().into()))
    }

    /// The bencoded list.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        let mut out = vec![b'l'];
        for item in &self.items {
            item.write(&mut out);
        }
        out.push(b'e');
        out
    }

    fn push(&mut self, item: Item<'a>) -> &mut Self {
        self.items.push(item);
        self
    }
}

impl Item<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes(bytes) => write_bytes(out, bytes),
            Self::Integer(integer) => out.extend_from_slice(format!("i{integer}e").as_bytes()),
            Self::Encoded(bytes) => out.extend_from_slice(bytes),
        }
    }
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(format!("{}:", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
}
