//! When each swarm is looked up in the table, and announced there.
//!
//! A look-up ends with an announce: the table gives out the right to announce in its answers (BEP
//! 5), so that either costs the same packets. A swarm without links is looked up soon and again,
//! later and later; one with links rarely; one with enough of them only to stay announced.
//! Invariants: at most [`MAX_LOOKUPS`] at once, one of a swarm, none while the table knows nobody.

use std::collections::BTreeMap;
use std::time::Duration;

use super::limits::{
    ANNOUNCE_PERIOD, CHECK_PERIOD, ENOUGH_LINKS, FEW_PERIOD, FIRST_REST, LONGEST_REST, MAX_LOOKUPS,
};
use crate::id::InfoHash;
use crate::time::Timestamp;

/// What happened.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Input {
    /// This swarm is to be found, and its peers by us.
    Join(InfoHash),
    /// No longer: it ended, or turned out to be private.
    Leave(InfoHash),
    /// Our address is another: the table knows us by one that leads nowhere.
    Moved,
    /// The table knows nodes that answer (`true`), or none any more.
    Table(bool),
    /// A look-up ended; `announced` if a node of the table took our announce.
    Done {
        /// The swarm.
        info_hash: InfoHash,
        /// Somebody will tell others of us.
        announced: bool,
    },
    /// A swarm of [`Lookups::due`] has so many links.
    Measured {
        /// The swarm.
        info_hash: InfoHash,
        /// Its links.
        links: u32,
    },
}

/// What is to be done.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// Look this swarm up, then announce it; answer by [`Input::Done`].
    LookUp(InfoHash),
}

#[derive(Debug)]
struct Swarm {
    /// Not looked at before.
    due: Timestamp,
    /// The last look-up began then.
    looked_up: Option<Timestamp>,
    /// The table has known us since then.
    announced: Option<Timestamp>,
    /// Look-ups in a row that did not lead to a link.
    in_vain: u32,
    /// A look-up is under way.
    busy: bool,
}

/// The machine of a node.
#[derive(Debug)]
pub struct Lookups {
    swarms: BTreeMap<InfoHash, Swarm>,
    has_table: bool,
    rng: fastrand::Rng,
}

impl Lookups {
    /// No swarm, and no table yet. Equal seeds and inputs give equal outputs.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            swarms: BTreeMap::new(),
            has_table: false,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// Takes in what happened; says what is to be done.
    pub fn handle(&mut self, input: Input, now: Timestamp) -> Option<Output> {
        match input {
            Input::Join(info_hash) => {
                self.swarms.entry(info_hash).or_insert(Swarm {
                    due: now,
                    looked_up: None,
                    announced: None,
                    in_vain: 0,
                    busy: false,
                });
                None
            }
            Input::Leave(info_hash) => {
                self.swarms.remove(&info_hash);
                None
            }
            Input::Moved => {
                for swarm in self.swarms.values_mut() {
                    swarm.announced = None;
                    // One that moves all the time asks no more often than one that waits for links.
                    let rested = swarm.looked_up.map_or(now, |since| since + CHECK_PERIOD);
                    swarm.due = swarm.due.min(rested.max(now + FIRST_REST));
                }
                None
            }
            Input::Table(has_table) => {
                if has_table && !std::mem::replace(&mut self.has_table, has_table) {
                    // Who waited for a table need not wait any longer.
                    for swarm in self.swarms.values_mut() {
                        (swarm.due, swarm.in_vain) = (now, 0);
                    }
                }
                self.has_table = has_table;
                None
            }
            Input::Done {
                info_hash,
                announced,
            } => {
                self.done(info_hash, announced, now);
                None
            }
            Input::Measured { info_hash, links } => self.measured(info_hash, links, now),
        }
    }

    /// When [`Self::due`] will name a swarm.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.idle().map(|(_, swarm)| swarm.due).min()
    }

    /// The swarms whose time has come, as many as may be looked up now: each is to be
    /// [`Input::Measured`].
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<InfoHash> {
        let due = self.idle().filter(|(_, swarm)| swarm.due <= now);
        let free = MAX_LOOKUPS.saturating_sub(self.busy());
        due.map(|(&info_hash, _)| info_hash).take(free).collect()
    }

    /// Those that may be looked up; none while others have all the places.
    fn idle(&self) -> impl Iterator<Item = (&InfoHash, &Swarm)> {
        let may = self.has_table && self.busy() < MAX_LOOKUPS;
        self.swarms
            .iter()
            .filter(move |(_, swarm)| may && !swarm.busy)
    }

    fn busy(&self) -> usize {
        self.swarms.values().filter(|swarm| swarm.busy).count()
    }

    fn measured(&mut self, info_hash: InfoHash, links: u32, now: Timestamp) -> Option<Output> {
        let may = self.has_table && self.busy() < MAX_LOOKUPS;
        let swarm = self.swarms.get_mut(&info_hash)?;
        if swarm.busy {
            return None;
        }
        if links > 0 {
            swarm.in_vain = 0;
        }
        let is_over = |since: Option<Timestamp>, period: Duration| {
            since.is_none_or(|since| now.since(since) >= period)
        };
        let wants_peers = match links {
            0 => true,
            few if few < ENOUGH_LINKS => is_over(swarm.looked_up, FEW_PERIOD),
            _ => false,
        };
        // What the table did not take is not tried again and again either.
        let is_forgotten = is_over(swarm.announced, ANNOUNCE_PERIOD)
            && is_over(swarm.looked_up, FEW_PERIOD.min(ANNOUNCE_PERIOD));
        if !(wants_peers || is_forgotten) {
            swarm.due = now + jittered(CHECK_PERIOD, &mut self.rng);
            return None;
        }
        if !may {
            return None;
        }
        swarm.busy = true;
        swarm.looked_up = Some(now);
        Some(Output::LookUp(info_hash))
    }

    fn done(&mut self, info_hash: InfoHash, announced: bool, now: Timestamp) {
        let Some(swarm) = self.swarms.get_mut(&info_hash) else {
            return;
        };
        swarm.busy = false;
        if announced {
            swarm.announced = Some(now);
        }
        let rest = FIRST_REST * 2_u32.saturating_pow(swarm.in_vain.min(16));
        swarm.in_vain = swarm.in_vain.saturating_add(1);
        swarm.due = now + jittered(rest.min(LONGEST_REST), &mut self.rng);
    }
}

/// Up to an eighth more, so that nodes that were started together part.
fn jittered(rest: Duration, rng: &mut fastrand::Rng) -> Duration {
    rest + (rest / 8).mul_f64(rng.f64())
}

#[cfg(test)]
#[path = "lookups_tests.rs"]
mod tests;
