//! The flags of `node`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{ArgAction, Args};

use super::{HttpArgs, NetworkArgs, OriginArgs, ScrubArgs};
use crate::cli::values::{Time, TimeOrOff};

/// What `node` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Config file with what is known: Peers, Trackers, Sources, FileInfo; all optional [default: /torrent.conf]
    ///
    /// A .torrent or a magnet link may stand in its place. A file that is named here must exist. The
    /// default one may be absent: then the node knows nothing and learns
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

    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) origins: OriginArgs,

    #[command(flatten)]
    pub(crate) http: HttpArgs,

    #[command(flatten)]
    pub(crate) scrub: ScrubArgs,

    /// How long a thread may stand still before the node ends with status 70, such as 90s or 5m, or off [default: 2m]
    ///
    /// A disk or a server of files that does not answer can hold up the whole node; whoever started it
    /// is to start it anew. Time in which the machine sleeps is not counted. While a COMMAND runs beside
    /// the node nothing ends: an error in the log says so.
    #[arg(
        long,
        value_name = "DURATION",
        env = "SWARMLET_STANDSTILL_LIMIT",
        hide_env_values = true
    )]
    pub(crate) standstill_limit: Option<TimeOrOff>,

    /// End with status 0 as soon as the file is complete [default: go on serving it]
    #[arg(
        long,
        env = "SWARMLET_EXIT_WHEN_COMPLETE",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) exit_when_complete: bool,

    /// How long to go on serving before it ends so, such as 90s, 30m or 2h [default: end at once]
    ///
    /// Only with --exit-when-complete. The time starts anew when pieces were lost and are here again.
    #[arg(
        long,
        value_name = "DURATION",
        env = "SWARMLET_SEED_FOR",
        hide_env_values = true
    )]
    pub(crate) seed_for: Option<Time>,

    /// Stop the node before COMMAND starts, and become it, in the same process [default: run it beside the node]
    #[arg(
        long,
        env = "SWARMLET_BEFORE_EXEC",
        hide_env_values = true,
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    pub(crate) before_exec: bool,

    /// Command to start, with its arguments, when everything is here and verified [default: none]
    ///
    /// The node goes on serving beside it, and passes signals on to it. When it ends, so does the
    /// node, with its status. It has the node's streams, environment and directory. `--` must stand
    /// before it.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,

    /// For `demo`: have the kernel kill this node when its parent dies, however that happens.
    #[arg(long, hide = true)]
    pub(crate) die_with_parent: bool,
}

impl NodeArgs {
    /// Looks whether what was said of the end goes together.
    ///
    /// # Errors
    /// It does not.
    pub(super) fn settle(&self) -> Result<(), clap::Error> {
        let has_command = !self.command.is_empty();
        let wrong = if self.seed_for.is_some() && !self.exit_when_complete {
            "'--seed-for' needs '--exit-when-complete': without it a node serves until it is stopped"
        } else if self.before_exec && !has_command {
            "'--before-exec' needs a COMMAND: name it at the end, behind '--'"
        } else if self.exit_when_complete && has_command {
            "'--exit-when-complete' cannot be used with a COMMAND: the node ends when that ends"
        } else {
            return Ok(());
        };
        Err(clap::Error::raw(ErrorKind::ArgumentConflict, wrong))
    }
}
