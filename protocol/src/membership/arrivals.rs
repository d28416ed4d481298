//! How often one host may come.
//!
//! Knows neither links nor the book. Invariant: at most [`HOSTS_COUNTED`] hosts are remembered, and
//! none is let in more than [`HOST_BURST`] times at once, nor more than once per [`HOST_PERIOD`] on the
//! long run, while it is.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::limits::{HOST_BURST, HOST_PERIOD, HOSTS_COUNTED, STRANGERS_BURST, STRANGERS_PERIOD};
use crate::address::site;
use crate::time::Timestamp;
use crate::tokens::Tokens;

/// Who came lately, and how often.
#[derive(Debug)]
pub(super) struct Arrivals {
    hosts: BTreeMap<IpAddr, Tokens>,
    strangers: Tokens,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self {
            hosts: BTreeMap::new(),
            strangers: Tokens::new(STRANGERS_BURST, STRANGERS_PERIOD),
        }
    }

    /// May one more have a free place for whom nobody stands?
    pub(super) fn takes_stranger(&mut self, now: Timestamp) -> bool {
        self.strangers.take(now)
    }

    /// One more connection of that host: not too many?
    pub(super) fn takes(&mut self, remote: IpAddr, now: Timestamp) -> bool {
        let site = site(remote);
        if !self.hosts.contains_key(&site) && self.hosts.len() >= HOSTS_COUNTED {
            self.forget(now);
        }
        self.hosts
            .entry(site)
            .or_insert_with(|| Tokens::new(HOST_BURST, HOST_PERIOD))
            .take(now)
    }

    /// Makes room for one more: those go of whom nothing need be known, or else the quietest.
    fn forget(&mut self, now: Timestamp) {
        self.hosts.retain(|_, tokens| tokens.full_at() > now);
        if self.hosts.len() >= HOSTS_COUNTED {
            let quietest = self.hosts.iter().min_by_key(|(_, tokens)| tokens.full_at());
            if let Some(site) = quietest.map(|(&site, _)| site) {
                self.hosts.remove(&site);
            }
        }
    }
}

/// The network of an address, as strangers rent them: a /24, or a /48 of IPv6.
pub(super) fn network(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => (ip.to_bits() >> 8).into(),
        IpAddr::V6(ip) => ip.to_bits() >> 80 << 80,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_host_comes_in_a_burst_and_then_at_its_rate_and_others_as_they_like() {
        let mut arrivals = Arrivals::new();
        let (one, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let start = Timestamp::from_millis(1);
        let let_in = (0..1_000).filter(|_| arrivals.takes(one, start)).count();
        assert_eq!(let_in, HOST_BURST as usize);
        assert!(arrivals.takes(other, start));
        // A thousand a second for ten seconds.
        let mut let_in = 0;
        for millis in 1..=10_000 {
            let now = start + Duration::from_millis(millis);
            let_in += usize::from(arrivals.takes(one, now));
        }
        assert_eq!(let_in, 200);
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_site() {
        let mut arrivals = Arrivals::new();
        let start = Timestamp::from_millis(1);
        let mut let_in = 0;
        for host in 0..1_000_u128 {
            let ip = Ipv6Addr::from_bits(0x2001_0db8 << 96 | host);
            let_in += usize::from(arrivals.takes(ip.into(), start));
        }
        assert_eq!(let_in, HOST_BURST as usize);
    }

    #[test]
    fn hosts_without_number_take_no_memory_without_end() {
        let mut arrivals = Arrivals::new();
        for number in 0..100_000_u32 {
            let now = Timestamp::from_micros(1 + u64::from(number));
            assert!(arrivals.takes(Ipv4Addr::from_bits(number).into(), now));
            assert!(arrivals.hosts.len() <= HOSTS_COUNTED);
        }
    }
}
