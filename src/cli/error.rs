//! What can go wrong in a command, in the words that the user reads.
//!
//! Each is one line without a final stop. What a user can do about it is the hint.

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use swarmlet_actors::descriptors::Descriptors;
pub(crate) use swarmlet_actors::reason::reason;
use swarmlet_protocol::layout::LayoutError;
use swarmlet_protocol::metainfo::{ConfError, InfoError, MagnetError, TorrentError};
use thiserror::Error;

use super::client::ClientError;

/// Why a command failed.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    /// The file changed its length while it was read.
    #[error("{} changed while it was read", .0.display())]
    Changed(PathBuf),
    /// A running node did not do what it was asked.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A config that says something impossible.
    #[error("{}: {source}", path.display())]
    Config {
        /// The file it stands in.
        path: PathBuf,
        /// What is wrong with it.
        source: ConfError,
    },
    /// A manual page of no command.
    #[error("there is no command '{0}'")]
    NoPage(String),
    /// A limit of the process under which no node can work.
    #[error("this process may have {} descriptors; a node needs {}", .0.limit(), Descriptors::LEAST)]
    Descriptors(Descriptors),
    /// The demo did not end well.
    #[error("{0}")]
    Demo(String),
    /// No free addresses for the demo.
    #[error("cannot listen on {address}: {reason}")]
    DemoNetwork {
        /// The last one that was tried.
        address: Ipv4Addr,
        /// What the system said.
        reason: String,
    },
    /// The demo's files could not be made.
    #[error("cannot make the demo's files in {}: {reason}", place.display())]
    DemoSetup {
        /// Where.
        place: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// An info dictionary that cannot be.
    #[error("cannot describe {}: {source}", path.display())]
    Info {
        /// The file that was to be described.
        path: PathBuf,
        /// Why not.
        source: InfoError,
    },
    /// The user or the system ended the demo.
    #[error("interrupted")]
    Interrupted,
    /// Nothing to compare with.
    #[error("{} has no FileInfo, so there is nothing to compare with", .0.display())]
    NoFileInfo(PathBuf),
    /// Nothing to fetch.
    #[error("{} describes no content: a .torrent does, a magnet link, or a torrent.conf with a FileInfo", .0.display())]
    DescribesNothing(PathBuf),
    /// An infohash alone.
    #[error("{0} is an infohash; a magnet link begins with magnet:?xt=urn:btih: in front of it")]
    BareHash(String),
    /// A URL that we cannot ask.
    #[error("cannot fetch {0}: a .torrent is fetched by http:// or https://")]
    Scheme(String),
    /// A node would overwrite its own config.
    #[error("{} is the config; it cannot be the data as well", .0.display())]
    DataIsConf(PathBuf),
    /// One of several configs that does not say what its file is.
    #[error("{} has no FileInfo; each of several configs needs one", .0.display())]
    NotDescribed(PathBuf),
    /// A directory of shares without any.
    #[error("there is no NAME.conf and no NAME.torrent in {}", .0.display())]
    NoShares(PathBuf),
    /// Configs and files that do not go in pairs.
    #[error("{confs} --conf and {data} --data: each --conf needs its --data, in the same order")]
    Pairs {
        /// Configs that were named.
        confs: usize,
        /// Files that were named.
        data: usize,
    },
    /// Stdout went away.
    #[error("cannot write to stdout: {}", reason(.0))]
    Output(io::Error),
    /// The result would have replaced what it describes.
    #[error("{} is the file that is to be described; it will not be overwritten", .0.display())]
    OverItself(PathBuf),
    /// A part size that a file cannot have.
    #[error("cannot cut {} into parts: {source}", path.display())]
    PartSize {
        /// The file that was to be cut.
        path: PathBuf,
        /// Why not.
        source: LayoutError,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {}", path.display(), reason(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// More than a torrent.conf can say.
    #[error("{0} does not fit into a torrent.conf")]
    NotInConf(&'static str),
    /// A URL that a torrent.conf cannot have among its sources.
    #[error("{0}")]
    NoSource(String),
    /// A file or a link that describes nothing.
    #[error("{}: {source}", shown)]
    Magnet {
        /// The link, or the file that it stands in, fit to be printed.
        shown: String,
        /// What is wrong with it.
        source: MagnetError,
    },
    /// A command that is not there.
    #[error("{name}: command not found")]
    NoCommand {
        /// Its name, fit to be printed.
        name: String,
        /// Whether that is a path.
        is_path: bool,
    },
    /// A command that is there and cannot be run.
    #[error("cannot run {name}: {reason}")]
    NotExecutable {
        /// Its name, fit to be printed.
        name: String,
        /// Why not.
        reason: String,
        /// Whether the reason is that somebody has it open.
        is_open: bool,
    },
    /// A node that could not start, or could not go on.
    #[error("{0}")]
    Node(String),
    /// A URL that could not be fetched.
    #[error("cannot fetch {url}: {reason}")]
    Fetch {
        /// The URL, without what may be a secret, fit to be printed.
        url: String,
        /// Why not.
        reason: String,
    },
    /// A choice that a content has no files for.
    #[error("{0}")]
    Choice(String),
    /// What arrives cannot be written.
    #[error("{0}")]
    Stuck(String),
    /// Some of several contents could not be had.
    #[error("not everything could be fetched")]
    Incomplete,
    /// Flags that are for one path only.
    #[error("{0} is for a single PATH; there are several")]
    SinglePath(&'static str),
    /// What a node needs to run could not be had.
    #[error("cannot start: {}", reason(.0))]
    Start(io::Error),
    /// A state directory that was named and cannot be used.
    #[error("cannot use the state directory {}: {}", path.display(), reason(source))]
    State {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A token that cannot be used.
    #[error("the token in {} {what}", path.display())]
    Token {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A .torrent that cannot be used.
    #[error("{}: {source}", path.display())]
    Torrent {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TorrentError,
    },
    /// The result would have become a part of what it describes.
    #[error("{} lies in the folder that is to be described", .0.display())]
    WithinItself(PathBuf),
    /// A file that cannot be written.
    #[error("cannot write {}: {}", path.display(), reason(source))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl CliError {
    /// A failure to read that file.
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |source| Self::Read { path, source }
    }

    /// A failure to write that file.
    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        |source| Self::Write { path, source }
    }

    /// The exit status that says so. Those of commands are what shells say.
    pub(crate) const fn status(&self) -> u8 {
        match self {
            Self::NoCommand { .. } => 127,
            Self::NotExecutable { .. } => 126,
            _ => super::FAILURE,
        }
    }

    /// What can be done about it, where something can.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoCommand { is_path, .. } => Some(
                match is_path {
                    true => "there is no such file, and no content is kept there",
                    false => "it is looked for in the directories of PATH; a path finds it, too",
                }
                .to_owned(),
            ),
            Self::NotExecutable { is_open: true, .. } => Some(
                "a node has open what it keeps: with --before-exec it closes it first".to_owned(),
            ),
            Self::NotExecutable { .. } => Some(
                "it must be a program, or begin with #!, and `chmod +x` must allow to run it"
                    .to_owned(),
            ),
            Self::Client(error) => error.hint(),
            Self::Config { source: ConfError::NotJson { line: 1, column: 1 | 2, what }, .. }
                if what.starts_with("expected ") =>
            {
                Some("this is no torrent.conf, which begins with {, no .torrent and no magnet link".to_owned())
            }
            Self::NoPage(_) => Some("swarmlet --help lists them".to_owned()),
            Self::DemoNetwork { .. } => Some(
                "the demo needs the addresses of 127.0.0.0/8, which Linux has by default"
                    .to_owned(),
            ),
            Self::DemoSetup { .. } => {
                Some("name a folder that has room with TMPDIR=/that/folder, or take a smaller --size".to_owned())
            }
            Self::NoShares(_) => {
                Some("swarmlet create FILE -o FILE.conf writes one beside its file".to_owned())
            }
            Self::Stuck(_) => Some("see to it, and run the same command to go on".to_owned()),
            Self::NotInConf(_) => Some("write a .torrent: name one with -o".to_owned()),
            Self::WithinItself(_) => Some("name a place outside of it with -o".to_owned()),
            Self::OverItself(_) => Some("name another file with -o".to_owned()),
            Self::Descriptors(_) => Some(
                "raise the limit: `ulimit -n 1024`, LimitNOFILE= of systemd, ulimits of a container".to_owned(),
            ),
            Self::Token { .. } => Some(
                "a token is one line of 16 to 200 printable characters without spaces, as `openssl rand -hex 32` gives"
                    .to_owned(),
            ),
            Self::PartSize { .. } => Some("leave --part-size out to have it chosen".to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_lose_their_number() {
        let error = CliError::read(Path::new("/x/y"))(io::Error::from_raw_os_error(2));
        assert_eq!(
            error.to_string(),
            "cannot read /x/y: no such file or directory"
        );
    }
}
