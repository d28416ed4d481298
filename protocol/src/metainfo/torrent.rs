//! `.torrent` files (BEP 3): an info dictionary, and where peers and bytes can be found.
//!
//! Talks to nobody. Keys are `info`, `announce`, `announce-list` (BEP 12), `url-list` (BEP 19),
//! `nodes` (BEP 5), `comment`, `created by` and `creation date`; others are ignored on reading and
//! not written. Equal values give equal bytes: what was not given is not written, the time neither.

use bytes::Bytes;
use thiserror::Error;

use super::info::{Info, InfoError, MAX_METADATA_LENGTH};
use crate::address::PeerAddress;
use crate::bencode::{self, DecodeError, Dict, DictEncoder, List, ListEncoder, Value};

/// 32 MiB: the longest info dictionary, and as much again for what we ignore.
pub const MAX_TORRENT_LENGTH: usize = 2 * MAX_METADATA_LENGTH;

/// 1,000: trackers, web seeds and nodes, of each kind, that are read of a file; the rest is cut.
/// Real files have some dozens, and a hostile one of 32 MiB could name ten million.
pub const MAX_SOURCES: usize = 1_000;

/// 4,096 bytes: the longest address of a tracker or web seed, and the longest comment, that is
/// read; longer ones are left out.
pub const MAX_TEXT_LENGTH: usize = 4_096;

/// What a `.torrent` file says.
///
/// Texts are a stranger's, and may hold control characters.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Torrent {
    /// What is shared.
    pub info: Info,
    /// Trackers in tiers (BEP 12): all of a tier before any of the next. May be empty.
    pub trackers: Vec<Vec<String>>,
    /// Addresses of HTTP and FTP servers that have the content (BEP 19).
    pub web_seeds: Vec<String>,
    /// Nodes of the distributed hash table to begin with (BEP 5).
    pub nodes: Vec<PeerAddress>,
    /// What the maker says of it.
    pub comment: Option<String>,
    /// The program that made it.
    pub created_by: Option<String>,
    /// When it was made, in seconds since 1970 (UTC).
    pub creation_date: Option<i64>,
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
    /// The torrent of a content that says nothing else.
    #[must_use]
    pub const fn new(info: Info) -> Self {
        Self {
            info,
            trackers: Vec::new(),
            web_seeds: Vec::new(),
            nodes: Vec::new(),
            comment: None,
            created_by: None,
            creation_date: None,
        }
    }

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
        Ok(Self {
            info: Info::parse(bytes.slice_ref(info))?,
            trackers: read_trackers(&dict),
            web_seeds: match dict.get(b"url-list") {
                Some(Value::List(urls)) => texts(urls, MAX_SOURCES),
                Some(url) => text(url).into_iter().collect(),
                None => Vec::new(),
            },
            nodes: match dict.get(b"nodes") {
                Some(Value::List(nodes)) => {
                    nodes.iter().filter_map(node).take(MAX_SOURCES).collect()
                }
                _ => Vec::new(),
            },
            comment: dict.get(b"comment").and_then(text),
            created_by: dict.get(b"created by").and_then(text),
            creation_date: dict.get(b"creation date").and_then(|date| date.integer()),
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
        for (key, text) in [
            (b"comment".as_slice(), &self.comment),
            (b"created by", &self.created_by),
        ] {
            if let Some(text) = text {
                dict.bytes(key, text.as_bytes());
            }
        }
        if let Some(date) = self.creation_date {
            dict.integer(b"creation date", date);
        }
        dict.encoded(b"info", self.info.bytes().as_ref());
        if !self.nodes.is_empty() {
            let mut nodes = ListEncoder::new();
            for node in &self.nodes {
                let mut pair = ListEncoder::new();
                let host = match node {
                    PeerAddress::Socket(address) => address.ip().to_string(),
                    PeerAddress::Name { host, .. } => host.clone(),
                };
                pair.bytes(host.into_bytes()).integer(node.port());
                nodes.list(&pair);
            }
            dict.list(b"nodes", &nodes);
        }
        if !self.web_seeds.is_empty() {
            let mut urls = ListEncoder::new();
            for url in &self.web_seeds {
                urls.bytes(url.as_bytes());
            }
            dict.list(b"url-list", &urls);
        }
        dict.finish()
    }
}

