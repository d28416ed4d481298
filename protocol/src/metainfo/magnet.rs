//! Magnet links (BEP 9): a swarm's name, and where to ask for the rest.
//!
//! Version 1 infohashes only.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use thiserror::Error;

use super::info::MAX_NAME_LENGTH;
use super::torrent::MAX_SOURCES;
use crate::address::{ParseAddressError, PeerAddress};
use crate::id::{DIGEST_LENGTH, InfoHash};
use crate::text::{percent_encode, printable, quoted};

/// Characters of an infohash in base32 (RFC 3548).
const BASE32_LENGTH: usize = 32;

/// What a magnet link says. Printed with the infohash in hex, read with hex or base32.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Magnet {
    /// The swarm (`xt=urn:btih:`).
    pub info_hash: InfoHash,
    /// What to show until the info dictionary is there (`dn`).
    pub name: Option<String>,
    /// Trackers (`tr`).
    pub trackers: Vec<String>,
    /// Web seeds (`ws`, BEP 19).
    pub web_seeds: Vec<String>,
    /// Peers to ask (`x.pe`).
    pub peers: Vec<PeerAddress>,
    /// The files that are wanted, by their numbers in the list (`so`, BEP 53); all if there is none.
    pub select: Vec<RangeInclusive<u32>>,
}

/// A text that is not a magnet link that we can follow.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum MagnetError {
    /// Something else altogether.
    #[error("'{0}' is not a magnet link; it must start with 'magnet:?'")]
    Scheme(String),
    /// A link to something else than a torrent.
    #[error("the magnet link has no 'xt=urn:btih:' with an infohash")]
    NoInfoHash,
    /// A link to a version 2 torrent (BEP 52).
    #[error("the magnet link has a version 2 infohash only, which is not supported")]
    VersionTwoOnly,
    /// An infohash that is none.
    #[error("'{0}' is not an infohash of 40 hex digits or 32 base32 digits")]
    InfoHash(String),
    /// A peer's address that is none.
    #[error("the magnet link's x.pe: {0}")]
    Peer(ParseAddressError),
    /// A choice of files that is none.
    #[error(
        "the magnet link's so: '{0}' is no list of file numbers such as 0,2,6-8, {MAX_SOURCES} of them at most"
    )]
    Select(String),
}

impl FromStr for Magnet {
    type Err = MagnetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let query = text
            .trim()
            .split_once('?')
            .and_then(|(scheme, query)| scheme.eq_ignore_ascii_case("magnet:").then_some(query));
        let query = query.ok_or_else(|| MagnetError::Scheme(quoted(text)))?;
        let mut info_hash = None;
        let mut version_two = false;
        let (mut name, mut trackers, mut peers) = (None, Vec::new(), Vec::new());
        let mut select = Vec::new();
        let mut web_seeds = Vec::new();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            // Several values of a key may be numbered: `tr.1`, `tr.2`.
            let key = match key.rsplit_once('.') {
                Some((key, number)) if number.parse::<u32>().is_ok() => key,
                _ => key,
            };
            match key {
                "xt" => {
                    let topic = unescape(value);
                    if let Some(hash) = after_prefix(&topic, "urn:btih:") {
                        info_hash = info_hash.or(Some(read_info_hash(hash)?));
                    }
                    version_two |= after_prefix(&topic, "urn:btmh:").is_some();
                }
                // Many links are written by HTML forms, which turn blanks into plus signs.
                "dn" if !value.is_empty() => {
                    let shown = unescape(&value.replace('+', " "));
                    name = Some(printable(shown.as_bytes(), MAX_NAME_LENGTH));
                }
                "tr" if !value.is_empty() && trackers.len() < MAX_SOURCES => {
                    trackers.push(unescape(value));
                }
                "so" if !value.is_empty() => {
                    let numbers = unescape(value);
                    for part in numbers.split(',') {
                        let range = read_range(part.trim()).filter(|_| select.len() < MAX_SOURCES);
                        select.push(range.ok_or_else(|| MagnetError::Select(quoted(&numbers)))?);
                    }
                }
                "ws" if !value.is_empty() && web_seeds.len() < MAX_SOURCES => {
                    web_seeds.push(unescape(value));
                }
                "x.pe" if peers.len() < MAX_SOURCES => {
                    peers.push(unescape(value).parse().map_err(MagnetError::Peer)?)
                }
                _ => {}
            }
        }
        let missing = match version_two {
            true => MagnetError::VersionTwoOnly,
            false => MagnetError::NoInfoHash,
        };
        Ok(Self {
            info_hash: info_hash.ok_or(missing)?,
            name,
            trackers,
            web_seeds,
            peers,
            select,
        })
    }
}

