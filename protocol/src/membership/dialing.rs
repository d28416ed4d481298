//! Whom to dial, and when.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::book::Entry;
use super::event::{Output, Source};
use super::keeping::is_vouched;
use super::limits::{KEEP_COMPLETE_MIN, LONELY_HALF_OPEN, WIDEN_LINKS, WIDEN_PERIOD};
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
    /// We have links enough: only peers that perhaps nobody is linked with. A node with an empty
    /// list waits to be visited, and every node that has it on its list may think that another
    /// will.
    Lonely,
    /// We have links enough and trade one: anybody whom we are not linked with.
    Stranger,
    /// We have links enough, and most came to us: only addresses that somebody stands for.
    Vouched,
}

impl Membership {
    /// Dials while there are fewer links than wanted.
    pub(super) fn plan_dials(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let mut half_open = self.book.half_open();
        while let Some(demand) = self.demand(half_open, now) {
            let due = self.first(demand, now, |_, entry| {
                let known = entry.met || entry.listed;
                let order = (
                    entry.failures,
                    known == (demand == Demand::Stranger),
                    entry.rank,
                );
                (entry.next_dial <= now).then_some(order)
            });
            let Some((addr, _)) = due else { return };
            if !self.dial_tokens.take(now) {
                return;
            }
            if demand == Demand::Stranger {
                self.trade.dialed(addr, now);
            }
            self.dial(addr, out);
            half_open += 1;
        }
    }

