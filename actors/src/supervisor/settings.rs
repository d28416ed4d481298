//! What a node is told at its start, and what follows from it and from the machine's networks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use swarmlet_protocol::address::{Cidr, PeerAddress};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::tracker::TrackerUrl;
use swarmlet_protocol::vigil::STUCK;
use swarmlet_protocol::web_seed::SourceUrl;

use super::admission::Admission;
use super::manners::Manners;
use crate::listeners::Listeners;
use crate::sentinel::Remedy;
use crate::share::Share;

/// Everything that a node needs to know.
#[derive(Debug)]
pub struct Settings {
    /// The address it listens on.
    pub listen: SocketAddr,
    /// The contents to keep in sync, no two with the same infohash or place.
    pub shares: Vec<Share>,
    /// Where a content is kept that is learned from peers, while there are no shares. Nothing is
    /// learned without.
    pub place: Option<PathBuf>,
    /// Peers that may have any of the contents.
    pub peers: Vec<PeerAddress>,
    /// The swarm to join from the start, if only its name is known (a magnet link).
    pub join: Option<InfoHash>,
    /// Trackers that the operator named, for every swarm of this node.
    pub trackers: Vec<TrackerUrl>,
    /// Trackers of the swarm to join, in tiers (BEP 12).
    pub content_trackers: Vec<Vec<TrackerUrl>>,
    /// Sources that the operator named, for every content of this node.
    pub sources: Vec<SourceUrl>,
    /// Web seeds of the swarm to join, as a stranger named them.
    pub web_seeds: Vec<SourceUrl>,
    /// Where to remember what was learned.
    pub state: Option<PathBuf>,
    /// The fleet's name.
    pub fleet: String,
    /// The name of the swarm to join, if peers offer several.
    pub wanted: Option<String>,
    /// Which networks to search for peers.
    pub sweep: Sweep,
    /// Speak and hear local beacons.
    pub lan: bool,
    /// The distributed hash table (BEP 5) and the port at the router.
    pub reach: Reach,
    /// Who hears of events.
    pub listeners: Listeners,
    /// How often progress is told.
    pub progress_period: Duration,
    /// How long a scrub of all that is here takes; none: nothing is scrubbed.
    pub scrub: Option<Duration>,
    /// How it treats its peers.
    pub manners: Manners,
    /// Who gets in.
    pub admission: Admission,
    /// What is done about actors and threads that do not answer.
    pub vigilance: Vigilance,
}

/// What is done about actors and threads that do not answer.
#[derive(Clone, Debug)]
pub struct Vigilance {
    /// An actor that takes longer to answer starts anew.
    pub patience: Duration,
    /// A thread that stands still for longer is told; none: nobody looks.
    pub standstill: Option<Duration>,
    /// What else is done about such a thread.
    pub remedy: Option<Remedy>,
}

impl Default for Vigilance {
    /// Actors are watched, and threads are not.
    fn default() -> Self {
        Self {
            patience: STUCK,
            standstill: None,
            remedy: None,
        }
    }
}

/// How a node finds strangers and is found by them, beside trackers. All of it is off unless said,
/// and has no effect where the feature was not built in (`dht`, `port-map`).
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Use the distributed hash table.
    pub dht: bool,
    /// Its nodes to begin with, in place of the public ones.
    pub dht_bootstrap: Vec<PeerAddress>,
    /// Have the router send our port to us.
    pub port_map: bool,
}

/// Which networks a node searches for peers.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub enum Sweep {
    /// None.
    #[default]
    Off,
    /// The /24 around the listening address, or around each IPv4 address that is not a loopback
    /// one when the node listens on all.
    Auto,
    /// This one.
    Network(Cidr),
}

/// The IP addresses of this machine.
#[must_use]
pub fn interfaces() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces
        .into_iter()
        .map(|interface| interface.ip())
        .collect()
}

