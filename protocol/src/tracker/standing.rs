//! How we stand with one tracker: whether it knows us, and when it may be asked again.
//!
//! Invariant: both times lie ahead of an answer or a failure by what the limits allow, and the early
//! one is not after the regular one.

use std::time::Duration;

use super::announce::Answer;
use super::limits::{JITTER, REFUSED_FIRST, RETRY_FIRST, RETRY_LAST};
use super::url::TrackerUrl;
use crate::time::Timestamp;

/// One tracker of a swarm.
#[derive(Debug)]
pub(super) struct Tracker {
    pub(super) url: TrackerUrl,
    /// It was told that we are there, as far as we know.
    pub(super) knows_us: bool,
    /// Failures in a row.
    pub(super) failures: u32,
    /// What it gave us to give back.
    pub(super) tracker_id: Option<Vec<u8>>,
    /// Its interval is over.
    regular_at: Timestamp,
    /// Its `min interval` is over.
    early_at: Timestamp,
}

impl Tracker {
    /// A tracker that was not asked yet.
    pub(super) fn new(url: TrackerUrl, now: Timestamp) -> Self {
        Self {
            url,
            knows_us: false,
            failures: 0,
            tracker_id: None,
            regular_at: now,
            early_at: now,
        }
    }

    /// When it may be asked; earlier if there is news for it.
    pub(super) fn due(&self, news: bool) -> Timestamp {
        if news { self.early_at } else { self.regular_at }
    }

    pub(super) fn answered(&mut self, answer: &Answer, now: Timestamp, rng: &mut fastrand::Rng) {
        self.failures = 0;
        self.early_at = now + later(answer.min_interval, rng);
        // By lot it could lie before the other one.
        self.regular_at = (now + later(answer.interval, rng)).max(self.early_at);
        // Once given, it is kept until another one comes (BEP 3's practice).
        if answer.tracker_id.is_some() {
            self.tracker_id.clone_from(&answer.tracker_id);
        }
    }

    pub(super) fn failed(&mut self, refused: bool, now: Timestamp, rng: &mut fastrand::Rng) {
        let first = if refused { REFUSED_FIRST } else { RETRY_FIRST };
        let doubled = first.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let at = now + later(doubled.min(RETRY_LAST), rng);
        (self.regular_at, self.early_at) = (at, at);
    }
}

/// A little later than that, by lot; never earlier.
fn later(wait: Duration, rng: &mut fastrand::Rng) -> Duration {
    wait.mul_f64(1.0 + JITTER * rng.f64())
}
