//! An IPv4 network in the form `a.b.c.d/n`: what a sweep may cover, and never more.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use thiserror::Error;

use crate::text::quoted;

/// /20, 4,094 hosts: the widest network that a sweep may cover. Wider ones would take seconds of
/// dialling per round and look like an attack to whoever runs the network.
pub const MIN_PREFIX: u8 = 20;

/// An IPv4 network. Invariants: the prefix is from [`MIN_PREFIX`] to 32; the bits of `network`
/// beyond the prefix are zero.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct Cidr {
    network: u32,
    prefix: u8,
}

/// A text that is not a network that we sweep.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum CidrError {
    /// Not of the form `a.b.c.d/n`.
    #[error("'{text}' is not an IPv4 network of the form a.b.c.d/n with n from {MIN_PREFIX} to 32")]
    Form {
        /// What stood there, fit to be printed.
        text: String,
    },
    /// A network of too many addresses.
    #[error("'{text}' has {hosts} addresses; the limit is a /{MIN_PREFIX} with {limit}", limit = 1_u64 << (32 - MIN_PREFIX))]
    TooWide {
        /// What stood there.
        text: String,
        /// How many addresses the network has.
        hosts: u64,
    },
}

impl Cidr {
    /// The /24 around an address.
    #[must_use]
    pub const fn around(ip: Ipv4Addr) -> Self {
        Self {
            network: ip.to_bits() & mask(24),
            prefix: 24,
        }
    }

    /// Does the network contain this address?
    #[must_use]
    pub const fn contains(&self, ip: Ipv4Addr) -> bool {
        ip.to_bits() & mask(self.prefix) == self.network
    }

    /// The addresses that hosts may have, in order: the network's own address and the broadcast
    /// address are not among them where there are such (up to a /30).
    pub fn hosts(&self) -> impl Iterator<Item = Ipv4Addr> + use<> {
        let last = self.network | !mask(self.prefix);
        let (first, last) = match self.prefix {
            0..=30 => (self.network + 1, last - 1),
            _ => (self.network, last),
        };
        (first..=last).map(Ipv4Addr::from_bits)
    }
}

/// The bits that a prefix fixes.
const fn mask(prefix: u8) -> u32 {
    match prefix {
        0 => 0,
        1..=31 => u32::MAX << (32 - prefix),
        _ => u32::MAX,
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.trim().split_once('/').and_then(|(ip, prefix)| {
            let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
            let prefix = prefix.parse::<u8>().ok().filter(|&n| digits && n <= 32)?;
            Some((ip.parse::<Ipv4Addr>().ok()?, prefix))
        });
        let (ip, prefix) = parts.ok_or_else(|| CidrError::Form { text: quoted(text) })?;
        if prefix < MIN_PREFIX {
            return Err(CidrError::TooWide {
                text: quoted(text),
                hosts: 1 << (32 - prefix),
            });
        }
        Ok(Self {
            network: ip.to_bits() & mask(prefix),
            prefix,
        })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from_bits(self.network), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_24_has_254_hosts() {
        let network: Cidr = "10.1.2.77/24".parse().unwrap();
        assert_eq!(network.to_string(), "10.1.2.0/24");
        assert_eq!(network, Cidr::around(Ipv4Addr::new(10, 1, 2, 3)));
        let hosts: Vec<_> = network.hosts().collect();
        assert_eq!(hosts.len(), 254);
        assert_eq!(hosts[0], Ipv4Addr::new(10, 1, 2, 1));
        assert_eq!(hosts[253], Ipv4Addr::new(10, 1, 2, 254));
        assert!(!network.contains(Ipv4Addr::new(10, 1, 3, 0)));
    }

    #[test]
    fn the_smallest_networks_have_no_broadcast_address() {
        let count = |text: &str| text.parse::<Cidr>().unwrap().hosts().count();
        assert_eq!(count("10.0.0.0/30"), 2);
        assert_eq!(count("10.0.0.0/31"), 2);
        assert_eq!(count("255.255.255.255/32"), 1);
        assert_eq!(count("0.0.0.0/20"), 4094);
    }

    #[test]
    fn wide_networks_and_other_texts_are_refused_with_the_limit() {
        let error = "10.0.0.0/8".parse::<Cidr>().unwrap_err().to_string();
        assert_eq!(
            error,
            "'10.0.0.0/8' has 16777216 addresses; the limit is a /20 with 4096"
        );
        assert!("0.0.0.0/0".parse::<Cidr>().is_err());
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+24",
            "fd00::/24",
            "x/24",
        ] {
            let error = text.parse::<Cidr>().unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "'{text}' is not an IPv4 network of the form a.b.c.d/n with n from 20 to 32"
                )
            );
        }
    }

    proptest! {
        #[test]
        fn a_network_contains_its_hosts_and_itself_reads_back(bits in any::<u32>(), prefix in 20_u8..=32) {
            let text = format!("{}/{prefix}", Ipv4Addr::from_bits(bits));
            let network: Cidr = text.parse().unwrap();
            prop_assert!(network.contains(Ipv4Addr::from_bits(bits)));
            prop_assert!(network.hosts().all(|host| network.contains(host)));
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }
    }
}
