//! Where a command is found, as the system will look for it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// What there is under the name of a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Found {
    /// Something that can be run, as far as can be told.
    Program,
    /// Something else, and why that cannot be run.
    Other(&'static str),
    /// Nothing.
    Nothing,
}

/// Where commands are looked for.
pub(super) fn search_path() -> OsString {
    // What the C library takes where there is no PATH.
    std::env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into())
}

/// Is it a path, and not a name to be looked for?
pub(super) fn is_path(name: &OsStr) -> bool {
    name.as_encoded_bytes().contains(&b'/')
}

/// Looks for it: the first that can be run, else the first that is there.
pub(super) fn look(name: &OsStr, search: &OsStr) -> Found {
    let mut first = Found::Nothing;
    for path in candidates(name, search) {
        match look_at(&path) {
            Found::Program => return Found::Program,
            found if first == Found::Nothing => first = found,
            _ => {}
        }
    }
    first
}

/// May it come with a content: does a path that it can stand for lie in the place of one?
pub(super) fn may_come<'a>(
    name: &OsStr,
    search: &OsStr,
    places: impl IntoIterator<Item = &'a Path>,
) -> bool {
    let candidates: Vec<_> = candidates(name, search).iter().map(|it| real(it)).collect();
    let mut places = places.into_iter().map(real);
    places.any(|place| candidates.iter().any(|path| path.starts_with(&place)))
}

fn candidates(name: &OsStr, search: &OsStr) -> Vec<PathBuf> {
    if name.is_empty() {
        return Vec::new();
    }
    if is_path(name) {
        return vec![name.into()];
    }
    // An empty part stands for the present directory; `join` makes a path of nothing but the name
    // of that, which is the same.
    std::env::split_paths(search)
        .map(|folder| folder.join(name))
        .collect()
}

fn look_at(path: &Path) -> Found {
    let Ok(metadata) = path.metadata() else {
        return Found::Nothing;
    };
    if metadata.is_dir() {
        return Found::Other("is a directory");
    }
    match access(path, Access::EXEC_OK) {
        Ok(()) => Found::Program,
        Err(_) => Found::Other("permission denied"),
    }
}

/// The path without links, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = path.ancestors().find_map(|there| {
        let real = there.canonicalize().ok()?;
        Some(real.join(path.strip_prefix(there).ok()?))
    });
    real.unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A file of that mode.
    fn file(path: &Path, mode: u32) {
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_first_that_can_be_run_is_found_wherever_it_stands_in_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["none", "plain", "good", "folder"] {
            fs::create_dir(at(name)).unwrap();
        }
        file(&at("plain/tool"), 0o644);
        file(&at("good/tool"), 0o755);
        fs::create_dir(at("folder/tool")).unwrap();
        let search = |names: &[&str]| std::env::join_paths(names.iter().map(|it| at(it))).unwrap();
        let tool = OsStr::new("tool");
        let all = search(&["none", "folder", "plain", "good"]);
        assert_eq!(look(tool, &all), Found::Program);
        let refused = Found::Other("permission denied");
        assert_eq!(look(tool, &search(&["none", "plain", "folder"])), refused);
        let folder = Found::Other("is a directory");
        assert_eq!(look(tool, &search(&["folder", "plain"])), folder);
        assert_eq!(look(tool, &search(&["none"])), Found::Nothing);
        assert_eq!(look(OsStr::new(""), &all), Found::Nothing);
        // A path is not looked for.
        let path = at("plain/tool");
        assert_eq!(look(path.as_os_str(), &all), refused);
        assert_eq!(look(OsStr::new("./tool"), &all), Found::Nothing);
    }

    #[test]
    fn what_lies_in_the_place_of_a_content_may_come_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("real")).unwrap();
        symlink(at("real"), at("link")).unwrap();
        let place = at("link/app");
        let places = || [place.as_path()];
        let search = OsStr::new("/nowhere");
        for path in ["link/app", "link/app/bin/run", "real/app/run"] {
            let path = at(path);
            assert!(may_come(path.as_os_str(), search, places()), "{path:?}");
        }
        for path in ["link/apple", "link", "real/other/run"] {
            let path = at(path);
            assert!(!may_come(path.as_os_str(), search, places()), "{path:?}");
        }
        let name = OsStr::new("run");
        assert!(!may_come(name, search, places()));
        assert!(may_come(name, at("real/app/bin").as_os_str(), places()));
    }
}
