//! What an operator said at run time, for the next life of the node: contents that he added, those
//! that he paused, hosts that he banned for good.

use std::io;
use std::path::PathBuf;
use std::sync::PoisonError;

use super::words::{Added, Words};
use super::{MAX_JSON, StateFolder, read, replace};
use crate::share::{Share, Topic};

impl Added {
    /// The content, with its description if that was learned.
    #[must_use]
    pub fn share(&self, state: &StateFolder) -> Share {
        let topic = match state.load_info(self.info_hash) {
            Some(info) => Topic::Known(info),
            None => Topic::Named(self.info_hash),
        };
        Share {
            peers: self.peers.clone(),
            trackers: self.trackers.clone(),
            sources: self.sources.clone(),
            web_seeds: self.web_seeds.clone(),
            ..Share::of(topic, self.place.clone())
        }
    }
}

impl StateFolder {
    /// What an operator said in an earlier life. What cannot be read counts as nothing.
    #[must_use]
    pub fn load_words(&self) -> Words {
        Words::parse(&read(&self.words_file(), MAX_JSON).unwrap_or_default())
    }

    /// Remembers what an operator said. Each change has a higher number: whoever writes later but
    /// knows less, as threads may, takes nothing back.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn save_words(&self, number: u64, words: &Words) -> io::Result<()> {
        // One value: a panic while it was held cannot have broken it.
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if number <= *written {
            return Ok(());
        }
        replace(&self.words_file(), words.to_json().as_bytes())?;
        *written = number;
        Ok(())
    }

    pub(super) fn words_file(&self) -> PathBuf {
        self.folder.join("operator.json")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use swarmlet_protocol::id::InfoHash;

    use super::*;
    use crate::share::Place;

    #[test]
    fn what_an_operator_said_is_known_to_the_next_life() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path().to_owned(), "").unwrap();
        assert_eq!(state.load_words(), Words::default());
        let mut share = Share::named(InfoHash([7; 20]), Place::Under("/srv/x".into()));
        share.peers = vec!["node.example:6881".parse().unwrap()];
        share.trackers = vec![vec!["udp://t.example:1".parse().unwrap()]];
        share.sources = vec!["http://o.example/x".parse().unwrap()];
        let words = Words {
            added: vec![Added::of(&share)],
            paused: BTreeSet::from([InfoHash([7; 20])]),
            banned: BTreeSet::from(["10.0.0.9".parse().unwrap()]),
        };
        state.save_words(1, &words).unwrap();
        assert_eq!(state.load_words(), words);
        fs::write(state.words_file(), b"{\"version\": 2, \"added\": [7, {}]}").unwrap();
        assert_eq!(state.load_words(), Words::default());
        fs::write(state.words_file(), b"\xff").unwrap();
        assert_eq!(state.load_words(), Words::default());
    }

    #[test]
    fn urls_are_remembered_with_their_paths_and_secrets() {
        let mut share = Share::named(InfoHash([7; 20]), Place::At("/srv/x".into()));
        share.trackers = vec![vec![
            "http://t.example/PASSKEY/announce?k=1".parse().unwrap(),
        ]];
        share.sources = vec!["http://me:word@o.example/x?token=y".parse().unwrap()];
        share.web_seeds = vec!["http://s.example/z?q".parse().unwrap()];
        let words = Words {
            added: vec![Added::of(&share)],
            ..Words::default()
        };
        let again = Words::parse(words.to_json().as_bytes());
        // Neither is shown as a whole, so they are compared as what they are.
        assert_eq!(again.added[0].trackers, share.trackers);
        assert_eq!(again.added[0].sources, share.sources);
        assert_eq!(again.added[0].web_seeds, share.web_seeds);
    }

    #[test]
    fn what_was_said_last_is_kept_in_whatever_order_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::open(folder.path().to_owned(), "").unwrap();
        let paused = |hash| Words {
            paused: BTreeSet::from([InfoHash([hash; 20])]),
            ..Words::default()
        };
        std::thread::scope(|scope| {
            for number in (1..=64).rev() {
                let state = state.clone();
                scope.spawn(move || {
                    state
                        .save_words(u64::from(number), &paused(number))
                        .unwrap()
                });
            }
        });
        assert_eq!(state.load_words(), paused(64));
        state.save_words(63, &paused(63)).unwrap();
        assert_eq!(state.load_words(), paused(64));
    }
}
