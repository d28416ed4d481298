//! The logger of the binary: lines on stderr that do not tear the progress bar.

use std::env;
use std::io::{self, Write};
use std::sync::{Arc, PoisonError, RwLock};

use env_logger::{Builder, Logger, Target, WriteStyle};
use log::{LevelFilter, Log, Metadata, Record};
use swarmlet::http::LogControl;

use super::filter::checked;
use super::progress::NodeBar;

/// What is logged unless RUST_LOG says otherwise. What we stand on says nothing at this level.
pub(crate) const DEFAULT: &str = "info";

/// The same for commands that say themselves how they do.
pub(crate) const QUIET: &str = "warn";

/// Says by itself, and each time, at the level of errors, what the trackers actor says once.
const LOUD: &str = "rustls_platform_verifier";

/// Says in four lines at its start that it starts. Whoever names it hears it.
const CHATTY: &str = "actix_server";

/// Says at the level of errors what strangers do wrong: whoever can connect could fill the log. Whoever
/// names it hears it.
const STRANGERS: &str = "actix_http";

/// Starts logging to stderr, as much as that says unless RUST_LOG does. What it gives back says how much
/// is logged from then on. Does nothing else if a logger runs already.
pub(crate) fn start(bar: &NodeBar, filter: &str) -> Arc<Switch> {
    let filter = env::var("RUST_LOG")
        .ok()
        .filter(|filter| !filter.is_empty())
        .unwrap_or_else(|| filter.to_owned());
    let logger = logger(&filter, bar);
    let switch = Arc::new(Switch {
        bar: bar.clone(),
        level: logger.filter(),
        state: RwLock::new((filter, logger)),
    });
    // Only tests start more than one logger in a process, and any of them will do.
    if log::set_boxed_logger(Box::new(Switched(Arc::clone(&switch)))).is_ok() {
        log::set_max_level(switch.level);
    }
    switch
}

/// The logger of this process, whose filter can be exchanged.
pub(crate) struct Switch {
    bar: NodeBar,
    /// The level at the start.
    level: LevelFilter,
    state: RwLock<(String, Logger)>,
}

/// The same, as the one that the macros find.
struct Switched(Arc<Switch>);

impl Switch {
    fn with<T>(&self, look: impl FnOnce(&(String, Logger)) -> T) -> T {
        // It is only ever exchanged as a whole.
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LogControl for Switch {
    fn filter(&self) -> String {
        self.with(|(filter, _)| filter.clone())
    }

    fn set(&self, filter: &str) -> Result<(), String> {
        let filter = checked(filter)?;
        let logger = logger(&filter, &self.bar);
        let level = logger.filter();
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = (filter, logger);
        log::set_max_level(level);
        Ok(())
    }
}

impl Log for Switched {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.with(|(_, logger)| logger.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        self.0.with(|(_, logger)| logger.log(record));
    }

    fn flush(&self) {
        self.0.with(|(_, logger)| logger.flush());
    }
}

fn logger(filter: &str, bar: &NodeBar) -> Logger {
    let mut builder = Builder::new();
    builder.parse_filters(filter);
    builder.parse_write_style(&env::var("RUST_LOG_STYLE").unwrap_or_default());
    builder.filter_module(LOUD, LevelFilter::Off);
    if !filter.contains(CHATTY) {
        builder.filter_module(CHATTY, LevelFilter::Warn);
    }
    if !filter.contains(STRANGERS) {
        builder.filter_module(STRANGERS, LevelFilter::Off);
    }
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
    builder.build()
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
    fn a_filter_can_be_exchanged() {
        let bar = NodeBar::new();
        let logger = logger("info", &bar);
        let switch = Switch {
            bar,
            level: logger.filter(),
            state: RwLock::new(("info".to_owned(), logger)),
        };
        let enabled = |level| {
            let metadata = Metadata::builder().level(level).target("swarmlet").build();
            switch.with(|(_, logger)| logger.enabled(&metadata))
        };
        assert!(enabled(log::Level::Info) && !enabled(log::Level::Debug));
        switch.set("debug").unwrap();
        assert!(enabled(log::Level::Debug));
        assert!(switch.set("loud").is_err());
        assert_eq!(switch.filter(), "debug");
    }

    #[test]
    fn targets_are_short() {
        assert_eq!(short("swarmlet_actors::session::pump"), "session");
        assert_eq!(short("some_library::inner"), "inner");
        assert_eq!(short("session"), "session");
    }
}
