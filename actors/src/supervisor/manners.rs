//! How much of itself a node gives to others, and takes from them.

use std::num::NonZeroU64;

use swarmlet_protocol::choking::UPLOAD_SLOTS;
use swarmlet_protocol::encryption::Policy;

use crate::discovery::MAX_LINKS;

/// How a node treats its peers.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Manners {
    /// How many peers that are no swarmlets may fetch from a swarm of ours at once.
    pub upload_slots: usize,
    /// How many links a node with one swarm may have; each further swarm brings half as many.
    pub max_links: usize,
    /// Whether links are encrypted.
    pub encryption: Policy,
    /// Speak uTP (BEP 29) beside TCP. Nothing happens in a program that was built without it:
    /// [`crate::transport::Endpoint::AVAILABLE`].
    pub utp: bool,
    /// Bytes per second from all peers; `None` is no limit.
    pub download_limit: Option<NonZeroU64>,
    /// Bytes of blocks per second to all peers; `None` is no limit.
    pub upload_limit: Option<NonZeroU64>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            upload_slots: UPLOAD_SLOTS,
            max_links: MAX_LINKS,
            encryption: Policy::default(),
            utp: false,
            download_limit: None,
            upload_limit: None,
        }
    }
}
