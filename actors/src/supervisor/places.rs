//! Where contents are kept: whether they can be, and that none is in another's way.
//!
//! Looks at what is there, and opens nothing: opening a pipe or a device could block.

use crate::maps::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A place, and what is kept in it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The path.
    pub path: PathBuf,
    /// A folder of files if true, else a single file; while nothing is known of the content it may
    /// become either.
    pub is_folder: Option<bool>,
}

/// A place in which a content cannot be kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Misplaced {
    /// The path.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// Can each content be kept where it is said to be, and no two in one place?
///
/// # Errors
/// The first that cannot.
pub fn check(contents: &[Kept]) -> Result<(), Misplaced> {
    let misplaced = |path: &Path, reason: String| {
        let path = path.to_owned();
        Err(Misplaced { path, reason })
    };
    let (mut places, mut files) = (HashSet::default(), HashSet::default());
    for Kept { path, is_folder } in contents {
        if let Some(reason) = no_data_path(path, *is_folder) {
            return misplaced(path, reason.to_owned());
        }
        let file = std::fs::metadata(path).ok();
        let file = file.filter(std::fs::Metadata::is_file);
        let linked = file.is_some_and(|file| !files.insert((file.dev(), file.ino())));
        if linked || !places.insert(absolute(path)) {
            return misplaced(path, "two contents cannot be kept in one place".to_owned());
        }
    }
    for folder in contents.iter().filter(|one| one.is_folder == Some(true)) {
        let root = absolute(&folder.path);
        let within = |place: &&PathBuf| place.starts_with(&root) && **place != root;
        if let Some(inner) = places.iter().find(within) {
            let reason = format!("it is in the folder of another content, {}", root.display());
            return misplaced(inner, reason);
        }
    }
    Ok(())
}

/// The path from the root, as far as it exists: two ways to name one file are the same.
fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = std::fs::canonicalize(folder.unwrap_or_else(|| Path::new(".")));
        match (folder, path.file_name()) {
            (Ok(folder), Some(name)) => folder.join(name),
            _ => path.to_owned(),
        }
    })
}

/// Why content cannot be kept at this path, ever: a folder of files if `is_folder`, else a single
/// file; while nothing is known of the content it may become either. What is missing can be
/// created, and what cannot be looked at now may be all right later. Opening a pipe or a device is
/// not tried: it could block.
fn no_data_path(path: &Path, is_folder: Option<bool>) -> Option<&'static str> {
    let kind = std::fs::metadata(path).ok()?.file_type();
    match is_folder {
        Some(false) if kind.is_dir() => Some("is a directory"),
        Some(true) if kind.is_file() => Some("is a file; the content is a folder"),
        _ if kind.is_dir() || kind.is_file() => None,
        _ => Some("not a regular file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_refused_only_if_it_can_never_be_right() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let missing = folder.path().join("missing");
        for (path, is_folder, reason) in [
            (folder.path(), None, None),
            (folder.path(), Some(true), None),
            (folder.path(), Some(false), Some("is a directory")),
            (&file, None, None),
            (&file, Some(false), None),
            (
                &file,
                Some(true),
                Some("is a file; the content is a folder"),
            ),
            (&missing, Some(true), None),
            (&missing, None, None),
            (Path::new("/dev/null"), None, Some("not a regular file")),
            (
                Path::new("/dev/null"),
                Some(true),
                Some("not a regular file"),
            ),
        ] {
            assert_eq!(
                no_data_path(path, is_folder),
                reason,
                "{path:?} {is_folder:?}"
            );
        }
    }
}
