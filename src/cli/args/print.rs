//! The flags of the commands that print something about the program itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use crate::cli::help;

/// What the program says of itself.
#[derive(Debug, Subcommand)]
pub(crate) enum PrintCommand {
    /// Print completions for a shell
    #[command(after_long_help = help::COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them
    #[command(after_long_help = help::MAN)]
    Man(ManArgs),
    /// Print docs/configuration.md
    #[command(hide = true)]
    HelpMarkdown,
}

/// What `completions` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to print them for
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// What `man` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Command to print the page of; without it that of the program
    #[arg(value_name = "COMMAND", conflicts_with = "out")]
    pub(crate) command: Option<String>,

    /// Directory to write all pages to, as swarmlet.1, swarmlet-node.1, ... [default: print one
    /// page]
    ///
    /// Made if it is missing.
    #[arg(long, value_name = "DIR", env = "SWARMLET_OUT", hide_env_values = true)]
    pub(crate) out: Option<PathBuf>,
}
