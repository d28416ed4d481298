//! State files: what was written is read as the same, and whatever else stands there counts as nothing.

#[allow(dead_code, reason = "the node uses all of it")]
#[allow(unreachable_pub, reason = "it is where it comes from")]
#[path = "../../../actors/src/state/node_file.rs"]
mod node_file;
#[allow(dead_code, reason = "the node uses all of it")]
#[allow(unreachable_pub, reason = "it is where it comes from")]
#[path = "../../../actors/src/state/table_file.rs"]
mod table_file;
#[allow(dead_code, reason = "the node uses all of it")]
#[allow(unreachable_pub, reason = "it is where it comes from")]
#[path = "../../../actors/src/state/words.rs"]
mod words;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use serde_json::{Map, Value, json};
use swarmlet_protocol::dht::MAX_REMEMBERED;
use swarmlet_protocol::id::InfoHash;

use self::node_file::{Addresses, MAX_PEERS, MAX_PEERS_IN_ALL, MIN_PEERS, NodeFile, Unread};
use self::words::{Added, Words};
use crate::{Hand, Share};

/// As in the state folder of the node.
const VERSION: u64 = 2;

/// The fleet of the node that reads.
const FLEET: &str = "blue";

/// Contents that a node has at most, and so swarms of which it remembers peers.
const MAX_SWARMS: u32 = 64;

/// What an operator said.
pub fn check_words(bytes: &[u8]) {
    let words = Words::parse(bytes);
    assert_eq!(Words::parse(words.to_json().as_bytes()), words);
}

/// Nodes of the distributed hash table.
pub fn check_table(bytes: &[u8]) {
    let (nodes, named) = table_file::read_table(bytes);
    assert!(nodes.len() <= MAX_REMEMBERED && named.len() <= MAX_REMEMBERED);
}

/// What a node has learned: any text at all, a text that is nearly one of ours beside what it says, and
/// what a node has written itself.
pub fn check_node(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    match hand.below(4) {
        0 | 1 => {
            let text = hand.rest();
            match NodeFile::parse(text, FLEET) {
                Ok(node) => check_read(&node),
                Err(Unread::Meaningless) => {
                    assert!(serde_json::from_slice::<Value>(text).is_err());
                }
                Err(Unread::NotOurs) => {}
            }
        }
        2 => check_foreign(&mut hand),
        _ => check_own(&mut hand),
    }
}

/// Whatever stood there: what was read is bounded, and is the same when it was written once.
fn check_read(node: &NodeFile) {
    for swarms in [&node.peers, &node.hearsay] {
        assert!(
            swarms
                .values()
                .all(|list| (1..=MAX_PEERS).contains(&list.len()))
        );
        assert!(swarms.values().map(Vec::len).sum::<usize>() <= MAX_PEERS_IN_ALL);
    }
    let once = again(node);
    assert_eq!(once.swarm, node.swarm);
    for (before, after) in [(&node.peers, &once.peers), (&node.hearsay, &once.hearsay)] {
        assert!(before.keys().eq(after.keys()), "a swarm was lost");
        for (list, kept) in before.values().zip(after.values()) {
            // The best ones stand first.
            assert!(list.starts_with(kept) && kept.len() >= list.len().min(MIN_PEERS));
        }
    }
    assert_eq!(again(&once), once);
}

fn again(node: &NodeFile) -> NodeFile {
    NodeFile::parse(node.to_json(FLEET).as_bytes(), FLEET).expect("our own text")
}

/// A text of ours in which anything may be wrong, and what is right in it.
fn check_foreign(hand: &mut Hand<'_>) {
    let flags = hand.byte();
    let mut expected = NodeFile::default();
    let mut node = Map::new();
    let (swarm, text) = swarm(hand);
    if flags & 1 == 0 {
        node.insert("swarm".to_owned(), text.into());
        expected.swarm = swarm;
    }
    for (key, read) in [
        ("peers", &mut expected.peers),
        ("hearsay", &mut expected.hearsay),
    ] {
        let swarms = foreign_swarms(hand, read);
        node.insert(key.to_owned(), swarms);
    }
    let version = match flags >> 1 & 7 {
        0 => json!(1),
        1 => json!("2"),
        _ => json!(VERSION),
    };
    let fleet = match flags >> 4 & 7 {
        0 => json!("green"),
        1 => Value::Null,
        _ => json!(FLEET),
    };
    let is_ours = version == VERSION && fleet == FLEET;
    node.insert("version".to_owned(), version);
    node.insert("fleet".to_owned(), fleet);
    let read = NodeFile::parse(Value::Object(node).to_string().as_bytes(), FLEET);
    if !is_ours {
        assert_eq!(read, Err(Unread::NotOurs));
        return;
    }
    let read = read.expect("a text of ours");
    assert_eq!(read, expected);
    check_read(&read);
}

