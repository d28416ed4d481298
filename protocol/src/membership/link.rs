//! One link as membership sees it, and how much it is worth.
//!
//! Invariant: what two nodes compute of the link between them is the same on both sides.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::exchange::Exchange;
use super::keeping::Worth;
use super::limits::HANDSHAKE_PATIENCE;
use crate::id::PeerId;
use crate::time::Timestamp;

/// A link from the moment that TCP is up.
#[derive(Debug)]
pub(super) struct Link {
    /// The remote host.
    pub(super) remote: IpAddr,
    /// The address that we dialed; `None` for an inbound link.
    pub(super) dialed: Option<SocketAddr>,
    /// When TCP came up.
    pub(super) opened: Timestamp,
    /// What the handshake said, once there was one.
    pub(super) ready: Option<Ready>,
    /// What moved on it lately.
    pub(super) worth: Worth,
}

/// A link with a handshake.
#[derive(Debug)]
pub(super) struct Ready {
    /// The peer's name.
    pub(super) peer_id: PeerId,
    /// What [`pair_priority`] gives for us and the peer.
    pub(super) priority: u64,
    /// Where the peer can be reached: what we dialed, or what it says it listens on.
    pub(super) address: Option<SocketAddr>,
    /// Is it a swarmlet?
    pub(super) fleet: bool,
    /// When the handshake was done.
    pub(super) since: Timestamp,
    /// Has the peer everything?
    pub(super) complete: bool,
    /// Since when both sides have everything.
    pub(super) both_complete: Option<Timestamp>,
    /// What peer exchange told it; `None` if it does not speak that.
    pub(super) exchange: Option<Exchange>,
}

impl Link {
    /// Does this link lead to that listening address?
    pub(super) fn leads_to(&self, addr: &SocketAddr) -> bool {
        let address = self.ready.as_ref().and_then(|ready| ready.address);
        self.dialed.as_ref() == Some(addr) || address.as_ref() == Some(addr)
    }

    /// Has nobody shaken hands on it for so long that whoever comes may have its place?
    pub(super) fn is_silent(&self, now: Timestamp) -> bool {
        self.ready.is_none() && now.since(self.opened) >= HANDSHAKE_PATIENCE
    }

    /// Do both ends have everything, the peer being of another kind? Other kinds want no such link,
    /// and most close it at once; members of the fleet keep some, to stay one graph.
    pub(super) fn is_between_seeds(&self) -> bool {
        let ready = self.ready.as_ref();
        ready.is_some_and(|ready| !ready.fleet && ready.both_complete.is_some())
    }

    /// How long the handshake is ago; `None` without one.
    pub(super) fn age(&self, now: Timestamp) -> Option<Duration> {
        self.ready.as_ref().map(|ready| now.since(ready.since))
    }
}

/// Of two links with one peer, does the one that we dialed stay? The node with the greater name
/// decides: the link that it dialed stays. Both sides come to the same answer.
pub(super) fn our_dial_wins(own: PeerId, peer: PeerId) -> bool {
    own > peer
}

/// The priority of the link between two peers: the same on both sides and as good as random, the
/// idea of BEP 40. Names are hashed instead of addresses, because a node knows its name, while
/// behind a translator it does not know its address.
pub(super) fn pair_priority(one: PeerId, other: PeerId) -> u64 {
    // FNV-1a, then a finalizer: FNV alone mixes the last bytes badly into the high bits.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in one.min(other).0.iter().chain(&one.max(other).0) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_sides_agree_on_a_link(one: [u8; 20], other: [u8; 20]) {
            prop_assume!(one != other);
            let (one, other) = (PeerId(one), PeerId(other));
            prop_assert_eq!(pair_priority(one, other), pair_priority(other, one));
            prop_assert_ne!(our_dial_wins(one, other), our_dial_wins(other, one));
        }
    }
}
