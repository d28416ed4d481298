//! Numbers of the distributed hash table, each with its reason.

use std::time::Duration;

/// 15 min between announces of a swarm: nodes of the table forget a peer after some 30 min, and
/// one announce may be lost.
pub const ANNOUNCE_PERIOD: Duration = Duration::from_secs(15 * 60);

/// 5 s until a swarm without links is looked up again, doubled each time: two nodes that come at
/// the same moment miss each other's first announce.
pub const FIRST_REST: Duration = Duration::from_secs(5);

/// 5 min: a swarm that nobody else is in is looked up no more often than this in the long run.
pub const LONGEST_REST: Duration = Duration::from_secs(5 * 60);

/// 5 min between look-ups of a swarm that has links, and less than [`ENOUGH_LINKS`].
pub const FEW_PERIOD: Duration = Duration::from_secs(5 * 60);

/// 30 s between looks at how many links a swarm has that is not due for anything else: one that
/// loses all of them is looked up soon.
pub const CHECK_PERIOD: Duration = Duration::from_secs(30);

/// 12 links: what a node dials for. With so many a swarm is announced and looked up for that only.
pub const ENOUGH_LINKS: u32 = 12;

/// 4 look-ups at once: each asks some dozens of nodes within a few seconds.
pub const MAX_LOOKUPS: usize = 4;

/// 200 peers of one look-up that are believed, as many as the book keeps from one kind of source.
pub const MAX_PEERS_FOUND: usize = 200;

/// 64 nodes of which peers and `.torrent` files spoke that are kept, in case that no other answers.
pub const MAX_CONTACTS: usize = 64;

/// 16 addresses by which the table is entered. It is asked for all of them in each look-up while
/// it knows fewer nodes.
pub const MAX_ENTRIES: usize = 16;

/// 64 nodes that are remembered for the next life: some are gone by then.
pub const MAX_REMEMBERED: usize = 64;
