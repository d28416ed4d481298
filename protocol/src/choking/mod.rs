//! Who may fetch from us: the choker of one swarm (BEP 3, "choking").
//!
//! Members of our own fleet are always served and take no slot. Peers of other kinds share a
//! number of slots. While slots are free everybody gets one at once, without waiting for a beat.
//! When there are more takers than slots, a beat every [`BEAT`] gives them anew: while we fetch, to
//! those that give us most; when we are complete, in turns, the fastest takers first. A part of the
//! slots is optimistic: it goes round by lot every [`ROTATION`], and to newcomers three times as
//! likely, so that whoever has nothing yet gets something to trade with.
//!
//! The machine knows links by number, and what each gave and took. It sends nothing: the scheduler
//! carries its words to the sessions.
//!
//! The operator may have it hold: then nobody is served, members of the fleet included.
//!
//! Invariants: at most [`Choker::slots`] links that are not of the fleet are unchoked; no slot is
//! free while a link that wants one waits; a peer that wants nothing more holds none. A machine in
//! which nobody waits, or which holds, has no deadline.

#[cfg(any(test, feature = "fuzzing"))]
mod audit;
mod messages;
mod rank;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub use self::messages::{Input, Output};
use crate::id::LinkId;
use crate::time::Timestamp;

/// 8: slots for peers that are not of the fleet, unless the operator says otherwise. Fewer share
/// our rate better among TCP streams, more serve more at once.
pub const UPLOAD_SLOTS: usize = 8;

/// 1,000: the most slots that can be asked for; beyond the links of any swarm it means "all".
pub const MAX_UPLOAD_SLOTS: usize = 1_000;

/// 5: one slot in so many is optimistic, and one at least.
pub const OPTIMISTIC_SHARE: usize = 5;

/// 10 s between two decisions: often enough to follow rates, too seldom to fibrillate (BEP 3).
pub const BEAT: Duration = Duration::from_secs(10);

/// 30 s that an optimistic slot stays with its link: time for a first piece to be fetched and
/// returned in kind (BEP 3).
pub const ROTATION: Duration = Duration::from_secs(30);

/// 3: a link that never had a slot is so many times as likely to get an optimistic one (BEP 3).
pub const NEWCOMER_WEIGHT: usize = 3;

/// 16 MiB: the turn of a link at a complete node is over when it has taken so much, and
/// [`ROTATION`] has passed, and others wait.
pub const TURN_BYTES: u64 = 16 * 1024 * 1024;

/// The choker of one swarm.
#[derive(Debug)]
pub struct Choker {
    slots: usize,
    links: BTreeMap<LinkId, Link>,
    complete: bool,
    /// Nobody is to be served.
    holds: bool,
    /// The next beat; only while somebody waits.
    beat: Option<Timestamp>,
    /// The next choice of optimistic slots.
    rotation: Timestamp,
    rng: fastrand::Rng,
}

/// One link, as far as choking goes.
#[derive(Clone, Debug)]
struct Link {
    fleet: bool,
    interested: bool,
    done: bool,
    snubs: bool,
    unchoked: bool,
    /// It holds an optimistic slot.
    optimistic: bool,
    /// It had a slot at some time.
    served: bool,
    /// When it was last choked or unchoked, or began.
    since: Timestamp,
    given: u64,
    taken: u64,
    /// The counts at the last beat.
    given_before: u64,
    taken_before: u64,
    /// The count when it was unchoked.
    taken_at_turn: u64,
    /// When it last lost its slot between two beats.
    displaced: Option<Timestamp>,
}

impl Link {
    /// Does it want a slot?
    const fn wants(&self) -> bool {
        !self.fleet && self.interested && !self.done
    }

    /// Does it want a slot and have none?
    const fn waits(&self) -> bool {
        self.wants() && !self.unchoked
    }

    /// Does it hold one of the slots?
    const fn holds(&self) -> bool {
        !self.fleet && self.unchoked
    }
}

impl Choker {
    /// The choker of a swarm without links, with so many slots; one at least.
    #[must_use]
    pub fn new(slots: usize, seed: u64) -> Self {
        Self {
            slots: slots.max(1),
            links: BTreeMap::new(),
            complete: false,
            holds: false,
            beat: None,
            rotation: Timestamp::ZERO,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// How many links that are not of the fleet may be unchoked at once.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.slots
    }

    /// When [`Input::Tick`] is due; never while nobody waits for a slot.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Timestamp> {
        self.beat
    }

    /// Takes an input, and says what is to be told to links because of it.
    pub fn handle(&mut self, input: Input, now: Timestamp, out: &mut Vec<Output>) {
        match input {
            Input::LinkOpened { link, fleet } => self.opened(link, fleet, now, out),
            Input::LinkClosed { link } => {
                self.links.remove(&link);
            }
            Input::Ready { link, fleet } => self.ready(link, fleet, now, out),
            Input::Interest {
                link,
                interested,
                done,
            } => {
                self.change(link, |link| {
                    link.interested = interested;
                    link.done = done;
                });
            }
            Input::Traffic { link, given, taken } => self.change(link, |link| {
                link.given = link.given.max(given);
                link.taken = link.taken.max(taken);
            }),
            Input::Snubs { link, snubs } => self.change(link, |link| link.snubs = snubs),
            Input::Complete(complete) => self.complete = complete,
            Input::Hold(holds) => self.hold(holds, now, out),
            Input::Tick => {
                if self.beat.is_some_and(|beat| beat <= now) {
                    self.decide(now, out);
                }
            }
        }
        self.fill(now, out);
        self.set_beat(now);
    }

