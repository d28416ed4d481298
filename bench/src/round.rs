//! One run: one engine brings one content from a seed to all leechers, and is measured.
//!
//! The clock runs from the moment at which the leechers are started, the seed being ready, until
//! the last of them says that it has all. Every process is alive at both ends, and what it has
//! used in between is read from the kernel. Afterwards all processes are killed, and then the
//! files are compared.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::case::Case;
use crate::content::{Content, NAME};
use crate::engine::{Engine, Site};
use crate::lineup::LineUp;
use crate::measure::{Usage, machine_cpu};
use crate::network::Network;
use crate::process::{Mark, Process, Report};
use crate::tracker::Tracker;

/// 120 s for a seed to get ready, and as much for the leechers to get all.
const PATIENCE: Duration = Duration::from_secs(120);

/// 200 ms between looks at whether somebody has interrupted us: next to nothing.
const BEAT: Duration = Duration::from_millis(200);

/// The port of the first run. Each has another, as the last one's may not be free yet.
const FIRST_PORT: u16 = 21_000;

/// Ports that runs use in turn, below those that the kernel gives to outgoing connections.
const PORTS: u16 = 10_000;

/// What one run took.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Processor seconds of all processes, user and system.
    pub(crate) cpu: f64,
    /// Seconds until the last leecher was complete.
    pub(crate) wall: f64,
    /// The most memory that any of the processes had, in bytes.
    pub(crate) memory: u64,
    /// How often the processes gave up the processor of their own accord.
    pub(crate) switches: u64,
    /// Processor seconds that the rest of the machine took meanwhile: a run beside much else is
    /// not worth much.
    pub(crate) others: f64,
}

/// A run without a result.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    /// Something of ours cannot be done.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Somebody wants the benchmark to end.
    #[error("interrupted")]
    Interrupted,
    /// A process is gone.
    #[error("node {node} ended; its last lines:\n{lines}")]
    Ended {
        /// Which one; 0 is the seed.
        node: usize,
        /// What it said.
        lines: String,
    },
    /// Nodes did not get ready or complete.
    #[error("after {} s nodes {nodes:?} are not {what}; last lines of node {}:\n{lines}", PATIENCE.as_secs(), nodes.first().unwrap_or(&0))]
    TimedOut {
        /// Which ones.
        nodes: BTreeSet<usize>,
        /// What they should have been.
        what: &'static str,
        /// What the first of them said.
        lines: String,
    },
    /// A leecher that calls itself complete has other bytes.
    #[error("node {node} has wrong bytes from offset {at} on")]
    WrongBytes {
        /// Which one.
        node: usize,
        /// The first byte that differs.
        at: u64,
    },
}

/// What all runs of a case have in common.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    /// Where the nodes live.
    pub(crate) network: &'a Network,
    /// What is delivered.
    pub(crate) case: &'a Case,
    /// Its bytes.
    pub(crate) content: &'a Content,
    /// A folder on tmpfs for the files of the nodes.
    pub(crate) folder: &'a Path,
    /// Whether leechers' files stay between runs, to be overwritten.
    pub(crate) is_warm: bool,
    /// Becomes true when somebody wants us to end.
    pub(crate) interrupted: &'a AtomicBool,
}

