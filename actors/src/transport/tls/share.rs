//! The key exchange, begun before the message that carries it.
//!
//! What a dialer shows is a code over its own key share, and stands in the host name of the same message,
//! which rustls wants to be told first. So the key share is made here, and handed to rustls when it
//! begins a key exchange.

use std::cell::RefCell;
use std::fmt;

use rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768;
use rustls::crypto::{ActiveKeyExchange, CompletedKeyExchange, SupportedKxGroup};
use rustls::{Error, NamedGroup, ProtocolVersion};

/// X25519 with ML-KEM-768: what is recorded today is not read with the machines of tomorrow.
pub(super) static KEY_EXCHANGE: Begun = Begun;

thread_local! {
    /// The key share for the message that is being made on this thread.
    static NEXT: RefCell<Option<Box<dyn ActiveKeyExchange>>> = const { RefCell::new(None) };
}

/// A key share that no message has carried yet.
pub(super) struct KeyShare(Box<dyn ActiveKeyExchange>);

impl KeyShare {
    pub(super) fn new() -> Result<Self, Error> {
        X25519MLKEM768.start().map(Self)
    }

    /// The public part.
    pub(super) fn public(&self) -> &[u8] {
        self.0.pub_key()
    }

    /// Whoever begins a key exchange in `begin` begins with this share.
    pub(super) fn used_by<T>(self, begin: impl FnOnce() -> T) -> T {
        NEXT.set(Some(self.0));
        let begun = begin();
        // Not taken only where nothing was begun.
        NEXT.set(None);
        begun
    }
}

/// The group with a memory for one share.
pub(super) struct Begun;

impl fmt::Debug for Begun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        X25519MLKEM768.fmt(formatter)
    }
}

impl SupportedKxGroup for Begun {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        NEXT.take().map_or_else(|| X25519MLKEM768.start(), Ok)
    }

    fn start_and_complete(&self, theirs: &[u8]) -> Result<CompletedKeyExchange, Error> {
        X25519MLKEM768.start_and_complete(theirs)
    }

    fn ffdhe_group(&self) -> Option<rustls::ffdhe_groups::FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        X25519MLKEM768.name()
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        X25519MLKEM768.usable_for_version(version)
    }
}
