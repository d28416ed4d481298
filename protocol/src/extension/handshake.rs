//! The extension handshake (BEP 10): which extensions a peer speaks, and facts about it.
//!
//! Tolerant where clients differ: unknown keys, and known keys with values of another kind or out
//! of range, count as absent. Only bytes that are not a dictionary are an error.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{ExtensionError, dictionary, positive};
use crate::bencode::{Dict, DictEncoder};
use crate::metainfo::MAX_METADATA_LENGTH;
use crate::text::printable;

/// 100 bytes: what we keep of a client's name. Real ones have some 20.
pub const MAX_CLIENT_LENGTH: usize = 100;

const METADATA: &[u8] = b"ut_metadata";
const PEX: &[u8] = b"ut_pex";
const SWARMS: &[u8] = b"sw_swarms";
const DONT_HAVE: &[u8] = b"lt_donthave";

/// What a peer says in its extension handshakes. Ids are those that *it* wants to receive.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ExtensionHandshake {
    /// Its id of `ut_metadata` (BEP 9), 1 to 255.
    pub metadata_id: Option<u8>,
    /// Its id of `ut_pex` (BEP 11), 1 to 255.
    pub pex_id: Option<u8>,
    /// Its id of `sw_swarms` (see [`SwarmsMessage`](super::SwarmsMessage)), 1 to 255.
    pub swarms_id: Option<u8>,
    /// Its id of `lt_donthave` (BEP 54), 1 to 255.
    pub dont_have_id: Option<u8>,
    /// `p`: the TCP port it listens on.
    pub port: Option<u16>,
    /// `v`: its client's name and version, fit to be printed, at most [`MAX_CLIENT_LENGTH`] bytes.
    pub client: Option<String>,
    /// `metadata_size`: bytes of the info dictionary, 1 to [`MAX_METADATA_LENGTH`] (BEP 9).
    pub metadata_size: Option<u32>,
    /// `reqq`: how many requests it queues before it drops some.
    pub request_limit: Option<u32>,
    /// `yourip`: the address that it sees us at.
    pub your_ip: Option<IpAddr>,
    /// `upload_only`: whether it wants nothing more (BEP 21), if it says so.
    pub upload_only: Option<bool>,
}

impl ExtensionHandshake {
    /// The payload of a handshake message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut ids = DictEncoder::new();
        for (name, id) in [
            (DONT_HAVE, self.dont_have_id),
            (METADATA, self.metadata_id),
            (PEX, self.pex_id),
            (SWARMS, self.swarms_id),
        ] {
            if let Some(id) = id {
                ids.integer(name, id);
            }
        }
        let mut dict = DictEncoder::new();
        dict.dict(b"m", &ids);
        if let Some(port) = self.port {
            dict.integer(b"p", port);
        }
        if let Some(client) = &self.client {
            dict.bytes(b"v", client.as_bytes());
        }
        if let Some(size) = self.metadata_size {
            dict.integer(b"metadata_size", size);
        }
        if let Some(limit) = self.request_limit {
            dict.integer(b"reqq", limit);
        }
        match self.your_ip {
            Some(IpAddr::V4(ip)) => dict.bytes(b"yourip", ip.octets().to_vec()),
            Some(IpAddr::V6(ip)) => dict.bytes(b"yourip", ip.octets().to_vec()),
            None => &mut dict,
        };
        if let Some(flag) = self.upload_only {
            dict.integer(b"upload_only", u8::from(flag));
        }
        dict.finish()
    }

    /// Reads the first handshake of a link.
    ///
    /// # Errors
    /// Refuses bytes that are not a bencoded dictionary.
    pub fn decode(payload: &[u8]) -> Result<Self, ExtensionError> {
        let mut handshake = Self::default();
        handshake.update(payload)?;
        Ok(handshake)
    }

    /// Applies a later handshake of the same link: what it does not mention stays as it was, an
    /// id of 0 turns that extension off (BEP 10: the handshakes are additive).
    ///
    /// # Errors
    /// Refuses bytes that are not a bencoded dictionary; then nothing was changed.
    pub fn update(&mut self, payload: &[u8]) -> Result<(), ExtensionError> {
        let (dict, _) = dictionary(payload)?;
        if let Some(ids) = dict.get(b"m").and_then(|ids| ids.dict()) {
            update_id(&mut self.metadata_id, &ids, METADATA);
            update_id(&mut self.pex_id, &ids, PEX);
            update_id(&mut self.swarms_id, &ids, SWARMS);
            update_id(&mut self.dont_have_id, &ids, DONT_HAVE);
        }
        self.port = positive(dict.get(b"p")).or(self.port);
        let client = dict.get(b"v").and_then(|client| client.bytes());
        if let Some(client) = client.filter(|client| !client.is_empty()) {
            self.client = Some(printable(client, MAX_CLIENT_LENGTH));
        }
        let size = positive(dict.get(b"metadata_size"));
        let allowed = size.filter(|&size: &u32| size as usize <= MAX_METADATA_LENGTH);
        self.metadata_size = allowed.or(self.metadata_size);
        self.request_limit = positive(dict.get(b"reqq")).or(self.request_limit);
        let ip = dict.get(b"yourip").and_then(|ip| read_ip(ip.bytes()?));
        self.your_ip = ip.or(self.your_ip);
        if let Some(flag) = dict.get(b"upload_only").and_then(|flag| flag.integer()) {
            self.upload_only = Some(flag != 0);
        }
        Ok(())
    }
}

