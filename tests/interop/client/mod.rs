//! Clients that are not ours: how each is started, and where it keeps things.
//!
//! All of them are bound to one loopback address each, with every kind of discovery off but what a
//! test asks for. A client is ended by its process id, when it is dropped at the latest.

mod aria2;
mod libtorrent;
mod rqbit;
mod transmission;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::payload::{Has, Payload};
use crate::support::skip;

/// Set where clients must not be skipped.
pub(crate) const REQUIRED_BY: &str = "SWARMLET_REQUIRE_FOREIGN";

/// Debian's interpreter, which has Debian's libtorrent; another in the path may not.
pub(crate) const PYTHON: &str = "/usr/bin/python3";

/// Who wrote it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// `python3-libtorrent`, by the script that the benchmark uses.
    Libtorrent,
    /// `aria2c`. It takes peers from trackers and peer exchange only, so it has to be dialled.
    Aria2,
    /// `transmission-daemon`. It takes addresses of loopback for no peers, so it has to be dialled.
    Transmission,
    /// `rqbit`, which no Debian package brings: where it is absent it is skipped, always.
    Rqbit,
}

/// All kinds.
pub(crate) const KINDS: [Kind; 4] = [
    Kind::Libtorrent,
    Kind::Aria2,
    Kind::Transmission,
    Kind::Rqbit,
];

impl Kind {
    /// Whether it is here; if not, that is said, or is a failure where it is required.
    pub(crate) fn is_here(self, test: &str) -> bool {
        let mut check = match self {
            Self::Libtorrent => Command::new(PYTHON),
            Self::Aria2 => Command::new("aria2c"),
            Self::Transmission => Command::new("transmission-daemon"),
            Self::Rqbit => Command::new("rqbit"),
        };
        match self {
            Self::Libtorrent => check.args(["-c", "import libtorrent"]),
            _ => check.arg("--version"),
        };
        let name = match self {
            Self::Libtorrent => "python3-libtorrent",
            Self::Aria2 => "aria2c",
            Self::Transmission => "transmission-daemon",
            Self::Rqbit => "rqbit",
        };
        match self {
            Self::Rqbit if !runs(&mut check) => {
                skip(test, "rqbit is not installed", "SWARMLET_REQUIRE_RQBIT");
                false
            }
            Self::Rqbit => true,
            _ => has(name, &mut check, test),
        }
    }

    /// Does it dial addresses that it is told on its command line?
    pub(crate) const fn dials(self) -> bool {
        matches!(self, Self::Libtorrent | Self::Rqbit)
    }
}

/// Whether a program is here; if not, that is said, or is a failure where it is required.
pub(crate) fn has(name: &str, check: &mut Command, test: &str) -> bool {
    let is_here = runs(check);
    if !is_here {
        skip(test, &format!("{name} is not installed"), REQUIRED_BY);
    }
    is_here
}

fn runs(check: &mut Command) -> bool {
    check.stdout(Stdio::null()).stderr(Stdio::null());
    check.status().is_ok_and(|status| status.success())
}

/// Whether links are to be encrypted (MSE).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Encryption {
    /// What the client does unless it is told something.
    #[default]
    Usual,
    /// Never.
    Never,
    /// Always, and the whole stream.
    Required,
    /// Always the handshake; the stream stays plain where a peer agrees.
    HandshakeOnly,
}

/// What a client is told beyond the torrent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Whom it dials, if its kind does.
    pub(crate) peers: Vec<SocketAddr>,
    /// A magnet link in place of the .torrent.
    pub(crate) magnet: Option<String>,
    /// Whether it exchanges peers (BEP 11).
    pub(crate) exchange: bool,
    /// Bytes per second that it sends at most.
    pub(crate) upload_limit: Option<u32>,
    /// How many peers it serves at a time at most.
    pub(crate) slots: Option<u32>,
    /// Whether its links are encrypted.
    pub(crate) encryption: Encryption,
}

/// Where a client lives and what it is to do.
#[derive(Clone, Debug)]
struct Site {
    address: SocketAddr,
    /// A folder of its own: `downloads` for contents, the rest for whatever it likes.
    home: PathBuf,
    torrent: PathBuf,
    is_seed: bool,
    wishes: Wishes,
}

impl Site {
    fn downloads(&self) -> PathBuf {
        self.home.join("downloads")
    }
}

/// A client that can be started and killed any number of times.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) kind: Kind,
    /// A program and its arguments that starts the client in its turn, by exec; empty for none.
    pub(crate) launcher: Vec<String>,
    site: Site,
    data: PathBuf,
    child: Option<Child>,
}

impl Client {
    /// Lays out its files; it does not run yet.
    pub(crate) fn new(
        kind: Kind,
        address: SocketAddr,
        home: &Path,
        torrent: &Path,
        (payload, has): (&Payload, Has),
        wishes: Wishes,
    ) -> Self {
        let site = Site {
            address,
            home: home.to_owned(),
            torrent: torrent.to_owned(),
            is_seed: has == Has::All,
            wishes,
        };
        fs::create_dir_all(site.downloads()).unwrap();
        let data = payload.path_below(&site.downloads());
        payload.write(has, &data, true);
        Self {
            kind,
            launcher: Vec::new(),
            site,
            data,
            child: None,
        }
    }

    /// Starts it, if it does not run.
    pub(crate) fn start(&mut self) {
        if self.child.is_some() {
            return;
        }
        let mut command = match self.kind {
            Kind::Libtorrent => libtorrent::command(&self.site),
            Kind::Aria2 => aria2::command(&self.site),
            Kind::Transmission => transmission::command(&self.site),
            Kind::Rqbit => rqbit::command(&self.site),
        };
        // A proxy of the environment must not see a tracker.
        for name in ["http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"] {
            command.env_remove(name);
        }
        if let Some((program, arguments)) = self.launcher.split_first() {
            let mut launcher = Command::new(program);
            launcher.args(arguments).arg(command.get_program());
            launcher.args(command.get_args());
            for (name, value) in command.get_envs() {
                match value {
                    Some(value) => launcher.env(name, value),
                    None => launcher.env_remove(name),
                };
            }
            command = launcher;
        }
        let mut log = fs::File::options();
        let output = log.create(true).append(true).open(self.log_file());
        let output = output.unwrap();
        let errors = output.try_clone().unwrap();
        command.stdin(Stdio::piped()).stdout(output).stderr(errors);
        self.child = Some(command.spawn().unwrap());
        if self.kind == Kind::Transmission {
            transmission::add_magnet(&self.site);
        }
    }

    /// Kills it at once, if it runs.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Whether it was started and has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|child| child.try_wait().unwrap().is_some())
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.site.address
    }

    /// Where the content lies.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// All that it printed, in all its lives.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    fn log_file(&self) -> PathBuf {
        self.site.home.join("log")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.kill();
    }
}
