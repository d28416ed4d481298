//! Inputs as long as they may be, made so that whatever looks at something twice for each of its parts
//! does not come to an end. Fuzzers do not find these: their inputs are short.

use bytes::Bytes;
use swarmlet_protocol::bencode::{self, DictEncoder, ListEncoder, MAX_DEPTH};
use swarmlet_protocol::extension::{MAX_PEX_ACCEPTED, MAX_SWARMS, PexMessage, SwarmsMessage};
use swarmlet_protocol::layout::MAX_PIECES;
use swarmlet_protocol::metainfo::{
    Info, MAX_FILES, MAX_METADATA_LENGTH, MAX_SOURCES, MAX_TORRENT_LENGTH, Torrent,
};
use swarmlet_protocol::tracker::{MAX_PEERS_READ, http};
use swarmlet_protocol::wire::{Decoder, Frame, Message};

/// A dictionary of that many keys, the greatest first.
fn backwards(keys: u32, value: &str) -> String {
    let entries = (0..keys).rev().map(|key| format!("7:{key:07}{value}"));
    format!("d{}e", entries.collect::<String>())
}

fn info_of(files: &str, size: u64, piece_length: u64) -> Vec<u8> {
    let pieces = size.div_ceil(piece_length) as usize * 20;
    let mut info =
        format!("d5:filesl{files}e4:name4:tree12:piece lengthi{piece_length}e").into_bytes();
    info.extend_from_slice(format!("6:pieces{pieces}:").as_bytes());
    info.resize(info.len() + pieces, 7);
    info.push(b'e');
    info
}

#[test]
fn unsorted_dictionaries_within_one_another_are_read_level_by_level() {
    let mut nested = backwards(300_000, "i0e");
    for _ in 1..MAX_DEPTH {
        nested = format!("d1:b{nested}1:ai0ee");
    }
    assert!(nested.len() > 3_000_000);
    let value = bencode::decode(nested.as_bytes()).unwrap();
    assert_eq!(value.dict().unwrap().iter().count(), 2);
    let twice = format!("d1:bi0e{}", &backwards(1_000_000, "i0e")[1..]);
    let twice = twice.replacen("7:0999999", "7:0000000", 1);
    assert!(bencode::decode(twice.as_bytes()).is_err());
}

#[test]
fn a_list_of_millions_is_walked_once() {
    let list = format!("l{}e", "le".repeat(MAX_METADATA_LENGTH / 2));
    let value = bencode::decode(list.as_bytes()).unwrap();
    assert_eq!(
        value.list().unwrap().iter().count(),
        MAX_METADATA_LENGTH / 2
    );
    // Unclosed ones end at the first that is too deep.
    assert!(bencode::decode(&vec![b'l'; MAX_METADATA_LENGTH]).is_err());
}

#[test]
fn a_description_of_as_many_files_as_there_may_be_is_read() {
    // Paths that differ at their ends only: the longest common beginnings.
    let folder = "x".repeat(90);
    let file = |number: usize| format!("d6:lengthi1e4:pathl90:{folder}6:{number:06}ee");
    let files: String = (0..MAX_FILES).rev().map(file).collect();
    let info = Info::parse(info_of(&files, MAX_FILES as u64, 1 << 14).into()).unwrap();
    assert_eq!(info.files().len(), MAX_FILES);
    let one_more = format!("{files}{}", file(MAX_FILES));
    assert!(Info::parse(info_of(&one_more, 1, 1).into()).is_err());
}

#[test]
fn a_description_of_as_many_pieces_as_there_may_be_is_read() {
    let file = format!("d6:lengthi{MAX_PIECES}e4:pathl1:aee");
    let raw = info_of(&file, MAX_PIECES.into(), 1);
    assert!(raw.len() < MAX_METADATA_LENGTH);
    let info = Info::parse(raw.into()).unwrap();
    assert_eq!(info.hashes().len(), MAX_PIECES as usize);
    assert!(Info::parse(vec![b'i'; MAX_METADATA_LENGTH + 1].into()).is_err());
}