fn update_id(id: &mut Option<u8>, ids: &Dict<'_>, name: &[u8]) {
    if let Some(value) = ids.get(name) {
        *id = positive(Some(value));
    }
}

fn read_ip(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(v4).into());
    }
    let v6 = <[u8; 16]>::try_from(bytes).ok()?;
    Some(IpAddr::from(Ipv6Addr::from(v6)).to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_specification_is_read() {
        let payload = b"d1:md11:LT_metadatai1e6:ut_pexi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e";
        let handshake = ExtensionHandshake::decode(payload).unwrap();
        let expected = ExtensionHandshake {
            pex_id: Some(2),
            port: Some(6881),
            client: Some("µTorrent 1.2".to_owned()),
            ..ExtensionHandshake::default()
        };
        assert_eq!(handshake, expected);
    }

    #[test]
    fn what_is_out_of_range_or_of_another_kind_counts_as_absent() {
        let mut ids = DictEncoder::new();
        ids.integer(b"ut_metadata", 256)
            .integer(b"ut_pex", 0)
            .bytes(b"sw_swarms", b"1".as_slice());
        let mut dict = DictEncoder::new();
        dict.dict(b"m", &ids)
            .integer(b"p", 65_536)
            .integer(b"v", 7)
            .integer(b"metadata_size", MAX_METADATA_LENGTH as i64 + 1)
            .integer(b"reqq", -1)
            .bytes(b"yourip", b"12345".as_slice())
            .bytes(b"upload_only", b"1".as_slice());
        let handshake = ExtensionHandshake::decode(&dict.finish());
        assert_eq!(handshake, Ok(ExtensionHandshake::default()));
        let handshake = ExtensionHandshake::decode(b"d1:mi3e1:pi0e13:metadata_sizei0ee");
        assert_eq!(handshake, Ok(ExtensionHandshake::default()));
    }

    #[test]
    fn a_later_handshake_changes_only_what_it_mentions() {
        let mut handshake =
            ExtensionHandshake::decode(b"d1:md11:ut_metadatai1e6:ut_pexi2ee1:pi6881ee").unwrap();
        handshake.update(b"d1:md11:ut_metadatai0eee").unwrap();
        assert_eq!(handshake.metadata_id, None);
        assert_eq!((handshake.pex_id, handshake.port), (Some(2), Some(6881)));
    }

    #[test]
    fn what_is_not_a_dictionary_is_refused() {
        let error = ExtensionHandshake::decode(b"le").unwrap_err();
        assert_eq!(
            error.to_string(),
            "an extension message is a list; it must be a dictionary"
        );
        assert!(ExtensionHandshake::decode(b"").is_err());
    }

    #[test]
    fn a_clients_name_cannot_write_to_a_terminal() {
        let handshake = ExtensionHandshake::decode(b"d1:v6:a\x1b[2J\ne").unwrap();
        assert_eq!(handshake.client.as_deref(), Some("a\u{fffd}[2J\u{fffd}"));
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_the_same(
            ids in any::<[Option<u8>; 4]>(),
            port in prop::option::of(1_u16..),
            client in prop::option::of("[a-zA-Z0-9 ./µ]{1,40}"),
            metadata_size in prop::option::of(1_u32..=MAX_METADATA_LENGTH as u32),
            request_limit in prop::option::of(1_u32..),
            your_ip in any::<Option<IpAddr>>(),
            upload_only in any::<Option<bool>>(),
        ) {
            let [metadata_id, pex_id, swarms_id, dont_have_id] = ids.map(|id| id.filter(|&id| id != 0));
            let your_ip = your_ip.map(|ip| ip.to_canonical());
            let handshake = ExtensionHandshake {
                metadata_id, pex_id, swarms_id, dont_have_id, port, client, metadata_size, request_limit, your_ip,
                upload_only,
            };
            prop_assert_eq!(ExtensionHandshake::decode(&handshake.encode()), Ok(handshake));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = ExtensionHandshake::decode(&bytes);
        }
    }
}
