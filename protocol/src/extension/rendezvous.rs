//! Join by presence, our extension `sw_swarms`: which swarms a node serves, and whom it knows.
//!
//! Spoken on links of the rendezvous infohash, where nodes meet that do not know yet what the fleet
//! shares. The format is written down in `docs/wire-protocol.md`. Whom to believe is not decided
//! here. Invariant of a decoded message: within all limits, no swarm and no address stands twice,
//! names are fit to be printed, and a peer can listen at every address.

use std::collections::HashSet;
use std::net::SocketAddr;

use super::{ExtensionError, dictionary, positive, string, v4_addresses, v6_addresses};
use crate::address;
use crate::bencode::{Dict, DictEncoder, ListEncoder};
use crate::id::InfoHash;
use crate::text::printable;

/// The version of the format that we write.
pub const RENDEZVOUS_VERSION: u8 = 1;

/// 64 swarms: more than any node serves; a message stays within 24 KiB.
pub const MAX_SWARMS: usize = 64;

/// 200 addresses: enough to find a fleet by, as in one large peer exchange.
pub const MAX_RENDEZVOUS_PEERS: usize = 200;

/// 255 bytes: the longest name of a file.
pub const MAX_SWARM_NAME_LENGTH: usize = 255;

/// What the rendezvous infohash is the SHA-1 of, with the fleet's name after it.
pub const RENDEZVOUS_PREFIX: &str = "swarmlet rendezvous 1";

/// One swarm that the sender serves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SwarmEntry {
    /// The swarm's real infohash.
    pub info_hash: InfoHash,
    /// The name in its info dictionary; to be shown, not to be trusted.
    pub name: String,
    /// Bytes of its content.
    pub size: u64,
    /// The sender was configured to serve it; otherwise it learned of it from a peer.
    pub configured: bool,
}

/// All that a node says at the rendezvous. Each message replaces the one before it on that link.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct SwarmsMessage {
    /// What the sender serves; empty as long as it has learned nothing itself.
    pub swarms: Vec<SwarmEntry>,
    /// Where nodes of the fleet listen that the sender knows.
    pub peers: Vec<SocketAddr>,
}

/// The infohash at which the nodes of a fleet meet. The default fleet has the empty name.
#[must_use]
pub fn rendezvous_hash(fleet: &str) -> InfoHash {
    InfoHash::of(format!("{RENDEZVOUS_PREFIX}{fleet}").as_bytes())
}

impl SwarmsMessage {
    /// The payload of the message. What exceeds the limits is cut.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut swarms = ListEncoder::new();
        for swarm in self.swarms.iter().take(MAX_SWARMS) {
            let name = printable(swarm.name.as_bytes(), MAX_SWARM_NAME_LENGTH);
            let size = i64::try_from(swarm.size).unwrap_or(i64::MAX);
            let mut entry = DictEncoder::new();
            entry
                .integer(b"configured", swarm.configured)
                .bytes(b"info_hash", swarm.info_hash.0.as_slice())
                .bytes(b"name", name.into_bytes())
                .integer(b"size", size);
            swarms.dict(&entry);
        }
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for &peer in self.peers.iter().take(MAX_RENDEZVOUS_PEERS) {
            address::encode(peer, &mut v4, &mut v6);
        }
        let mut dict = DictEncoder::new();
        dict.integer(b"v", RENDEZVOUS_VERSION)
            .list(b"swarms", &swarms)
            .bytes(b"peers", v4)
            .bytes(b"peers6", v6);
        dict.finish()
    }

    /// Reads a payload of this version or a later one, which may have more keys. Entries that make
    /// no sense are left out, lists that are too long are cut.
    ///
    /// # Errors
    /// Refuses what is not a dictionary, has no version, or has strings that are not whole addresses.
    pub fn decode(payload: &[u8]) -> Result<Self, ExtensionError> {
        let (dict, _) = dictionary(payload)?;
        positive::<i64>(dict.get(b"v")).ok_or(ExtensionError::Key {
            key: "v",
            rule: "the version, 1 or more",
        })?;
        let list = dict.get(b"swarms").and_then(|swarms| swarms.list());
        let mut seen = HashSet::new();
        let swarms = list
            .into_iter()
            .flat_map(|list| list.iter())
            .filter_map(|entry| read_entry(&entry.dict()?))
            .filter(|swarm| seen.insert(swarm.info_hash))
            .take(MAX_SWARMS)
            .collect();
        let mut seen = HashSet::new();
        let peers = v4_addresses(&dict, b"peers")?
            .chain(v6_addresses(&dict, b"peers6")?)
            .filter(|&peer| address::is_usable(peer) && seen.insert(peer))
            .take(MAX_RENDEZVOUS_PEERS)
            .collect();
        Ok(Self { swarms, peers })
    }
}

