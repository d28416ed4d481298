//! State files: what was written is read as the same, and whatever else stands there counts as nothing.

#[allow(dead_code, reason = "the node uses all of it")]
#[allow(unreachable_pub, reason = "it is where it comes from")]
#[path = "../../../actors/src/state/table_file.rs"]
mod table_file;
#[allow(dead_code, reason = "the node uses all of it")]
#[allow(unreachable_pub, reason = "it is where it comes from")]
#[path = "../../../actors/src/state/words.rs"]
mod words;

use swarmlet_protocol::dht::MAX_REMEMBERED;

use self::words::Words;

/// As in the state folder of the node.
const VERSION: u64 = 2;

/// What an operator said.
pub fn check_words(bytes: &[u8]) {
    let words = Words::parse(bytes);
    assert_eq!(Words::parse(words.to_json().as_bytes()), words);
}

/// Nodes of the distributed hash table.
pub fn check_table(bytes: &[u8]) {
    let (nodes, named) = table_file::read_table(bytes);
    assert!(nodes.len() <= MAX_REMEMBERED && named.len() <= MAX_REMEMBERED);
}
