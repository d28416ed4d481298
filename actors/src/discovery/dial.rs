//! Dialing: one connection attempt, and what came of it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use log::debug;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::membership::{DialFailure, Input};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::Discovery;
use crate::transport::{Connection, Endpoint};

/// 3 s: an attempt that nobody answers. Far above any round trip; a host that is not there says
/// nothing.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

impl Discovery {
    /// Dials a peer of a swarm, if there is a socket left for it.
    pub(super) fn dial(
        &mut self,
        info_hash: InfoHash,
        addr: SocketAddr,
        context: &mut Context<Self>,
    ) {
        let denied = self.check_address(addr.ip()).is_err();
        if denied || self.lacks_sockets() {
            // Not from within the machine's own turn.
            context.run_later(Duration::ZERO, move |discovery, context| {
                // Who is denied is tried as seldom as who is not there: the list may change.
                let reason = match denied {
                    true => DialFailure::Unreachable,
                    false => DialFailure::Local,
                };
                discovery.member(info_hash, Input::DialFailed { addr, reason }, context);
            });
            return;
        }
        self.state.dialing += 1;
        let attempt = dial(self.setup.listen.ip(), self.setup.utp.clone(), addr);
        context.spawn(
            attempt
                .into_actor(self)
                .map(move |outcome, discovery, context| {
                    discovery.state.dialing -= 1;
                    match outcome {
                        Ok(stream) => discovery.open(stream, addr, Some(addr), info_hash, context),
                        Err(error) => {
                            debug!("{addr} cannot be dialed: {error}");
                            let reason = failure(&error);
                            discovery.member(
                                info_hash,
                                Input::DialFailed { addr, reason },
                                context,
                            );
                        }
                    }
                    discovery.bell.rouse();
                }),
        );
    }
}

/// Connects by TCP; where nobody answers that, by uTP if this node speaks it.
async fn dial(from: IpAddr, utp: Option<Endpoint>, to: SocketAddr) -> io::Result<Connection> {
    let error = match connect(from, to, DIAL_TIMEOUT).await {
        Ok(connection) => return Ok(connection),
        Err(error) => error,
    };
    match utp {
        Some(utp) if failure(&error) != DialFailure::Local => {
            let connected = timeout(DIAL_TIMEOUT, utp.connect(to)).await;
            // What TCP said of the host tells more.
            connected.ok().and_then(Result::ok).ok_or(error)
        }
        _ => Err(error),
    }
}

/// Connects from the address that we listen on, so that the other end sees us under it.
pub(super) async fn connect(
    from: IpAddr,
    to: SocketAddr,
    patience: Duration,
) -> io::Result<Connection> {
    #[cfg(feature = "simulation")]
    if let Some(network) = crate::simulation::network() {
        let connected = network.connect(from, to, patience).await;
        return connected.map(Connection::Simulated);
    }
    let socket = match to {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if !from.is_unspecified() && from.is_ipv4() == to.is_ipv4() {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let connecting = timeout(patience, socket.connect(to));
    let stream = connecting
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(Connection::Tcp(stream.into_std()?))
}

fn failure(error: &io::Error) -> DialFailure {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => DialFailure::Refused,
        io::ErrorKind::TimedOut => DialFailure::TimedOut,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            DialFailure::Unreachable
        }
        _ => DialFailure::Local,
    }
}
