//! A loopback /24 for one fleet.
//!
//! All of 127.0.0.0/8 is local, so a fleet of processes can have one address each and the same
//! port, as hosts do. Two fleets must not share a /24, or a sweep would find the other's nodes.
//!
//! Invariant: while a [`Subnet`] lives, no other gets the same /24, in any process.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};

/// The port that nodes listen on unless they are told otherwise.
pub const PORT: u16 = 6881;

/// The guard is a UDP socket: it must not be found by a sweep, which dials TCP.
const GUARD_PORT: u16 = 6880;

/// The host number of the guard; nodes are numbered from [`FIRST_HOST`] and never reach it.
const GUARD_HOST: u8 = 254;

/// The host number of the first node.
const FIRST_HOST: u8 = 10;

/// Tries before giving up: with 60,000 subnets two collisions in a row are rare already.
const TRIES: usize = 100;

/// A /24 of 127.0.0.0/8 that no other fleet uses.
#[derive(Debug)]
pub struct Subnet {
    second: u8,
    third: u8,
    _guard: UdpSocket,
}

impl Subnet {
    /// Takes a free one by chance.
    ///
    /// # Panics
    /// If none is found.
    pub fn reserve() -> Self {
        // By chance, not by the test's seed: two runs with one seed must not meet.
        let mut rng = fastrand::Rng::with_seed(super::fresh_seed());
        for _ in 0..TRIES {
            let (second, third) = (rng.u8(16..=250), rng.u8(..));
            let guard = Ipv4Addr::new(127, second, third, GUARD_HOST);
            let Ok(guard) = UdpSocket::bind((guard, GUARD_PORT)) else {
                continue;
            };
            if !is_in_use(second, third) {
                return Self {
                    second,
                    third,
                    _guard: guard,
                };
            }
        }
        panic!("found no free /24 in 127.0.0.0/8 in {TRIES} tries");
    }

    /// The address of the node with this number.
    pub fn ip(&self, node: usize) -> Ipv4Addr {
        let host = FIRST_HOST + u8::try_from(node).expect("a fleet fits into a /24");
        assert!(host < GUARD_HOST, "a fleet fits into a /24");
        Ipv4Addr::new(127, self.second, self.third, host)
    }

    /// Where the node with this number listens.
    pub fn address(&self, node: usize) -> SocketAddr {
        SocketAddrV4::new(self.ip(node), PORT).into()
    }

    /// The whole range, as `--sweep` takes it.
    pub fn cidr(&self) -> String {
        format!("127.{}.{}.0/24", self.second, self.third)
    }
}

/// Whether somebody who knows nothing of guards has a TCP socket there.
fn is_in_use(second: u8, third: u8) -> bool {
    // Addresses are printed as little-endian hexadecimal: 127.2.3.4 is 0403027F.
    let suffix = format!("{third:02X}{second:02X}7F:");
    fs::read_to_string("/proc/net/tcp").is_ok_and(|table| {
        table.lines().any(|line| {
            line.split_whitespace()
                .nth(1)
                .is_some_and(|local| local.contains(&suffix))
        })
    })
}
