//! The limits of membership, each with its reason.

use std::time::Duration;

/// 2,000 addresses in the book: four times the largest fleet that we simulate, some 300 KB.
pub const BOOK_LIMIT: usize = 2_000;

/// 200 candidates that never answered may come from one peer or one kind of source: a tenth of the
/// book, so that no single liar can fill it.
pub const CANDIDATES_PER_ORIGIN: usize = 200;

/// 200 unproven addresses at once take the places of others in a full book ...
pub const CHURN_BURST: u32 = 200;

/// ... and then 20 a second. Each costs a look at the whole book, and none is worth more than the one
/// that goes for it.
pub const CHURN_PERIOD: Duration = Duration::from_millis(50);

/// 8 addresses of one host that only it has claimed, by coming to us: a few nodes behind one address.
/// Beyond that they are a stranger's way to fill the book, for each is as good as a port number.
pub const CLAIMS_PER_HOST: usize = 8;

/// 64 addresses of our own: more than a host has; each costs a dial to ourselves to find out.
pub const OWN_LIMIT: usize = 64;

/// 1,000 banned hosts at a time; past it the ban that ends first makes room.
pub const BAN_LIMIT: usize = 1_000;

/// A complete node dials complete peers while it has fewer links than this: a random graph of
/// degree 4 is connected, and stays so when a node or two vanish.
pub const KEEP_COMPLETE_MIN: usize = 4;

/// A complete node closes links to complete peers beyond this many. The gap above
/// [`KEEP_COMPLETE_MIN`] keeps a dial of one node from costing another node the link it needs.
pub const KEEP_COMPLETE_MAX: usize = 8;

/// 8 visits at once to addresses that perhaps nobody is linked with, once we have links enough:
/// a list of dead addresses must not keep a node busy.
pub const LONELY_HALF_OPEN: usize = 8;

/// 3 links at first, and 3 more with each [`WIDEN_PERIOD`], up to the target: the places are kept
/// for addresses from further away.
pub const WIDEN_LINKS: usize = 3;

/// 50 ms: a round of peer exchange, which waits [`PEX_COALESCE`], and a dial.
pub const WIDEN_PERIOD: Duration = Duration::from_millis(50);

/// A link between two complete nodes lives at least this long, so that peer exchange has flowed.
pub const COMPLETE_GRACE: Duration = Duration::from_secs(1);

/// 100 ms after its first link a node that has links enough trades one for a stranger, for the first
/// time; then whenever it is twice as old ...
pub const TRADE_FIRST: Duration = Duration::from_millis(100);

/// ... until it is so old: five trades, after which a link may lead anywhere in the fleet.
pub const TRADE_LAST: Duration = Duration::from_millis(1_600);

/// 2 visitors at a time beside the links of a full node: each is told whom else to try, which takes
/// a round trip or two.
pub const MAX_VISITORS: usize = 2;

/// 50 addresses, by lot, for a visitor (BEP 11): more than it looks for links.
pub const VISIT_ENTRIES: usize = 50;

/// A link is not sacrificed for a newcomer before this age: time enough for a full exchange of
/// addresses and some blocks, and short enough that a refused newcomer is in within a second.
pub const MIN_LINK_AGE: Duration = Duration::from_millis(250);

/// A link without a handshake after this time is the first to go when room is needed.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(1);

/// 50 ms: so long a newcomer has for its handshake at least, where all places are taken by others that are
/// shaking hands. In a data centre it takes a few.
pub const UNFINISHED_TURN: Duration = Duration::from_millis(50);

/// 8 inbound links of one host may be without a handshake: a slow-loris holds no more than that,
/// and a few nodes behind one address start together without noticing.
pub const UNREADY_PER_HOST: usize = 8;

/// 64 connections of one host at once: a site behind one address that starts ...
pub const HOST_BURST: u32 = 64;

/// ... and 20 a second on the long run. Whoever connects faster is turned away before anything is
/// done for him: a link that begins costs a hundred times what a refusal does.
pub const HOST_PERIOD: Duration = Duration::from_millis(50);

/// 256 strangers at once may have free places: a fleet that starts ...
pub const STRANGERS_BURST: u32 = 256;

/// ... and 250 a second on the long run, whichever hosts they come from. Whoever comes, shakes hands and
/// goes leaves a free place behind, and each such visit costs some 300 us. Peers for whom somebody stands
/// need not wait.
pub const STRANGERS_PERIOD: Duration = Duration::from_millis(4);

