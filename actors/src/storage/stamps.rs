//! When files were last changed, so that changes by others show.
//!
//! What we write ourselves changes a file's times, too: so they are looked at before and after each
//! write of ours, and whatever moved them in between was somebody else. A change that falls into
//! the same tick of the kernel's clock as a write of ours (1 to 10 ms), or into one of our writes,
//! cannot be seen by any time; the scrub finds it.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::files::{File, Stamp};

/// The times of a content's files.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    files: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    known: Vec<Known>,
    /// Files that others changed, by their numbers, until somebody asks.
    changed: Vec<usize>,
}

#[derive(Clone, Debug)]
struct Known {
    stamp: Option<Stamp>,
    /// Writes of ours that run.
    writers: u32,
}

impl Stamps {
    /// The files as they are now, by their numbers; none where there is no file.
    pub(super) fn new(files: impl Iterator<Item = Option<Stamp>>) -> Self {
        let known = files.map(|stamp| Known { stamp, writers: 0 }).collect();
        let changed = Vec::new();
        Self {
            files: Mutex::new(Table { known, changed }),
        }
    }

    /// Writes to a file of ours.
    pub(super) fn writing<T>(&self, number: usize, file: &File, write: impl FnOnce() -> T) -> T {
        let stamp = || file.look().ok().map(|it| it.stamp);
        self.table().begin(number, stamp);
        let done = write();
        self.table().end(number, stamp);
        done
    }

    /// Somebody looks at the file: is it as we left it? `stamp` is asked while no write of ours can
    /// begin or end.
    pub(super) fn look(&self, number: usize, stamp: impl FnOnce() -> Option<Stamp>) {
        let mut table = self.table();
        if table.known.get(number).is_some_and(|it| it.writers == 0) {
            table.compare(number, stamp());
        }
    }

    /// The numbers of files that others changed since this was last asked.
    pub(super) fn changed(&self) -> Vec<usize> {
        let mut changed = std::mem::take(&mut self.table().changed);
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Numbers: a panic while it was held can at worst have left a writer counted, and then the
        // scrub finds what changes.
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn begin(&mut self, number: usize, stamp: impl FnOnce() -> Option<Stamp>) {
        if self.known.get(number).is_some_and(|it| it.writers == 0) {
            self.compare(number, stamp());
        }
        if let Some(known) = self.known.get_mut(number) {
            known.writers += 1;
        }
    }

    fn end(&mut self, number: usize, stamp: impl FnOnce() -> Option<Stamp>) {
        let Some(known) = self.known.get_mut(number) else {
            return;
        };
        known.writers = known.writers.saturating_sub(1);
        if known.writers == 0 {
            known.stamp = stamp().or(known.stamp);
        }
    }

    fn compare(&mut self, number: usize, now: Option<Stamp>) {
        let (Some(known), Some(now)) = (self.known.get_mut(number), now) else {
            return;
        };
        let before = known.stamp.replace(now);
        if before.is_some_and(|before| before != now) {
            self.changed.push(number);
        }
    }
}

/// The pieces that have a byte in that range.
pub(super) fn pieces_in(bytes: &Range<u64>, piece_length: u32) -> Range<u32> {
    let length = u64::from(piece_length.max(1));
    let number = |piece: u64| u32::try_from(piece).unwrap_or(u32::MAX);
    match bytes.is_empty() {
        true => 0..0,
        false => number(bytes.start / length)..number(bytes.end.div_ceil(length)),
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::{Timespec, Timestamps, UTIME_OMIT};

    use super::*;

    fn file() -> File {
        tempfile::tempfile().unwrap().into()
    }

    fn stamp(file: &File) -> Option<Stamp> {
        Some(file.look().unwrap().stamp)
    }

    /// Sets the file's time, as a write of somebody would.
    fn touch(file: &File, second: i64) {
        let at = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
        let times = Timestamps {
            last_access: at(0, UTIME_OMIT),
            last_modification: at(second, 0),
        };
        rustix::fs::futimens(file, &times).unwrap();
    }

    #[test]
    fn our_writes_are_no_changes_and_those_of_others_are() {
        let file = file();
        let stamps = Stamps::new([stamp(&file)].into_iter());
        stamps.writing(0, &file, || {
            file.write_all_at(b"ours", 0).unwrap();
            touch(&file, 1);
        });
        stamps.look(0, || stamp(&file));
        assert!(stamps.changed().is_empty());
        touch(&file, 2);
        stamps.look(0, || stamp(&file));
        stamps.look(0, || stamp(&file));
        assert_eq!(stamps.changed(), [0]);
        assert!(stamps.changed().is_empty(), "told once");
        // Between two writes of ours, without a look.
        touch(&file, 3);
        stamps.writing(0, &file, || touch(&file, 4));
        assert_eq!(stamps.changed(), [0]);
    }

    #[test]
    fn a_look_into_a_write_of_ours_says_nothing() {
        let file = file();
        let stamps = Stamps::new([None, stamp(&file)].into_iter());
        stamps.writing(1, &file, || {
            touch(&file, 1);
            stamps.look(1, || stamp(&file));
            stamps.writing(1, &file, || touch(&file, 2));
            touch(&file, 3);
        });
        stamps.look(1, || stamp(&file));
        stamps.look(0, || stamp(&file));
        stamps.look(9, || stamp(&file));
        assert!(stamps.changed().is_empty());
    }

    #[test]
    fn a_byte_lies_in_one_piece_and_none_in_no_piece() {
        assert_eq!(pieces_in(&(0..1), 10), 0..1);
        assert_eq!(pieces_in(&(9..11), 10), 0..2);
        assert_eq!(pieces_in(&(10..20), 10), 1..2);
        assert!(pieces_in(&(10..10), 10).is_empty());
    }
}
