//! The searches of all networks that a node is in, while networks come and go.
//!
//! Invariants: nobody is dialed outside of the networks that are searched now; and a network that
//! goes and comes back is not searched as a new one would be, but where its rests stood.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use super::sweep::Sweep;
use crate::address::Cidr;
use crate::time::Timestamp;

/// 16 networks that were searched and are gone are remembered: an address that flaps between some
/// of them is no reason to sweep each again and again.
pub const SWEEPS_REMEMBERED: usize = 16;

/// One [`Sweep`] per network.
#[derive(Debug)]
pub struct Sweeps {
    searched: Vec<Searched>,
    /// Those that are gone, the latest last.
    gone: VecDeque<Searched>,
    linked: bool,
    rng: fastrand::Rng,
}

#[derive(Debug)]
struct Searched {
    network: Cidr,
    own: Ipv4Addr,
    sweep: Sweep,
}

impl Sweeps {
    /// No network yet.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            searched: Vec::new(),
            gone: VecDeque::new(),
            linked: false,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// These networks are searched from now on, each from that address of ours, and no others. One
    /// that is new is searched at once; one in which our address has changed, or all while we have
    /// no link, as soon as [`Sweep::move_to`] allows.
    pub fn replace(&mut self, wanted: &[(Cidr, Ipv4Addr)], now: Timestamp) {
        let before = std::mem::take(&mut self.searched);
        let mut known: VecDeque<_> = self.gone.drain(..).map(|one| (one, true)).collect();
        known.extend(before.into_iter().map(|one| (one, false)));
        for &(network, own) in wanted {
            let place = known.iter().position(|(one, _)| one.network == network);
            let one = match place.and_then(|place| known.remove(place)) {
                Some((mut one, was_gone)) => {
                    one.sweep.set_linked(self.linked, now);
                    if was_gone || one.own != own || !self.linked {
                        one.sweep.move_to(network.hosts(), own, now);
                    }
                    one.own = own;
                    one
                }
                None => {
                    let mut sweep = Sweep::new(network.hosts(), own, self.rng.u64(..));
                    // Gently if there is a link: it runs to its end all the same.
                    sweep.set_linked(self.linked, now);
                    Searched {
                        network,
                        own,
                        sweep,
                    }
                }
            };
            self.searched.push(one);
        }
        self.gone = known.into_iter().map(|(one, _)| one).collect();
        while self.gone.len() > SWEEPS_REMEMBERED {
            self.gone.pop_front();
        }
    }

    /// Whom to dial now; see [`Sweep::next`].
    pub fn next(&mut self, now: Timestamp, skip: impl Fn(Ipv4Addr) -> bool) -> Vec<Ipv4Addr> {
        let searched = self.searched.iter_mut();
        searched
            .flat_map(|one| one.sweep.next(now, 0, &skip))
            .collect()
    }

    /// A dial has ended, well or not.
    pub fn dial_ended(&mut self, host: Ipv4Addr) {
        let mut all = self.searched.iter_mut().chain(&mut self.gone);
        if let Some(one) = all.find(|one| one.sweep.dials(host)) {
            one.sweep.dial_ended(host);
        }
    }

    /// Has the node a link now?
    pub fn set_linked(&mut self, linked: bool, now: Timestamp) {
        self.linked = linked;
        for one in &mut self.searched {
            one.sweep.set_linked(linked, now);
        }
    }

    /// When to ask [`Self::next`] again; `None` if there is nobody to look for.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        let searched = self.searched.iter();
        searched.filter_map(|one| one.sweep.next_timeout()).min()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::membership::{SWEEP_DIAL_TIMEOUT, SWEEP_REST_LAST};

    fn network(number: u8, host: u8) -> (Cidr, Ipv4Addr) {
        let own = Ipv4Addr::new(10, 0, number, host);
        (Cidr::around(own), own)
    }

    /// Whom it dials until that time, in networks in which nobody is.
    fn run(sweeps: &mut Sweeps, from: Timestamp, until: Timestamp) -> Vec<Ipv4Addr> {
        let (mut now, mut dialed) = (from, Vec::new());
        while now < until {
            let round = sweeps.next(now, |_| false);
            now = now + SWEEP_DIAL_TIMEOUT;
            round.iter().for_each(|&host| sweeps.dial_ended(host));
            dialed.extend(round);
        }
        dialed
    }

    #[test]
    fn a_network_that_comes_is_searched_at_once_and_one_that_goes_no_more() {
        let mut sweeps = Sweeps::new(1);
        assert_eq!(sweeps.next_timeout(), None);
        let start = Timestamp::from_millis(1);
        sweeps.replace(&[network(1, 5)], start);
        assert_eq!(sweeps.next(start, |_| false)[0].octets()[3], 4);
        let later = start + Duration::from_secs(1);
        sweeps.replace(&[network(2, 9)], later);
        let dialed = run(&mut sweeps, later, later + Duration::from_millis(400));
        assert_eq!(dialed.len(), 253);
        assert!(dialed.iter().all(|host| network(2, 9).0.contains(*host)));
        sweeps.replace(&[], later);
        assert_eq!(sweeps.next_timeout(), None);
    }

    #[test]
    fn a_network_that_stays_is_not_searched_anew_while_there_is_a_link() {
        let mut sweeps = Sweeps::new(1);
        let start = Timestamp::from_millis(1);
        sweeps.replace(&[network(1, 5)], start);
        let second = start + Duration::from_secs(1);
        run(&mut sweeps, start, second);
        sweeps.set_linked(true, second);
        sweeps.replace(&[network(1, 5), network(2, 5)], second);
        let minute = second + Duration::from_secs(60);
        let dialed = run(&mut sweeps, second, minute);
        assert_eq!(dialed.len(), 253, "the new one, once");
        assert!(dialed.iter().all(|host| network(2, 5).0.contains(*host)));
    }

    proptest! {
        #[test]
        fn addresses_that_flap_have_nobody_swept_more_than_a_lonely_node_sweeps(
            seed: u64,
            steps in prop::collection::vec((0_u8..4, 1_u8..9, 100_u64..9_000), 1..60),
        ) {
            let mut sweeps = Sweeps::new(seed);
            let mut now = Timestamp::from_millis(1);
            let mut dials: BTreeMap<Ipv4Addr, Vec<Timestamp>> = BTreeMap::new();
            for (number, host, wait) in steps {
                // Sometimes there is no network at all.
                let here: Vec<_> = (number > 0).then(|| network(number, host)).into_iter().collect();
                sweeps.replace(&here, now);
                let until = now + Duration::from_millis(wait);
                let dialed = run(&mut sweeps, now, until);
                let ours = |host: &Ipv4Addr| {
                    here.iter().any(|(network, own)| network.contains(*host) && host != own)
                };
                prop_assert!(dialed.iter().all(ours));
                for host in dialed {
                    dials.entry(host).or_default().push(now);
                }
                now = until;
            }
            // One pass in ten seconds for moves, and the eight that a lonely node begins in its
            // first minute.
            for times in dials.values() {
                let more = times.iter().zip(times.iter().skip(6 + 8));
                let is_calm = |(first, last): (&Timestamp, &Timestamp)| {
                    last.since(*first) >= SWEEP_REST_LAST
                };
                prop_assert!(more.into_iter().all(is_calm));
            }
        }
    }
}
