//! The flags of the commands that share with everybody: `get` and `seed`.

use std::path::PathBuf;

use clap::Args;
use clap::error::ErrorKind;

use super::{DescribeArgs, NetworkArgs, OriginArgs, ScrubArgs};
use crate::cli::values::{GoOn, Pattern};

/// What `get` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// What to fetch: a .torrent, the http(s) URL of one, a magnet link, or a torrent.conf
    #[arg(value_name = "SOURCE", required_unless_present = "seed")]
    pub(crate) sources: Vec<String>,

    /// Directory to put it in, under its own name; created if missing [default: .]
    ///
    /// The content of a torrent.conf, which has no name of its own, gets that of the config: what
    /// NAME.conf describes becomes NAME; of a file that is called torrent.conf it becomes data.bin.
    #[arg(
        short,
        long,
        value_name = "DIR",
        env = "SWARMLET_OUT",
        hide_env_values = true,
        default_value = ".",
        hide_default_value = true
    )]
    pub(crate) out: PathBuf,

    /// Fetch only files that match, such as '*.iso' or 'docs/**'; may be given more than once [default: all]
    ///
    /// A pattern without a slash is compared with the names of files and folders, one with a slash
    /// with paths in the torrent; a folder that matches is meant with all that is in it. `*` and `?`
    /// stand for anything but slashes, `**` for anything, [abc] for a letter and {a,b} for either.
    /// Where there are several SOURCEs, each pattern must match something in each.
    #[arg(
        long,
        value_name = "GLOB",
        env = "SWARMLET_SELECT",
        hide_env_values = true
    )]
    pub(crate) select: Vec<Pattern>,

    /// Go on serving when all is here: until stopped, `for 2h`, or until `ratio 1.5` is reached [default: end at once]
    ///
    /// The ratio is what was sent since the start, divided by the size of what was selected.
    #[arg(
        long,
        value_name = "for DURATION|ratio R",
        env = "SWARMLET_SEED",
        hide_env_values = true,
        num_args = 0..=2
    )]
    seed: Option<Vec<String>>,

    /// How long to serve, once that was read.
    #[arg(skip)]
    pub(crate) go_on: Option<GoOn>,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) origins: OriginArgs,
}

impl GetArgs {
    /// Tells the words behind `--seed` that belong to it from sources.
    ///
    /// # Errors
    /// They are neither.
    pub(super) fn settle(&mut self) -> Result<(), clap::Error> {
        let Some(words) = self.seed.take() else {
            return Ok(());
        };
        let wrong = |message: String| clap::Error::raw(ErrorKind::InvalidValue, message);
        let parts: Vec<&str> = words.iter().flat_map(|word| word.split(' ')).collect();
        let go_on = match parts.as_slice() {
            // As a variable it has a value in any case.
            [] | ["true"] => GoOn::Forever,
            ["for" | "ratio", ..] => parts.join(" ").parse().map_err(|error| {
                wrong(format!(
                    "invalid value '{}' for '--seed': {error}",
                    parts.join(" ")
                ))
            })?,
            _ => {
                self.sources.extend(words);
                GoOn::Forever
            }
        };
        self.go_on = Some(go_on);
        if self.sources.is_empty() {
            return Err(wrong(
                "the following required arguments were not provided: <SOURCE>...".to_owned(),
            ));
        }
        Ok(())
    }
}

/// What `seed` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct SeedArgs {
    /// Files and folders to share, each a content of its own; they are only read
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Write the .torrent, too; only for a single PATH [default: not written]
    #[arg(
        long,
        value_name = "FILE",
        env = "SWARMLET_TORRENT",
        hide_env_values = true
    )]
    pub(crate) torrent: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) describe: DescribeArgs,

    #[command(flatten)]
    pub(crate) network: NetworkArgs,

    #[command(flatten)]
    pub(crate) scrub: ScrubArgs,
}
