//! Which hosts are not spoken to, and why: for the log, which says so once per ban, for whoever asks, and
//! for swarms that begin.
//!
//! Does not ban anybody; that is for the machines of the swarms, which are told each time.
//! Invariant: at most [`MAX_BANS`] hosts and [`MAX_ENDED`] links are remembered.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::maps::HashMap;
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::time::Timestamp;

/// 256: banned hosts that are remembered, some ten KiB; of more, the ban that ends first is
/// forgotten, and at worst said again.
const MAX_BANS: usize = 256;

/// 3 pieces with a wrong hash from one host: one may be a broken cable or a broken disk; who goes on is
/// of no use.
const MAX_STRIKES: u32 = 3;

/// 10 min without another one: the strikes of a host are forgotten. Its bans end long before, so whoever
/// goes on after one is banned again at once.
const STRIKE_MEMORY: Duration = Duration::from_secs(600);

/// Wrong pieces by the host that they came from. A host keeps its strikes when its link ends: a liar
/// could come anew after each piece, with another name.
#[derive(Debug, Default)]
pub(super) struct Strikes(HashMap<IpAddr, (u32, Timestamp)>);

impl Strikes {
    /// One more wrong piece. Is it too many?
    pub(super) fn count(&mut self, ip: IpAddr, now: Timestamp) -> bool {
        self.0
            .retain(|_, (_, last)| now.since(*last) < STRIKE_MEMORY);
        if self.0.len() >= MAX_BANS && !self.0.contains_key(&ip) {
            let first = self.0.iter().min_by_key(|(ip, (_, last))| (*last, **ip));
            if let Some(first) = first.map(|(ip, _)| *ip) {
                self.0.remove(&first);
            }
        }
        let (count, last) = self.0.entry(ip).or_default();
        *count = count.saturating_add(1);
        *last = now;
        *count >= MAX_STRIKES
    }

    /// The operator speaks with the host again: what was is forgiven.
    pub(super) fn forgive(&mut self, ip: IpAddr) {
        self.0.remove(&ip);
    }
}

/// 256: links that have ended and may still be found out, 8 KiB. A piece is hashed within milliseconds of
/// its last byte.
const MAX_ENDED: usize = 256;

/// The hosts of links that ended lately: who hangs up after a wrong piece is gone when it is hashed.
#[derive(Debug, Default)]
pub(super) struct Ended(VecDeque<(LinkId, IpAddr)>);

impl Ended {
    /// A link with that host has ended.
    pub(super) fn note(&mut self, id: LinkId, ip: IpAddr) {
        if self.0.len() == MAX_ENDED {
            self.0.pop_front();
        }
        self.0.push_back((id, ip));
    }

    /// The host of a link that has ended.
    pub(super) fn host(&self, id: LinkId) -> Option<IpAddr> {
        let mut latest_first = self.0.iter().rev();
        latest_first
            .find(|(other, _)| *other == id)
            .map(|&(_, ip)| ip)
    }
}

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
    fn the_latest_links_that_ended_are_known() {
        let mut ended = Ended::default();
        let ip = |number: u64| IpAddr::from(Ipv4Addr::from_bits(number as u32));
        for number in 0..2 * MAX_ENDED as u64 {
            ended.note(LinkId(number), ip(number));
            assert!(ended.0.len() <= MAX_ENDED);
        }
        assert_eq!(ended.host(LinkId(0)), None);
        let last = 2 * MAX_ENDED as u64 - 1;
        assert_eq!(ended.host(LinkId(last)), Some(ip(last)));
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
    fn the_third_wrong_piece_of_a_host_is_too_many_and_so_is_each_after_a_ban() {
        let mut strikes = Strikes::default();
        let (liar, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        assert!(!strikes.count(liar, at(1)));
        assert!(!strikes.count(other, at(2)), "another host");
        assert!(!strikes.count(liar, at(3)));
        assert!(strikes.count(liar, at(4)));
        assert!(strikes.count(liar, at(100)), "it goes on");
        assert!(!strikes.count(liar, at(701)), "forgotten");
        strikes.forgive(other);
        assert!(!strikes.count(other, at(702)) && !strikes.count(other, at(703)));
        for number in 0..2 * MAX_BANS as u32 {
            strikes.count(Ipv4Addr::from_bits(number).into(), at(704));
            assert!(strikes.0.len() <= MAX_BANS);
        }
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
