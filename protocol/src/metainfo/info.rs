//! The info dictionary (BEP 3): name, sizes and the pieces' hashes of one file, or of a folder of
//! files one after the other.
//!
//! Version 1 only; a hybrid (BEP 52) is taken for the version 1 torrent that it also is.
//! Invariants: the infohash is the SHA-1 of exactly the bytes that [`Info::bytes`] gives; there are
//! as many hashes as the layout has pieces; the files have as many bytes as the layout; the name
//! is that of a file or a folder and leads to no other.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use super::files::{self, Files, FilesError, NewFile};
use crate::bencode::{self, DecodeError, Dict, DictEncoder, Value};
use crate::id::{DIGEST_LENGTH, InfoHash, PieceHash};
use crate::layout::{Layout, LayoutError, PieceIndex};
use crate::text::quoted;

/// 16 MiB: the longest info dictionary that we hold, ask for or serve. The hashes of
/// [`MAX_PIECES`](crate::layout::MAX_PIECES) pieces fit, and a node stays within its memory.
pub const MAX_METADATA_LENGTH: usize = 16 * 1024 * 1024;

/// 255 bytes: the longest name that file systems take.
pub const MAX_NAME_LENGTH: usize = 255;

/// The description of what a swarm shares. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Info {
    name: Arc<str>,
    layout: Layout,
    files: Files,
    is_folder: bool,
    /// The hashes one after the other: a part of `raw`.
    hashes: Bytes,
    raw: Bytes,
    info_hash: InfoHash,
    private: bool,
}

/// Bytes or values that describe no file that we can share.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum InfoError {
    /// More bytes than an info dictionary may have.
    #[error("an info dictionary of {length} bytes; the limit is {MAX_METADATA_LENGTH}")]
    TooLong {
        /// The bytes that came.
        length: usize,
    },
    /// Not bencode.
    #[error("malformed info dictionary: {0}")]
    Bencode(DecodeError),
    /// Bencode, but not a dictionary.
    #[error("the info dictionary is {kind}; it must be a dictionary")]
    NotDictionary {
        /// What it is.
        kind: &'static str,
    },
    /// A key is missing, of another kind, or out of its range.
    #[error("the info dictionary needs the key '{key}' with {rule}")]
    Key {
        /// The key.
        key: &'static str,
        /// What its value must be.
        rule: &'static str,
    },
    /// The description of a single file and of a folder at once.
    #[error("the info dictionary has both 'length' and 'files'; it must have one of them")]
    FileAndFolder,
    /// A list of files that we cannot keep.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The description has no SHA-1 hashes (BEP 52).
    #[error(
        "version 2 torrents without version 1 hashes are not supported yet; make a hybrid or a version 1 torrent"
    )]
    VersionTwoOnly,
    /// A name that no file may have, or one that points out of its directory.
    #[error("the name '{name}' is not the name of a file: {rule}")]
    Name {
        /// The name, fit to be printed.
        name: String,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// Sizes that no content can have.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// As many bytes of hashes as whole hashes do not have.
    #[error("the key 'pieces' has {length} bytes; it must be a multiple of {DIGEST_LENGTH}")]
    PartialHash {
        /// The bytes that came.
        length: usize,
    },
    /// Too many or too few hashes.
    #[error("{actual} hashes, but {size} bytes in pieces of {piece_length} make {expected}")]
    HashCount {
        /// The hashes that came.
        actual: usize,
        /// The pieces that the sizes make.
        expected: u32,
        /// Bytes of the content.
        size: u64,
        /// Bytes of a piece.
        piece_length: u32,
    },
}