#[test]
fn a_torrent_of_millions_of_trackers_and_unknown_keys_keeps_what_it_may() {
    let info = info_of("d6:lengthi1e4:pathl1:aee", 1, 1);
    let tiers = "l1:ae".repeat(1_000_000);
    let strays = backwards(1_000_000, "0:");
    let mut torrent = format!("d13:announce-listl{tiers}e4:info").into_bytes();
    torrent.extend_from_slice(&info);
    torrent.extend_from_slice(format!("5:nodesl{}e", "l1:ai1ee".repeat(500_000)).as_bytes());
    torrent.extend_from_slice(format!("6:strays{strays}e").as_bytes());
    assert!(torrent.len() < MAX_TORRENT_LENGTH);
    let torrent = Torrent::parse(&Bytes::from(torrent)).unwrap();
    assert_eq!(torrent.trackers.len(), MAX_SOURCES);
    assert_eq!(torrent.nodes.len(), MAX_SOURCES);
}

#[test]
fn a_stream_of_millions_of_tiny_messages_is_read_in_any_chunks() {
    let mut stream = Vec::new();
    for number in 0..200_000_u32 {
        stream.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 5, 4]);
        stream.extend_from_slice(&number.to_be_bytes());
    }
    // A skipped message and an extended one, as long as they may be.
    stream.extend_from_slice(&[0, 0x10, 0, 0, 99]);
    stream.resize(stream.len() + 0x0f_ffff, 1);
    stream.extend_from_slice(&[0, 2, 0, 0, 20]);
    stream.resize(stream.len() + 0x01_ffff, 1);
    for chunk in [1, 7, stream.len()] {
        let mut decoder = Decoder::new();
        let mut messages = 0;
        for mut part in stream.chunks(chunk) {
            while let Some(frame) = decoder.next(&mut part).unwrap() {
                let Frame::Message(message) = frame else {
                    panic!("{frame:?}");
                };
                messages += 1;
                assert!(
                    messages <= 400_000
                        || matches!(message, Message::Unknown(99) | Message::Extended { .. })
                );
            }
        }
        assert_eq!(messages, 400_002, "in chunks of {chunk}");
    }
}

#[test]
fn gossip_of_many_keeps_as_many_as_it_may() {
    let addresses: Vec<u8> = (0..20_000_u32)
        .flat_map(|host| [&(0x0a00_0000 + host).to_be_bytes()[..], &[0x1a, 0xe1]].concat())
        .collect();
    let mut pex = DictEncoder::new();
    pex.bytes(b"added", addresses.as_slice())
        .bytes(b"dropped", addresses.as_slice());
    let pex = PexMessage::decode(&pex.finish()).unwrap();
    assert_eq!(
        (pex.added.len(), pex.dropped.len()),
        (MAX_PEX_ACCEPTED, MAX_PEX_ACCEPTED)
    );
    let mut swarms = ListEncoder::new();
    for number in 0..2_000_u32 {
        let mut entry = DictEncoder::new();
        let hash = [number.to_be_bytes(); 5].concat();
        entry.bytes(b"info_hash", hash).integer(b"size", 1);
        swarms.dict(&entry);
    }
    let mut message = DictEncoder::new();
    message
        .integer(b"v", 1)
        .list(b"swarms", &swarms)
        .bytes(b"peers", addresses.as_slice());
    let message = SwarmsMessage::decode(&message.finish()).unwrap();
    assert_eq!(message.swarms.len(), MAX_SWARMS);
    let mut answer = DictEncoder::new();
    answer.bytes(b"peers", addresses.as_slice());
    assert_eq!(
        http::answer(&answer.finish()).unwrap().peers.len(),
        MAX_PEERS_READ
    );
    let useless = format!("d5:peersl{}ee", "d2:ip1:xe".repeat(300_000));
    assert_eq!(http::answer(useless.as_bytes()).unwrap().peers, []);
}
