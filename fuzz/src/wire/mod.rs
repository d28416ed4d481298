//! What stands on the wire between peers.

pub mod addresses;
pub mod admission;
pub mod bencode;
pub mod encryption;
pub mod extensions;
pub mod frames;
