//! The order and pace of a search for peers through the node's own network.
//!
//! Opens no socket: it says whom to dial next. The hosts nearest to our own address come first,
//! because containers of one network get neighbouring addresses: in a fleet of fourteen the first
//! two dozen dials find everybody.
//!
//! Why the search is bounded: on a bridge every dial to a dead address leaves an entry in the
//! kernel's neighbour (ARP) table for some seconds, and that one table, of 1,024 entries unless
//! configured otherwise, serves all containers of the machine. Fourteen nodes that sweep a /24 at
//! once would want 3,500. When the table is full, *live* neighbours become unreachable too. So at
//! most [`SWEEP_HALF_OPEN`] dials are open at once, far fewer once a link exists, and passes rest.
//!
//! Invariants: never a host outside the given list, never our own, never more dials open than the
//! limit, and every pass that begins runs to its end: two half-fleets that each found themselves
//! must still meet.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::time::Timestamp;

/// 64 dials at once: a dead /24 is through after four rounds.
pub const SWEEP_HALF_OPEN: usize = 64;

/// 8 dials at once while we have a link: the search goes on, but nobody waits for it.
pub const SWEEP_HALF_OPEN_LINKED: usize = 8;

/// 60 ms for one dial: far above the round trip of a local network, and four rounds of it stay
/// under 300 ms.
pub const SWEEP_DIAL_TIMEOUT: Duration = Duration::from_millis(60);

/// The rest after the first pass without a link; it doubles with each further one ...
pub const SWEEP_REST_FIRST: Duration = Duration::from_millis(500);

/// ... up to this.
pub const SWEEP_REST_LAST: Duration = Duration::from_secs(60);

/// The rest between passes while we have links: the slow beat by which split fleets find together.
pub const SWEEP_REST_LINKED: Duration = Duration::from_secs(300);

/// 10 s from the beginning of a pass to one that begins because our address has changed: one that
/// comes and goes all the time must not have the network swept each time.
pub const SWEEP_REST_MOVED: Duration = Duration::from_secs(10);

/// The rests begin anew only after a link that held this long: a fleet that flaps is not swept
/// again for each flap.
const STEADY: Duration = Duration::from_secs(10);

/// A dial whose end was not reported counts as ended after twice its time-out.
const LOST_AFTER: Duration = Duration::from_millis(120);

/// The search through one network.
#[derive(Debug)]
pub struct Sweep {
    /// All hosts but our own, the nearest first.
    hosts: Vec<Ipv4Addr>,
    /// Where the pass stands; past the end between passes.
    position: usize,
    in_flight: BTreeMap<Ipv4Addr, Timestamp>,
    /// When to look for room again, while a pass runs.
    retry: Timestamp,
    /// When the next pass begins, once one has ended.
    next_pass: Timestamp,
    /// When the latest pass began, if one has.
    began: Option<Timestamp>,
    rest: Duration,
    linked_since: Option<Timestamp>,
    rng: fastrand::Rng,
}

impl Sweep {
    /// A search through those hosts from the host `own`; the first pass is due at once.
    #[must_use]
    pub fn new(hosts: impl IntoIterator<Item = Ipv4Addr>, own: Ipv4Addr, seed: u64) -> Self {
        Self {
            hosts: in_order(hosts, own),
            position: 0,
            in_flight: BTreeMap::new(),
            retry: Timestamp::ZERO,
            next_pass: Timestamp::ZERO,
            began: None,
            rest: SWEEP_REST_FIRST,
            linked_since: None,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Whom to dial now, each for at most [`SWEEP_DIAL_TIMEOUT`]. `open` counts the node's other
    /// dials under way; hosts for which `skip` holds (linked, known) are passed over.
    pub fn next(
        &mut self,
        now: Timestamp,
        open: usize,
        skip: impl Fn(Ipv4Addr) -> bool,
    ) -> Vec<Ipv4Addr> {
        self.in_flight.retain(|_, ends| *ends > now);
        if self.is_resting() {
            if now < self.next_pass || self.hosts.is_empty() {
                return Vec::new();
            }
            self.position = 0;
        }
        if self.position == 0 {
            self.began = Some(now);
        }
        let mut room = self.limit().saturating_sub(open + self.in_flight.len());
        let mut chosen = Vec::new();
        while room > 0
            && let Some(&host) = self.hosts.get(self.position)
        {
            self.position += 1;
            if !skip(host) {
                self.in_flight.insert(host, now + LOST_AFTER);
                chosen.push(host);
                room -= 1;
            }
        }
        if self.is_resting() {
            self.next_pass = now + self.next_rest();
        }
        self.retry = now + SWEEP_DIAL_TIMEOUT;
        chosen
    }

    /// Searches from another address of ours from now on: a pass that runs is broken off, and the
    /// next begins at once, or [`SWEEP_REST_MOVED`] after the latest one did. The rests go on where
    /// they were, or begin anew after the longest of them.
    pub fn move_to(
        &mut self,
        hosts: impl IntoIterator<Item = Ipv4Addr>,
        own: Ipv4Addr,
        now: Timestamp,
    ) {
        self.hosts = in_order(hosts, own);
        self.position = self.hosts.len();
        let Some(began) = self.began else {
            self.next_pass = now;
            return;
        };
        self.next_pass = now.max(began + SWEEP_REST_MOVED);
        if now.since(began) >= SWEEP_REST_LAST {
            self.rest = SWEEP_REST_FIRST;
        }
    }

    /// Is a dial of ours to that host under way?
    #[must_use]
    pub fn dials(&self, host: Ipv4Addr) -> bool {
        self.in_flight.contains_key(&host)
    }

    /// A dial has ended, well or not.
    pub fn dial_ended(&mut self, host: Ipv4Addr) {
        self.in_flight.remove(&host);
        self.retry = Timestamp::ZERO;
    }

    /// Has the node a link now?
    pub fn set_linked(&mut self, linked: bool, now: Timestamp) {
        match (self.linked_since, linked) {
            (None, true) => {
                self.linked_since = Some(now);
                if self.is_resting() {
                    self.next_pass = now + jittered(SWEEP_REST_LINKED, &mut self.rng);
                }
            }
            (Some(since), false) => {
                self.linked_since = None;
                if now.since(since) >= STEADY {
                    self.rest = SWEEP_REST_FIRST;
                }
                if self.is_resting() {
                    self.next_pass = now + self.next_rest();
                }
            }
            _ => {}
        }
    }

    /// When to ask [`Self::next`] again; a time in the past means at once. `None` if there is nobody
    /// to look for.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        if self.hosts.is_empty() {
            return None;
        }
        if self.is_resting() {
            return Some(self.next_pass);
        }
        Some(self.retry)
    }