    fn change(&mut self, link: LinkId, change: impl FnOnce(&mut Link)) {
        if let Some(link) = self.links.get_mut(&link) {
            change(link);
        }
    }

    fn hold(&mut self, holds: bool, now: Timestamp, out: &mut Vec<Output>) {
        self.holds = holds;
        for id in self.those(|link| holds && link.unchoked) {
            self.choke(id, now, out);
        }
        for id in self.those(|link| !holds && link.fleet) {
            self.unchoke(id, false, now, out);
        }
    }

    fn opened(&mut self, id: LinkId, fleet: bool, now: Timestamp, out: &mut Vec<Output>) {
        let link = Link {
            fleet,
            interested: false,
            done: false,
            snubs: false,
            unchoked: false,
            optimistic: false,
            served: false,
            since: now,
            given: 0,
            taken: 0,
            given_before: 0,
            taken_before: 0,
            taken_at_turn: 0,
            displaced: None,
        };
        self.links.insert(id, link);
        // Whoever begins may have a free slot before it has said that it wants one: that saves it a
        // round trip.
        if !self.holds && (fleet || self.free() > 0) {
            self.unchoke(id, false, now, out);
        }
    }

    fn ready(&mut self, id: LinkId, fleet: bool, now: Timestamp, out: &mut Vec<Output>) {
        let (free, holds) = (self.free(), self.holds);
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut link.fleet, fleet);
        link.optimistic = false;
        if holds {
            return;
        }
        if fleet {
            self.unchoke(id, false, now, out);
        } else if before && free == 0 {
            // It calls itself one of ours and is none.
            self.choke(id, now, out);
        }
    }

    /// Slots that nobody holds.
    fn free(&self) -> usize {
        let held = self.links.values().filter(|link| link.holds()).count();
        self.slots.saturating_sub(held)
    }

    /// Slots that go round by lot.
    const fn optimistic_slots(&self) -> usize {
        let share = self.slots / OPTIMISTIC_SHARE;
        if share == 0 { 1 } else { share }
    }

    /// What follows between beats: peers that are done lose their slots, and whoever waits gets one
    /// that is free or held by a peer that does not want it.
    fn fill(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.holds {
            return;
        }
        let done = |link: &Link| link.holds() && link.done;
        for id in self.those(done) {
            self.choke(id, now, out);
        }
        let mut waiting = self.those(Link::waits);
        waiting.sort_by_key(|id| (self.links.get(id).map(|link| link.since), *id));
        for id in waiting {
            if self.free() == 0 {
                // Once per beat: whoever says by turns that it wants something and nothing must not
                // make us choke as often.
                let spared = |link: &Link| link.displaced.is_some_and(|at| now < at + BEAT);
                let idle = |link: &Link| link.holds() && !link.wants() && !spared(link);
                // Who has held it for longest; it gets one again when it wants one and one is free.
                let idle = self.those(idle).into_iter();
                let Some(idle) = idle.min_by_key(|id| self.links.get(id).map(|link| link.since))
                else {
                    return;
                };
                self.choke(idle, now, out);
                self.change(idle, |link| link.displaced = Some(now));
            }
            self.unchoke(id, false, now, out);
        }
    }

    fn those(&self, which: impl Fn(&Link) -> bool) -> Vec<LinkId> {
        let those = self.links.iter().filter(|(_, link)| which(link));
        those.map(|(&id, _)| id).collect()
    }

    /// Beats go on while somebody waits. What moved before the first of them says nothing.
    fn set_beat(&mut self, now: Timestamp) {
        let contended = !self.holds && self.links.values().any(Link::waits);
        if !contended {
            self.beat = None;
        } else if self.beat.is_none() {
            self.begin_period();
            self.beat = Some(now + BEAT);
            self.rotation = now + BEAT;
        }
    }

    /// From now on rates are counted anew.
    fn begin_period(&mut self) {
        for link in self.links.values_mut() {
            link.given_before = link.given;
            link.taken_before = link.taken;
        }
    }

    fn unchoke(&mut self, id: LinkId, optimistic: bool, now: Timestamp, out: &mut Vec<Output>) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.optimistic = optimistic;
        if std::mem::replace(&mut link.unchoked, true) {
            return;
        }
        link.served = true;
        link.since = now;
        link.taken_at_turn = link.taken;
        out.push(Output::Unchoke { link: id });
    }

    fn choke(&mut self, id: LinkId, now: Timestamp, out: &mut Vec<Output>) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.optimistic = false;
        if !std::mem::replace(&mut link.unchoked, false) {
            return;
        }
        link.since = now;
        out.push(Output::Choke { link: id });
    }
}
