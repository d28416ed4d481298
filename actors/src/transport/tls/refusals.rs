//! Those who are not let in: counted by kind, and named in the log, which they must not fill.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log::{debug, warn};
use tokio::time::Instant;

use super::Refusal;
use crate::counters::Counters;

/// 60 s: between two lines of the log about those who were refused.
const PAUSE: Duration = Duration::from_secs(60);

/// Whom this node refused, and who refused it.
pub(super) struct Refusals {
    counters: Arc<Counters>,
    /// What the log says of those who came, by kind: who scans ports must not hide a node that has another
    /// secret. And of those whom we dialed.
    accepted: [Mutex<Said>; 4],
    dialed: Mutex<Said>,
}

/// When the log spoke last, and of how many it has not spoken since.
#[derive(Debug, Default)]
struct Said {
    last: Option<Instant>,
    unsaid: u64,
}

impl Refusals {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self {
            counters,
            accepted: Default::default(),
            dialed: Mutex::default(),
        }
    }

    /// Somebody who connected is not let in.
    pub(super) fn refused(&self, remote: SocketAddr, why: &Refusal) {
        let counters = &self.counters.refused;
        let [plain, foreign, unproved, handshake] = &self.accepted;
        let (count, said) = match why {
            Refusal::Foreign(first) if !first.speaks_tls() => (&counters.plain, plain),
            Refusal::Foreign(_) => (&counters.foreign_tls, foreign),
            Refusal::Unproved(_) | Refusal::Repeated => (&counters.unproved, unproved),
            Refusal::Handshake(_) | Refusal::Keys => (&counters.handshake, handshake),
        };
        count.add(1);
        say(said, &format_args!("{remote} is refused: {why}"));
    }

    /// Somebody that we dialed does not let us in, or is none of ours.
    pub(super) fn was_refused(&self, remote: SocketAddr, why: &dyn Display) {
        self.counters.refused.by_peers.add(1);
        say(&self.dialed, &format_args!("no link with {remote}: {why}"));
    }
}

fn say(said: &Mutex<Said>, line: &dyn Display) {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    if said.last.is_some_and(|last| last.elapsed() < PAUSE) {
        said.unsaid += 1;
        debug!("{line}");
        return;
    }
    said.last = Some(Instant::now());
    match std::mem::take(&mut said.unsaid) {
        0 => warn!("{line}"),
        more => warn!("{line}; and {more} more since the last line like this"),
    }
}
