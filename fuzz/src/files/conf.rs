//! `torrent.conf`: what was read is written and read as the same, and errors are short.

use std::collections::HashSet;

use swarmlet_protocol::metainfo::{MAX_UNKNOWN, TorrentConf};
use swarmlet_protocol::web_seed::MAX_WEB_SEEDS;

use super::torrent::look_at;
use crate::oracle;

/// The text of a configuration.
pub fn check(bytes: &[u8]) {
    let conf = match TorrentConf::parse(bytes) {
        Ok(conf) => conf,
        Err(error) => return oracle::is_short(&error),
    };
    assert!(conf.sources.len() <= MAX_WEB_SEEDS && conf.unknown.len() <= MAX_UNKNOWN);
    conf.unknown.iter().for_each(oracle::is_short);
    let peers: HashSet<_> = conf.peers.iter().collect();
    let trackers: HashSet<_> = conf.trackers.iter().collect();
    assert_eq!(
        (peers.len(), trackers.len()),
        (conf.peers.len(), conf.trackers.len())
    );
    if let Some(info) = &conf.info {
        look_at(info, info.bytes());
    }
    let written = TorrentConf {
        unknown: Vec::new(),
        ..conf
    };
    let again = TorrentConf::parse(written.to_json().as_bytes());
    // A description of nothing is none.
    let is_nothing = written
        .info
        .as_ref()
        .is_some_and(|info| info.layout().size() == 0);
    match is_nothing {
        true => assert!(again.is_ok()),
        false => assert_eq!(again, Ok(written)),
    }
}
