//! The values of flags that no library type reads: listen addresses, switches and sweeps.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use swarmlet_protocol::address::{Cidr, DEFAULT_PORT};
use thiserror::Error;

/// Where a node listens.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct ListenAddress(pub(crate) SocketAddr);

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
