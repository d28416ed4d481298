//! How long a thread was held up: time in which it neither ran nor waited for a processor.
//!
//! That is what a disk costs whoever calls it. The clock alone would blame it for a busy machine.
//! Where the system does not tell the other two, all time between two looks counts.

use std::time::{Duration, Instant};

use crate::schedstat::Schedstat;

thread_local! {
    /// Opened once per thread.
    static SCHEDSTAT: Schedstat = Schedstat::of_this_thread();
}

/// A moment of the present thread.
#[derive(Debug)]
pub(super) struct Stopwatch {
    begun: Instant,
    busy: Duration,
    /// What was noted before, where no time passes by itself.
    #[cfg(any(test, feature = "simulation"))]
    noted: Option<Duration>,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self {
            begun: Instant::now(),
            busy: busy(),
            #[cfg(any(test, feature = "simulation"))]
            noted: crate::debt::noted(),
        }
    }

    /// How long the thread was held up since. To be asked on the thread that started it.
    pub(super) fn held_up(&self) -> Duration {
        #[cfg(any(test, feature = "simulation"))]
        if let (Some(before), Some(now)) = (self.noted, crate::debt::noted()) {
            return now.saturating_sub(before);
        }
        let elapsed = self.begun.elapsed();
        elapsed.saturating_sub(busy().saturating_sub(self.busy))
    }
}

/// How long this thread has run and waited for a processor, as far as the system tells.
fn busy() -> Duration {
    SCHEDSTAT.with(|times| {
        let (ran, waited) = times.look();
        ran + waited
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn sleep_holds_a_thread_up_and_work_does_not() {
        let watch = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(60));
        assert!(watch.held_up() >= Duration::from_millis(40));
        let watch = Stopwatch::start();
        while watch.begun.elapsed() < Duration::from_millis(60) {
            std::hint::spin_loop();
        }
        // However long it took in all, it was never this thread that waited.
        assert!(watch.held_up() < Duration::from_millis(40));
    }
}
