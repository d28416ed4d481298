//! Addresses as compact bytes: 4 + 2 for IPv4 (BEP 23), 16 + 2 for IPv6 (BEP 7), big endian.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

/// Bytes of an IPv4 address and a port (BEP 23).
pub const COMPACT_V4_LENGTH: usize = 6;

/// Bytes of an IPv6 address and a port (BEP 7).
pub const COMPACT_V6_LENGTH: usize = 18;

/// Bytes that are not whole addresses.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[error("{length} bytes of compact addresses; it must be a multiple of {unit}")]
pub struct CompactError {
    /// The bytes that came.
    pub length: usize,
    /// The bytes of one address.
    pub unit: usize,
}

/// Adds an address in its family's compact form: 6 bytes to `v4` or 18 bytes to `v6`.
pub fn encode(address: SocketAddr, v4: &mut Vec<u8>, v6: &mut Vec<u8>) {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => {
            v4.extend_from_slice(&ip.octets());
            v4.extend_from_slice(&address.port().to_be_bytes());
        }
        IpAddr::V6(ip) => {
            v6.extend_from_slice(&ip.octets());
            v6.extend_from_slice(&address.port().to_be_bytes());
        }
    }
}

/// Reads compact IPv4 addresses, as they are: see [`is_usable`].
///
/// # Errors
/// Refuses a length that is not a multiple of 6.
pub fn decode_v4(
    bytes: &[u8],
) -> Result<impl ExactSizeIterator<Item = SocketAddr> + '_, CompactError> {
    Ok(units::<COMPACT_V4_LENGTH>(bytes)?.iter().map(|unit| {
        let [a, b, c, d, port @ ..] = *unit;
        let ip = Ipv4Addr::new(a, b, c, d);
        SocketAddr::new(ip.into(), u16::from_be_bytes(port))
    }))
}

/// Reads compact IPv6 addresses, as they are but that one which stands for an IPv4 address
/// becomes that: see [`is_usable`].
///
/// # Errors
/// Refuses a length that is not a multiple of 18.
pub fn decode_v6(
    bytes: &[u8],
) -> Result<impl ExactSizeIterator<Item = SocketAddr> + '_, CompactError> {
    Ok(units::<COMPACT_V6_LENGTH>(bytes)?.iter().map(|unit| {
        let [ip @ .., high, low] = *unit;
        let ip = IpAddr::from(Ipv6Addr::from(ip)).to_canonical();
        SocketAddr::new(ip, u16::from_be_bytes([high, low]))
    }))
}

fn units<const UNIT: usize>(bytes: &[u8]) -> Result<&[[u8; UNIT]], CompactError> {
    match bytes.as_chunks() {
        (units, []) => Ok(units),
        _ => Err(CompactError {
            length: bytes.len(),
            unit: UNIT,
        }),
    }
}

/// Can a peer listen there? Not on port 0, nor on the unspecified, a multicast or the broadcast
/// address. Strangers send such addresses; nobody is to be dialled there.
#[must_use]
pub fn is_usable(address: SocketAddr) -> bool {
    let broadcast = address.ip() == IpAddr::V4(Ipv4Addr::BROADCAST);
    let ip = address.ip();
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_have_the_bytes_of_the_specifications() {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        encode("10.0.0.7:6881".parse().unwrap(), &mut v4, &mut v6);
        encode("[fd00::7]:6881".parse().unwrap(), &mut v4, &mut v6);
        assert_eq!(v4, [10, 0, 0, 7, 0x1a, 0xe1]);
        assert_eq!(
            v6,
            [
                0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0x1a, 0xe1
            ]
        );
    }

    #[test]
    fn broken_lengths_are_refused_with_the_rule() {
        let error = decode_v4(&[0; 7]).map(drop).unwrap_err().to_string();
        assert_eq!(
            error,
            "7 bytes of compact addresses; it must be a multiple of 6"
        );
        let error = decode_v6(&[0; 6]).map(drop).unwrap_err().to_string();
        assert_eq!(
            error,
            "6 bytes of compact addresses; it must be a multiple of 18"
        );
    }

    #[test]
    fn addresses_where_nobody_can_listen_are_not_usable() {
        for text in [
            "0.0.0.0:1",
            "10.0.0.7:0",
            "224.0.0.1:1",
            "255.255.255.255:1",
            "[::]:1",
            "[ff02::1]:1",
        ] {
            assert!(!is_usable(text.parse().unwrap()), "{text}");
        }
        assert!(is_usable("127.0.0.1:1".parse().unwrap()));
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_the_same(
            addresses in prop::collection::vec((any::<IpAddr>(), any::<u16>()), 0..20)
        ) {
            let (mut v4, mut v6) = (Vec::new(), Vec::new());
            let addresses: Vec<_> = addresses
                .into_iter()
                .map(|(ip, port)| SocketAddr::new(ip.to_canonical(), port))
                .collect();
            for &address in &addresses {
                encode(address, &mut v4, &mut v6);
            }
            let decoded: Vec<_> =
                decode_v4(&v4).unwrap().chain(decode_v6(&v6).unwrap()).collect();
            let (expected4, expected6): (Vec<_>, Vec<_>) =
                addresses.into_iter().partition(SocketAddr::is_ipv4);
            prop_assert_eq!(decoded, [expected4, expected6].concat());
        }
    }
}
