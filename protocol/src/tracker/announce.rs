//! What is said to a tracker, and what it answers, whatever the protocol between.

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use super::limits::{
    INTERVAL_CEILING, INTERVAL_DEFAULT, INTERVAL_FLOOR, MAX_PEERS_READ, MIN_INTERVAL_DEFAULT,
};
use crate::address::is_usable;
use crate::id::{InfoHash, PeerId};

/// Why a tracker is spoken to (BEP 3).
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// The file has become complete.
    Completed,
    /// We are here, lack some of it, and want no more (BEP 21).
    Paused,
    /// Nothing happened: we are still here.
    Regular,
    /// We come.
    Started,
    /// We leave.
    Stopped,
}

/// How far a node is, as trackers count it.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// Bytes of blocks sent since the start.
    pub uploaded: u64,
    /// Bytes of blocks received since the start.
    pub downloaded: u64,
    /// Bytes that are missing; `None` while the size is not known.
    pub left: Option<u64>,
}

/// An announce: who we are, what happened, what we want.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Announce {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Our name on the wire.
    pub peer_id: PeerId,
    /// The port we listen on.
    pub port: u16,
    /// Tells the tracker that it is us, should our address change.
    pub key: u32,
    /// Why.
    pub event: Event,
    /// How far we are.
    pub figures: Figures,
    /// Peers that we want at most.
    pub wanted: u32,
    /// What the tracker gave us to give back (BEP 3's `trackerid`).
    pub tracker_id: Option<Vec<u8>>,
}

/// A tracker's answer: every number is within its bounds already.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answer {
    /// When it wants to hear from us again: [`INTERVAL_FLOOR`] to [`INTERVAL_CEILING`].
    pub interval: Duration,
    /// Before that it does not: [`MIN_INTERVAL_DEFAULT`] to [`INTERVAL_CEILING`].
    pub min_interval: Duration,
    /// Peers, [`MAX_PEERS_READ`] at most; none with port 0 or where nobody can listen.
    pub peers: Vec<SocketAddr>,
    /// Peers that have everything, as the tracker counts.
    pub complete: Option<u32>,
    /// Peers that do not.
    pub incomplete: Option<u32>,
    /// To be given back with the next announce.
    pub tracker_id: Option<Vec<u8>>,
    /// A remark for the operator, fit to be shown.
    pub warning: Option<String>,
}

/// A tracker's bytes that are no answer.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum AskError {
    /// It does not want us; its words, fit to be shown.
    #[error("it refuses: {0}")]
    Refused(String),
    /// It sent something that is no answer.
    #[error("its answer makes no sense: {0}")]
    Garbage(String),
    /// It did not answer.
    #[error("no answer")]
    Silent,
}

impl Answer {
    /// An answer with these numbers of the tracker, cut to what we believe. An interval below the
    /// `min interval` is raised to it.
    pub(super) fn bounded(interval: Option<i64>, min_interval: Option<i64>) -> Self {
        let min_interval = seconds(min_interval).map_or(MIN_INTERVAL_DEFAULT, |asked| {
            asked.clamp(MIN_INTERVAL_DEFAULT, INTERVAL_CEILING)
        });
        let interval = seconds(interval).unwrap_or(INTERVAL_DEFAULT);
        let interval = interval.clamp(INTERVAL_FLOOR, INTERVAL_CEILING);
        Self {
            interval: interval.max(min_interval),
            min_interval,
            peers: Vec::new(),
            complete: None,
            incomplete: None,
            tracker_id: None,
            warning: None,
        }
    }

    /// Adds peers, as far as there is room and somebody can listen there.
    pub(super) fn add_peers(&mut self, peers: impl Iterator<Item = SocketAddr>) {
        let room = MAX_PEERS_READ.saturating_sub(self.peers.len());
        let looked_at = peers.take(room);
        self.peers.extend(looked_at.filter(|peer| is_usable(*peer)));
    }
}

/// A number of seconds; one below zero is none.
fn seconds(number: Option<i64>) -> Option<Duration> {
    let seconds = u64::try_from(number?).ok()?;
    Some(Duration::from_secs(seconds))
}
