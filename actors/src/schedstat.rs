//! What the system says of a thread's time: how long it ran, and how long it waited for a processor.
//!
//! From Linux's `/proc/thread-self/schedstat`. Elsewhere, or where that is not there, nothing is
//! known and every time is zero.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// The times of the thread that opened it, for whichever thread asks. A look is one system call.
#[derive(Debug)]
pub(crate) struct Schedstat {
    file: Option<File>,
}

impl Schedstat {
    /// Those of the present thread.
    pub(crate) fn of_this_thread() -> Self {
        Self {
            file: File::open("/proc/thread-self/schedstat").ok(),
        }
    }

    /// How long the thread has run, and how long it has waited for a processor.
    pub(crate) fn look(&self) -> (Duration, Duration) {
        let mut text = [0; 64];
        let file = self.file.as_ref();
        let length = file.and_then(|file| file.read_at(&mut text, 0).ok());
        let text = std::str::from_utf8(&text[..length.unwrap_or(0)]).unwrap_or_default();
        let mut numbers = text.split_ascii_whitespace().map_while(|n| n.parse().ok());
        let mut next = || Duration::from_nanos(numbers.next().unwrap_or(0));
        (next(), next())
    }
}
