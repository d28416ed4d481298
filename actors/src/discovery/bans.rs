//! Which hosts are not spoken to: for the log, which says so once per ban, for whoever asks, and for
//! swarms that begin.
//!
//! Does not ban anybody; that is for the machines of the swarms, which are told each time.
//! Invariant: at most [`MAX_BANS`] hosts are remembered.

use std::collections::HashMap;
use std::net::IpAddr;

use swarmlet_protocol::time::Timestamp;

/// 256: banned hosts that are remembered, some ten KiB; of more, the ban that ends first is
/// forgotten, and at worst said again.
const MAX_BANS: usize = 256;

/// The hosts that are banned, and until when.
#[derive(Debug, Default)]
pub(super) struct Bans(HashMap<IpAddr, Timestamp>);

impl Bans {
    /// The host is banned until then. True if it was not banned already.
    pub(super) fn begin(&mut self, ip: IpAddr, until: Timestamp, now: Timestamp) -> bool {
        self.0.retain(|_, end| *end > now);
        if self.0.len() >= MAX_BANS && !self.0.contains_key(&ip) {
            let first = self.0.iter().min_by_key(|(ip, end)| (**end, **ip));
            if let Some(first) = first.map(|(ip, _)| *ip) {
                self.0.remove(&first);
            }
        }
        self.0.insert(ip, until).is_none()
    }

    /// The ban of that host ends now. False if there was none.
    pub(super) fn lift(&mut self, ip: IpAddr, now: Timestamp) -> bool {
        self.0.remove(&ip).is_some_and(|end| end > now)
    }

    /// The hosts that are banned now, and until when.
    pub(super) fn all(&self, now: Timestamp) -> impl Iterator<Item = (IpAddr, Timestamp)> {
        let bans = self.0.iter().filter(move |(_, end)| **end > now);
        bans.map(|(&ip, &end)| (ip, end))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_ban_is_new_once_until_it_ends() {
        let mut bans = Bans::default();
        let ip = |last| IpAddr::from([10, 0, 0, last]);
        assert!(bans.begin(ip(1), at(60), at(0)));
        assert!(!bans.begin(ip(1), at(70), at(10)));
        assert!(bans.begin(ip(2), at(70), at(10)), "another host");
        assert!(!bans.begin(ip(1), at(129), at(69)), "it was prolonged");
        assert!(bans.begin(ip(1), at(189), at(129)), "it had ended");
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let mut bans = Bans::default();
        for number in 0..2 * MAX_BANS as u32 {
            let ip = IpAddr::from(Ipv4Addr::from_bits(number));
            assert!(bans.begin(ip, at(60 + u64::from(number)), at(0)));
            assert!(bans.0.len() <= MAX_BANS);
        }
        let last = IpAddr::from(Ipv4Addr::from_bits(2 * MAX_BANS as u32 - 1));
        assert!(!bans.begin(last, at(9_999), at(0)), "the latest is kept");
    }
}
