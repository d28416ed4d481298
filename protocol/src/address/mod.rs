//! Addresses of peers: as operators write them, as networks to sweep, and as compact bytes.
//!
//! Resolves no names; that takes the network.

mod cidr;
mod compact;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

use crate::text::quoted;

pub use cidr::{Cidr, CidrError, MIN_PREFIX};
pub use compact::{
    COMPACT_V4_LENGTH, COMPACT_V6_LENGTH, CompactError, decode_v4, decode_v6, encode, is_usable,
};

/// The port of an address that names none: the first of the ports that BEP 3 suggests.
pub const DEFAULT_PORT: u16 = 6881;

/// 253 characters: the longest name that DNS can hold (RFC 1035).
const MAX_HOST_LENGTH: usize = 253;

/// 63 characters: the longest label of a name in DNS (RFC 1035).
const MAX_LABEL_LENGTH: usize = 63;

/// Where a peer listens: what a socket can be connected to, or a name that may resolve to several.
///
/// Invariants: the port is not 0; `host` is a lower-case name in the form that DNS allows.
/// Read from and printed as `IP:PORT`, `[IPv6]:PORT` or `name:PORT`; on reading, the port may be
/// missing ([`DEFAULT_PORT`]).
#[derive(Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum PeerAddress {
    /// An IP address and a port. An IPv6 address that stands for an IPv4 one became that.
    Socket(SocketAddr),
    /// A host name and a port.
    Name {
        /// The name, to be resolved again and again.
        host: String,
        /// The port on every address behind the name.
        port: u16,
    },
}

/// A text that is not an address, and why.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[error("'{text}' is not an address: {reason}")]
pub struct ParseAddressError {
    /// What stood there, fit to be printed.
    pub text: String,
    /// What is wrong with it.
    pub reason: AddressReason,
}

/// Why a text is not an address.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum AddressReason {
    /// Nothing, or only white space.
    #[error("it is empty")]
    Empty,
    /// What follows the colon is not a port.
    #[error("the port '{0}' is not a number from 1 to 65535")]
    Port(String),
    /// Brackets that hold something else than an IPv6 address, or do not close.
    #[error("'[' must be followed by an IPv6 address and ']', then nothing or ':' and a port")]
    Brackets,
    /// Digits and dots that are not an IPv4 address.
    #[error("'{0}' is neither an IPv4 address nor a name")]
    Numbers(String),
    /// Several colons, and not an IPv6 address.
    #[error("'{0}' is not an IPv6 address")]
    Colons(String),
    /// A character or a length that no host name has.
    #[error(
        "'{0}' is not a host name of letters, digits, '-' and '_' in labels of 1 to 63, at most 253 in all"
    )]
    Name(String),
}

impl PeerAddress {
    /// The address of a socket; an IPv6 address that stands for an IPv4 one becomes that.
    #[must_use]
    pub fn socket(ip: IpAddr, port: u16) -> Self {
        Self::Socket(SocketAddr::new(ip.to_canonical(), port))
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match self {
            Self::Socket(address) => address.port(),
            Self::Name { port, .. } => *port,
        }
    }

    /// The address in the shortest form that reads back as the same: without the port when it is
    /// [`DEFAULT_PORT`].
    #[must_use]
    pub fn to_short_string(&self) -> String {
        match self {
            Self::Socket(address) if address.port() == DEFAULT_PORT => address.ip().to_string(),
            Self::Name { host, port } if *port == DEFAULT_PORT => host.clone(),
            other => other.to_string(),
        }
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        Self::socket(address.ip(), address.port())
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => write!(f, "{address}"),
            Self::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

impl FromStr for PeerAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text.trim()).map_err(|reason| ParseAddressError {
            text: quoted(text),
            reason,
        })
    }
}

fn parse(text: &str) -> Result<PeerAddress, AddressReason> {
    if text.is_empty() {
        return Err(AddressReason::Empty);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inside, after) = rest.split_once(']').ok_or(AddressReason::Brackets)?;
        let ip: Ipv6Addr = inside.parse().map_err(|_| AddressReason::Brackets)?;
        let port = match after.strip_prefix(':') {
            Some(port) => parse_port(port)?,
            None if after.is_empty() => DEFAULT_PORT,
            None => return Err(AddressReason::Brackets),
        };
        return Ok(PeerAddress::socket(ip.into(), port));
    }
    if let Ok(ip) = text.parse() {
        return Ok(PeerAddress::socket(ip, DEFAULT_PORT));
    }
    let (host, port) = match text.split_once(':') {
        Some((_, rest)) if rest.contains(':') => return Err(AddressReason::Colons(quoted(text))),
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let port = port.map_or(Ok(DEFAULT_PORT), parse_port)?;
    if let Ok(ip) = host.parse() {
        return Ok(PeerAddress::socket(ip, port));
    }
    let host = parse_host(host)?;
    Ok(PeerAddress::Name { host, port })
}

