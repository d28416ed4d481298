//! Which addresses a stranger's URL may lead to.
//!
//! A URL makes this node send a request from where it stands, perhaps from behind a firewall. What a
//! stranger wrote (a `.torrent`, a magnet link, a server that redirects) must not make it ask things of
//! machines that only it can reach. A plain path of a local server is allowed where a `.torrent` names
//! it, for that is what fleets have; a question to it (`?reboot=1`) is not, nor is a redirect from a
//! server of the internet to a local one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Is the address one of this machine or of a network that the internet does not reach?
#[must_use]
pub fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => is_local_v4(ip),
        IpAddr::V6(ip) => is_local_v6(ip),
    }
}

/// May a request go to any address? If not, it may only go to those that are not [`is_local`].
///
/// `trusted` is what the operator named; `has_query` is of the first URL; `redirected_from` is where
/// the first server was, once it has sent us elsewhere, as far as that is known.
#[must_use]
pub fn may_follow(trusted: bool, has_query: bool, redirected_from: Option<Option<IpAddr>>) -> bool {
    match redirected_from {
        None => trusted || !has_query,
        Some(first) => first.is_some_and(is_local),
    }
}

fn is_local_v4(ip: Ipv4Addr) -> bool {
    let [a, b, ..] = ip.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_multicast()
        || is_shared
        || a == 0
}

fn is_local_v6(ip: Ipv6Addr) -> bool {
    // An IPv4 address in another's clothes: mapped, or by NAT64 (RFC 6052).
    if let Some(inner) = ip.to_ipv4_mapped() {
        return is_local_v4(inner);
    }
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = ip.segments() {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        return is_local_v4(Ipv4Addr::new(a, b, c, d));
    }
    ip.is_loopback()
        || ip.is_unspecified()
        || ip.is_multicast()
        || ip.is_unique_local()
        || ip.is_unicast_link_local()
}
