//! The beacon of local service discovery (BEP 14): its bytes.
//!
//! Sends nothing and decides on no pace. Invariant: what was written is read back the same, and
//! no datagram makes the reader panic or keep more than [`MAX_HASHES`] infohashes.

use std::net::Ipv4Addr;

use thiserror::Error;

use crate::id::InfoHash;

/// The IPv4 multicast group of BEP 14 (organisation-local).
pub const GROUP_V4: Ipv4Addr = Ipv4Addr::new(239, 192, 152, 143);

/// The UDP port of BEP 14.
pub const PORT: u16 = 6771;

/// 1,400 bytes: the longest message BEP 14 allows; the reader refuses longer ones.
pub const MAX_LENGTH: usize = 1_400;

/// 20 infohashes in a message: all that [`MAX_LENGTH`] holds beside the other lines, rounded down.
pub const MAX_HASHES: usize = 20;

/// 64 bytes of cookie: others use 8 to 32.
pub const MAX_COOKIE: usize = 64;

const FIRST_LINE: &str = "BT-SEARCH * HTTP/1.1";

/// What one beacon says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Beacon {
    /// The TCP port on which the sender listens; its host is where the datagram came from.
    pub port: u16,
    /// The swarms it is in; at least one.
    pub info_hashes: Vec<InfoHash>,
    /// A mark by which a sender knows its own beacons.
    pub cookie: Option<String>,
}

/// Bytes that are not a beacon.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum BeaconError {
    /// A cookie that is too long.
    #[error("a beacon's cookie of {length} bytes; at most {MAX_COOKIE} are allowed")]
    Cookie {
        /// The length that came.
        length: usize,
    },
    /// The first line is another one.
    #[error("a datagram that does not begin with '{FIRST_LINE}'")]
    FirstLine,
    /// An infohash that is not 40 hex digits.
    #[error("a beacon's infohash is not 40 hex digits")]
    InfoHash,
    /// Too many bytes.
    #[error("a beacon of {length} bytes; at most {MAX_LENGTH} are allowed")]
    Length {
        /// The length that came.
        length: usize,
    },
    /// No infohash at all.
    #[error("a beacon without an infohash")]
    NoInfoHash,
    /// No port, or not a number from 1 to 65535.
    #[error("a beacon without a port from 1 to 65535")]
    Port,
    /// Not text.
    #[error("a beacon that is not UTF-8 text")]
    Text,
    /// Too many infohashes.
    #[error("a beacon with more than {MAX_HASHES} infohashes")]
    TooManyHashes,
}

