//! The content a fleet is to agree on, and the torrent.conf that describes it.
//!
//! Written against the file format, not against the crate that reads it: a mistake there must
//! not cancel out here.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

/// A file of known bytes, cut into parts.
#[derive(Clone, Debug)]
pub struct Content {
    bytes: Arc<Vec<u8>>,
    part_size: usize,
    hashes: Arc<Vec<[u8; 20]>>,
}

impl Content {
    /// Random bytes, `size` of them, in parts of `part_size` bytes; the last may be short.
    pub fn random(rng: &mut fastrand::Rng, size: usize, part_size: usize) -> Self {
        let mut bytes = vec![0; size];
        rng.fill(&mut bytes);
        let hashes = bytes
            .chunks(part_size)
            .map(|part| Sha1::digest(part).into())
            .collect();
        Self {
            bytes: Arc::new(bytes),
            part_size,
            hashes: Arc::new(hashes),
        }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The length of every part but the last, in bytes.
    pub fn part_size(&self) -> usize {
        self.part_size
    }

    /// The SHA-1 digests of the parts.
    pub fn hashes(&self) -> &[[u8; 20]] {
        &self.hashes
    }

    /// The parts in order.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks(self.part_size)
    }

    /// The name of its swarm: the digest of the info dictionary that the config stands for.
    pub fn info_hash(&self) -> String {
        let (size, part_size) = (self.size(), self.part_size);
        let length = self.hashes.len() * 20;
        let mut info = format!(
            "d6:lengthi{size}e4:name8:data.bin12:piece lengthi{part_size}e6:pieces{length}:"
        )
        .into_bytes();
        self.hashes.iter().for_each(|hash| info.extend(hash));
        info.push(b'e');
        hex(&Sha1::digest(info))
    }

    /// The `FileInfo` of a torrent.conf. `Parts` is null where there are none.
    pub fn file_info(&self) -> Value {
        let parts: Vec<String> = self.hashes.iter().map(|hash| hex(hash)).collect();
        let parts = if parts.is_empty() {
            Value::Null
        } else {
            json!(parts)
        };
        json!({ "Size": self.size(), "PartSize": self.part_size, "Parts": parts })
    }
}

/// A whole torrent.conf. What is not known is left out, null or empty, as `rng` has it: a node
/// must take all three for the same.
pub fn torrent_conf(rng: &mut fastrand::Rng, file_info: Option<Value>, peers: &[String]) -> String {
    let mut conf = Map::new();
    if peers.is_empty() {
        match rng.u8(0..3) {
            0 => drop(conf.insert("Peers".into(), Value::Null)),
            1 => drop(conf.insert("Peers".into(), json!([]))),
            _ => {}
        }
    } else {
        conf.insert("Peers".into(), json!(peers));
    }
    match file_info {
        Some(info) => drop(conf.insert("FileInfo".into(), info)),
        None if rng.bool() => drop(conf.insert("FileInfo".into(), Value::Null)),
        None => {}
    }
    Value::Object(conf).to_string()
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