/// Lists of addresses among things that are none, few enough to be read as a whole.
fn foreign_swarms(hand: &mut Hand<'_>, read: &mut Addresses) -> Value {
    let mut swarms = Map::new();
    for _ in 0..hand.below(5) {
        let (info_hash, name) = swarm(hand);
        let mut list = Vec::new();
        for _ in 0..hand.below(6) {
            match hand.byte() {
                0..=7 => list.push(json!(hand.byte())),
                8..=15 => list.push(json!([["10.0.0.7:1"]])),
                16..=31 => list.push(String::from_utf8_lossy(hand.some_bytes()).into()),
                kind => list.push(address(kind, hand).to_string().into()),
            }
        }
        // Among the other texts may be one as well.
        let texts = list.iter().filter_map(Value::as_str);
        let peers: Vec<SocketAddr> = texts.filter_map(|text| text.parse().ok()).collect();
        let is_list = hand.below(8) > 0;
        let list = match is_list {
            true => Value::Array(list),
            false => json!({ "0": list }),
        };
        // Of two lists of a key the latter counts.
        swarms.insert(name.clone(), list);
        if let Some(info_hash) = info_hash {
            read.remove(&info_hash);
            if is_list && !peers.is_empty() {
                read.insert(info_hash, peers);
            }
        }
    }
    Value::Object(swarms)
}

/// An infohash and how it is written, or a text that is none.
fn swarm(hand: &mut Hand<'_>) -> (Option<InfoHash>, String) {
    let byte = hand.byte();
    let info_hash = InfoHash([byte & 7; 20]);
    match byte >> 3 {
        0..=27 => (Some(info_hash), info_hash.to_string()),
        28 => (None, format!("{info_hash}0")),
        29 => (None, info_hash.to_string().replace('0', "x")),
        30 => (None, "..".to_owned()),
        _ => (None, String::new()),
    }
}

fn address(kind: u8, hand: &mut Hand<'_>) -> SocketAddr {
    let ip: IpAddr = match kind & 3 {
        0 => Ipv6Addr::from_bits(u128::from(hand.long()) << 64 | 1).into(),
        1 => Ipv6Addr::from([0, 0, 0, 0, 0, 0xffff, 0x0a00, hand.short()]).into(),
        _ => [10, 0, hand.byte(), 7].into(),
    };
    (ip, hand.short()).into()
}

/// What a node may have to remember: more than it remembers. It forgets nothing but what is beyond the
/// part of each swarm.
fn check_own(hand: &mut Hand<'_>) {
    let flags = hand.byte();
    let mut node = NodeFile {
        swarm: (flags & 1 == 0).then_some(InfoHash([flags; 20])),
        ..NodeFile::default()
    };
    for swarms in [&mut node.peers, &mut node.hearsay] {
        // A little more than is remembered at most.
        let mut left = MAX_PEERS_IN_ALL as u16 + 300;
        for number in 0..hand.below(MAX_SWARMS + 1) {
            if hand.is_empty() {
                break;
            }
            // Seldom many: a thousand addresses are a tenth of a millisecond.
            let count = match hand.byte() {
                few @ 0..=249 => u16::from(few & 7),
                more => u16::from(more - 249) * 110,
            };
            let count = count.min(left);
            left -= count;
            let peer = |port| SocketAddr::from(([10, 0, 0, 7], port));
            let list = (0..count).map(peer).collect();
            swarms.insert(InfoHash([number as u8; 20]), list);
        }
    }
    let text = node.to_json(FLEET);
    let foreign = NodeFile::parse(text.as_bytes(), "green");
    assert_eq!(foreign, Err(Unread::NotOurs));
    let mut expected = node;
    for swarms in [&mut expected.peers, &mut expected.hearsay] {
        swarms.retain(|_, list| !list.is_empty());
        let most = (MAX_PEERS_IN_ALL / swarms.len().max(1)).min(MAX_PEERS);
        swarms.values_mut().for_each(|list| list.truncate(most));
    }
    let read = NodeFile::parse(text.as_bytes(), FLEET);
    assert_eq!(read, Ok(expected));
}

/// A content that somebody added is known to the next life as it is now.
pub(super) fn check_remembered(share: &Share) {
    let words = Words {
        added: vec![Added::of(share)],
        ..Words::default()
    };
    let again = Words::parse(words.to_json().as_bytes());
    assert_eq!(again, words);
}
