//! Bencode: whatever is read can be written, and read again as the same.

use std::collections::BTreeMap;

use bendy::decoding::{FromBencode, Object};
use swarmlet_protocol::bencode::{
    Dict, DictEncoder, ListEncoder, MAX_DEPTH, Value, decode, decode_prefix,
};

/// Reads, writes, reads again; looks at every span and at the shorter inputs.
pub fn check(bytes: &[u8]) {
    let Ok((value, length)) = decode_prefix(bytes) else {
        assert!(decode(bytes).is_err(), "a whole without a beginning");
        return;
    };
    assert!((1..=bytes.len()).contains(&length));
    assert_eq!(decode(bytes).is_ok(), length == bytes.len());
    assert_eq!(
        decode(&bytes[..length]),
        Ok(value),
        "what follows changed it"
    );
    for cut in [0, length / 2, length - 1] {
        assert!(decode_prefix(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    assert_eq!(spans(&value, 0), length, "the parts are not the whole");
    // Canonical: the same length, as only the order of keys may differ.
    let written = write(&value);
    assert_eq!(written.len(), length);
    let again = decode(&written).expect("what was written is read");
    assert_eq!(write(&again), written, "canonical form of itself");
}

/// The same beside two other decoders: what a strict one accepts we read the same, and what we accept
/// a lenient one reads the same. Both abort on deep input, so they see only what is not deep.
pub fn check_against_others(bytes: &[u8]) {
    if depth(bytes) > MAX_DEPTH {
        return;
    }
    let ours = decode_prefix(bytes);
    if let Ok(strict) = Tree::from_bencode(bytes) {
        let ours = ours.as_ref().map(|(value, _)| Tree::of(value));
        assert_eq!(ours, Ok(strict));
    }
    // The lenient one refuses the least of all numbers.
    let has_least = bytes
        .windows(20)
        .any(|part| part == b"-9223372036854775808");
    if let Ok(ours) = decode(bytes)
        && !has_least
    {
        let lenient: bt_bencode::Value = bt_bencode::from_slice(bytes).expect("we accept it");
        assert_eq!(Some(Tree::of(&ours)), Tree::of_bt(&lenient));
    }
}

/// How deep the input could nest, for a decoder that takes each letter for a beginning.
fn depth(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .filter(|byte| matches!(byte, b'l' | b'd'))
        .count()
}

/// The length of a value by its parts. Each value of a dictionary is also found by its key.
fn spans(value: &Value<'_>, depth: usize) -> usize {
    assert!(depth <= MAX_DEPTH, "nested too deep");
    match value {
        Value::Bytes(bytes) => bytes.len().to_string().len() + 1 + bytes.len(),
        Value::Integer(number) => number.to_string().len() + 2,
        Value::List(list) => {
            let inner: usize = list.iter().map(|item| spans(&item, depth + 1)).sum();
            assert_eq!(list.raw().len(), inner + 2);
            inner + 2
        }
        Value::Dict(dict) => {
            let inner = dict
                .iter()
                .map(|(key, value)| entry(dict, key, &value, depth));
            let inner: usize = inner.sum();
            assert_eq!(dict.raw().len(), inner + 2);
            inner + 2
        }
    }
}

fn entry(dict: &Dict<'_>, key: &[u8], value: &Value<'_>, depth: usize) -> usize {
    let raw = dict.raw_value(key).expect("a key that was listed");
    assert_eq!(decode(raw).as_ref(), Ok(value), "a raw value is another");
    assert_eq!(dict.get(key).as_ref(), Some(value), "found as another");
    let length = spans(value, depth + 1);
    assert_eq!(raw.len(), length);
    spans(&Value::Bytes(key), depth) + length
}

fn write(value: &Value<'_>) -> Vec<u8> {
    let mut list = ListEncoder::new();
    push(&mut list, value);
    let bytes = list.finish();
    bytes[1..bytes.len() - 1].to_vec()
}

fn push(list: &mut ListEncoder<'_>, value: &Value<'_>) {
    match value {
        Value::Bytes(bytes) => list.bytes(bytes.to_vec()),
        Value::Integer(number) => list.integer(*number),
        Value::List(items) => {
            let mut inner = ListEncoder::new();
            items.iter().for_each(|item| push(&mut inner, &item));
            list.list(&inner)
        }
        Value::Dict(entries) => {
            let written: Vec<_> = entries.iter().map(|(key, it)| (key, write(&it))).collect();
            let mut inner = DictEncoder::new();
            for (key, value) in &written {
                inner.encoded(key, value.as_slice());
            }
            list.dict(&inner)
        }
    };
}

/// A value with an owner, to compare with those of others.
#[derive(Debug, PartialEq)]
enum Tree {
    Bytes(Vec<u8>),
    Integer(i64),
    List(Vec<Self>),
    Dict(BTreeMap<Vec<u8>, Self>),
}

impl Tree {
    fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Value::Integer(integer) => Self::Integer(*integer),
            Value::List(list) => Self::List(list.iter().map(|item| Self::of(&item)).collect()),
            Value::Dict(dict) => {
                let entries = dict.iter();
                Self::Dict(
                    entries
                        .map(|(key, it)| (key.to_vec(), Self::of(&it)))
                        .collect(),
                )
            }
        }
    }

    fn of_bt(value: &bt_bencode::Value) -> Option<Self> {
        use bt_bencode::Value;
        use bt_bencode::value::Number;
        Some(match value {
            Value::ByteStr(bytes) => Self::Bytes(bytes.to_vec()),
            Value::Int(Number::Signed(number)) => Self::Integer(*number),
            Value::Int(Number::Unsigned(number)) => Self::Integer(i64::try_from(*number).ok()?),
            Value::List(items) => Self::List(items.iter().map(Self::of_bt).collect::<Option<_>>()?),
            Value::Dict(entries) => {
                let entries = entries.iter();
                let entry = |(key, it): (&bt_bencode::ByteString, _)| {
                    Some((key.to_vec(), Self::of_bt(it)?))
                };
                Self::Dict(entries.map(entry).collect::<Option<_>>()?)
            }
        })
    }
}

impl FromBencode for Tree {
    fn decode_bencode_object(object: Object<'_, '_>) -> Result<Self, bendy::decoding::Error> {
        Ok(match object {
            Object::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Object::Integer(digits) => Self::Integer(digits.parse()?),
            Object::List(mut list) => {
                let mut items = Vec::new();
                while let Some(item) = list.next_object()? {
                    items.push(Self::decode_bencode_object(item)?);
                }
                Self::List(items)
            }
            Object::Dict(mut dict) => {
                let mut entries = BTreeMap::new();
                while let Some((key, value)) = dict.next_pair()? {
                    entries.insert(key.to_vec(), Self::decode_bencode_object(value)?);
                }
                Self::Dict(entries)
            }
        })
    }
}
