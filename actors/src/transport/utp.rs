//! uTP (BEP 29) by `librqbit-utp`: streams over one UDP socket.
//!
//! Its congestion control is CUBIC, as that of TCP: unlike LEDBAT, which BEP 29 asks for, it does
//! not stand back behind other traffic.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use librqbit_utp::{SocketOpts, UtpSocketUdp, UtpStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OnceCell;

use super::Connection;

/// 256 KiB: what one stream may receive before it is read, and send before it is acknowledged.
const WINDOW: usize = 256 * 1024;

/// The UDP socket of a node, opened when it is first used.
#[derive(Clone, Debug)]
pub struct Endpoint {
    address: SocketAddr,
    streams: usize,
    socket: Arc<OnceCell<Arc<UtpSocketUdp>>>,
}

/// One stream.
pub struct Stream(Box<UtpStream>);

impl fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Stream({})", self.0.remote_addr())
    }
}

impl Endpoint {
    /// Was the program built with uTP?
    pub const AVAILABLE: bool = true;

    /// The endpoint that sends from that address, with at most so many streams.
    #[must_use]
    pub fn new(address: SocketAddr, streams: usize) -> Option<Self> {
        Some(Self {
            address,
            streams,
            socket: Arc::default(),
        })
    }

    pub(crate) async fn connect(&self, to: SocketAddr) -> io::Result<Connection> {
        let stream = self.socket().await?.connect(to).await;
        let stream = stream.map_err(io::Error::other)?;
        Ok(Connection::Utp(Stream(Box::new(stream))))
    }

    pub(crate) async fn accept(&self) -> io::Result<(Connection, SocketAddr)> {
        let stream = self.socket().await?.accept().await;
        let stream = stream.map_err(io::Error::other)?;
        let remote = stream.remote_addr();
        Ok((Connection::Utp(Stream(Box::new(stream))), remote))
    }

    async fn socket(&self) -> io::Result<&Arc<UtpSocketUdp>> {
        let window = NonZeroUsize::new(WINDOW);
        let open = || async {
            let options = SocketOpts {
                vsock_rx_bufsize_bytes: window,
                vsock_tx_bufsize_bytes_max: window,
                max_live_vsocks: NonZeroUsize::new(self.streams),
                // Requests are small and must leave at once.
                disable_nagle: true,
                ..SocketOpts::default()
            };
            let opened =
                UtpSocketUdp::new_udp_with_opts(self.address, options, Default::default()).await;
            opened.map_err(io::Error::other)
        };
        self.socket.get_or_try_init(open).await
    }
}

impl Stream {
    pub(super) fn poll_read(
        &mut self,
        task: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut *self.0).poll_read(task, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    pub(super) fn poll_write(
        &mut self,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(task, bytes)
    }

    pub(super) fn shut(&mut self, task: &mut Context<'_>) -> io::Result<()> {
        match Pin::new(&mut *self.0).poll_shutdown(task) {
            Poll::Ready(Err(error)) => Err(error),
            _ => Ok(()),
        }
    }
}