impl Runner<'_> {
    /// Runs a line-up once.
    ///
    /// # Errors
    /// The run has no result: see [`RunError`].
    pub(crate) fn run(
        &self,
        line_up: &LineUp,
        engines: &[Box<dyn Engine>],
    ) -> Result<Sample, RunError> {
        let folder = self.folder.join(line_up.name());
        let engines = (0..=self.case.leechers).map(|node| line_up.engine(node, engines));
        let engines: Option<Vec<_>> = engines.collect();
        let engines = engines.ok_or_else(|| io::Error::other("bug: an engine is not here"))?;
        let result = self.lay_out(&folder).map_err(RunError::from);
        let result = result.and_then(|folders| {
            let sample = self.measure(&engines, folders.clone())?;
            self.compare(&folders)?;
            Ok(sample)
        });
        if !self.is_warm {
            fs::remove_dir_all(&folder)?;
        }
        result
    }

    /// Makes the folders of all nodes; the seed's has the file.
    fn lay_out(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut folders = Vec::new();
        for node in 0..=self.case.leechers {
            let folder = folder.join(node.to_string());
            fs::create_dir_all(&folder)?;
            for entry in fs::read_dir(&folder)? {
                clear(&entry?.path())?;
            }
            fs::create_dir(folder.join("state"))?;
            folders.push(folder);
        }
        let seed = folders[0].join(NAME);
        if !seed.exists() {
            fs::hard_link(self.content.file(), seed)?;
        }
        Ok(folders)
    }

    /// `engines` has one for each node.
    fn measure(&self, engines: &[&dyn Engine], folders: Vec<PathBuf>) -> Result<Sample, RunError> {
        let port = next_port();
        let addresses: Vec<_> = (0..folders.len())
            .map(|node| SocketAddrV4::new(self.network.address(node), port))
            .collect();
        let (sender, receiver) = mpsc::channel();
        let tracker = if engines.iter().any(|engine| engine.wants_tracker()) {
            let tracker = Tracker::start(self.network, addresses.clone(), sender.clone())?;
            Some(tracker)
        } else {
            None
        };
        let site = Site {
            content: self.content,
            size: self.case.size,
            piece: self.case.piece,
            addresses,
            folders,
            tracker: tracker.as_ref().map(Tracker::address),
        };
        let start = |node: usize, command| {
            let signs = engines[node].signs();
            Process::start(self.network, node, command, signs, sender.clone())
        };
        // Those that load before the clock starts, and those that are started with it.
        let leechers: BTreeSet<_> = (1..=self.case.leechers).collect();
        let waits = |node: &usize| engines[*node].waits_for_go();
        let (loaded, fresh): (BTreeSet<usize>, BTreeSet<usize>) =
            leechers.iter().copied().partition(waits);
        let mut commands = Vec::new();
        for node in loaded.iter().chain(&fresh) {
            commands.push((*node, engines[*node].command(&site, *node)?));
        }
        let mut processes = vec![start(0, engines[0].command(&site, 0)?)?];
        self.await_all(Mark::Ready, BTreeSet::from([0]), &receiver, &processes)?;
        let later = commands.split_off(loaded.len());
        for (node, command) in commands {
            processes.push(start(node, command)?);
        }
        self.await_all(Mark::Ready, loaded, &receiver, &processes)?;
        let mut before = usages(&processes)?;
        before.resize(site.folders.len(), Usage::default());

        let machine = machine_cpu()?;
        let clock = Instant::now();
        for leecher in &mut processes[1..] {
            leecher.go()?;
        }
        for (node, command) in later {
            processes.push(start(node, command)?);
        }
        self.await_all(Mark::Complete, leechers, &receiver, &processes)?;
        let wall = clock.elapsed().as_secs_f64();
        let after = usages(&processes)?;
        let machine = machine_cpu()?.saturating_sub(machine);
        Ok(sample(wall, machine, &before, &after))
    }

    /// Waits until all of these nodes have given that mark.
    fn await_all(
        &self,
        mark: Mark,
        mut nodes: BTreeSet<usize>,
        reports: &Receiver<Report>,
        processes: &[Process],
    ) -> Result<(), RunError> {
        let lines = |node: usize| {
            let process = processes.iter().find(|process| process.node() == node);
            process.map_or_else(String::new, Process::last_lines)
        };
        let end = Instant::now() + PATIENCE;
        while !nodes.is_empty() {
            if self.interrupted.load(Ordering::Relaxed) {
                return Err(RunError::Interrupted);
            }
            match reports.recv_timeout(BEAT) {
                Ok(report) if report.mark == Mark::Ended => {
                    let node = report.node;
                    // Ctrl-C ends them as well as us; the flag is set first or at once.
                    std::thread::sleep(Duration::from_millis(10));
                    if self.interrupted.load(Ordering::Relaxed) {
                        return Err(RunError::Interrupted);
                    }
                    let lines = lines(node);
                    return Err(RunError::Ended { node, lines });
                }
                Ok(report) if report.mark == mark => {
                    nodes.remove(&report.node);
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("bug: nobody reports any more").into());
                }
            }
            if Instant::now() > end && !nodes.is_empty() {
                let lines = lines(*nodes.first().unwrap_or(&0));
                let what = if mark == Mark::Ready {
                    "ready"
                } else {
                    "complete"
                };
                return Err(RunError::TimedOut { nodes, what, lines });
            }
        }
        Ok(())
    }

    /// Compares every byte of every leecher.
    fn compare(&self, folders: &[PathBuf]) -> Result<(), RunError> {
        for (node, folder) in folders.iter().enumerate().skip(1) {
            if let Some(at) = self.content.difference(&folder.join(NAME))? {
                return Err(RunError::WrongBytes { node, at });
            }
        }
        Ok(())
    }
}

