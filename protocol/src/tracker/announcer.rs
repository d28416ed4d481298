//! Which tracker of a swarm is asked, when, and what it is told.
//!
//! One tracker at a time, the first in order whose time has come (BEP 12): while it answers, the
//! others rest; when it fails, the next has its turn at once, and it is tried again later and
//! later. Invariant: at most one announce is under way, until the end.

use std::net::SocketAddr;

use super::announce::{Announce, Answer, Event, Figures};
use super::limits::{MAX_GOODBYES, WANTED_PEERS};
use super::tiers::Tiers;
use super::url::TrackerUrl;
use crate::id::{InfoHash, PeerId};
use crate::time::Timestamp;

/// Who we are in the swarm.
#[derive(Copy, Clone, Debug)]
pub struct Member {
    /// The swarm.
    pub info_hash: InfoHash,
    /// Our name on the wire.
    pub peer_id: PeerId,
    /// The port we listen on.
    pub port: u16,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A tracker answered.
    Answered {
        /// The tracker.
        tracker: TrackerUrl,
        /// What it said.
        answer: Answer,
    },
    /// The file became complete.
    Completed {
        /// Bytes of it came from peers in this life: it was not complete from the start.
        fetched: bool,
    },
    /// A tracker could not be asked, or refused.
    Failed {
        /// The tracker.
        tracker: TrackerUrl,
        /// It is there and does not want us.
        refused: bool,
    },
    /// The file is no longer complete.
    Incomplete,
    /// All that is wanted of the file is here, and the rest is not: we are a partial seed (BEP 21).
    Satisfied,
    /// How far we are. Wanted before each [`Self::Tick`].
    Measured(Figures),
    /// Our address is another: trackers see it when they are asked.
    Moved,
    /// Peers reach us at this port from now on: a router sends it to us.
    Port(u16),
    /// The node leaves. The last input.
    Stop,
    /// The time of [`Announcer::deadline`] has come.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Say this to that tracker; the answer is [`Input::Answered`] or [`Input::Failed`]. After
    /// [`Input::Stop`] nobody waits for it.
    Announce {
        /// The tracker.
        tracker: TrackerUrl,
        /// What to say.
        announce: Announce,
    },
    /// The tracker named these peers.
    Peers(Vec<SocketAddr>),
}

/// What is under way.
#[derive(Debug)]
struct Asked {
    tracker: TrackerUrl,
    event: Event,
    /// What the tracker is being told of the file.
    complete: bool,
    /// And of our port.
    port: u16,
    /// And from which address of ours, as a number.
    moves: u32,
}

/// The machine of one swarm and its trackers.
#[derive(Debug)]
pub struct Announcer {
    member: Member,
    key: u32,
    tiers: Tiers,
    figures: Figures,
    asked: Option<Asked>,
    complete: bool,
    /// We want no more than we have.
    satisfied: bool,
    /// Trackers do not know yet whether we are complete now, or where we are.
    news: bool,
    /// How often our address has changed.
    moves: u32,
    /// The file was fetched, and no tracker has been told that it is complete.
    fetched: bool,
    stopped: bool,
    rng: fastrand::Rng,
}

