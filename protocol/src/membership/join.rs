//! Which swarm a node joins that does not know one.
//!
//! Weighs what peers say at the rendezvous (`sw_swarms`); speaks with nobody and fetches nothing.
//! Invariant: it answers [`JoinOutput::Join`] at most once, and only for a swarm that was heard.

use std::collections::BTreeMap;
use std::time::Duration;

use thiserror::Error;

use crate::id::{InfoHash, LinkId};
use crate::time::Timestamp;

/// 64 swarms of one peer, and 256 in all, are weighed; a node that serves more is not what an
/// ignorant node looks for.
const SWARMS_PER_LINK: usize = 64;
const SWARMS: usize = 256;

/// A swarm is remembered for a minute after the last peer that spoke of it has left: in a fleet
/// that restarts all the time, a choice must not fall because somebody was away for a moment.
const MEMORY: Duration = Duration::from_secs(60);

/// A swarm, as a peer speaks of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeardSwarm {
    /// Its name on the wire.
    pub info_hash: InfoHash,
    /// The name of its content. Text of a stranger: shown escaped.
    pub name: String,
    /// The bytes of its content.
    pub size: u64,
    /// Does the peer have it from its own configuration, rather than from others?
    pub configured: bool,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum JoinInput {
    /// A peer said which swarms it serves; this replaces what it said before.
    Heard {
        /// The link to that peer.
        link: LinkId,
        /// The swarms.
        swarms: Vec<HeardSwarm>,
    },
    /// The link ended.
    LinkClosed {
        /// The link.
        link: LinkId,
    },
    /// The time of [`Join::next_timeout`] has come.
    Tick,
}

/// What follows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum JoinOutput {
    /// Join this swarm.
    Join {
        /// The swarm.
        info_hash: InfoHash,
    },
    /// Nothing can be joined until the operator decides. Said again only if the list changes.
    Problem(JoinProblem),
}

/// Why no swarm was joined.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum JoinProblem {
    /// More than one swarm fits.
    #[error("peers serve {} swarms, name the one to join with --swarm: {}", .list.len(), describe(.list))]
    Ambiguous {
        /// The swarms, by infohash.
        list: Vec<HeardSwarm>,
    },
    /// There are swarms, but not the one that is wanted.
    #[error("no peer serves a swarm '{}', they serve: {}", .wanted.escape_debug(), describe(.list))]
    NotHeard {
        /// The wanted name.
        wanted: String,
        /// The swarms, by infohash.
        list: Vec<HeardSwarm>,
    },
}

/// 100 ms: a node that knows no swarm listens so long to the peers it meets before it joins the
/// only one it heard of. On a local network all answers come within a few milliseconds.
const SETTLE: Duration = Duration::from_millis(100);

/// The choice of a swarm.
#[derive(Debug)]
pub struct Join {
    wanted: Option<String>,
    claims: BTreeMap<InfoHash, Claim>,
    /// When a swarm was first heard of.
    first_heard: Option<Timestamp>,
    joined: bool,
    told: Option<JoinProblem>,
}

#[derive(Debug)]
struct Claim {
    name: String,
    size: u64,
    /// Who speaks of it, and whether from its configuration.
    speakers: BTreeMap<LinkId, bool>,
    /// Did anybody have it configured who spoke last?
    configured: bool,
    last_heard: Timestamp,
}

impl Join {
    /// A node that has heard nothing yet, and wants the swarm of that name or infohash, or the only
    /// one.
    #[must_use]
    pub fn new(wanted: Option<String>) -> Self {
        Self {
            wanted,
            claims: BTreeMap::new(),
            first_heard: None,
            joined: false,
            told: None,
        }
    }

    /// Takes in what happened; says what follows, if anything new does.
    pub fn handle(&mut self, input: JoinInput, now: Timestamp) -> Option<JoinOutput> {
        if self.joined {
            return None;
        }
        match input {
            JoinInput::Heard { link, swarms } => {
                self.forget(link, now);
                for swarm in swarms.into_iter().take(SWARMS_PER_LINK) {
                    self.hear(link, swarm, now);
                }
            }
            JoinInput::LinkClosed { link } => self.forget(link, now),
            JoinInput::Tick => {}
        }
        self.claims
            .retain(|_, claim| !claim.speakers.is_empty() || now.since(claim.last_heard) < MEMORY);
        for claim in self
            .claims
            .values_mut()
            .filter(|claim| !claim.speakers.is_empty())
        {
            claim.configured = claim.speakers.values().any(|&configured| configured);
        }
        if self.claims.is_empty() {
            self.first_heard = None;
            return None;
        }
        let since = *self.first_heard.get_or_insert(now);
        // Whoever named a swarm knows what it wants; others hear several peers first.
        (self.wanted.is_some() || now >= since + SETTLE)
            .then(|| self.decide())
            .flatten()
    }