impl fmt::Display for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "magnet:?xt=urn:btih:{}", self.info_hash)?;
        if let Some(name) = &self.name {
            f.write_str("&dn=")?;
            percent_encode(f, name.as_bytes())?;
        }
        for tracker in &self.trackers {
            f.write_str("&tr=")?;
            percent_encode(f, tracker.as_bytes())?;
        }
        for web_seed in &self.web_seeds {
            f.write_str("&ws=")?;
            percent_encode(f, web_seed.as_bytes())?;
        }
        // Not escaped: there is nothing to escape in an address, and clients do not undo it here.
        self.peers
            .iter()
            .try_for_each(|peer| write!(f, "&x.pe={peer}"))?;
        for (place, range) in self.select.iter().enumerate() {
            f.write_str(if place == 0 { "&so=" } else { "," })?;
            write!(f, "{}", range.start())?;
            if range.end() > range.start() {
                write!(f, "-{}", range.end())?;
            }
        }
        Ok(())
    }
}

/// A number, or two with a dash between them, the smaller one first.
fn read_range(text: &str) -> Option<RangeInclusive<u32>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(first..=last)
}

fn after_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix)
        .then(|| text.get(prefix.len()..))?
}

fn read_info_hash(text: &str) -> Result<InfoHash, MagnetError> {
    let hash = match text.len() {
        BASE32_LENGTH => read_base32(text).map(InfoHash),
        _ => text.parse().ok(),
    };
    hash.ok_or_else(|| MagnetError::InfoHash(quoted(text)))
}