    /// When the next dial is due.
    pub(super) fn next_dial(&self, now: Timestamp) -> Option<Timestamp> {
        let half_open = self.book.half_open();
        let demand = self.demand(half_open, now);
        let due = demand.and_then(|demand| self.due(demand));
        let trade = self.trades_at().filter(|_| self.may_dial(half_open));
        let trade = trade.and_then(|at| Some(at.max(self.due(Demand::Stranger)?)));
        [due, trade, self.widens_at(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// When the first address is due for that demand.
    fn due(&self, demand: Demand) -> Option<Timestamp> {
        let (_, due) = self.first(demand, Timestamp::ZERO, |addr, entry| {
            let unbanned = self.bans.get(&addr.ip()).copied().unwrap_or_default();
            Some(entry.next_dial.max(unbanned))
        })?;
        Some(due.max(self.dial_tokens.available_at()))
    }

    fn is_due(&self, demand: Demand, now: Timestamp) -> bool {
        let due = self.first(demand, now, |_, entry| {
            (entry.next_dial <= now).then_some(())
        });
        due.is_some()
    }

    fn may_dial(&self, half_open: usize) -> bool {
        half_open < self.max_half_open && self.links.len() + half_open < self.max_links
    }

    /// How many links the node looks for now: few at first. A node that fills all its places with
    /// the first addresses it hears of knows its neighbours' neighbours alone, and a fleet of such
    /// nodes is a long string of knots. Each step is chosen among what the step before has told.
    fn target_now(&self, now: Timestamp) -> usize {
        let steps = self.first_ready.map_or(0, |first| {
            (now.since(first).as_micros() / WIDEN_PERIOD.as_micros()) as usize
        });
        let links = WIDEN_LINKS.saturating_mul(steps + 1);
        if self.book.len() <= self.target {
            return self.target;
        }
        self.target.min(links)
    }

    /// When the node trades a link for a stranger.
    fn trades_at(&self) -> Option<Timestamp> {
        let links = self.links.len();
        let enough = self.target > 0 && links >= self.target && !self.complete;
        self.trade.due().filter(|_| enough)
    }

    /// When the node looks for more links than now, if it has all that it looks for.
    fn widens_at(&self, now: Timestamp) -> Option<Timestamp> {
        let first = self.first_ready?;
        let wide = self.target_now(now) >= self.target;
        let periods = now.since(first).as_micros() / WIDEN_PERIOD.as_micros() + 1;
        (!wide).then(|| first + WIDEN_PERIOD * u32::try_from(periods).unwrap_or(u32::MAX))
    }

    /// Dials an address whatever the target says, but not against its back-off.
    pub(super) fn dial_once(&mut self, addr: SocketAddr, now: Timestamp, out: &mut Vec<Output>) {
        let Some(addr) = self.book.learn(addr, Source::Rendezvous, None, now) else {
            return;
        };
        let taken = self.taken();
        let due = self.book.get(&addr).is_some_and(|entry| {
            entry.next_dial <= now && self.may_be_dialed(&addr, entry, &taken, now)
        });
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

    fn demand(&self, half_open: usize, now: Timestamp) -> Option<Demand> {
        let links = self.links.len() + half_open;
        if half_open >= self.max_half_open {
            return None;
        }
        if links >= self.target_now(now) {
            let trades = self.trades_at().is_some_and(|at| at <= now);
            if trades && self.may_dial(half_open) && self.is_due(Demand::Stranger, now) {
                return Some(Demand::Stranger);
            }
            // Dials that strangers had us make, and do not answer, are not counted.
            let vouched = self
                .book
                .dialing()
                .filter(|entry| is_vouched(entry))
                .count();
            if self.lacks_dialed() > vouched && self.links.len() + vouched < self.max_links {
                return Some(Demand::Vouched);
            }
            let visiting = self.target > 0 && half_open < LONELY_HALF_OPEN;
            return visiting.then_some(Demand::Lonely);
        }
        Some(if self.complete && links >= KEEP_COMPLETE_MIN {
            Demand::Needy
        } else {
            Demand::Any
        })
    }

    /// The first in that order of the addresses that could be dialed: one that suits the demand, and nobody
    /// linked there or on the way there. At time zero no ban is looked at. The order is asked first: most
    /// of a book that strangers have filled is then passed over by a comparison.
    fn first<K: Ord>(
        &self,
        demand: Demand,
        now: Timestamp,
        order: impl Fn(&SocketAddr, &Entry) -> Option<K>,
    ) -> Option<(SocketAddr, K)> {
        let taken = OnceCell::new();
        let mut first: Option<(SocketAddr, K)> = None;
        for (addr, entry) in self.book.iter() {
            if !demand.suits(entry) {
                continue;
            }
            let Some(order) = order(addr, entry) else {
                continue;
            };
            let is_later = first.as_ref().is_some_and(|(_, first)| *first <= order);
            let taken = || taken.get_or_init(|| self.taken());
            if !is_later && self.may_be_dialed(addr, entry, taken(), now) {
                first = Some((*addr, order));
            }
        }
        first
    }

    fn taken(&self) -> Taken {
        let ready = || self.links.values().filter_map(|link| link.ready.as_ref());
        Taken {
            peers: ready().map(|ready| ready.peer_id).collect(),
            addresses: ready()
                .filter_map(|ready| ready.address)
                .chain(self.links.values().filter_map(|link| link.dialed))
                .collect(),
        }
    }

    fn may_be_dialed(
        &self,
        addr: &SocketAddr,
        entry: &Entry,
        taken: &Taken,
        now: Timestamp,
    ) -> bool {
        !self.book.is_dialing(addr)
            && !taken.addresses.contains(addr)
            && entry
                .peer_id
                .is_none_or(|peer| !taken.peers.contains(&peer))
            && (now == Timestamp::ZERO || !self.is_banned(addr.ip(), now))
    }
}

/// Whom we are linked with, and where they listen.
struct Taken {
    peers: BTreeSet<PeerId>,
    addresses: BTreeSet<SocketAddr>,
}

impl Demand {
    const fn suits(self, entry: &Entry) -> bool {
        match self {
            Self::Any | Self::Stranger => true,
            Self::Needy => is_needy(entry),
            Self::Lonely => is_lonely(entry),
            Self::Vouched => is_vouched(entry),
        }
    }
}

/// May that peer be without any link? We were told of it, never met it, and no peer said that it is
/// linked with it.
pub(super) const fn is_lonely(entry: &Entry) -> bool {
    entry.unlinked_source && !entry.met && !entry.spoken_of
}

/// May that peer need a complete node to come to it? Either it was incomplete when we last saw it,
/// or we never saw it and nobody said that it has links: perhaps it knows no one.
const fn is_needy(entry: &Entry) -> bool {
    match entry.complete {
        Some(complete) => !complete,
        None => !entry.met && entry.unlinked_source,
    }
}
