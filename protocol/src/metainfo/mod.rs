//! What a swarm shares: the info dictionary, and the files and links that it comes in.
//!
//! Holds no content and reads no files.

mod conf;
mod files;
mod info;
mod magnet;
mod selection;
mod torrent;

pub use conf::{
    CONTENT_NAME, ConfError, MAX_CONF_LENGTH, MAX_CONF_WEIGHT, MAX_UNKNOWN, TorrentConf,
    UnknownField,
};
pub use files::{
    FileEntry, FileKind, Files, FilesError, MAX_FILES, MAX_PATH_DEPTH, MAX_PATH_LENGTH, NewFile,
    Span,
};
pub use info::{Info, InfoError, MAX_METADATA_LENGTH, MAX_NAME_LENGTH};
pub use magnet::{Magnet, MagnetError};
pub use selection::Selection;
pub use torrent::{MAX_SOURCES, MAX_TEXT_LENGTH, MAX_TORRENT_LENGTH, Torrent, TorrentError};
