//! What is to be seen while something is fetched: a bar on a terminal, else a line now and then.

use std::cell::Cell;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::jobs::Jobs;
use crate::cli::error::CliError;
use crate::cli::progress::NodeBar;

/// 10 s without a peer are worth a hint what might help.
pub(super) const LONELY: Duration = Duration::from_secs(10);

/// 5 s between lines where there is no terminal.
const LINES: Duration = Duration::from_secs(5);

/// Shows how far it is, on stderr.
#[derive(Debug)]
pub(super) struct View {
    bar: NodeBar,
    said_at: Cell<Option<Instant>>,
}

impl View {
    pub(super) fn new(bar: NodeBar) -> Self {
        Self {
            bar,
            said_at: Cell::new(None),
        }
    }

    /// Shows how far it is.
    pub(super) fn show(&self, jobs: &Jobs) {
        let line = jobs.line();
        if self.bar.is_visible() {
            self.bar.show(jobs.progress.bytes, jobs.progress.size, line);
            return;
        }
        let now = Instant::now();
        match self.said_at.get() {
            // What is done in a moment needs no word.
            None => self.said_at.set(Some(now)),
            Some(at) if now.duration_since(at) >= LINES => {
                self.said_at.set(Some(now));
                self.say(&line);
            }
            Some(_) => {}
        }
    }

    /// Says something once. A stderr that is gone takes nothing away from what was asked for.
    pub(super) fn say(&self, line: &str) {
        self.bar.suspend(|| {
            let _ = writeln!(io::stderr(), "{line}");
        });
    }

    /// Prints what was asked for.
    ///
    /// # Errors
    /// Nobody reads it.
    pub(super) fn print(&self, line: &str) -> Result<(), CliError> {
        let print = || writeln!(io::stdout(), "{line}").map_err(CliError::Output);
        self.bar.suspend(print)
    }

    /// Makes room for what is printed.
    pub(super) fn clear(&self) {
        self.bar.clear();
    }
}

/// `1 peer`, `3 peers`.
pub(crate) fn peers(count: u32) -> String {
    match count {
        1 => "1 peer".to_owned(),
        count => format!("{count} peers"),
    }
}

/// A time as people say it: `4 s`, `2 min 5 s`, `3 h 20 min`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    let parts = |large: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small} {smaller}"),
    };
    match seconds {
        0 => "less than a second".to_owned(),
        1..60 => format!("{seconds} s"),
        60..3_600 => parts(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => parts(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => parts(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        for (seconds, said) in [
            (0, "less than a second"),
            (59, "59 s"),
            (60, "1 min"),
            (125, "2 min 5 s"),
            (7_200, "2 h"),
            (12_000, "3 h 20 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(time(Duration::from_secs(seconds)), said);
        }
    }
}
