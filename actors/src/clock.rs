//! The one place that looks at a clock: monotonic time as the machines want it, and the time of day.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use swarmlet_protocol::secret::Hour;
use swarmlet_protocol::time::Timestamp;
use tokio::time::Instant;

/// The time since the node started. Follows tokio's clock, so that tests can pause it.
#[derive(Copy, Clone, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let micros = self.origin.elapsed().as_micros();
        Timestamp::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// A point of the machines' time as the runtime's.
    #[must_use]
    pub fn instant(&self, at: Timestamp) -> Instant {
        self.origin + at.since(Timestamp::ZERO).min(FAR)
    }
}

/// The time of day, which others know as well, and which may be wrong or be moved at any moment: only
/// what is agreed on with other nodes goes by it.
#[derive(Clone, Debug, Default)]
pub struct WallClock {
    /// Seconds that are added: for tests of clocks that are wrong.
    moved: Arc<AtomicI64>,
}

impl WallClock {
    /// The time since 1970; none before that.
    #[must_use]
    pub fn now(&self) -> Duration {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let moved = self.moved.load(Ordering::Relaxed);
        let seconds = now.unwrap_or_default().as_secs();
        Duration::from_secs(seconds.saturating_add_signed(moved))
    }

    /// The same in hours.
    #[must_use]
    pub fn hour(&self) -> Hour {
        Hour::of_seconds(self.now().as_secs())
    }

    /// Puts the clock on, or back. For tests.
    #[doc(hidden)]
    pub fn move_by(&self, seconds: i64) {
        self.moved.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// A year: far enough for "never", near enough for every clock's arithmetic.
const FAR: Duration = Duration::from_secs(365 * 24 * 3_600);
