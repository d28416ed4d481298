//! The examples in `docs/wire-protocol.md` are what this crate reads and writes.

use swarmlet_protocol::extension::{SwarmEntry, SwarmsMessage, rendezvous_hash};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{Magnet, TorrentConf};

const PAGE: &str = include_str!("../../docs/wire-protocol.md");

/// The text of the first code block of that language that starts with `start`.
fn block(language: &str, start: &str) -> String {
    let opening = format!("```{language}\n{start}");
    let Some((_, rest)) = PAGE.split_once(&opening) else {
        panic!("the page has no block that starts with {start}");
    };
    let text = rest.split("\n```").next();
    format!("{start}{}", text.unwrap_or_default())
}

#[test]
fn the_config_has_the_infohash_that_the_page_says() {
    let conf = TorrentConf::parse(block("json", "{").as_bytes()).unwrap();
    let info = conf.info.unwrap();
    assert_eq!(info.info_hash().to_string(), block("text", "8f61"));
    assert!(PAGE.contains(&format!("has {} bytes", info.bytes().len())));
    let hashes: String = info.hashes().map(|hash| hash.to_string()).collect();
    let mut shown = b"d6:lengthi12e4:name8:data.bin12:piece lengthi8e6:pieces40:".to_vec();
    assert!(PAGE.contains(std::str::from_utf8(&shown).unwrap()));
    assert!(PAGE.contains(&hashes));
    shown.extend(info.hashes().flat_map(|hash| hash.0));
    shown.push(b'e');
    assert_eq!(info.bytes(), &shown);
    let magnet = Magnet {
        select: Vec::new(),
        info_hash: info.info_hash(),
        name: Some(info.name().to_owned()),
        trackers: Vec::new(),
        web_seeds: Vec::new(),
        peers: Vec::new(),
    };
    assert!(PAGE.contains(&format!("`{magnet}`")));
}

#[test]
fn the_rendezvous_infohashes_are_those_of_the_page() {
    let row = |shown: &str, fleet| format!("| {shown} | `{}` |", rendezvous_hash(fleet));
    assert!(PAGE.contains(&row("(no name, the default)", "")));
    assert!(PAGE.contains(&row("`blue`", "blue")));
}

#[test]
fn the_message_has_the_bytes_of_the_page() {
    let message = SwarmsMessage {
        swarms: vec![SwarmEntry {
            info_hash: InfoHash(*b"ABCDEFGHIJKLMNOPQRST"),
            name: "data.bin".to_owned(),
            size: 2048,
            configured: true,
        }],
        peers: vec!["10.0.0.7:6881".parse().unwrap()],
    };
    let shown: String = message
        .encode()
        .iter()
        .map(|&byte| match byte {
            b' '..=b'~' => char::from(byte).to_string(),
            other => format!("\\x{other:02x}"),
        })
        .collect();
    assert_eq!(block("text", "d5:peers"), shown);
}