impl Info {
    /// Describes a single file. The same arguments give the same infohash on every node: the
    /// dictionary has the keys `length`, `name`, `piece length` and `pieces`, and no others.
    ///
    /// # Errors
    /// Refuses a name that is not that of a file, sizes out of bounds, and hashes that are not as
    /// many as the pieces.
    pub fn single_file(
        name: &str,
        size: u64,
        piece_length: u64,
        hashes: &[PieceHash],
    ) -> Result<Self, InfoError> {
        let length = i64::try_from(size).map_err(|_| LENGTH_KEY)?;
        let layout = Layout::new(size, piece_length)?;
        let mut dict = described(name, &layout, hashes)?;
        dict.integer(b"length", length);
        Self::parse(dict.finish().into())
    }

    /// Describes a folder of files, in the order in which they are given. The same arguments give
    /// the same infohash on every node: the dictionary has the keys `files`, `name`, `piece length`
    /// and `pieces`, and no others; for a file's see [`NewFile`].
    ///
    /// # Errors
    /// As [`Self::single_file`], and refuses paths that no file may have, or two of the same.
    pub fn folder(
        name: &str,
        files: &[NewFile<'_>],
        piece_length: u64,
        hashes: &[PieceHash],
    ) -> Result<Self, InfoError> {
        let sizes = files.iter().map(|file| file.length);
        let size = sizes.fold(0_u64, u64::saturating_add);
        let layout = Layout::new(size, piece_length)?;
        let list = files::encode(files)?;
        let mut dict = described(name, &layout, hashes)?;
        dict.list(b"files", &list);
        Self::parse(dict.finish().into())
    }

    /// The same content as a private torrent (BEP 27), which has another infohash.
    ///
    /// # Errors
    /// The dictionary is as long as one may be.
    pub fn to_private(&self) -> Result<Self, InfoError> {
        let mut dict = DictEncoder::new();
        let own = bencode::decode(&self.raw).map_err(InfoError::Bencode)?;
        for (key, _) in own.dict().iter().flat_map(Dict::iter) {
            let value = own.dict().and_then(|dict| dict.raw_value(key));
            dict.encoded(key, value.unwrap_or_default());
        }
        dict.integer(b"private", 1);
        Self::parse(dict.finish().into())
    }

    /// Reads an info dictionary of anybody's making; its infohash is that of these very bytes.
    ///
    /// # Errors
    /// Says what is missing, wrong, or not supported.
    pub fn parse(raw: Bytes) -> Result<Self, InfoError> {
        if raw.len() > MAX_METADATA_LENGTH {
            return Err(InfoError::TooLong { length: raw.len() });
        }
        let dict = match bencode::decode(&raw).map_err(InfoError::Bencode)? {
            Value::Dict(dict) => dict,
            other => return Err(InfoError::NotDictionary { kind: other.kind() }),
        };
        let pieces = dict.get(b"pieces");
        let version = dict.get(b"meta version").and_then(|it| it.integer());
        if pieces.is_none() && (version == Some(2) || dict.get(b"file tree").is_some()) {
            return Err(InfoError::VersionTwoOnly);
        }
        let name = |key: &[u8]| dict.get(key).and_then(|name| name.text());
        let name = name(b"name.utf-8").or_else(|| name(b"name"));
        let name = name.ok_or(InfoError::Key {
            key: "name",
            rule: "a name in UTF-8",
        })?;
        check_name(name)?;
        let (files, is_folder) = match dict.get(b"files") {
            Some(_) if dict.get(b"length").is_some() => return Err(InfoError::FileAndFolder),
            Some(list) => {
                let list = list.list().ok_or(InfoError::Key {
                    key: "files",
                    rule: "a list of files",
                })?;
                (Files::parse(list)?, true)
            }
            None => {
                let length = natural(&dict, b"length").ok_or(LENGTH_KEY)?;
                (Files::single(name, length), false)
            }
        };
        let size = files.size();
        let piece_length = natural(&dict, b"piece length").ok_or(InfoError::Key {
            key: "piece length",
            rule: "a number of bytes, 1 or more",
        })?;
        let layout = Layout::new(size, piece_length)?;
        let hashes = pieces.and_then(|pieces| pieces.bytes());
        let hashes = hashes.ok_or(InfoError::Key {
            key: "pieces",
            rule: "the SHA-1 hashes of the pieces",
        })?;
        if hashes.len() % DIGEST_LENGTH != 0 {
            return Err(InfoError::PartialHash {
                length: hashes.len(),
            });
        }
        check_count(hashes.len() / DIGEST_LENGTH, &layout)?;
        let private = dict.get(b"private").and_then(|flag| flag.integer());
        Ok(Self {
            name: name.into(),
            layout,
            files,
            is_folder,
            hashes: raw.slice_ref(hashes),
            info_hash: InfoHash::of(&raw),
            private: private == Some(1),
            raw: raw.clone(),
        })
    }

    /// The name of the file, or of the folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Is it a folder of files, if perhaps of one only? If not, it is a single file.
    #[must_use]
    pub const fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// The files, one after the other. Their paths are relative to the folder; the path of a
    /// single file is its name.
    #[must_use]
    pub const fn files(&self) -> &Files {
        &self.files
    }

    /// How the content, all files one after the other, falls into pieces.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The SHA-1 that the piece must have. For a piece that does not exist, which is a bug of the
    /// caller, the digest that no bytes are known to have.
    #[must_use]
    pub fn hash(&self, piece: PieceIndex) -> PieceHash {
        let hash = self.digests().get(piece.as_usize());
        debug_assert!(hash.is_some(), "bug: piece {} does not exist", piece.get());
        PieceHash(hash.copied().unwrap_or_default())
    }

    /// The pieces' SHA-1 hashes in order.
    pub fn hashes(&self) -> impl ExactSizeIterator<Item = PieceHash> + '_ {
        self.digests().iter().copied().map(PieceHash)
    }

