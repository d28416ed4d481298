//! What the program says of itself: completions, manual pages, and the reference of its flags. All
//! of it is made of the parser, so none of it can be out of date.

mod man;
mod markdown;
mod words;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Command;

use super::args::{self, CompletionsArgs, PrintCommand};
use super::error::CliError;

/// The program's name.
const NAME: &str = "swarmlet";

/// Prints it.
///
/// # Errors
/// There is no such command, a page cannot be written, or nobody reads what is printed.
pub(crate) fn print(command: &PrintCommand) -> Result<(), CliError> {
    match command {
        PrintCommand::Completions(args) => say(&completions(args)),
        PrintCommand::Man(args) => match &args.out {
            Some(out) => man::write_all(out).and_then(|count| {
                let shown = out.display();
                say(format!("{count} pages written to {shown}\n").as_bytes())
            }),
            None => say(&man::page(args.command.as_deref())?),
        },
        PrintCommand::HelpMarkdown => say(markdown::page().as_bytes()),
    }
}

fn completions(args: &CompletionsArgs) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut visible(), NAME, &mut script);
    script
}

/// The parser without commands and flags that are nobody's to type.
fn visible() -> Command {
    let whole = args::whole();
    let mut program = without_hidden(&whole)
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_value_name("COMMAND")
        .disable_help_subcommand(true);
    let shown = whole.get_subcommands().filter(|it| !it.is_hide_set());
    program = program.subcommands(shown.map(without_hidden));
    program
}

/// Not its commands.
fn without_hidden(command: &Command) -> Command {
    let shown = command.get_arguments().filter(|it| !it.is_hide_set());
    let mut copy = Command::new(command.get_name().to_owned()).args(shown.cloned());
    if let Some(about) = command.get_about() {
        copy = copy.about(about.clone());
    }
    if let Some(after) = command.get_after_long_help() {
        copy = copy.after_long_help(after.clone());
    }
    copy
}

fn say(text: &[u8]) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text)
        .and_then(|()| stdout.flush())
        .map_err(CliError::Output)
}

/// A page that could not be written.
fn unwritten(path: PathBuf) -> impl FnOnce(io::Error) -> CliError {
    move |source| CliError::Write { path, source }
}
