//! Where the next job on a disk should run: here, on the thread that has the bytes, or on a worker.
//!
//! Here is cheapest: the bytes are in this core's cache and no thread is woken (measured: a worker
//! costs 1.2 to 1.5 times the processor time per byte, docs/performance.md). But a disk that makes its
//! caller wait would hold up every actor of the thread. So a disk is believed to be quick while it
//! shows that it is: jobs start on workers; after some in a row that did not wait they run here, and
//! one that waited sends them back to workers, for longer each time that happens soon.

use std::time::Duration;

/// 4: jobs in a row that must not wait before the first one runs here.
pub const FIRST_TRIAL: u32 = 4;

/// 1,024: the longest such row: a disk that stalls now and then costs one wait in a GiB.
pub const LONGEST_TRIAL: u32 = 1_024;

/// 8 ms of waiting, and no more, are forgiven to any job: less than one seek of a spinning disk, and
/// twice the error of the measure (a tick of Linux's scheduler).
pub const PATIENCE: Duration = Duration::from_millis(8);

/// The judgement of one disk.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Jobs in a row that did not wait.
    quick: u32,
    /// How many of those it takes.
    trial: u32,
    /// A disk that may never be waited for: it is on the other side of a network.
    remote: bool,
}

impl Pace {
    /// The judgement of a disk that has done nothing yet. A `remote` one is never trusted: when its
    /// server is gone a call may wait for ever.
    #[must_use]
    pub const fn new(remote: bool) -> Self {
        Self {
            quick: 0,
            trial: FIRST_TRIAL,
            remote,
        }
    }

    /// May the next job run on the present thread?
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        !self.remote && self.quick >= self.trial
    }

    /// A job was done, and its thread was held up for so long: time in which it neither ran nor
    /// could have.
    pub fn waited(&mut self, waited: Duration) {
        if waited <= PATIENCE {
            self.quick = self.quick.saturating_add(1);
            // A row ten times as long as it had to be: old sins are forgotten.
            if self.quick > self.trial.saturating_mul(10) {
                self.trial = FIRST_TRIAL;
            }
            return;
        }
        if self.is_trusted() {
            self.trial = self.trial.saturating_mul(4).min(LONGEST_TRIAL);
        }
        self.quick = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL: Duration = Duration::from_millis(30);

    fn quick(pace: &mut Pace, jobs: u32) {
        (0..jobs).for_each(|_| pace.waited(Duration::from_micros(100)));
    }

    #[test]
    fn a_disk_is_trusted_when_it_has_shown_itself_quick() {
        let mut pace = Pace::new(false);
        assert!(!pace.is_trusted());
        quick(&mut pace, FIRST_TRIAL - 1);
        assert!(!pace.is_trusted());
        quick(&mut pace, 1);
        assert!(pace.is_trusted());
        pace.waited(STALL);
        assert!(!pace.is_trusted());
    }

    #[test]
    fn a_disk_that_stalls_again_and_again_is_waited_for_ever_more_rarely() {
        let mut pace = Pace::new(false);
        let (mut jobs, mut waited) = (0, 0);
        while jobs < 100_000 {
            // Every trusted job stalls, every other one is quick.
            let trusted = pace.is_trusted();
            waited += u32::from(trusted);
            pace.waited(if trusted { STALL } else { Duration::ZERO });
            jobs += 1;
        }
        assert!(waited <= 100_000 / LONGEST_TRIAL + 5, "{waited}");
    }

    #[test]
    fn a_disk_that_has_been_quick_for_long_gets_its_first_trial_again() {
        let mut pace = Pace::new(false);
        for _ in 0..3 {
            quick(&mut pace, LONGEST_TRIAL);
            pace.waited(STALL);
        }
        quick(&mut pace, 11 * LONGEST_TRIAL);
        pace.waited(STALL);
        quick(&mut pace, 4 * FIRST_TRIAL);
        assert!(pace.is_trusted());
    }

    #[test]
    fn a_remote_disk_is_never_trusted() {
        let mut pace = Pace::new(true);
        quick(&mut pace, 10 * LONGEST_TRIAL);
        assert!(!pace.is_trusted());
    }
}
