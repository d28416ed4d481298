//! A node that has all its links trades some for strangers, in its first seconds.
//!
//! Who fills its places with the first addresses it hears of is linked with its neighbours'
//! neighbours, and a fleet of such nodes is a long string of knots: pieces queue at the few links
//! between them. A stranger from the book is likely to be far away, and tells of others who are
//! further: each trade about doubles how far a node sees. A complete node makes none.

use std::net::SocketAddr;

use super::event::{CloseReason, Output};
use super::limits::{MIN_LINK_AGE, TRADE_FIRST, TRADE_LAST};
use super::machine::Membership;
use crate::id::LinkId;
use crate::time::Timestamp;

/// When the next trade is due, and with whom one is under way.
#[derive(Debug, Default)]
pub(super) struct Trade {
    began: Option<Timestamp>,
    due: Option<Timestamp>,
    dialed: Option<SocketAddr>,
}

impl Trade {
    /// A link is there: the first one starts the clock.
    pub(super) fn linked(&mut self, now: Timestamp) {
        if self.began.is_none() {
            self.began = Some(now);
            self.due = Some(now + TRADE_FIRST);
        }
    }

    /// When the next trade is due.
    pub(super) const fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// A stranger is dialled; the next one when the node is twice as old.
    pub(super) fn dialed(&mut self, addr: SocketAddr, now: Timestamp) {
        let age = self.began.map_or(TRADE_LAST, |began| now.since(began));
        self.due = (age < TRADE_LAST).then(|| now + age.max(TRADE_FIRST));
        self.dialed = Some(addr);
    }
}

impl Membership {
    /// A link that we dialled has its handshake: if it was for a trade, another one goes.
    pub(super) fn conclude_trade(
        &mut self,
        id: LinkId,
        dialed: Option<SocketAddr>,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if dialed.is_none() || self.trade.dialed != dialed {
            return;
        }
        self.trade.dialed = None;
        if self.links.len() <= self.target {
            return;
        }
        // Ours alone: each node answers for the links that it asked for.
        let links = self.links.iter().filter_map(|(&other, link)| {
            let ready = link.ready.as_ref()?;
            let old = now.since(ready.since) >= MIN_LINK_AGE;
            let goes = other != id && link.dialed.is_some() && old && !ready.complete;
            goes.then_some(other)
        });
        let links: Vec<_> = links.collect();
        if links.is_empty() {
            return;
        }
        let goes = links[self.rng.usize(..links.len())];
        self.close(goes, CloseReason::MakeRoom, now, out);
    }
}
