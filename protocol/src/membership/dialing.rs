//! Whom to dial, and when.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::book::Entry;
use super::event::{Output, Source};
use super::limits::KEEP_COMPLETE_MIN;
use super::machine::Membership;
use crate::id::PeerId;
use crate::time::Timestamp;

/// What kind of link the node is short of.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
enum Demand {
    /// Any peer will do.
    Any,
    /// We are complete: only peers that may need us.
    Needy,
}

impl Membership {
    /// Dials while there are fewer links than wanted.
    pub(super) fn plan_dials(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let mut half_open = self.book.half_open();
        while let Some(demand) = self.demand(half_open) {
            let due = self
                .eligible(demand, now)
                .filter(|(_, entry)| entry.next_dial <= now)
                .min_by_key(|(_, entry)| (entry.failures, !(entry.met || entry.listed), entry.rank))
                .map(|(addr, _)| addr);
            let Some(addr) = due else { return };
            if !self.dial_tokens.take(now) {
                return;
            }
            self.dial(addr, out);
            half_open += 1;
        }
    }

    /// When the next dial is due.
    pub(super) fn next_dial(&self) -> Option<Timestamp> {
        let demand = self.demand(self.book.half_open())?;
        let due = self
            .eligible(demand, Timestamp::ZERO)
            .map(|(addr, entry)| {
                let unbanned = self.bans.get(&addr.ip()).copied().unwrap_or_default();
                entry.next_dial.max(unbanned)
            })
            .min()?;
        Some(due.max(self.dial_tokens.available_at()))
    }

    /// Dials an address whatever the target says, but not against its back-off.
    pub(super) fn dial_once(&mut self, addr: SocketAddr, now: Timestamp, out: &mut Vec<Output>) {
        let Some(addr) = self.book.learn(addr, Source::Rendezvous, None, now) else {
            return;
        };
        let due = self
            .eligible(Demand::Any, now)
            .any(|(other, entry)| other == addr && entry.next_dial <= now);
        let half_open = self.book.half_open();
        if due
            && half_open < self.max_half_open
            && self.links.len() + half_open < self.max_links
            && self.dial_tokens.take(now)
        {
            self.dial(addr, out);
        }
    }

    fn dial(&mut self, addr: SocketAddr, out: &mut Vec<Output>) {
        self.book.dial_started(addr);
        out.push(Output::Dial { addr });
    }

    fn demand(&self, half_open: usize) -> Option<Demand> {
        let links = self.links.len() + half_open;
        if links >= self.target || half_open >= self.max_half_open {
            return None;
        }
        Some(if self.complete && links >= KEEP_COMPLETE_MIN {
            Demand::Needy
        } else {
            Demand::Any
        })
    }

    /// The addresses that could be dialed, due or not: nobody linked there, nobody on the way
    /// there. At time zero no ban is looked at.
    fn eligible(
        &self,
        demand: Demand,
        now: Timestamp,
    ) -> impl Iterator<Item = (SocketAddr, &Entry)> {
        let ready = || self.links.values().filter_map(|link| link.ready.as_ref());
        let peers: BTreeSet<PeerId> = ready().map(|ready| ready.peer_id).collect();
        let addresses: BTreeSet<SocketAddr> = ready()
            .filter_map(|ready| ready.address)
            .chain(self.links.values().filter_map(|link| link.dialed))
            .collect();
        self.book
            .iter()
            .filter(move |(addr, entry)| {
                !self.book.is_dialing(addr)
                    && (demand == Demand::Any || is_needy(entry))
                    && !addresses.contains(addr)
                    && entry.peer_id.is_none_or(|peer| !peers.contains(&peer))
                    && (now == Timestamp::ZERO || !self.is_banned(addr.ip(), now))
            })
            .map(|(addr, entry)| (*addr, entry))
    }
}

/// May that peer need a complete node to come to it? Either it was incomplete when we last saw it,
/// or we never saw it and nobody said that it has links: perhaps it knows no one.
fn is_needy(entry: &Entry) -> bool {
    match entry.complete {
        Some(complete) => !complete,
        None => !entry.met && entry.unlinked_source,
    }
}
