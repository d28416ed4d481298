//! What can be typed: commands, flags, their environment variables and their help.
//!
//! Everything that leaves this room is validated: a [`NodeArgs`] holds addresses and paths, not
//! texts. Whether files exist is for the commands to find out.

mod admission;
mod client;
mod files;
mod get;
mod http;
mod network;
mod node;
mod print;
mod reach;
mod scrub;
#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::builder::BoolishValueParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub(crate) use self::admission::AdmissionArgs;
pub(crate) use self::client::{
    AddArgs, BanArgs, ClientArgs, ClientCommand, ContentArgs, LogArgs, StatusArgs, UnbanArgs,
};
pub(crate) use self::files::{CreateArgs, DescribeArgs, ShowArgs, VerifyArgs};
pub(crate) use self::get::{GetArgs, SeedArgs};
pub(crate) use self::http::HttpArgs;
pub(crate) use self::network::{NetworkArgs, OriginArgs};
pub(crate) use self::node::NodeArgs;
pub(crate) use self::print::{CompletionsArgs, PrintCommand};
pub(crate) use self::reach::ReachArgs;
pub(crate) use self::scrub::ScrubArgs;
use super::help;
use super::size::Size;

#[derive(Debug, Parser)]
#[command(
    name = "swarmlet",
    version,
    about = "Keeps files and folders byte-identical on every machine of a fleet: no tracker, no server, no control plane.",
    after_help = help::START,
    after_long_help = help::NOTES,
    subcommand_value_name = "COMMAND",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// One of the things that the program does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a node: fetch what is missing, serve what is there
    #[command(after_long_help = help::NODE)]
    Node(NodeArgs),
    /// Fetch what a .torrent, a magnet link or a torrent.conf describes, and end
    #[command(after_long_help = help::GET)]
    Get(GetArgs),
    /// Share files and folders, and print their magnet links
    #[command(after_long_help = help::SEED)]
    Seed(SeedArgs),
    /// Watch a fleet of nodes on this machine sync a file while nodes are killed
    #[command(after_long_help = help::DEMO)]
    Demo(DemoArgs),
    #[command(flatten)]
    Client(ClientCommand),
    /// Describe a file as a torrent.conf, or a file or a folder as a .torrent
    #[command(after_long_help = help::CREATE)]
    Create(CreateArgs),
    /// Print what a .torrent, a torrent.conf or a magnet link says
    #[command(after_long_help = help::SHOW)]
    Show(ShowArgs),
    /// Say which parts of a file or a folder are right
    #[command(after_long_help = help::VERIFY)]
    Verify(VerifyArgs),
    #[command(flatten)]
    Print(PrintCommand),
}

/// What `demo` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many nodes to run: 2 to 200
    #[arg(
        long,
        value_name = "N",
        env = "SWARMLET_NODES",
        hide_env_values = true,
        default_value = "8",
        value_parser = clap::value_parser!(u8).range(2..=200)
    )]
    pub(crate) nodes: u8,

    /// How large the file is; the disk must hold one copy per node
    #[arg(
        long,
        value_name = "SIZE",
        env = "SWARMLET_SIZE",
        hide_env_values = true,
        default_value = "64MiB"
    )]
    pub(crate) size: Size,

    /// Give the fleet a secret: every link is encrypted, and nobody else is let in [default: links are open]
    #[arg(
        long,
        env = "SWARMLET_SECRET",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) secret: bool,
}

/// Reads the command line, the program's name first. `None` means that nothing was asked for.
///
/// # Errors
/// Help and version, too, come back as an error of the parser.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Option<Command>, clap::Error> {
    let matches = command(|name| std::env::var_os(name)).try_get_matches_from(arguments)?;
    let mut command = Cli::from_arg_matches(&matches)?.command;
    match &mut command {
        Some(Command::Get(get)) => get.settle()?,
        Some(Command::Node(node)) => node.settle()?,
        _ => {}
    }
    Ok(command)
}

/// Prints what `-h` prints.
///
/// # Errors
/// Stdout cannot be written.
pub(crate) fn print_short_help() -> std::io::Result<()> {
    whole().print_help()
}

/// A complaint of the parser about these arguments as one line, and a hint where to read on.
pub(crate) fn one_line(error: &clap::Error, arguments: &[OsString]) -> (String, String) {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.lines().map(str::trim).collect();
    let message = words.join(" ");
    // Several commands that look a little like it are a guess.
    let mut tips = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("tip: "))
        .filter(|tip| !tip.starts_with("some similar subcommands"))
        // That one is for the makers of the documentation.
        .filter(|tip| !tip.contains("help-markdown"));
    let command = command_among(arguments);
    let hint = match tips.next() {
        // A flag that does not exist is hardly a command to be run.
        Some(tip) if command != NODE || !tip.starts_with("to pass '") => tip.to_owned(),
        _ if command == NODE && is_word(error) => "a COMMAND stands behind '--'".to_owned(),
        _ => format!("try 'swarmlet{command} --help'"),
    };
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    (message.to_owned(), hint)
}

/// As [`command_among`] says it.
const NODE: &str = " node";

/// Does it complain of something that is not expected, and is no flag?
fn is_word(error: &clap::Error) -> bool {
    let argument = error.get(ContextKind::InvalidArg);
    let is_word = |argument: &ContextValue| matches!(argument, ContextValue::String(word) if !word.starts_with('-'));
    error.kind() == ErrorKind::UnknownArgument && argument.is_some_and(is_word)
}

/// The command that was asked for, with a space before it, if one was.
fn command_among(arguments: &[OsString]) -> String {
    let commands = whole();
    arguments
        .get(1)
        .and_then(|argument| commands.find_subcommand(argument))
        .map(|command| format!(" {}", command.get_name()))
        .unwrap_or_default()
}

/// The parser, in which a variable that is set to nothing counts as absent: so a compose file can
/// pass variables through that nobody set.
fn command(variable: impl Fn(&str) -> Option<OsString> + Copy) -> clap::Command {
    let present = move |argument: clap::Arg| {
        let empty = argument
            .get_env()
            .and_then(|name| variable(name.to_str()?))
            .is_some_and(|value| value.is_empty());
        if empty {
            argument.env(None::<&'static str>)
        } else {
            argument
        }
    };
    whole().mut_subcommands(|subcommand| subcommand.mut_args(present))
}

/// All commands with their flags, and the help of the program in groups.
pub(crate) fn whole() -> clap::Command {
    let command = Cli::command();
    let template = help::template(&command);
    command.help_template(template)
}

/// Where `create` writes unless it is told.
pub(crate) const DEFAULT_OUT: &str = "torrent.conf";
/// Where the config lies in a container.
pub(crate) const DEFAULT_CONF: &str = "/torrent.conf";
/// Where the data lies in a container.
pub(crate) const DEFAULT_DATA: &str = "/data.bin";
