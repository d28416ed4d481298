//! What can be typed: commands, flags, their environment variables and their help.
//!
//! Everything that leaves this file is validated: a [`NodeArgs`] holds addresses and paths, not
//! texts. Whether files exist is for the commands to find out.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::tracker::TrackerUrl;

use super::help;
use super::size::Size;
use super::values::{ListenAddress, Sweep, Switch};

#[derive(Debug, Parser)]
#[command(
    name = "swarmlet",
    version,
    about = "Keeps one file byte-identical on every machine of a fleet: no tracker, no server, no control plane.",
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
    /// Write the torrent.conf of a file
    #[command(after_long_help = help::CREATE)]
    Create(CreateArgs),
    /// Say which parts of a file are right
    #[command(after_long_help = help::VERIFY)]
    Verify(VerifyArgs),
    /// Watch a fleet of nodes on this machine sync a file while nodes are killed
    #[command(after_long_help = help::DEMO)]
    Demo(DemoArgs),
}

/// What `node` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Config file with what is known: Peers, Trackers and FileInfo, all optional [default: /torrent.conf]
    ///
    /// A .torrent file can take its place. A file that is named here must exist. The default one may be absent: then the node knows
    /// nothing and learns everything from the nodes that it finds.
    #[arg(
        long,
        value_name = "FILE",
        env = "SWARMLET_CONF",
        hide_env_values = true
    )]
    pub(crate) conf: Option<PathBuf>,

    /// File to keep in sync; created if it is missing
    #[arg(
        long,
        value_name = "FILE",
        env = "SWARMLET_DATA",
        hide_env_values = true,
        default_value = DEFAULT_DATA
    )]
    pub(crate) data: PathBuf,

    /// Address to listen on: IP, IP:PORT or [IPv6]:PORT; an IP alone means port 6881
    ///
    /// Links to other nodes leave from the same IP.
    #[arg(
        long,
        value_name = "ADDR",
        env = "SWARMLET_LISTEN",
        hide_env_values = true,
        default_value = "0.0.0.0:6881"
    )]
    pub(crate) listen: ListenAddress,

    /// Directory for what the node learns [default: /var/lib/swarmlet, or the user's state directory]
    ///
    /// Peers and metadata that were learned are kept here, so that a restarted node need not ask
    /// again. By default it is /var/lib/swarmlet if that can be written, else
    /// $XDG_STATE_HOME/swarmlet or ~/.local/state/swarmlet, else nothing is kept; nor is it with
    /// `none`.
    #[arg(
        long,
        value_name = "DIR",
        env = "SWARMLET_STATE",
        hide_env_values = true
    )]
    pub(crate) state: Option<PathBuf>,

    /// Fleet to join: nodes of another fleet are not asked what to sync [default: the nameless fleet]
    #[arg(
        long,
        value_name = "NAME",
        env = "SWARMLET_FLEET",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) fleet: String,

    /// Content to join, by name or infohash, where the fleet has several [default: the only one]
    #[arg(
        long,
        value_name = "NAME",
        env = "SWARMLET_SWARM",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub(crate) swarm: Option<String>,

    /// Look for nodes by trying every address of a range: off, auto or a range like 10.0.0.0/24
    ///
    /// auto is the /24 around the IP that the node listens on, or around each of the machine's
    /// IPv4 addresses but loopback when it listens on all.
    #[arg(
        long,
        value_name = "off|auto|CIDR",
        env = "SWARMLET_SWEEP",
        hide_env_values = true,
        default_value = "off"
    )]
    pub(crate) sweep: Sweep,

    /// Look for nodes by local multicast (BEP 14): on or off
    #[arg(
        long,
        value_name = "on|off",
        env = "SWARMLET_LAN",
        hide_env_values = true,
        default_value = "off"
    )]
    pub(crate) lan: Switch,

    /// Node to talk to beside the Peers of the config; may be given more than once [default: none]
    ///
    /// ADDR is an IP, IP:PORT, [IPv6]:PORT, a host name or NAME:PORT; without a port it is 6881.
    /// Names are resolved again and again, and every address behind one is a peer. In the
    /// variable, commas stand between several.
    #[arg(
        long = "peer",
        value_name = "ADDR",
        env = "SWARMLET_PEER",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) peers: Vec<PeerAddress>,

    /// Tracker to ask beside the Trackers of the config; may be given more than once [default: none]
    ///
    /// URL is http://, https:// or udp://. Those that are named first are asked first; the next
    /// one has its turn when none before it answers. In the variable, commas stand between
    /// several.
    #[arg(
        long = "tracker",
        value_name = "URL",
        env = "SWARMLET_TRACKER",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) trackers: Vec<TrackerUrl>,

    /// End with status 0 as soon as the file is complete [default: go on serving it]
    #[arg(
        long,
        env = "SWARMLET_EXIT_WHEN_COMPLETE",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) exit_when_complete: bool,

    /// For `demo`: have the kernel kill this node when its parent dies, however that happens.
    #[arg(long, hide = true)]
    pub(crate) die_with_parent: bool,
}

