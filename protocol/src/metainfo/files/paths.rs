//! The paths of a content's files: which ones a file may have, and all of them in one text.
//!
//! A path comes from a stranger and names a place on our disk. What leads out of the content's
//! folder is refused here, and once more by the file system (see the storage of `swarmlet-actors`).
//! Backslashes and control characters are allowed, for the systems that we run on allow them;
//! whoever prints a path escapes it.

use super::FilesError;
use crate::bencode::List;
use crate::metainfo::MAX_NAME_LENGTH;
use crate::text::quoted;

/// 3,072 bytes: the longest path of a file within its content. Systems take 4,096 in all, and the
/// content's own folder needs some of them.
pub const MAX_PATH_LENGTH: usize = 3 * 1024;

/// 100 names in a path, its own included: deeper trees are not made by people, and each costs a
/// call to the system whenever the file is opened.
pub const MAX_PATH_DEPTH: usize = 100;

/// Paths one behind the other.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Paths {
    text: String,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Paths {
    /// Adds a path that was checked already.
    pub(super) fn push_checked(&mut self, path: &str) {
        self.text.push_str(path);
        self.end();
    }

    /// Adds what has no path.
    pub(super) fn push_none(&mut self) {
        self.end();
    }

    /// Adds the path of these names, which are strings.
    pub(super) fn push(&mut self, names: List<'_>) -> Result<(), FilesError> {
        let start = self.text.len();
        for (depth, name) in names.iter().enumerate() {
            let Some(name) = name.text() else {
                return Err(refused(names, "it is not UTF-8"));
            };
            if let Some(rule) = broken_rule(name) {
                return Err(refused(names, rule));
            }
            if depth == MAX_PATH_DEPTH {
                return Err(refused(names, "it has more than 100 names"));
            }
            if depth > 0 {
                self.text.push('/');
            }
            self.text.push_str(name);
            if self.text.len() - start > MAX_PATH_LENGTH {
                return Err(refused(names, "it is longer than 3,072 bytes"));
            }
        }
        if self.text.len() == start {
            return Err(refused(names, "it is empty"));
        }
        self.end();
        Ok(())
    }

    pub(super) fn get(&self, number: usize) -> &str {
        let end = |number: usize| self.ends.get(number).copied().unwrap_or(0) as usize;
        let start = number.checked_sub(1).map_or(0, end);
        self.text.get(start..end(number)).unwrap_or_default()
    }

    /// The path, fit to be printed.
    pub(super) fn shown(&self, number: usize) -> String {
        quoted(self.get(number))
    }

    /// No path may stand twice, nor lie within another that is a file.
    pub(super) fn refuse_conflicts(&self) -> Result<(), FilesError> {
        let mut sorted: Vec<usize> = (0..self.ends.len()).collect();
        sorted.retain(|&number| !self.get(number).is_empty());
        // Name by name: so whatever lies in a folder follows it at once.
        sorted.sort_unstable_by(|&one, &other| {
            let names = |number| self.get(number).split('/');
            names(one).cmp(names(other))
        });
        for pair in sorted.windows(2) {
            let &[one, other] = pair else { continue };
            let Some(rest) = self.get(other).strip_prefix(self.get(one)) else {
                continue;
            };
            if rest.is_empty() {
                let path = self.shown(one);
                return Err(FilesError::Twice { path });
            }
            if rest.starts_with('/') {
                return Err(FilesError::FileAndFolder {
                    path: self.shown(one),
                    inner: self.shown(other),
                });
            }
        }
        Ok(())
    }

    /// All paths together are shorter than an info dictionary, so 32 bits hold where they end.
    fn end(&mut self) {
        self.ends.push(self.text.len() as u32);
    }
}

/// What is wrong with one name of a path.
fn broken_rule(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("it has an empty name")
    } else if name == "." || name == ".." {
        Some("'.' and '..' are no names")
    } else if name.contains('/') {
        Some("a name in it has a '/'")
    } else if name.contains('\0') {
        Some("a name in it has a zero byte")
    } else if name.len() > MAX_NAME_LENGTH {
        Some("a name in it is longer than 255 bytes")
    } else {
        None
    }
}

/// Only as much of the path is put together as an error quotes.
fn refused(names: List<'_>, rule: &'static str) -> FilesError {
    let mut path = String::new();
    for (depth, name) in names.iter().enumerate() {
        if depth > 0 {
            path.push('/');
        }
        let bytes = name.bytes().unwrap_or_default();
        let some = bytes.get(..MAX_NAME_LENGTH).unwrap_or(bytes);
        path.push_str(&String::from_utf8_lossy(some));
        if path.len() > MAX_NAME_LENGTH {
            break;
        }
    }
    let path = quoted(&path);
    FilesError::Path { path, rule }
}
