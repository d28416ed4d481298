//! The command line: reads the arguments, runs one command, and turns what comes back into one
//! line on stderr and an exit status.
//!
//! No command prints its own error, and none exits the process: that happens here, once.

mod args;
mod client;
mod command;
mod config;
mod create;
mod demo;
mod error;
mod face;
mod filter;
mod generated;
mod get;
mod hashing;
mod help;
mod listing;
mod logging;
mod network;
mod node;
mod notify;
mod output;
mod progress;
mod ranges;
mod running;
mod seed;
mod shares;
mod show;
mod size;
mod source;
mod state_dir;
mod values;
mod verify;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use args::Command;
use error::CliError;

/// The command did what it was asked to do.
const SUCCESS: u8 = 0;
/// The command failed, or `verify` found a wrong part.
const FAILURE: u8 = 1;
/// The command line itself was wrong.
const USAGE: u8 = 2;
/// `status --check`: the node answers and is not ready.
const NOT_READY: u8 = 3;
/// `node`: a thread stood still (`EX_SOFTWARE` of `sysexits.h`).
const STOOD_STILL: u8 = 70;

/// Runs the program with the arguments of this process.
pub(crate) fn main() -> ExitCode {
    run(&std::env::args_os().collect::<Vec<_>>())
}

fn run(arguments: &[OsString]) -> ExitCode {
    match args::parse(arguments) {
        Ok(Some(command)) => finish(perform(command)),
        Ok(None) => {
            let printed = args::print_short_help();
            finish(printed.map(|()| SUCCESS).map_err(CliError::Output))
        }
        Err(error) => usage(&error, arguments),
    }
}

fn perform(command: Command) -> Result<u8, CliError> {
    match command {
        Command::Node(args) => node::node(args),
        Command::Get(args) => get::get(args),
        Command::Seed(args) => seed::seed(args),
        Command::Create(args) => create::create(&args).map(|()| SUCCESS),
        Command::Show(args) => show::show(&args).map(|()| SUCCESS),
        Command::Verify(args) => {
            verify::verify(&args).map(|right| if right { SUCCESS } else { FAILURE })
        }
        Command::Demo(args) => demo::demo(&args).map(|()| SUCCESS),
        Command::Client(command) => client::run(command),
        Command::Print(command) => generated::print(&command).map(|()| SUCCESS),
    }
}

fn finish(outcome: Result<u8, CliError>) -> ExitCode {
    match outcome {
        Ok(status) => ExitCode::from(status),
        // Whoever read our output has seen enough, as `head` does.
        Err(CliError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::from(SUCCESS)
        }
        Err(error) => {
            complain(&error.to_string(), error.hint().as_deref());
            ExitCode::from(error.status())
        }
    }
}

/// Prints help or version as asked for, and any other complaint of the parser in one line.
fn usage(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        return finish(error.print().map(|()| SUCCESS).map_err(CliError::Output));
    }
    let (message, hint) = args::one_line(error, arguments);
    complain(&message, Some(&hint));
    ExitCode::from(USAGE)
}

/// One line that says what is wrong, and a second one if something can be done about it.
///
/// Where stderr is gone there is nobody to tell, so a failure to write is ignored.
fn complain(message: &str, hint: Option<&str>) {
    let label = console::style("error:").for_stderr().red().bold();
    let mut stderr = io::stderr().lock();
    let _ = writeln!(stderr, "{label} {message}");
    if let Some(hint) = hint {
        let label = console::style("hint:").for_stderr().cyan();
        let _ = writeln!(stderr, "  {label} {hint}");
    }
}
