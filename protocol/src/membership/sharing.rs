//! Peer exchange (BEP 11): what to tell each peer, and what to believe of what it tells us.

use std::net::{IpAddr, SocketAddr};

use super::book::Origin;
use super::event::{Output, PEX_REACHABLE, PEX_SEED, Source};
use super::exchange::Wanted;
use super::limits::{PEX_DROP_AFTER, PEX_ENTRIES_READ};
use super::link::Ready;
use super::machine::Membership;
use crate::id::LinkId;
use crate::time::Timestamp;

impl Membership {
    /// Takes in what a peer says of others: candidates to dial, nothing more.
    pub(super) fn pex_received(
        &mut self,
        id: LinkId,
        added: &[(SocketAddr, bool)],
        dropped: &[SocketAddr],
        now: Timestamp,
    ) {
        let Some(link) = self.links.get(&id).filter(|link| link.ready.is_some()) else {
            return;
        };
        let from = link.remote;
        let has_quota = self.book.has_quota(Origin::Peer(from));
        for &(addr, seed) in added.iter().take(PEX_ENTRIES_READ) {
            if !has_quota && self.book.get(&addr).is_none() {
                continue;
            }
            let Some(addr) = self.book.learn(addr, Source::Pex, Some(from), now) else {
                continue;
            };
            self.book.hint(addr, now);
            if let Some(entry) = self.book.get_mut(&addr) {
                entry.spoken_of = true;
                // Nobody's word keeps us from an address that we were told to visit.
                if !entry.met && !entry.unlinked_source {
                    entry.complete = Some(seed);
                }
            }
        }
        for &addr in dropped.iter().take(PEX_ENTRIES_READ) {
            self.book.retract(addr, from);
        }
    }

    /// Sends what is due.
    pub(super) fn send_exchanges(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let is_due = |ready: &Ready| {
            let due = ready.exchange.as_ref().and_then(|exchange| exchange.due());
            due.is_some_and(|due| due <= now)
        };
        let due = self
            .links
            .iter()
            .filter(|(_, link)| link.ready.as_ref().is_some_and(is_due));
        let due: Vec<_> = due.map(|(id, _)| *id).collect();
        for id in due {
            self.send_exchange(id, now, out);
        }
    }

    /// Sends one peer what it lacks, if the rate allows.
    pub(super) fn send_exchange(&mut self, id: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        let wanted = self.wanted(id, now);
        let ready = self.links.get_mut(&id).and_then(|link| link.ready.as_mut());
        let message = ready
            .and_then(|ready| ready.exchange.as_mut())
            .and_then(|exchange| exchange.take(&wanted, now));
        if let Some((added, dropped)) = message {
            out.push(Output::Pex {
                link: id,
                added,
                dropped,
            });
        }
    }

    /// When the next message is due.
    pub(super) fn next_exchange(&self) -> Option<Timestamp> {
        let ready = self.links.values().filter_map(|link| link.ready.as_ref());
        ready
            .filter_map(|ready| ready.exchange.as_ref()?.due())
            .min()
    }

    /// Something that peers are told of has changed.
    pub(super) fn touch_exchanges(&mut self, now: Timestamp) {
        let ready = self
            .links
            .values_mut()
            .filter_map(|link| link.ready.as_mut());
        for exchange in ready.filter_map(|ready| ready.exchange.as_mut()) {
            exchange.touch(now);
        }
    }

    /// Tells the peers if an address has been dead for long enough to be taken back.
    pub(super) fn touch_if_dead(&mut self, addr: SocketAddr, now: Timestamp) {
        let dead = |since: Timestamp| now.since(since) >= PEX_DROP_AFTER;
        let entry = self.book.get(&addr);
        if entry.is_none_or(|entry| entry.met && entry.failing_since.is_some_and(dead)) {
            self.touch_exchanges(now);
        }
    }

    /// What a peer should know of. A fleet member: every address that answered and has not been
    /// dead for long. A foreign client, by the letter of BEP 11: those we are linked with.
    fn wanted(&self, id: LinkId, now: Timestamp) -> Wanted {
        let Some((link, receiver)) = self
            .links
            .get(&id)
            .and_then(|link| Some((link, link.ready.as_ref()?)))
        else {
            return Wanted::new();
        };
        let is_linked = |addr: &SocketAddr| {
            self.links
                .values()
                .any(|other| matches!(&other.ready, Some(ready) if ready.address == Some(*addr)))
        };
        let dead = |since: Timestamp| now.since(since) >= PEX_DROP_AFTER;
        self.book
            .iter()
            .filter(|(addr, entry)| {
                entry.met
                    && entry.peer_id != Some(receiver.peer_id)
                    && !link.leads_to(addr)
                    && can_reach(link.remote, addr.ip())
                    && !entry.failing_since.is_some_and(dead)
                    && (receiver.fleet || is_linked(addr))
            })
            .map(|(addr, entry)| {
                let seed = if entry.complete == Some(true) {
                    PEX_SEED
                } else {
                    0
                };
                let reachable = if entry.reachable { PEX_REACHABLE } else { 0 };
                (*addr, seed | reachable)
            })
            .collect()
    }
}

/// Our loopback is not the peer's, unless the peer is on it too.
fn can_reach(receiver: IpAddr, ip: IpAddr) -> bool {
    !ip.is_loopback() || receiver.is_loopback()
}
