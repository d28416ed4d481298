//! Which of a node's contents are fetched now, and how much each may have on its way.
//!
//! All swarms of a node share its memory, so a few fetch at a time and the others wait. Whoever has
//! had the fewest turns is next, the one with the least to fetch first, and a newcomer counts as one
//! who has had fewer than all others: a small content that comes while huge ones are under way waits
//! for a slice at most, and they go on beside it. Who can fetch nothing, since no linked peer has what
//! is missing, takes no turn while others can. A turn that is over goes to the next one when what was
//! on its way has arrived: pieces that are begun take memory, so no more contents than that have some.
//! Contents that are complete take no part: serving costs no turn.
//!
//! Invariants: at most [`MAX_RUNNING`] contents fetch, or have pieces on their way, at a time; while
//! there are no more than that, all fetch; whoever can fetch gets a turn after a bounded number of
//! slices, if what is on its way arrives or is given up.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::id::InfoHash;
use crate::time::Timestamp;

/// 4 contents are fetched at a time: with pieces of 4 MiB (longer ones go to a scratch file) each still
/// has room for the one it fetches and the one it stores.
pub const MAX_RUNNING: usize = 4;

/// 10 s: a turn, if others wait. Long enough that starting and ending it costs nothing beside it.
pub const SLICE: Duration = Duration::from_secs(10);

/// 2 s: a turn in which nothing begins and nothing arrives is over after so long, if others wait.
pub const IDLE_SLICE: Duration = Duration::from_secs(2);

/// What one content may do now.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Turn {
    /// Fetch, with a share of the node's memory: one of so many.
    Run {
        /// Contents that share it.
        sharers: usize,
    },
    /// Wait; what is on its way may arrive.
    Wait,
}

/// How far a content is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Standing {
    /// Bytes that are missing. With 0 it is complete and takes no turn until something is missing again.
    pub left: u64,
    /// Bytes of pieces that are on their way.
    pub in_flight: u64,
    /// Some linked peer has something that is missing, as far as is known.
    pub available: bool,
}

impl Standing {
    /// So many bytes are missing, and nothing more is known.
    #[must_use]
    pub const fn missing(left: u64) -> Self {
        Self {
            left,
            in_flight: 0,
            available: true,
        }
    }
}

/// Hands out turns.
#[derive(Debug, Default)]
pub struct Turns {
    jobs: BTreeMap<InfoHash, Job>,
    /// What each job was told last.
    told: BTreeMap<InfoHash, Turn>,
}

#[derive(Debug)]
struct Job {
    standing: Standing,
    /// Turns that it has had.
    turns: u32,
    /// Since when it has its turn.
    running: Option<Timestamp>,
    /// When `standing` last changed.
    moved: Timestamp,
}

impl Turns {
    /// How far a content is; a new content if it was not known.
    pub fn stands(&mut self, content: InfoHash, standing: Standing, now: Timestamp) {
        if standing.left == 0 {
            self.jobs.remove(&content);
            return;
        }
        let fewest = self.jobs.values().map(|job| job.turns).min().unwrap_or(0);
        let job = self.jobs.entry(content).or_insert_with(|| Job {
            standing,
            // Next in line, but without a claim to all the turns that the others had before.
            turns: fewest.saturating_sub(1),
            running: None,
            moved: now,
        });
        if job.standing != standing {
            job.standing = standing;
            job.moved = now;
        }
    }

    /// Decides anew; names every content whose turn has begun, ended or has other sharers now.
    pub fn decide(&mut self, now: Timestamp) -> Vec<(InfoHash, Turn)> {
        self.end_turns(now);
        let busy = self.jobs.values().filter(|job| job.takes_memory()).count();
        let free = MAX_RUNNING.saturating_sub(busy);
        let mut waiting: Vec<_> = self
            .jobs
            .iter()
            .filter(|(_, job)| job.running.is_none() && !job.takes_memory())
            .map(|(content, job)| {
                (
                    !job.standing.available,
                    job.turns,
                    job.standing.left,
                    *content,
                )
            })
            .collect();
        waiting.sort_unstable();
        for (.., content) in waiting.into_iter().take(free) {
            if let Some(job) = self.jobs.get_mut(&content) {
                job.running = Some(now);
                job.moved = now;
                // A turn in which there is nothing to fetch is none.
                job.turns = job.turns.saturating_add(u32::from(job.standing.available));
            }
        }
        self.news()
    }

