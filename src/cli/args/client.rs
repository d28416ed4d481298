//! The flags of the commands that talk to a running node.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Subcommand};
use swarmlet_protocol::address::PeerAddress;

use crate::cli::client::Target;
use crate::cli::help;
use crate::cli::values::Span;

/// What can be asked of a running node, and said to it.
#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    /// Show how a running node is, and its contents
    #[command(after_long_help = help::STATUS)]
    Status(StatusArgs),
    /// List its links
    #[command(after_long_help = help::PEERS)]
    Peers(ContentArgs),
    /// Print what happens in it, as it happens
    #[command(after_long_help = help::EVENTS)]
    Events(ClientArgs),
    /// Have it keep one more content
    #[command(after_long_help = help::ADD)]
    Add(AddArgs),
    /// Have it keep a content no longer; its files stay
    #[command(after_long_help = help::REMOVE)]
    Remove(ContentArgs),
    /// Have it fetch and serve nothing of a content
    #[command(after_long_help = help::PAUSE)]
    Pause(ContentArgs),
    /// Have it go on with a content that is paused
    #[command(after_long_help = help::RESUME)]
    Resume(ContentArgs),
    /// Have it check every part of a content anew
    #[command(after_long_help = help::RECHECK)]
    Recheck(ContentArgs),
    /// Have it not speak to a host
    #[command(after_long_help = help::BAN)]
    Ban(BanArgs),
    /// Have it speak to a host again
    #[command(after_long_help = help::UNBAN)]
    Unban(UnbanArgs),
    /// List the hosts that it does not speak to
    #[command(after_long_help = help::BANS)]
    Bans(ClientArgs),
    /// Print what it logs, or have it log more or less
    #[command(after_long_help = help::LOG)]
    Log(LogArgs),
}

/// Which node is meant, and what is printed.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClientArgs {
    /// Node to talk to: its address, or the path of its state directory [default: the one of this
    /// machine]
    ///
    /// An IP, IP:PORT or an http URL of its HTTP face (port 6880 unless one is named), or the path
    /// of its state directory or of the socket http.sock in it. The default is the socket in the
    /// usual state directory: that of SWARMLET_STATE, else of /var/lib/swarmlet,
    /// $XDG_STATE_HOME/swarmlet or ~/.local/state/swarmlet the first in which a node answers; else
    /// 127.0.0.1:6880.
    #[arg(
        long,
        value_name = "ADDR|PATH",
        env = "SWARMLET_NODE",
        hide_env_values = true
    )]
    pub(crate) node: Option<Target>,

    /// File with the node's token [default: none, or that of the usual state directory]
    ///
    /// By a socket none is needed. By an address changes need it, and so do looks from another
    /// machine. Without the flag, changes at an address of this machine bear the token of the usual
    /// state directory, if it can be read.
    #[arg(
        long,
        value_name = "FILE",
        env = "SWARMLET_HTTP_TOKEN_FILE",
        hide_env_values = true
    )]
    pub(crate) token_file: Option<PathBuf>,

    /// Print JSON, as the API answers it [default: a table on a terminal, tab-separated text
    /// elsewhere]
    ///
    /// Laid out on a terminal, elsewhere a document per line.
    #[arg(
        long,
        env = "SWARMLET_JSON",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) json: bool,
}

/// What `status` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Go on showing it until Ctrl-C [default: show it once]
    ///
    /// Redrawn on a terminal; elsewhere a line whenever something of a content changes, not
    /// counting mere rates. Waits for a node that goes away.
    #[arg(
        long,
        short,
        env = "SWARMLET_WATCH",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) watch: bool,

    /// End with status 3 if the node answers and is not ready [default: with 0]
    ///
    /// A node is ready when it has a content, and every one is here and verified.
    #[arg(
        long,
        env = "SWARMLET_CHECK",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new(),
        conflicts_with = "watch"
    )]
    pub(crate) check: bool,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// Which content is meant.
#[derive(Debug, Args)]
pub(crate) struct ContentArgs {
    /// Content: its infohash, four or more digits that only its infohash begins with, its name, or
    /// its path
    ///
    /// May be left out where the node has only one, and with `peers`, which then lists all links.
    #[arg(value_name = "CONTENT")]
    pub(crate) content: Option<String>,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// What `add` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// What to keep: a magnet link, a .torrent, the http(s) URL of one, or a torrent.conf
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,

    /// Where to keep it: the path of the file, or of the folder of its files [default: in the
    /// node's --shares]
    ///
    /// On the machine of the node. In the directory of --shares it has its own name.
    #[arg(long, value_name = "PATH", env = "SWARMLET_TO", hide_env_values = true)]
    pub(crate) to: Option<PathBuf>,

    /// Node that has it; may be given more than once [default: none]
    ///
    /// ADDR is what `swarmlet node --peer` takes. In the variable, commas stand between several.
    #[arg(
        long = "peer",
        value_name = "ADDR",
        env = "SWARMLET_PEER",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub(crate) peers: Vec<PeerAddress>,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// What `ban` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct BanArgs {
    /// Host: an IPv4 or IPv6 address, without a port
    #[arg(value_name = "IP")]
    pub(crate) ip: IpAddr,

    /// For how long, such as 90s, 30m, 2h or 1d; a year at most [default: until it is lifted]
    ///
    /// Without it the ban is remembered by later lives of a node that has a state directory.
    #[arg(
        long = "for",
        value_name = "DURATION",
        env = "SWARMLET_FOR",
        hide_env_values = true
    )]
    pub(crate) span: Option<Span>,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// What `unban` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct UnbanArgs {
    /// Host: an IPv4 or IPv6 address, without a port
    #[arg(value_name = "IP")]
    pub(crate) ip: IpAddr,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// What `log` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Level to log from now on: off, error, warn, info, debug or trace, or MODULE=LEVEL, with
    /// commas
    ///
    /// As in RUST_LOG. Without it, what is logged is printed.
    #[arg(value_name = "LEVEL")]
    pub(crate) level: Option<String>,

    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