/// The addresses under which a node that listens there can be reached.
#[must_use]
pub fn own_addresses(listen: SocketAddr, interfaces: &[IpAddr]) -> Vec<SocketAddr> {
    if !listen.ip().is_unspecified() {
        return vec![listen];
    }
    let of_family = |ip: &&IpAddr| listen.is_ipv6() || ip.is_ipv4();
    let own = interfaces.iter().filter(of_family);
    own.map(|&ip| SocketAddr::new(ip, listen.port())).collect()
}

/// The networks to search, each with the address that the search starts from and does not dial:
/// our own, or one that is no host of a network that we are not in.
#[must_use]
pub fn sweeps(sweep: Sweep, listen: SocketAddr, interfaces: &[IpAddr]) -> Vec<(Cidr, Ipv4Addr)> {
    let ours: Vec<Ipv4Addr> = own_addresses(listen, interfaces)
        .iter()
        .filter_map(|own| match own.ip() {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        })
        .collect();
    match sweep {
        Sweep::Off => Vec::new(),
        Sweep::Auto => {
            let everywhere = listen.ip().is_unspecified();
            let usable = ours.iter().filter(|ip| !(everywhere && ip.is_loopback()));
            let mut found: Vec<(Cidr, Ipv4Addr)> = Vec::new();
            for &ip in usable {
                let network = Cidr::around(ip);
                if found.iter().all(|(known, _)| *known != network) {
                    found.push((network, ip));
                }
            }
            found
        }
        Sweep::Network(network) => {
            let own = ours.iter().copied().find(|&ip| network.contains(ip));
            // A network that we are not in is searched from its first host on. That host is not
            // us: the search begins just before it.
            let before = |first: Ipv4Addr| Ipv4Addr::from(u32::from(first).saturating_sub(1));
            let own = own.or_else(|| network.hosts().next().map(before));
            own.map(|own| (network, own)).into_iter().collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn auto_is_the_network_around_the_listening_address() {
        let machine = ips(&["127.0.0.1", "172.17.0.5", "172.17.0.6", "10.1.2.3", "::1"]);
        let auto = |listen: &str| {
            sweeps(Sweep::Auto, listen.parse().unwrap(), &machine)
                .iter()
                .map(|(network, own)| format!("{network} {own}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(auto("127.3.2.1:6881"), ["127.3.2.0/24 127.3.2.1"]);
        assert_eq!(
            auto("0.0.0.0:6881"),
            ["172.17.0.0/24 172.17.0.5", "10.1.2.0/24 10.1.2.3"]
        );
        assert_eq!(
            auto("[::]:6881"),
            ["172.17.0.0/24 172.17.0.5", "10.1.2.0/24 10.1.2.3"]
        );
        assert!(auto("[fe80::1]:6881").is_empty());
    }

    #[test]
    fn a_named_network_is_searched_from_our_address_in_it() {
        let machine = ips(&["127.0.0.1", "172.17.0.5"]);
        let network = Sweep::Network("172.17.0.0/28".parse().unwrap());
        let found = sweeps(network, "0.0.0.0:6881".parse().unwrap(), &machine);
        assert_eq!(
            found,
            [(
                "172.17.0.0/28".parse().unwrap(),
                "172.17.0.5".parse().unwrap()
            )]
        );
        let elsewhere = Sweep::Network("10.9.9.0/24".parse().unwrap());
        let found = sweeps(elsewhere, "0.0.0.0:6881".parse().unwrap(), &machine);
        assert_eq!(
            found,
            [("10.9.9.0/24".parse().unwrap(), "10.9.9.0".parse().unwrap())]
        );
    }

    #[test]
    fn a_node_that_listens_everywhere_is_reached_at_every_address() {
        let machine = ips(&["127.0.0.1", "::1"]);
        let own = own_addresses("0.0.0.0:7".parse().unwrap(), &machine);
        assert_eq!(own, ["127.0.0.1:7".parse().unwrap()]);
        assert_eq!(own_addresses("[::]:7".parse().unwrap(), &machine).len(), 2);
        let one = "127.0.0.9:7".parse().unwrap();
        assert_eq!(own_addresses(one, &machine), [one]);
    }
}
