//! When the router is asked. Invariant: between two attempts lies half of [`SHORTEST_LEASE`] at
//! least, whatever the router says.

use std::time::Duration;

use crate::time::Timestamp;

/// 1 h: how long a mapping is asked for. A node that is killed leaves it behind for that long, and
/// the router hears of us twice in it.
pub const LEASE: Duration = Duration::from_secs(3_600);

/// 1 min: a router that grants less is taken to have granted this.
pub const SHORTEST_LEASE: Duration = Duration::from_secs(60);

/// 1 min until a router that refused or said nothing is asked again, doubled each time ...
pub const FIRST_RETRY: Duration = Duration::from_secs(60);

/// ... up to 1 h: most never change their mind.
pub const LONGEST_RETRY: Duration = Duration::from_secs(3_600);

/// 2 s: a route comes a moment after its address.
pub const SETTLED: Duration = Duration::from_secs(2);

/// The machine of one mapping.
#[derive(Debug)]
pub struct Renewal {
    due: Timestamp,
    /// The router answered, or did not, the last time.
    asked: Option<Timestamp>,
    failures: u32,
    rng: fastrand::Rng,
}

impl Renewal {
    /// A mapping that is wanted now. Equal seeds and words give equal times.
    #[must_use]
    pub fn new(seed: u64, now: Timestamp) -> Self {
        Self {
            due: now,
            asked: None,
            failures: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// When the router is to be asked.
    #[must_use]
    pub const fn due(&self) -> Timestamp {
        self.due
    }

    /// It granted the mapping for that long (zero: for ever). It is asked again at half of the time
    /// (RFC 6887, 11.2.1), and also where it is for ever: it may be restarted.
    pub fn granted(&mut self, lease: Duration, now: Timestamp) {
        self.failures = 0;
        self.asked = Some(now);
        let lease = if lease.is_zero() { LEASE } else { lease };
        self.due = now + lease.clamp(SHORTEST_LEASE, LEASE) / 2;
    }

    /// Our address has changed: the router sends to the old one, or is another. It is asked as soon
    /// as may be, and a refusal there says nothing of the next one.
    pub fn moved(&mut self, now: Timestamp) {
        self.failures = 0;
        let rest = |asked: Timestamp| asked + SHORTEST_LEASE / 2;
        let due = (now + SETTLED).max(self.asked.map_or(now, rest));
        self.due = self.due.min(due);
    }

    /// There is no mapping. `true` the first time in a row: what is worth a word.
    pub fn failed(&mut self, now: Timestamp) -> bool {
        let rest = FIRST_RETRY * 2_u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.asked = Some(now);
        let rest = rest.min(LONGEST_RETRY);
        // Nodes of one house that were started together part.
        self.due = now + rest + (rest / 8).mul_f64(self.rng.f64());
        self.failures == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_renewed_at_half_of_its_time() {
        let now = Timestamp::from_millis(5);
        let mut renewal = Renewal::new(1, now);
        assert_eq!(renewal.due(), now, "at once");
        for (lease, half) in [
            (3_600, 1_800),
            (120, 60),
            (1, 30),
            (0, 1_800),
            (u64::MAX, 1_800),
        ] {
            renewal.granted(Duration::from_secs(lease), now);
            assert_eq!(renewal.due(), now + Duration::from_secs(half), "{lease}");
        }
    }

    #[test]
    fn a_node_that_moves_asks_soon_and_one_that_moves_all_the_time_no_more_often_than_others() {
        let start = Timestamp::from_millis(5);
        let mut renewal = Renewal::new(1, start);
        renewal.granted(LEASE, start);
        let later = start + Duration::from_secs(100);
        renewal.moved(later);
        assert_eq!(renewal.due(), later + SETTLED);
        renewal.granted(LEASE, later);
        renewal.moved(later + SETTLED);
        assert_eq!(renewal.due(), later + SHORTEST_LEASE / 2);
        renewal.moved(later + SHORTEST_LEASE / 4);
        assert_eq!(renewal.due(), later + SHORTEST_LEASE / 2, "no later either");
    }

    #[test]
    fn a_router_that_refuses_is_asked_ever_more_rarely_and_told_of_once() {
        let mut now = Timestamp::ZERO;
        let mut renewal = Renewal::new(1, now);
        let mut words = 0;
        let mut attempts = 0;
        while now < Timestamp::ZERO + Duration::from_secs(24 * 3_600) {
            words += u32::from(renewal.failed(now));
            attempts += 1;
            now = renewal.due();
        }
        assert_eq!(words, 1);
        assert!((20..=30).contains(&attempts), "{attempts} in a day");
        renewal.granted(LEASE, now);
        assert!(renewal.failed(now), "again worth a word");
    }
}
