//! What the user sees of the demo: a bar per node on a terminal, a line now and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use console::style;
use indicatif::{MultiProgress, ProgressBar};

use crate::cli::progress::style as bar_style;
use crate::cli::size::Size;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);
/// How long a bar says that its node was killed.
const SHOW_KILL: Duration = Duration::from_millis(700);
/// More bars than this do not fit a terminal: then one bar stands for all.
const MAX_BARS: usize = 32;

/// The picture of the fleet.
pub(super) struct View {
    started: Instant,
    kind: Kind,
}

enum Kind {
    Bars {
        bars: Vec<ProgressBar>,
        killed: Vec<Option<Instant>>,
    },
    Lines {
        last: Instant,
    },
    One(ProgressBar),
}

/// One node as the view shows it.
#[derive(Copy, Clone, Debug)]
pub(super) struct Row {
    /// Parts that are right.
    pub(super) right: u32,
    /// How often it was killed.
    pub(super) kills: u32,
    /// Whether its file is as it should be.
    pub(super) done: bool,
}

impl View {
    /// An empty picture of nodes with these names.
    pub(super) fn new(names: &[String], parts: u32) -> Self {
        let kind = if !io::stderr().is_terminal() {
            Kind::Lines {
                last: Instant::now(),
            }
        } else if names.len() > MAX_BARS {
            let bar = ProgressBar::new(u64::from(parts) * names.len() as u64);
            bar.set_style(bar_style("  {bar:50.cyan/dim} {percent:>3} %  {msg}"));
            Kind::One(bar)
        } else {
            let multi = MultiProgress::new();
            let bars = names
                .iter()
                .map(|name| {
                    let bar = multi.add(ProgressBar::new(u64::from(parts.max(1))));
                    bar.set_style(bar_style(
                        "  {prefix:<20} {bar:40.cyan/dim} {percent:>3} %  {msg}",
                    ));
                    bar.set_prefix(name.clone());
                    bar
                })
                .collect();
            Kind::Bars {
                bars,
                killed: vec![None; names.len()],
            }
        };
        Self {
            started: Instant::now(),
            kind,
        }
    }

    /// Says something before the picture, on stderr.
    pub(super) fn announce(text: &str) {
        // Without stderr there is nobody to tell; the verdict goes to stdout.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// A node was killed just now.
    pub(super) fn killed(&mut self, number: usize) {
        if let Kind::Bars { killed, .. } = &mut self.kind
            && let Some(time) = killed.get_mut(number)
        {
            *time = Some(Instant::now());
        }
    }

    /// What was killed is up again, and is shown so from now on.
    pub(super) fn forget_kills(&mut self) {
        if let Kind::Bars { killed, .. } = &mut self.kind {
            killed.fill(None);
        }
    }

    /// Shows how far each node is.
    pub(super) fn update(&mut self, rows: &[Row], parts: u32) {
        let done = rows.iter().filter(|row| row.done).count();
        let kills: u32 = rows.iter().map(|row| row.kills).sum();
        let right: u64 = rows.iter().map(|row| u64::from(row.right)).sum();
        match &mut self.kind {
            Kind::Bars { bars, killed } => {
                for ((bar, row), killed) in bars.iter().zip(rows).zip(killed) {
                    bar.set_position(u64::from(if parts == 0 { 1 } else { row.right }));
                    let just = killed.is_some_and(|time| time.elapsed() < SHOW_KILL);
                    bar.set_message(words(row, just));
                }
            }
            Kind::One(bar) => {
                bar.set_position(right);
                bar.set_message(format!(
                    "{done} of {} nodes done, {kills} killed",
                    rows.len()
                ));
            }
            Kind::Lines { last } if last.elapsed() >= LINE_EVERY => {
                *last = Instant::now();
                let all = u64::from(parts) * rows.len() as u64;
                let percent = (right * 100).checked_div(all).unwrap_or(100);
                let seconds = self.started.elapsed().as_secs();
                Self::announce(&format!(
                    "{seconds:>4} s  {percent:>3} %  {done} of {} nodes done, {kills} killed",
                    rows.len()
                ));
            }
            Kind::Lines { .. } => {}
        }
    }

    /// Leaves the bars as they are, for the verdict to stand below them.
    pub(super) fn finish(&self) {
        match &self.kind {
            Kind::Bars { bars, .. } => bars.iter().for_each(ProgressBar::abandon),
            Kind::One(bar) => bar.abandon(),
            Kind::Lines { .. } => return Self::announce(""),
        }
        // One line break to leave the last bar, one for the space.
        Self::announce("\n");
    }
}

fn words(row: &Row, just_killed: bool) -> String {
    let mut words = Vec::new();
    if just_killed {
        words.push(style("killed").for_stderr().red().bold().to_string());
    } else if row.done {
        words.push(style("done").for_stderr().green().to_string());
    }
    if row.kills > 0 {
        let text = format!(
            "{} {}",
            row.kills,
            if row.kills == 1 { "kill" } else { "kills" }
        );
        words.push(style(text).for_stderr().dim().to_string());
    }
    words.join("  ")
}

/// What the demo ends with.
pub(super) struct Verdict {
    /// How many nodes there were.
    pub(super) nodes: usize,
    /// How large the file is.
    pub(super) size: u64,
    /// From the first start to the last right part.
    pub(super) time: Duration,
    /// Bytes that became right on some node.
    pub(super) filled_in: u64,
    /// How often a node was killed.
    pub(super) kills: u32,
    /// The SHA-1 of every file.
    pub(super) digest: String,
}

impl Verdict {
    /// Writes it.
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let seconds = self.time.as_secs_f64();
        let rate = (self.filled_in as f64 / seconds.max(0.001)) as u64;
        let head = format!("all {} files are identical", self.nodes);
        writeln!(out, "{} after {seconds:.1} s", style(head).green().bold())?;
        writeln!(
            out,
            "  filled in  {} ({}/s over all nodes)",
            Size(self.filled_in),
            Size(rate)
        )?;
        let times = match self.kills {
            0 => "no node was killed: it was over too soon".to_owned(),
            1 => "killed     1 node with SIGKILL, and started it again at once".to_owned(),
            kills => format!("killed     {kills} times with SIGKILL, and started again at once"),
        };
        writeln!(out, "  {times}")?;
        writeln!(out, "  size       {}", Size(self.size))?;
        writeln!(out, "  SHA-1      {}", self.digest)
    }
}
