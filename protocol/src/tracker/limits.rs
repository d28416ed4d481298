//! The limits of asking trackers, each with its reason.

use std::time::Duration;

/// 32 trackers of one swarm: more than any list that is kept by hand; the rest is ignored.
pub const MAX_TRACKERS: usize = 32;

/// 6 bytes: a part of a tracker's URL that is shorter is no passkey, and would be a word of its own.
pub const MIN_SECRET: usize = 6;

/// 2,048 bytes of a tracker's URL: passkeys are some dozens, and servers refuse long lines.
pub const MAX_URL_LENGTH: usize = 2_048;

/// 50 peers are asked for: twice the links that a swarm may have.
pub const WANTED_PEERS: u32 = 50;

/// 200 peers of an answer are looked at: what the book keeps from one kind of source.
pub const MAX_PEERS_READ: usize = 200;

/// 64 bytes of a `tracker id` are remembered and given back; a longer one is none.
pub const MAX_TRACKER_ID: usize = 64;

/// 256 bytes of a tracker's words are shown.
pub const MAX_WORDS: usize = 256;

/// 30 min: the interval of a tracker that names none, as most trackers have it.
pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(1_800);

/// 60 s: the least interval, whatever a tracker says: one that answers 0 is not to be flooded.
pub const INTERVAL_FLOOR: Duration = Duration::from_secs(60);

/// 4 h: the longest interval; a tracker that says a year must not silence a node for one.
pub const INTERVAL_CEILING: Duration = Duration::from_secs(4 * 3_600);

/// 15 s between two words to a tracker that names no `min interval`: how soon it hears that a file
/// is complete.
pub const MIN_INTERVAL_DEFAULT: Duration = Duration::from_secs(15);

/// 5 s after the first failure a tracker is asked again: it may start together with the node.
/// Doubles with each failure in a row ...
pub const RETRY_FIRST: Duration = Duration::from_secs(5);

/// ... up to 30 min.
pub const RETRY_LAST: Duration = Duration::from_secs(1_800);

/// 60 s after a tracker refused us for the first time: it is up, and has said no.
pub const REFUSED_FIRST: Duration = Duration::from_secs(60);

/// A tenth is added to every wait, by lot, so that a fleet that was started at once does not ask at
/// once for ever. Nothing is ever taken off.
pub const JITTER: f64 = 0.1;

/// 4 trackers at most are told that we leave: those that answered us.
pub const MAX_GOODBYES: usize = 4;

/// 16 KiB are said to be left while the size is not known: anything but 0, which means a seed.
pub const LEFT_UNKNOWN: u64 = 16 * 1024;

/// 15 s until a UDP packet without an answer is sent again, and twice as long each time (BEP 15).
pub const UDP_PATIENCE: Duration = Duration::from_secs(15);

/// 3 packets without an answer, 105 s, then the next tracker has its turn. BEP 15 goes on for two
/// hours; the back-off of the announcer does that here.
pub const UDP_TRIES: u32 = 3;

/// 60 s: a connection id of BEP 15 is not used for longer.
pub const UDP_CONNECTION: Duration = Duration::from_secs(60);
