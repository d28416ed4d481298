//! Whether those answer who must: actors that are asked for a sign of life, threads that are to beat.
//!
//! Whoever asks may have been asleep itself: the machine was suspended, the process was stopped, a
//! debugger held it, its processor was taken away. Then everybody seems to have been silent for
//! hours and nobody is to blame. So silence is measured in time in which the one who asks was awake:
//! between two looks no more time passes than a look or two should take.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::time::Timestamp;

/// 5 s: whoever takes longer to answer is worth a word.
pub const SLOW: Duration = Duration::from_secs(5);

/// 30 s: an actor that has not answered for so long will not. No handler waits for a disk or a
/// network, and what takes long runs elsewhere.
pub const STUCK: Duration = Duration::from_secs(30);

/// 120 s: a thread that has stood still for so long will not go on. A disk that spins up, a server of
/// files that is started anew and a machine that swaps take less.
pub const STANDSTILL: Duration = Duration::from_secs(120);

/// What is to be thought of somebody who owes an answer.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It takes long: told once for each answer that is owed.
    Slow(Duration),
    /// It will not answer any more. Told again after as much time, if it still does not.
    Stuck(Duration),
}

/// Watches over some, each under a number.
#[derive(Clone, Debug)]
pub struct Vigil {
    patience: Duration,
    /// The most time that passes between two looks.
    stride: Duration,
    /// How long we were awake.
    awake: Duration,
    looked: Option<Timestamp>,
    owing: BTreeMap<u64, Owing>,
}

/// Somebody owes an answer.
#[derive(Copy, Clone, Debug)]
struct Owing {
    /// Since when, in time that we were awake.
    since: Duration,
    /// When it was asked or was last told to be stuck.
    counted: Duration,
    slow: bool,
}

impl Vigil {
    /// Nobody owes anything yet. Whoever is silent for `patience` is stuck; there is to be a look
    /// every `period`.
    #[must_use]
    pub const fn new(patience: Duration, period: Duration) -> Self {
        Self {
            patience,
            stride: period.saturating_mul(2),
            awake: Duration::ZERO,
            looked: None,
            owing: BTreeMap::new(),
        }
    }

    /// A look: who has been silent for too long? Nobody is blamed for a time in which we slept.
    pub fn look(&mut self, now: Timestamp) -> Vec<(u64, Verdict)> {
        let gap = now.since(self.looked.unwrap_or(now)).min(self.stride);
        self.looked = Some(now);
        self.awake += gap;
        let (awake, patience) = (self.awake, self.patience);
        let mut verdicts = Vec::new();
        for (&who, owing) in &mut self.owing {
            let silent = awake.saturating_sub(owing.since);
            if awake.saturating_sub(owing.counted) >= patience {
                owing.counted = awake;
                owing.slow = true;
                verdicts.push((who, Verdict::Stuck(silent)));
            } else if silent >= SLOW && !owing.slow {
                owing.slow = true;
                verdicts.push((who, Verdict::Slow(silent)));
            }
        }
        verdicts
    }

    /// That one owes an answer from now on, if it did not already.
    pub fn asked(&mut self, who: u64) {
        let (since, counted) = (self.awake, self.awake);
        let slow = false;
        self.owing.entry(who).or_insert(Owing {
            since,
            counted,
            slow,
        });
    }

    /// That one has answered, or need not any more. For how long it had been silent, if it owed
    /// something.
    pub fn answered(&mut self, who: u64) -> Option<Duration> {
        let owing = self.owing.remove(&who)?;
        Some(self.awake.saturating_sub(owing.since))
    }

    /// Does that one owe an answer?
    #[must_use]
    pub fn is_owed_by(&self, who: u64) -> bool {
        self.owing.contains_key(&who)
    }

    /// Nobody owes an answer: whoever asked will not hear it.
    pub fn forget_questions(&mut self) {
        self.owing.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::ZERO + SECOND * u32::try_from(seconds).unwrap()
    }

    fn vigil() -> Vigil {
        let mut vigil = Vigil::new(STUCK, SECOND);
        assert!(vigil.look(at(0)).is_empty());
        vigil
    }

    #[test]
    fn whoever_is_silent_is_slow_and_then_stuck_and_once_more_after_as_much_time() {
        let mut vigil = vigil();
        vigil.asked(7);
        let told: Vec<_> = (1..=70).flat_map(|second| vigil.look(at(second))).collect();
        let seconds = Duration::from_secs;
        let expected = [
            (7, Verdict::Slow(seconds(5))),
            (7, Verdict::Stuck(seconds(30))),
            (7, Verdict::Stuck(seconds(60))),
        ];
        assert_eq!(told, expected);
        assert_eq!(vigil.answered(7), Some(seconds(70)));
        assert!(vigil.look(at(200)).is_empty());
    }

    #[test]
    fn nobody_is_blamed_for_a_night_in_which_we_slept() {
        let mut vigil = vigil();
        vigil.asked(1);
        // Stopped, suspended, swapped out: a hundred times, for as long as it may be.
        let mut now = 0;
        for nap in [3_600, 86_400, 60, 31] {
            now += nap;
            assert!(vigil.look(at(now)).is_empty(), "after {nap} s");
            // It answers as soon as it runs again.
            vigil.answered(1);
            vigil.asked(1);
        }
    }

    proptest! {
        #[test]
        fn nobody_is_stuck_before_we_were_awake_for_so_long(
            gaps in prop::collection::vec(0_u64..100_000_000, 1..200)
        ) {
            let mut vigil = Vigil::new(STUCK, SECOND);
            let mut now = Timestamp::ZERO;
            vigil.look(now);
            vigil.asked(0);
            let mut looks = 0;
            for gap in gaps {
                now = now + Duration::from_micros(gap);
                looks += 1;
                for (_, verdict) in vigil.look(now) {
                    if let Verdict::Stuck(silent) = verdict {
                        prop_assert!(silent >= STUCK);
                        // Two seconds are the most that a look stands for.
                        prop_assert!(looks >= 15);
                    }
                }
            }
        }

        #[test]
        fn whoever_is_silent_while_we_are_awake_is_found(
            gaps in prop::collection::vec(500_000_u64..2_000_000, 70)
        ) {
            let mut vigil = Vigil::new(STUCK, SECOND);
            let mut now = Timestamp::ZERO;
            vigil.look(now);
            vigil.asked(0);
            let mut found = false;
            for gap in gaps {
                now = now + Duration::from_micros(gap);
                found |= vigil.look(now).iter().any(|(_, verdict)| matches!(verdict, Verdict::Stuck(_)));
            }
            prop_assert!(found);
        }
    }
}