/// Removes what a run left behind. A data file stays and gets other bytes, so that all of it has
/// to be fetched again into memory that is there already.
fn clear(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return fs::remove_dir_all(path);
    }
    let is_linked = || -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        Ok(fs::metadata(path)?.nlink() > 1)
    };
    if !path.ends_with(NAME) || is_linked()? {
        return fs::remove_file(path);
    }
    let mut file = fs::File::options().write(true).open(path)?;
    let zeros = vec![0; 1 << 20];
    let mut left = file.metadata()?.len();
    while left > 0 {
        let length = left.min(zeros.len() as u64);
        file.write_all(&zeros[..length as usize])?;
        left -= length;
    }
    Ok(())
}

fn next_port() -> u16 {
    static RUNS: AtomicU16 = AtomicU16::new(0);
    FIRST_PORT + RUNS.fetch_add(1, Ordering::Relaxed) % PORTS
}

fn usages(processes: &[Process]) -> io::Result<Vec<Usage>> {
    processes.iter().map(Process::usage).collect()
}

/// What was used between two looks at the same processes.
fn sample(wall: f64, machine: Duration, before: &[Usage], after: &[Usage]) -> Sample {
    let pairs = || before.iter().zip(after);
    let cpu: Duration = pairs()
        .map(|(before, after)| after.cpu.saturating_sub(before.cpu))
        .sum();
    let switches = pairs().map(|(before, after)| after.switches.saturating_sub(before.switches));
    Sample {
        cpu: cpu.as_secs_f64(),
        wall,
        memory: after
            .iter()
            .map(|usage| usage.peak_memory)
            .max()
            .unwrap_or(0),
        switches: switches.sum(),
        others: machine.saturating_sub(cpu).as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_what_was_used_in_between_and_the_largest_memory() {
        let usage = |cpu, peak_memory, switches| Usage {
            cpu: Duration::from_millis(cpu),
            peak_memory,
            switches,
        };
        let before = [usage(500, 10, 7), Usage::default()];
        let after = [usage(700, 10, 9), usage(300, 30, 4)];
        let expected = Sample {
            cpu: 0.5,
            wall: 1.25,
            memory: 30,
            switches: 6,
            others: 0.25,
        };
        let machine = Duration::from_millis(750);
        assert_eq!(sample(1.25, machine, &before, &after), expected);
    }

    #[test]
    fn a_file_of_ones_own_is_overwritten_in_place_and_a_link_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let own = directory.path().join(NAME);
        fs::write(&own, vec![1; 3_000_000]).unwrap();
        clear(&own).unwrap();
        assert_eq!(fs::read(&own).unwrap(), vec![0; 3_000_000]);
        let original = directory.path().join("original");
        fs::rename(&own, &original).unwrap();
        fs::write(&original, b"keep").unwrap();
        fs::hard_link(&original, &own).unwrap();
        clear(&own).unwrap();
        assert!(!own.exists());
        assert_eq!(fs::read(&original).unwrap(), b"keep");
    }
}