fn read_entry(entry: &Dict<'_>) -> Option<SwarmEntry> {
    let info_hash = entry.get(b"info_hash")?.bytes()?.try_into().ok()?;
    let configured = entry.get(b"configured").and_then(|flag| flag.integer());
    Some(SwarmEntry {
        info_hash: InfoHash(info_hash),
        name: printable(string(entry, b"name"), MAX_SWARM_NAME_LENGTH),
        size: entry.get(b"size")?.integer()?.try_into().ok()?,
        configured: configured.is_some_and(|flag| flag != 0),
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    /// Addresses that differ after decoding too.
    fn ip() -> impl Strategy<Value = IpAddr> {
        any::<IpAddr>().prop_map(|ip| ip.to_canonical())
    }

    fn swarm(number: u8) -> SwarmEntry {
        SwarmEntry {
            info_hash: InfoHash([number; 20]),
            name: "data.bin".to_owned(),
            size: 2048,
            configured: true,
        }
    }

    #[test]
    fn the_rendezvous_hash_is_the_one_in_the_documentation() {
        assert_eq!(
            rendezvous_hash("").to_string(),
            "3c399ae63f81d96ea6a2bebab5372d65c0a4c9cd"
        );
        assert_eq!(
            rendezvous_hash("blue").to_string(),
            "440bba34daa89f9204fa6e3bf7092105eedb626b"
        );
    }

    #[test]
    fn a_message_has_the_bytes_in_the_documentation() {
        let message = SwarmsMessage {
            swarms: vec![SwarmEntry {
                info_hash: InfoHash(*b"ABCDEFGHIJKLMNOPQRST"),
                ..swarm(0)
            }],
            peers: vec!["10.0.0.7:6881".parse().unwrap()],
        };
        assert_eq!(
            message.encode().escape_ascii().to_string(),
            "d5:peers6:\\n\\x00\\x00\\x07\\x1a\\xe16:peers60:6:swarmsl\
             d10:configuredi1e9:info_hash20:ABCDEFGHIJKLMNOPQRST4:name8:data.bin4:sizei2048ee\
             e1:vi1ee"
        );
    }

    #[test]
    fn later_versions_are_read_as_far_as_we_know_them() {
        let message = SwarmsMessage::decode(b"d5:extrali1ee5:peers6:\x0a\0\0\x07\x1a\xe11:vi9ee");
        let expected = SwarmsMessage {
            swarms: Vec::new(),
            peers: vec!["10.0.0.7:6881".parse().unwrap()],
        };
        assert_eq!(message, Ok(expected));
        let error = SwarmsMessage::decode(b"de").unwrap_err().to_string();
        assert_eq!(
            error,
            "an extension message needs the key 'v' with the version, 1 or more"
        );
    }

    #[test]
    fn entries_without_sense_are_left_out_and_names_made_printable() {
        let payload = b"d6:swarmsl\
            i1e\
            d9:info_hash3:abc4:sizei1ee\
            d9:info_hash20:ABCDEFGHIJKLMNOPQRST4:sizei-1ee\
            d9:info_hash20:ABCDEFGHIJKLMNOPQRST4:name3:a\x1bb4:sizei1ee\
            d9:info_hash20:ABCDEFGHIJKLMNOPQRST4:sizei2ee\
            e1:vi1ee";
        let message = SwarmsMessage::decode(payload).unwrap();
        let expected = SwarmEntry {
            info_hash: InfoHash(*b"ABCDEFGHIJKLMNOPQRST"),
            name: "a\u{fffd}b".to_owned(),
            size: 1,
            configured: false,
        };
        assert_eq!(message.swarms, [expected]);
    }

    #[test]
    fn lists_are_cut_at_the_limits_on_both_sides() {
        let message = SwarmsMessage {
            swarms: (0..=200).map(swarm).collect(),
            peers: (1..999)
                .map(|port| SocketAddr::from(([10, 0, 0, 7], port)))
                .collect(),
        };
        let decoded = SwarmsMessage::decode(&message.encode()).unwrap();
        assert_eq!(
            (decoded.swarms.len(), decoded.peers.len()),
            (MAX_SWARMS, MAX_RENDEZVOUS_PEERS)
        );

        let mut entries = ListEncoder::new();
        for number in 0..=200_u8 {
            let mut entry = DictEncoder::new();
            entry
                .bytes(b"info_hash", vec![number; 20])
                .integer(b"size", 1);
            entries.dict(&entry);
        }
        let mut dict = DictEncoder::new();
        dict.integer(b"v", 1).list(b"swarms", &entries);
        let decoded = SwarmsMessage::decode(&dict.finish()).unwrap();
        assert_eq!(decoded.swarms.len(), MAX_SWARMS);
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_the_same(
            swarms in prop::collection::btree_map(
                any::<[u8; 20]>(), ("[a-z.ä]{0,20}", 0..i64::MAX as u64, any::<bool>()), 0..10),
            peers in prop::collection::btree_set((ip(), 1_u16..), 0..20),
        ) {
            let swarms = swarms
                .into_iter()
                .map(|(hash, (name, size, configured))| SwarmEntry {
                    info_hash: InfoHash(hash), name, size, configured,
                })
                .collect();
            let (v4, v6): (Vec<_>, Vec<_>) = peers
                .into_iter()
                .map(|(ip, port)| SocketAddr::new(ip, port))
                .filter(|&peer| address::is_usable(peer))
                .partition(SocketAddr::is_ipv4);
            let message = SwarmsMessage { swarms, peers: [v4, v6].concat() };
            prop_assert_eq!(SwarmsMessage::decode(&message.encode()), Ok(message));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = SwarmsMessage::decode(&bytes);
        }
    }
}
