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
use super::values::{ListenAddress, Rate, Sweep, Switch};

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
    /// Describe a file as a torrent.conf, or a file or a folder as a .torrent
    #[command(after_long_help = help::CREATE)]
    Create(CreateArgs),
    /// Print what a .torrent, a torrent.conf or a magnet link says
    #[command(after_long_help = help::SHOW)]
    Show(ShowArgs),
    /// Say which parts of a file or a folder are right
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
    /// A .torrent may stand in its place; web seeds in it are not asked. A file that is
    /// named here must exist. The default one may be absent: then the node knows nothing and learns
    /// everything from the nodes that it finds. May be given several times, each with its --data:
    /// then the node keeps several contents, and each config must have a FileInfo.
    #[arg(
        long = "conf",
        value_name = "FILE",
        env = "SWARMLET_CONF",
        hide_env_values = true
    )]
    pub(crate) confs: Vec<PathBuf>,

    /// File to keep in sync, or the folder of the files; created if missing [default: /data.bin]
    ///
    /// The files of a folder lie in it directly: with /srv/photos the file a/b.jpg of the content is
    /// /srv/photos/a/b.jpg, whatever the name of the content. Other files in it are left alone.
    /// Where there are several --conf, the first --data is that of the first of them, and so on.
    #[arg(
        long,
        value_name = "FILE",
        env = "SWARMLET_DATA",
        hide_env_values = true
    )]
    pub(crate) data: Vec<PathBuf>,

    /// Directory of contents to keep in sync, each with its description beside it [default: none]
    ///
    /// Every NAME.conf or NAME.torrent in it describes the file or folder NAME, which is created if
    /// it is missing. Other files are left alone. Read once, at the start.
    #[arg(
        long,
        value_name = "DIR",
        env = "SWARMLET_SHARES",
        hide_env_values = true
    )]
    pub(crate) shares: Option<PathBuf>,

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

    /// How fast to download at most, in bytes per second, such as 10MiB [default: no limit]
    ///
    /// Counts all that comes from all peers together.
    #[arg(
        long,
        value_name = "RATE",
        env = "SWARMLET_DOWNLOAD_LIMIT",
        hide_env_values = true
    )]
    pub(crate) download_limit: Option<Rate>,

    /// How fast to upload at most, in bytes per second, such as 10MiB [default: no limit]
    ///
    /// Counts the bytes of the file that go to all peers together. Words between nodes are small
    /// and are not held back.
    #[arg(
        long,
        value_name = "RATE",
        env = "SWARMLET_UPLOAD_LIMIT",
        hide_env_values = true
    )]
    pub(crate) upload_limit: Option<Rate>,

    /// How many clients that are no swarmlets may fetch at once: 1 to 1000 [default: 8]
    ///
    /// Who gives most gets a slot, and at a complete node each in turn; one slot in five goes round
    /// by lot. Swarmlets are always served and not counted.
    #[arg(
        long,
        value_name = "N",
        env = "SWARMLET_UPLOAD_SLOTS",
        hide_env_values = true,
        value_parser = clap::value_parser!(u16).range(1..=1_000)
    )]
    pub(crate) upload_slots: Option<u16>,

    /// How many links to have at most: 2 to 1000 [default: 24]
    ///
    /// 24 keep fleets of any size connected. A seed of a swarm of strangers may want more, for
    /// whoever comes when all are taken is turned away.
    #[arg(
        long,
        value_name = "N",
        env = "SWARMLET_MAX_LINKS",
        hide_env_values = true,
        value_parser = clap::value_parser!(u16).range(2..=1_000)
    )]
    pub(crate) max_links: Option<u16>,
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
    /// File or folder to describe; it is only read
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

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

    /// Node to list in Peers, or in the magnet link; may be given more than once [default: none]
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

    /// Where to write, `-` for stdout; an older one is replaced [default: torrent.conf, or NAME.torrent]
    ///
    /// A name that ends in .torrent makes a .torrent. So does a folder, and so do the flags below,
    /// which a torrent.conf has no place for.
    #[arg(
        short,
        long,
        value_name = "OUT",
        env = "SWARMLET_OUT",
        hide_env_values = true
    )]
    pub(crate) out: Option<PathBuf>,

    /// Name in the .torrent [default: that of PATH]
    ///
    /// The name is a part of what the infohash is made of. A torrent.conf always stands for the name
    /// data.bin: a .torrent with this name and the same part size has the same infohash.
    #[arg(
        long,
        value_name = "NAME",
        env = "SWARMLET_NAME",
        hide_env_values = true
    )]
    pub(crate) name: Option<String>,

    /// Tracker to list in the .torrent; may be given more than once [default: none]
    #[arg(
        long = "tracker",
        value_name = "URL",
        env = "SWARMLET_TRACKER",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = address_of(&["http", "https", "udp"])
    )]
    pub(crate) trackers: Vec<String>,

    /// Server that has the content (BEP 19); may be given more than once [default: none]
    #[arg(
        long = "web-seed",
        value_name = "URL",
        env = "SWARMLET_WEB_SEED",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = address_of(&["http", "https", "ftp"])
    )]
    pub(crate) web_seeds: Vec<String>,

    /// Have clients ask the tracker only for peers (BEP 27) [default: any way will do]
    #[arg(
        long,
        env = "SWARMLET_PRIVATE",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) private: bool,

    /// What to say of it in the .torrent [default: nothing]
    #[arg(
        long,
        value_name = "TEXT",
        env = "SWARMLET_COMMENT",
        hide_env_values = true
    )]
    pub(crate) comment: Option<String>,
}

/// What `show` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A .torrent, a torrent.conf, or a magnet link
    #[arg(value_name = "FILE")]
    pub(crate) what: OsString,

    /// Print all files [default: the first 30]
    #[arg(
        long,
        env = "SWARMLET_ALL",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) all: bool,
}

/// What `verify` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Config file or .torrent that says what is right
    #[arg(
        long,
        value_name = "FILE",
        env = "SWARMLET_CONF",
        hide_env_values = true,
        default_value = DEFAULT_CONF
    )]
    pub(crate) conf: PathBuf,

    /// File or folder to look at; it is only read
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

/// Reads a URL of one of these schemes.
fn address_of(
    schemes: &'static [&'static str],
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |text| {
        let is_one = |scheme: &&str| {
            let rest = text.strip_prefix(*scheme);
            rest.and_then(|rest| rest.strip_prefix("://"))
                .is_some_and(|rest| !rest.is_empty())
        };
        let is_plain = !text.contains(|letter: char| letter.is_control() || letter == ' ');
        if is_plain && schemes.iter().any(is_one) {
            return Ok(text.to_owned());
        }
        let (last, others) = schemes.split_last().unwrap_or((&"http", &[]));
        let others = others.join("://, ");
        Err(format!(
            "expected a URL that begins with {others}:// or {last}://"
        ))
    }
}

/// Where `create` writes unless it is told.
pub(crate) const DEFAULT_OUT: &str = "torrent.conf";
/// Where the config lies in a container.
pub(crate) const DEFAULT_CONF: &str = "/torrent.conf";
/// Where the data lies in a container.
pub(crate) const DEFAULT_DATA: &str = "/data.bin";

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