    /// When the choice falls, or a swarm that nobody speaks of any more is forgotten.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        if let Some(since) = self
            .first_heard
            .filter(|_| !self.joined && self.told.is_none())
        {
            return Some(since + SETTLE);
        }
        let silent = self
            .claims
            .values()
            .filter(|claim| claim.speakers.is_empty());
        let next = silent.map(|claim| claim.last_heard + MEMORY).min();
        next.filter(|_| !self.joined)
    }

    fn hear(&mut self, link: LinkId, swarm: HeardSwarm, now: Timestamp) {
        if self.claims.len() >= SWARMS && !self.claims.contains_key(&swarm.info_hash) {
            return;
        }
        let claim = self.claims.entry(swarm.info_hash).or_insert_with(|| Claim {
            name: swarm.name,
            size: swarm.size,
            speakers: BTreeMap::new(),
            configured: false,
            last_heard: now,
        });
        claim.last_heard = now;
        claim.speakers.insert(link, swarm.configured);
    }

    fn forget(&mut self, link: LinkId, now: Timestamp) {
        for claim in self.claims.values_mut() {
            if claim.speakers.remove(&link).is_some() {
                claim.last_heard = now;
            }
        }
    }

    fn decide(&mut self) -> Option<JoinOutput> {
        let fits = |info_hash: &InfoHash, claim: &Claim| {
            let wanted = self.wanted.as_ref();
            wanted.is_none_or(|name| *name == claim.name || *name == info_hash.to_string())
        };
        let fitting = || self.claims.iter().filter(|(hash, claim)| fits(hash, claim));
        let only = |mut swarms: Box<dyn Iterator<Item = InfoHash> + '_>| {
            swarms.next().filter(|_| swarms.next().is_none())
        };
        let choice = only(Box::new(fitting().map(|(hash, _)| *hash))).or_else(|| {
            let configured = fitting().filter(|(_, claim)| claim.configured);
            only(Box::new(configured.map(|(hash, _)| *hash)))
        });
        if let Some(info_hash) = choice {
            self.joined = true;
            self.claims.clear();
            return Some(JoinOutput::Join { info_hash });
        }
        let problem = match &self.wanted {
            _ if self.claims.is_empty() => None,
            Some(wanted) if fitting().next().is_none() => Some(JoinProblem::NotHeard {
                wanted: wanted.clone(),
                list: list(self.claims.iter()),
            }),
            _ => Some(JoinProblem::Ambiguous {
                list: list(fitting()),
            }),
        };
        if self.told == problem {
            return None;
        }
        self.told.clone_from(&problem);
        problem.map(JoinOutput::Problem)
    }
}

fn list<'a>(claims: impl Iterator<Item = (&'a InfoHash, &'a Claim)>) -> Vec<HeardSwarm> {
    claims
        .map(|(info_hash, claim)| HeardSwarm {
            info_hash: *info_hash,
            name: claim.name.clone(),
            size: claim.size,
            configured: claim.configured,
        })
        .collect()
}

