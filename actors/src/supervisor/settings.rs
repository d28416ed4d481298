//! What a node is told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
pub use swarmlet_protocol::own_addresses::Searched as Sweep;
use swarmlet_protocol::tracker::TrackerUrl;
use swarmlet_protocol::vigil::STUCK;
use swarmlet_protocol::web_seed::SourceUrl;

use super::admission::Admission;
use super::manners::Manners;
use crate::listeners::Listeners;
use crate::sentinel::Remedy;
use crate::share::Share;

/// Everything that a node needs to know.
#[derive(Debug)]
pub struct Settings {
    /// The address it listens on.
    pub listen: SocketAddr,
    /// The contents to keep in sync, no two with the same infohash or place.
    pub shares: Vec<Share>,
    /// Where a content is kept that is learned from peers, while there are no shares. Nothing is
    /// learned without.
    pub place: Option<PathBuf>,
    /// Peers that may have any of the contents.
    pub peers: Vec<PeerAddress>,
    /// The swarm to join from the start, if only its name is known (a magnet link).
    pub join: Option<InfoHash>,
    /// Trackers that the operator named, for every swarm of this node.
    pub trackers: Vec<TrackerUrl>,
    /// Trackers of the swarm to join, in tiers (BEP 12).
    pub content_trackers: Vec<Vec<TrackerUrl>>,
    /// Sources that the operator named, for every content of this node.
    pub sources: Vec<SourceUrl>,
    /// Web seeds of the swarm to join, as a stranger named them.
    pub web_seeds: Vec<SourceUrl>,
    /// Where to remember what was learned.
    pub state: Option<PathBuf>,
    /// The fleet's name.
    pub fleet: String,
    /// The name of the swarm to join, if peers offer several.
    pub wanted: Option<String>,
    /// Which networks to search for peers.
    pub sweep: Sweep,
    /// Speak and hear local beacons.
    pub lan: bool,
    /// The distributed hash table (BEP 5) and the port at the router.
    pub reach: Reach,
    /// Who hears of events.
    pub listeners: Listeners,
    /// How often progress is told.
    pub progress_period: Duration,
    /// How long a scrub of all that is here takes; none: nothing is scrubbed.
    pub scrub: Option<Duration>,
    /// How it treats its peers.
    pub manners: Manners,
    /// Who gets in.
    pub admission: Admission,
    /// What is done about actors and threads that do not answer.
    pub vigilance: Vigilance,
}

/// What is done about actors and threads that do not answer.
#[derive(Clone, Debug)]
pub struct Vigilance {
    /// An actor that takes longer to answer starts anew.
    pub patience: Duration,
    /// A thread that stands still for longer is told; none: nobody looks.
    pub standstill: Option<Duration>,
    /// What else is done about such a thread.
    pub remedy: Option<Remedy>,
}

impl Default for Vigilance {
    /// Actors are watched, and threads are not.
    fn default() -> Self {
        Self {
            patience: STUCK,
            standstill: None,
            remedy: None,
        }
    }
}

/// How a node finds strangers and is found by them, beside trackers. All of it is off unless said,
/// and has no effect where the feature was not built in (`dht`, `port-map`).
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// Use the distributed hash table.
    pub dht: bool,
    /// Its nodes to begin with, in place of the public ones.
    pub dht_bootstrap: Vec<PeerAddress>,
    /// Have the router send our port to us.
    pub port_map: bool,
}