    /// The bencoded dictionary: what BEP 9 transfers.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.raw
    }

    /// The name of the swarm: the SHA-1 of [`Self::bytes`].
    #[must_use]
    pub const fn info_hash(&self) -> InfoHash {
        self.info_hash
    }

    /// Are peers to be taken from the tracker only (BEP 27)?
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.private
    }

    fn digests(&self) -> &[[u8; DIGEST_LENGTH]] {
        self.hashes.as_chunks().0
    }
}

const LENGTH_KEY: InfoError = InfoError::Key {
    key: "length",
    rule: "a number of bytes from 0 to 9223372036854775807",
};

/// What the descriptions of a file and of a folder have in common.
fn described<'a>(
    name: &'a str,
    layout: &Layout,
    hashes: &[PieceHash],
) -> Result<DictEncoder<'a>, InfoError> {
    check_count(hashes.len(), layout)?;
    let pieces: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
    let mut dict = DictEncoder::new();
    dict.bytes(b"name", name.as_bytes())
        .integer(b"piece length", layout.piece_length())
        .bytes(b"pieces", pieces);
    Ok(dict)
}

fn natural(dict: &Dict<'_>, key: &[u8]) -> Option<u64> {
    dict.get(key)?.integer()?.try_into().ok()
}

fn check_count(actual: usize, layout: &Layout) -> Result<(), InfoError> {
    if actual == layout.pieces() as usize {
        return Ok(());
    }
    Err(InfoError::HashCount {
        actual,
        expected: layout.pieces(),
        size: layout.size(),
        piece_length: layout.piece_length(),
    })
}

/// A name must not lead out of the directory that a program may create it in, nor write to the
/// terminal that it is shown on.
fn check_name(name: &str) -> Result<(), InfoError> {
    let rule = if name.is_empty() {
        "it is empty"
    } else if name == "." || name == ".." {
        "it names a directory"
    } else if name.contains(['/', '\\']) {
        "it has a path separator"
    } else if name.contains(char::is_control) {
        "it has a control character"
    } else if name.len() > MAX_NAME_LENGTH {
        "it is longer than 255 bytes"
    } else {
        return Ok(());
    };
    Err(InfoError::Name {
        name: quoted(name),
        rule,
    })
}

#[cfg(test)]
#[path = "info_tests.rs"]
mod tests;
