//! Words to the trackers actor: which swarms are to be announced, and the end.

use actix::{Message, Recipient};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::tracker::TrackerUrl;

use super::scheduler::QueryProgress;

/// This swarm is to be announced to these trackers. From the supervisor, again when its content
/// becomes known; the trackers may be others then.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct TrackSwarm {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Its trackers in tiers (BEP 12); none is right, too.
    pub tiers: Vec<Vec<TrackerUrl>>,
    /// Who knows how far it is; nobody in case of the rendezvous.
    pub progress: Option<Recipient<QueryProgress>>,
}

/// Say goodbye to all trackers that know us. From the supervisor at the end; answered when they
/// have answered, or cannot.
#[derive(Copy, Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct StopTrackers;
