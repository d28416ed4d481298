//! What is remembered of the distributed hash table, as it stands in a file. Pure.

use std::net::SocketAddrV4;

use serde_json::Value;
use swarmlet_protocol::dht::MAX_REMEMBERED;

use super::VERSION;

/// The nodes of the table that a state file has, and those that the operator had named.
#[must_use]
pub(super) fn read_table(text: &[u8]) -> (Vec<SocketAddrV4>, Vec<String>) {
    let table = serde_json::from_slice::<Value>(text).unwrap_or_default();
    if table["version"] != VERSION {
        return Default::default();
    }
    let texts = |key: &str| -> Vec<String> {
        let texts = table[key].as_array().into_iter().flatten();
        let texts = texts.filter_map(|text| Some(text.as_str()?.to_owned()));
        texts.take(MAX_REMEMBERED).collect()
    };
    let nodes = texts("nodes");
    let nodes = nodes.iter().filter_map(|node| node.parse().ok());
    (nodes.collect(), texts("named"))
}
