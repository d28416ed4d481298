//! What a benchmark that was killed has left behind.
//!
//! Whatever a benchmark makes outside of itself is called `PREFIX-PID-...`, so the next one can tell
//! what has no owner any more.

use std::fs;
use std::path::{Path, PathBuf};

/// What lies in a folder, begins with that prefix, and belongs to a process that is gone.
pub(crate) fn orphans(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let is_orphan = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let owner = owner_of(&name, prefix);
        owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists())
    };
    paths.filter(is_orphan).collect()
}

/// The process in a name, if the name is one of ours.
fn owner_of(name: &str, prefix: &str) -> Option<u32> {
    let rest = name.strip_prefix(prefix)?.strip_prefix('-')?;
    rest.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_have_an_owner() {
        assert_eq!(owner_of("bench-4711-hub", "bench"), Some(4711));
        assert_eq!(owner_of("bench-4711-a-b", "bench"), Some(4711));
        assert_eq!(owner_of("bench-hub", "bench"), None);
        assert_eq!(owner_of("bench-4711", "bench"), None);
        assert_eq!(owner_of("other-4711-hub", "bench"), None);
    }

    #[test]
    fn what_belongs_to_the_living_or_to_others_is_no_orphan() {
        let directory = tempfile::tempdir().unwrap();
        let living = format!("bench-{}-x", std::process::id());
        // Beyond the largest number that Linux gives to a process.
        let dead = "bench-4194999-x";
        for name in [living.as_str(), dead, "bench-x", "other-4194999-x"] {
            fs::create_dir(directory.path().join(name)).unwrap();
        }
        let expected = vec![directory.path().join(dead)];
        assert_eq!(orphans(directory.path(), "bench"), expected);
    }
}
