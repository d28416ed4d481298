//! One link under TLS: bytes between the wire below and the session above.
//!
//! The handshake is done while the session reads, so it is bounded by the session's own deadline and
//! nobody else waits for it. Ciphertext is read a quarter of a MiB at a time into a buffer that all links
//! of the thread share; what a link keeps for itself is a record that is not whole yet, and what the
//! socket has not taken of what was encrypted: [`WAITING`] at most.

use std::cell::RefCell;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use log::debug;
use rustls::Connection;
use rustls::pki_types::UnixTime;
use swarmlet_protocol::secret::SecretId;
use swarmlet_protocol::secret::hello::{MAX_HELLO, REFUSAL, look};

use super::config::Configs;
use super::{Authenticated, Refusal, Security, verify};
use crate::transport::Wire;

/// 256 KiB: one read of ciphertext, as of plain bytes.
const READ_SIZE: usize = 256 * 1024;

/// 18 KiB: what the longest record takes with its head and padding (RFC 8446, 5.2), rounded up.
const RECORD: usize = 18 * 1024;

/// 2 KiB: read at least, however little the session wants: a record must become whole some time.
const LEAST: usize = 2 * 1024;

/// 128 KiB: plain bytes that are encrypted before the socket has taken them; they stay in the cache.
const WAITING: usize = 128 * 1024;

thread_local! {
    /// Only threads with links under TLS have one.
    static STAGING: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// One link under TLS.
pub struct Stream {
    wire: Wire,
    remote: SocketAddr,
    dialed: bool,
    security: Security,
    state: State,
    /// Plain bytes that the session has no room for yet.
    spare: Vec<u8>,
    /// Who is there, from when that is proved until it is asked for.
    authenticated: Option<Authenticated>,
    /// The peer said that it sends no more.
    ended: bool,
}

enum State {
    /// The first bytes of whoever connected; nobody has answered them.
    Looking(Vec<u8>),
    /// With the authorities by which the peer is checked.
    Talking {
        tls: Box<Connection>,
        configs: Arc<Configs>,
        secret: Option<SecretId>,
        is_through: bool,
    },
    /// Not let in.
    Refused,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Stream({}, {:?})", self.remote, self.wire)
    }
}

impl Stream {
    pub(super) fn dialed(security: Security, wire: Wire, remote: SocketAddr) -> io::Result<Self> {
        let (client, configs) = security.client()?;
        let state = talking(client.into(), configs, None);
        Ok(Self::new(security, wire, remote, true, state))
    }

    pub(super) fn accepted(security: Security, wire: Wire, remote: SocketAddr) -> Self {
        Self::new(security, wire, remote, false, State::Looking(Vec::new()))
    }

    const fn new(
        security: Security,
        wire: Wire,
        remote: SocketAddr,
        dialed: bool,
        state: State,
    ) -> Self {
        Self {
            wire,
            remote,
            dialed,
            security,
            state,
            spare: Vec::new(),
            authenticated: None,
            ended: false,
        }
    }