    /// When to decide again if nothing else happens: `None` while everybody has a turn.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        if !self.is_crowded() {
            return None;
        }
        self.jobs.values().filter_map(Job::ends).min()
    }

    /// Does somebody wait?
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.jobs.len() > MAX_RUNNING
    }

    /// Ends the turns that are over, as many as there are who wait and can fetch; those first that
    /// can fetch nothing.
    fn end_turns(&mut self, now: Timestamp) {
        let running = self.jobs.values().filter(|job| job.running.is_some());
        let free = MAX_RUNNING.saturating_sub(running.count());
        let can_fetch = |job: &&Job| job.running.is_none() && job.standing.available;
        let waiters = self.jobs.values().filter(can_fetch).count();
        let mut over: Vec<_> = self
            .jobs
            .iter()
            .filter_map(|(content, job)| {
                let idle = !job.standing.available;
                let end = job.ends()?;
                (idle || end <= now).then_some((!idle, end, *content))
            })
            .collect();
        over.sort_unstable();
        for (.., content) in over.into_iter().take(waiters.saturating_sub(free)) {
            if let Some(job) = self.jobs.get_mut(&content) {
                job.running = None;
            }
        }
    }

    fn news(&mut self) -> Vec<(InfoHash, Turn)> {
        let running = self.jobs.values().filter(|job| job.running.is_some());
        let sharers = running.count();
        let turns: BTreeMap<_, _> = self
            .jobs
            .iter()
            .map(|(content, job)| {
                let turn = match job.running {
                    Some(_) => Turn::Run { sharers },
                    None => Turn::Wait,
                };
                (*content, turn)
            })
            .collect();
        let news = turns
            .iter()
            .filter(|(content, turn)| self.told.get(content) != Some(turn))
            .map(|(content, turn)| (*content, *turn))
            .collect();
        self.told = turns;
        news
    }
}

impl Job {
    /// Does it fetch, or have pieces on their way from its last turn?
    const fn takes_memory(&self) -> bool {
        self.running.is_some() || self.standing.in_flight > 0
    }

    /// When its turn is over, if it has one.
    fn ends(&self) -> Option<Timestamp> {
        let since = self.running?;
        Some((since + SLICE).min(self.moved + IDLE_SLICE))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn content(number: u8) -> InfoHash {
        InfoHash([number; 20])
    }

    fn running(turns: &Turns) -> Vec<u8> {
        let running = turns.jobs.iter().filter(|(_, job)| job.running.is_some());
        running.map(|(content, _)| content.0[0]).collect()
    }

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_millis((seconds * 1_000.0) as u64)
    }

    #[test]
    fn a_few_contents_all_have_their_turn_and_share_the_memory() {
        let mut turns = Turns::default();
        turns.stands(content(1), Standing::missing(100), at(0.0));
        assert_eq!(
            turns.decide(at(0.0)),
            [(content(1), Turn::Run { sharers: 1 })]
        );
        assert_eq!(turns.decide(at(1.0)), [], "nothing new");
        turns.stands(content(2), Standing::missing(100), at(1.0));
        let both = [
            (content(1), Turn::Run { sharers: 2 }),
            (content(2), Turn::Run { sharers: 2 }),
        ];
        assert_eq!(turns.decide(at(1.0)), both);
        assert_eq!(turns.next_timeout(), None, "nobody waits");
        turns.stands(content(1), Standing::missing(0), at(2.0));
        assert_eq!(
            turns.decide(at(2.0)),
            [(content(2), Turn::Run { sharers: 1 })]
        );
    }

    #[test]
    fn a_small_one_that_comes_last_waits_for_a_slice_at_most() {
        let mut turns = Turns::default();
        for huge in 1..=5 {
            turns.stands(content(huge), Standing::missing(1 << 40), at(0.0));
        }
        turns.decide(at(0.0));
        assert_eq!(running(&turns), [1, 2, 3, 4]);
        let mut now = 1.0;
        turns.stands(content(9), Standing::missing(10), at(now));
        while !running(&turns).contains(&9) {
            now += 0.5;
            for huge in 1..=5 {
                // All of them move on.
                turns.stands(
                    content(huge),
                    Standing::missing((1 << 40) - now as u64 * 2),
                    at(now),
                );
            }
            turns.decide(at(now));
        }
        assert!(now <= 10.0 + 0.5, "{now}");
    }

