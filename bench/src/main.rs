//! The benchmark: swarmlet beside the floor and other engines, on the same files, in one run.
//!
//! `cargo run --release -p swarmlet-bench` measures and prints; it decides nothing. What is measured
//! and how stands in `docs/performance.md`.

mod args;
mod case;
mod chart;
mod content;
mod engine;
mod floor;
mod leftovers;
mod lineup;
mod machine;
mod measure;
mod network;
mod page;
mod process;
mod program;
mod results;
mod round;
mod session;
mod statistics;
mod table;
mod tracker;

use std::process::ExitCode;

use clap::Parser;

use args::{CommandLine, Part};

fn main() -> ExitCode {
    let line = CommandLine::parse();
    let outcome = match line.part {
        Some(Part::FloorSeed { listen, file }) => floor::seed(listen, file),
        Some(Part::FloorGet(args)) => floor::get(&args),
        None => session::run(&line.options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
