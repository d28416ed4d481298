//! Where the processes of a run live: each in a network namespace of its own, or all on loopback.
//!
//! In neither case can anything reach a real interface.

mod namespaces;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::process::{Child, Command};

use namespaces::Namespaces;

/// Nodes on addresses of their own. Node 0 is the seed.
#[derive(Debug)]
pub(crate) enum Network {
    /// Addresses of 127.0.0.0/8: for everybody, and with the kernel's short way through loopback.
    Loopback {
        /// The first three bytes of all addresses.
        base: [u8; 3],
    },
    /// A namespace and a cable to a bridge for each node: for root.
    Namespaces(Namespaces),
}

impl Network {
    /// Namespaces if we may make them, else loopback.
    ///
    /// # Errors
    /// The namespaces cannot be made although we are root.
    pub(crate) fn new(nodes: usize, wants_loopback: bool) -> io::Result<Self> {
        if !wants_loopback && nix::unistd::geteuid().is_root() {
            return Ok(Self::Namespaces(Namespaces::make(nodes)?));
        }
        // Another benchmark on this machine has other addresses.
        let id = std::process::id().to_be_bytes();
        let base = [127, 128 | id[2], id[3]];
        Ok(Self::Loopback { base })
    }

    /// The address of a node.
    pub(crate) fn address(&self, node: usize) -> Ipv4Addr {
        match self {
            Self::Loopback { base: [a, b, c] } => Ipv4Addr::new(*a, *b, *c, last_byte(node)),
            Self::Namespaces(_) => namespaces::address(node),
        }
    }

    /// Starts a process as that node.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn spawn(&self, node: usize, mut command: Command) -> io::Result<Child> {
        match self {
            Self::Loopback { .. } => command.spawn(),
            Self::Namespaces(namespaces) => namespaces.within(Some(node), || command.spawn()),
        }
    }

    /// A listening socket that all nodes can reach.
    ///
    /// # Errors
    /// There is no such socket.
    pub(crate) fn listen(&self) -> io::Result<TcpListener> {
        match self {
            Self::Loopback { base: [a, b, c] } => {
                TcpListener::bind(SocketAddrV4::new(Ipv4Addr::new(*a, *b, *c, 1), 0))
            }
            Self::Namespaces(namespaces) => namespaces.within(None, || {
                TcpListener::bind(SocketAddrV4::new(namespaces::HUB, 0))
            }),
        }
    }

    /// What a table says of it.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Loopback { .. } => "loopback addresses (127.0.0.0/8)",
            Self::Namespaces(_) => "a network namespace per process, joined by veth and a bridge",
        }
    }
}

/// Host numbers begin behind that of the tracker, which is 1.
fn last_byte(node: usize) -> u8 {
    u8::try_from(node + 2).unwrap_or(u8::MAX)
}
