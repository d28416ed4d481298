//! Peer exchange (BEP 11): who joined and who left among a peer's links.
//!
//! A hint and nothing more. Invariant of a decoded message: every address is one where a peer can
//! listen, none stands twice, none is both added and dropped, and there are at most
//! [`MAX_PEX_ACCEPTED`] of each kind.

use std::collections::HashSet;
use std::net::SocketAddr;

use super::{ExtensionError, dictionary, string, v4_addresses, v6_addresses};
use crate::address;
use crate::bencode::DictEncoder;

/// 50: how many added, and how many dropped, addresses a message should carry (BEP 11).
pub const MAX_PEX_SENT: usize = 50;

/// 200: how many added, and how many dropped, addresses we read; the rest is cut. First messages
/// may exceed 50 (BEP 11); more than that is no longer a hint.
pub const MAX_PEX_ACCEPTED: usize = 200;

/// What a peer says about one that it added.
pub mod flags {
    /// It prefers encryption.
    pub const ENCRYPTION: u8 = 0x01;
    /// It has everything, or wants nothing more.
    pub const SEED: u8 = 0x02;
    /// It speaks uTP.
    pub const UTP: u8 = 0x04;
    /// It speaks the hole punching extension.
    pub const HOLEPUNCH: u8 = 0x08;
    /// The sender dialled it, so it can be reached there.
    pub const REACHABLE: u8 = 0x10;
}

/// A peer that the sender is connected to.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct PexPeer {
    /// Where it listens.
    pub address: SocketAddr,
    /// See [`flags`].
    pub flags: u8,
}

/// A `ut_pex` message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PexMessage {
    /// Peers that the sender is connected to since its last message.
    pub added: Vec<PexPeer>,
    /// Peers that it was told of before, and whose links ended.
    pub dropped: Vec<SocketAddr>,
}

