//! Lists of peers that are longer than a machine's book may be filled with.

use std::net::SocketAddr;

use actix::Context;
use log::info;
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::membership::{Input, LISTED_LIMIT, Roster, Source};
use swarmlet_protocol::time::Timestamp;

use super::Discovery;
use crate::chance;

impl Discovery {
    /// Tells a machine those of the configured peers whose address is known; names are resolved. What
    /// is beyond the first is told in turns.
    pub(super) fn feed_listed(
        &mut self,
        info_hash: InfoHash,
        peers: &[PeerAddress],
        context: &mut Context<Self>,
    ) {
        let address = |peer: &PeerAddress| match peer {
            PeerAddress::Socket(addr) => Some(*addr),
            PeerAddress::Name { .. } => None,
        };
        let mut addresses: Vec<SocketAddr> = peers.iter().filter_map(address).collect();
        let rest = addresses.split_off(addresses.len().min(LISTED_LIMIT));
        for addr in addresses {
            let source = Source::Listed;
            self.member(info_hash, Input::AddressLearned { addr, source }, context);
        }
        if !rest.is_empty() {
            info!(
                "{} of the peers that are listed are tried in turns",
                rest.len()
            );
            let roster = Roster::new(rest, &mut chance::generator(), self.now());
            self.state.rosters.insert(info_hash, roster);
        }
    }

    /// Offers what is due to the machines.
    pub(super) fn call_rosters(&mut self, context: &mut Context<Self>) {
        let now = self.now();
        let mut rosters = std::mem::take(&mut self.state.rosters);
        for (&info_hash, roster) in &mut rosters {
            roster.round(now, |addr| {
                let source = Source::Roster;
                self.member(info_hash, Input::AddressLearned { addr, source }, context);
                self.membership(info_hash)
                    .is_some_and(|machine| machine.has_heard_of(addr))
            });
        }
        self.state.rosters = rosters;
    }

    /// Somebody is gone, or something is missing: no long pause is waited out.
    pub(super) fn wake_rosters(&mut self) {
        let now = self.now();
        let rosters = self.state.rosters.values_mut();
        rosters.for_each(|roster| roster.wake(now));
    }

    pub(super) fn next_roster(&self) -> Option<Timestamp> {
        let rosters = self.state.rosters.values();
        rosters.filter_map(Roster::next_timeout).min()
    }
}
