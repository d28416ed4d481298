//! Which node is meant: a socket, or the address of an HTTP face.

use std::io;
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use reqwest::Url;
use thiserror::Error;

use super::error::ClientError;
use crate::cli::face::SOCKET;
use crate::cli::state_dir;
use crate::cli::values::{HTTP_PORT, read_address};

/// A node that somebody named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// Below this URL, which has no slash at its end.
    Url(String),
    /// By a socket, or by the one in a state directory.
    Path(PathBuf),
}

/// A text that names no node.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Error)]
pub(crate) enum ParseTargetError {
    /// Another scheme, or a URL of something else.
    #[error("expected IP, IP:PORT, [IPv6]:PORT, an http:// URL, or a path")]
    Malformed,
    /// A URL with something that would be lost, or shown.
    #[error("a URL of a node has a host and a path, and no user, query or fragment")]
    Parts,
}

/// How to get to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// By this socket.
    Socket(PathBuf),
    /// Below this URL; where else there was nobody.
    Address {
        /// Without a slash at its end.
        base: String,
        /// Sockets that were tried before.
        tried: Vec<PathBuf>,
    },
}

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((scheme, _)) = text.split_once("://") {
            return match scheme.to_ascii_lowercase().as_str() {
                "http" | "https" => url(text),
                _ => Err(ParseTargetError::Malformed),
            };
        }
        if text.is_empty() {
            return Err(ParseTargetError::Malformed);
        }
        if text.contains('/') {
            return Ok(Self::Path(text.into()));
        }
        if let Some(address) = read_address(text, HTTP_PORT) {
            return Ok(Self::Url(format!("http://{address}")));
        }
        if text.eq_ignore_ascii_case("localhost") {
            return Ok(Self::Url(format!("http://{text}:{HTTP_PORT}")));
        }
        let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
        match text.rsplit_once(':') {
            Some((_, port)) if is_port(port) => url(&format!("http://{text}")),
            Some(_) => Err(ParseTargetError::Malformed),
            None => Ok(Self::Path(text.into())),
        }
    }
}

fn url(text: &str) -> Result<Target, ParseTargetError> {
    let url = Url::parse(text).map_err(|_| ParseTargetError::Malformed)?;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    match is_plain {
        true => Ok(Target::Url(url.as_str().trim_end_matches('/').to_owned())),
        false => Err(ParseTargetError::Parts),
    }
}

impl Way {
    /// The way to a node that was named, or to that of this machine.
    ///
    /// # Errors
    /// The only node that there may be is another user's.
    pub(super) fn to(named: Option<&Target>) -> Result<Self, ClientError> {
        match named {
            Some(Target::Url(base)) => Ok(Self::Address {
                base: base.clone(),
                tried: Vec::new(),
            }),
            Some(Target::Path(path)) => Ok(Self::Socket(socket_of(path))),
            None => Self::usual(&state_dir::candidates()),
        }
    }

    fn usual(directories: &[PathBuf]) -> Result<Self, ClientError> {
        let mut tried = Vec::new();
        for directory in directories {
            let socket = directory.join(SOCKET);
            match UnixStream::connect(&socket) {
                Ok(_) => return Ok(Self::Socket(socket)),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                    return Err(ClientError::NotOurs(socket));
                }
                Err(_) => tried.push(socket),
            }
        }
        let base = format!("http://127.0.0.1:{HTTP_PORT}");
        Ok(Self::Address { base, tried })
    }

    /// Is the node on this machine?
    pub(super) fn is_here(&self) -> bool {
        let base = match self {
            Self::Socket(_) => return true,
            Self::Address { base, .. } => base,
        };
        let url = Url::parse(base).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
        let ip = host.trim_start_matches('[').trim_end_matches(']');
        let ip: Option<IpAddr> = ip.parse().ok();
        match ip {
            Some(ip) => ip.to_canonical().is_loopback(),
            None => host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// What to call it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Socket(path) => path.display().to_string(),
            Self::Address { base, .. } => base
                .strip_prefix("http://")
                .unwrap_or(base.as_str())
                .to_owned(),
        }
    }
}

/// A state directory has its socket in it.
fn socket_of(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.join(SOCKET),
        false => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(base: &str) -> Target {
        Target::Url(base.to_owned())
    }

    #[test]
    fn a_node_is_named_by_an_address_a_url_or_a_path() {
        for (text, target) in [
            ("10.0.0.7", at("http://10.0.0.7:6880")),
            ("10.0.0.7:7000", at("http://10.0.0.7:7000")),
            ("::1", at("http://[::1]:6880")),
            ("[::1]:7", at("http://[::1]:7")),
            ("localhost", at("http://localhost:6880")),
            ("node-2.example:6880", at("http://node-2.example:6880")),
            ("http://node-2.example/", at("http://node-2.example")),
            ("https://x.example/swarm/", at("https://x.example/swarm")),
            ("/run/x/http.sock", Target::Path("/run/x/http.sock".into())),
            ("./state", Target::Path("./state".into())),
            ("state", Target::Path("state".into())),
        ] {
            assert_eq!(text.parse(), Ok(target), "{text}");
        }
        for text in ["", "ftp://x/", "http://", "x:0", "x:99999", "a b:80"] {
            let refused = text.parse::<Target>();
            assert_eq!(refused, Err(ParseTargetError::Malformed), "{text}");
        }
        for text in ["http://me:secret@x/", "http://x/?a=1", "http://x/#a"] {
            let refused = text.parse::<Target>();
            assert_eq!(refused, Err(ParseTargetError::Parts), "{text}");
        }
    }

    #[test]
    fn what_is_on_this_machine_is_known() {
        let way = |text: &str| Way::to(Some(&text.parse().unwrap())).unwrap();
        for here in [
            "127.3.4.5",
            "[::1]:7",
            "localhost",
            "/x",
            "http://127.0.0.1",
        ] {
            assert!(way(here).is_here(), "{here}");
        }
        for elsewhere in [
            "10.0.0.7",
            "node-2.example:80",
            "http://127.0.0.1.x.example",
        ] {
            assert!(!way(elsewhere).is_here(), "{elsewhere}");
        }
    }

    #[test]
    fn the_first_socket_at_which_somebody_listens_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let [none, stale, alive] = ["none", "stale", "alive"].map(|name| root.path().join(name));
        std::fs::create_dir(&stale).unwrap();
        std::fs::create_dir(&alive).unwrap();
        let listen = |folder: &Path| std::os::unix::net::UnixListener::bind(folder.join(SOCKET));
        drop(listen(&stale).unwrap());
        let _listener = listen(&alive).unwrap();
        let found = Way::usual(&[none.clone(), stale.clone(), alive.clone()]).unwrap();
        assert_eq!(found, Way::Socket(alive.join(SOCKET)));
        let found = Way::usual(&[none.clone(), stale.clone()]).unwrap();
        assert_eq!(
            found,
            Way::Address {
                base: "http://127.0.0.1:6880".to_owned(),
                tried: vec![none.join(SOCKET), stale.join(SOCKET)],
            }
        );
        let named = Way::to(Some(&Target::Path(stale.clone()))).unwrap();
        assert_eq!(named, Way::Socket(stale.join(SOCKET)));
    }
}
