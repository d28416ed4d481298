//! The event stream: facts as they happen, and how the node is, once a second while somebody looks.
//!
//! What waits for a reader is bounded: facts are kept in one ring for all, and of each picture of
//! the node only the latest exists. A reader that is too slow misses facts, and is told how many; it
//! holds up nobody.

mod facts;
pub(super) mod stream;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tokio::sync::{broadcast, watch};

pub(super) use self::facts::fact;

/// 256: facts that are kept for newcomers, and that may wait for a reader: some 60 KiB.
const KEPT: usize = 256;

/// 2^16 numbers for each second of the clock: facts never come so fast, and the numbers stay below 2^53,
/// which is where those of JavaScript end.
const FACTS_PER_SECOND_BITS: u32 = 16;

/// 256: readers of the stream at a time; each has a socket.
const MAX_READERS: usize = 256;

/// A fact, as it goes to readers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fact {
    /// Its number in this life of the node.
    id: u64,
    /// What happened, in a word that stays the same.
    kind: &'static str,
    /// More of it, as JSON.
    data: String,
}

/// How the node is, as JSON: the latest picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Picture {
    /// For whoever may change things, and for whoever may not.
    pub(super) status: [Arc<str>; 2],
    pub(super) swarms: Arc<str>,
    pub(super) peers: Arc<str>,
}

/// What all readers share.
#[derive(Debug)]
pub(super) struct Hub {
    facts: broadcast::Sender<Arc<Fact>>,
    recent: Mutex<VecDeque<Arc<Fact>>>,
    next: AtomicU64,
    picture: watch::Sender<Picture>,
    readers: AtomicUsize,
    /// The node stops, and readers are to go.
    closed: watch::Sender<bool>,
}

/// A place among the readers; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat(Arc<Hub>);

impl Hub {
    /// A hub whose facts are numbered from the time of day on: so a reader of an earlier life of the
    /// node does not take new facts for those that it has.
    pub(super) fn new() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self::numbered_from(since.unwrap_or_default().as_secs() << FACTS_PER_SECOND_BITS)
    }

    fn numbered_from(first: u64) -> Self {
        Self {
            facts: broadcast::Sender::new(KEPT),
            recent: Mutex::default(),
            next: AtomicU64::new(first),
            picture: watch::Sender::default(),
            readers: AtomicUsize::new(0),
            closed: watch::Sender::new(false),
        }
    }

    /// Tells all readers of a fact, and keeps it for those that come.
    pub(super) fn tell(&self, kind: &'static str, data: Map<String, Value>) {
        let fact = Arc::new(Fact {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            kind,
            data: Value::Object(data).to_string(),
        });
        let mut recent = self.recent();
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back(Arc::clone(&fact));
        // Nobody may listen. Within the lock, so that a newcomer hears of it once.
        let _ = self.facts.send(fact);
    }

    /// Shows all readers how the node is now.
    pub(super) fn show(&self, picture: Picture) {
        self.picture.send_replace(picture);
    }

    pub(super) fn readers(&self) -> usize {
        self.readers.load(Ordering::Relaxed)
    }

    /// A place among the readers, if there is one.
    fn sit(self: &Arc<Self>) -> Option<Seat> {
        let before = self.readers.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(Arc::clone(self));
        (before < MAX_READERS).then_some(seat)
    }

    /// The facts after that one that are still kept, and all that follow.
    fn subscribe(&self, last: Option<u64>) -> (Vec<Arc<Fact>>, broadcast::Receiver<Arc<Fact>>) {
        let recent = self.recent();
        // A number of an earlier life says nothing.
        let last = last.filter(|&last| last < self.next.load(Ordering::Relaxed));
        let news = recent
            .iter()
            .filter(|fact| last.is_none_or(|last| fact.id > last));
        (news.cloned().collect(), self.facts.subscribe())
    }

    /// Sends all readers away: the node stops.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    fn recent(&self) -> MutexGuard<'_, VecDeque<Arc<Fact>>> {
        // A panic while it was held cannot have broken it: facts are pushed whole.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.readers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(facts: &[Arc<Fact>]) -> Vec<u64> {
        facts.iter().map(|fact| fact.id).collect()
    }

    #[test]
    fn a_newcomer_gets_what_is_kept_and_one_that_comes_back_what_it_missed() {
        let hub = Hub::numbered_from(1);
        for _ in 0..3 {
            hub.tell("listening", Map::new());
        }
        assert_eq!(ids(&hub.subscribe(None).0), [1, 2, 3]);
        assert_eq!(ids(&hub.subscribe(Some(2)).0), [3]);
        assert_eq!(ids(&hub.subscribe(Some(3)).0), [0_u64; 0]);
        assert_eq!(
            ids(&hub.subscribe(Some(900)).0),
            [1, 2, 3],
            "of another life"
        );
    }

    #[test]
    fn a_later_life_begins_with_greater_numbers() {
        let first = Hub::new().next.load(Ordering::Relaxed);
        assert!(first > 1_795_000_000 << FACTS_PER_SECOND_BITS);
        assert!(first < 1 << 53);
    }

    #[test]
    fn what_is_kept_and_what_waits_is_bounded() {
        let hub = Hub::numbered_from(1);
        let (_, mut slow) = hub.subscribe(None);
        for _ in 0..10 * KEPT {
            hub.tell("listening", Map::new());
        }
        assert_eq!(hub.recent().len(), KEPT);
        let missed = slow.try_recv().unwrap_err();
        assert_eq!(
            missed,
            broadcast::error::TryRecvError::Lagged(9 * KEPT as u64)
        );
        assert_eq!(slow.try_recv().unwrap().id, 9 * KEPT as u64 + 1);
    }

    #[test]
    fn there_are_never_more_readers_than_places() {
        let hub = Arc::new(Hub::numbered_from(1));
        let seats: Vec<_> = (0..MAX_READERS).filter_map(|_| hub.sit()).collect();
        assert_eq!(seats.len(), MAX_READERS);
        assert!(hub.sit().is_none());
        drop(seats);
        assert_eq!(hub.readers(), 0);
        assert!(hub.sit().is_some());
    }
}
