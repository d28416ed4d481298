//! `.torrent` files (BEP 3): an info dictionary and the trackers that know its peers.
//!
//! Talks to no tracker. Keys other than `info`, `announce` and `announce-list` are ignored on
//! reading and not written.

use bytes::Bytes;
use thiserror::Error;

use super::info::{Info, InfoError, MAX_METADATA_LENGTH};
use crate::bencode::{self, DecodeError, DictEncoder, ListEncoder, Value};

/// 32 MiB: the longest info dictionary, and as much again for what we ignore.
pub const MAX_TORRENT_LENGTH: usize = 2 * MAX_METADATA_LENGTH;

/// What a `.torrent` file says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Torrent {
    /// What is shared.
    pub info: Info,
    /// Trackers in tiers (BEP 12): all of a tier before any of the next. May be empty.
    pub trackers: Vec<Vec<String>>,
}

/// Bytes that are not a `.torrent` file that we can use.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum TorrentError {
    /// More bytes than we read.
    #[error("a .torrent file of {length} bytes; the limit is {MAX_TORRENT_LENGTH}")]
    TooLong {
        /// The bytes that came.
        length: usize,
    },
    /// Not bencode.
    #[error("not a .torrent file: {0}")]
    Bencode(DecodeError),
    /// Bencode, but not a dictionary.
    #[error("not a .torrent file: it is {kind}; it must be a dictionary")]
    NotDictionary {
        /// What it is.
        kind: &'static str,
    },
    /// Without description of a content.
    #[error("not a .torrent file: it has no key 'info'")]
    NoInfo,
    /// With a description that we cannot use.
    #[error(transparent)]
    Info(#[from] InfoError),
}

impl Torrent {
    /// Reads a `.torrent` file.
    ///
    /// # Errors
    /// Says what is missing, wrong, or not supported.
    pub fn parse(bytes: &Bytes) -> Result<Self, TorrentError> {
        if bytes.len() > MAX_TORRENT_LENGTH {
            return Err(TorrentError::TooLong {
                length: bytes.len(),
            });
        }
        let dict = match bencode::decode(bytes).map_err(TorrentError::Bencode)? {
            Value::Dict(dict) => dict,
            other => return Err(TorrentError::NotDictionary { kind: other.kind() }),
        };
        let info = dict.raw_value(b"info").ok_or(TorrentError::NoInfo)?;
        let mut trackers: Vec<Vec<String>> = Vec::new();
        if let Some(tiers) = dict.get(b"announce-list").and_then(|tiers| tiers.list()) {
            let tiers = tiers.iter().filter_map(|tier| tier.list());
            let tiers = tiers.map(|tier| tier.iter().filter_map(tracker).collect());
            trackers.extend(tiers.filter(|tier: &Vec<_>| !tier.is_empty()));
        }
        // BEP 12: `announce` counts only where there is no list.
        if trackers.is_empty() {
            trackers.extend(dict.get(b"announce").and_then(tracker).map(|url| vec![url]));
        }
        Ok(Self {
            info: Info::parse(bytes.slice_ref(info))?,
            trackers,
        })
    }

    /// The bytes of the `.torrent` file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut dict = DictEncoder::new();
        if let Some(first) = self.trackers.iter().flatten().next() {
            dict.bytes(b"announce", first.as_bytes());
        }
        if self.trackers.iter().flatten().nth(1).is_some() {
            let mut tiers = ListEncoder::new();
            for tier in &self.trackers {
                let mut list = ListEncoder::new();
                for url in tier {
                    list.bytes(url.as_bytes());
                }
                tiers.list(&list);
            }
            dict.list(b"announce-list", &tiers);
        }
        dict.encoded(b"info", self.info.bytes().as_ref());
        dict.finish()
    }
}

fn tracker(url: Value<'_>) -> Option<String> {
    url.text().filter(|url| !url.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PieceHash;

    fn info() -> Info {
        Info::single_file("data.bin", 5, 8, &[PieceHash::of(b"hello")]).unwrap()
    }

    fn parse(bytes: Vec<u8>) -> Result<Torrent, String> {
        Torrent::parse(&bytes.into()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_encoded_is_read_back() {
        let tiers = |tiers: &[&[&str]]| -> Vec<Vec<String>> {
            let tier = |tier: &&[&str]| tier.iter().map(|&url| url.to_owned()).collect();
            tiers.iter().map(tier).collect()
        };
        for trackers in [
            tiers(&[]),
            tiers(&[&["http://a/"]]),
            tiers(&[&["http://a/", "http://b/"], &["udp://c:1"]]),
        ] {
            let torrent = Torrent {
                info: info(),
                trackers,
            };
            assert_eq!(parse(torrent.encode()), Ok(torrent));
        }
    }

    #[test]
    fn the_infohash_is_that_of_the_bytes_within_the_file() {
        let raw = b"d4:name1:x6:lengthi0e6:pieces0:12:piece lengthi1ee";
        let file = [b"d8:url-listle4:info".as_slice(), raw, b"7:comment1:ce"].concat();
        let torrent = parse(file).unwrap();
        assert_eq!(torrent.info.info_hash(), crate::id::InfoHash::of(raw));
        assert_eq!(torrent.trackers, Vec::<Vec<String>>::new());
    }

    #[test]
    fn what_is_not_a_torrent_is_refused_by_name() {
        for (bytes, error) in [
            (
                &b"hello"[..],
                "not a .torrent file: unexpected byte 0x68 at 0 in bencode",
            ),
            (
                b"i1e",
                "not a .torrent file: it is an integer; it must be a dictionary",
            ),
            (b"de", "not a .torrent file: it has no key 'info'"),
            (
                b"d4:infolee",
                "the info dictionary is a list; it must be a dictionary",
            ),
        ] {
            assert_eq!(parse(bytes.to_vec()), Err(error.to_owned()));
        }
    }
}