impl Announcer {
    /// A swarm that its trackers are to hear of now. Equal seeds and inputs give equal outputs.
    #[must_use]
    pub fn new(member: Member, tiers: Vec<Vec<TrackerUrl>>, seed: u64, now: Timestamp) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self {
            member,
            key: rng.u32(..),
            tiers: Tiers::new(tiers, &mut rng, now),
            figures: Figures::default(),
            asked: None,
            complete: false,
            satisfied: false,
            news: false,
            moves: 0,
            fetched: false,
            stopped: false,
            rng,
        }
    }

    /// Takes in what happened; appends what is to be done.
    pub fn handle(&mut self, input: Input, now: Timestamp, out: &mut Vec<Output>) {
        match input {
            Input::Answered { tracker, answer } => self.answered(&tracker, answer, now, out),
            Input::Completed { fetched } => self.completed(true, fetched),
            Input::Failed { tracker, refused } => self.failed(&tracker, refused, now),
            Input::Incomplete => self.completed(false, false),
            Input::Satisfied => {
                self.completed(false, false);
                self.news |= !std::mem::replace(&mut self.satisfied, true);
            }
            Input::Measured(figures) => self.figures = figures,
            Input::Moved => {
                self.moves = self.moves.wrapping_add(1);
                self.news = true;
            }
            Input::Port(port) => {
                self.news |= std::mem::replace(&mut self.member.port, port) != port;
            }
            Input::Stop => self.stop(out),
            Input::Tick => self.ask(now, out),
        }
    }

    /// When [`Input::Tick`] is wanted; `None` while a tracker is being asked, after the end, and
    /// without trackers.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        if self.asked.is_some() || self.stopped {
            return None;
        }
        // What comes after the first tracker that works has no turn.
        let mut works = false;
        let in_turn = self
            .tiers
            .iter()
            .take_while(|tracker| !std::mem::replace(&mut works, tracker.failures == 0));
        in_turn.map(|tracker| tracker.due(self.news)).min()
    }

    /// Asks the first tracker in order whose time has come; one that works and has to wait keeps
    /// those behind it waiting too.
    fn ask(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.asked.is_some() || self.stopped {
            return;
        }
        let is_next = |failures: u32, due: Timestamp| failures == 0 || due <= now;
        let next = self
            .tiers
            .iter()
            .find(|tracker| is_next(tracker.failures, tracker.due(self.news)));
        let Some(next) = next.filter(|tracker| tracker.due(self.news) <= now) else {
            return;
        };
        let tracker = next.url.clone();
        let event = match (next.knows_us, self.fetched) {
            (false, _) => Event::Started,
            (true, true) => Event::Completed,
            (true, false) if self.satisfied => Event::Paused,
            (true, false) => Event::Regular,
        };
        let announce = self.announce(event, next.tracker_id.clone());
        if let Some(asked) = self.tiers.get_mut(&tracker) {
            // Even if its answer is lost.
            asked.knows_us = true;
        }
        self.asked = Some(Asked {
            tracker: tracker.clone(),
            event,
            complete: self.complete,
            port: self.member.port,
            moves: self.moves,
        });
        out.push(Output::Announce { tracker, announce });
    }

    fn answered(
        &mut self,
        url: &TrackerUrl,
        answer: Answer,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let Some(asked) = self.asked.take_if(|asked| asked.tracker == *url) else {
            return;
        };
        if let Some(tracker) = self.tiers.get_mut(url) {
            tracker.answered(&answer, now, &mut self.rng);
        }
        self.tiers.promote(url);
        let is_told = asked.complete == self.complete && asked.port == self.member.port;
        if is_told && asked.moves == self.moves {
            self.news = false;
        }
        // Whom we told at our coming that nothing is left need not be told that it came about.
        let is_told = asked.event == Event::Completed || asked.event == Event::Started;
        if is_told && asked.complete {
            self.fetched = false;
        }
        if !answer.peers.is_empty() {
            out.push(Output::Peers(answer.peers));
        }
    }

    fn failed(&mut self, url: &TrackerUrl, refused: bool, now: Timestamp) {
        let Some(asked) = self.asked.take_if(|asked| asked.tracker == *url) else {
            return;
        };
        if let Some(tracker) = self.tiers.get_mut(url) {
            tracker.failed(refused, now, &mut self.rng);
            // It may have started anew: it is told again that we come.
            tracker.knows_us &= asked.event == Event::Completed;
        }
    }

    fn completed(&mut self, complete: bool, fetched: bool) {
        self.satisfied = false;
        if std::mem::replace(&mut self.complete, complete) != complete {
            self.news = true;
            self.fetched = fetched;
        }
    }

    /// Says goodbye to those that know us.
    fn stop(&mut self, out: &mut Vec<Output>) {
        if std::mem::replace(&mut self.stopped, true) {
            return;
        }
        self.asked = None;
        let know_us = self.tiers.iter().filter(|tracker| tracker.knows_us);
        for tracker in know_us.take(MAX_GOODBYES) {
            out.push(Output::Announce {
                tracker: tracker.url.clone(),
                announce: self.announce(Event::Stopped, tracker.tracker_id.clone()),
            });
        }
    }

    fn announce(&self, event: Event, tracker_id: Option<Vec<u8>>) -> Announce {
        let Member {
            info_hash,
            peer_id,
            port,
        } = self.member;
        Announce {
            info_hash,
            peer_id,
            port,
            key: self.key,
            event,
            figures: self.figures,
            wanted: if event == Event::Stopped {
                0
            } else {
                WANTED_PEERS
            },
            tracker_id,
        }
    }
}
