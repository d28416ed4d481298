//! The word of the actor that looks at the machine's addresses.

use std::sync::Arc;

use actix::Message;
use swarmlet_protocol::own_addresses::Change;

/// Our addresses have changed. From the actor that looks at them, to those who use them or tell
/// others; each is told once, and what it says of all of them holds until the next.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct AddressesChanged(pub Arc<Change>);