impl PexMessage {
    /// The payload of the message. The caller keeps each list short: within [`MAX_PEX_SENT`] in all
    /// but the first message to a foreign client (BEP 11).
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (mut added4, mut added6) = (Vec::new(), Vec::new());
        let (mut flags4, mut flags6) = (Vec::new(), Vec::new());
        for peer in &self.added {
            let before = added4.len();
            address::encode(peer.address, &mut added4, &mut added6);
            match added4.len() > before {
                true => flags4.push(peer.flags),
                false => flags6.push(peer.flags),
            }
        }
        let (mut dropped4, mut dropped6) = (Vec::new(), Vec::new());
        for &dropped in &self.dropped {
            address::encode(dropped, &mut dropped4, &mut dropped6);
        }
        let mut dict = DictEncoder::new();
        // BEP 11 wants at least one key; `added` is there even when it is empty.
        dict.bytes(b"added", added4).bytes(b"added.f", flags4);
        if !added6.is_empty() {
            dict.bytes(b"added6", added6).bytes(b"added6.f", flags6);
        }
        if !dropped4.is_empty() {
            dict.bytes(b"dropped", dropped4);
        }
        if !dropped6.is_empty() {
            dict.bytes(b"dropped6", dropped6);
        }
        dict.finish()
    }

    /// Reads a payload: leaves out addresses where nobody can listen and repeated ones, and cuts
    /// lists that are too long. Flags that are missing are 0.
    ///
    /// # Errors
    /// Refuses what is not a dictionary, and strings that are not whole addresses.
    pub fn decode(payload: &[u8]) -> Result<Self, ExtensionError> {
        let (dict, _) = dictionary(payload)?;
        let flags = |key| {
            string(&dict, key)
                .iter()
                .copied()
                .chain(std::iter::repeat(0))
        };
        let added4 = v4_addresses(&dict, b"added")?.zip(flags(b"added.f"));
        let added6 = v6_addresses(&dict, b"added6")?.zip(flags(b"added6.f"));
        let mut seen = HashSet::new();
        let mut fresh = |address: SocketAddr| address::is_usable(address) && seen.insert(address);
        let added = added4
            .chain(added6)
            .filter(|&(address, _)| fresh(address))
            .map(|(address, flags)| PexPeer { address, flags })
            .take(MAX_PEX_ACCEPTED)
            .collect();
        let dropped = v4_addresses(&dict, b"dropped")?
            .chain(v6_addresses(&dict, b"dropped6")?)
            .filter(|&address| fresh(address))
            .take(MAX_PEX_ACCEPTED)
            .collect();
        Ok(Self { added, dropped })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// Addresses that differ after decoding too.
    fn ip() -> impl Strategy<Value = IpAddr> {
        any::<IpAddr>().prop_map(|ip| ip.to_canonical())
    }

    #[test]
    fn a_message_has_the_bytes_of_the_specification() {
        let message = PexMessage {
            added: vec![PexPeer {
                address: at("10.0.0.7:6881"),
                flags: flags::SEED | flags::REACHABLE,
            }],
            dropped: vec![at("10.0.0.8:6881")],
        };
        assert_eq!(
            message.encode(),
            b"d5:added6:\x0a\x00\x00\x07\x1a\xe17:added.f1:\x127:dropped6:\x0a\x00\x00\x08\x1a\xe1e"
        );
    }

    #[test]
    fn useless_and_repeated_addresses_are_left_out() {
        let peer = |text| PexPeer {
            address: at(text),
            flags: 0,
        };
        let message = PexMessage {
            added: vec![
                peer("10.0.0.7:0"),
                peer("0.0.0.0:1"),
                peer("224.0.0.1:1"),
                peer("10.0.0.7:1"),
                peer("10.0.0.7:1"),
            ],
            dropped: vec![at("10.0.0.7:1"), at("[::]:1"), at("10.0.0.8:1")],
        };
        let expected = PexMessage {
            added: vec![peer("10.0.0.7:1")],
            dropped: vec![at("10.0.0.8:1")],
        };
        assert_eq!(PexMessage::decode(&message.encode()), Ok(expected));
    }

    #[test]
    fn flags_stay_with_their_peer_and_missing_ones_are_none() {
        let payload =
            b"d5:added12:\x0a\x00\x00\x07\x1a\xe1\x0a\x00\x00\x08\x1a\xe17:added.f1:\x02e";
        let message = PexMessage::decode(payload).unwrap();
        let flags: Vec<_> = message.added.iter().map(|peer| peer.flags).collect();
        assert_eq!(flags, [flags::SEED, 0]);
    }

    #[test]
    fn long_lists_are_cut_and_broken_ones_refused() {
        let peer = |port| PexPeer {
            address: SocketAddr::from(([10, 0, 0, 7], port)),
            flags: 0,
        };
        let message = PexMessage {
            added: (1..1000).map(peer).collect(),
            dropped: (1000..2000).map(|port| peer(port).address).collect(),
        };
        let decoded = PexMessage::decode(&message.encode()).unwrap();
        assert_eq!((decoded.added.len(), decoded.dropped.len()), (200, 200));
        let error = PexMessage::decode(b"d5:added5:abcdee").unwrap_err();
        assert_eq!(
            error.to_string(),
            "an extension message has 5 bytes of compact addresses; it must be a multiple of 6"
        );
        assert!(PexMessage::decode(b"i1e").is_err());
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_the_same(
            peers in prop::collection::btree_map(
                (ip(), 1_u16..), (any::<u8>(), any::<bool>()), 0..40)
        ) {
            let mut message = PexMessage::default();
            // The families are two lists on the wire: four before six.
            for v4 in [true, false] {
                for (&(ip, port), &(flags, added)) in &peers {
                    let address = SocketAddr::new(ip, port);
                    if address.is_ipv4() != v4 || !address::is_usable(address) {
                        continue;
                    }
                    match added {
                        true => message.added.push(PexPeer { address, flags }),
                        false => message.dropped.push(address),
                    }
                }
            }
            prop_assert_eq!(PexMessage::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = PexMessage::decode(&bytes);
        }
    }
}
