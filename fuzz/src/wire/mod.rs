//! What stands on the wire between peers.

pub mod addresses;
pub mod bencode;
pub mod encryption;
pub mod extensions;
pub mod frames;
