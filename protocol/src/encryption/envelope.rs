//! What lies between a link's socket and its session.

use std::borrow::Cow;

use super::acceptor::Acceptor;
use super::cipher::Ciphers;
use super::dialer::{Agreement, Dialer};
use super::exchange::Randomness;
use super::{Policy, Refusal};
use crate::id::InfoHash;
use crate::wire::handshake::PROTOCOL;

/// Who opened the link, and what it may be.
#[derive(Clone, Debug)]
pub enum Side {
    /// We did, and speak plainly.
    Plain,
    /// We did, and speak encrypted from the first byte on.
    Dialer(InfoHash),
    /// The other side did, for one of these swarms.
    Acceptor(Vec<InfoHash>),
}

/// Wraps what a session sends and unwraps what it receives.
///
/// While [`Self::is_open`] is false nothing of the session may be sent. What [`Self::outgoing`] holds
/// is sent before anything else.
#[derive(Debug)]
pub struct Envelope {
    state: State,
    outgoing: Vec<u8>,
    sent: usize,
}

#[derive(Debug)]
enum State {
    /// A stranger's first bytes are to come.
    Unknown {
        start: Vec<u8>,
        policy: Policy,
        acceptor: Box<Acceptor>,
    },
    Dialing(Box<Dialer>),
    Accepting(Box<Acceptor>),
    Plain,
    Ciphered(Box<Ciphers>),
}

impl Envelope {
    /// The envelope of a link that is plain.
    #[must_use]
    pub const fn plain() -> Self {
        Self {
            state: State::Plain,
            outgoing: Vec::new(),
            sent: 0,
        }
    }

    /// The envelope of a new link. `initial` is what the session of a link that we dialed says
    /// first, where it can travel with the handshake: see [`Self::takes_initial`].
    #[must_use]
    pub fn new(side: Side, policy: Policy, random: Randomness, initial: &[u8]) -> Self {
        let mut outgoing = Vec::new();
        let state = match side {
            _ if policy == Policy::Off => State::Plain,
            Side::Plain => State::Plain,
            Side::Dialer(info_hash) => {
                let dialer = Dialer::new(policy, info_hash, random, initial, &mut outgoing);
                State::Dialing(Box::new(dialer))
            }
            Side::Acceptor(swarms) => State::Unknown {
                start: Vec::new(),
                policy,
                acceptor: Box::new(Acceptor::new(policy, swarms, random)),
            },
        };
        Self {
            state,
            outgoing,
            sent: 0,
        }
    }

    /// From behind the exchange of keys on.
    #[cfg(feature = "fuzzing")]
    pub(super) fn accepting(acceptor: Acceptor) -> Self {
        Self {
            state: State::Accepting(Box::new(acceptor)),
            ..Self::plain()
        }
    }

    /// The same of the other side, with what it says.
    #[cfg(feature = "fuzzing")]
    pub(super) fn dialing((dialer, outgoing): (Dialer, Vec<u8>)) -> Self {
        Self {
            state: State::Dialing(Box::new(dialer)),
            outgoing,
            sent: 0,
        }
    }

    /// Does the handshake carry the session's first bytes? Then the session must not send them.
    #[must_use]
    pub const fn takes_initial(&self) -> bool {
        matches!(self.state, State::Dialing(_))
    }

    /// Takes bytes from the socket; gives those that are for the session.
    ///
    /// # Errors
    /// The link leads nowhere and must be closed.
    pub fn open<'bytes>(&mut self, bytes: &'bytes mut [u8]) -> Result<Cow<'bytes, [u8]>, Refusal> {
        let reply = &mut self.outgoing;
        let agreed = match &mut self.state {
            State::Plain => return Ok(Cow::Borrowed(bytes)),
            State::Ciphered(ciphers) => {
                ciphers.theirs.apply(bytes);
                return Ok(Cow::Borrowed(bytes));
            }
            State::Unknown { .. } => return self.recognise(bytes),
            State::Dialing(dialer) => dialer.receive(bytes, reply)?,
            State::Accepting(acceptor) => acceptor.receive(bytes, reply)?,
        };
        Ok(Cow::Owned(self.settle(agreed)))
    }

    /// May the session's bytes be sent? Through [`Self::seal`] if [`Self::is_ciphered`].
    #[must_use]
    pub const fn is_open(&self) -> bool {
        // Nobody speaks to a stranger who has said nothing: a session neither.
        matches!(
            self.state,
            State::Plain | State::Ciphered(_) | State::Unknown { .. }
        )
    }

    /// Is everything under a key stream?
    #[must_use]
    pub const fn is_ciphered(&self) -> bool {
        matches!(self.state, State::Ciphered(_))
    }

    /// Encrypts bytes of the session; they are to be sent from [`Self::outgoing`].
    pub fn seal(&mut self, bytes: &[u8]) {
        let start = self.outgoing.len();
        self.outgoing.extend_from_slice(bytes);
        if let State::Ciphered(ciphers) = &mut self.state {
            ciphers.ours.apply(&mut self.outgoing[start..]);
        }
    }

    /// What is to be sent before anything else.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        &self.outgoing[self.sent..]
    }

    /// Does nothing wait in [`Self::outgoing`]?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// So many bytes of [`Self::outgoing`] were sent.
    pub fn sent(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.outgoing.len() {
            self.outgoing.clear();
            self.sent = 0;
        }
    }

    /// Tells a plain handshake from an encrypted one as soon as a byte differs.
    fn recognise<'bytes>(&mut self, bytes: &'bytes mut [u8]) -> Result<Cow<'bytes, [u8]>, Refusal> {
        let State::Unknown { start, policy, .. } = &mut self.state else {
            return Ok(Cow::Borrowed(bytes));
        };
        let before = start.len();
        start.extend(bytes.iter().take(PROTOCOL.len() - before));
        let plain = PROTOCOL.starts_with(start);
        if plain && start.len() < PROTOCOL.len() {
            return Ok(Cow::Borrowed(&[]));
        }
        if plain && *policy == Policy::Required {
            return Err(Refusal::Plain);
        }
        let mut all = std::mem::take(start);
        all.extend_from_slice(&bytes[all.len() - before..]);
        match std::mem::replace(&mut self.state, State::Plain) {
            State::Unknown { mut acceptor, .. } if !plain => {
                let agreed = acceptor.receive(&all, &mut self.outgoing);
                self.state = State::Accepting(acceptor);
                let agreed = agreed?;
                Ok(Cow::Owned(self.settle(agreed)))
            }
            _ => Ok(Cow::Owned(all)),
        }
    }

    fn settle(&mut self, agreed: Option<Agreement>) -> Vec<u8> {
        let Some(Agreement { ciphers, rest }) = agreed else {
            return Vec::new();
        };
        self.state = ciphers.map_or(State::Plain, |ciphers| State::Ciphered(Box::new(ciphers)));
        rest
    }
}
