//! Rates, medians, and the one line that sums a node up. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::time::Timestamp;

use crate::messages::scheduler::Progress;
use crate::words::counted;

/// Turns a growing total into a rate per second.
#[derive(Debug)]
pub(super) struct RateMeter {
    last: (u64, Timestamp),
    rate: u64,
}

impl RateMeter {
    /// A meter of something whose total is this now.
    pub(super) const fn new(total: u64, now: Timestamp) -> Self {
        Self {
            last: (total, now),
            rate: 0,
        }
    }

    /// The total is this now.
    pub(super) fn take(&mut self, total: u64, now: Timestamp) {
        let (before, at) = self.last;
        let elapsed = now.since(at).as_secs_f64();
        if elapsed <= 0.0 {
            return;
        }
        self.rate = (total.saturating_sub(before) as f64 / elapsed) as u64;
        self.last = (total, now);
    }

    pub(super) const fn rate(&self) -> u64 {
        self.rate
    }
}

/// The last samples of one link.
#[derive(Debug, Default)]
pub(super) struct Window {
    samples: VecDeque<Duration>,
}

/// 31 samples: half a minute of a busy link, and a middle.
const WINDOW: usize = 31;

impl Window {
    pub(super) fn add(&mut self, sample: Duration) {
        if self.samples.len() == WINDOW {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// The middle sample: one slow answer does not move it.
    pub(super) fn median(&self) -> Option<Duration> {
        let mut sorted: Vec<_> = self.samples.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

/// The progress of several contents as if they were one.
pub(super) fn sum<'a>(contents: impl Iterator<Item = &'a Progress>) -> Progress {
    contents.fold(Progress::default(), |sum, one| Progress {
        known: sum.known | one.known,
        have: sum.have.saturating_add(one.have),
        pieces: sum.pieces.saturating_add(one.pieces),
        unchecked: sum.unchecked.saturating_add(one.unchecked),
        without_holder: sum.without_holder.saturating_add(one.without_holder),
        bytes: sum.bytes.saturating_add(one.bytes),
        size: sum.size.saturating_add(one.size),
        left: sum.left.saturating_add(one.left),
        in_flight: sum.in_flight.saturating_add(one.in_flight),
        received: sum.received.saturating_add(one.received),
        from_sources: sum.from_sources.saturating_add(one.from_sources),
        sent: sum.sent.saturating_add(one.sent),
        links: sum.links.saturating_add(one.links),
        paused: sum.paused.or_else(|| one.paused.clone()),
    })
}

/// The state of all contents in one line.
pub(super) fn line(contents: &[(InfoHash, Progress)], down: u64, up: u64) -> String {
    let progress = &sum(contents.iter().map(|(_, progress)| progress));
    let complete = |one: &Progress| one.known && one.have == one.pieces;
    let line = line_of(progress, down, up);
    if contents.len() < 2 {
        return line;
    }
    let done = contents.iter().filter(|(_, one)| complete(one)).count();
    format!("{done} of {} contents complete, {line}", contents.len())
}

fn line_of(progress: &Progress, down: u64, up: u64) -> String {
    if !progress.known {
        return format!(
            "waiting to learn what to sync, {}",
            counted(progress.links, "link")
        );
    }
    let done = match progress.pieces {
        0 => 100.0,
        pieces => f64::from(progress.have) * 100.0 / f64::from(pieces),
    };
    let mut line = format!(
        "{done:.1} % ({}/{}), down {}/s, up {}/s, {}",
        progress.have,
        counted(progress.pieces, "piece"),
        bytes(down),
        bytes(up),
        counted(progress.links, "link")
    );
    if progress.from_sources > 0 {
        line += &format!(", {} from sources", bytes(progress.from_sources));
    }
    if progress.unchecked > 0 {
        line += &format!(", {} not checked yet", progress.unchecked);
    }
    if progress.without_holder > 0 {
        line += &format!(", {} that no linked peer has", progress.without_holder);
    }
    // Why stands in the log already, once.
    if progress.paused.is_some() {
        line += ", paused";
    }
    line
}

fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{count} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_what_came_over_the_time_it_took() {
        let mut meter = RateMeter::new(0, Timestamp::ZERO);
        assert_eq!(meter.rate(), 0);
        meter.take(100, Timestamp::ZERO);
        assert_eq!(meter.rate(), 0, "no time has passed");
        meter.take(100, Timestamp::from_millis(1_000));
        assert_eq!(meter.rate(), 100, "the first look counts, too");
        meter.take(600, Timestamp::from_millis(3_000));
        assert_eq!(meter.rate(), 250);
        meter.take(600, Timestamp::from_millis(4_000));
        assert_eq!(meter.rate(), 0);
    }

    #[test]
    fn one_slow_answer_does_not_move_the_median() {
        let mut window = Window::default();
        assert_eq!(window.median(), None);
        for millis in [3, 900, 2] {
            window.add(Duration::from_millis(millis));
        }
        assert_eq!(window.median(), Some(Duration::from_millis(3)));
        (0..1_000).for_each(|_| window.add(Duration::from_millis(5)));
        assert_eq!(window.median(), Some(Duration::from_millis(5)));
        assert_eq!(window.samples.len(), WINDOW);
    }

    #[test]
    fn the_line_tells_why_a_node_waits() {
        let mut progress = Progress {
            links: 2,
            ..Progress::default()
        };
        assert_eq!(
            line_of(&progress, 0, 0),
            "waiting to learn what to sync, 2 links"
        );
        progress = Progress {
            known: true,
            have: 3,
            pieces: 8,
            links: 2,
            ..progress
        };
        assert_eq!(
            line_of(&progress, 3 << 20, 100),
            "37.5 % (3/8 pieces), down 3.0 MiB/s, up 100 B/s, 2 links"
        );
        let single = Progress {
            have: 0,
            pieces: 1,
            links: 1,
            ..progress.clone()
        };
        assert_eq!(
            line_of(&single, 0, 0),
            "0.0 % (0/1 piece), down 0 B/s, up 0 B/s, 1 link"
        );
        progress.without_holder = 5;
        progress.paused = Some("cannot write /data.bin: no space left on device".to_owned());
        assert!(line_of(&progress, 0, 0).ends_with(", 5 that no linked peer has, paused"));
    }

    #[test]
    fn several_contents_are_told_as_one_and_those_that_are_complete_are_counted() {
        let one = |have: u32, pieces: u32| Progress {
            known: true,
            have,
            pieces,
            links: 1,
            ..Progress::default()
        };
        let contents: Vec<_> = [one(4, 4), one(1, 12), one(0, 0)]
            .into_iter()
            .enumerate()
            .map(|(number, progress)| (InfoHash([number as u8; 20]), progress))
            .collect();
        assert_eq!(
            line(&contents, 0, 0),
            "2 of 3 contents complete, 31.2 % (5/16 pieces), down 0 B/s, up 0 B/s, 3 links"
        );
        assert_eq!(line(&contents[..1], 0, 0), line_of(&contents[0].1, 0, 0));
    }
}
