//! The addresses that a node has heard of, and what it knows of each.
//!
//! Dials nobody and knows nothing of links. Invariants: at most [`BOOK_LIMIT`] entries, at most
//! [`CANDIDATES_PER_ORIGIN`] unproven ones from one origin, never an address of our own, and a
//! listed address is never forgotten.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::address::{Reach, usable};
use super::event::{DialFailure, Source};
use super::limits::{
    BACKOFF_FIRST, BACKOFF_HEARSAY, BACKOFF_LOCAL, BACKOFF_SILENCE, BACKOFF_TRUSTED, BOOK_LIMIT,
    CANDIDATES_PER_ORIGIN, CHURN_BURST, CHURN_PERIOD, CLAIMS_PER_HOST, HEARSAY_FAILURES,
    HINT_PERIOD, OWN_LIMIT, TRUSTED_FAILURES,
};
use crate::id::PeerId;
use crate::time::Timestamp;
use crate::tokens::Tokens;

/// Who is to blame for an entry.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Origin {
    /// A peer, by its host.
    Peer(IpAddr),
    /// A kind of source as a whole.
    Source(Source),
}

/// What is known of one address.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// From the configuration: never forgotten.
    pub(super) listed: bool,
    /// Known in an earlier life of this node.
    pub(super) state: bool,
    /// From a source that does not imply that somebody else is linked with it.
    pub(super) unlinked_source: bool,
    /// A member of the fleet told of it.
    told: bool,
    /// A peer said that it is linked with it.
    pub(super) spoken_of: bool,
    /// It answered with a handshake in this life.
    pub(super) met: bool,
    /// We dialed it and it answered.
    pub(super) reachable: bool,
    /// Who answered last.
    pub(super) peer_id: Option<PeerId>,
    /// Whether it was complete when we last heard.
    pub(super) complete: Option<bool>,
    /// Failures in a row: the level of the back-off.
    pub(super) failures: u32,
    /// When the failures in a row began.
    pub(super) failing_since: Option<Timestamp>,
    /// It hung up on our last plain link before a handshake: perhaps it wants an encrypted one.
    pub(super) encrypted: bool,
    /// Not dialed before.
    pub(super) next_dial: Timestamp,
    /// A random number: who comes first among equals.
    pub(super) rank: u64,
    origin: Origin,
    hinted: Option<Timestamp>,
    last_alive: Timestamp,
}

impl Entry {
    /// Does somebody vouch for it?
    fn is_trusted(&self) -> bool {
        self.listed || self.state || self.met
    }

    /// What the entry is worth when the book is full; the least goes first.
    fn value(&self) -> (u8, Reverse<u32>, u64) {
        let class = match self {
            Self { listed: true, .. } => 3,
            // Whoever comes says where he listens: he may say so a thousand times. What we dialed
            // ourselves, now or in an earlier life, does not give way to that.
            Self {
                reachable: true, ..
            }
            | Self { state: true, .. } => 2,
            Self { met: true, .. } => 1,
            _ => 0,
        };
        (class, Reverse(self.failures), self.rank)
    }
}

/// The book of addresses.
#[derive(Debug)]
pub(super) struct Book {
    entries: BTreeMap<SocketAddr, Entry>,
    /// Those to which a dial is under way. They are never evicted.
    dialing: BTreeSet<SocketAddr>,
    own: BTreeSet<SocketAddr>,
    reach: Reach,
    private: bool,
    /// How many unproven addresses may take the place of others.
    churn: Tokens,
    rng: fastrand::Rng,
}

