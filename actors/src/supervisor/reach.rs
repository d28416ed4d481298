//! Starting the actors by which strangers are found and find us: the distributed hash table and the
//! port at the router. Both are off unless asked for, and may not be built in.

use std::net::SocketAddr;

use actix::{Context, Recipient};

use super::Supervisor;
use crate::messages::Harm;
use crate::messages::dht::{FindInTable, NodeHeard, StopTable};
use crate::messages::discovery::AddressesFound;
use crate::messages::operator::SwarmRemoved;
use crate::messages::own_addresses::AddressesChanged;
use crate::messages::port_map::{PortMapped, StopPortMap};
use crate::messages::watchdog::Watched;

/// What the supervisor knows of the actor of the table.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "dht"),
    allow(dead_code, reason = "nobody makes one without the feature")
)]
pub(super) struct DhtActor {
    /// The port of its socket (UDP).
    pub(super) port: u16,
    pub(super) find: Recipient<FindInTable>,
    pub(super) removed: Recipient<SwarmRemoved>,
    pub(super) heard: Recipient<NodeHeard>,
    pub(super) port_mapped: Recipient<PortMapped>,
    pub(super) moved: Recipient<AddressesChanged>,
    pub(super) stop: Recipient<StopTable>,
    pub(super) watched: Watched,
    pub(super) harm: Recipient<Harm>,
}

/// What the supervisor knows of the actor that opens a port.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "port-map"),
    allow(dead_code, reason = "nobody makes one without the feature")
)]
pub(super) struct PortMapActor {
    pub(super) moved: Recipient<AddressesChanged>,
    pub(super) stop: Recipient<StopPortMap>,
    pub(super) watched: Watched,
    pub(super) harm: Recipient<Harm>,
}

impl Supervisor {
    /// The table, if it is wanted and can be had.
    #[cfg(feature = "dht")]
    pub(super) fn start_dht(
        &mut self,
        own: Vec<SocketAddr>,
        discovery: Recipient<AddressesFound>,
        context: &Context<Self>,
    ) -> Option<DhtActor> {
        use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

        use crate::dht::{Dht, Setup};

        if !self.settings.reach.dht {
            return None;
        }
        let listen = self.settings.listen;
        let ip = match listen.ip().to_canonical() {
            IpAddr::V4(ip) => ip,
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv4Addr::UNSPECIFIED,
            IpAddr::V6(ip) => {
                log::warn!("no DHT: it speaks IPv4 only, and this node listens on {ip}");
                return None;
            }
        };
        // With uTP the UDP port of that number is taken.
        let port = match self.settings.manners.utp {
            true => listen.port().checked_add(1).unwrap_or(1_024),
            false => listen.port(),
        };
        let dht = Dht::new(Setup {
            at: SocketAddrV4::new(ip, port),
            port: listen.port(),
            nodes: self.settings.reach.dht_bootstrap.clone(),
            own,
            discovery,
            state: self.state.clone(),
            clock: self.clock,
            seed: self.seed,
        });
        let (dht, lever) = self.start_guarded("dht", dht, context);
        Some(DhtActor {
            port,
            find: dht.clone().recipient(),
            removed: dht.clone().recipient(),
            heard: dht.clone().recipient(),
            port_mapped: dht.clone().recipient(),
            moved: dht.clone().recipient(),
            stop: dht.clone().recipient(),
            watched: Watched::new("dht", &dht, lever),
            harm: dht.recipient(),
        })
    }

    /// Says that it was not built in.
    #[cfg(not(feature = "dht"))]
    pub(super) fn start_dht(
        &mut self,
        _: Vec<SocketAddr>,
        _: Recipient<AddressesFound>,
        _: &Context<Self>,
    ) -> Option<DhtActor> {
        if self.settings.reach.dht {
            log::warn!("no DHT: this program was built without the feature 'dht'");
        }
        None
    }

    /// The port at the router, if one is wanted.
    #[cfg(feature = "port-map")]
    pub(super) fn start_port_map(
        &mut self,
        told: Vec<Recipient<PortMapped>>,
        context: &Context<Self>,
    ) -> Option<PortMapActor> {
        use crate::port_map::{PortMap, Setup};

        if !self.settings.reach.port_map {
            return None;
        }
        let port_map = PortMap::new(Setup {
            listen: self.settings.listen,
            told,
            clock: self.clock,
            seed: self.seed,
        });
        let (port_map, lever) = self.start_guarded("port map", port_map, context);
        Some(PortMapActor {
            moved: port_map.clone().recipient(),
            stop: port_map.clone().recipient(),
            watched: Watched::new("port map", &port_map, lever),
            harm: port_map.recipient(),
        })
    }

    /// Says that it was not built in.
    #[cfg(not(feature = "port-map"))]
    pub(super) fn start_port_map(
        &mut self,
        _: Vec<Recipient<PortMapped>>,
        _: &Context<Self>,
    ) -> Option<PortMapActor> {
        if self.settings.reach.port_map {
            log::warn!(
                "no port at the router: this program was built without the feature 'port-map'"
            );
        }
        None
    }

    /// Has the rendezvous of a fleet with a name found by the table, as by trackers.
    pub(super) fn find_rendezvous(&self) {
        let dht = self
            .children
            .as_ref()
            .and_then(|children| children.dht.as_ref());
        if let Some(dht) = dht.filter(|_| !self.settings.fleet.is_empty()) {
            dht.find.do_send(FindInTable {
                info_hash: self.rendezvous,
                progress: None,
                private: false,
                nodes: Vec::new(),
            });
        }
    }
}
