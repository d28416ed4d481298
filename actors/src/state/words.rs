//! What an operator said, as it stands in a file. Pure: `operator` reads and writes.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::{Value, json};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::tracker::TrackerUrl;
use swarmlet_protocol::web_seed::SourceUrl;

use super::VERSION;
use crate::share::{Place, Share};

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
    pub(super) place: Place,
    pub(super) peers: Vec<PeerAddress>,
    pub(super) trackers: Vec<Vec<TrackerUrl>>,
    pub(super) sources: Vec<SourceUrl>,
    pub(super) web_seeds: Vec<SourceUrl>,
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

    fn to_json(&self) -> Value {
        let (kind, path) = match &self.place {
            Place::At(path) => ("at", path),
            Place::Under(path) => ("under", path),
        };
        // As they are, not as they are shown: that is without what may be a secret.
        let texts = |urls: &[SourceUrl]| -> Vec<Value> {
            urls.iter().map(|url| url.as_str().into()).collect()
        };
        let tier = |tier: &Vec<TrackerUrl>| -> Vec<Value> {
            tier.iter().map(|url| url.as_str().into()).collect()
        };
        json!({
            "infohash": self.info_hash.to_string(),
            kind: path.to_string_lossy(),
            "peers": self.peers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "trackers": self.trackers.iter().map(tier).collect::<Vec<_>>(),
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

impl Words {
    /// Reads what was written. What cannot be read counts as nothing.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let words = serde_json::from_slice::<Value>(text).unwrap_or_default();
        if words["version"] != VERSION {
            return Self::default();
        }
        let added = words["added"].as_array().into_iter().flatten();
        Self {
            added: added.filter_map(Added::from_json).collect(),
            paused: parsed(&words["paused"]).into_iter().collect(),
            banned: parsed(&words["banned"]).into_iter().collect(),
        }
    }

    /// The text of the file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let words = json!({
            "version": VERSION,
            "added": self.added.iter().map(Added::to_json).collect::<Vec<_>>(),
            "paused": self.paused.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "banned": self.banned.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        format!("{words:#}\n")
    }
}

/// The texts of a list that mean something.
fn parsed<T: std::str::FromStr>(list: &Value) -> Vec<T> {
    let texts = list.as_array().into_iter().flatten();
    texts
        .filter_map(|text| text.as_str()?.parse().ok())
        .collect()
}
