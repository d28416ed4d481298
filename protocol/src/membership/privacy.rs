//! Private contents (BEP 27): whom such a swarm believes, and what it keeps to itself.
//!
//! The one rule: its peers come from trackers, from the operator, or by themselves, and nobody is
//! told of it or of them. Everything else asks here.

use super::book::Origin;
use super::event::{CloseReason, Output, Source};
use super::machine::Membership;
use crate::time::Timestamp;

impl Source {
    /// May a private swarm dial whom this source names?
    pub(super) const fn is_believed_in_private(self) -> bool {
        match self {
            Self::Inbound | Self::Listed | Self::Named | Self::Roster | Self::Tracker => true,
            Self::Dht | Self::Lan | Self::Pex | Self::Rendezvous | Self::State | Self::Sweep => {
                false
            }
        }
    }
}

impl Origin {
    pub(super) const fn is_believed_in_private(self) -> bool {
        match self {
            Self::Peer(_) => false,
            Self::Source(source) => source.is_believed_in_private(),
        }
    }
}

impl Membership {
    /// Is the content private? Then the host names neither the swarm nor its peers to anybody.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.book.is_private()
    }

    /// The content turns out to be private: forgets whom it may not believe, closes the links that
    /// came of that, and falls silent about the others.
    pub(super) fn keep_private(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.book.keep_private();
        let book = &self.book;
        let unbelieved = self.links.iter().filter(|(_, link)| {
            let dialed = link.dialed.as_ref();
            dialed.is_some_and(|addr| book.get(addr).is_none())
        });
        let unbelieved: Vec<_> = unbelieved.map(|(&id, _)| id).collect();
        for id in unbelieved {
            self.close(id, CloseReason::Private, now, out);
        }
        for link in self.links.values_mut() {
            if let Some(ready) = &mut link.ready {
                ready.exchange = None;
            }
        }
    }
}
