//! The flags of the commands that work on files: `create`, `show`, `verify`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use swarmlet_protocol::address::PeerAddress;

use super::{DEFAULT_CONF, DEFAULT_DATA};
use crate::cli::size::Size;

/// What `create` was asked to do.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// File or folder to describe; it is only read
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,

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

    #[command(flatten)]
    pub(crate) describe: DescribeArgs,
}

/// How a content is to be described.
#[derive(Debug, Args)]
pub(crate) struct DescribeArgs {
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

    /// Server that has the content (BEP 19); may be given more than once [default: none]
    ///
    /// Goes into the .torrent and its magnet link, or into the Sources of a torrent.conf that is named
    /// by --out.
    #[arg(
        long = "web-seed",
        visible_alias = "source",
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
