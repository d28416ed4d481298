//! Which addresses can be those of a peer. Decides by form only, not by experience.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::event::Source;

/// What this host can reach.
#[derive(Copy, Clone, Debug)]
pub(super) struct Reach {
    /// IPv6 too, as far as we are told by others.
    pub(super) ipv6: bool,
    /// We listen on loopback only, so the fleet lives there.
    pub(super) loopback: bool,
}

/// The address in its one form (an IPv4 address is never written as an IPv6 one, there is no flow
/// label) if a peer can listen there, else `None`.
pub(super) fn usable(addr: SocketAddr, source: Source, reach: Reach) -> Option<SocketAddr> {
    let ip = addr.ip().to_canonical();
    // What the operator wrote or what a packet really came from is taken at its word.
    let vouched = matches!(source, Source::Listed | Source::Named | Source::Inbound);
    let refused = addr.port() == 0
        || ip.is_unspecified()
        || ip.is_multicast()
        || (ip.is_loopback() && !reach.loopback && !vouched)
        || match ip {
            IpAddr::V4(ip) => is_reserved(ip),
            // Whoever listens on IPv4 only may still dial an IPv6 peer of its configuration.
            IpAddr::V6(ip) => !vouched && (!reach.ipv6 || ip.is_unicast_link_local()),
        };
    if refused {
        return None;
    }
    Some(match (ip, addr) {
        // The scope of a link-local address is part of it.
        (IpAddr::V6(_), SocketAddr::V6(v6)) => {
            let mut v6 = v6;
            v6.set_flowinfo(0);
            SocketAddr::V6(v6)
        }
        _ => SocketAddr::new(ip, addr.port()),
    })
}

/// "This network" (0/8) and everything from 240/4 up to the broadcast address.
fn is_reserved(ip: Ipv4Addr) -> bool {
    let [first, ..] = ip.octets();
    first == 0 || first >= 240
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: Reach = Reach {
        ipv6: false,
        loopback: false,
    };

    #[test]
    fn what_cannot_be_a_peer_is_dropped() {
        for text in [
            "10.0.0.1:0",
            "0.0.0.0:6881",
            "0.1.2.3:6881",
            "239.192.152.143:6771",
            "255.255.255.255:6881",
            "127.0.0.1:6881",
            "[2001:db8::1]:6881",
            "[::]:6881",
        ] {
            let addr = text.parse().unwrap();
            assert_eq!(usable(addr, Source::Pex, LAN), None, "{text}");
        }
    }

    #[test]
    fn what_can_be_a_peer_is_kept_in_one_form() {
        let plain: SocketAddr = "10.0.0.1:6881".parse().unwrap();
        let mapped = "[::ffff:10.0.0.1]:6881".parse().unwrap();
        assert_eq!(usable(plain, Source::Pex, LAN), Some(plain));
        assert_eq!(usable(mapped, Source::Pex, LAN), Some(plain));
    }

    #[test]
    fn loopback_is_believed_on_loopback_and_from_the_operator() {
        let addr: SocketAddr = "127.0.0.9:6881".parse().unwrap();
        let there = Reach {
            ipv6: false,
            loopback: true,
        };
        assert_eq!(usable(addr, Source::Pex, there), Some(addr));
        assert_eq!(usable(addr, Source::Listed, LAN), Some(addr));
    }

    #[test]
    fn ipv6_is_taken_where_we_have_it_but_not_hearsay_about_link_local() {
        let six = Reach {
            ipv6: true,
            loopback: false,
        };
        let global: SocketAddr = "[2001:db8::1]:6881".parse().unwrap();
        let local: SocketAddr = "[fe80::1]:6881".parse().unwrap();
        assert_eq!(usable(global, Source::Pex, six), Some(global));
        assert_eq!(usable(local, Source::Pex, six), None);
        assert_eq!(usable(local, Source::Listed, six), Some(local));
        assert_eq!(usable(global, Source::Listed, LAN), Some(global));
        assert_eq!(usable(global, Source::Inbound, LAN), Some(global));
    }
}