/// What `create` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// File to describe; it is only read
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Bytes in a part, such as 256KiB [default: a power of two that makes 1,000 to 2,000 parts]
    ///
    /// The default lies between 16KiB and 4MiB (more only for files of several terabytes).
    #[arg(
        long,
        value_name = "SIZE",
        env = "SWARMLET_PART_SIZE",
        hide_env_values = true
    )]
    pub(crate) part_size: Option<Size>,

    /// Node to list in Peers; may be given more than once [default: none]
    ///
    /// ADDR is what `swarmlet node --peer` takes.
    #[arg(
        long = "peer",
        value_name = "ADDR",
        env = "SWARMLET_PEER",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) peers: Vec<PeerAddress>,

    /// Where to write the config, `-` for stdout; an older one is replaced
    #[arg(
        short,
        long,
        value_name = "OUT",
        env = "SWARMLET_OUT",
        hide_env_values = true,
        default_value = "torrent.conf"
    )]
    pub(crate) out: PathBuf,
}

/// What `verify` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Config file that says what is right
    #[arg(
        long,
        value_name = "FILE",
        env = "SWARMLET_CONF",
        hide_env_values = true,
        default_value = DEFAULT_CONF
    )]
    pub(crate) conf: PathBuf,

    /// File to look at; it is only read
    #[arg(
        long,
        value_name = "FILE",
        env = "SWARMLET_DATA",
        hide_env_values = true,
        default_value = DEFAULT_DATA
    )]
    pub(crate) data: PathBuf,
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
}

/// Reads the command line, the program's name first. `None` means that nothing was asked for.
///
/// # Errors
/// Help and version, too, come back as an error of the parser.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Option<Command>, clap::Error> {
    let matches = command(|name| std::env::var_os(name)).try_get_matches_from(arguments)?;
    Ok(Cli::from_arg_matches(&matches)?.command)
}

/// Prints what `-h` prints.
///
/// # Errors
/// Stdout cannot be written.
pub(crate) fn print_short_help() -> std::io::Result<()> {
    Cli::command().print_help()
}

/// A complaint of the parser about these arguments as one line, and a hint where to read on.
pub(crate) fn one_line(error: &clap::Error, arguments: &[OsString]) -> (String, String) {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first.lines().map(str::trim).collect();
    let message = words.join(" ");
    let tip = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("tip: "));
    let hint = tip.map_or_else(
        || format!("try 'swarmlet{} --help'", command_among(arguments)),
        str::to_owned,
    );
    let message = message.strip_prefix("error: ").unwrap_or(&message);
    (message.to_owned(), hint)
}

