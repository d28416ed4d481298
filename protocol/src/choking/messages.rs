//! What goes into the choker and what comes out of it.

use crate::id::LinkId;

/// What the choker hears.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// A link begins. `fleet` is what the peer's name suggests, until [`Self::Ready`].
    LinkOpened {
        /// The link.
        link: LinkId,
        /// It calls itself a swarmlet.
        fleet: bool,
    },
    /// The peer said what it is.
    Ready {
        /// The link.
        link: LinkId,
        /// It is of our fleet.
        fleet: bool,
    },
    /// What the peer wants from us.
    Interest {
        /// The link.
        link: LinkId,
        /// It says that we have something for it.
        interested: bool,
        /// It is complete, or wants nothing more (BEP 21).
        done: bool,
    },
    /// Bytes of blocks that moved on the link, since it began.
    Traffic {
        /// The link.
        link: LinkId,
        /// Bytes that it gave us.
        given: u64,
        /// Bytes that it took.
        taken: u64,
    },
    /// The peer owes us blocks and sends nothing, or does so no longer.
    Snubs {
        /// The link.
        link: LinkId,
        /// It owes us blocks.
        snubs: bool,
    },
    /// The link is gone.
    LinkClosed {
        /// The link.
        link: LinkId,
    },
    /// We have everything, or no longer do.
    Complete(bool),
    /// The operator lets nothing leave, or does again.
    Hold(bool),
    /// The time of [`Choker::next_timeout`](super::Choker::next_timeout) has come.
    Tick,
}

/// What is to be told to a link.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// We answer no requests of this link.
    Choke {
        /// The link.
        link: LinkId,
    },
    /// We answer requests of this link.
    Unchoke {
        /// The link.
        link: LinkId,
    },
}
