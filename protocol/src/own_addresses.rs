//! Which addresses are this node's own, while they come and go: a lease that ends, a cable that is
//! plugged in, a container that is joined to a network after its start.
//!
//! Reads no interface: the host says what the machine has, again and again, and is told what is
//! different since. Invariant: what has come and not gone is what is here, whatever was seen between.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::address::Cidr;

/// Which networks a node searches for peers.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Searched {
    /// None.
    #[default]
    Off,
    /// The /24 around the listening address, or around each IPv4 address that is not a loopback
    /// one when the node listens on all.
    Auto,
    /// This one.
    Network(Cidr),
}

/// An address of the machine.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Interface {
    /// The address.
    pub ip: IpAddr,
    /// The system's number of the interface that has it, zero where that is not known. An interface
    /// that is removed and made anew has another, though it has the same name and address.
    pub number: u32,
}

/// What is different now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Change {
    /// All addresses under which we can be reached now.
    pub own: Vec<SocketAddr>,
    /// The networks to search now, each with the address that the search starts from.
    pub sweeps: Vec<(Cidr, Ipv4Addr)>,
    /// The IP addresses that were not ours before, or on another interface: what was opened on that
    /// is dead.
    pub came: Vec<IpAddr>,
    /// The IP addresses that are no longer ours: nothing sent from them arrives.
    pub gone: Vec<IpAddr>,
}

impl Change {
    /// Has an address come or gone by which a router, or somebody beyond it, knows us?
    #[must_use]
    pub fn is_outward(&self) -> bool {
        let mut all = self.came.iter().chain(&self.gone);
        all.any(|ip| !ip.to_canonical().is_loopback())
    }
}

/// The addresses of a node.
#[derive(Clone, Debug)]
pub struct OwnAddresses {
    listen: SocketAddr,
    searched: Searched,
    /// Those of the machine that are of use to us, each once, in the order of the machine.
    here: Vec<Interface>,
}

impl OwnAddresses {
    /// A node that listens there, on a machine that has these addresses.
    #[must_use]
    pub fn new(listen: SocketAddr, searched: Searched, interfaces: &[Interface]) -> Self {
        Self {
            listen,
            searched,
            here: of_use(listen, interfaces),
        }
    }

    /// Looks at what the machine has now; nothing if that makes no difference to us.
    pub fn look(&mut self, interfaces: &[Interface]) -> Option<Change> {
        let here = of_use(self.listen, interfaces);
        if here == self.here {
            return None;
        }
        let by_ip = |all: &[Interface]| -> BTreeMap<_, _> {
            all.iter().map(|one| (one.ip, one.number)).collect()
        };
        let (before, now) = (by_ip(&self.here), by_ip(&here));
        self.here = here;
        let came = now
            .iter()
            .filter(|(ip, number)| before.get(ip) != Some(*number));
        let gone = before.keys().filter(|ip| !now.contains_key(ip));
        let change = Change {
            own: self.own(),
            sweeps: self.sweeps(),
            came: came.map(|(&ip, _)| ip).collect(),
            gone: gone.copied().collect(),
        };
        let is_same = change.came.is_empty() && change.gone.is_empty();
        (!is_same).then_some(change)
    }

    /// Is it of no use to look? Nobody takes a loopback address away.
    #[must_use]
    pub const fn is_fixed(&self) -> bool {
        match self.listen.ip().to_canonical() {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        }
    }

    /// The addresses under which the node can be reached.
    #[must_use]
    pub fn own(&self) -> Vec<SocketAddr> {
        if !self.listen.ip().is_unspecified() {
            return vec![self.listen];
        }
        let port = self.listen.port();
        let here = self.here.iter();
        here.map(|one| SocketAddr::new(one.ip, port)).collect()
    }