/// The command that was asked for, with a space before it, if one was.
fn command_among(arguments: &[OsString]) -> String {
    let commands = Cli::command();
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
    Cli::command().mut_subcommands(|subcommand| subcommand.mut_args(present))
}

/// Where the config lies in a container.
pub(crate) const DEFAULT_CONF: &str = "/torrent.conf";
/// Where the data lies in a container.
const DEFAULT_DATA: &str = "/data.bin";

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    fn node(line: &str, environment: &[(&str, &str)]) -> Result<NodeArgs, clap::Error> {
        // The process's own environment must not leak into the tests, and setting it is unsafe:
        // only the emptiness rule is tested here, the rest by running the program.
        let variable = |name: &str| {
            environment
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| OsString::from(value))
        };
        let matches = command(variable).try_get_matches_from(arguments(line))?;
        match Cli::from_arg_matches(&matches)?.command {
            Some(Command::Node(args)) => Ok(args),
            other => panic!("not a node: {other:?}"),
        }
    }

    #[test]
    fn the_parser_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults_are_those_of_a_container() {
        let args = node("swarmlet node", &[]).unwrap();
        assert_eq!(args.conf, None);
        assert_eq!(args.data, PathBuf::from("/data.bin"));
        assert_eq!(args.listen.0, "0.0.0.0:6881".parse().unwrap());
        assert_eq!(args.state, None);
        assert_eq!(args.fleet, "");
        assert_eq!(args.sweep, Sweep::Off);
        assert_eq!(args.lan, Switch::Off);
        assert!(args.peers.is_empty() && args.trackers.is_empty());
        assert!(!args.exit_when_complete);
    }

    #[test]
    fn peers_add_up() {
        let args = node(
            "swarmlet node --peer 10.0.0.1 --peer a.example:7000,[::1]:9",
            &[],
        )
        .unwrap();
        let peers: Vec<String> = args.peers.iter().map(ToString::to_string).collect();
        assert_eq!(peers.len(), 3);
        assert_eq!(peers[1], "a.example:7000");
    }

    #[test]
    fn trackers_add_up_and_must_be_such() {
        let args = node(
            "swarmlet node --tracker http://t/announce?a=1 --tracker udp://10.0.0.1:6969,https://u/",
            &[],
        );
        let trackers = args.unwrap().trackers;
        let trackers: Vec<&str> = trackers.iter().map(TrackerUrl::as_str).collect();
        let expected = ["http://t/announce?a=1", "udp://10.0.0.1:6969", "https://u/"];
        assert_eq!(trackers, expected);
        assert!(node("swarmlet node --tracker ftp://t/", &[]).is_err());
    }

    #[test]
    fn a_variable_set_to_nothing_counts_as_absent() {
        let parser = command(|name| (name == "SWARMLET_LAN").then(OsString::new));
        let node = parser.find_subcommand("node").unwrap();
        let env = |id: &str| {
            node.get_arguments()
                .find(|argument| argument.get_id() == id)
                .unwrap()
                .get_env()
                .is_some()
        };
        assert!(!env("lan"));
        assert!(env("sweep"));
    }

    #[test]
    fn complaints_fit_one_line() {
        for (line, message, hint) in [
            (
                "swarmlet node --sweep 10.0.0.0",
                "invalid value '10.0.0.0' for '--sweep <off|auto|CIDR>': ",
                "try 'swarmlet node --help'",
            ),
            (
                "swarmlet create",
                "the following required arguments were not provided: <FILE>",
                "try 'swarmlet create --help'",
            ),
            (
                "swarmlet node --pear 10.0.0.1",
                "unexpected argument '--pear' found",
                "a similar argument exists: '--peer'",
            ),
        ] {
            let arguments = arguments(line);
            let error = parse(&arguments).unwrap_err();
            let (said, hinted) = one_line(&error, &arguments);
            assert!(said.starts_with(message), "{said}");
            assert!(!said.contains('\n'), "{said}");
            assert_eq!(hinted, hint);
        }
    }
}
