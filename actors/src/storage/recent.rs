//! Descriptors of the files that were used last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::beneath::Opened;
use crate::maps::HashMap;

/// 64 open files of one folder: as many as the jobs that run at once work on, several times over.
/// A process may often have 1,024 descriptors only, and a folder has thousands of files.
pub(super) const MAX_OPEN_FILES: usize = 64;

/// Open files by their numbers.
#[derive(Debug, Default)]
pub(super) struct Recent {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<usize, (Arc<Opened>, u64)>,
    /// Rises with each use.
    uses: u64,
}

impl Recent {
    /// The file, if it is open.
    pub(super) fn get(&self, number: usize) -> Option<Arc<Opened>> {
        let mut table = self.table();
        table.uses += 1;
        let uses = table.uses;
        let (opened, used) = table.open.get_mut(&number)?;
        *used = uses;
        Some(Arc::clone(opened))
    }

    /// Keeps a file open; the one that was not used for longest makes room. That one is closed when
    /// the last job that works on it ends.
    pub(super) fn put(&self, number: usize, opened: Arc<Opened>) {
        let mut table = self.table();
        if table.open.len() >= MAX_OPEN_FILES && !table.open.contains_key(&number) {
            let oldest = table.open.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(&number, _)| number) {
                table.open.remove(&oldest);
            }
        }
        table.uses += 1;
        let used = table.uses;
        table.open.insert(number, (opened, used));
    }

    /// The numbers of all that are open.
    pub(super) fn numbers(&self) -> Vec<usize> {
        self.table().open.keys().copied().collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // A map of descriptors: a panic while it was held cannot have broken it.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_was_not_used_for_longest_makes_room() {
        let recent = Recent::default();
        let file = Arc::new(Opened {
            file: tempfile::tempfile().unwrap().into(),
            refusal: None,
        });
        for number in 0..MAX_OPEN_FILES {
            recent.put(number, Arc::clone(&file));
        }
        assert!(recent.get(0).is_some());
        recent.put(MAX_OPEN_FILES, Arc::clone(&file));
        recent.put(MAX_OPEN_FILES, Arc::clone(&file));
        assert!(recent.get(1).is_none());
        assert!(recent.get(0).is_some() && recent.get(2).is_some());
        assert_eq!(recent.numbers().len(), MAX_OPEN_FILES);
    }
}