    #[test]
    fn contents_that_start_one_after_the_other_take_turns_in_order() {
        let mut turns = Turns::default();
        for number in 1..=9 {
            turns.stands(content(number), Standing::missing(1_000), at(0.0));
            turns.decide(at(0.0));
        }
        let mut seen: Vec<Vec<u8>> = vec![running(&turns)];
        for tenth in 1..=250 {
            let now = f64::from(tenth) / 10.0;
            for number in running(&turns) {
                turns.stands(
                    content(number),
                    Standing::missing(1_000 - tenth as u64),
                    at(now),
                );
            }
            turns.decide(at(now));
            if seen.last() != Some(&running(&turns)) {
                seen.push(running(&turns));
            }
        }
        assert_eq!(seen[0], [1, 2, 3, 4]);
        assert_eq!(seen[1], [5, 6, 7, 8], "all who wait, at once");
        assert!(seen[2].contains(&9), "{seen:?}");
    }

    #[test]
    fn who_can_fetch_nothing_takes_no_turn_while_others_can() {
        let mut turns = Turns::default();
        let dead = Standing {
            available: false,
            ..Standing::missing(1)
        };
        for number in 1..=60 {
            turns.stands(content(number), dead, at(0.0));
        }
        turns.decide(at(0.0));
        assert_eq!(running(&turns), [1, 2, 3, 4], "nobody else is there");
        for number in 101..=106 {
            turns.stands(content(number), Standing::missing(100), at(0.1));
        }
        turns.decide(at(0.1));
        assert_eq!(running(&turns), [101, 102, 103, 104], "at once");
        for number in 101..=104 {
            turns.stands(content(number), Standing::missing(0), at(0.5));
        }
        turns.decide(at(0.5));
        let live: Vec<_> = running(&turns).into_iter().filter(|&n| n > 100).collect();
        assert_eq!(live, [105, 106]);
    }

    #[test]
    fn a_turn_goes_on_to_the_next_one_when_what_was_begun_has_arrived() {
        let mut turns = Turns::default();
        let begun = Standing {
            in_flight: 7,
            ..Standing::missing(100)
        };
        for number in 1..=5 {
            turns.stands(content(number), Standing::missing(100), at(0.0));
        }
        turns.decide(at(0.0));
        turns.stands(content(1), begun, at(1.0));
        for number in 2..=4 {
            turns.stands(content(number), Standing::missing(90), at(2.9));
        }
        turns.decide(at(3.0));
        assert_eq!(running(&turns), [2, 3, 4], "the fifth has no room yet");
        turns.stands(content(1), Standing::missing(93), at(3.5));
        turns.decide(at(3.5));
        assert!(running(&turns).contains(&5));
    }

    #[test]
    fn who_finds_nobody_gives_its_turn_away_soon() {
        let mut turns = Turns::default();
        for number in 1..=5 {
            turns.stands(content(number), Standing::missing(100), at(0.0));
        }
        turns.decide(at(0.0));
        assert_eq!(turns.next_timeout(), Some(at(2.0)));
        for (number, left) in [(1, 90), (2, 80), (4, 70)] {
            turns.stands(content(number), Standing::missing(left), at(1.9));
        }
        let news = turns.decide(at(2.0));
        assert_eq!(running(&turns), [1, 2, 4, 5]);
        assert_eq!(
            news,
            [
                (content(3), Turn::Wait),
                (content(5), Turn::Run { sharers: 4 })
            ]
        );
    }

    proptest! {
        #[test]
        fn all_get_turns_and_never_too_many(
            sizes in prop::collection::vec(1_u64..1_000, 1..30),
            moves in prop::collection::vec((0_usize..30, 0_u64..500), 1..200),
        ) {
            let mut turns = Turns::default();
            for (number, &size) in sizes.iter().enumerate() {
                turns.stands(content(number as u8), Standing::missing(size), at(0.0));
            }
            let mut since = vec![0.0; sizes.len()];
            let mut left = sizes.clone();
            // Rounds in which everybody could have had a turn, and one more.
            let rounds = sizes.len() as f64 / MAX_RUNNING as f64 + 2.0;
            let patience = SLICE.as_secs_f64() * rounds;
            for (step, &(who, by)) in moves.iter().enumerate() {
                let now = step as f64;
                turns.decide(at(now));
                let running = running(&turns);
                let open = left.iter().filter(|&&left| left > 0).count();
                prop_assert_eq!(running.len(), open.min(MAX_RUNNING));
                for (number, since) in since.iter_mut().enumerate() {
                    if running.contains(&(number as u8)) || left[number] == 0 {
                        *since = now;
                    }
                    prop_assert!(now - *since <= patience, "{number} waits");
                }
                if let Some(rest) = left.get_mut(who).filter(|_| running.contains(&(who as u8))) {
                    *rest = rest.saturating_sub(by);
                    turns.stands(content(who as u8), Standing::missing(*rest), at(now));
                }
            }
        }
    }
}
