//! How much is asked of a web seed, and how long a bad one is left alone.

use std::time::Duration;

/// 16 web seeds of one content are asked; more only cost memory.
pub const MAX_WEB_SEEDS: usize = 16;

/// 2 connections to one web seed, as browsers had with one server: the second asks while the first
/// one's answer is on its way.
pub const CONNECTIONS: usize = 2;

/// 4 MiB: what neighbouring pieces make one request. At 100 MB/s it takes 40 ms, some round trips;
/// and what is lost with a connection is never more than a piece.
pub const REQUEST_LENGTH: u64 = 4 * 1024 * 1024;

/// 8 MiB: what one web seed is asked for ahead, a request on each connection.
pub const SOURCE_WINDOW: u64 = CONNECTIONS as u64 * REQUEST_LENGTH;

/// 3: pieces with a wrong hash, or answers that are a lie, after which a web seed is asked no more.
/// The same as for a peer.
pub const MAX_STRIKES: u32 = 3;

/// 5 redirects of one request, as clients usually follow.
pub const MAX_HOPS: usize = 5;

/// 16 KiB: a request that brought so much was of use, and is gone on with where it broke.
pub const USEFUL_LENGTH: u64 = 16 * 1024;

/// 200 ms: before a request that broke is gone on with.
pub const RESUME_PAUSE: Duration = Duration::from_millis(200);

/// 1 s: the pause after a failure that brought nothing; doubles with each in a row.
pub const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// 5 min: the longest pause after failures that brought nothing. A server that comes back is found
/// before an operator looks.
pub const MAX_PAUSE: Duration = Duration::from_secs(300);

/// 1 h: the longest pause that a server may ask for (`Retry-After`).
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// 10 s: a file that the server does not have is asked for again after so long; doubles each time,
/// up to [`MAX_ABSENCE`]. It may be about to be uploaded.
pub const FIRST_ABSENCE: Duration = Duration::from_secs(10);

/// 10 min: so seldom a file is asked for that the server does not have.
pub const MAX_ABSENCE: Duration = Duration::from_secs(600);

/// 256 KiB: bytes that are read and thrown away rather than closing a connection for them.
pub const MAX_DRAINED: u64 = 256 * 1024;
