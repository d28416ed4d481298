//! Payloads of the extension protocol (BEP 10): what was read is written and read as the same, within
//! its limits.

use std::collections::HashSet;
use std::net::SocketAddr;

use bytes::Bytes;
use swarmlet_protocol::address::is_usable;
use swarmlet_protocol::extension::{
    ExtensionHandshake, MAX_CLIENT_LENGTH, MAX_PEX_ACCEPTED, MAX_RENDEZVOUS_PEERS,
    MAX_SWARM_NAME_LENGTH, MAX_SWARMS, METADATA_PIECE_LENGTH, MetadataMessage, PexMessage,
    SwarmsMessage, decode_dont_have, encode_dont_have,
};
use swarmlet_protocol::metainfo::MAX_METADATA_LENGTH;

use crate::oracle;

/// The extension handshake, and what a second one makes of a first.
pub fn check_handshake(bytes: &[u8]) {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let read = ExtensionHandshake::decode(bytes);
    if let Ok(handshake) = &read {
        look_at(handshake);
        assert_eq!(
            ExtensionHandshake::decode(&handshake.encode()).as_ref(),
            Ok(handshake)
        );
    }
    let Ok(mut both) = ExtensionHandshake::decode(first) else {
        return;
    };
    let before = both.clone();
    match both.update(second) {
        Ok(()) => look_at(&both),
        Err(_) => assert_eq!(both, before, "a refused one changed something"),
    }
}

fn look_at(handshake: &ExtensionHandshake) {
    let client = handshake.client.as_deref().unwrap_or_default();
    assert!(client.len() <= MAX_CLIENT_LENGTH);
    oracle::is_printable(client);
    let size = handshake.metadata_size.unwrap_or(1) as usize;
    assert!((1..=MAX_METADATA_LENGTH).contains(&size));
    assert!(handshake.port != Some(0) && handshake.request_limit != Some(0));
    let ids = [
        handshake.metadata_id,
        handshake.pex_id,
        handshake.swarms_id,
        handshake.dont_have_id,
    ];
    assert!(
        !ids.contains(&Some(0)),
        "an extension with the number of the handshake"
    );
}

/// Parts of the metadata (BEP 9).
pub fn check_metadata(bytes: &[u8]) {
    let payload = Bytes::copy_from_slice(bytes);
    let Ok(message) = MetadataMessage::decode(&payload) else {
        return;
    };
    if let MetadataMessage::Data {
        piece,
        total_size,
        data,
    } = &message
    {
        assert!(!data.is_empty() && data.len() <= METADATA_PIECE_LENGTH as usize);
        assert!(*total_size as usize <= MAX_METADATA_LENGTH);
        let end = u64::from(*piece) * u64::from(METADATA_PIECE_LENGTH) + data.len() as u64;
        assert!(end <= u64::from(*total_size), "a part beyond the end");
    }
    assert_eq!(
        MetadataMessage::decode(&message.encode().into()),
        Ok(message)
    );
}

/// Peer exchange (BEP 11).
pub fn check_pex(bytes: &[u8]) {
    let Ok(message) = PexMessage::decode(bytes) else {
        return;
    };
    assert!(message.added.len() <= MAX_PEX_ACCEPTED);
    assert!(message.dropped.len() <= MAX_PEX_ACCEPTED);
    let added = message.added.iter().map(|peer| peer.address);
    are_distinct(added.chain(message.dropped.iter().copied()));
    let again = PexMessage::decode(&message.encode()).expect("our own words");
    // Families are told apart on the wire, so the order between them is not kept.
    assert_eq!(again.added.len(), message.added.len());
    assert!(message.added.iter().all(|peer| again.added.contains(peer)));
    assert!(
        message
            .dropped
            .iter()
            .all(|peer| again.dropped.contains(peer))
    );
}

/// Pieces that are taken back (BEP 54).
pub fn check_dont_have(bytes: &[u8]) {
    match decode_dont_have(bytes) {
        Ok(piece) => assert_eq!(encode_dont_have(piece), *bytes),
        Err(_) => assert_ne!(bytes.len(), 4),
    }
}

/// Swarms and their peers (ours).
pub fn check_swarms(bytes: &[u8]) {
    let Ok(message) = SwarmsMessage::decode(bytes) else {
        return;
    };
    assert!(message.swarms.len() <= MAX_SWARMS);
    assert!(message.peers.len() <= MAX_RENDEZVOUS_PEERS);
    let mut hashes = HashSet::new();
    for swarm in &message.swarms {
        assert!(hashes.insert(swarm.info_hash), "named twice");
        assert!(swarm.name.len() <= MAX_SWARM_NAME_LENGTH);
        assert!(i64::try_from(swarm.size).is_ok());
        oracle::is_printable(&swarm.name);
    }
    are_distinct(message.peers.iter().copied());
    let again = SwarmsMessage::decode(&message.encode()).expect("our own words");
    assert_eq!(again.swarms, message.swarms);
    assert_eq!(again.peers, message.peers);
}

fn are_distinct(addresses: impl Iterator<Item = SocketAddr>) {
    let mut seen = HashSet::new();
    for address in addresses {
        assert!(is_usable(address), "{address} is of no use");
        assert_eq!(address.ip(), address.ip().to_canonical());
        assert!(seen.insert(address), "{address} twice");
    }
}
