//! The beacon of a fleet with a secret: "a node of ours listens here", and nothing else in the clear.
//!
//! It takes the place of the beacon of BEP 14, goes to the same group and port, and names no swarm and
//! no fleet. The code covers the address that it comes from, so one that is recorded and sent from
//! elsewhere means nothing; sent again from the same address it says what was true already.

use std::net::IpAddr;

use super::{FleetSecret, Hour, Secrets, mac};

/// 31 bytes, all of them.
pub const LENGTH: usize = HEAD + CODE;

/// The version, the port, the hour and the sender's mark.
const HEAD: usize = 1 + 2 + 4 + 8;

/// 16 bytes of code, as in a [`proof`](super::proof).
const CODE: usize = 16;

/// The version of the format.
const VERSION: u8 = 1;

/// What a sealed beacon says.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct SealedBeacon {
    /// The TCP port on which the sender listens; its host is where the datagram came from.
    pub port: u16,
    /// By this a sender knows its own beacons.
    pub mark: u64,
}

impl SealedBeacon {
    /// The datagram that says this, to be sent from that address.
    #[must_use]
    pub fn seal(self, secret: &FleetSecret, from: IpAddr, now: Hour) -> [u8; LENGTH] {
        let mut datagram = [0; LENGTH];
        let (head, code) = datagram.split_at_mut(HEAD);
        head[0] = VERSION;
        head[1..3].copy_from_slice(&self.port.to_be_bytes());
        head[3..7].copy_from_slice(&now.0.to_be_bytes());
        head[7..].copy_from_slice(&self.mark.to_be_bytes());
        let whole = mac(&secret.0.beacon, &[head, &bytes_of(from)]);
        let whole = hmac::Mac::finalize(whole).into_bytes();
        code.copy_from_slice(&whole[..CODE]);
        datagram
    }

    /// Reads a datagram; nothing if it does not come from a node of the fleet, from that address, and
    /// of late.
    #[must_use]
    pub fn open(datagram: &[u8], secrets: &Secrets, from: IpAddr, now: Hour) -> Option<Self> {
        let datagram: &[u8; LENGTH] = datagram.try_into().ok()?;
        let (head, code) = datagram.split_at(HEAD);
        let &[VERSION, high, low, h0, h1, h2, h3, ref mark @ ..] = head else {
            return None;
        };
        let is_ours = secrets.iter().any(|secret| {
            let expected = mac(&secret.0.beacon, &[head, &bytes_of(from)]);
            hmac::Mac::verify_truncated_left(expected, code).is_ok()
        });
        let hour = Hour(u32::from_be_bytes([h0, h1, h2, h3]));
        let port = u16::from_be_bytes([high, low]);
        let is_good = is_ours && now.skew(hour).is_none() && port != 0;
        is_good.then_some(Self {
            port,
            mark: u64::from_be_bytes(mark.try_into().ok()?),
        })
    }
}

/// An address in sixteen bytes, whichever its family.
fn bytes_of(ip: IpAddr) -> [u8; 16] {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}
