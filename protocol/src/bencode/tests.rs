//! What the decoder accepts, what it refuses, and that it agrees with two independent decoders.

use std::collections::BTreeMap;

use bendy::decoding::{FromBencode, Object};
use proptest::prelude::*;

use super::*;

/// A value with an owner, to compare with.
#[derive(Clone, Debug, PartialEq)]
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
            Value::Dict(dict) => Self::Dict(
                dict.iter()
                    .map(|(key, value)| (key.to_vec(), Self::of(&value)))
                    .collect(),
            ),
        }
    }

    fn of_bt(value: &bt_bencode::Value) -> Option<Self> {
        Some(match value {
            bt_bencode::Value::ByteStr(bytes) => Self::Bytes(bytes.to_vec()),
            bt_bencode::Value::Int(bt_bencode::value::Number::Signed(number)) => {
                Self::Integer(*number)
            }
            bt_bencode::Value::Int(bt_bencode::value::Number::Unsigned(number)) => {
                Self::Integer(i64::try_from(*number).ok()?)
            }
            bt_bencode::Value::List(items) => {
                Self::List(items.iter().map(Self::of_bt).collect::<Option<_>>()?)
            }
            bt_bencode::Value::Dict(entries) => Self::Dict(
                entries
                    .iter()
                    .map(|(key, value)| Some((key.to_vec(), Self::of_bt(value)?)))
                    .collect::<Option<_>>()?,
            ),
        })
    }

    fn list(items: &[Self]) -> ListEncoder<'_> {
        let mut list = ListEncoder::new();
        for item in items {
            match item {
                Self::Bytes(bytes) => list.bytes(bytes),
                Self::Integer(integer) => list.integer(*integer),
                Self::List(items) => list.list(&Self::list(items)),
                Self::Dict(entries) => list.dict(&Self::dict(entries)),
            };
        }
        list
    }

    /// Fills the dictionary backwards: the encoder has to sort.
    fn dict(entries: &BTreeMap<Vec<u8>, Self>) -> DictEncoder<'_> {
        let mut dict = DictEncoder::new();
        for (key, item) in entries.iter().rev() {
            match item {
                Self::Bytes(bytes) => dict.bytes(key, bytes),
                Self::Integer(integer) => dict.integer(key, *integer),
                Self::List(items) => dict.list(key, &Self::list(items)),
                Self::Dict(entries) => dict.dict(key, &Self::dict(entries)),
            };
        }
        dict
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

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..12).prop_map(Tree::Bytes),
        any::<i64>().prop_map(Tree::Integer),
        (-9_i64..10).prop_map(Tree::Integer),
    ];
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Tree::List),
            prop::collection::btree_map(prop::collection::vec(any::<u8>(), 0..4), inner, 0..6)
                .prop_map(Tree::Dict),
        ]
    })
}

/// Bytes that are often nearly bencode.
fn nearly_bencode() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        prop::collection::vec(prop::sample::select(b"ilde0123:-a9".as_slice()), 0..40),
        (
            tree(),
            prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
        )
            .prop_map(|(tree, changes)| {
                let mut bytes = Tree::list(std::slice::from_ref(&tree)).finish();
                for (index, byte) in changes {
                    let at = index.index(bytes.len());
                    bytes[at] = byte;
                }
                bytes
            }),
    ]
}

#[test]
fn a_dictionary_gives_its_values_and_their_raw_bytes() {
    let value = decode(b"d4:infod1:ai1ee4:listl1:xi-2ee1:s3:abce").unwrap();
    let dict = value.dict().unwrap();
    assert_eq!(dict.get(b"s").unwrap().bytes(), Some(b"abc".as_slice()));
    assert_eq!(dict.get(b"s").unwrap().text(), Some("abc"));
    assert_eq!(dict.raw_value(b"info"), Some(b"d1:ai1ee".as_slice()));
    let list: Vec<_> = dict.get(b"list").unwrap().list().unwrap().iter().collect();
    assert_eq!(list, [Value::Bytes(b"x"), Value::Integer(-2)]);
    assert_eq!(dict.get(b"none"), None);
}

#[test]
fn unsorted_keys_are_accepted_and_repeated_ones_refused() {
    let value = decode(b"d1:bi1e1:ai2ee").unwrap();
    assert_eq!(value.dict().unwrap().get(b"a").unwrap().integer(), Some(2));
    let twice = DecodeError::DuplicateKey { at: 1 };
    assert_eq!(decode(b"ld1:ai1e1:ai2eee"), Err(twice.clone()));
    assert_eq!(decode(b"ld1:bi1e1:ai2e1:bi3eee"), Err(twice));
}

