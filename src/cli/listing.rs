//! The files below a folder, in an order that is the same on every machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use swarmlet_protocol::metainfo::{FilesError, InfoError, MAX_FILES};

use super::error::CliError;

/// What lies in a folder.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Paths with `/` between names, and lengths; sorted name by name.
    pub(crate) files: Vec<(String, u64)>,
    /// What is no regular file and no folder: symbolic links, pipes, sockets, devices.
    pub(crate) skipped: Vec<PathBuf>,
}

/// Looks at everything below the folder. Follows no symbolic links.
///
/// # Errors
/// Something cannot be looked at, has a name that is not UTF-8, or there are too many files.
pub(crate) fn list(root: &Path) -> Result<Listing, CliError> {
    let mut listing = Listing::default();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(CliError::read(&folder))? {
            let entry = entry.map_err(CliError::read(&folder))?;
            let place = entry.path();
            let Ok(name) = entry.file_name().into_string() else {
                let error = io::Error::other("its name is not UTF-8");
                return Err(CliError::read(&place)(error));
            };
            let path = format!("{prefix}{name}");
            let found = entry.metadata().map_err(CliError::read(&place))?;
            if found.is_dir() {
                folders.push((place, format!("{path}/")));
            } else if found.is_file() {
                listing.files.push((path, found.len()));
            } else {
                listing.skipped.push(place);
            }
            if listing.files.len() > MAX_FILES {
                return Err(CliError::Info {
                    path: root.to_owned(),
                    source: InfoError::Files(FilesError::TooMany),
                });
            }
        }
    }
    let names = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    listing.files.sort_by_cached_key(|(path, _)| names(path));
    listing.skipped.sort();
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_sorted_name_by_name_and_links_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["a/z", "a.b", "a/b/c", "B"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "xy").unwrap();
        }
        std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
        fs::create_dir(root.join("empty")).unwrap();
        let listing = list(root).unwrap();
        let paths: Vec<_> = listing
            .files
            .iter()
            .map(|(path, _)| path.as_str())
            .collect();
        assert_eq!(paths, ["B", "a/b/c", "a/z", "a.b"]);
        assert!(listing.files.iter().all(|(_, length)| *length == 2));
        assert_eq!(listing.skipped, [root.join("link")]);
    }
}
