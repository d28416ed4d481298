//! Links under a fleet secret: TLS 1.3 with both sides authenticated, by rustls.
//!
//! A [`Security`] is what a node has of it, shared by its links on all threads: its [`Identity`], and of
//! each secret an authority that every node of the fleet derives for itself. A [`Stream`] carries one
//! link. An acceptor looks at the first bytes before any TLS does ([`swarmlet_protocol::secret`]), so
//! whoever does not know the secret learns nothing but that a TLS server is there.
//!
//! There is no resumption and no early data: nothing outlives a secret.

mod authority;
mod config;
mod identity;
mod refusals;
mod share;
mod stream;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rustls::{ClientConnection, ServerConnection};
use swarmlet_protocol::id::NodeId;
use swarmlet_protocol::secret::hello::{Foreign, Hello};
use swarmlet_protocol::secret::proof::{self, Code, Unproved};
use swarmlet_protocol::secret::{SecretId, Secrets};

use self::config::Configs;
pub use self::identity::Identity;
use self::refusals::Refusals;
pub use self::stream::Stream;
use super::Wire;
use crate::clock::WallClock;
use crate::counters::Counters;

/// 4,096 first messages are remembered, 64 KiB: one that was recorded is not answered here twice. With
/// more links than that in a day the oldest are forgotten, and whoever repeats one of those gets an
/// answer that he cannot read.
const MAX_REMEMBERED: usize = 4_096;

/// Who is at the other end of a link, as it proved.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Authenticated {
    /// The node.
    pub node: NodeId,
    /// The secret that both know.
    pub secret: SecretId,
}

/// What a node needs for links under its secrets. Cheap to clone.
#[derive(Clone)]
pub struct Security(Arc<Shared>);

struct Shared {
    identity: Arc<Identity>,
    wall: WallClock,
    configs: RwLock<Arc<Configs>>,
    seen: Mutex<VecDeque<Code>>,
    refusals: Refusals,
}

impl Security {
    /// Was the program built with it?
    pub const AVAILABLE: bool = true;

    /// Links under these secrets, for the node with that identity.
    ///
    /// # Errors
    /// The keys cannot be used; nothing that an operator did.
    pub fn new(
        identity: Identity,
        secrets: Secrets,
        wall: WallClock,
        counters: Arc<Counters>,
    ) -> io::Result<Self> {
        let identity = Arc::new(identity);
        let configs = Configs::new(&identity, secrets, &wall)?;
        Ok(Self(Arc::new(Shared {
            identity,
            wall,
            configs: RwLock::new(Arc::new(configs)),
            seen: Mutex::default(),
            refusals: Refusals::new(counters),
        })))
    }

    /// The name of this node.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.0.identity.node()
    }

    /// These are the secrets from now on. Links that are up stay as they are.
    ///
    /// # Errors
    /// The keys cannot be used, and the secrets are those of before.
    pub fn set_secrets(&self, secrets: Secrets) -> io::Result<()> {
        let configs = Configs::new(&self.0.identity, secrets, &self.0.wall)?;
        let mut present = self
            .0
            .configs
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *present = Arc::new(configs);
        Ok(())
    }

    /// The secrets that are accepted now.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        self.configs().secrets.clone()
    }

    /// The clock that it goes by.
    #[must_use]
    pub fn wall(&self) -> &WallClock {
        &self.0.wall
    }

    /// Secures a connection that we opened, or that somebody opened to us.
    ///
    /// # Errors
    /// The keys cannot be used.
    pub fn secure(&self, wire: Wire, remote: SocketAddr, dialed: bool) -> io::Result<Wire> {
        let stream = match dialed {
            true => Stream::dialed(self.clone(), wire, remote)?,
            false => Stream::accepted(self.clone(), wire, remote),
        };
        Ok(Wire::Tls(Box::new(stream)))
    }

    fn configs(&self) -> Arc<Configs> {
        let present = self.0.configs.read();
        Arc::clone(&present.unwrap_or_else(PoisonError::into_inner))
    }

    /// The dialer's side of a new link, with what shows that we know the secret.
    fn client(&self) -> io::Result<(ClientConnection, Arc<Configs>)> {
        let configs = self.configs();
        Ok((configs.client(self.0.wall.hour())?, configs))
    }

    /// The acceptor's side, for whoever said that.
    fn server(&self, hello: &Hello<'_>) -> Result<(ServerConnection, Authority), Refusal> {
        let configs = self.configs();
        let judged = proof::judge(hello, &configs.secrets, self.0.wall.hour());
        let (secret, code) = judged.map_err(Refusal::Unproved)?;
        if !self.is_new(code) {
            return Err(Refusal::Repeated);
        }
        let server = configs.server(secret).map_err(|_| Refusal::Keys)?;
        Ok((server, (configs, secret)))
    }

    /// Was no message with this code here before?
    fn is_new(&self, code: Code) -> bool {
        let mut seen = self.seen();
        if seen.contains(&code) {
            return false;
        }
        if seen.len() == MAX_REMEMBERED {
            seen.pop_front();
        }
        seen.push_back(code);
        true
    }

    fn seen(&self) -> MutexGuard<'_, VecDeque<Code>> {
        // Whole values: a panic while it was held cannot have broken them.
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The authorities of the moment at which a link began, and the secret that its dialer showed to know.
type Authority = (Arc<Configs>, SecretId);

impl fmt::Debug for Security {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Security({})", self.node())
    }
}

/// Why somebody who connected is not spoken to.
#[derive(Clone, Debug)]
enum Refusal {
    /// Other first bytes than those of a dialer of ours.
    Foreign(Foreign),
    /// It does not show that it knows a secret.
    Unproved(Unproved),
    /// A message that was here before.
    Repeated,
    /// Its certificate, or what it says within TLS, is not right.
    Handshake(rustls::Error),
    /// Our own keys cannot be used.
    Keys,
}

impl Refusal {
    const fn speaks_tls(&self) -> bool {
        match self {
            Self::Foreign(foreign) => foreign.speaks_tls(),
            _ => true,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(Foreign::NotTls(_)) => {
                formatter.write_str("it speaks without TLS: a client that is none of ours, or a node without the fleet secret")
            }
            Self::Foreign(foreign) => write!(formatter, "{foreign}"),
            Self::Unproved(unproved) => write!(formatter, "{unproved}"),
            Self::Repeated => formatter.write_str("it repeats a message that was recorded"),
            Self::Handshake(error) => write!(formatter, "{error}"),
            Self::Keys => formatter.write_str("the keys of this node cannot be used"),
        }
    }
}
