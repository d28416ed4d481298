//! BitTorrent as pure state machines.
//!
//! This crate turns bytes into meaning and meaning into decisions. It contains no sockets, no
//! files, no threads, no clock and no runtime: time and randomness are arguments, and what is to
//! be done comes back as data. So every rule can be tested in microseconds, fuzzed, and simulated
//! with thousands of nodes.

pub mod access;
pub mod address;
pub mod bencode;
pub mod bitfield;
pub mod buffers;
pub mod choking;
pub mod dht;
pub mod encryption;
pub mod extension;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod id;
pub mod layout;
pub mod membership;
pub mod metadata_fetch;
pub mod metainfo;
pub mod own_addresses;
pub mod pace;
pub mod picker;
pub mod pipeline;
pub mod port_map;
pub mod rate_limit;
pub mod readers;
pub mod scrub;
pub mod secret;
pub mod session;
#[cfg(feature = "simulation")]
pub mod simulation;
pub mod text;
pub mod time;
mod tokens;
pub mod tracker;
pub mod turns;
pub mod vigil;
pub mod waiting;
pub mod web_seed;
pub mod wire;
