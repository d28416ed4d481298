//! Fuzz targets: each is a function that takes any bytes and panics when something does not hold that
//! must hold of all of them.
//!
//! The same functions run under libFuzzer (`fuzz/run`, see the README beside it) and, over the corpora
//! and the inputs that once broke something, in the plain tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a target may panic: that is its verdict"
)]

mod hand;
pub mod oracle;
// What files of the node that stand in `door` know by this name.
#[allow(dead_code, reason = "the node uses all of it")]
#[allow(unreachable_pub, reason = "it is where it comes from")]
#[path = "../../actors/src/share.rs"]
mod share;

pub mod door;
pub mod files;
pub mod machines;
pub mod servers;
pub mod wire;

pub use self::hand::Hand;
// ... and by these names.
use self::share::{Place, Share, Topic};

/// One target.
#[derive(Copy, Clone, Debug)]
pub struct Target {
    /// Its name: that of its program, its corpus and its dictionary.
    pub name: &'static str,
    /// What it does with an input.
    pub check: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    target("bencode", wire::bencode::check),
    target("bencode_others", wire::bencode::check_against_others),
    target("frames", wire::frames::check),
    target("handshake", wire::frames::check_handshake),
    target("extension_handshake", wire::extensions::check_handshake),
    target("metadata_message", wire::extensions::check_metadata),
    target("pex", wire::extensions::check_pex),
    target("dont_have", wire::extensions::check_dont_have),
    target("swarms", wire::extensions::check_swarms),
    target("encryption", wire::encryption::check_stream),
    target("encryption_accepting", wire::encryption::check_accepting),
    target("encryption_dialing", wire::encryption::check_dialing),
    target("compact_addresses", wire::addresses::check_compact),
    target("peer_address", wire::addresses::check_peer),
    target("network", wire::addresses::check_network),
    target("access_list", wire::admission::check_list),
    target("fleet_secret", wire::admission::check_secret),
    target("client_hello", wire::admission::check_hello),
    target("sealed_beacon", wire::admission::check_beacon),
    target("info", files::torrent::check_info),
    target("torrent", files::torrent::check_torrent),
    target("magnet", files::magnet::check),
    target("torrent_conf", files::conf::check),
    target("selection", files::selection::check),
    target("tracker_http", servers::trackers::check_http),
    target("tracker_udp", servers::trackers::check_udp),
    target("tracker_url", servers::trackers::check_url),
    target("web_seed_answer", servers::web_seeds::check_answer),
    target("web_seed_url", servers::web_seeds::check_url),
    target("beacon", servers::local::check_beacon),
    target("routes", servers::local::check_routes),
    target("session", machines::session::check),
    target("picker", machines::picker::check),
    target("membership", machines::links::check_membership),
    target("join", machines::links::check_join),
    target("choking", machines::links::check_choking),
    target("metadata_fetch", machines::pieces::check_metadata),
    target("scrub", machines::pieces::check_scrub),
    target("readers", machines::pieces::check_readers),
    target("turns", machines::pieces::check_turns),
    target("announcer", machines::requests::check_announcer),
    target("web_seed", machines::requests::check_web_seed),
    target("lookups", machines::requests::check_lookups),
    target("http_range", door::check_range),
    target("http_access", door::check_access),
    target("http_events", door::check_events),
    target("http_words", door::http::check_words),
    target("http_paths", door::http::check_paths),
    target("pattern", door::check_pattern),
    target("flag_values", door::check_values),
    target("state_words", door::state::check_words),
    target("state_table", door::state::check_table),
    target("state_node", door::state::check_node),
];

const fn target(name: &'static str, check: fn(&[u8])) -> Target {
    Target { name, check }
}