impl Beacon {
    /// The datagram that says this. Infohashes beyond [`MAX_HASHES`] and a cookie that is too long
    /// or holds other than visible ASCII are left out.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut text = format!(
            "{FIRST_LINE}\r\nHost: {GROUP_V4}:{PORT}\r\nPort: {}\r\n",
            self.port
        );
        for hash in self.info_hashes.iter().take(MAX_HASHES) {
            text.push_str(&format!("Infohash: {hash}\r\n"));
        }
        let plain = |cookie: &&String| {
            cookie.len() <= MAX_COOKIE && cookie.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if let Some(cookie) = self.cookie.as_ref().filter(plain) {
            text.push_str(&format!("cookie: {cookie}\r\n"));
        }
        text.push_str("\r\n\r\n");
        text.into_bytes()
    }

    /// Reads a datagram. Unknown headers are skipped, as BEP 14 asks, and header names may be in
    /// any case.
    ///
    /// # Errors
    /// Refuses what is too long, not text, or lacks a port or an infohash.
    pub fn parse(datagram: &[u8]) -> Result<Self, BeaconError> {
        if datagram.len() > MAX_LENGTH {
            let length = datagram.len();
            return Err(BeaconError::Length { length });
        }
        let text = std::str::from_utf8(datagram).map_err(|_| BeaconError::Text)?;
        let mut lines = text.lines();
        if lines.next().map(str::trim_end) != Some(FIRST_LINE) {
            return Err(BeaconError::FirstLine);
        }
        let (mut port, mut info_hashes, mut cookie) = (None, Vec::new(), None);
        for line in lines.take_while(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("port") {
                let number = value.parse().map_err(|_| BeaconError::Port)?;
                port = Some(number).filter(|&number| number != 0);
            } else if name.eq_ignore_ascii_case("infohash") {
                if info_hashes.len() == MAX_HASHES {
                    return Err(BeaconError::TooManyHashes);
                }
                info_hashes.push(value.parse().map_err(|_| BeaconError::InfoHash)?);
            } else if name.eq_ignore_ascii_case("cookie") {
                if value.len() > MAX_COOKIE {
                    let length = value.len();
                    return Err(BeaconError::Cookie { length });
                }
                cookie = Some(value.to_owned());
            }
        }
        if info_hashes.is_empty() {
            return Err(BeaconError::NoInfoHash);
        }
        Ok(Self {
            port: port.ok_or(BeaconError::Port)?,
            info_hashes,
            cookie,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";

    #[test]
    fn the_beacon_is_that_of_bep_14() {
        let beacon = Beacon {
            port: 6881,
            info_hashes: vec![HASH.parse().unwrap()],
            cookie: Some("moo".to_owned()),
        };
        let expected = format!(
            "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n\
             Infohash: {HASH}\r\ncookie: moo\r\n\r\n\r\n"
        );
        assert_eq!(String::from_utf8(beacon.encode()).unwrap(), expected);
        assert_eq!(Beacon::parse(expected.as_bytes()), Ok(beacon));
    }

    #[test]
    fn the_fullest_beacon_fits_the_limit() {
        let beacon = Beacon {
            port: u16::MAX,
            info_hashes: vec![InfoHash([7; 20]); MAX_HASHES],
            cookie: Some("x".repeat(MAX_COOKIE)),
        };
        let bytes = beacon.encode();
        assert!(bytes.len() <= MAX_LENGTH, "{}", bytes.len());
        assert_eq!(Beacon::parse(&bytes), Ok(beacon));
    }

    #[test]
    fn what_is_not_a_beacon_is_refused_by_name() {
        let with = |lines: &str| Beacon::parse(format!("{FIRST_LINE}\r\n{lines}\r\n").as_bytes());
        let length = MAX_LENGTH + 1;
        assert_eq!(
            Beacon::parse(&vec![b'a'; length]),
            Err(BeaconError::Length { length })
        );
        assert_eq!(
            Beacon::parse(b"M-SEARCH * HTTP/1.1\r\n"),
            Err(BeaconError::FirstLine)
        );
        assert_eq!(Beacon::parse(&[0xff]), Err(BeaconError::Text));
        assert_eq!(with("Port: 1\r\n"), Err(BeaconError::NoInfoHash));
        assert_eq!(
            with("Port: 1\r\nInfohash: 12\r\n"),
            Err(BeaconError::InfoHash)
        );
        for port in ["", "Port: 0\r\n", "Port: 65536\r\n", "Port: -1\r\n"] {
            let lines = format!("{port}Infohash: {HASH}\r\n");
            assert_eq!(with(&lines), Err(BeaconError::Port), "{port}");
        }
        let many = format!("Infohash: {HASH}\r\n").repeat(MAX_HASHES + 1);
        assert_eq!(with(&many), Err(BeaconError::TooManyHashes));
        let cookie = format!("cookie: {}\r\n", "x".repeat(65));
        assert_eq!(with(&cookie), Err(BeaconError::Cookie { length: 65 }));
    }

    #[test]
    fn unknown_headers_and_other_cases_are_read() {
        let text = format!("{FIRST_LINE}\r\nX-New: 1\r\nPORT: 7\r\nINFOHASH:{HASH}\r\nrubbish\r\n");
        let beacon = Beacon::parse(text.as_bytes()).unwrap();
        assert_eq!(
            (beacon.port, beacon.info_hashes.len(), beacon.cookie),
            (7, 1, None)
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            port in 1_u16..,
            hashes in prop::collection::vec(any::<[u8; 20]>(), 1..=MAX_HASHES),
            cookie in prop::option::of("[!-~]{1,64}"),
        ) {
            let info_hashes = hashes.into_iter().map(InfoHash).collect();
            let beacon = Beacon { port, info_hashes, cookie };
            prop_assert_eq!(Beacon::parse(&beacon.encode()), Ok(beacon));
        }

        #[test]
        fn no_datagram_makes_the_reader_panic(bytes: Vec<u8>, text in "BT-SEARCH \\* HTTP/1.1\r\n(Port|Infohash|cookie|.*): ?.*\r\n") {
            let _ = Beacon::parse(&bytes);
            let _ = Beacon::parse(text.as_bytes());
        }
    }
}
