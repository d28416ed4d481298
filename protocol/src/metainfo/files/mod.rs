//! The files of a content: their paths, and where their bytes lie among the bytes of the content.
//!
//! Reads and writes no files. Invariants: offsets rise without gaps, and the last file ends where
//! the content does; a path has no part that leads out of its folder, none stands twice, and none
//! is a file and a folder at once (see `paths`). The bytes of padding (BEP 47) are zeros that no
//! file holds.

mod paths;
#[cfg(test)]
mod tests;

use std::ops::Range;
use std::sync::Arc;

use thiserror::Error;

use crate::bencode::{Dict, DictEncoder, List, ListEncoder, Value};

use self::paths::Paths;
pub use self::paths::{MAX_PATH_DEPTH, MAX_PATH_LENGTH};

/// 100,000 files: the tables of them take some 10 MiB, of the 64 that a node may have. Contents of
/// more files are better shared as an archive.
pub const MAX_FILES: usize = 100_000;

/// All files of a content, in its order. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Files {
    table: Arc<Table>,
}

/// One file of a content.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct FileEntry<'a> {
    /// The names of its folders and its own with `/` between them, relative to the content's
    /// folder; of a content that is a single file its name. Empty for padding. May hold control
    /// characters: not fit to be printed as it is.
    pub path: &'a str,
    /// Where its bytes begin in the content.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// What kind of file it is.
    pub kind: FileKind,
    /// May it be run as a program (BEP 47, `x`)?
    pub is_executable: bool,
}

/// What stands in the list of files (BEP 47).
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum FileKind {
    /// A file to keep; it may be empty.
    Regular,
    /// Zeros that fill a piece up (`p`). Never created.
    Padding,
    /// A symbolic link (`l`). It has no bytes, and is never created: where it leads to is for a
    /// stranger to say.
    Link,
}

/// The part of a range of the content that lies in one file. Never empty.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Span {
    /// The number of the file in the list.
    pub file: usize,
    /// Where the part begins in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Where it begins in the range that was asked for.
    pub begin: u64,
}

/// A file that is to be described.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct NewFile<'a> {
    /// Its path below the folder of the content, with `/` between the names.
    pub path: &'a str,
    /// Its length in bytes.
    pub length: u64,
    /// May it be run as a program?
    pub is_executable: bool,
}

/// A list of files that we cannot keep.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
#[non_exhaustive]
pub enum FilesError {
    /// A list without files.
    #[error("the list of files is empty; it must have at least one")]
    None,
    /// More files than we keep account of.
    #[error("more than {MAX_FILES} files; share them as an archive")]
    TooMany,
    /// An entry lacks a key, or has it with another kind of value.
    #[error("file {number} of the list needs the key '{key}' with {rule}")]
    Key {
        /// Which entry, counted from 1.
        number: usize,
        /// The key.
        key: &'static str,
        /// What its value must be.
        rule: &'static str,
    },
    /// An entry is no dictionary.
    #[error("file {number} of the list is {kind}; it must be a dictionary")]
    NotDictionary {
        /// Which entry, counted from 1.
        number: usize,
        /// What it is.
        kind: &'static str,
    },
    /// A path that no file may have, or one that points out of its folder.
    #[error("the path '{path}' is not the path of a file: {rule}")]
    Path {
        /// The path, fit to be printed.
        path: String,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// Two files of one path.
    #[error("the path '{path}' stands twice in the list of files")]
    Twice {
        /// The path, fit to be printed.
        path: String,
    },
    /// A file in which other files lie.
    #[error("'{path}' is a file, and the folder of '{inner}', too")]
    FileAndFolder {
        /// The path, fit to be printed.
        path: String,
        /// What lies in it, fit to be printed.
        inner: String,
    },
    /// A symbolic link that has bytes.
    #[error("the symbolic link '{path}' has {length} bytes; it must have none")]
    LinkWithBytes {
        /// The path, fit to be printed.
        path: String,
        /// Its bytes.
        length: u64,
    },
    /// More bytes than can be counted.
    #[error("the files have more than 9223372036854775807 bytes in all")]
    TooLarge,
}

#[derive(Debug, Default, Eq, PartialEq)]
struct Table {
    paths: Paths,
    entries: Vec<Entry>,
    /// The entries whose bytes lie in files, so that a search meets no others.
    filled: Vec<u32>,
    size: u64,
}

#[derive(Debug, Eq, PartialEq)]
struct Entry {
    offset: u64,
    length: u64,
    kind: FileKind,
    is_executable: bool,
}

impl Files {
    /// A content that is a single file. Its name was checked already.
    pub(super) fn single(name: &str, length: u64) -> Self {
        let mut table = Table::default();
        table.paths.push_checked(name);
        table.add(length, FileKind::Regular, false);
        Self {
            table: Arc::new(table),
        }
    }

    /// Reads the `files` of an info dictionary.
    pub(super) fn parse(list: List<'_>) -> Result<Self, FilesError> {
        let mut table = Table::default();
        for (number, entry) in list.iter().enumerate() {
            if number == MAX_FILES {
                return Err(FilesError::TooMany);
            }
            table.read(number + 1, entry)?;
        }
        if table.entries.is_empty() {
            return Err(FilesError::None);
        }
        table.paths.refuse_conflicts()?;
        Ok(Self {
            table: Arc::new(table),
        })
    }

