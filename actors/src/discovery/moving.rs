//! Our own addresses change while the node runs.

use std::net::IpAddr;

use actix::{Context, Handler};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::membership::{Input, Source};
use swarmlet_protocol::own_addresses::Change;

use super::Discovery;
use crate::messages::own_addresses::AddressesChanged;

impl Discovery {
    fn moved(&mut self, change: &Change, context: &mut Context<Self>) {
        if self.state.stopping.is_some() {
            return;
        }
        self.setup.own.clone_from(&change.own);
        self.setup.sweeps.clone_from(&change.sweeps);
        for info_hash in self.all_swarms() {
            let own = change.own.clone();
            let moved = !change.came.is_empty();
            self.member(info_hash, Input::OwnAddresses { own, moved }, context);
            self.feed_others(info_hash, &change.gone, context);
        }
        self.close_stranded(&change.gone, context);
        self.linked(context);
        let now = self.now();
        self.state.search.sweeps.replace(&change.sweeps, now);
        self.move_beacons(&change.came, context);
        self.wake_rosters();
    }

    /// An address that was ours may be another node's now, and stand in a list of peers that names
    /// all nodes: while it was ours it was passed over.
    fn feed_others(&mut self, info_hash: InfoHash, gone: &[IpAddr], context: &mut Context<Self>) {
        let of_swarm = self.started.get(&info_hash).into_iter();
        let of_swarm = of_swarm.flat_map(|started| &started.peers);
        let listed = self.setup.listed.iter().chain(of_swarm);
        let was_ours = listed.filter_map(|peer| match peer {
            PeerAddress::Socket(addr) if gone.contains(&addr.ip()) => Some(*addr),
            _ => None,
        });
        for addr in was_ours.collect::<Vec<_>>() {
            let source = Source::Listed;
            self.member(info_hash, Input::AddressLearned { addr, source }, context);
        }
    }

    /// Nothing that is sent from an address which is no longer ours arrives, and no system says so
    /// before minutes have passed: the links end here, and are dialed anew from where we are.
    fn close_stranded(&mut self, gone: &[IpAddr], context: &mut Context<Self>) {
        let links = self.state.links.iter();
        let stranded = links.filter(|(_, link)| link.local.is_some_and(|ip| gone.contains(&ip)));
        for id in stranded.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.strand(id, context);
        }
    }
}

impl Handler<AddressesChanged> for Discovery {
    type Result = ();

    fn handle(&mut self, changed: AddressesChanged, context: &mut Self::Context) {
        self.moved(&changed.0, context);
        self.bell.rouse();
    }
}
