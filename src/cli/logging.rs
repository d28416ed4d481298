//! The logger of the binary: lines on stderr that do not tear the progress bar.

use std::io::{self, Write};

use env_logger::{Builder, Env, Target, WriteStyle};

use super::progress::NodeBar;

/// What is logged unless RUST_LOG says otherwise: our events, and the warnings of what we stand on.
const DEFAULT_FILTER: &str = "warn,swarmlet=info";

/// Starts logging to stderr. Does nothing if a logger runs already.
pub(crate) fn start(bar: &NodeBar) {
    let mut builder = Builder::from_env(Env::default().default_filter_or(DEFAULT_FILTER));
    builder.format_timestamp_millis();
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
