//! Progress bars: one for work on a file, one for a running node.
//!
//! Bars are drawn on stderr and only where that is a terminal; elsewhere they are hidden and cost
//! nothing.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::size::Size;

/// 64 MiB: what takes less than a blink to hash gets no bar.
const WORTH_A_BAR: u64 = 64 << 20;

/// A bar for reading that many bytes once.
pub(crate) fn work_bar(what: &'static str, size: u64) -> ProgressBar {
    if size < WORTH_A_BAR || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(size).with_message(what);
    bar.set_style(style(
        "{msg} {bar:40.cyan/dim} {percent:>3} %  {binary_bytes_per_sec}  {eta} left",
    ));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// How far a node is.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Progress {
    /// Parts that are right.
    pub(crate) have: u32,
    /// Parts that there are.
    pub(crate) pieces: u32,
    /// Bytes in the parts that are right.
    pub(crate) bytes_have: u64,
    /// Bytes that there are.
    pub(crate) size: u64,
    /// Nodes that this one is linked with.
    pub(crate) peers: usize,
    /// Bytes per second that come in.
    pub(crate) down_rate: u64,
    /// Bytes per second that go out.
    pub(crate) up_rate: u64,
}

impl Progress {
    /// The same in one line.
    pub(crate) fn line(self) -> String {
        let peers = match self.peers {
            1 => "1 peer".to_owned(),
            peers => format!("{peers} peers"),
        };
        format!(
            "{} of {} parts  {peers}  down {}/s  up {}/s",
            self.have,
            self.pieces,
            Size(self.down_rate),
            Size(self.up_rate)
        )
    }
}

/// The bar of a running node, below its log lines.
#[derive(Clone, Debug)]
pub(crate) struct NodeBar {
    bars: MultiProgress,
    bar: ProgressBar,
}

impl NodeBar {
    /// A bar on stderr, or a hidden one where stderr is no terminal. Shows nothing before the
    /// first update.
    pub(crate) fn new() -> Self {
        let target = if io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bars = MultiProgress::with_draw_target(target);
        let bar = bars.add(ProgressBar::no_length());
        bar.set_style(style("{bar:30.cyan/dim} {percent:>3} %  {msg}"));
        Self { bars, bar }
    }

    /// Whether there is anything to see.
    pub(crate) fn is_visible(&self) -> bool {
        !self.bars.is_hidden()
    }

    /// Shows how far the node is. Cheap: the terminal is written at most 20 times a second.
    pub(crate) fn update(&self, progress: Progress) {
        let share = Share::of(progress);
        self.bar.set_message(progress.line());
        self.bar.set_length(share.all);
        self.bar.set_position(share.done);
    }

    /// Shows that much done of all, and what is to be said of it; of nothing, as long as it is not known
    /// what there is to do, nothing is done. As cheap.
    pub(crate) fn show(&self, done: u64, all: u64, line: String) {
        let share = match all {
            0 => Share { done: 0, all: 1 },
            all => Share::new(done, all),
        };
        self.bar.set_length(share.all);
        self.bar.set_position(share.done);
        self.bar.set_message(line);
    }

    /// Runs something that writes to the terminal while the bar is out of its way.
    pub(crate) fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        self.bars.suspend(write)
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// What is done of what there is to do, nothing of nothing being all.
struct Share {
    done: u64,
    all: u64,
}

impl Share {
    fn of(progress: Progress) -> Self {
        Self::new(progress.bytes_have, progress.size)
    }

    fn new(done: u64, all: u64) -> Self {
        match all {
            0 => Self { done: 1, all: 1 },
            all => Self {
                done: done.min(all),
                all,
            },
        }
    }
}

/// A style from a template of ours. A template that does not parse is a bug, and a plain bar then
/// stands in for it.
pub(crate) fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    debug_assert!(style.is_ok(), "bug: bad template '{template}'");
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_parts_peers_and_rates() {
        let progress = Progress {
            have: 3,
            pieces: 7,
            bytes_have: 300,
            size: 700,
            peers: 1,
            down_rate: 2 << 20,
            up_rate: 0,
        };
        assert_eq!(
            progress.line(),
            "3 of 7 parts  1 peer  down 2 MiB/s  up 0 bytes/s"
        );
    }

    #[test]
    fn an_empty_file_is_complete() {
        let share = Share::of(Progress::default());
        assert_eq!(share.done, share.all);
    }

    #[test]
    fn a_bar_that_nobody_sees_takes_updates() {
        let bar = NodeBar::new();
        bar.update(Progress::default());
        bar.clear();
    }
}
