//! A whole benchmark: engines, cases and rounds, one after the other.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::args::Options;
use crate::case::Case;
use crate::content::Content;
use crate::engine::{self, Engine};
use crate::leftovers;
use crate::lineup::LineUp;
use crate::machine;
use crate::network::Network;
use crate::page::{self, Circumstances};
use crate::program;
use crate::results::CaseResults;
use crate::round::{RunError, Runner, Sample};
use crate::table;

/// What the names of our folders begin with.
const SCRATCH: &str = "swarmlet-bench";

/// Measures everything and prints it.
///
/// # Errors
/// Nothing could be measured, or somebody interrupted us. A single run that fails is a line in the
/// table.
pub(crate) fn run(options: &Options) -> io::Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    let bench = std::env::current_exe()?;
    // The floor is in this program, so that a debug build would have a high floor.
    program::refuse_debug_build(options.debug_build)?;
    let swarmlet = match &options.swarmlet {
        Some(path) => path.canonicalize()?,
        None if wanted(options).any(|name| name.starts_with("swarmlet")) => {
            program::build_swarmlet()?
        }
        None => bench.clone(),
    };
    if let Some(page) = &options.output {
        page::check(page).map_err(io::Error::other)?;
    }
    let (engines, skipped) = installed(options, engine::all(&swarmlet, &bench));
    let is_here = |name: &str| engines.iter().any(|engine| engine.name() == name);
    let line_ups = options.engines.iter();
    let line_ups: Vec<_> = line_ups
        .filter(|line_up| line_up.needs().all(is_here))
        .collect();
    if line_ups.is_empty() {
        return Err(io::Error::other("none of these engines is installed"));
    }
    let most = options.cases.iter().map(|case| case.leechers).max();
    let network = Network::new(most.unwrap_or(0) + 1, options.loopback)?;
    eprintln!("network: {}", network.describe());
    for path in leftovers::orphans(&options.scratch, SCRATCH) {
        fs::remove_dir_all(path)?;
    }
    let mut results = Vec::new();
    for case in &options.cases {
        let scratch = tempfile::Builder::new()
            .prefix(&format!("{SCRATCH}-{}-", std::process::id()))
            .tempdir_in(&options.scratch)?;
        let bench = Bench {
            options,
            network: &network,
            engines: &engines,
            line_ups: &line_ups,
            interrupted: &interrupted,
        };
        let measured = bench.measure(case, scratch.path())?;
        println!("{}", table::markdown(&measured));
        results.push(measured);
    }
    if let Some(path) = &options.output {
        let circumstances = Circumstances {
            command: command_line(),
            machine: machine::describe(),
            engines: engines.iter().map(|engine| titled(&**engine)).collect(),
            skipped,
            network: network.describe(),
            rounds: options.rounds,
            is_warm: options.warm,
        };
        page::write(path, &circumstances, &results).map_err(io::Error::other)?;
        eprintln!("written: {}", path.display());
    }
    Ok(())
}

/// The names of all engines that are asked for; some come twice.
fn wanted(options: &Options) -> impl Iterator<Item = &str> {
    options.engines.iter().flat_map(LineUp::needs)
}

fn titled(engine: &dyn Engine) -> String {
    let version = engine.version().unwrap_or_default();
    format!("{} {version}", engine.name())
}

/// What was typed, for whoever wants to do the same.
fn command_line() -> String {
    let arguments = std::env::args().skip(1);
    let words = "cargo run --release -p swarmlet-bench --".split(' ');
    let words: Vec<_> = words.map(str::to_owned).chain(arguments).collect();
    words.join(" ")
}

/// The engines that were asked for and are here, and the names of those that are not.
fn installed(options: &Options, all: Vec<Box<dyn Engine>>) -> (Vec<Box<dyn Engine>>, Vec<String>) {
    let mut engines = Vec::new();
    let mut skipped = Vec::new();
    for engine in all {
        let name = engine.name();
        if !wanted(options).any(|wanted| wanted == name) {
            continue;
        }
        match engine.version() {
            Some(version) => {
                eprintln!("{name}: {version}");
                engines.push(engine);
            }
            None => {
                let package = engine.package();
                eprintln!("{name}: skipped, not installed ({package})");
                skipped.push(format!("{name} ({package})"));
            }
        }
    }
    (engines, skipped)
}

struct Bench<'a> {
    options: &'a Options,
    network: &'a Network,
    engines: &'a [Box<dyn Engine>],
    line_ups: &'a [&'a LineUp],
    interrupted: &'a AtomicBool,
}

impl Bench<'_> {
    /// All rounds of a case. In each round every line-up runs once.
    fn measure(&self, case: &Case, folder: &Path) -> io::Result<CaseResults> {
        eprintln!("{}: {case}", case.name());
        let content = Content::make(folder, case, fastrand::u64(..))?;
        let runner = Runner {
            network: self.network,
            case,
            content: &content,
            folder,
            is_warm: self.options.warm,
            interrupted: self.interrupted,
        };
        let mut results = CaseResults::new(
            case.clone(),
            self.line_ups.iter().map(|line_up| line_up.name()),
            self.options.compare.iter().map(LineUp::name),
        );
        // One run that takes too long is enough: the others would as well.
        let mut given_up = Vec::new();
        for round in 1..=self.options.rounds {
            for (line_up, row) in self.line_ups.iter().zip(&mut results.rows) {
                if given_up.contains(&line_up.name()) {
                    row.samples.push(None);
                    continue;
                }
                let outcome = runner.run(line_up, self.engines);
                if self.interrupted.load(Ordering::Relaxed) {
                    return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted"));
                }
                say(round, line_up.name(), &outcome);
                if matches!(outcome, Err(RunError::TimedOut { .. })) {
                    eprintln!("  {} is too slow for {}: given up", line_up, case.name());
                    given_up.push(line_up.name());
                }
                row.samples.push(outcome.ok());
            }
        }
        Ok(results)
    }
}

fn say(round: u16, engine: &str, outcome: &Result<Sample, RunError>) {
    match outcome {
        Ok(sample) => eprintln!(
            "  round {round}  {engine:<20}  {:.3} s CPU  {:.3} s  {} MiB  (others {:.2} s CPU)",
            sample.cpu,
            sample.wall,
            sample.memory >> 20,
            sample.others
        ),
        Err(error) => eprintln!("  round {round}  {engine:<20}  FAILED: {error}"),
    }
}
