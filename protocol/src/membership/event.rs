//! What happens to a [`Membership`](super::Membership), and what it wants done.

use std::net::{IpAddr, SocketAddr};

use crate::id::{LinkId, PeerId};
use crate::time::Timestamp;

/// BEP 11 flag: the peer has everything.
pub const PEX_SEED: u8 = 0x02;

/// BEP 11 flag: we dialed the peer, so it can be reached.
pub const PEX_REACHABLE: u8 = 0x10;

/// What a [`Membership`](super::Membership) is told once.
#[derive(Clone, Debug)]
pub struct MembershipConfig {
    /// Links at most, counted from the moment TCP is up. At least 1.
    pub max_links: usize,
    /// The node dials while it has fewer links than this, half-open ones included. Cut to
    /// `max_links`.
    pub target_links: usize,
    /// Dials that may be under way at once.
    pub max_half_open: usize,
    /// The addresses on which this node can be reached, as far as it knows.
    pub own_addresses: Vec<SocketAddr>,
    /// Our name on the wire.
    pub peer_id: PeerId,
    /// Can this host reach IPv6 addresses?
    pub ipv6: bool,
    /// Does this node listen on a loopback address only? Otherwise loopback addresses that others
    /// speak of are theirs, not ours, and are dropped.
    pub loopback: bool,
}

/// How an address came to us.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub enum Source {
    /// A node of the distributed hash table named it (BEP 5).
    Dht,
    /// It dialed us.
    Inbound,
    /// A beacon on the local network (BEP 14).
    Lan,
    /// The configuration or the command line.
    Listed,
    /// A configured host name resolved to it.
    Named,
    /// Peer exchange (BEP 11).
    Pex,
    /// A peer told us at the rendezvous.
    Rendezvous,
    /// The same as [`Self::Listed`], of a list that is too long to be known as a whole.
    Roster,
    /// It was known in an earlier life of this node.
    State,
    /// The sweep found somebody there.
    Sweep,
    /// A tracker named it (BEP 3).
    Tracker,
}

/// Why a dial did not lead to a link.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum DialFailure {
    /// The fault is ours: no descriptors, no buffers. The address is not blamed.
    Local,
    /// Somebody is there and hung up before a handshake: it does not serve this swarm, or refuses to
    /// speak as we did, plainly or encrypted.
    HungUp,
    /// Somebody is there but does not serve this swarm.
    NotInSwarm,
    /// The host is up and nobody listens: a process between two lives.
    Refused,
    /// Nobody answered in time.
    TimedOut,
    /// No route, or the network said that there is no such host.
    Unreachable,
}

/// How a link ended, when it was not we who closed it by [`Output::Close`].
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum LinkEnd {
    /// The peer closed it, or the session here did for want of use.
    Graceful,
    /// We closed it to open it anew, because all that was said on it has to be said again.
    Renewed,
    /// It broke: reset, time-out.
    Lost,
    /// The peer broke a rule of the protocol.
    Violation,
}

