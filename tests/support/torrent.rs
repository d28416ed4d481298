//! The .torrent that a torrent.conf stands for, made without the crate under test.
//!
//! An info dict of `length`, `name` "data.bin", `piece length` and `pieces` has the infohash
//! that every node with that config has. Whoever gets one byte of it wrong meets nobody.

use sha1::{Digest, Sha1};

use super::content::{Content, hex};

/// The info dict, bencoded. Keys are in order, as BEP 3 asks for.
pub fn info(content: &Content) -> Vec<u8> {
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

/// The .torrent of an info dict, with one tracker if there is to be one.
pub fn metainfo(info: &[u8], tracker: Option<&str>) -> Vec<u8> {
    let announce = tracker.map(|url| format!("8:announce{}:{url}", url.len()));
    let announce = announce.unwrap_or_default();
    [b"d", announce.as_bytes(), b"4:info", info, b"e"].concat()
}

/// The same info dict with the flag of BEP 27. It goes to the end, which is its place as long as
/// "pieces" is the last key.
pub fn private(info: &[u8]) -> Vec<u8> {
    let open = info.strip_suffix(b"e").expect("an info dict");
    [open, b"7:privatei1ee"].concat()
}

/// The .torrent of a content, without a tracker.
pub fn torrent(content: &Content) -> Vec<u8> {
    metainfo(&info(content), None)
}

/// The .torrent of a content, with one tracker.
pub fn torrent_with_tracker(content: &Content, url: &str) -> Vec<u8> {
    metainfo(&info(content), Some(url))
}

/// The infohash in hexadecimal, as a magnet link has it.
pub fn infohash(content: &Content) -> String {
    hex(&Sha1::digest(info(content)))
}
