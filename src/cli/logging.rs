//! The logger of the binary: lines on stderr that do not tear the progress bar.

use std::io::{self, Write};

use env_logger::{Builder, Env, Target, WriteStyle};
use log::LevelFilter;

use super::progress::NodeBar;

/// What is logged unless RUST_LOG says otherwise. What we stand on says nothing at this level.
pub(crate) const DEFAULT: &str = "info";

/// The same for commands that say themselves how they do.
pub(crate) const QUIET: &str = "warn";

/// Says by itself, and each time, at the level of errors, what the trackers actor says once.
const LOUD: &str = "rustls_platform_verifier";

/// Starts logging to stderr, as much as that says unless RUST_LOG does. Does nothing if a logger runs already.
pub(crate) fn start(bar: &NodeBar, filter: &str) {
    let mut builder = Builder::from_env(Env::default().default_filter_or(filter));
    builder.filter_module(LOUD, LevelFilter::Off);
    builder.format(|line, record| {
        let level = record.level();
        let style = line.default_level_style(level);
        let time = line.timestamp_millis();
        let target = short(record.target());
        writeln!(
            line,
            "{time} {style}{level:<5}{style:#} {target}: {}",
            record.args()
        )
    });
    if bar.is_visible() {
        let style = if console::colors_enabled_stderr() {
            WriteStyle::Always
        } else {
            WriteStyle::Never
        };
        builder
            .target(Target::Pipe(Box::new(AboveBar(bar.clone()))))
            .write_style(style);
    }
    // Only tests start more than one logger in a process, and any of them will do.
    let _ = builder.try_init();
}

/// Who speaks: the actor, whatever file of it the line stands in; else the last part of the
/// module's path.
fn short(target: &str) -> &str {
    let actor = target
        .strip_prefix("swarmlet_actors::")
        .and_then(|path| path.split("::").next());
    actor.unwrap_or_else(|| target.rsplit("::").next().unwrap_or(target))
}

/// Stderr, with the bar out of the way while a line is written.
struct AboveBar(NodeBar);

impl Write for AboveBar {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().lock().write(line))
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        self.0.suspend(|| io::stderr().lock().write_all(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_short() {
        assert_eq!(short("swarmlet_actors::session::pump"), "session");
        assert_eq!(short("some_library::inner"), "inner");
        assert_eq!(short("session"), "session");
    }
}
