//! The file that is delivered: random bytes that can be made again, and what describes them.
//!
//! Bytes are compared with the generator and not with the seed's file, so an engine that damages
//! what it seeds is found out. Nothing here holds more than a mebibyte of the content: a process
//! that is started inherits the memory peak of the one that starts it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use crate::case::Case;

/// 1 MiB made, written and compared at a time.
const CHUNK: usize = 1 << 20;

/// The name of the file in the torrent; that of every torrent.conf.
pub(crate) const NAME: &str = "data.bin";

/// The content of one case.
#[derive(Debug)]
pub(crate) struct Content {
    directory: PathBuf,
    seed: u64,
    size: u64,
    piece: u64,
    /// The SHA-1 of each piece, one after the other.
    hashes: Vec<u8>,
}

impl Content {
    /// Makes the file below `directory`, beside its torrent.conf and its bare hashes.
    ///
    /// # Errors
    /// Something cannot be written.
    pub(crate) fn make(directory: &Path, case: &Case, seed: u64) -> io::Result<Self> {
        let mut content = Self {
            directory: directory.to_owned(),
            seed,
            size: case.size,
            piece: case.piece,
            hashes: Vec::new(),
        };
        let mut file = File::create(content.file())?;
        let mut hash = Sha1::new();
        let mut hashed = 0;
        let mut hashes = Vec::new();
        content.chunks(|chunk| {
            file.write_all(chunk)?;
            for part in chunk.chunks(case.piece.min(CHUNK as u64) as usize) {
                hash.update(part);
                hashed += part.len() as u64;
                if hashed.is_multiple_of(case.piece) || hashed == case.size {
                    hashes.extend_from_slice(&hash.finalize_reset());
                }
            }
            Ok(true)
        })?;
        content.hashes = hashes;
        std::fs::write(content.hashes_file(), &content.hashes)?;
        std::fs::write(content.conf(), content.conf_text())?;
        Ok(content)
    }

    /// The file itself.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join(NAME)
    }

    /// Its torrent.conf, without peers.
    pub(crate) fn conf(&self) -> PathBuf {
        self.directory.join("torrent.conf")
    }

    /// A file of nothing but the SHA-1 of each piece.
    pub(crate) fn hashes_file(&self) -> PathBuf {
        self.directory.join("hashes")
    }

    /// A .torrent, with one tracker if it is to have one.
    pub(crate) fn torrent(&self, tracker: Option<(SocketAddrV4, usize)>) -> Vec<u8> {
        let mut bytes = b"d".to_vec();
        if let Some((address, node)) = tracker {
            let url = format!("http://{address}/{node}/announce");
            bytes.extend_from_slice(format!("8:announce{}:{url}", url.len()).as_bytes());
        }
        let info = format!(
            "4:infod6:lengthi{}e4:name{}:{NAME}12:piece lengthi{}e6:pieces{}:",
            self.size,
            NAME.len(),
            self.piece,
            self.hashes.len()
        );
        bytes.extend_from_slice(info.as_bytes());
        bytes.extend_from_slice(&self.hashes);
        bytes.extend_from_slice(b"ee");
        bytes
    }

    /// Whether a file has exactly these bytes; if not, where it begins to differ.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn difference(&self, path: &Path) -> io::Result<Option<u64>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut theirs = vec![0; CHUNK];
        let mut at = 0;
        let mut difference = None;
        self.chunks(|ours| {
            let theirs = &mut theirs[..ours.len()];
            let read = read_full(&mut file, theirs)?;
            if read < ours.len() || theirs != ours {
                let equal = ours.iter().zip(&theirs[..read]).take_while(|(a, b)| a == b);
                difference = Some(at + equal.count() as u64);
                return Ok(false);
            }
            at += ours.len() as u64;
            Ok(true)
        })?;
        // A longer file differs where ours ends.
        Ok(difference.or_else(|| (length > self.size).then_some(self.size)))
    }

    /// Makes the content again, piece by piece, until `take` has had enough.
    fn chunks(&self, mut take: impl FnMut(&[u8]) -> io::Result<bool>) -> io::Result<()> {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let mut chunk = vec![0; CHUNK];
        let mut left = self.size;
        while left > 0 {
            let length = left.min(CHUNK as u64);
            rng.fill(&mut chunk[..length as usize]);
            if !take(&chunk[..length as usize])? {
                break;
            }
            left -= length;
        }
        Ok(())
    }

    fn conf_text(&self) -> String {
        let parts: Vec<_> = self
            .hashes
            .chunks(20)
            .map(|hash| {
                let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("\"{digits}\"")
            })
            .collect();
        format!(
            "{{\"FileInfo\": {{\"Size\": {}, \"PartSize\": {}, \"Parts\": [{}]}}}}\n",
            self.size,
            self.piece,
            parts.join(", ")
        )
    }
}

/// Reads until the buffer is full or the file ends; how much that is.
fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(directory: &Path, case: &str) -> Content {
        Content::make(directory, &case.parse().unwrap(), 7).unwrap()
    }

    #[test]
    fn every_piece_has_its_hash_also_those_longer_than_a_chunk() {
        for case in ["1:3000001:64KiB", "1:5000000:2MiB", "1:1MiB:1MiB"] {
            let directory = tempfile::tempdir().unwrap();
            let content = content(directory.path(), case);
            let bytes = std::fs::read(content.file()).unwrap();
            let expected: Vec<u8> = bytes
                .chunks(content.piece as usize)
                .flat_map(|piece| Sha1::digest(piece).to_vec())
                .collect();
            assert_eq!(content.hashes, expected, "{case}");
        }
    }

    #[test]
    fn one_wrong_byte_a_short_file_and_a_long_one_are_found() {
        let directory = tempfile::tempdir().unwrap();
        let content = content(directory.path(), "1:3000001:64KiB");
        let path = directory.path().join("copy");
        let bytes = std::fs::read(content.file()).unwrap();
        let difference = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            content.difference(&path).unwrap()
        };
        assert_eq!(difference(&bytes), None);
        let mut wrong = bytes.clone();
        wrong[2_345_678] ^= 1;
        assert_eq!(difference(&wrong), Some(2_345_678));
        assert_eq!(difference(&bytes[..1_500_000]), Some(1_500_000));
        assert_eq!(difference(&[&bytes[..], b"x"].concat()), Some(3_000_001));
    }

    #[test]
    fn the_torrent_names_a_tracker_outside_of_its_info() {
        let directory = tempfile::tempdir().unwrap();
        let content = content(directory.path(), "1:20000:16KiB");
        let plain = content.torrent(None);
        let tracker = "127.1.2.3:80".parse().unwrap();
        let tracked = content.torrent(Some((tracker, 4)));
        let announce = b"d8:announce30:http://127.1.2.3:80/4/announce4:info";
        assert!(tracked.starts_with(announce));
        assert_eq!(plain[1..], tracked[announce.len() - 6..]);
    }
}
