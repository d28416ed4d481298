//! Words to turns: what there is to fetch.

use actix::{Message, Recipient};
use swarmlet_protocol::id::InfoHash;

use super::scheduler::{QueryProgress, TakeTurn};

/// A content is known and may have to be fetched. From the supervisor, once per content.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct ContentStarted {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Its bytes.
    pub size: u64,
    /// Where it is asked how much is missing.
    pub progress: Recipient<QueryProgress>,
    /// Where it hears when it may fetch.
    pub turn: Recipient<TakeTurn>,
}
