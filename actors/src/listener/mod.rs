//! The listener actor: accepts links, one at a time.
//!
//! Whether a link may live is membership's decision: each socket goes to discovery, and the next
//! one is accepted only when discovery has taken it. Running out of descriptors is waited out.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use actix::{
    Actor, ActorContext, AsyncContext, Context, Handler, Message, Recipient, Supervised, WrapFuture,
};
use log::{error, warn};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::messages::discovery::AdmitLink;
use crate::messages::{Harm, Ping};
use crate::reason::reason;
use crate::transport::{Connection, Endpoint};

/// 100 ms: the pause after a failed accept, for instance when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// 1,024: connections that the kernel keeps for us while we are busy: a fleet that starts at once.
const BACKLOG: i32 = 1_024;

/// Opens the listening socket.
///
/// # Errors
/// One line with the address and the reason.
pub fn listen(address: SocketAddr) -> Result<StdListener, String> {
    let open = || {
        let domain = socket2::Domain::for_address(address);
        let socket =
            socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
        // A node that comes back within a minute finds its port in TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(StdListener::from(socket))
    };
    open().map_err(|error: io::Error| format!("cannot listen on {address}: {}", reason(&error)))
}

/// A socket that listens.
#[derive(Debug)]
pub enum Socket {
    /// For TCP.
    Tcp(StdListener),
    /// On a simulated network.
    #[cfg(feature = "simulation")]
    Simulated(crate::simulation::Door),
}

impl From<StdListener> for Socket {
    fn from(socket: StdListener) -> Self {
        Self::Tcp(socket)
    }
}

/// The same where links are accepted.
enum Accepting {
    Tcp(TcpListener),
    #[cfg(feature = "simulation")]
    Simulated(crate::simulation::Door),
}

impl Socket {
    /// Registers it with the present arbiter; it stays usable.
    fn register(&self) -> io::Result<Accepting> {
        match self {
            Self::Tcp(socket) => Ok(Accepting::Tcp(TcpListener::from_std(socket.try_clone()?)?)),
            #[cfg(feature = "simulation")]
            Self::Simulated(door) => Ok(Accepting::Simulated(door.clone())),
        }
    }
}

impl Accepting {
    async fn accept(&self) -> io::Result<(Connection, SocketAddr)> {
        match self {
            Self::Tcp(socket) => {
                let (stream, remote) = socket.accept().await?;
                Ok((Connection::Tcp(stream.into_std()?), remote))
            }
            #[cfg(feature = "simulation")]
            Self::Simulated(door) => {
                let (stream, remote) = door.accept().await;
                Ok((Connection::Simulated(stream), remote))
            }
        }
    }
}

/// Accepts links.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    utp: Option<Endpoint>,
    discovery: Recipient<AdmitLink>,
}

/// Stops accepting. From the supervisor at the end.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct StopListener;

impl Listener {
    /// Accepts on a socket that listens already. The socket outlives a restart of the actor.
    #[must_use]
    pub const fn new(
        socket: Socket,
        utp: Option<Endpoint>,
        discovery: Recipient<AdmitLink>,
    ) -> Self {
        Self {
            socket,
            utp,
            discovery,
        }
    }
}

impl Actor for Listener {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let socket = match self.socket.register() {
            Ok(socket) => socket,
            Err(error) => {
                error!("cannot accept links: {}", reason(&error));
                return;
            }
        };
        let discovery = self.discovery.clone();
        let accepting = async move {
            loop {
                let accepted = socket.accept().await;
                if !hand_over(accepted, &discovery).await {
                    return;
                }
            }
        };
        context.spawn(accepting.into_actor(self));
        if let Some(endpoint) = self.utp.clone() {
            let discovery = self.discovery.clone();
            let accepting = async move {
                loop {
                    let accepted = endpoint.accept().await;
                    if let Err(error) = &accepted {
                        // It does not come back: the links over TCP are what counts.
                        warn!("no links over uTP: {}", reason(error));
                        return;
                    }
                    if !hand_over(accepted, &discovery).await {
                        return;
                    }
                }
            };
            context.spawn(accepting.into_actor(self));
        }
    }
}

/// Hands a link to discovery; says whether there is still somebody to hand links to.
async fn hand_over(
    accepted: io::Result<(Connection, SocketAddr)>,
    discovery: &Recipient<AdmitLink>,
) -> bool {
    match accepted {
        Ok((stream, remote)) => {
            let link = AdmitLink { stream, remote };
            discovery.send(link).await.is_ok() || discovery.connected()
        }
        Err(error) => {
            warn!("cannot accept a link: {}", reason(&error));
            sleep(PAUSE).await;
            true
        }
    }
}

impl Supervised for Listener {}

impl Handler<StopListener> for Listener {
    type Result = ();

    fn handle(&mut self, _: StopListener, context: &mut Self::Context) {
        context.terminate();
    }
}

impl Handler<Ping> for Listener {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<Harm> for Listener {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("the listener", self, context);
    }
}
