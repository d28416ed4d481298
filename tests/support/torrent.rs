//! The .torrent that a torrent.conf stands for, made without the crate under test.
//!
//! An info dict of `length`, `name` "data.bin", `piece length` and `pieces` has the infohash
//! that every node with that config has. Whoever gets one byte of it wrong meets nobody.

use sha1::{Digest, Sha1};

use super::content::{Content, hex};

/// The info dict, bencoded. Keys are in order, as BEP 3 asks for.
fn info(content: &Content) -> Vec<u8> {
    let pieces = content.hashes().concat();
    let mut bytes = Vec::new();
    bytes.extend_from_slice(format!("d6:lengthi{}e", content.size()).as_bytes());
    bytes.extend_from_slice(b"4:name8:data.bin");
    bytes.extend_from_slice(format!("12:piece lengthi{}e", content.part_size()).as_bytes());
    bytes.extend_from_slice(format!("6:pieces{}:", pieces.len()).as_bytes());
    bytes.extend_from_slice(&pieces);
    bytes.push(b'e');
    bytes
}

/// A .torrent without a tracker.
pub fn torrent(content: &Content) -> Vec<u8> {
    let mut bytes = b"d4:info".to_vec();
    bytes.extend_from_slice(&info(content));
    bytes.push(b'e');
    bytes
}

/// A .torrent with one tracker.
pub fn torrent_with_tracker(content: &Content, url: &str) -> Vec<u8> {
    let mut bytes = format!("d8:announce{}:{url}4:info", url.len()).into_bytes();
    bytes.extend_from_slice(&info(content));
    bytes.push(b'e');
    bytes
}

/// The infohash in hexadecimal, as a magnet link has it.
pub fn infohash(content: &Content) -> String {
    hex(&Sha1::digest(info(content)))
}
