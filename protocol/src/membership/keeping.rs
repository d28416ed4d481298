//! What strangers cannot take from a node, however many they are.
//!
//! Some places are for peers that the node dialed itself; some links stay whoever comes: those of
//! the configuration and those on which something moves. Whoever says nothing gives way to somebody
//! from elsewhere. Invariant: of a node with all its links a quarter is open to newcomers, and one at least.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::arrivals::network;
use super::book::Entry;
use super::limits::{DIALED_SHARE, KEPT_SHARE, MIN_LINK_AGE, UNFINISHED_TURN, WORTH_HALVED};
use super::link::Link;
use super::machine::Membership;
use crate::id::LinkId;
use crate::time::Timestamp;

/// What moved on a link lately, in bytes.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Worth {
    brought: f64,
    took: f64,
    /// All that had moved when it was looked at last, and when that was.
    total: (u64, u64),
    looked: Timestamp,
}

impl Worth {
    fn moved(&mut self, total: (u64, u64), now: Timestamp) {
        let halves = now.since(self.looked).as_secs_f64() / WORTH_HALVED.as_secs_f64();
        let left = 0.5_f64.powf(halves);
        let since = |now: u64, before: u64| now.saturating_sub(before) as f64;
        self.brought = self.brought * left + since(total.0, self.total.0);
        self.took = self.took * left + since(total.1, self.total.1);
        self.total = total;
        self.looked = now;
    }
}

/// Does somebody else than strangers who come stand for this address: the operator, whoever keeps a
/// list of peers, or our own dial?
pub(super) const fn is_vouched(entry: &Entry) -> bool {
    entry.unlinked_source || entry.reachable
}

impl Membership {
    /// All that has moved on a link so far, in bytes: what the peer brought, and what it took. Told
    /// whenever it matters who stays, by whoever asks [`Self::admit`].
    pub fn moved(&mut self, link: LinkId, total: (u64, u64), now: Timestamp) {
        if let Some(link) = self.links.get_mut(&link) {
            link.worth.moved(total, now);
        }
    }

    /// Would one more link cost another one its place?
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.links.len() >= self.places_for_inbound()
    }

    /// Does somebody stand for an address of this host: the operator, a list of peers, our own dial?
    #[must_use]
    pub fn vouches_for(&self, host: IpAddr) -> bool {
        let host = host.to_canonical();
        self.book.of_host(host).any(|(_, entry)| is_vouched(entry))
    }

    /// How many links there may be before one that comes must wait for a place, or have another's.
    pub(super) fn places_for_inbound(&self) -> usize {
        self.max_links - self.lacks_dialed()
    }

    /// Is there a place for a link that we dialed, or else for one that came?
    pub(super) fn has_place(&self, dialed: bool) -> bool {
        let places = match dialed {
            true => self.max_links,
            false => self.places_for_inbound(),
        };
        self.links.len() < places
    }

    /// How many links of its own the node is short of. A complete one needs none: it gives.
    pub(super) fn lacks_dialed(&self) -> usize {
        if self.complete {
            return 0;
        }
        let dialed = self.links.values().filter(|link| link.dialed.is_some());
        let wanted = (self.max_links / DIALED_SHARE).min(self.target);
        wanted.saturating_sub(dialed.count())
    }

    /// The links that no newcomer gets.
    pub(super) fn kept(&self, now: Timestamp) -> BTreeSet<LinkId> {
        // With two or three places a single one for each rule, and one that is open.
        let most = (self.max_links / KEPT_SHARE).max(1);
        let all = self.max_links - most;
        let is_listed = |addr: SocketAddr| self.book.get(&addr).is_some_and(|entry| entry.listed);
        let listed = |link: &Link| {
            let address = link.ready.as_ref().and_then(|ready| ready.address);
            let is_listed = address.or(link.dialed).is_some_and(is_listed);
            // The longest first.
            if is_listed {
                1.0 + now.since(link.opened).as_secs_f64()
            } else {
                0.0
            }
        };
        let rules: [&dyn Fn(&Link) -> f64; 3] =
            [&listed, &|link| link.worth.brought, &|link| link.worth.took];
        let mut kept = BTreeSet::new();
        for rule in rules {
            let ranked = self.links.iter().map(|(&id, link)| (rule(link), id));
            let mut ranked: Vec<_> = ranked.filter(|(worth, _)| *worth > 0.0).collect();
            ranked
                .sort_unstable_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
            for (_, id) in ranked.into_iter().take(most) {
                if kept.len() < all {
                    kept.insert(id);
                }
            }
        }
        kept
    }

    /// Those who came and have not shaken hands, by their networks.
    fn crowds(&self) -> BTreeMap<u128, usize> {
        let mut crowds = BTreeMap::new();
        for link in self.links.values() {
            if link.ready.is_none() && link.dialed.is_none() {
                *crowds.entry(network(link.remote)).or_default() += 1;
            }
        }
        crowds
    }

    /// Those who came and had their time to shake hands, of networks that are as crowded as the
    /// newcomer's: nobody from a network of few gives way to a crowd.
    pub(super) fn unfinished(&self, newcomer: IpAddr, now: Timestamp) -> Vec<LinkId> {
        let crowds = self.crowds();
        let crowd = |ip: IpAddr| crowds.get(&network(ip)).copied().unwrap_or(0);
        let gives_way = |link: &Link| {
            link.ready.is_none()
                && link.dialed.is_none()
                && now.since(link.opened) >= UNFINISHED_TURN
                && crowd(link.remote) >= crowd(newcomer)
                && !self.vouches_for(link.remote)
        };
        let unfinished = self.links.iter().filter(|(_, link)| gives_way(link));
        unfinished.map(|(&id, _)| id).collect()
    }

    /// One of those who came and say nothing, for a newcomer who is more likely to be honest: somebody
    /// stands for it, or it comes from a network with fewer of them.
    pub(super) fn camper(&self, newcomer: IpAddr, now: Timestamp) -> Option<LinkId> {
        let unready = || {
            let links = self.links.iter();
            links.filter(|(_, link)| link.ready.is_none() && link.dialed.is_none())
        };
        unready().next()?;
        if self.vouches_for(newcomer) {
            let mut strangers = unready().filter(|(_, link)| !self.vouches_for(link.remote));
            return strangers.next().map(|(&id, _)| id);
        }
        let crowds = self.crowds();
        let ours = crowds.get(&network(newcomer)).copied().unwrap_or(0);
        let crowd = |link: &Link| crowds.get(&network(link.remote)).copied().unwrap_or(0);
        // The longest there, of the largest crowd; nobody gains by an exchange of equals.
        unready()
            .filter(|(_, link)| crowd(link) > ours + 1 && now.since(link.opened) >= MIN_LINK_AGE)
            .max_by_key(|(id, link)| (crowd(link), std::cmp::Reverse(**id)))
            .map(|(&id, _)| id)
    }
}
