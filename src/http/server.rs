//! Listening: on an address, and on a socket in the state directory.

use std::any::Any;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Extensions, Server as Running, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::rt::net::{TcpStream, UnixStream as SocketStream};
use actix_web::{App, HttpServer};
use log::debug;
use rustix::net::Shutdown;
use swarmlet_actors::descriptors::Descriptors;
use swarmlet_actors::private;
use tokio::time::timeout;

use super::crowd::Crowd;
use super::face::{BySocket, Face};
use super::line::{self, Line};

/// 1 thread answers requests: they ask the node, which has one thread of its own.
const WORKERS: usize = 1;

/// 512 connections at a time: all readers of events, and as many again. Fewer where descriptors are few.
const MAX_CONNECTIONS: usize = 512;

/// A connection takes 2 descriptors: by the second one it is ended when nothing comes on it.
const DESCRIPTORS: usize = 2;

/// 5 s: what a request's head may take to come.
const HEAD: Duration = Duration::from_secs(5);

/// 10 s: a connection on which nothing is asked is closed then: those that idle must not keep others out.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// 300 ms: what answers that are on their way may take when the node stops.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// A server that answers for a node. Dropping it does not stop it.
#[derive(Clone)]
#[must_use = "a server runs until it is stopped"]
pub struct Server {
    face: Face,
    /// One for the address and one for the socket: a crowd at the one keeps nobody from the other.
    handles: Vec<ServerHandle>,
}

/// A server of a face that listens nowhere yet. Its type cannot be named.
macro_rules! server {
    ($face:expr) => {{
        let face = $face.clone();
        let affordable = Descriptors::of_process().for_requests();
        let connections = MAX_CONNECTIONS.min((affordable / DESCRIPTORS).max(1));
        let crowd = Crowd::of(connections);
        HttpServer::new(move || {
            App::new()
                .wrap(from_fn(line::answer))
                .service(face.scope(""))
        })
        .workers(WORKERS)
        .worker_max_blocking_threads(1)
        .max_connections(connections)
        .client_request_timeout(HEAD)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(1)
        .disable_signals()
        .on_connect(move |connection, data| connected(connection, data, &crowd))
    }};
}

/// Notes by what way somebody came; ends the connection of a host that holds too many.
fn connected(connection: &dyn Any, data: &mut Extensions, crowd: &Arc<Crowd>) {
    if let Some(stream) = connection.downcast_ref::<SocketStream>() {
        data.insert(BySocket);
        watched(stream, data);
    }
    let Some(stream) = connection.downcast_ref::<TcpStream>() else {
        return;
    };
    let Ok(from) = stream.peer_addr() else { return };
    match crowd.enter(from.ip()) {
        // Held as long as the connection is.
        Some(place) => {
            data.insert(place);
            watched(stream, data);
        }
        None => {
            debug!("{from} has too many connections to the HTTP face: closed");
            let _ = rustix::net::shutdown(stream, Shutdown::Both);
        }
    }
}

/// Sees to it that a connection ends on which nothing comes.
fn watched(stream: &impl AsFd, data: &mut Extensions) {
    match Line::of(stream) {
        // Held as long as the connection is.
        Ok(line) => {
            data.insert(line);
        }
        Err(error) => {
            debug!("a connection to the HTTP face cannot be watched: {error}: closed");
            let _ = rustix::net::shutdown(stream, Shutdown::Both);
        }
    }
}

impl Face {
    /// Answers requests on these sockets, on a thread of its own. No signal is handled.
    ///
    /// # Panics
    /// If this is no actix system.
    ///
    /// # Errors
    /// The system's.
    pub fn serve(
        &self,
        listener: Option<TcpListener>,
        socket: Option<UnixListener>,
    ) -> io::Result<Server> {
        let mut handles = Vec::new();
        let mut run = |server: Running| {
            handles.push(server.handle());
            actix_rt::spawn(server);
        };
        if let Some(listener) = listener {
            run(server!(self).listen(listener)?.run());
        }
        if let Some(socket) = socket {
            run(server!(self).listen_uds(socket)?.run());
        }
        Ok(Server {
            face: self.clone(),
            handles,
        })
    }
}

impl Server {
    /// Stops answering; what is being said may be finished, for a moment.
    pub async fn stop(&self) {
        self.face.close();
        let stops: Vec<_> = self
            .handles
            .iter()
            .map(|handle| handle.stop(true))
            .collect();
        let stopped = async {
            for stop in stops {
                stop.await;
            }
        };
        if timeout(LAST_WORDS, stopped).await.is_err() {
            for handle in &self.handles {
                handle.stop(false).await;
            }
        }
    }
}

/// A socket at this path that nobody but the owner of this process can connect to. One that a former
/// life left is replaced; one that somebody listens on is not.
///
/// # Errors
/// Somebody listens there, or the system's.
pub fn listen_at(path: &Path) -> io::Result<UnixListener> {
    if UnixStream::connect(path).is_ok() {
        let taken = "another node listens there: give each node a state directory of its own";
        return Err(io::Error::other(taken));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Nobody may connect before its permissions are set: it is made where nobody else can come.
    let room = path.with_file_name(format!(".{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&room);
    private::folder(&room)?;
    let draft = room.join("s");
    let made = UnixListener::bind(&draft).and_then(|listener| {
        std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&draft, path)?;
        Ok(listener)
    });
    let _ = std::fs::remove_dir_all(&room);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_its_owners_alone_and_takes_the_place_of_one_that_nobody_listens_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("http.sock");
        let first = listen_at(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let error = listen_at(&path).unwrap_err();
        assert!(error.to_string().starts_with("another node listens there"));
        drop(first);
        listen_at(&path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
