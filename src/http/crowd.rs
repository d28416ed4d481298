//! How many connections one host may hold, so that one cannot keep all others out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use swarmlet_protocol::address::site;

/// One host may hold a quarter of all connections: enough for a proxy, and for a crowd behind one address.
const HOST_SHARE: usize = 4;

/// Who is connected.
#[derive(Debug)]
pub(super) struct Crowd {
    hosts: Mutex<HashMap<IpAddr, usize>>,
    most: usize,
}

/// A place of a host, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    host: IpAddr,
}

impl Crowd {
    /// Of so many connections in all.
    pub(super) fn of(connections: usize) -> Arc<Self> {
        Arc::new(Self {
            hosts: Mutex::default(),
            most: (connections / HOST_SHARE).max(1),
        })
    }

    /// One more connection of that host; none if it holds enough of them.
    pub(super) fn enter(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let host = site(from.to_canonical());
        let mut hosts = self.hosts();
        let held = hosts.entry(host).or_default();
        if *held >= self.most {
            return None;
        }
        *held += 1;
        Some(Place {
            crowd: Arc::clone(self),
            host,
        })
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Counts: a panic while they were held cannot have broken them.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut hosts = self.crowd.hosts();
        if let Some(held) = hosts.get_mut(&self.host) {
            *held -= 1;
            if *held == 0 {
                hosts.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_holds_a_quarter_and_gets_a_place_again_when_it_leaves_one() {
        let crowd = Crowd::of(8);
        let one = || crowd.enter([10, 0, 0, 1].into());
        let places = [one().unwrap(), one().unwrap()];
        assert!(one().is_none());
        assert!(crowd.enter([10, 0, 0, 2].into()).is_some());
        drop(places);
        assert!(one().is_some());
        assert!(crowd.hosts().is_empty(), "nothing is left of who is gone");
    }

    #[test]
    fn the_addresses_that_one_host_has_are_one_host() {
        let crowd = Crowd::of(4);
        let enter = |ip: &str| crowd.enter(ip.parse().unwrap());
        let _place = (enter("10.0.0.1").unwrap(), enter("fd00::1").unwrap());
        assert!(enter("::ffff:10.0.0.1").is_none());
        assert!(enter("fd00::2").is_none());
        assert!(enter("fd00:0:0:1::2").is_some());
    }
}
