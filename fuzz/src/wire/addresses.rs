//! Addresses: as bytes, as operators write them, and networks to sweep.

use std::net::SocketAddr;

use swarmlet_protocol::address::{
    COMPACT_V4_LENGTH, COMPACT_V6_LENGTH, Cidr, MIN_PREFIX, PeerAddress, decode_v4, decode_v6,
    encode,
};

use crate::{Hand, oracle};

/// Compact addresses of both families.
pub fn check_compact(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let is_v6 = hand.coin();
    let bytes = hand.rest();
    let unit = if is_v6 {
        COMPACT_V6_LENGTH
    } else {
        COMPACT_V4_LENGTH
    };
    let addresses: Option<Vec<SocketAddr>> = match is_v6 {
        true => decode_v6(bytes).ok().map(Iterator::collect),
        false => decode_v4(bytes).ok().map(Iterator::collect),
    };
    assert_eq!(addresses.is_some(), bytes.len().is_multiple_of(unit));
    let addresses = addresses.unwrap_or_default();
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for address in &addresses {
        assert_eq!(address.ip(), address.ip().to_canonical());
        encode(*address, &mut v4, &mut v6);
    }
    let again = decode_v4(&v4)
        .expect("whole")
        .chain(decode_v6(&v6).expect("whole"));
    let mut again: Vec<_> = again.collect();
    let mut sorted = addresses;
    again.sort_unstable();
    sorted.sort_unstable();
    assert_eq!(again, sorted);
}

/// An address as an operator writes it.
pub fn check_peer(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match text.parse::<PeerAddress>() {
        Ok(address) => {
            assert_ne!(address.port(), 0);
            assert_eq!(address.to_string().parse().as_ref(), Ok(&address));
            assert_eq!(address.to_short_string().parse(), Ok(address));
        }
        Err(error) => oracle::is_short(&error),
    }
}

/// A network to sweep.
pub fn check_network(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match text.parse::<Cidr>() {
        Ok(network) => {
            assert_eq!(network.to_string().parse(), Ok(network));
            let ends = [network.hosts().next(), network.hosts().last()]
                .map(|host| host.expect("a network has a host"));
            assert!(ends.iter().all(|&host| network.contains(host)));
            let count = u64::from(ends[1].to_bits() - ends[0].to_bits()) + 1;
            assert!(count <= 1 << (32 - MIN_PREFIX));
        }
        Err(error) => oracle::is_short(&error),
    }
}
