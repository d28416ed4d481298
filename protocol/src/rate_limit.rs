//! So many bytes per second, shared by many links: a token bucket that says *when*.
//!
//! A link that has something to move reserves up to a [`quantum`](RateLimit::quantum) and is told the
//! time from which on it may move that; or it moves it, reserves it then, and moves nothing more until
//! that time. Reservations follow one another like cars on a road: each begins where the last one ends.
//! So links that are busy take turns, each with the same share, nobody waits in a queue that somebody
//! else would have to serve, and a link that goes away leaves no more than one quantum unused. What
//! nobody reserved is lost, but for [`BURST`].
//!
//! Invariant: between any two points in time the reservations that begin there have no more bytes
//! than the rate brings in that time and in [`BURST`], and one quantum. Links that reserve what they have
//! moved are one quantum each ahead of that.

use std::num::NonZeroU64;
use std::time::Duration;

use crate::time::Timestamp;

/// 100 ms of the rate may be made up for: timers ring late, and links are not always ready.
pub const BURST: Duration = Duration::from_millis(100);

/// 512: the least that is reserved at once; less costs a wake-up and a system call for a line.
pub const MIN_QUANTUM: u64 = 512;

/// 256 KiB: the most that is reserved at once, one read of a socket.
pub const MAX_QUANTUM: u64 = 256 * 1024;

/// A quantum is what the rate brings in a twentieth of a second, within its bounds: fine enough for
/// a dozen links to take turns in less than a second.
const QUANTA_PER_SECOND: u64 = 20;

const NANOS: u128 = Duration::from_secs(1).as_nanos();

/// One limit.
#[derive(Clone, Debug)]
pub struct RateLimit {
    rate: NonZeroU64,
    /// Where the last reservation ends, in nanoseconds: whole ones of which, at 18 EB/s even, none
    /// is lost.
    free: u128,
}

impl RateLimit {
    /// A limit of so many bytes per second.
    #[must_use]
    pub const fn new(rate: NonZeroU64) -> Self {
        Self { rate, free: 0 }
    }

    /// Bytes per second.
    #[must_use]
    pub const fn rate(&self) -> NonZeroU64 {
        self.rate
    }

    /// How many bytes to reserve at once.
    #[must_use]
    pub fn quantum(&self) -> u64 {
        (self.rate.get() / QUANTA_PER_SECOND).clamp(MIN_QUANTUM, MAX_QUANTUM)
    }

    /// Reserves bytes; says from when on they may move.
    pub fn reserve(&mut self, bytes: u64, now: Timestamp) -> Timestamp {
        let earliest = u128::from(now.as_micros()) * 1_000;
        let begin = self.free.max(earliest.saturating_sub(BURST.as_nanos()));
        let length = (u128::from(bytes) * NANOS).div_ceil(u128::from(self.rate.get()));
        self.free = begin + length;
        let micros = begin.div_ceil(1_000);
        Timestamp::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(rate: u64) -> RateLimit {
        RateLimit::new(NonZeroU64::new(rate).unwrap())
    }

    /// Links that always have something to move, in virtual time: the bytes of each. Each wakes up
    /// late by what `late` says.
    fn run(rate: u64, links: usize, seconds: u64, late: impl Fn(usize) -> Duration) -> Vec<u64> {
        let mut limit = limit(rate);
        let start = Timestamp::from_millis(5_000);
        let end = start + Duration::from_secs(seconds);
        let mut moved = vec![0; links];
        let mut wakes: Vec<_> = vec![(start, 0); links];
        loop {
            let (next, _) = wakes
                .iter()
                .enumerate()
                .min_by_key(|(_, (at, _))| *at)
                .unwrap();
            let (now, bytes) = wakes[next];
            if now >= end {
                return moved;
            }
            moved[next] += bytes;
            let quantum = limit.quantum();
            let at = limit.reserve(quantum, now).max(now);
            wakes[next] = (if at > now { at + late(next) } else { at }, quantum);
        }
    }

    #[test]
    fn busy_links_share_the_rate_evenly_and_use_all_of_it() {
        for rate in [1_000, 100_000, 10_000_000, 1_000_000_000] {
            for links in [1, 2, 24] {
                let moved = run(rate, links, 60, |_| Duration::ZERO);
                let total: u64 = moved.iter().sum();
                let quantum = limit(rate).quantum();
                let most = rate * 60 + rate / 10 + quantum;
                assert!(total <= most, "{total} bytes at {rate} B/s");
                let least = rate * 60 - links as u64 * quantum;
                assert!(total >= least, "{total} bytes at {rate} B/s");
                let spread = moved.iter().max().unwrap() - moved.iter().min().unwrap();
                assert!(spread <= 2 * quantum + rate / 10, "{moved:?}");
            }
        }
    }

    #[test]
    fn timers_that_ring_late_cost_nothing() {
        // 24 links, each up to 23 ms late.
        let moved = run(1_000_000, 24, 60, |link| Duration::from_millis(link as u64));
        let total: u64 = moved.iter().sum();
        assert!(total > 58_000_000, "{total}");
        assert!(total <= 60_000_000 + 100_000 + 50_000, "{total}");
    }

    #[test]
    fn what_nobody_reserved_is_lost_but_for_a_burst() {
        let mut limit = limit(1_000);
        let now = Timestamp::from_millis(3_600_000);
        let begin = limit.reserve(100, now);
        assert_eq!(begin + BURST, now);
        assert_eq!(limit.reserve(1_000, now), now);
        assert_eq!(
            limit.reserve(1_000, now),
            now + Duration::from_secs(1),
            "the burst is used up"
        );
    }

    #[test]
    fn the_smallest_and_the_largest_rate_work() {
        let now = Timestamp::from_millis(10_000);
        let mut slow = limit(1);
        slow.reserve(slow.quantum(), now);
        let next = slow.reserve(1, now);
        assert!(next >= now + Duration::from_secs(511));
        let mut fast = limit(u64::MAX);
        for _ in 0..1_000_000 {
            fast.reserve(fast.quantum(), now);
        }
        assert!(fast.reserve(1, now) <= now);
    }

    proptest! {
        #[test]
        fn in_no_span_of_time_more_begins_than_the_rate_allows(
            rate in 1_u64..1 << 40,
            steps in prop::collection::vec((0_u64..2_000_000, 1_u64..1 << 20), 1..60),
        ) {
            let mut limit = limit(rate);
            let mut now = Timestamp::from_millis(1_000);
            let mut begun: Vec<(Timestamp, u64)> = Vec::new();
            for (step, bytes) in steps {
                now = now + Duration::from_micros(step);
                // A reservation that begins in the past begins now.
                begun.push((limit.reserve(bytes, now).max(now), bytes));
            }
            for (first, &(from, _)) in begun.iter().enumerate() {
                let mut total = 0_u128;
                for &(at, bytes) in &begun[first..] {
                    let span = at.since(from) + BURST;
                    let allowed = u128::from(rate) * span.as_nanos() / NANOS;
                    // What begins last may reach beyond the span.
                    prop_assert!(total <= allowed + 1 + u128::from(rate) / 500_000, "{total} > {allowed}");
                    total += u128::from(bytes);
                }
            }
        }
    }
}
