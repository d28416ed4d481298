//! How much to ask of one peer ahead of its answers.
//!
//! Too little and the link runs dry between requests; too much and memory and a slow peer's queue
//! fill with bytes that another peer could have sent. The window follows rate x round trip, with
//! room to spare, between two bounds. Holds no requests itself: the session does.

use std::time::Duration;

use crate::time::Timestamp;

/// 256 KiB: the window of a link whose rate is not known yet, and the least that any link gets.
pub const MIN_WINDOW: u64 = 256 * 1024;

/// 2 MiB: the largest window. Measured: 1 MiB starves a fast local link, 4 MiB gains nothing.
pub const MAX_WINDOW: u64 = 2 * 1024 * 1024;

/// The window of one link and the two figures it follows from.
#[derive(Debug)]
pub struct Pipeline {
    /// Bytes per second, smoothed; zero until something was measured.
    rate: f64,
    /// The shortest round trip of late, and when it was seen.
    round_trip: Option<(Duration, Timestamp)>,
    /// When the sample began, and the bytes that came since.
    sample: Option<(Timestamp, u64)>,
    /// Nothing was asked for since bytes came last, at this time.
    drained: bool,
    last: Timestamp,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self::new()
    }
}

impl Pipeline {
    /// The pipeline of a link that has carried nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rate: 0.0,
            round_trip: None,
            sample: None,
            drained: false,
            last: Timestamp::ZERO,
        }
    }

    /// Bytes to keep asked for.
    #[must_use]
    pub fn window(&self) -> u64 {
        let ahead = self.round_trip().mul_f64(2.0) + SLACK;
        ((self.rate * ahead.as_secs_f64()) as u64).clamp(MIN_WINDOW, MAX_WINDOW)
    }

    /// Bytes per second that this link has brought of late; zero when nothing was measured.
    #[must_use]
    pub fn rate(&self) -> u64 {
        self.rate as u64
    }

    /// The shortest time of late from a request to its answer on an empty pipeline; zero when none
    /// was measured.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        self.round_trip
            .map_or(Duration::ZERO, |(round_trip, _)| round_trip)
    }

    /// An answer began to arrive for a request that was sent on an empty pipeline.
    pub fn answered(&mut self, waited: Duration, now: Timestamp) {
        let shortest = match self.round_trip {
            Some((known, seen)) if known < waited && now.since(seen) < ROUND_TRIP_MEMORY => return,
            _ => waited,
        };
        self.round_trip = Some((shortest, now));
    }

    /// Bytes of blocks arrived.
    pub fn received(&mut self, bytes: u64, now: Timestamp) {
        // A link that brings its whole window at once runs dry again and again. Those pauses are
        // part of its rate, or it would never be measured and its window never grow.
        if std::mem::take(&mut self.drained) && now.since(self.last) > SAMPLE {
            self.sample = None;
        }
        self.last = now;
        let (start, before) = self.sample.unwrap_or((now, 0));
        let bytes = before + bytes;
        let elapsed = now.since(start);
        if elapsed < SAMPLE {
            self.sample = Some((start, bytes));
            return;
        }
        let measured = bytes as f64 / elapsed.as_secs_f64();
        self.rate = if self.rate == 0.0 {
            measured
        } else {
            0.7 * self.rate + 0.3 * measured
        };
        self.sample = Some((now, 0));
    }

    /// Nothing is asked for any more: if that lasts, the time until the next request says nothing
    /// about the rate.
    pub const fn drained(&mut self) {
        self.drained = true;
    }
}

/// Time that the window covers beyond two round trips: the peer may be slow to read its disk, and
/// one scheduler turn on a busy machine takes tens of milliseconds.
const SLACK: Duration = Duration::from_millis(100);

/// Rates are taken over at least this long: bytes arrive in bursts of a read buffer.
const SAMPLE: Duration = Duration::from_millis(20);

/// A shortest round trip is believed this long; routes and load change.
const ROUND_TRIP_MEMORY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(rate: u64, seconds: u64) -> Pipeline {
        let mut pipeline = Pipeline::new();
        for millis in 0..seconds * 1_000 {
            pipeline.received(rate / 1_000, Timestamp::from_millis(millis));
        }
        pipeline
    }

    #[test]
    fn the_window_follows_the_rate_between_its_bounds() {
        assert_eq!(Pipeline::new().window(), MIN_WINDOW);
        assert_eq!(run(100_000, 2).window(), MIN_WINDOW);
        let middle = run(10_000_000, 2).window();
        assert!((900_000..1_100_000).contains(&middle), "{middle}");
        assert_eq!(run(1_000_000_000, 2).window(), MAX_WINDOW);
    }

    #[test]
    fn a_long_round_trip_widens_the_window() {
        let mut pipeline = run(5_000_000, 2);
        let near = pipeline.window();
        pipeline.answered(Duration::from_millis(100), Timestamp::from_millis(2_000));
        assert!(pipeline.window() > 2 * near);
    }

    #[test]
    fn a_link_that_brings_its_whole_window_at_once_gets_a_larger_one() {
        let mut pipeline = Pipeline::new();
        let mut now = Timestamp::from_millis(1);
        for _ in 0..100 {
            now = now + Duration::from_micros(500);
            pipeline.received(pipeline.window(), now);
            pipeline.drained();
        }
        assert_eq!(pipeline.window(), MAX_WINDOW);
    }

    #[test]
    fn idle_time_does_not_lower_the_rate() {
        let mut pipeline = run(10_000_000, 1);
        let before = pipeline.rate();
        pipeline.drained();
        pipeline.received(16_384, Timestamp::from_millis(60_000));
        assert_eq!(pipeline.rate(), before);
    }

    proptest! {
        #[test]
        fn the_window_keeps_its_bounds(
            steps in prop::collection::vec((0_u64..10_000_000, 0_u64..1_000_000, 0_u64..500_000), 0..100)
        ) {
            let mut pipeline = Pipeline::new();
            let mut now = Timestamp::ZERO;
            for (bytes, step, waited) in steps {
                now = now + Duration::from_micros(step);
                pipeline.received(bytes, now);
                pipeline.answered(Duration::from_micros(waited), now);
                prop_assert!((MIN_WINDOW..=MAX_WINDOW).contains(&pipeline.window()));
            }
        }
    }
}