    fn is_resting(&self) -> bool {
        self.position >= self.hosts.len()
    }

    const fn limit(&self) -> usize {
        match self.linked_since {
            Some(_) => SWEEP_HALF_OPEN_LINKED,
            None => SWEEP_HALF_OPEN,
        }
    }

    fn next_rest(&mut self) -> Duration {
        if self.linked_since.is_some() {
            return jittered(SWEEP_REST_LINKED, &mut self.rng);
        }
        let rest = self.rest;
        self.rest = rest.saturating_mul(2).min(SWEEP_REST_LAST);
        jittered(rest, &mut self.rng)
    }
}

/// All but our own, the nearest first.
fn in_order(hosts: impl IntoIterator<Item = Ipv4Addr>, own: Ipv4Addr) -> Vec<Ipv4Addr> {
    let mut hosts: Vec<_> = hosts.into_iter().filter(|&host| host != own).collect();
    let distance = |host: &Ipv4Addr| u32::from(*host).abs_diff(u32::from(own));
    hosts.sort_unstable_by_key(|host| (distance(host), *host));
    hosts.dedup();
    hosts
}

/// A tenth to either side, so that nodes that started together do not sweep together.
fn jittered(rest: Duration, rng: &mut fastrand::Rng) -> Duration {
    rest.mul_f64(0.9 + rng.f64() / 5.0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::address::Cidr;

    const OWN: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 20);

    fn sweep() -> Sweep {
        Sweep::new(Cidr::around(OWN).hosts(), OWN, 1)
    }

    /// Runs one pass through a network in which nobody answers; gives the order and the end.
    fn pass(sweep: &mut Sweep, start: Timestamp) -> (Vec<Ipv4Addr>, Timestamp) {
        let (mut now, mut order) = (start, Vec::new());
        loop {
            let round = sweep.next(now, 0, |_| false);
            order.extend(&round);
            if sweep.is_resting() {
                return (order, now + SWEEP_DIAL_TIMEOUT);
            }
            now = now + SWEEP_DIAL_TIMEOUT;
            for host in round {
                sweep.dial_ended(host);
            }
        }
    }

    #[test]
    fn a_dead_network_is_covered_in_under_300_milliseconds() {
        let (order, end) = pass(&mut sweep(), Timestamp::ZERO);
        assert!(end < Timestamp::from_millis(300), "{end:?}");
        let expected: BTreeSet<_> = Cidr::around(OWN).hosts().collect();
        assert_eq!(order.len(), 253);
        assert!(!order.contains(&OWN));
        assert!(order.iter().all(|host| expected.contains(host)));
    }

    #[test]
    fn the_nearest_come_first() {
        let (order, _) = pass(&mut sweep(), Timestamp::ZERO);
        let last: Vec<_> = order.iter().take(4).map(|host| host.octets()[3]).collect();
        assert_eq!(last, [19, 21, 18, 22]);
    }

    #[test]
    fn without_a_link_the_rests_double_up_to_a_minute() {
        let mut sweep = sweep();
        let mut start = Timestamp::ZERO;
        for expected in [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let (_, end) = pass(&mut sweep, start);
            let last_dial = Timestamp::from_micros(end.as_micros() - 60_000);
            start = sweep.next_timeout().unwrap();
            let rest = start.since(last_dial).as_secs_f64();
            assert!(
                rest > expected * 0.89 && rest < expected * 1.11,
                "{rest} {expected}"
            );
            assert!(sweep.next(last_dial, 0, |_| false).is_empty());
        }
    }

    #[test]
    fn a_pass_runs_to_its_end_although_a_link_exists_but_gently() {
        let mut sweep = sweep();
        let first = sweep.next(Timestamp::ZERO, 0, |_| false);
        assert_eq!(first.len(), SWEEP_HALF_OPEN);
        for host in first {
            sweep.dial_ended(host);
        }
        let now = Timestamp::from_millis(60);
        sweep.set_linked(true, now);
        let (order, _) = pass(&mut sweep, now);
        assert_eq!(order.len(), 253 - SWEEP_HALF_OPEN);
        let rest = sweep.next_timeout().unwrap().since(now);
        assert!(rest > SWEEP_REST_LINKED.mul_f64(0.89));
    }

    #[test]
    fn losing_a_steady_link_starts_the_search_anew() {
        let mut sweep = sweep();
        let (_, end) = pass(&mut sweep, Timestamp::ZERO);
        sweep.set_linked(true, end);
        let lost = end + STEADY;
        sweep.set_linked(false, lost);
        let rest = sweep.next_timeout().unwrap().since(lost);
        assert!(rest < SWEEP_REST_FIRST.mul_f64(1.11), "{rest:?}");
    }

    #[test]
    fn a_node_that_moves_is_searched_for_from_its_new_address_but_not_each_time() {
        let moved = Ipv4Addr::new(172, 17, 0, 200);
        let hosts = || Cidr::around(OWN).hosts();
        let mut sweep = sweep();
        let (_, end) = pass(&mut sweep, Timestamp::ZERO);
        sweep.move_to(hosts(), moved, end);
        let due = Timestamp::ZERO + SWEEP_REST_MOVED;
        assert_eq!(sweep.next_timeout(), Some(due));
        let (order, _) = pass(&mut sweep, due);
        assert_eq!(order[0].octets()[3], 199);
        assert!(order.contains(&OWN) && !order.contains(&moved));
        let later = due + SWEEP_REST_LAST;
        sweep.move_to(hosts(), OWN, later);
        assert_eq!(sweep.next_timeout(), Some(later));
        let (_, end) = pass(&mut sweep, later);
        let rest = sweep.next_timeout().unwrap().since(end);
        assert!(rest < SWEEP_REST_FIRST.mul_f64(1.11), "{rest:?}");
    }

    #[test]
    fn linked_hosts_are_passed_over() {
        let mut sweep = sweep();
        let skip = |host: Ipv4Addr| host.octets()[3] != 77;
        let found = sweep.next(Timestamp::ZERO, 0, skip);
        assert_eq!(found, [Ipv4Addr::new(172, 17, 0, 77)]);
    }

    #[test]
    fn a_node_that_is_busy_dialing_does_not_spin() {
        let mut sweep = sweep();
        let now = Timestamp::from_millis(5);
        assert!(sweep.next(now, SWEEP_HALF_OPEN, |_| false).is_empty());
        assert!(sweep.next_timeout().unwrap() > now);
    }

    proptest! {
        #[test]
        fn it_never_leaves_the_network_nor_exceeds_the_limit(
            seed: u64,
            steps in prop::collection::vec((0_u8..5, 0_u64..200, 0_usize..80), 1..200),
        ) {
            let cidr = format!("{OWN}/25").parse::<Cidr>().unwrap();
            let mut own = OWN;
            let mut sweep = Sweep::new(cidr.hosts(), OWN, seed);
            let mut now = Timestamp::ZERO;
            let mut open = BTreeSet::new();
            for (kind, wait, others) in steps {
                now = now + Duration::from_millis(wait);
                match kind {
                    0 => sweep.set_linked(others % 2 == 0, now),
                    1 => while let Some(host) = open.pop_first() {
                        sweep.dial_ended(host);
                    },
                    2 => {
                        own = Ipv4Addr::new(172, 17, 0, others as u8 + 1);
                        sweep.move_to(cidr.hosts(), own, now);
                    }
                    _ => {
                        // Dials end by themselves after their time.
                        if wait >= 120 {
                            open.clear();
                        }
                        let round = sweep.next(now, others, |_| false);
                        prop_assert!(round.iter().all(|&host| cidr.contains(host) && host != own));
                        let limit = SWEEP_HALF_OPEN.saturating_sub(others);
                        prop_assert!(round.len() <= limit);
                        open.extend(round);
                        prop_assert!(sweep.in_flight.len() <= SWEEP_HALF_OPEN);
                        prop_assert!(sweep.next_timeout().is_some_and(|at| at > now));
                    }
                }
            }
        }
    }
}
