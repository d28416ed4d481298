//! What carries a link: TCP, or uTP (BEP 29) in a node that was built with the feature `utp`, and above
//! either TLS in a node with a fleet secret (feature `secret`).
//!
//! A [`Connection`] goes from thread to thread; where its session runs it is registered and becomes
//! a [`Wire`], which only that thread polls.

#[cfg(feature = "secret")]
mod tls;
#[cfg(not(feature = "secret"))]
#[path = "without_tls.rs"]
mod tls;
#[cfg(feature = "utp")]
mod utp;
#[cfg(not(feature = "utp"))]
#[path = "without_utp.rs"]
mod utp;

use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

pub use self::tls::{Authenticated, Identity, Security, Stream as TlsStream};
pub use self::utp::{Endpoint, Stream};

/// 60 s: a host that has answered nothing for so long is gone, whether bytes wait for it or not: one that
/// was switched off says no word, and would hold its place until [`SILENCE_LIMIT`]. It is the system
/// that asks and the other system that answers, however busy its node is (RFC 1122, 4.2.3.6; RFC 5482).
///
/// [`SILENCE_LIMIT`]: swarmlet_protocol::session::SILENCE_LIMIT
const GONE_AFTER: Duration = Duration::from_secs(60);

/// Asked after 20 s of silence, and then every 10 s.
const PROBES: TcpKeepalive = TcpKeepalive::new()
    .with_time(Duration::from_secs(20))
    .with_interval(Duration::from_secs(10));

/// A connection that no runtime knows yet.
#[derive(Debug)]
pub enum Connection {
    /// Not blocking.
    Tcp(std::net::TcpStream),
    /// Over UDP.
    Utp(Stream),
    /// Over a simulated network.
    #[cfg(feature = "simulation")]
    Simulated(crate::simulation::Stream),
}

/// A connection that the present thread polls.
#[derive(Debug)]
pub enum Wire {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over UDP.
    Utp(Stream),
    /// Over either of them.
    Tls(Box<TlsStream>),
    /// Over a simulated network.
    #[cfg(feature = "simulation")]
    Simulated(crate::simulation::Stream),
}

impl Connection {
    /// Registers it with the present arbiter.
    ///
    /// # Errors
    /// The system's.
    pub fn register(self) -> io::Result<Wire> {
        match self {
            Self::Tcp(stream) => {
                let stream = TcpStream::from_std(stream)?;
                // Requests are small and must leave at once.
                stream.set_nodelay(true)?;
                let socket = SockRef::from(&stream);
                socket.set_tcp_keepalive(&PROBES)?;
                socket.set_tcp_user_timeout(Some(GONE_AFTER))?;
                Ok(Wire::Tcp(stream))
            }
            Self::Utp(stream) => Ok(Wire::Utp(stream)),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => Ok(Wire::Simulated(stream)),
        }
    }
}

impl Connection {
    /// The address of ours that it is bound to, if that is known.
    #[must_use]
    pub fn local_ip(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(stream) => Some(stream.local_addr().ok()?.ip().to_canonical()),
            Self::Utp(_) => None,
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => None,
        }
    }
}

/// 2 s: what is not acknowledged for so long, on a link that is doubted, was lost, and the link with
/// it. Networks that lose packets repeat one five times in that time.
const DOUBT: Duration = Duration::from_secs(2);

impl Wire {
    /// Perhaps nothing reaches the other end any more: what is said while that is doubted has to be
    /// acknowledged soon, or the connection ends.
    pub(crate) fn doubt(&self, doubted: bool) {
        match self {
            Self::Tcp(stream) => {
                let patience = if doubted { DOUBT } else { GONE_AFTER };
                // A socket that takes no options is gone already.
                let _ = SockRef::from(stream).set_tcp_user_timeout(Some(patience));
            }
            Self::Utp(_) => {}
            Self::Tls(stream) => stream.doubt(doubted),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => {}
        }
    }

    /// Is there something to read? Where that cannot be told: perhaps.
    pub(crate) fn poll_read_ready(&self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(task),
            Self::Utp(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => stream.poll_read_ready(task),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => stream.poll_read_ready(task),
        }
    }

    /// Reads what is there; 0 bytes at the end.
    pub(crate) fn poll_read(
        &mut self,
        task: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => loop {
                ready!(stream.poll_read_ready(task))?;
                match stream.try_read(buffer) {
                    // Readiness was stale; the next look registers for it.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return Poll::Ready(read),
                }
            },
            Self::Utp(stream) => stream.poll_read(task, buffer),
            Self::Tls(stream) => stream.poll_read(task, buffer),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => stream.poll_read(task, buffer),
        }
    }

    /// Writes as much as is taken.
    pub(crate) fn poll_write(
        &mut self,
        task: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => loop {
                ready!(stream.poll_write_ready(task))?;
                match stream.try_write_vectored(slices) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    written => return Poll::Ready(written),
                }
            },
            Self::Utp(stream) => {
                let first = slices.iter().find(|slice| !slice.is_empty());
                first.map_or(Poll::Ready(Ok(0)), |first| stream.poll_write(task, first))
            }
            Self::Tls(stream) => stream.poll_write(task, slices),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => stream.poll_write(task, slices),
        }
    }

    /// Brings out what was taken and is on its way still.
    pub(crate) fn poll_flush(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(stream) => stream.poll_flush(task),
            Self::Tcp(_) | Self::Utp(_) => Poll::Ready(Ok(())),
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => Poll::Ready(Ok(())),
        }
    }

    /// Who is at the other end, once, when it has proved it.
    pub(crate) fn take_authenticated(&mut self) -> Option<Authenticated> {
        match self {
            Self::Tls(stream) => stream.take_authenticated(),
            Self::Tcp(_) | Self::Utp(_) => None,
            #[cfg(feature = "simulation")]
            Self::Simulated(_) => None,
        }
    }

    /// Closes our side.
    ///
    /// # Errors
    /// The connection is gone.
    pub(crate) fn shut(&mut self, task: &mut Context<'_>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => SockRef::from(&*stream).shutdown(std::net::Shutdown::Write),
            Self::Utp(stream) => stream.shut(task),
            Self::Tls(stream) => stream.shut(task),
            #[cfg(feature = "simulation")]
            Self::Simulated(stream) => {
                stream.shut();
                Ok(())
            }
        }
    }
}
