//! The distributed hash table (BEP 5), as far as we decide: when a swarm's peers are looked up and
//! we are announced, and which nodes the table is entered by.
//!
//! The table itself, its packets and its routing are somebody else's; the host performs the
//! look-ups. Private contents (BEP 27) never come here: the host does not name them.

mod contacts;
mod limits;
mod lookups;

pub use contacts::{Contacts, PUBLIC_NODES};
pub use limits::{
    ANNOUNCE_PERIOD, CHECK_PERIOD, ENOUGH_LINKS, FEW_PERIOD, FIRST_REST, LONGEST_REST,
    MAX_CONTACTS, MAX_ENTRIES, MAX_LOOKUPS, MAX_PEERS_FOUND, MAX_REMEMBERED,
};
pub use lookups::{Input, Lookups, Output};
