//! In place of TLS, in a program that was built without it: there are no secured links.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use swarmlet_protocol::id::NodeId;
use swarmlet_protocol::secret::{SecretId, Secrets};

use super::Wire;
use crate::clock::WallClock;
use crate::counters::Counters;

/// There is none.
#[derive(Clone, Debug)]
pub enum Security {}

/// There is none.
#[derive(Debug)]
pub enum Identity {}

/// There is none.
#[derive(Debug)]
pub enum Stream {}

/// Nobody ever is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Authenticated {
    /// The node.
    pub node: NodeId,
    /// The secret that both know.
    pub secret: SecretId,
}

fn missing() -> io::Error {
    io::Error::other("this program was built without the feature 'secret'")
}

impl Identity {
    /// No identity.
    ///
    /// # Errors
    /// Always.
    pub fn passing() -> io::Result<Self> {
        Err(missing())
    }

    /// No identity.
    ///
    /// # Errors
    /// Always.
    pub fn kept_in(_: &Path) -> io::Result<Self> {
        Err(missing())
    }
}

impl Security {
    /// Was the program built with it?
    pub const AVAILABLE: bool = false;

    /// No security.
    ///
    /// # Errors
    /// Always.
    pub fn new(identity: Identity, _: Secrets, _: WallClock, _: Arc<Counters>) -> io::Result<Self> {
        match identity {}
    }

    /// Of nobody.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        match *self {}
    }

    /// Of nobody.
    ///
    /// # Errors
    /// Never.
    pub fn set_secrets(&self, _: Secrets) -> io::Result<()> {
        match *self {}
    }

    /// Of nobody.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        match *self {}
    }

    /// Of nobody.
    #[must_use]
    pub const fn wall(&self) -> &WallClock {
        match *self {}
    }

    /// Of nobody.
    ///
    /// # Errors
    /// Never.
    pub fn secure(&self, _: Wire, _: SocketAddr, _: bool) -> io::Result<Wire> {
        match *self {}
    }
}

impl Stream {
    pub(crate) fn take_authenticated(&mut self) -> Option<Authenticated> {
        match *self {}
    }

    pub(super) const fn doubt(&self, _: bool) {
        match *self {}
    }

    pub(super) fn poll_read_ready(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    pub(super) fn poll_read(
        &mut self,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match *self {}
    }

    pub(super) fn poll_write(
        &mut self,
        _: &mut Context<'_>,
        _: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match *self {}
    }

    pub(super) fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match *self {}
    }

    pub(super) fn shut(&mut self, _: &mut Context<'_>) -> io::Result<()> {
        match *self {}
    }
}
