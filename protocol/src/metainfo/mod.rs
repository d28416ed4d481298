//! What a swarm shares: the info dictionary, and the files and links that it comes in.
//!
//! Holds no content and reads no files.

mod info;

pub use info::{Info, InfoError, MAX_METADATA_LENGTH, MAX_NAME_LENGTH};