/// 1,024 hosts of which it is remembered how often they came; of more, the one that was quiet for
/// longest is forgotten.
pub const HOSTS_COUNTED: usize = 1_024;

/// While a node is not complete, one place in 6 is for peers that it dialed itself: strangers who
/// come to it in any number cannot be all that it knows.
pub const DIALED_SHARE: usize = 6;

/// A quarter of the places is kept for each of: peers of the configuration, those that lately brought
/// the most, those that lately took the most. The last quarter is open to newcomers.
pub const KEPT_SHARE: usize = 4;

/// What moved on a link counts half after 10 s: long enough for a pause between two pieces, short
/// enough that nobody lives on old merits.
pub const WORTH_HALVED: Duration = Duration::from_secs(10);

/// A link that lived this long was a good one: its loss starts the back-off from the beginning.
pub const STEADY_LINK: Duration = Duration::from_secs(5);

/// A link of this age is tried when its peer comes again: two that dial each other at the same moment
/// have two links which both live, and are younger.
pub const DOUBT_AGE: Duration = Duration::from_secs(1);

/// The first step of the back-off: long enough for a process to die and another to listen, short
/// enough to be invisible.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(30);

/// The ceiling of the back-off for addresses that somebody vouches for: the configuration, the
/// state of an earlier life, or a handshake in this one.
pub const BACKOFF_TRUSTED: Duration = Duration::from_secs(10);

/// The ceiling of the back-off for addresses that are only hearsay.
pub const BACKOFF_HEARSAY: Duration = Duration::from_secs(60);

/// The least delay after a dial that nobody answered: it held a half-open slot all that time.
pub const BACKOFF_SILENCE: Duration = Duration::from_millis(250);

/// How long dials rest when the fault is ours (no descriptors, no buffers).
pub const BACKOFF_LOCAL: Duration = Duration::from_millis(500);

/// How long an address rests after we closed its link to make room, or as one of too many.
pub const REST_AFTER_CLOSE: Duration = Duration::from_secs(2);

/// How long a complete node leaves a complete peer of another kind alone: long enough to be no
/// nuisance, short enough for one that lost its file and knows nobody.
pub const REST_BETWEEN_SEEDS: Duration = Duration::from_secs(60);

/// Hearsay that failed 12 times in a row is forgotten: about two minutes.
pub const HEARSAY_FAILURES: u32 = 12;

/// An address that once answered but is not configured is forgotten after 400 failures in a row:
/// about an hour at [`BACKOFF_TRUSTED`].
pub const TRUSTED_FAILURES: u32 = 400;

/// The back-off level of a peer that broke a rule: it is not dialed for a second.
pub const VIOLATION_LEVEL: u32 = 5;

/// A dial every 20 ms on the long run ...
pub const DIAL_PERIOD: Duration = Duration::from_millis(20);

/// ... and 64 at once: a start with all addresses of a state file, or a DialOnce of each.
pub const DIAL_BURST: u32 = 64;

/// At most one hint from peer exchange per address and this time wakes a sleeping back-off: so the
/// repetitions of a liar do not keep a dead address busy.
pub const HINT_PERIOD: Duration = Duration::from_secs(5);

/// Changes wait this long for others to share a message with (to fleet members).
pub const PEX_COALESCE: Duration = Duration::from_millis(30);

/// A message per link and second to fleet members on the long run ...
pub const PEX_FLEET_PERIOD: Duration = Duration::from_secs(1);

/// ... and three at once, so that a start is not held up.
pub const PEX_FLEET_BURST: u32 = 3;

/// BEP 11: "no more than 1 PEX message per minute", which foreign clients enforce.
pub const PEX_FOREIGN_PERIOD: Duration = Duration::from_secs(60);

/// A foreign client's first message waits this long, so that it has something to say.
pub const PEX_FOREIGN_FIRST: Duration = Duration::from_secs(1);

/// BEP 11: at most 50 added and 50 dropped, except in the first message.
pub const PEX_ENTRIES: usize = 50;

/// At most 200 entries in a first message and in any to a fleet member: 1.4 KB, one packet.
pub const PEX_ENTRIES_FIRST: usize = 200;

/// Entries of a received message that are looked at; the rest of a longer one is ignored.
pub const PEX_ENTRIES_READ: usize = 500;

/// An address that does not answer for this long is no longer passed on. A peer that restarts
/// every second stays listed, so that a flapping fleet sends nothing.
pub const PEX_DROP_AFTER: Duration = Duration::from_secs(10);
