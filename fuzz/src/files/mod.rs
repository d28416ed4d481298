//! Descriptions of contents, in all their forms.

pub mod conf;
pub mod magnet;
pub mod selection;
pub mod torrent;