/// The swarms as one line; at most ten of them, each name cut to 60 characters.
fn describe(list: &[HeardSwarm]) -> String {
    let shown = list.iter().take(10).map(|swarm| {
        let name: String = swarm.name.chars().take(60).collect();
        let name = name.escape_debug();
        format!("'{name}' ({} bytes, {})", swarm.size, swarm.info_hash)
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if list.len() > 10 {
        text.push_str(&format!(" and {} more", list.len() - 10));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1);

    fn swarm(number: u8, name: &str, configured: bool) -> HeardSwarm {
        HeardSwarm {
            info_hash: InfoHash([number; 20]),
            name: name.to_owned(),
            size: 7,
            configured,
        }
    }

    fn heard(link: u64, swarms: &[HeardSwarm]) -> JoinInput {
        JoinInput::Heard {
            link: LinkId(link),
            swarms: swarms.to_vec(),
        }
    }

    fn joins(number: u8) -> Option<JoinOutput> {
        let info_hash = InfoHash([number; 20]);
        Some(JoinOutput::Join { info_hash })
    }

    #[test]
    fn the_only_swarm_is_joined_after_a_moment_and_once() {
        let mut join = Join::new(None);
        assert_eq!(join.handle(heard(1, &[]), START), None);
        assert_eq!(join.handle(heard(2, &[swarm(1, "a", false)]), START), None);
        assert_eq!(join.next_timeout(), Some(START + SETTLE));
        assert_eq!(join.handle(JoinInput::Tick, START + SETTLE), joins(1));
        assert_eq!(join.handle(heard(3, &[swarm(1, "a", true)]), START), None);
    }

    #[test]
    fn the_name_decides_between_several() {
        let mut join = Join::new(Some("b".to_owned()));
        let both = [swarm(1, "a", true), swarm(2, "b", false)];
        assert_eq!(join.handle(heard(1, &both), START), joins(2));
        let mut join = Join::new(Some(InfoHash([1; 20]).to_string()));
        assert_eq!(join.handle(heard(1, &both), START), joins(1));
    }

    #[test]
    fn a_second_swarm_that_is_heard_of_a_moment_later_stops_the_choice() {
        let mut join = Join::new(None);
        join.handle(heard(1, &[swarm(1, "a", true)]), START);
        join.handle(heard(2, &[swarm(2, "b", true)]), START + SETTLE / 2);
        let said = join.handle(JoinInput::Tick, START + SETTLE);
        assert!(matches!(said, Some(JoinOutput::Problem(_))), "{said:?}");
    }

    #[test]
    fn the_configured_swarm_wins_over_the_learned_one() {
        let mut join = Join::new(None);
        let both = [swarm(1, "a", false), swarm(2, "b", true)];
        assert_eq!(join.handle(heard(1, &both), START), None);
        assert_eq!(join.handle(JoinInput::Tick, START + SETTLE), joins(2));
    }

    #[test]
    fn several_swarms_are_listed_once_per_change() {
        let mut join = Join::new(None);
        let both = [swarm(1, "a\n", false), swarm(2, "b", false)];
        assert_eq!(join.handle(heard(1, &both), START), None);
        let later = START + SETTLE;
        let Some(JoinOutput::Problem(problem)) = join.handle(JoinInput::Tick, later) else {
            panic!("no problem was named");
        };
        assert_eq!(
            problem.to_string(),
            "peers serve 2 swarms, name the one to join with --swarm: \
             'a\\n' (7 bytes, 0101010101010101010101010101010101010101), \
             'b' (7 bytes, 0202020202020202020202020202020202020202)"
        );
        assert_eq!(join.handle(heard(2, &both), later), None);
        let third = [swarm(3, "c", false)];
        assert!(join.handle(heard(3, &third), later).is_some());
    }

    #[test]
    fn a_wanted_name_that_nobody_serves_is_said() {
        let mut join = Join::new(Some("z".to_owned()));
        let Some(JoinOutput::Problem(problem)) =
            join.handle(heard(1, &[swarm(1, "a", true)]), START)
        else {
            panic!("no problem was named");
        };
        assert!(
            problem
                .to_string()
                .starts_with("no peer serves a swarm 'z', they serve: 'a'")
        );
        assert_eq!(
            join.handle(heard(2, &[swarm(2, "z", false)]), START),
            joins(2)
        );
    }

    #[test]
    fn a_choice_does_not_fall_because_a_peer_is_away_for_a_moment() {
        let mut join = Join::new(None);
        let both = [swarm(1, "a", false), swarm(2, "b", false)];
        join.handle(heard(1, &both), START);
        join.handle(heard(2, &[swarm(2, "b", false)]), START);
        let later = START + SETTLE;
        assert!(join.handle(JoinInput::Tick, later).is_some());
        let closed = JoinInput::LinkClosed { link: LinkId(1) };
        assert_eq!(join.handle(closed, later), None);
        let due = join.next_timeout().unwrap();
        assert_eq!(due, later + MEMORY);
        assert_eq!(join.handle(JoinInput::Tick, due), joins(2));
        assert_eq!(join.next_timeout(), None);
    }

    #[test]
    fn a_liar_cannot_fill_the_memory() {
        let mut join = Join::new(None);
        for link in 0..20 {
            let swarms: Vec<_> = (0..1_000_u32)
                .map(|number| HeardSwarm {
                    info_hash: InfoHash::of(&(link * 1_000 + number).to_be_bytes()),
                    ..swarm(0, "x", false)
                })
                .collect();
            join.handle(heard(u64::from(link), &swarms), START);
        }
        assert_eq!(join.claims.len(), SWARMS);
    }
}
