//! What the log has been told of each tracker: the same is not said twice in a row.
//!
//! Invariant: at most [`MAX_SAID`] trackers are remembered.

use log::{debug, info, warn};
use swarmlet_protocol::tracker::{Answer, TrackerUrl};

use super::ask::AskFailure;
use crate::maps::HashMap;

/// 256 trackers whose last words are remembered, some 64 KiB; those of more are said each time.
const MAX_SAID: usize = 256;

/// The last words on each tracker.
#[derive(Debug, Default)]
pub(super) struct Said(HashMap<TrackerUrl, Word>);

/// What was last said of a tracker.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Word {
    Works,
    Warns(String),
    Fails(String),
}

impl Said {
    /// A tracker was asked: says what came of it, if that is new.
    pub(super) fn heard(&mut self, tracker: &TrackerUrl, outcome: &Result<Answer, AskFailure>) {
        let word = match outcome {
            Ok(Answer {
                warning: Some(words),
                ..
            }) => Word::Warns(tracker.conceal(words)),
            Ok(_) => Word::Works,
            Err(failure) => Word::Fails(tracker.conceal(&failure.to_string())),
        };
        if let Ok(answer) = outcome {
            debug!(
                "tracker {tracker} names {} peers, and is asked again in {} s",
                answer.peers.len(),
                answer.interval.as_secs()
            );
        }
        let before = self.remember(tracker, &word);
        if before.as_ref() == Some(&word) {
            return;
        }
        match word {
            Word::Fails(why) => warn!("tracker {tracker} cannot be asked: {why}; trying again"),
            Word::Warns(words) => warn!("tracker {tracker} warns: {words}"),
            Word::Works if before.is_none() => info!("tracker {tracker} answers"),
            Word::Works => info!("tracker {tracker} answers again"),
        }
    }

    fn remember(&mut self, tracker: &TrackerUrl, word: &Word) -> Option<Word> {
        if self.0.len() >= MAX_SAID && !self.0.contains_key(tracker) {
            return None;
        }
        self.0.insert(tracker.clone(), word.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_trackers_are_remembered_than_the_limit_and_the_last_word_counts() {
        let mut said = Said::default();
        let url = |number| format!("http://t{number}/").parse::<TrackerUrl>().unwrap();
        for number in 0..2 * MAX_SAID {
            assert_eq!(said.remember(&url(number), &Word::Works), None);
        }
        assert_eq!(said.0.len(), MAX_SAID);
        let fails = Word::Fails("x".into());
        assert_eq!(said.remember(&url(0), &fails), Some(Word::Works));
        assert_eq!(said.remember(&url(0), &fails), Some(fails));
    }
}
