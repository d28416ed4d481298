//! One direction of a link under limits: how many bytes may move now, and when the next ones may.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use swarmlet_protocol::session::PROGRESS_PERIOD;
use swarmlet_protocol::time::Timestamp;
use tokio::time::{Sleep, sleep_until};

use crate::clock::Clock;
use crate::limits::SharedLimit;

/// The limits of one direction, and what is left of the last reservation.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    limits: Vec<SharedLimit>,
    allowance: u64,
    /// Bytes that are reserved, and from when on they may move.
    reserved: Option<(u64, Timestamp)>,
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

    /// How many bytes may move now. If none may, the task is woken when some may, and every
    /// [`PROGRESS_PERIOD`] until then, so that the link can be held excused.
    pub(super) fn poll(&mut self, clock: Clock, task: &mut TaskContext<'_>) -> Poll<u64> {
        loop {
            if self.allowance > 0 {
                return Poll::Ready(self.allowance);
            }
            let now = clock.now();
            let (bytes, due) = match self.reserved {
                Some(reserved) => reserved,
                None => self.reserve(now),
            };
            if due <= now {
                self.allowance = bytes;
                self.reserved = None;
                self.timer = None;
                continue;
            }
            let until = clock.instant(due.min(now + PROGRESS_PERIOD));
            let timer = self
                .timer
                .get_or_insert_with(|| Box::pin(sleep_until(until)));
            if timer.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
    }

    /// So many bytes moved, or were promised to.
    pub(super) const fn spend(&mut self, bytes: u64) {
        self.allowance = self.allowance.saturating_sub(bytes);
    }

    /// The same bytes under every limit: the slowest says when.
    fn reserve(&mut self, now: Timestamp) -> (u64, Timestamp) {
        let quanta = self.limits.iter().map(SharedLimit::quantum);
        let bytes = quanta.min().unwrap_or(u64::MAX);
        let times = self.limits.iter().map(|limit| limit.reserve(bytes, now));
        let reserved = (bytes, times.max().unwrap_or(now));
        self.reserved = Some(reserved);
        reserved
    }
}