impl Book {
    pub(super) fn new(reach: Reach, own: &[SocketAddr], seed: u64) -> Self {
        Self {
            entries: BTreeMap::new(),
            dialing: BTreeSet::new(),
            own: own.iter().copied().collect(),
            reach,
            private: false,
            churn: Tokens::new(CHURN_BURST, CHURN_PERIOD),
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Writes an address down; gives it back in its one form if it stands in the book now.
    pub(super) fn learn(
        &mut self,
        addr: SocketAddr,
        source: Source,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<SocketAddr> {
        let addr = usable(addr, source, self.reach)?;
        let believed = !self.private || source.is_believed_in_private();
        if self.own.contains(&addr) || !believed {
            return None;
        }
        let listed = matches!(source, Source::Listed | Source::Named);
        let state = source == Source::State;
        let found = matches!(
            source,
            Source::Dht | Source::Lan | Source::Roster | Source::Sweep | Source::Tracker
        );
        let unlinked_source = listed || state || found;
        if let Some(entry) = self.entries.get_mut(&addr) {
            entry.listed |= listed;
            entry.state |= state;
            entry.unlinked_source |= unlinked_source;
            entry.told |= source == Source::Rendezvous;
            return Some(addr);
        }
        let origin = from.map_or(Origin::Source(source), Origin::Peer);
        // Whoever floods us with addresses pays for the first look alone.
        let is_full = self.entries.len() >= BOOK_LIMIT;
        let is_hearsay = !listed && !state && source != Source::Inbound;
        if is_full && is_hearsay && !self.churn.take(now) {
            return None;
        }
        let has_quota = match source {
            Source::Inbound => self.has_claims_left(addr.ip()),
            _ => listed || self.has_quota(origin),
        };
        if !has_quota {
            return None;
        }
        let entry = Entry {
            listed,
            state,
            unlinked_source,
            told: source == Source::Rendezvous,
            spoken_of: false,
            met: false,
            reachable: false,
            peer_id: None,
            complete: None,
            failures: 0,
            failing_since: None,
            encrypted: false,
            next_dial: now,
            rank: self.rng.u64(..),
            origin,
            hinted: None,
            last_alive: Timestamp::ZERO,
        };
        // An inbound peer is about to be marked as met.
        let class = if source == Source::Inbound {
            1
        } else {
            entry.value().0
        };
        self.make_room(class).then(|| {
            self.entries.insert(addr, entry);
            addr
        })
    }

    /// Somebody says that a live peer is there: ends a long wait, but not too often.
    pub(super) fn hint(&mut self, addr: SocketAddr, now: Timestamp) {
        let Some(entry) = self.entries.get_mut(&addr) else {
            return;
        };
        if entry.failures > 0
            && entry
                .hinted
                .is_none_or(|last| now.since(last) >= HINT_PERIOD)
        {
            entry.hinted = Some(now);
            entry.next_dial = entry.next_dial.min(now);
        }
    }

    /// Hosts may be within reach that were not: ends all long waits, as [`Self::hint`] does.
    pub(super) fn hint_all(&mut self, now: Timestamp) {
        for addr in self.entries.keys().copied().collect::<Vec<_>>() {
            self.hint(addr, now);
        }
    }

    /// A beacon or a packet of its own: the back-off starts from the beginning.
    pub(super) fn revive(&mut self, addr: SocketAddr, now: Timestamp) {
        if let Some(entry) = self.entries.get_mut(&addr)
            && entry.failures > 0
        {
            entry.failures = 0;
            entry.next_dial = entry.next_dial.min(now);
        }
    }

    /// The peer answered with a handshake. True if the address was not known before.
    pub(super) fn met(
        &mut self,
        addr: SocketAddr,
        peer_id: PeerId,
        (dialed, fleet): (bool, bool),
        now: Timestamp,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(&addr) else {
            return false;
        };
        // Of a member of the fleet a new name means a new life; the same name again may be a link
        // that flaps. Clients of other kinds may bear another name on each link.
        if entry.peer_id != Some(peer_id) {
            if fleet {
                entry.failures = 0;
            }
            entry.peer_id = Some(peer_id);
            entry.complete = None;
        }
        entry.reachable |= dialed;
        entry.failing_since = None;
        entry.last_alive = now;
        !std::mem::replace(&mut entry.met, true)
    }

    /// A dial failed. True if a known address was forgotten.
    pub(super) fn failed(&mut self, addr: SocketAddr, reason: DialFailure, now: Timestamp) -> bool {
        self.dialing.remove(&addr);
        let Some(entry) = self.entries.get_mut(&addr) else {
            return false;
        };
        if reason == DialFailure::Local {
            entry.next_dial = now + BACKOFF_LOCAL;
            return false;
        }
        // It may serve another swarm, or refuse to speak as we did: the next dial tells.
        entry.encrypted ^= reason == DialFailure::HungUp;
        let least = match reason {
            DialFailure::TimedOut | DialFailure::Unreachable => BACKOFF_SILENCE,
            _ => Duration::ZERO,
        };
        entry.failing_since.get_or_insert(now);
        entry.failures = entry.failures.saturating_add(1);
        let patience = if entry.is_trusted() {
            TRUSTED_FAILURES
        } else {
            HEARSAY_FAILURES
        };
        if !entry.listed && entry.failures >= patience {
            let known = entry.met || entry.state;
            self.entries.remove(&addr);
            return known;
        }
        let delay = self.delay(addr).max(least);
        self.rest(addr, now, delay);
        false
    }

    /// A link ended: the next dial waits for the back-off at its level, or at `level` if given.
    pub(super) fn ended(&mut self, addr: SocketAddr, level: Option<u32>, now: Timestamp) {
        if let Some(entry) = self.entries.get_mut(&addr) {
            entry.failures = level.unwrap_or_else(|| entry.failures.saturating_add(1));
            entry.last_alive = now;
            let delay = self.delay(addr);
            self.rest(addr, now, delay);
        }
    }

    /// The address is not dialed for that long.
    pub(super) fn rest(&mut self, addr: SocketAddr, now: Timestamp, delay: Duration) {
        if let Some(entry) = self.entries.get_mut(&addr) {
            entry.next_dial = now + delay;
        }
    }

    /// We are not complete any more: whoever has everything is of use to us.
    pub(super) fn wake_complete(&mut self, now: Timestamp) {
        for entry in self.entries.values_mut() {
            if entry.complete == Some(true) {
                entry.next_dial = entry.next_dial.min(now);
            }
        }
    }

    /// Hearsay that its origin takes back.
    pub(super) fn retract(&mut self, addr: SocketAddr, from: IpAddr) {
        let hearsay = |entry: &Entry| {
            entry.origin == Origin::Peer(from) && !entry.is_trusted() && !entry.unlinked_source
        };
        if !self.is_dialing(&addr) && self.entries.get(&addr).is_some_and(hearsay) {
            self.entries.remove(&addr);
        }
    }

    /// The content is private: forgets what was learned from whom it does not believe.
    pub(super) fn keep_private(&mut self) {
        self.private = true;
        self.entries
            .retain(|_, entry| entry.listed || entry.origin.is_believed_in_private());
        let entries = &self.entries;
        self.dialing.retain(|addr| entries.contains_key(addr));
    }

    pub(super) const fn is_private(&self) -> bool {
        self.private
    }

    /// The address is our own.
    pub(super) fn mark_own(&mut self, addr: SocketAddr) {
        self.entries.remove(&addr);
        self.dialing.remove(&addr);
        if self.own.len() < OWN_LIMIT {
            self.own.insert(addr);
        }
    }

    /// These are our own, and no others. True if one of them was known as somebody else's.
    pub(super) fn set_own(&mut self, own: &[SocketAddr]) -> bool {
        self.own = own.iter().copied().collect();
        let mut known = false;
        for addr in own {
            let entry = self.entries.remove(addr);
            known |= entry.is_some_and(|entry| entry.met || entry.state);
            self.dialing.remove(addr);
        }
        known
    }

    pub(super) fn is_own(&self, addr: &SocketAddr) -> bool {
        self.own.contains(addr)
    }

    pub(super) fn get(&self, addr: &SocketAddr) -> Option<&Entry> {
        self.entries.get(addr)
    }

    pub(super) fn get_mut(&mut self, addr: &SocketAddr) -> Option<&mut Entry> {
        self.entries.get_mut(addr)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&SocketAddr, &Entry)> {
        self.entries.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Dials under way.
    pub(super) fn half_open(&self) -> usize {
        self.dialing.len()
    }

    /// What is known of those to which a dial is under way.
    pub(super) fn dialing(&self) -> impl Iterator<Item = &Entry> {
        self.dialing
            .iter()
            .filter_map(|addr| self.entries.get(addr))
    }

    pub(super) fn is_dialing(&self, addr: &SocketAddr) -> bool {
        self.dialing.contains(addr)
    }

    /// A dial begins.
    pub(super) fn dial_started(&mut self, addr: SocketAddr) {
        self.dialing.insert(addr);
    }

    /// A dial led to a link.
    pub(super) fn dial_answered(&mut self, addr: SocketAddr) {
        self.dialing.remove(&addr);
    }

    /// Addresses that answered in this life, the latest first, then those of an earlier life.
    pub(super) fn known(&self) -> Vec<SocketAddr> {
        let mut known: Vec<_> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.met || entry.state)
            .map(|(addr, entry)| (Reverse(entry.met), Reverse(entry.last_alive), *addr))
            .collect();
        known.sort_unstable();
        known.into_iter().map(|(_, _, addr)| addr).collect()
    }

    /// Addresses of the configuration that have not answered yet.
    pub(super) fn listed(&self) -> impl Iterator<Item = SocketAddr> {
        let unmet = |entry: &Entry| entry.listed && !entry.met && !entry.state;
        self.entries
            .iter()
            .filter(move |(_, entry)| unmet(entry))
            .map(|(addr, _)| *addr)
    }

    /// Addresses that fleet members named, that have not answered yet and that little speaks
    /// against.
    pub(super) fn hearsay(&self) -> impl Iterator<Item = SocketAddr> {
        let heard = |entry: &Entry| {
            entry.told && !entry.is_trusted() && entry.failures < HEARSAY_FAILURES / 2
        };
        self.entries
            .iter()
            .filter(move |(_, entry)| heard(entry))
            .map(|(addr, _)| *addr)
    }

    /// The wait after the failures of this entry, with a quarter of jitter to either side.
    fn delay(&mut self, addr: SocketAddr) -> Duration {
        let Some(entry) = self.entries.get(&addr) else {
            return BACKOFF_FIRST;
        };
        let ceiling = if entry.is_trusted() {
            BACKOFF_TRUSTED
        } else {
            BACKOFF_HEARSAY
        };
        let doubled = BACKOFF_FIRST.saturating_mul(1 << entry.failures.min(16));
        doubled.min(ceiling).mul_f64(0.75 + self.rng.f64() / 2.0)
    }

    /// May more unproven addresses come from there?
    pub(super) fn has_quota(&self, origin: Origin) -> bool {
        let taken = |entry: &&Entry| !entry.met && entry.origin == origin;
        self.entries.len() < CANDIDATES_PER_ORIGIN
            || self.entries.values().filter(taken).count() < CANDIDATES_PER_ORIGIN
    }

    /// May the host claim one more address, of those that only it speaks of?
    fn has_claims_left(&self, host: IpAddr) -> bool {
        let claimed =
            |entry: &Entry| entry.origin == Origin::Source(Source::Inbound) && !entry.reachable;
        let claims = self.of_host(host).filter(|(_, entry)| claimed(entry));
        claims.count() < CLAIMS_PER_HOST
    }

    /// What is known of the addresses of one host.
    pub(super) fn of_host(&self, host: IpAddr) -> impl Iterator<Item = (&SocketAddr, &Entry)> {
        let (first, last) = (SocketAddr::new(host, 0), SocketAddr::new(host, u16::MAX));
        self.entries.range(first..=last)
    }

    /// Makes room for one more entry of that class; false if all others are worth more.
    fn make_room(&mut self, class: u8) -> bool {
        if self.entries.len() < BOOK_LIMIT {
            return true;
        }
        let worst = self
            .entries
            .iter()
            .filter(|(addr, entry)| !entry.listed && !self.is_dialing(addr))
            .min_by_key(|(_, entry)| entry.value())
            .map(|(addr, entry)| (*addr, entry.value().0));
        match worst {
            Some((addr, value)) if value <= class => {
                self.entries.remove(&addr);
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REACH: Reach = Reach {
        ipv6: false,
        loopback: false,
    };
    const START: Timestamp = Timestamp::from_millis(1);

    fn addr(number: u32) -> SocketAddr {
        SocketAddr::from(((0x0a00_0000 + number).to_be_bytes(), 6881))
    }

    fn ip(number: u32) -> IpAddr {
        addr(number).ip()
    }

    #[test]
    fn a_list_of_a_million_entries_changes_next_to_nothing() {
        let mut book = Book::new(REACH, &[], 1);
        book.learn(addr(1), Source::Listed, None, START);
        for number in 0..100_000 {
            book.learn(addr(1_000 + number), Source::Pex, Some(ip(2)), START);
        }
        assert_eq!(book.entries.len(), 1 + CANDIDATES_PER_ORIGIN);
        book.learn(addr(2), Source::Pex, Some(ip(3)), START);
        assert!(book.get(&addr(2)).is_some());
    }

    #[test]
    fn a_dead_listed_address_costs_a_dial_in_ten_seconds_and_is_never_forgotten() {
        let mut book = Book::new(REACH, &[], 1);
        book.learn(addr(1), Source::Listed, None, START);
        let mut now = START;
        for _ in 0..1_000 {
            book.failed(addr(1), DialFailure::Refused, now);
            now = book.get(&addr(1)).unwrap().next_dial;
        }
        book.failed(addr(1), DialFailure::Refused, now);
        let wait = book.get(&addr(1)).unwrap().next_dial.since(now);
        assert!(wait >= BACKOFF_TRUSTED.mul_f64(0.75) && wait <= BACKOFF_TRUSTED.mul_f64(1.25));
    }

    #[test]
    fn hearsay_that_never_answers_is_forgotten() {
        let mut book = Book::new(REACH, &[], 1);
        book.learn(addr(1), Source::Pex, Some(ip(9)), START);
        for _ in 0..HEARSAY_FAILURES {
            assert!(book.get(&addr(1)).is_some());
            book.failed(addr(1), DialFailure::TimedOut, START);
        }
        assert!(book.get(&addr(1)).is_none());
    }

    #[test]
    fn a_fault_of_ours_is_not_the_addresss() {
        let mut book = Book::new(REACH, &[], 1);
        book.learn(addr(1), Source::Pex, Some(ip(9)), START);
        for _ in 0..100 {
            book.failed(addr(1), DialFailure::Local, START);
        }
        assert_eq!(book.get(&addr(1)).unwrap().failures, 0);
    }

    #[test]
    fn what_an_earlier_life_knew_stays_known_until_it_fails_for_an_hour() {
        let mut book = Book::new(REACH, &[], 1);
        book.learn(addr(1), Source::State, None, START);
        book.learn(addr(2), Source::Listed, None, START);
        book.learn(addr(3), Source::Pex, Some(ip(9)), START);
        book.met(addr(3), PeerId([3; 20]), (true, true), START);
        assert_eq!(book.known(), [addr(3), addr(1)]);
    }

    proptest! {
        // Long lists of steps, because the book must overflow; few of them, because that is slow.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_book_is_bounded_and_keeps_what_is_listed(
            seed: u64,
            steps in prop::collection::vec((0_u8..6, 0_u32..6_000, 0_u32..40), 1..6_000),
        ) {
            let own = [addr(17)];
            let mut book = Book::new(REACH, &own, seed);
            let mut listed = BTreeSet::new();
            for (kind, number, from) in steps {
                let one = addr(number);
                match kind {
                    0 if listed.len() < 100 => {
                        if book.learn(one, Source::Listed, None, START).is_some() {
                            listed.insert(one);
                        }
                    }
                    1 => drop(book.failed(one, DialFailure::Refused, START)),
                    2 => drop(book.met(one, PeerId([1; 20]), (false, true), START)),
                    3 => book.retract(one, ip(from)),
                    4 => drop(book.learn(one, Source::Inbound, None, START)),
                    _ => drop(book.learn(one, Source::Pex, Some(ip(from)), START)),
                }
                prop_assert!(book.entries.len() <= BOOK_LIMIT);
            }
            prop_assert!(listed.iter().all(|addr| book.get(addr).is_some()));
            prop_assert!(book.get(&own[0]).is_none());
        }
    }
}