/// 32 digits of 5 bits each are exactly 20 bytes.
fn read_base32(text: &str) -> Option<[u8; DIGEST_LENGTH]> {
    let mut bytes = Vec::with_capacity(DIGEST_LENGTH);
    let (mut bits, mut count) = (0_u16, 0);
    for digit in text.bytes() {
        let value = match digit.to_ascii_uppercase() {
            letter @ b'A'..=b'Z' => letter - b'A',
            number @ b'2'..=b'7' => number - b'2' + 26,
            _ => return None,
        };
        // At most 7 bits are left over from the digit before.
        bits = (bits << 5 | u16::from(value)) & 0x0fff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes.try_into().ok()
}

/// Undoes percent-encoding. A percent sign without two hex digits stands for itself.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = |digit: Option<&u8>| (*digit? as char).to_digit(16);
        let pair = hex(after.first()).zip(hex(after.get(1)));
        match (byte, pair, after.get(2..)) {
            (b'%', Some((high, low)), Some(next)) => {
                bytes.push((high * 16 + low) as u8);
                rest = next;
            }
            _ => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";
    const BASE32: &str = "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK";

    fn read(text: &str) -> Result<Magnet, String> {
        text.parse().map_err(|error: MagnetError| error.to_string())
    }

    #[test]
    fn hex_and_base32_name_the_same_swarm() {
        let hex = read(&format!("magnet:?xt=urn:btih:{HEX}")).unwrap();
        assert_eq!(hex.info_hash.to_string(), HEX);
        for base32 in [BASE32.to_owned(), BASE32.to_lowercase()] {
            assert_eq!(
                read(&format!("MAGNET:?xt=URN:BTIH:{base32}")),
                Ok(hex.clone())
            );
        }
    }

    #[test]
    fn names_trackers_and_peers_are_read_and_printed() {
        let text = format!(
            "magnet:?xt=urn:btih:{HEX}&dn=a%20b%26c&tr=http%3A%2F%2Ft%2Fx%2By&ws=http%3A%2F%2Fs%2F&x.pe=node:7000&x.pe=[fd00::7]:1"
        );
        let magnet = read(&text).unwrap();
        assert_eq!(magnet.name.as_deref(), Some("a b&c"));
        assert_eq!(magnet.trackers, ["http://t/x+y"]);
        assert_eq!(magnet.web_seeds, ["http://s/"]);
        assert_eq!(magnet.peers.len(), 2);
        assert_eq!(magnet.to_string(), text);
        let odd = read(&format!(
            "magnet:?dn=a+b%zz&xt.1=urn:btih:{HEX}&tr.1=u&tr.2=v&so=0%2c2,6-8"
        ));
        let odd = odd.unwrap();
        assert_eq!(odd.name.as_deref(), Some("a b%zz"));
        assert_eq!(odd.trackers, ["u", "v"]);
        assert_eq!(odd.select, [0..=0, 2..=2, 6..=8]);
    }

    #[test]
    fn links_that_cannot_be_followed_are_refused_by_name() {
        for (text, error) in [
            (
                "http://x/?a=b",
                "'http://x/?a=b' is not a magnet link; it must start with 'magnet:?'",
            ),
            (
                "magnet:?dn=x",
                "the magnet link has no 'xt=urn:btih:' with an infohash",
            ),
            (
                "magnet:?xt=urn:btmh:1220ab",
                "the magnet link has a version 2 infohash only, which is not supported",
            ),
            (
                "magnet:?xt=urn:btih:abc",
                "'abc' is not an infohash of 40 hex digits or 32 base32 digits",
            ),
            (
                &format!("magnet:?xt=urn:btih:{HEX}&so=1,3-2"),
                "the magnet link's so: '1,3-2' is no list of file numbers such as 0,2,6-8, 1000 of them at most",
            ),
            (
                &format!("magnet:?xt=urn:btih:{HEX}&x.pe=x:y"),
                "the magnet link's x.pe: 'x:y' is not an address: the port 'y' is not a number from 1 to 65535",
            ),
        ] {
            assert_eq!(read(text), Err(error.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_link_of_a_million_sources_brings_no_more_than_a_torrent_may() {
        let many = |part: &str| part.repeat(100_000);
        let text = format!(
            "magnet:?xt=urn:btih:{HEX}{}{}{}",
            many("&tr=a"),
            many("&ws=b"),
            many("&x.pe=c")
        );
        let magnet = read(&text).unwrap();
        let counts = [
            magnet.trackers.len(),
            magnet.web_seeds.len(),
            magnet.peers.len(),
        ];
        assert_eq!(counts, [MAX_SOURCES; 3]);
        let so = |count| format!("magnet:?xt=urn:btih:{HEX}&so=0{}", ",1".repeat(count));
        assert_eq!(
            read(&so(MAX_SOURCES - 1)).unwrap().select.len(),
            MAX_SOURCES
        );
        assert!(read(&so(MAX_SOURCES)).is_err());
    }

    proptest! {
        #[test]
        fn what_was_printed_is_read_back(
            hash in any::<[u8; 20]>(),
            name in prop::option::of("\\PC{1,20}"),
            trackers in prop::collection::vec("\\PC{1,20}", 0..4),
            web_seeds in prop::collection::vec("\\PC{1,20}", 0..4),
            port in 1_u16..,
            numbers in prop::collection::vec((0_u32..9, 0_u32..9), 0..4),
        ) {
            let peers = vec![format!("node:{port}").parse().unwrap()];
            let select = numbers.into_iter().map(|(first, more)| first..=first + more).collect();
            let magnet =
                Magnet { info_hash: InfoHash(hash), name, trackers, web_seeds, peers, select };
            prop_assert_eq!(magnet.to_string().parse(), Ok(magnet));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = read(&text);
            let _ = read(&format!("magnet:?{text}"));
            let _ = read(&format!("magnet:?xt=urn:btih:{text}"));
        }
    }
}
