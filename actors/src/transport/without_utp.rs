//! In place of uTP, in a program that was built without it: there are no endpoints and no streams.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use super::Connection;

/// There is none.
#[derive(Clone, Debug)]
pub enum Endpoint {}

/// There is none.
#[derive(Debug)]
pub enum Stream {}

impl Endpoint {
    /// Was the program built with uTP?
    pub const AVAILABLE: bool = false;

    /// No endpoint.
    #[must_use]
    pub const fn new(_: SocketAddr, _: usize) -> Option<Self> {
        None
    }

    pub(crate) async fn connect(&self, _: SocketAddr) -> io::Result<Connection> {
        match *self {}
    }

    pub(crate) async fn accept(&self) -> io::Result<(Connection, SocketAddr)> {
        match *self {}
    }
}

impl Stream {
    pub(super) fn poll_read(
        &mut self,
        _: &mut Context<'_>,
        _: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        match *self {}
    }

    pub(super) fn poll_write(&mut self, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        match *self {}
    }

    pub(super) fn shut(&mut self, _: &mut Context<'_>) -> io::Result<()> {
        match *self {}
    }
}
