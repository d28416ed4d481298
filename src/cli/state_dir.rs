//! Where a node keeps what it learned.
//!
//! A directory is taken only after a file was made in it. Nothing is read here.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use log::warn;
use swarmlet_actors::private;

use super::error::CliError;

/// What is named to keep no state. A directory of that name is `./none`.
const NOWHERE: &str = "none";

/// Where services keep their state.
const SYSTEM: &str = "/var/lib/swarmlet";

/// The directory that was named, or the first of the usual ones that can be written. `None` means
/// that the node keeps no state: because that was asked for, or else with one line in the log.
///
/// # Errors
/// A directory was named and cannot be written.
pub(crate) fn choose(named: Option<&Path>) -> Result<Option<PathBuf>, CliError> {
    if named == Some(Path::new(NOWHERE)) {
        return Ok(None);
    }
    if let Some(path) = named {
        return prepare(path)
            .map(|()| Some(path.to_owned()))
            .map_err(|source| CliError::State {
                path: path.to_owned(),
                source,
            });
    }
    let usual = usual(|name| env::var_os(name).map(PathBuf::from));
    let found = first_usable(&usual);
    if found.is_none() {
        let tried: Vec<String> = usual
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        warn!(
            "no state is kept: cannot write {}; name a directory with --state",
            tried.join(" or ")
        );
    }
    Ok(found)
}

/// Where the state of a node of this machine may be, in the order of preference: where
/// SWARMLET_STATE says, else the usual places. Nothing is made there.
pub(crate) fn candidates() -> Vec<PathBuf> {
    candidates_by(|name| env::var_os(name).map(PathBuf::from))
}

fn candidates_by(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let named = variable("SWARMLET_STATE").filter(|path| !path.as_os_str().is_empty());
    match named {
        Some(path) if path == Path::new(NOWHERE) => Vec::new(),
        Some(path) => vec![path],
        None => usual(variable),
    }
}

/// The usual places in the order of preference. Relative paths are not taken, as the XDG base
/// directory specification demands.
fn usual(variable: impl Fn(&str) -> Option<PathBuf>) -> Vec<PathBuf> {
    let absolute = |path: &PathBuf| path.is_absolute();
    let home_state = || Some(variable("HOME")?.join(".local/state")).filter(absolute);
    let user = variable("XDG_STATE_HOME")
        .filter(absolute)
        .or_else(home_state)
        .map(|path| path.join("swarmlet"));
    [Some(PathBuf::from(SYSTEM)), user]
        .into_iter()
        .flatten()
        .collect()
}

/// A directory within the usual one, for a command that is not to meddle with what a node keeps
/// there. None if there is none.
pub(crate) fn usual_for(command: &str) -> Option<PathBuf> {
    let usual = usual(|name| env::var_os(name).map(PathBuf::from));
    let own: Vec<_> = usual.iter().map(|path| path.join(command)).collect();
    first_usable(&own)
}

fn first_usable(candidates: &[PathBuf]) -> Option<PathBuf> {
    candidates
        .iter()
        .find(|path| prepare(path).is_ok())
        .cloned()
}

/// Makes the directory if need be, and a file in it that is gone at once.
fn prepare(path: &Path) -> io::Result<()> {
    private::folder(path)?;
    tempfile::tempfile_in(path).map(drop)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_users_own_directory_follows_the_systems() {
        let home = |name: &str| (name == "HOME").then(|| PathBuf::from("/home/u"));
        assert_eq!(
            usual(home),
            [
                PathBuf::from("/var/lib/swarmlet"),
                PathBuf::from("/home/u/.local/state/swarmlet")
            ]
        );
        let both = |name: &str| match name {
            "XDG_STATE_HOME" => Some(PathBuf::from("/state")),
            _ => Some(PathBuf::from("/home/u")),
        };
        assert_eq!(usual(both)[1], PathBuf::from("/state/swarmlet"));
        let relative = |_: &str| Some(PathBuf::from("state"));
        assert_eq!(usual(relative), [PathBuf::from("/var/lib/swarmlet")]);
        assert_eq!(usual(|_| None), [PathBuf::from("/var/lib/swarmlet")]);
    }

    #[test]
    fn a_state_directory_that_the_environment_names_is_the_only_candidate() {
        let named = |state: &'static str| {
            candidates_by(move |name| (name == "SWARMLET_STATE").then(|| PathBuf::from(state)))
        };
        assert_eq!(named("/srv/state"), [PathBuf::from("/srv/state")]);
        assert!(named("none").is_empty());
        assert_eq!(named(""), [PathBuf::from(SYSTEM)]);
    }

    #[test]
    fn the_first_directory_that_can_be_written_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let blocked = root.path().join("file");
        fs::write(&blocked, "").unwrap();
        let free = root.path().join("a/b");
        let found = first_usable(&[blocked.join("below"), free.clone()]);
        assert_eq!(found, Some(free.clone()));
        assert!(free.is_dir());
        assert_eq!(fs::read_dir(&free).unwrap().count(), 0);
        assert_eq!(first_usable(&[blocked]), None);
    }
}
