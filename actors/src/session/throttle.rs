//! One direction of a link under limits: how many bytes may move, and when the next ones may.
//!
//! How much leaves is known before, and is reserved before. How much comes is known when it has come, and
//! is reserved then: the link reads nothing more until those bytes would have been due. So a stranger that
//! comes, says a few words and goes costs the others these words, and no share that it does not use.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};

use swarmlet_protocol::session::PROGRESS_PERIOD;
use swarmlet_protocol::time::Timestamp;
use tokio::time::{Sleep, sleep_until};

use crate::clock::Clock;
use crate::limits::SharedLimit;

/// The limits of one direction, and what was reserved last.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    limits: Vec<SharedLimit>,
    /// From when on something may move.
    due: Timestamp,
    /// Bytes that are reserved and have not been given out.
    reserved: Option<u64>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Throttle {
    /// These hold as well.
    pub(super) fn add(&mut self, limits: Vec<SharedLimit>) {
        self.limits.extend(limits);
    }

    pub(super) const fn is_limited(&self) -> bool {
        !self.limits.is_empty()
    }

    /// The most that may move at once: links take turns.
    pub(super) fn quantum(&self) -> u64 {
        let quanta = self.limits.iter().map(SharedLimit::quantum);
        quanta.min().unwrap_or(u64::MAX)
    }

    /// May something move? If not, the task is woken when it may, and every [`PROGRESS_PERIOD`] until
    /// then, so that the link can be held excused.
    pub(super) fn poll(&mut self, clock: Clock, task: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            let now = clock.now();
            if self.due <= now {
                self.timer = None;
                return Poll::Ready(());
            }
            let until = clock.instant(self.due.min(now + PROGRESS_PERIOD));
            let timer = self
                .timer
                .get_or_insert_with(|| Box::pin(sleep_until(until)));
            ready!(timer.as_mut().poll(task));
            self.timer = None;
        }
    }

    /// Reserves up to so many bytes before they move; says how many may when they may.
    pub(super) fn poll_reserve(
        &mut self,
        bytes: u64,
        clock: Clock,
        task: &mut TaskContext<'_>,
    ) -> Poll<u64> {
        let bytes = self.reserved.unwrap_or_else(|| {
            let bytes = bytes.min(self.quantum());
            self.spend(bytes, clock.now());
            bytes
        });
        self.reserved = Some(bytes);
        ready!(self.poll(clock, task));
        self.reserved = None;
        Poll::Ready(bytes)
    }

    /// So many bytes have moved. The slowest limit says when the next ones may.
    pub(super) fn spend(&mut self, bytes: u64, now: Timestamp) {
        let times = self.limits.iter().map(|limit| limit.reserve(bytes, now));
        self.due = times.max().unwrap_or(now);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::time::Duration;

    use super::*;

    #[test]
    fn strangers_that_come_and_go_cost_a_link_what_they_said_and_no_more() {
        const RATE: u64 = 1_000_000;
        let limit = SharedLimit::new(NonZeroU64::new(RATE).unwrap());
        let throttle = || Throttle {
            limits: vec![limit.clone()],
            ..Throttle::default()
        };
        let mut busy = throttle();
        let (mut now, mut moved) = (Timestamp::from_millis(5_000), 0);
        let end = now + Duration::from_secs(60);
        while now < end {
            // One each millisecond says 100 bytes: a tenth of the rate.
            throttle().spend(100, now);
            while busy.due <= now {
                let quantum = busy.quantum();
                busy.spend(quantum, now);
                moved += quantum;
            }
            now = now + Duration::from_millis(1);
        }
        let share = 60 * RATE * 9 / 10;
        let rest = 4 * busy.quantum();
        assert!(
            moved >= share - rest && moved <= share + RATE / 10 + rest,
            "{moved} of {share}"
        );
    }
}
