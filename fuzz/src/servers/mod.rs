//! What servers answer, and what the local network says.

pub mod local;
pub mod trackers;
pub mod web_seeds;
