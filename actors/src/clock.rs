//! The one place that looks at a clock: monotonic time as the machines want it.

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

/// A year: far enough for "never", near enough for every clock's arithmetic.
const FAR: std::time::Duration = std::time::Duration::from_secs(365 * 24 * 3_600);
