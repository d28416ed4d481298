//! Who may have links with this node: networks and nodes that are allowed and denied.
//!
//! ```text
//! # One rule on a line; the order does not matter.
//! allow 10.0.0.0/8
//! deny 10.1.2.3
//! deny node 4f1c0c5a7d0e4b6f8a9b0c1d2e3f4a5b
//! ```
//!
//! A `deny` always wins. Where at least one network is allowed, all others are denied; the same goes for
//! nodes. An empty list allows everybody.
//!
//! Invariant: a list is either read whole or not at all.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

use crate::id::NodeId;
use crate::text::quoted;

/// 65,536 rules: every network that a list of a country has, in some MiB.
pub const MAX_RULES: usize = 65_536;

/// 4 MiB: the longest file of rules that is read.
pub const MAX_ACCESS_FILE: usize = 4 * 1_024 * 1_024;

/// Who may have links with this node.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AccessList {
    allowed: Rules,
    denied: Rules,
}

/// Networks and nodes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Rules {
    v4: BTreeMap<u8, HashSet<u32>>,
    v6: BTreeMap<u8, HashSet<u128>>,
    nodes: HashSet<NodeId>,
}

/// A list that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[error("line {line}: {reason}")]
pub struct AccessError {
    /// The line, the first being 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: AccessReason,
}

/// Why a line is no rule.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum AccessReason {
    /// It begins with another word.
    #[error(
        "'{0}' is neither allow nor deny: a rule is such as 'allow 10.0.0.0/8' or 'deny node 4f1c...'"
    )]
    Verb(String),
    /// Nothing follows.
    #[error(
        "'{0}' names nobody: a network such as 10.0.0.0/8, an address, or node and an id must follow"
    )]
    Nobody(String),
    /// More than a rule.
    #[error("'{0}' follows a whole rule: each has a line of its own")]
    Rest(String),
    /// Not an address and not a network.
    #[error("'{0}' is neither an IP address nor a network such as 10.0.0.0/8 or fd00::/8")]
    Network(String),
    /// A prefix that is longer than an address.
    #[error("'{text}' has a prefix of more than {limit} bits")]
    Prefix {
        /// What stood there.
        text: String,
        /// The most that an address of its family has.
        limit: u8,
    },
    /// An address within a network in place of the network.
    #[error(
        "'{text}' has bits beyond its prefix: the network is {network}, the address alone {address}"
    )]
    HostBits {
        /// What stood there.
        text: String,
        /// The network that it lies in.
        network: String,
        /// The address in front of the prefix.
        address: IpAddr,
    },
    /// Not the id of a node.
    #[error("'{0}' is not a node id of 32 hex digits, as `swarmlet status` shows it")]
    Node(String),
    /// Not text.
    #[error("it is not UTF-8 text")]
    Text,
    /// Too many rules.
    #[error("there are more than {MAX_RULES} rules")]
    TooMany,
    /// Too many bytes.
    #[error("the file has {length} bytes; the limit is {MAX_ACCESS_FILE}")]
    TooLong {
        /// How many it has.
        length: usize,
    },
}

/// Why somebody is denied, in words for a log.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Denied {
    /// A `deny` names it.
    Named,
    /// No `allow` names it, and there are some.
    NotAllowed,
}

impl fmt::Display for Denied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Named => "the access list denies it",
            Self::NotAllowed => "the access list does not allow it",
        })
    }
}

impl AccessList {
    /// Reads a list.
    ///
    /// # Errors
    /// The first line that is no rule.
    pub fn parse(file: &[u8]) -> Result<Self, AccessError> {
        if file.len() > MAX_ACCESS_FILE {
            let length = file.len();
            return Err(AccessError {
                line: 1,
                reason: AccessReason::TooLong { length },
            });
        }
        let mut list = Self::default();
        let mut rules = 0;
        for (bytes, line) in file.split(|&byte| byte == b'\n').zip(1..) {
            let wrong = |reason| AccessError { line, reason };
            let text = std::str::from_utf8(bytes).map_err(|_| wrong(AccessReason::Text))?;
            let rule = text.split('#').next().unwrap_or_default();
            let mut words = rule.split_whitespace();
            let Some(verb) = words.next() else {
                continue;
            };
            rules += 1;
            if rules > MAX_RULES {
                return Err(wrong(AccessReason::TooMany));
            }
            let place = match verb {
                "allow" => &mut list.allowed,
                "deny" => &mut list.denied,
                other => return Err(wrong(AccessReason::Verb(quoted(other)))),
            };
            place.add(verb, &mut words).map_err(wrong)?;
            if let Some(rest) = words.next() {
                return Err(wrong(AccessReason::Rest(quoted(rest))));
            }
        }
        Ok(list)
    }

