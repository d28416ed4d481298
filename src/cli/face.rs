//! The HTTP face of the node of this process: where it listens, and its token.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use log::{info, warn};
use swarmlet::Node;
use swarmlet::http::{Face, LogControl, Server, Topic, listen_at};
use swarmlet_actors::listener::listen;
use swarmlet_actors::private;
use swarmlet_actors::reason::reason;

use super::args::HttpArgs;
use super::error::CliError;
use super::values::{HTTP_PORT, HttpAddress};

/// The socket in the state directory.
pub(crate) const SOCKET: &str = "http.sock";

/// The token in the state directory.
pub(crate) const TOKEN: &str = "http-token";

/// 32 bytes of randomness: nobody guesses them.
const TOKEN_BYTES: usize = 32;

/// The longest token, in bytes.
const MAX_TOKEN: u64 = 200;

/// The shortest token.
const MIN_TOKEN: usize = 16;

/// What a face needs, with its sockets open already: so what is wrong is found before a node starts.
pub(crate) struct Prepared {
    listener: Option<TcpListener>,
    socket: Option<(UnixListener, SocketFile)>,
    token: Option<String>,
    open: Vec<Topic>,
    folder: Option<PathBuf>,
}

/// The face of a running node.
pub(crate) struct Running {
    server: Server,
    _socket: Option<SocketFile>,
}

/// The file of a socket, which goes with it. One that stays after a kill is replaced by the next life.
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Prepared {
    /// Opens what the arguments name; `None` if nothing is to be served. Contents that are added
    /// without a place go into `folder`.
    ///
    /// # Errors
    /// An address that was named cannot be listened on, a token cannot be used.
    pub(crate) fn new(
        args: &HttpArgs,
        state: Option<&Path>,
        folder: Option<PathBuf>,
    ) -> Result<Option<Self>, CliError> {
        if args.http == Some(HttpAddress::Off) {
            return Ok(None);
        }
        let token = match (&args.http_token_file, state) {
            (Some(path), _) => Some(read_token(path)?),
            (None, Some(state)) => usual_token(&state.join(TOKEN))?,
            (None, None) => None,
        };
        let listener = match args.http {
            Some(HttpAddress::At(address)) => Some(listen(address).map_err(CliError::Node)?),
            _ => listen_as_usual(state.is_some()),
        };
        let is_public = |listener: &TcpListener| {
            listener
                .local_addr()
                .is_ok_and(|address| !address.ip().is_loopback())
        };
        if token.is_none() && listener.as_ref().is_some_and(is_public) {
            warn!(
                "there is no token, so other machines can see nothing over HTTP but what --http-open \
                 names: give one with --http-token-file"
            );
        }
        Ok(Some(Self {
            listener,
            socket: state.and_then(socket_in),
            token,
            open: args.http_open.clone(),
            folder,
        }))
    }

    /// Begins to answer for that node.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn serve(self, node: &Node, log: Arc<dyn LogControl>) -> io::Result<Running> {
        let mut face = Face::builder().log(log);
        if let Some(token) = self.token {
            face = face.token(token);
        }
        if let Some(folder) = self.folder {
            face = face.folder(folder);
        }
        for topic in self.open {
            face = face.open(topic);
        }
        if let Some(Ok(address)) = self.listener.as_ref().map(TcpListener::local_addr) {
            info!("dashboard and API at http://{address}/");
        }
        let (socket, path) = self.socket.unzip();
        let server = face.build(node).serve(self.listener, socket)?;
        Ok(Running {
            server,
            _socket: path,
        })
    }
}

impl Running {
    /// Stops answering.
    pub(crate) async fn stop(&self) {
        self.server.stop().await;
    }
}

/// The default address; another node of this machine may have it.
fn listen_as_usual(has_socket: bool) -> Option<TcpListener> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, HTTP_PORT));
    match listen(address) {
        Ok(listener) => Some(listener),
        Err(error) => {
            let rest = match has_socket {
                true => "; the socket in the state directory is there",
                false => "",
            };
            info!("no dashboard: {error}; name another address with --http{rest}");
            None
        }
    }
}

/// The socket in the state directory. Paths of sockets are short, and a disk may not have any.
fn socket_in(state: &Path) -> Option<(UnixListener, SocketFile)> {
    let path = state.join(SOCKET);
    match listen_at(&path) {
        Ok(socket) => Some((socket, SocketFile(path))),
        Err(error) => {
            let shown = path.display();
            warn!(
                "no socket for `swarmlet status` at {shown}: {}",
                reason(&error)
            );
            None
        }
    }
}

/// The token of a file that was named.
///
/// # Errors
/// It cannot be read, or is none.
pub(crate) fn read_token(path: &Path) -> Result<String, CliError> {
    let file = private::open_plain(path).map_err(CliError::read(path))?;
    let mut text = String::new();
    let read = file.take(MAX_TOKEN + 2).read_to_string(&mut text);
    read.map_err(CliError::read(path))?;
    let token = text.trim();
    let is_plain = token.bytes().all(|byte| byte.is_ascii_graphic());
    let what = match token.len() {
        0 => "is empty",
        length if length < MIN_TOKEN => "is too short",
        length if length as u64 > MAX_TOKEN => "is too long",
        _ if !is_plain => "is not one line of printable ASCII characters",
        _ => return Ok(token.to_owned()),
    };
    let path = path.to_owned();
    Err(CliError::Token { path, what })
}

/// The token of the state directory: that of an earlier life, or a new one.
fn usual_token(path: &Path) -> Result<Option<String>, CliError> {
    if let Ok(true) = private::tighten(path) {
        warn!(
            "others on this machine could read the token {0}; they no longer can, but may know it: \
             remove the file and start again to have a new one",
            path.display()
        );
    }
    match read_token(path) {
        Ok(token) => Ok(Some(token)),
        Err(CliError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let made = make_token(path);
            if let Err(error) = &made {
                warn!(
                    "cannot write the token {}: {}",
                    path.display(),
                    reason(error)
                );
            }
            Ok(made.ok())
        }
        Err(error) => Err(error),
    }
}

/// A new token, in a file that only its owner reads.
fn make_token(path: &Path) -> io::Result<String> {
    let mut bytes = [0; TOKEN_BYTES];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let token = URL_SAFE_NO_PAD.encode(bytes);
    // Beside its name and renamed: a node that is killed now leaves no half a token.
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let written = private::create(&draft).and_then(|mut file| writeln!(file, "{token}"));
    written.and_then(|()| std::fs::rename(&draft, path))?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TOKEN);
        let token = usual_token(&path).unwrap().unwrap();
        assert!(token.len() >= 43, "{token}");
        assert_eq!(usual_token(&path).unwrap(), Some(token));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // One that others could read is taken from them.
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&path, open).unwrap();
        usual_token(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_token_that_is_none_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (text, what) in [
            ("", "is empty"),
            ("short\n", "is too short"),
            (&*"x".repeat(300), "is too long"),
            (
                "two words and more than sixteen",
                "is not one line of printable ASCII characters",
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read_token(&path).unwrap_err();
            assert!(error.to_string().ends_with(what), "{error}");
        }
        std::fs::write(&path, "0123456789abcdef\r\n").unwrap();
        assert_eq!(read_token(&path).unwrap(), "0123456789abcdef");
    }

    #[test]
    fn a_pipe_in_place_of_a_token_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(TOKEN);
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        let error = usual_token(&path).unwrap_err().to_string();
        let is_named = error.contains(&path.display().to_string());
        assert!(is_named && error.contains("no regular file"), "{error}");
    }
}