#[test]
fn a_prefix_leaves_what_follows_alone() {
    let (value, length) = decode_prefix(b"d1:ai1eePAYLOAD").unwrap();
    assert_eq!((value.kind(), length), ("a dictionary", 8));
    let trailing = DecodeError::Trailing { extra: 7 };
    assert_eq!(decode(b"d1:ai1eePAYLOAD"), Err(trailing));
}

#[test]
fn malformed_input_is_refused_with_its_place() {
    use DecodeError::*;
    for (input, error) in [
        (&b""[..], Truncated { at: 0 }),
        (b"i1", Truncated { at: 2 }),
        (b"5:abc", Truncated { at: 5 }),
        (b"9223372036854775807:a", Truncated { at: 21 }),
        (b"99999999999999999999:a", Number { at: 0 }),
        (b"i9223372036854775808e", Number { at: 1 }),
        (b"i-9223372036854775809e", Number { at: 1 }),
        (b"i-0e", Number { at: 1 }),
        (b"i00e", Number { at: 1 }),
        (b"i+1e", Number { at: 1 }),
        (b"ie", Number { at: 1 }),
        (b"i-e", Number { at: 1 }),
        (b"01:a", Number { at: 0 }),
        (b"1a", Number { at: 0 }),
        (b"e", Unexpected { byte: b'e', at: 0 }),
        (b"lxe", Unexpected { byte: b'x', at: 1 }),
        (b"d1:ae", KeyWithoutValue { at: 4 }),
        (b"di1ei2ee", KeyNotString { at: 1 }),
    ] {
        assert_eq!(decode(input), Err(error), "{}", input.escape_ascii());
    }
    assert_eq!(
        decode(b"i-9223372036854775808e"),
        Ok(Value::Integer(i64::MIN))
    );
    assert_eq!(decode(b"i0e"), Ok(Value::Integer(0)));
}

#[test]
fn nesting_is_limited_and_never_overflows_the_stack() {
    for (open, levels) in [(&b"l"[..], 200_000), (b"d1:a", 200_000)] {
        let at = MAX_DEPTH * open.len();
        assert_eq!(
            decode(&open.repeat(levels)),
            Err(DecodeError::TooDeep { at })
        );
    }
    let mut bytes = b"l".repeat(200_000);
    bytes.extend(b"e".repeat(200_000));
    assert_eq!(decode(&bytes), Err(DecodeError::TooDeep { at: MAX_DEPTH }));
    let mut deepest = b"l".repeat(MAX_DEPTH);
    deepest.extend(b"e".repeat(MAX_DEPTH));
    assert!(decode(&deepest).is_ok());
}

proptest! {
    #[test]
    fn what_was_encoded_decodes_to_the_same(tree in tree()) {
        let bytes = Tree::list(std::slice::from_ref(&tree)).finish();
        let value = decode(&bytes).unwrap();
        prop_assert_eq!(Tree::of(&value), Tree::List(vec![tree.clone()]));
        prop_assert_eq!(bt_bencode::from_slice(&bytes).map(|value| Tree::of_bt(&value)).unwrap(),
            Some(Tree::List(vec![tree.clone()])));
        prop_assert_eq!(Tree::from_bencode(&bytes).unwrap(), Tree::List(vec![tree]));
    }

    #[test]
    fn decoding_is_encoding_backwards(bytes in nearly_bencode()) {
        if let Ok((value, length)) = decode_prefix(&bytes) {
            let tree = Tree::of(&value);
            let again = Tree::list(std::slice::from_ref(&tree)).finish();
            // The same bytes, but for the order of keys.
            prop_assert_eq!(again.len(), length + 2);
            let decoded = Tree::of(&decode(&again).unwrap());
            prop_assert_eq!(decoded, Tree::List(vec![tree]));
        }
    }

    #[test]
    fn whatever_a_strict_decoder_accepts_we_read_the_same(bytes in nearly_bencode()) {
        if let Ok(theirs) = Tree::from_bencode(&bytes) {
            // That decoder does not look at what follows the value.
            let ours = decode_prefix(&bytes);
            prop_assert_eq!(ours.map(|(value, _)| Tree::of(&value)), Ok(theirs));
        }
    }

    #[test]
    fn whatever_we_accept_a_lenient_decoder_reads_the_same(bytes in nearly_bencode()) {
        if let Ok(ours) = decode(&bytes) {
            let theirs: bt_bencode::Value = bt_bencode::from_slice(&bytes).unwrap();
            prop_assert_eq!(Some(Tree::of(&ours)), Tree::of_bt(&theirs));
        }
    }

    #[test]
    fn every_cut_of_a_value_is_an_error(tree in tree()) {
        let bytes = Tree::list(std::slice::from_ref(&tree)).finish();
        for length in 0..bytes.len() {
            prop_assert!(decode_prefix(&bytes[..length]).is_err());
        }
    }
}
