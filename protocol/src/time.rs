//! Time as a number that the host passes in.
//!
//! The machines of this crate never look at a clock. A [`Timestamp`] is whatever the host says it
//! is: microseconds since the process started, or virtual time in a simulation.

use std::ops::Add;
use std::time::Duration;

/// A point on the host's monotonic clock, in microseconds since an origin that the host chose.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The host's origin of time.
    pub const ZERO: Self = Self(0);
    /// Later than every other point: a deadline that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point that lies `micros` microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The point that lies `millis` milliseconds after the origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this point lies; zero where it lies before it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}
