//! A bound on a rate: so many at once, then one per period. Holds one number and no clock.

use std::time::Duration;

use crate::time::Timestamp;

/// A bucket of tokens, kept as the time at which it will be full again.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    period: Duration,
    /// `period` times the burst less one: how far `full_at` may lie ahead when a token is taken.
    slack: Duration,
    full_at: Timestamp,
}

impl Tokens {
    /// A full bucket.
    pub(crate) fn new(burst: u32, period: Duration) -> Self {
        Self {
            period,
            slack: period.saturating_mul(burst.saturating_sub(1)),
            full_at: Timestamp::ZERO,
        }
    }

    /// Takes a token if there is one.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        if self.full_at.since(now) > self.slack {
            return false;
        }
        self.full_at = self.full_at.max(now) + self.period;
        true
    }

    /// When the bucket will be full again: from then on it is as good as a new one.
    pub(crate) const fn full_at(&self) -> Timestamp {
        self.full_at
    }

    /// The earliest time at which a token can be taken.
    pub(crate) fn available_at(&self) -> Timestamp {
        let slack = u64::try_from(self.slack.as_micros()).unwrap_or(u64::MAX);
        Timestamp::from_micros(self.full_at.as_micros().saturating_sub(slack))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_per_period() {
        let mut tokens = Tokens::new(3, Duration::from_millis(10));
        let start = Timestamp::from_millis(5);
        assert_eq!((0..9).filter(|_| tokens.take(start)).count(), 3);
        assert_eq!(tokens.available_at(), Timestamp::from_millis(15));
        assert!(!tokens.take(Timestamp::from_micros(14_999)));
        assert!(tokens.take(Timestamp::from_millis(15)));
        assert!(!tokens.take(Timestamp::from_millis(15)));
        let later = Timestamp::from_millis(1_000);
        assert_eq!((0..9).filter(|_| tokens.take(later)).count(), 3);
    }
}
