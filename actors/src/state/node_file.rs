//! What a node has learned and whom it met, as it stands in a file. Pure: the state folder reads and
//! writes.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Map, Value, json};
use swarmlet_protocol::id::InfoHash;

use super::VERSION;

/// 500: peers of one swarm that are remembered. More would only be dialed in vain.
pub(super) const MAX_PEERS: usize = 500;

/// 2,000: peers that are remembered in all, each swarm having an equal part ...
pub(super) const MAX_PEERS_IN_ALL: usize = 2_000;

/// ... which is 10 at least: some are gone in the next life.
pub(super) const MIN_PEERS: usize = 10;

/// Addresses by the swarm that they are for.
pub type Addresses = BTreeMap<InfoHash, Vec<SocketAddr>>;

/// What a node has learned.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct NodeFile {
    /// The swarm that it learned.
    pub(super) swarm: Option<InfoHash>,
    /// Addresses that answered.
    pub(super) peers: Addresses,
    /// Addresses that others named and that had not answered.
    pub(super) hearsay: Addresses,
}

/// Why a text counts as nothing.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Unread {
    /// It is no JSON.
    Meaningless,
    /// It is of another version or fleet.
    NotOurs,
}

impl NodeFile {
    /// Reads what a node of that fleet has written. Parts that mean nothing are left out.
    pub(super) fn parse(text: &[u8], fleet: &str) -> Result<Self, Unread> {
        let node = serde_json::from_slice::<Value>(text).map_err(|_| Unread::Meaningless)?;
        if node["version"] != VERSION || node["fleet"] != fleet {
            return Err(Unread::NotOurs);
        }
        Ok(Self {
            swarm: node["swarm"].as_str().and_then(|swarm| swarm.parse().ok()),
            peers: addresses(&node["peers"]),
            hearsay: addresses(&node["hearsay"]),
        })
    }

    /// The text of the file.
    pub(super) fn to_json(&self, fleet: &str) -> String {
        let node = json!({
            "version": VERSION,
            "fleet": fleet,
            "swarm": self.swarm.map(|swarm| swarm.to_string()),
            "peers": texts(&self.peers),
            "hearsay": texts(&self.hearsay),
        });
        format!("{node:#}\n")
    }
}

/// What a file has of addresses. What we wrote is never more than is read. Somebody else may have.
fn addresses(swarms: &Value) -> Addresses {
    let mut left = MAX_PEERS_IN_ALL;
    let mut addresses = Addresses::new();
    for (swarm, list) in swarms.as_object().into_iter().flatten() {
        let (Ok(info_hash), Some(list)) = (swarm.parse(), list.as_array()) else {
            continue;
        };
        let peers = list.iter().filter_map(|peer| peer.as_str()?.parse().ok());
        let peers: Vec<_> = peers.take(left.min(MAX_PEERS)).collect();
        left -= peers.len();
        if !peers.is_empty() {
            addresses.insert(info_hash, peers);
        }
    }
    addresses
}

fn texts(swarms: &Addresses) -> Value {
    let known = || swarms.iter().filter(|(_, peers)| !peers.is_empty());
    let part = MAX_PEERS_IN_ALL / known().count().max(1);
    let most = part.clamp(MIN_PEERS, MAX_PEERS);
    let swarm = |(info_hash, peers): (&InfoHash, &Vec<SocketAddr>)| {
        let peers = peers.iter().take(most).map(SocketAddr::to_string);
        (info_hash.to_string(), peers.collect::<Vec<_>>().into())
    };
    Value::Object(known().map(swarm).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(count: u16) -> Vec<SocketAddr> {
        let peer = |port| SocketAddr::from(([10, 0, 0, 7], port));
        (1..=count).map(peer).collect()
    }

    fn node(swarms: impl IntoIterator<Item = (u8, Vec<SocketAddr>)>) -> NodeFile {
        let swarms = swarms.into_iter();
        NodeFile {
            peers: swarms
                .map(|(swarm, peers)| (InfoHash([swarm; 20]), peers))
                .collect(),
            ..NodeFile::default()
        }
    }

    fn again(node: &NodeFile) -> NodeFile {
        NodeFile::parse(node.to_json("").as_bytes(), "").unwrap()
    }

    #[test]
    fn what_was_written_is_read_as_far_as_the_limits_go() {
        let many = again(&node([(1, peers(600)), (2, peers(3))]));
        assert_eq!(many, node([(1, peers(500)), (2, peers(3))]));
        let equal = again(&node((0..100).map(|swarm| (swarm, peers(30)))));
        assert_eq!(equal, node((0..100).map(|swarm| (swarm, peers(20)))));
        let few = again(&node((0..200).map(|swarm| (swarm, peers(30)))));
        assert_eq!(few, node((0..200).map(|swarm| (swarm, peers(10)))));
    }

    #[test]
    fn swarms_without_peers_and_texts_that_name_no_swarm_take_no_part_from_others() {
        let sparse = (0..250).map(|swarm| (swarm, peers(if swarm == 9 { 400 } else { 0 })));
        assert_eq!(again(&node(sparse)), node([(9, peers(400))]));
        let list = |count: u16| {
            json!(
                peers(count)
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
            )
        };
        let mut swarms = Map::new();
        swarms.extend((0..9).map(|number| (format!("nonsense {number}"), list(500))));
        swarms.insert(InfoHash([0xff; 20]).to_string(), list(500));
        let text = json!({ "version": VERSION, "fleet": "", "peers": swarms }).to_string();
        let read = NodeFile::parse(text.as_bytes(), "").unwrap();
        assert_eq!(read, node([(0xff, peers(500))]));
    }

    #[test]
    fn another_version_or_fleet_is_told_from_what_means_nothing() {
        let text = node([(1, peers(1))]).to_json("blue");
        assert!(NodeFile::parse(text.as_bytes(), "blue").is_ok());
        assert_eq!(
            NodeFile::parse(text.as_bytes(), "green"),
            Err(Unread::NotOurs)
        );
        let later = text.replace("\"version\": 2", "\"version\": 3");
        assert_eq!(
            NodeFile::parse(later.as_bytes(), "blue"),
            Err(Unread::NotOurs)
        );
        assert_eq!(NodeFile::parse(b"7", ""), Err(Unread::NotOurs));
        assert_eq!(NodeFile::parse(b"\xff", ""), Err(Unread::Meaningless));
    }
}
