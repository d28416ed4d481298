//! What an operator said at run time, for the next life of the node: contents that he added, those
//! that he paused, hosts that he banned for good.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::PoisonError;

use serde_json::{Value, json};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::tracker::TrackerUrl;
use swarmlet_protocol::web_seed::SourceUrl;

use super::{StateFolder, VERSION, replace};
use crate::share::{Place, Share, Topic};

/// What an operator said.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Words {
    /// Contents that are kept beside those of the configuration.
    pub added: Vec<Added>,
    /// Contents of which nothing moves.
    pub paused: BTreeSet<InfoHash>,
    /// Hosts that are not spoken to until that is lifted.
    pub banned: BTreeSet<IpAddr>,
}

/// A content that was added. Its description lies in a file of its own, as soon as it is known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Added {
    /// The swarm.
    pub info_hash: InfoHash,
    place: Place,
    peers: Vec<PeerAddress>,
    trackers: Vec<Vec<TrackerUrl>>,
    sources: Vec<SourceUrl>,
    web_seeds: Vec<SourceUrl>,
}

impl Added {
    /// What is to be remembered of a content. Its choice of files is not: all are wanted.
    #[must_use]
    pub fn of(share: &Share) -> Self {
        // The next life may begin in another directory.
        let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        Self {
            info_hash: share.info_hash(),
            place: match &share.place {
                Place::At(path) => Place::At(whole(path)),
                Place::Under(folder) => Place::Under(whole(folder)),
            },
            peers: share.peers.clone(),
            trackers: share.trackers.clone(),
            sources: share.sources.clone(),
            web_seeds: share.web_seeds.clone(),
        }
    }

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

    fn to_json(&self) -> Value {
        let (kind, path) = match &self.place {
            Place::At(path) => ("at", path),
            Place::Under(path) => ("under", path),
        };
        let texts = |urls: &[SourceUrl]| urls.iter().map(ToString::to_string).collect::<Vec<_>>();
        let tier = |tier: &Vec<TrackerUrl>| tier.iter().map(ToString::to_string).collect();
        json!({
            "infohash": self.info_hash.to_string(),
            kind: path.to_string_lossy(),
            "peers": self.peers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "trackers": self.trackers.iter().map(tier).collect::<Vec<Vec<_>>>(),
            "sources": texts(&self.sources),
            "web_seeds": texts(&self.web_seeds),
        })
    }

    fn from_json(added: &Value) -> Option<Self> {
        let path = |key: &str| added[key].as_str().map(PathBuf::from);
        let place = match (path("at"), path("under")) {
            (Some(path), _) => Place::At(path),
            (None, Some(path)) => Place::Under(path),
            (None, None) => return None,
        };
        let tiers = added["trackers"].as_array().into_iter().flatten();
        Some(Self {
            info_hash: added["infohash"].as_str()?.parse().ok()?,
            place,
            peers: parsed(&added["peers"]),
            trackers: tiers.map(parsed).collect(),
            sources: parsed(&added["sources"]),
            web_seeds: parsed(&added["web_seeds"]),
        })
    }
}

/// The texts of a list that mean something.
fn parsed<T: std::str::FromStr>(list: &Value) -> Vec<T> {
    let texts = list.as_array().into_iter().flatten();
    texts
        .filter_map(|text| text.as_str()?.parse().ok())
        .collect()
}

impl StateFolder {
    /// What an operator said in an earlier life. What cannot be read counts as nothing.
    #[must_use]
    pub fn load_words(&self) -> Words {
        let text = fs::read(self.words_file()).unwrap_or_default();
        let words = serde_json::from_slice::<Value>(&text).unwrap_or_default();
        if words["version"] != VERSION {
            return Words::default();
        }
        let added = words["added"].as_array().into_iter().flatten();
        Words {
            added: added.filter_map(Added::from_json).collect(),
            paused: parsed(&words["paused"]).into_iter().collect(),
            banned: parsed(&words["banned"]).into_iter().collect(),
        }
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
        let words = json!({
            "version": VERSION,
            "added": words.added.iter().map(Added::to_json).collect::<Vec<_>>(),
            "paused": words.paused.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "banned": words.banned.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        replace(&self.words_file(), format!("{words:#}\n").as_bytes())?;
        *written = number;
        Ok(())
    }

    fn words_file(&self) -> PathBuf {
        self.folder.join("operator.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