    /// May there be links with that address, whoever is there?
    ///
    /// # Errors
    /// Why not.
    pub fn check_address(&self, ip: IpAddr) -> Result<(), Denied> {
        let ip = ip.to_canonical();
        let has_allowed = !self.allowed.v4.is_empty() || !self.allowed.v6.is_empty();
        judge(
            self.denied.contains(ip),
            has_allowed,
            self.allowed.contains(ip),
        )
    }

    /// May there be links with that node, wherever it is?
    ///
    /// # Errors
    /// Why not.
    pub fn check_node(&self, node: NodeId) -> Result<(), Denied> {
        let allowed = &self.allowed.nodes;
        let is_denied = self.denied.nodes.contains(&node);
        judge(is_denied, !allowed.is_empty(), allowed.contains(&node))
    }

    /// Does it name nodes? Only with a fleet secret does anybody prove which node it is.
    #[must_use]
    pub fn names_nodes(&self) -> bool {
        !self.allowed.nodes.is_empty() || !self.denied.nodes.is_empty()
    }

    /// How many rules it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.allowed.len() + self.denied.len()
    }

    /// Does it allow everybody?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

const fn judge(is_denied: bool, has_allowed: bool, is_allowed: bool) -> Result<(), Denied> {
    if is_denied {
        Err(Denied::Named)
    } else if has_allowed && !is_allowed {
        Err(Denied::NotAllowed)
    } else {
        Ok(())
    }
}

impl Rules {
    fn add<'text>(
        &mut self,
        verb: &str,
        words: &mut impl Iterator<Item = &'text str>,
    ) -> Result<(), AccessReason> {
        let nobody = |words: &str| AccessReason::Nobody(words.to_owned());
        let word = words.next().ok_or_else(|| nobody(verb))?;
        if word == "node" {
            let id = words.next();
            let id = id.ok_or_else(|| nobody(&format!("{verb} node")))?;
            let node = id.to_ascii_lowercase().parse();
            self.nodes
                .insert(node.map_err(|_| AccessReason::Node(quoted(id)))?);
            return Ok(());
        }
        let (ip, prefix) = network(word)?;
        match ip {
            IpAddr::V4(ip) => self.v4.entry(prefix).or_default().insert(ip.to_bits()),
            IpAddr::V6(ip) => self.v6.entry(prefix).or_default().insert(ip.to_bits()),
        };
        Ok(())
    }

    fn contains(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => {
                let mut rules = self.v4.iter();
                rules.any(|(&prefix, all)| all.contains(&(ip.to_bits() & mask_v4(prefix))))
            }
            IpAddr::V6(ip) => {
                let mut rules = self.v6.iter();
                rules.any(|(&prefix, all)| all.contains(&(ip.to_bits() & mask_v6(prefix))))
            }
        }
    }

    fn len(&self) -> usize {
        let v4 = self.v4.values().map(HashSet::len).sum::<usize>();
        v4 + self.v6.values().map(HashSet::len).sum::<usize>() + self.nodes.len()
    }
}

/// The first address of a network and its prefix; of an address alone, all of it.
fn network(text: &str) -> Result<(IpAddr, u8), AccessReason> {
    let wrong = || AccessReason::Network(quoted(text));
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let limit = if address.is_ipv4() { 32 } else { 128 };
    let Some(prefix) = prefix else {
        let address = address.to_canonical();
        return Ok((address, if address.is_ipv4() { 32 } else { 128 }));
    };
    let is_number = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let prefix: u8 = match prefix.parse() {
        Ok(prefix) if is_number && prefix <= limit => prefix,
        _ if is_number => {
            let text = quoted(text);
            return Err(AccessReason::Prefix { text, limit });
        }
        _ => return Err(wrong()),
    };
    // Peers are judged by the IPv4 address that they have; a rule that names it the long way means it as well.
    let (address, prefix) = match (address, address.to_canonical(), prefix.checked_sub(96)) {
        (IpAddr::V6(_), short @ IpAddr::V4(_), Some(prefix)) => (short, prefix),
        _ => (address, prefix),
    };
    let first = match address {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask_v4(prefix))),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask_v6(prefix))),
    };
    if first != address {
        return Err(AccessReason::HostBits {
            text: quoted(text),
            network: format!("{first}/{prefix}"),
            address,
        });
    }
    Ok((address, prefix))
}

const fn mask_v4(prefix: u8) -> u32 {
    // A shift by all bits is none of Rust's.
    match prefix {
        0 => 0,
        _ => u32::MAX << (32 - prefix as u32),
    }
}

const fn mask_v6(prefix: u8) -> u128 {
    match prefix {
        0 => 0,
        _ => u128::MAX << (128 - prefix as u32),
    }
}
