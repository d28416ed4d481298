//! Time that something took in a test where no time passes by itself.
//!
//! A slow disk holds up the thread that calls it. Where the clock is simulated a thread cannot be
//! held up: what it would have waited is noted, and whoever runs the job lets it pass afterwards.

use std::cell::Cell;
use std::time::Duration;

thread_local! {
    /// What was noted on this thread; none where time passes by itself.
    static DEBT: Cell<Option<Duration>> = const { Cell::new(None) };
}

/// Lets this much time pass, or notes it.
pub(crate) fn take_time(time: Duration) {
    match DEBT.get() {
        Some(debt) => DEBT.set(Some(debt + time)),
        None if time.is_zero() => {}
        None => std::thread::sleep(time),
    }
}

/// What was noted so far on this thread; none where time passes by itself.
pub(crate) fn noted() -> Option<Duration> {
    DEBT.get()
}

/// From now on time is noted on this thread, or passes by itself again.
#[cfg(feature = "simulation")]
pub(crate) fn note(from: bool) {
    DEBT.set(from.then_some(Duration::ZERO));
}