fn read_trackers(dict: &Dict<'_>) -> Vec<Vec<String>> {
    let mut trackers: Vec<Vec<String>> = Vec::new();
    let mut left = MAX_SOURCES;
    if let Some(tiers) = dict.get(b"announce-list").and_then(|tiers| tiers.list()) {
        for tier in tiers.iter().filter_map(|tier| tier.list()) {
            let tier = texts(tier, left);
            left -= tier.len();
            if !tier.is_empty() {
                trackers.push(tier);
            }
        }
    }
    // BEP 12: `announce` counts only where there is no list.
    if trackers.is_empty() {
        trackers.extend(dict.get(b"announce").and_then(text).map(|url| vec![url]));
    }
    trackers
}

fn texts(list: List<'_>, limit: usize) -> Vec<String> {
    list.iter().filter_map(text).take(limit).collect()
}

/// A text that says something, and not too much.
fn text(value: Value<'_>) -> Option<String> {
    let text = value.text()?;
    (1..=MAX_TEXT_LENGTH)
        .contains(&text.len())
        .then(|| text.to_owned())
}

/// A host, as an address or a name, and a port.
fn node(pair: Value<'_>) -> Option<PeerAddress> {
    let pair = pair.list()?;
    let mut pair = pair.iter();
    let host = pair.next()?.text()?;
    let port = u16::try_from(pair.next()?.integer()?).ok()?;
    match host.parse() {
        Ok(ip) => (port > 0).then(|| PeerAddress::socket(ip, port)),
        Err(_) => format!("{host}:{port}").parse().ok(),
    }
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
        let owned =
            |texts: &[&str]| -> Vec<String> { texts.iter().map(|&text| text.to_owned()).collect() };
        let plain = Torrent::new(info());
        let full = Torrent {
            trackers: vec![owned(&["http://a/", "http://b/"]), owned(&["udp://c:1"])],
            web_seeds: owned(&["http://w/x", "ftp://v/"]),
            nodes: ["10.0.0.1:7", "[::1]:8", "router.example:9"]
                .map(|node| node.parse().unwrap())
                .to_vec(),
            comment: Some("ä comment".into()),
            created_by: Some("a program".into()),
            creation_date: Some(1_700_000_000),
            ..plain.clone()
        };
        let one = Torrent {
            trackers: vec![owned(&["http://a/"])],
            ..plain.clone()
        };
        for torrent in [plain, full, one] {
            assert_eq!(parse(torrent.encode()), Ok(torrent.clone()));
            assert_eq!(torrent.encode(), torrent.clone().encode());
        }
    }

    #[test]
    fn a_file_says_nothing_that_it_was_not_given() {
        let info = info();
        let bytes = [b"d4:info".as_slice(), info.bytes(), b"e"].concat();
        assert_eq!(Torrent::new(info).encode(), bytes);
    }

    #[test]
    fn sources_of_every_form_are_read_and_odd_ones_left_out() {
        let raw = b"d4:name1:x6:lengthi0e6:pieces0:12:piece lengthi1ee";
        let with = |rest: &[u8]| {
            let file = [b"d4:info".as_slice(), raw, rest, b"e"].concat();
            parse(file).unwrap()
        };
        let seeds = |rest: &[u8]| with(rest).web_seeds;
        assert_eq!(seeds(b"8:url-list8:http://x"), ["http://x"]);
        assert_eq!(seeds(b"8:url-listl0:i3e8:http://xlee"), ["http://x"]);
        assert!(seeds(b"8:url-list0:").is_empty() && seeds(b"8:url-listi1e").is_empty());
        let nodes = with(b"5:nodesll1:ai7eel3:::1i8eeli1ei2eel1:bi0eel1:celi9eee").nodes;
        let nodes: Vec<_> = nodes.iter().map(ToString::to_string).collect();
        assert_eq!(nodes, ["a:7", "[::1]:8"]);
        let long = "x".repeat(MAX_TEXT_LENGTH + 1);
        let comment = format!("7:comment{}:{long}", long.len());
        assert_eq!(with(comment.as_bytes()).comment, None);
        let many = format!("13:announce-listl{}e", "l1:a1:be".repeat(MAX_SOURCES));
        assert_eq!(
            with(many.as_bytes()).trackers.iter().flatten().count(),
            MAX_SOURCES
        );
        assert_eq!(with(b"8:announcei1e").trackers, Vec::<Vec<String>>::new());
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