fn parse_port(text: &str) -> Result<u16, AddressReason> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|&port| digits && port != 0);
    port.ok_or_else(|| AddressReason::Port(quoted(text)))
}

/// A host name. Underscores are allowed because container names have them.
fn parse_host(text: &str) -> Result<String, AddressReason> {
    // One dot at the end says that the name is complete; resolvers want to see it.
    let labels = text.strip_suffix('.').unwrap_or(text);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let good = labels.split('.').all(|label| {
        (1..=MAX_LABEL_LENGTH).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    });
    if !good || labels.len() > MAX_HOST_LENGTH {
        return Err(AddressReason::Name(quoted(text)));
    }
    // No top-level domain is a number, but a mistyped IPv4 address ends in one.
    let last = labels.rsplit('.').next().unwrap_or(labels);
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AddressReason::Numbers(quoted(text)));
    }
    Ok(text.to_ascii_lowercase())
}

/// Who stands behind an address: an IPv4 address by itself; of IPv6 whoever has one has a /64.
#[must_use]
pub fn site(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let address = text
            .parse::<PeerAddress>()
            .map_err(|error| error.to_string())?;
        assert_eq!(address.to_string().parse(), Ok(address.clone()));
        assert_eq!(address.to_short_string().parse(), Ok(address.clone()));
        Ok(address.to_string())
    }

    #[test]
    fn every_form_of_address_is_read() {
        for (text, expected) in [
            ("10.0.0.7", "10.0.0.7:6881"),
            ("10.0.0.7:7000", "10.0.0.7:7000"),
            (" 10.0.0.7\n", "10.0.0.7:6881"),
            ("node-1", "node-1:6881"),
            ("Node_1.Example.:7000", "node_1.example.:7000"),
            ("fd00::7", "[fd00::7]:6881"),
            ("[fd00::7]", "[fd00::7]:6881"),
            ("[fd00::7]:7000", "[fd00::7]:7000"),
            ("::ffff:10.0.0.7", "10.0.0.7:6881"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        let address: PeerAddress = "node-1".parse().unwrap();
        assert_eq!(
            (address.to_short_string().as_str(), address.port()),
            ("node-1", 6881)
        );
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_the_reason() {
        let name = "is not a host name of letters, digits, '-' and '_' in labels of 1 to 63, at most 253 in all";
        for (text, reason) in [
            ("", "it is empty".to_owned()),
            (
                "x:y",
                "the port 'y' is not a number from 1 to 65535".to_owned(),
            ),
            (
                "x:",
                "the port '' is not a number from 1 to 65535".to_owned(),
            ),
            (
                "x:0",
                "the port '0' is not a number from 1 to 65535".to_owned(),
            ),
            (
                "x:+1",
                "the port '+1' is not a number from 1 to 65535".to_owned(),
            ),
            (
                "10.0.0.7:65536",
                "the port '65536' is not a number from 1 to 65535".to_owned(),
            ),
            (
                "10.0.0.256",
                "'10.0.0.256' is neither an IPv4 address nor a name".to_owned(),
            ),
            (
                "10.0.0:80",
                "'10.0.0' is neither an IPv4 address nor a name".to_owned(),
            ),
            (
                "6881",
                "'6881' is neither an IPv4 address nor a name".to_owned(),
            ),
            ("1:2:3", "'1:2:3' is not an IPv6 address".to_owned()),
            (
                "[10.0.0.7]:1",
                "'[' must be followed by an IPv6 address and ']', then nothing or ':' and a port"
                    .to_owned(),
            ),
            ("a b", format!("'a b' {name}")),
            ("a..b", format!("'a..b' {name}")),
            ("-a", format!("'-a' {name}")),
            (":80", format!("'' {name}")),
            (
                "http://x",
                "the port '//x' is not a number from 1 to 65535".to_owned(),
            ),
        ] {
            let expected = format!("'{text}' is not an address: {reason}");
            assert_eq!(read(text), Err(expected), "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_prints_what_it_reads(text in "[a-z0-9.:\\[\\]-]{0,30}|\\PC{0,20}") {
            let _ = read(&text);
        }

        #[test]
        fn every_socket_address_is_read_back(ip in any::<IpAddr>(), port in 1_u16..) {
            let address = PeerAddress::socket(ip, port);
            prop_assert_eq!(address.to_string().parse(), Ok(address));
        }
    }
}