    /// The networks to search, each with the address that the search starts from and does not dial:
    /// our own, or one that is no host of a network that we are not in.
    #[must_use]
    pub fn sweeps(&self) -> Vec<(Cidr, Ipv4Addr)> {
        let own = self.own();
        let mut ours = own.iter().filter_map(|own| match own.ip() {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        });
        match self.searched {
            Searched::Off => Vec::new(),
            Searched::Auto => {
                let everywhere = self.listen.ip().is_unspecified();
                let mut found: Vec<(Cidr, Ipv4Addr)> = Vec::new();
                for ip in ours.filter(|ip| !(everywhere && ip.is_loopback())) {
                    let network = Cidr::around(ip);
                    if found.iter().all(|(known, _)| *known != network) {
                        found.push((network, ip));
                    }
                }
                found
            }
            Searched::Network(network) => {
                // A network that we are not in is searched from its first host on. That host is
                // not us: the search begins just before it.
                let before = |first: Ipv4Addr| Ipv4Addr::from(u32::from(first).saturating_sub(1));
                let own = ours.find(|&ip| network.contains(ip));
                let own = own.or_else(|| network.hosts().next().map(before));
                own.map(|own| (network, own)).into_iter().collect()
            }
        }
    }
}

/// The addresses of the machine at which a node that listens there is reached, each once.
fn of_use(listen: SocketAddr, interfaces: &[Interface]) -> Vec<Interface> {
    let everywhere = listen.ip().is_unspecified();
    let is_of_use = |ip: IpAddr| match everywhere {
        true => listen.is_ipv6() || ip.is_ipv4(),
        false => ip == listen.ip().to_canonical(),
    };
    let mut here: Vec<Interface> = Vec::new();
    let mut places = BTreeMap::new();
    for one in interfaces.iter().filter(|one| is_of_use(one.ip)) {
        let place = *places.entry(one.ip).or_insert(here.len());
        match here.get_mut(place) {
            // Of two interfaces with one address always the same counts, whatever their order.
            Some(known) => known.number = known.number.min(one.number),
            None => here.push(*one),
        }
    }
    here
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn interfaces(texts: &[&str]) -> Vec<Interface> {
        let one = |(number, text): (usize, &&str)| Interface {
            ip: text.parse().unwrap(),
            number: number as u32 + 1,
        };
        texts.iter().enumerate().map(one).collect()
    }

    fn node(listen: &str, searched: Searched, texts: &[&str]) -> OwnAddresses {
        OwnAddresses::new(listen.parse().unwrap(), searched, &interfaces(texts))
    }

    fn shown(sweeps: &[(Cidr, Ipv4Addr)]) -> Vec<String> {
        let one = |(network, own): &(Cidr, Ipv4Addr)| format!("{network} {own}");
        sweeps.iter().map(one).collect()
    }

    #[test]
    fn auto_is_the_network_around_the_listening_address() {
        let machine = ["127.0.0.1", "172.17.0.5", "172.17.0.6", "10.1.2.3", "::1"];
        let auto = |listen: &str| shown(&node(listen, Searched::Auto, &machine).sweeps());
        assert_eq!(auto("127.3.2.1:6881"), ["127.3.2.0/24 127.3.2.1"]);
        let all = ["172.17.0.0/24 172.17.0.5", "10.1.2.0/24 10.1.2.3"];
        assert_eq!(auto("0.0.0.0:6881"), all);
        assert_eq!(auto("[::]:6881"), all);
        assert!(auto("[fe80::1]:6881").is_empty());
    }

    #[test]
    fn a_named_network_is_searched_from_our_address_in_it_and_stays_when_that_goes() {
        let named = Searched::Network("172.17.0.0/28".parse().unwrap());
        let mut node = node("0.0.0.0:6881", named, &["127.0.0.1", "172.17.0.5"]);
        assert_eq!(shown(&node.sweeps()), ["172.17.0.0/28 172.17.0.5"]);
        let change = node.look(&interfaces(&["127.0.0.1", "10.9.9.9"])).unwrap();
        assert_eq!(shown(&change.sweeps), ["172.17.0.0/28 172.17.0.0"]);
    }

    #[test]
    fn a_node_that_listens_everywhere_is_reached_at_every_address() {
        let machine = ["127.0.0.1", "::1"];
        let own = |listen: &str| node(listen, Searched::Off, &machine).own();
        assert_eq!(own("0.0.0.0:7"), ["127.0.0.1:7".parse().unwrap()]);
        assert_eq!(own("[::]:7").len(), 2);
        assert_eq!(own("127.0.0.9:7"), ["127.0.0.9:7".parse().unwrap()]);
    }

    #[test]
    fn a_new_address_brings_its_network_and_the_old_one_takes_its_own_along() {
        let mut node = node("0.0.0.0:7", Searched::Auto, &["127.0.0.1", "10.0.0.2"]);
        let moved = interfaces(&["127.0.0.1", "10.0.1.5"]);
        let change = node.look(&moved).unwrap();
        assert_eq!(change.came, ["10.0.1.5".parse::<IpAddr>().unwrap()]);
        assert_eq!(change.gone, ["10.0.0.2".parse::<IpAddr>().unwrap()]);
        assert_eq!(shown(&change.sweeps), ["10.0.1.0/24 10.0.1.5"]);
        assert!(change.own.contains(&"10.0.1.5:7".parse().unwrap()));
        assert_eq!(node.look(&moved), None, "told once");
    }

    #[test]
    fn an_interface_that_was_made_anew_with_the_same_address_is_another_one() {
        let mut node = node("10.0.0.2:7", Searched::Off, &["10.0.0.2"]);
        let anew = Interface {
            ip: "10.0.0.2".parse().unwrap(),
            number: 9,
        };
        let change = node.look(&[anew]).unwrap();
        assert_eq!((change.came, change.gone), (vec![anew.ip], Vec::new()));
    }

    #[test]
    fn a_node_that_listens_on_one_address_does_not_care_for_others() {
        let mut node = node("10.0.0.2:7", Searched::Auto, &["10.0.0.2", "10.5.5.5"]);
        assert_eq!(node.look(&interfaces(&["10.0.0.2", "10.6.6.6"])), None);
        let change = node.look(&[]).unwrap();
        assert_eq!(change.gone, ["10.0.0.2".parse::<IpAddr>().unwrap()]);
        assert_eq!(change.own, ["10.0.0.2:7".parse().unwrap()]);
        assert!(!node.is_fixed());
    }

    proptest! {
        #[test]
        fn what_came_and_did_not_go_is_what_is_here(
            v6: bool,
            looks in prop::collection::vec(
                prop::collection::vec((0_u8..12, 1_u32..4), 0..8),
                1..12,
            ),
        ) {
            let listen = if v6 { "[::]:7" } else { "0.0.0.0:7" }.parse().unwrap();
            let mut node = OwnAddresses::new(listen, Searched::Auto, &[]);
            let mut here = std::collections::BTreeSet::new();
            for look in looks {
                let seen: Vec<_> = look.into_iter().map(|(host, number)| {
                    let ip = match host {
                        0..9 => IpAddr::from([10, 0, host, 1]),
                        _ => IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, u16::from(host)]),
                    };
                    Interface { ip, number }
                }).collect();
                if let Some(change) = node.look(&seen) {
                    prop_assert!(change.came.iter().all(|ip| !change.gone.contains(ip)));
                    prop_assert!(change.gone.iter().all(|ip| here.remove(ip)));
                    here.extend(change.came);
                    prop_assert_eq!(&change.own, &node.own());
                    let in_ours = |(network, own): &(Cidr, Ipv4Addr)| {
                        network.contains(*own) && here.contains(&IpAddr::V4(*own))
                    };
                    prop_assert!(change.sweeps.iter().all(in_ours));
                }
                let own: std::collections::BTreeSet<_> =
                    node.own().iter().map(SocketAddr::ip).collect();
                prop_assert_eq!(&own, &here);
                prop_assert_eq!(node.look(&seen), None);
            }
        }
    }
}
