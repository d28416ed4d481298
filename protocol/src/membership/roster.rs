//! A list of addresses that is longer than the book may be filled with: its addresses are tried a few at
//! a time, in an order of the dice, again and again.
//!
//! An operator may list a whole data centre, most of which is off. The book holds a bounded number of
//! addresses, and forgets those that do not answer; the roster fills what became free.

use std::net::SocketAddr;
use std::time::Duration;

use crate::time::Timestamp;

/// 500 addresses of a list are known for good, those that stand first: a quarter of the book. What is
/// beyond is tried in turns.
pub const LISTED_LIMIT: usize = 500;

/// 10,000 addresses of one list are taken, by lot if it is longer: half a megabyte, and at the rate at
/// which dead hosts are tried the work of an hour.
pub const ROSTER_LIMIT: usize = 10_000;

/// 200 addresses are offered at once: as many as the book takes of one source.
const ROUND: usize = 200;

/// 8 addresses in a row that the book does not take: it is full.
const REFUSALS: usize = 8;

/// 250 ms, doubled while the book takes nothing: what was offered was dialed meanwhile, or not.
const PAUSE: Duration = Duration::from_millis(250);

/// 60 s: the longest pause. A node that has its links dials nobody, and is to be idle.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The part of a list that the book has no room for.
#[derive(Clone, Debug)]
pub struct Roster {
    addresses: Vec<SocketAddr>,
    next: usize,
    due: Timestamp,
    pause: Duration,
}

impl Roster {
    /// These are to be tried.
    #[must_use]
    pub fn new(mut addresses: Vec<SocketAddr>, rng: &mut fastrand::Rng, now: Timestamp) -> Self {
        rng.shuffle(&mut addresses);
        Self {
            addresses,
            next: 0,
            due: now,
            pause: PAUSE,
        }
    }

    /// When [`Self::round`] is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        (!self.addresses.is_empty()).then_some(self.due)
    }

    /// Offers the next addresses; `offer` says whether one was taken. Does nothing before it is due.
    pub fn round(&mut self, now: Timestamp, mut offer: impl FnMut(SocketAddr) -> bool) {
        if now < self.due || self.addresses.is_empty() {
            return;
        }
        let (mut taken, mut refused) = (0, 0);
        for _ in 0..ROUND.min(self.addresses.len()) {
            if offer(self.addresses[self.next]) {
                taken += 1;
                refused = 0;
            } else {
                refused += 1;
            }
            self.next = (self.next + 1) % self.addresses.len();
            if refused == REFUSALS {
                break;
            }
        }
        self.pause = match taken {
            0 => (self.pause * 2).min(LONGEST_PAUSE),
            _ => PAUSE,
        };
        self.due = now + self.pause;
    }

    /// Somebody is wanted again: no long pause is waited out.
    pub fn wake(&mut self, now: Timestamp) {
        self.pause = PAUSE;
        self.due = self.due.min(now + PAUSE);
    }
}

/// At most [`ROSTER_LIMIT`] of a list: the first [`LISTED_LIMIT`], and of the rest some by lot.
pub fn shorten<T>(list: &mut Vec<T>, rng: &mut fastrand::Rng) {
    let Some(rest) = list.len().checked_sub(LISTED_LIMIT) else {
        return;
    };
    let drawn = rest.min(ROSTER_LIMIT - LISTED_LIMIT);
    if drawn == rest {
        return;
    }
    for number in 0..drawn {
        let other = rng.usize(number..rest);
        list.swap(LISTED_LIMIT + number, LISTED_LIMIT + other);
    }
    list.truncate(ROSTER_LIMIT);
    list.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;

    use super::*;

    fn addresses(count: u32) -> Vec<SocketAddr> {
        let at = |number: u32| SocketAddr::from((Ipv4Addr::from(0x0a00_0000 + number), 6881));
        (0..count).map(at).collect()
    }

    #[test]
    fn every_address_has_its_turn_as_room_becomes_free() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut roster = Roster::new(addresses(5_000), &mut rng, Timestamp::ZERO);
        let mut tried = BTreeSet::new();
        let mut rounds = 0;
        while tried.len() < 5_000 {
            let now = roster.next_timeout().unwrap();
            let mut room = 100;
            roster.round(now, |addr| {
                let is_taken = room > 0;
                room -= i32::from(is_taken);
                if is_taken {
                    tried.insert(addr);
                }
                is_taken
            });
            rounds += 1;
            assert!(rounds < 1_000, "{} tried", tried.len());
        }
    }

    #[test]
    fn a_book_that_takes_nothing_is_asked_ever_more_seldom_until_somebody_is_wanted() {
        let mut rng = fastrand::Rng::with_seed(1);
        let mut roster = Roster::new(addresses(5_000), &mut rng, Timestamp::ZERO);
        let mut offers = 0;
        let mut rounds = 0;
        let hour = Timestamp::ZERO + Duration::from_secs(3_600);
        while let Some(now) = roster.next_timeout().filter(|&at| at < hour) {
            roster.round(now, |_| {
                offers += 1;
                false
            });
            rounds += 1;
        }
        assert!(rounds <= 70 && offers <= 70 * REFUSALS, "{rounds} {offers}");
        roster.wake(hour);
        assert!(roster.next_timeout().unwrap() <= hour + PAUSE);
    }

    #[test]
    fn of_a_million_the_first_stay_and_the_others_are_drawn() {
        let mut rng = fastrand::Rng::with_seed(1);
        let all = addresses(1_000_000);
        let mut some = all.clone();
        shorten(&mut some, &mut rng);
        assert_eq!(some.len(), ROSTER_LIMIT);
        assert_eq!(some[..LISTED_LIMIT], all[..LISTED_LIMIT]);
        let drawn: BTreeSet<_> = some.iter().collect();
        assert_eq!(drawn.len(), ROSTER_LIMIT, "each once");
        let last = some.iter().filter(|addr| all[900_000..].contains(addr));
        assert!(last.take(1).count() > 0);
        let mut few = addresses(700);
        shorten(&mut few, &mut rng);
        assert_eq!(few, addresses(700));
    }
}