    /// Bytes of whoever connected that are kept until they are judged.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        match &self.state {
            State::Looking(seen) => seen.len(),
            _ => 0,
        }
    }

    /// Who is at the other end, once, when it has proved it.
    pub(crate) const fn take_authenticated(&mut self) -> Option<Authenticated> {
        self.authenticated.take()
    }

    pub(in crate::transport) fn poll_read_ready(
        &self,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match self.spare.is_empty() {
            true => self.wire.poll_read_ready(task),
            false => Poll::Ready(Ok(())),
        }
    }

    pub(in crate::transport) fn poll_read(
        &mut self,
        task: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if !self.spare.is_empty() {
            return Poll::Ready(Ok(self.take_spare(buffer)));
        }
        loop {
            match &mut self.state {
                State::Looking(_) => ready!(self.look(task))?,
                State::Talking { .. } => {
                    let read = ready!(self.receive(task, buffer))?;
                    if read > 0 || self.ended {
                        return Poll::Ready(Ok(read));
                    }
                }
                State::Refused => return Poll::Ready(Ok(0)),
            }
            if self.ended {
                return Poll::Ready(Ok(0));
            }
        }
    }

    /// Takes plain bytes to be encrypted; none before the peer has proved who it is.
    pub(in crate::transport) fn poll_write(
        &mut self,
        task: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(task))?;
        let State::Talking {
            tls,
            is_through: true,
            ..
        } = &mut self.state
        else {
            // Reading brings the handshake on, and wakes the session when it is through.
            return Poll::Pending;
        };
        let taken = tls.writer().write_vectored(slices)?;
        if let Poll::Ready(Err(error)) = self.poll_flush(task) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(taken))
    }

    /// Writes what is encrypted already.
    pub(in crate::transport) fn poll_flush(
        &mut self,
        task: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { wire, state, .. } = self;
        let State::Talking { tls, .. } = state else {
            return Poll::Ready(Ok(()));
        };
        let mut socket = Socket { wire, task };
        while tls.wants_write() {
            match tls.write_tls(&mut socket) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// What is said while the link is doubted has to be acknowledged soon.
    pub(in crate::transport) fn doubt(&self, doubted: bool) {
        self.wire.doubt(doubted);
    }

    /// Says that no more will come, and closes our side.
    pub(in crate::transport) fn shut(&mut self, task: &mut Context<'_>) -> io::Result<()> {
        if let State::Talking { tls, .. } = &mut self.state {
            tls.send_close_notify();
        }
        let _ = self.poll_flush(task);
        self.wire.shut(task)
    }

    /// Looks at the first bytes of whoever connected.
    fn look(&mut self, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let State::Looking(seen) = &mut self.state else {
            return Poll::Ready(Ok(()));
        };
        let mut some = [0; MAX_HELLO];
        let room = MAX_HELLO - seen.len().min(MAX_HELLO - 1);
        let count = ready!(self.wire.poll_read(task, &mut some[..room]))?;
        if count == 0 {
            self.ended = true;
            return Poll::Ready(Ok(()));
        }
        seen.extend_from_slice(&some[..count]);
        let answered = match look(seen) {
            Ok(None) => return Poll::Ready(Ok(())),
            Ok(Some(hello)) => self.security.server(&hello),
            Err(foreign) => Err(Refusal::Foreign(foreign)),
        };
        match answered {
            Ok((server, (configs, secret))) => {
                let seen = std::mem::take(seen);
                self.state = talking(server.into(), configs, Some(secret));
                self.feed(&seen, &mut [], task)?;
                Poll::Ready(Ok(()))
            }
            Err(refusal) => Poll::Ready(Err(self.refuse(&refusal, task))),
        }
    }

    /// Reads ciphertext, and makes plain bytes of it.
    fn receive(&mut self, task: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Err(error)) = self.poll_flush(task) {
            return Poll::Ready(Err(error));
        }
        STAGING.with_borrow_mut(|staging| {
            staging.resize(READ_SIZE, 0);
            // No more than there is room for, even if a record that was begun ends now.
            let room = buffer.len().saturating_sub(RECORD);
            let some = &mut staging[..room.clamp(LEAST, READ_SIZE)];
            let read = ready!(self.wire.poll_read(task, some));
            let count = *read.as_ref().unwrap_or(&0);
            if count == 0 {
                self.hung_up();
                return Poll::Ready(read);
            }
            Poll::Ready(self.feed(&some[..count], buffer, task))
        })
    }

    /// Gives ciphertext to TLS; plain bytes go to the buffer, and what it has no room for is spared.
    fn feed(
        &mut self,
        mut bytes: &[u8],
        buffer: &mut [u8],
        task: &mut Context<'_>,
    ) -> io::Result<usize> {
        let mut filled = 0;
        while !bytes.is_empty() {
            let State::Talking { tls, .. } = &mut self.state else {
                break;
            };
            tls.read_tls(&mut bytes)?;
            let state = match tls.process_new_packets() {
                Ok(state) => state,
                Err(error) => return Err(self.failed(error, task)),
            };
            let plain = state.plaintext_bytes_to_read();
            if plain > 0 {
                let fits = plain.min(buffer.len() - filled);
                tls.reader()
                    .read_exact(&mut buffer[filled..filled + fits])?;
                filled += fits;
                let start = self.spare.len();
                self.spare.resize(start + plain - fits, 0);
                tls.reader().read_exact(&mut self.spare[start..])?;
            }
            self.ended |= state.peer_has_closed();
            self.settle(task)?;
        }
        if let Poll::Ready(Err(error)) = self.poll_flush(task) {
            return Err(error);
        }
        Ok(filled)
    }

    /// Is the handshake through? Then it is known who is there.
    fn settle(&mut self, task: &mut Context<'_>) -> io::Result<()> {
        let State::Talking {
            tls,
            configs,
            secret,
            is_through,
        } = &mut self.state
        else {
            return Ok(());
        };
        if *is_through || tls.is_handshaking() {
            return Ok(());
        }
        let certificate = tls.peer_certificates().and_then(<[_]>::first);
        let certificate = certificate.ok_or_else(|| io::Error::other("no certificate"))?;
        let node = verify::node(certificate).map_err(io::Error::other)?;
        let now = UnixTime::since_unix_epoch(self.security.wall().now());
        let secret = secret.or_else(|| configs.by_whom(certificate, now));
        let secret = secret.ok_or_else(|| io::Error::other("a certificate of another time"))?;
        *is_through = true;
        self.authenticated = Some(Authenticated { node, secret });
        // There may be something to say, which had to wait for this.
        task.waker().wake_by_ref();
        Ok(())
    }

    /// The connection is over. Where that is the answer to our first words, who looks for the reason finds
    /// it said: a node that has no place left does the same, so it is no warning.
    fn hung_up(&mut self) {
        self.ended = true;
        let is_new = matches!(&self.state, State::Talking { is_through, .. } if !is_through);
        if self.dialed && is_new {
            debug!("no link with {}: {HUNG_UP}", self.remote);
        }
    }

    /// Whoever connected is not let in. A client of TLS is told so, and no more.
    fn refuse(&mut self, why: &Refusal, task: &mut Context<'_>) -> io::Error {
        self.security.0.refusals.refused(self.remote, why);
        if why.speaks_tls() {
            // Seven bytes fit the buffer of any new socket.
            let _ = self.wire.poll_write(task, &[IoSlice::new(&REFUSAL)]);
        }
        self.state = State::Refused;
        io::Error::other(why.to_string())
    }

    /// TLS gives up. What it has to say about that is sent.
    fn failed(&mut self, error: rustls::Error, task: &mut Context<'_>) -> io::Error {
        let _ = self.poll_flush(task);
        let is_through = matches!(
            self.state,
            State::Talking {
                is_through: true,
                ..
            }
        );
        self.state = State::Refused;
        let refusals = &self.security.0.refusals;
        if is_through {
            return io::Error::other(error);
        }
        if self.dialed {
            let why = dialers_words(&error);
            refusals.was_refused(self.remote, &why);
            io::Error::other(why)
        } else {
            let why = Refusal::Handshake(error);
            refusals.refused(self.remote, &why);
            io::Error::other(why.to_string())
        }
    }

    fn take_spare(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.spare.len());
        buffer[..count].copy_from_slice(&self.spare[..count]);
        self.spare.drain(..count);
        if self.spare.is_empty() {
            self.spare = Vec::new();
        }
        count
    }
}

