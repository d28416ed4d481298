//! What a full node does for a newcomer: it lets it in for a moment, tells it whom else to try, and
//! says goodbye.
//!
//! A fleet whose nodes all know one address would come in through that door one by one otherwise.
//! Invariant: a visitor is no link: it counts for no limit but [`MAX_VISITORS`].

use std::net::{IpAddr, SocketAddr};

use super::event::{CloseReason, Output, PEX_REACHABLE, PEX_SEED, PexPeer, Source};
use super::limits::{MAX_VISITORS, VISIT_ENTRIES};
use super::machine::Membership;
use crate::id::{LinkId, PeerId};
use crate::time::Timestamp;

impl Membership {
    /// Is there room for one more visitor, and something to tell it?
    pub(super) fn takes_visitors(&self) -> bool {
        self.visitors.len() < MAX_VISITORS && self.book.iter().any(|(_, entry)| entry.met)
    }

    /// A visitor shook hands: tells it of addresses that answered, by lot, and lets it go. False if
    /// this is no visitor.
    pub(super) fn receive_visitor(
        &mut self,
        id: LinkId,
        peer_id: PeerId,
        listen: Option<SocketAddr>,
        (fleet, pex): (bool, bool),
        now: Timestamp,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(remote) = self.visitors.remove(&id) else {
            return false;
        };
        if pex && !self.is_private() && peer_id != self.peer_id {
            let added = self.advice(remote, listen);
            if !added.is_empty() {
                let dropped = Vec::new();
                out.push(Output::Pex {
                    link: id,
                    added,
                    dropped,
                });
            }
            // The next visitors hear of this one.
            let listen = listen.and_then(|addr| self.book.learn(addr, Source::Inbound, None, now));
            if let Some(addr) = listen {
                self.known_changed |= self.book.met(addr, peer_id, (false, fleet), now);
            }
        }
        let reason = CloseReason::Full;
        out.push(Output::Close { link: id, reason });
        true
    }

    /// The host is banned.
    pub(super) fn close_visitors(&mut self, host: IpAddr, out: &mut Vec<Output>) {
        self.visitors.retain(|&link, visitor| {
            let stays = *visitor != host;
            if !stays {
                let reason = CloseReason::Banned;
                out.push(Output::Close { link, reason });
            }
            stays
        });
    }

    fn advice(&mut self, remote: IpAddr, listen: Option<SocketAddr>) -> Vec<PexPeer> {
        let reachable = |ip: IpAddr| !ip.is_loopback() || remote.is_loopback();
        let mut added: Vec<PexPeer> = self
            .book
            .iter()
            .filter(|(addr, entry)| {
                let alive = entry.met && entry.failing_since.is_none();
                alive && reachable(addr.ip()) && Some(**addr) != listen
            })
            .map(|(&addr, entry)| {
                let seed = if entry.complete == Some(true) {
                    PEX_SEED
                } else {
                    0
                };
                let flags = seed | if entry.reachable { PEX_REACHABLE } else { 0 };
                PexPeer { addr, flags }
            })
            .collect();
        self.rng.shuffle(&mut added);
        added.truncate(VISIT_ENTRIES);
        added
    }
}