    /// How many entries the list has, padding and links among them.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.table.entries.len()
    }

    /// The file of that number in the list, counted from 0.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<FileEntry<'_>> {
        let entry = self.table.entries.get(number)?;
        Some(FileEntry {
            path: self.table.paths.get(number),
            offset: entry.offset,
            length: entry.length,
            kind: entry.kind,
            is_executable: entry.is_executable,
        })
    }

    /// All entries in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = FileEntry<'_>> {
        let table = &self.table;
        table
            .entries
            .iter()
            .enumerate()
            .map(|(number, entry)| FileEntry {
                path: table.paths.get(number),
                offset: entry.offset,
                length: entry.length,
                kind: entry.kind,
                is_executable: entry.is_executable,
            })
    }

    /// Bytes of the whole content, padding included.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.table.size
    }

    /// Where the bytes of a range of the content lie, in order. What lies in no file, because it is
    /// padding or beyond the end, is left out. Finds the first in steps logarithmic in the number
    /// of files.
    pub fn spans(&self, range: Range<u64>) -> impl Iterator<Item = Span> + use<'_> {
        let Table {
            entries, filled, ..
        } = &*self.table;
        let entry = |file: u32| entries.get(file as usize);
        let ends_before = |&file: &u32| entry(file).is_some_and(|it| it.end() <= range.start);
        let first = filled.partition_point(ends_before);
        let candidates = filled.get(first..).unwrap_or_default();
        candidates.iter().map_while(move |&file| {
            let entry = entry(file)?;
            let start = entry.offset.max(range.start);
            let end = entry.end().min(range.end);
            (start < end).then(|| Span {
                file: file as usize,
                offset: start - entry.offset,
                length: end - start,
                begin: start - range.start,
            })
        })
    }
}

impl Table {
    fn read(&mut self, number: usize, entry: Value<'_>) -> Result<(), FilesError> {
        let Some(dict) = entry.dict() else {
            let kind = entry.kind();
            return Err(FilesError::NotDictionary { number, kind });
        };
        let attributes = dict.get(b"attr").and_then(|attributes| attributes.bytes());
        let has = |letter| attributes.is_some_and(|letters| letters.contains(&letter));
        let kind = match (has(b'p'), has(b'l')) {
            (true, _) => FileKind::Padding,
            (false, true) => FileKind::Link,
            (false, false) => FileKind::Regular,
        };
        match kind {
            // Many have the same path, which nobody uses.
            FileKind::Padding => self.paths.push_none(),
            _ => self.paths.push(list_of_names(&dict, number)?)?,
        }
        let length = dict.get(b"length").and_then(|length| length.integer());
        let length = length.and_then(|length| u64::try_from(length).ok());
        let length = match (length, kind) {
            (Some(length), _) => length,
            (None, FileKind::Link) => 0,
            (None, _) => {
                return Err(FilesError::Key {
                    number,
                    key: "length",
                    rule: "a number of bytes from 0 to 9223372036854775807",
                });
            }
        };
        if kind == FileKind::Link && length > 0 {
            let path = self.paths.shown(self.entries.len());
            return Err(FilesError::LinkWithBytes { path, length });
        }
        let size = self.size.checked_add(length);
        if size.is_none_or(|size| i64::try_from(size).is_err()) {
            return Err(FilesError::TooLarge);
        }
        self.add(length, kind, has(b'x'));
        Ok(())
    }

    /// The sum of all lengths was checked.
    fn add(&mut self, length: u64, kind: FileKind, is_executable: bool) {
        if kind == FileKind::Regular && length > 0 {
            self.filled.push(self.entries.len() as u32);
        }
        self.entries.push(Entry {
            offset: self.size,
            length,
            kind,
            is_executable,
        });
        self.size += length;
    }
}

impl Entry {
    const fn end(&self) -> u64 {
        self.offset + self.length
    }
}

/// The names of a path: those that say that they are UTF-8, if they are.
fn list_of_names<'a>(dict: &Dict<'a>, number: usize) -> Result<List<'a>, FilesError> {
    let list = |key: &[u8]| dict.get(key).and_then(|names| names.list());
    let is_text = |names: &List<'_>| names.iter().all(|name| name.text().is_some());
    let names = list(b"path.utf-8")
        .filter(is_text)
        .or_else(|| list(b"path"));
    let names = names.filter(|names| names.iter().all(|name| name.bytes().is_some()));
    names.ok_or(FilesError::Key {
        number,
        key: "path",
        rule: "a list of names",
    })
}

/// The `files` of an info dictionary, in the order in which they are given: the keys `attr` (of
/// programs only), `length` and `path`, and no others.
pub(super) fn encode(files: &[NewFile<'_>]) -> Result<ListEncoder<'static>, FilesError> {
    let mut list = ListEncoder::new();
    for file in files {
        let mut names = ListEncoder::new();
        for name in file.path.split('/') {
            names.bytes(name.as_bytes());
        }
        let mut dict = DictEncoder::new();
        let length = i64::try_from(file.length).map_err(|_| FilesError::TooLarge)?;
        dict.integer(b"length", length).list(b"path", &names);
        if file.is_executable {
            dict.bytes(b"attr", b"x".as_slice());
        }
        list.dict(&dict);
    }
    Ok(list)
}