/// A peer as peer exchange speaks of it.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct PexPeer {
    /// Where it listens.
    pub addr: SocketAddr,
    /// The flags of BEP 11: [`PEX_SEED`], [`PEX_REACHABLE`].
    pub flags: u8,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// Somebody named an address.
    AddressLearned {
        /// The address.
        addr: SocketAddr,
        /// Who named it.
        source: Source,
    },
    /// A peer named addresses at the rendezvous, or as a member of the fleet.
    AddressesTold {
        /// The addresses.
        addresses: Vec<SocketAddr>,
        /// The host of the peer, which answers for them.
        from: IpAddr,
    },
    /// A host is not to be spoken with until that time: its links close, it is not dialed and not
    /// admitted.
    Ban {
        /// The host.
        ip: IpAddr,
        /// When the ban ends.
        until: Timestamp,
        /// Its links that stay: honest neighbours behind one address.
        spared: Vec<LinkId>,
    },
    /// The ban of a host ends now.
    Unban {
        /// The host.
        ip: IpAddr,
    },
    /// A dial of ours failed.
    DialFailed {
        /// The address that was dialed.
        addr: SocketAddr,
        /// What went wrong.
        reason: DialFailure,
    },
    /// Dial this address once even if the target is reached: what a node does at the rendezvous
    /// with an address that [`Output::Stranger`] named. Its back-off still holds.
    DialOnce {
        /// The address.
        addr: SocketAddr,
    },
    /// A link ended without our [`Output::Close`].
    LinkClosed {
        /// The link.
        link: LinkId,
        /// How it ended.
        reason: LinkEnd,
    },
    /// TCP is up; no handshake yet.
    LinkOpened {
        /// The link.
        link: LinkId,
        /// The remote host.
        remote: IpAddr,
        /// The address that we dialed; `None` for an inbound link.
        dialed: Option<SocketAddr>,
    },
    /// Both handshakes (BEP 3 and, where the peer speaks it, BEP 10) are read.
    LinkReady {
        /// The link.
        link: LinkId,
        /// The peer's name.
        peer_id: PeerId,
        /// The remote host with the port `p` of its BEP 10 handshake.
        listen: Option<SocketAddr>,
        /// Is it a swarmlet?
        fleet: bool,
        /// Does it speak `ut_pex`?
        pex: bool,
    },
    /// The peer became complete, or no longer is.
    PeerComplete {
        /// The link.
        link: LinkId,
        /// Has it everything?
        complete: bool,
    },
    /// These are our addresses now, and no others that were ours before; and whether one of them is
    /// new, so that hosts may be within reach that were not.
    OwnAddresses {
        /// All of them.
        own: Vec<SocketAddr>,
        /// Is one of them new?
        moved: bool,
    },
    /// A peer-exchange message came.
    PexReceived {
        /// The link it came on.
        link: LinkId,
        /// Peers the sender says it is linked with, and whether each is a seed.
        added: Vec<(SocketAddr, bool)>,
        /// Peers it says it is no longer linked with.
        dropped: Vec<SocketAddr>,
    },
    /// The content is private (BEP 27): from now on no address is taken from, nor told to, anybody but
    /// trackers and the operator.
    Private,
    /// We became complete, or no longer are.
    SelfComplete(bool),
    /// A new value for [`MembershipConfig::target_links`]; 0 means: accept, never dial.
    SetTarget(usize),
    /// A new value for [`MembershipConfig::max_links`]: the node has more swarms or fewer. Links that
    /// exceed a smaller one stay until they end or a newcomer needs their place.
    SetMaxLinks(usize),
    /// The time of [`Membership::next_timeout`](super::Membership::next_timeout) has come.
    Tick,
}

/// Why we close a link.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum CloseReason {
    /// The host is banned.
    Banned,
    /// Both sides are complete and this link is one of too many.
    BothComplete,
    /// The same peer is linked already.
    Duplicate,
    /// There is no room and nobody can make any.
    Full,
    /// A newcomer needs the place.
    MakeRoom,
    /// We dialed ourselves.
    OwnEcho,
    /// The content is private, and nobody whom it believes named this peer.
    Private,
    /// The peer restarted and is here again on a newer link.
    Replaced,
}

impl std::fmt::Display for CloseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Banned => "its host is banned",
            Self::BothComplete => "both ends are complete, and others need the place",
            Self::Duplicate => "the same peer is linked already",
            Self::Full => "there is no room",
            Self::MakeRoom => "a newcomer needs the place",
            Self::OwnEcho => "it is this node itself",
            Self::Private => "the content is private, and nobody named this peer",
            Self::Replaced => "the peer restarted and is here on a newer link",
        })
    }
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Close the link, after what was queued on it has left. The link is forgotten here already:
    /// a later [`Input::LinkClosed`] for it changes nothing.
    Close {
        /// The link.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
    /// Dial the address; answer by [`Input::LinkOpened`] or [`Input::DialFailed`].
    Dial {
        /// The address.
        addr: SocketAddr,
    },
    /// Perhaps nothing on that link reaches the peer any more: the link is to be tried, and to end
    /// if that is so.
    Doubt {
        /// The link.
        link: LinkId,
    },
    /// What [`Membership::known`](super::Membership::known) gives has changed.
    KnownChanged,
    /// Send a peer-exchange message.
    Pex {
        /// The link.
        link: LinkId,
        /// Peers to add.
        added: Vec<PexPeer>,
        /// Peers to drop.
        dropped: Vec<SocketAddr>,
    },
    /// The address is our own.
    SelfDetected {
        /// The address.
        addr: SocketAddr,
    },
    /// Somebody listens there who does not serve this swarm: perhaps a node that waits to be told
    /// of it. The host hands the address to the rendezvous as [`Input::DialOnce`].
    Stranger {
        /// The address.
        addr: SocketAddr,
    },
}
