//! Words to a session: one link of this node.

use actix::{Message, Recipient};
use swarmlet_protocol::session::Input;

use super::Harm;
use super::link::LinkFact;
use super::storage::StorageHandle;
use crate::limits::Limits;

/// A word to one link. Sent by the scheduler of its swarm and by discovery. Loss means that the
/// link is gone, which both learn through [`super::discovery::LinkReport`].
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum SessionCommand {
    /// From the scheduler: where this link's facts go. Comes before the welcome.
    Attach(Recipient<LinkFact>),
    /// From the scheduler: the swarm's file can be read and written there.
    UseStorage(StorageHandle),
    /// From the scheduler: no more than this may move on the links of the swarm, beside what the
    /// node's own limits say. Comes before the welcome.
    Limit(Limits),
    /// A word for the link's machine.
    Protocol(Input),
    /// From discovery: perhaps nobody is there any more. The link is tried, and ends if that is so.
    Doubt,
    /// From discovery: close.
    Close {
        /// Why, for the log.
        reason: String,
        /// Write what waits first, and let the peer read it.
        politely: bool,
    },
    /// From a test.
    Harm(Harm),
}