fn talking(mut tls: Connection, configs: Arc<Configs>, secret: Option<SecretId>) -> State {
    tls.set_buffer_limit(Some(WAITING));
    State::Talking {
        tls: Box::new(tls),
        configs,
        secret,
        is_through: false,
    }
}

/// What it means for a dialer that nothing is said to its first words.
const HUNG_UP: &str = "it hangs up on TLS: it has no place left, or is a node without the fleet secret, another client, \
     or one whose access list denies us";

/// What it means for a dialer that its handshake failed.
fn dialers_words(error: &rustls::Error) -> String {
    use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
    match error {
        Error::AlertReceived(AlertDescription::HandshakeFailure) => {
            "it refuses us: it has another secret, or our clocks are more than a day apart"
                .to_owned()
        }
        Error::AlertReceived(AlertDescription::AccessDenied) => "it denies us access".to_owned(),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it speaks without TLS: a client that is none of ours, or a node without the fleet secret"
                .to_owned()
        }
        Error::InvalidCertificate(
            CertificateError::ExpiredContext { .. } | CertificateError::NotValidYetContext { .. },
        ) => "its certificate is of another time: its clock or ours is wrong".to_owned(),
        error => error.to_string(),
    }
}

/// The wire below, as rustls writes to it.
struct Socket<'a, 'b, 'c> {
    wire: &'a mut Wire,
    task: &'b mut Context<'c>,
}

impl Write for Socket<'_, '_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.wire.poll_write(self.task, slices) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
