//! The values of flags that no library type reads: listen addresses, switches and sweeps.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU64;
use std::str::FromStr;

use swarmlet_protocol::address::{Cidr, DEFAULT_PORT};
use thiserror::Error;

use super::size::{ParseSizeError, Size};

/// Where a node listens.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct ListenAddress(pub(crate) SocketAddr);

/// A limit in bytes per second.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rate(pub(crate) NonZeroU64);

/// Something that is on or off.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Switch {
    /// It happens.
    On,
    /// It does not.
    Off,
}

/// Which addresses a node tries without having been told of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Sweep {
    /// The /24 around the node's own addresses.
    Auto,
    /// None.
    Off,
    /// Exactly these.
    Range(Cidr),
}

/// A text that is none of the values that a flag takes.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
pub(crate) enum ParseValueError {
    /// Not an address to listen on. A host name is none: it may have several.
    #[error("expected IP, IP:PORT or [IPv6]:PORT")]
    Listen,
    /// Nothing per second is no limit that anything could be moved under.
    #[error("expected at least 1 byte per second; leave the flag out for no limit")]
    NoRate,
    /// Not a number of bytes.
    #[error("{0}")]
    Rate(#[from] ParseSizeError),
    /// Neither on nor off.
    #[error("expected on or off")]
    Switch,
    /// Neither a word of ours nor a range of addresses.
    #[error("expected off, auto or a range of addresses such as 10.0.0.0/24")]
    Sweep,
    /// A range of addresses, but not one that can be swept.
    #[error("{0}")]
    Range(String),
}

impl FromStr for ListenAddress {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let with_port = |ip: IpAddr| SocketAddr::new(ip, DEFAULT_PORT);
        let bracketed = || {
            text.strip_prefix('[')?
                .strip_suffix(']')?
                .parse::<Ipv6Addr>()
                .ok()
        };
        text.parse::<SocketAddr>()
            .or_else(|error| text.parse::<IpAddr>().map(with_port).map_err(|_| error))
            .ok()
            .or_else(|| bracketed().map(IpAddr::V6).map(with_port))
            .map(Self)
            .ok_or(ParseValueError::Listen)
    }
}

impl FromStr for Rate {
    type Err = ParseValueError;

    /// A size, with or without `/s` behind it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Size(bytes) = text.strip_suffix("/s").unwrap_or(text).parse()?;
        let bytes = NonZeroU64::new(bytes).ok_or(ParseValueError::NoRate)?;
        Ok(Self(bytes))
    }
}

impl FromStr for Switch {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err(ParseValueError::Switch),
        }
    }
}

impl FromStr for Sweep {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            range if range.contains('/') => range
                .parse()
                .map(Self::Range)
                .map_err(|error| ParseValueError::Range(format!("{error}"))),
            _ => Err(ParseValueError::Sweep),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_sizes_per_second() {
        let rate = |text: &str| text.parse().map(|Rate(rate)| rate.get());
        assert_eq!(rate("10MiB"), Ok(10 << 20));
        assert_eq!(rate("64KiB/s"), Ok(64 << 10));
        assert_eq!(rate("1"), Ok(1));
        assert_eq!(rate("0"), Err(ParseValueError::NoRate));
        assert!(matches!(rate("fast"), Err(ParseValueError::Rate(_))));
        assert!(matches!(rate("/s"), Err(ParseValueError::Rate(_))));
    }

    #[test]
    fn an_ip_alone_listens_on_the_usual_port() {
        for (text, address) in [
            ("10.0.0.1", "10.0.0.1:6881"),
            ("10.0.0.1:7000", "10.0.0.1:7000"),
            ("::1", "[::1]:6881"),
            ("[::1]", "[::1]:6881"),
            ("[::]:0", "[::]:0"),
        ] {
            assert_eq!(
                text.parse(),
                Ok(ListenAddress(address.parse().unwrap())),
                "{text}"
            );
        }
        for text in [
            "",
            "localhost",
            "10.0.0.1:",
            "10.0.0.1:70000",
            "[::1",
            "1.2.3",
        ] {
            assert_eq!(
                text.parse::<ListenAddress>(),
                Err(ParseValueError::Listen),
                "{text}"
            );
        }
    }

    #[test]
    fn switches_are_on_or_off() {
        assert_eq!("on".parse(), Ok(Switch::On));
        assert_eq!("off".parse(), Ok(Switch::Off));
        assert_eq!("yes".parse::<Switch>(), Err(ParseValueError::Switch));
    }

    #[test]
    fn a_sweep_is_a_word_or_a_range() {
        assert_eq!("off".parse(), Ok(Sweep::Off));
        assert_eq!("auto".parse(), Ok(Sweep::Auto));
        assert!(matches!("10.1.2.0/24".parse(), Ok(Sweep::Range(_))));
        assert_eq!("on".parse::<Sweep>(), Err(ParseValueError::Sweep));
        assert!(matches!(
            "10.1.2.0/99".parse::<Sweep>(),
            Err(ParseValueError::Range(_))
        ));
    }
}
