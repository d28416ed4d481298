//! When files were last changed, so that changes by others show.
//!
//! What we write ourselves changes a file's times, too: so they are looked at before and after each
//! write of ours, one write of a file at a time, and whatever moved them in between was somebody else.
//! (The kernel writes to a file once at a time as well.) A change that falls into the same tick of the
//! kernel's clock as a write of ours (1 to 10 ms before Linux 6.13), or between one of our writes and the
//! looks beside it, cannot be seen by any time. So whoever was seen once is taken to have written more
//! often: see [`Stamps::met`]. Of a single file the system also tells when somebody closes it
//! ([`crate::files::Closing`]). What is left the scrub finds.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crate::files::{File, Stamp};

/// The times of a content's files.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// As we left each file. Held while we write to it.
    known: Vec<Mutex<Option<Stamp>>>,
    /// Files that others changed, by their numbers, until somebody asks.
    changed: Mutex<Vec<usize>>,
    /// The same, until somebody asks who was ever there.
    met: Mutex<BTreeSet<usize>>,
}

impl Stamps {
    /// The files as they are now, by their numbers; none where there is no file.
    pub(super) fn new(files: impl Iterator<Item = Option<Stamp>>) -> Self {
        Self {
            known: files.map(Mutex::new).collect(),
            changed: Mutex::default(),
            met: Mutex::default(),
        }
    }

    /// Writes to a file of ours.
    pub(super) fn writing<T>(&self, number: usize, file: &File, write: impl FnOnce() -> T) -> T {
        let stamp = || file.look().ok().map(|it| it.stamp);
        let Some(known) = self.known.get(number) else {
            return write();
        };
        // A panic while it was held can at worst have left an old time, and then all is hashed again.
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        self.compare(number, &mut known, stamp());
        let done = write();
        *known = stamp().or(*known);
        done
    }

    /// Somebody looks at the file: is it as we left it? `stamp` is asked while no write of ours runs; while
    /// one does, the next look tells.
    pub(super) fn look(&self, number: usize, stamp: impl FnOnce() -> Option<Stamp>) {
        match self.known.get(number).map(Mutex::try_lock) {
            Some(Ok(mut known)) => self.compare(number, &mut known, stamp()),
            Some(Err(TryLockError::Poisoned(known))) => {
                self.compare(number, &mut known.into_inner(), stamp());
            }
            Some(Err(TryLockError::WouldBlock)) | None => {}
        }
    }

    /// Was the file changed by others since [`Self::changed`] was last asked?
    pub(super) fn is_changed(&self, number: usize) -> bool {
        self.changes().contains(&number)
    }

    /// The numbers of files that others changed since this was last asked.
    pub(super) fn changed(&self) -> Vec<usize> {
        let mut changed = std::mem::take(&mut *self.changes());
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// The numbers of files that others changed since this was last asked, however often
    /// [`Self::changed`] was.
    pub(super) fn met(&self) -> Vec<usize> {
        let met = std::mem::take(&mut *self.meetings());
        met.into_iter().collect()
    }

    /// Others changed that file.
    pub(super) fn note(&self, number: usize) {
        self.meetings().insert(number);
        self.changes().push(number);
    }

    fn compare(&self, number: usize, known: &mut Option<Stamp>, now: Option<Stamp>) {
        let Some(now) = now else { return };
        let before = known.replace(now);
        if before.is_some_and(|before| before != now) {
            self.note(number);
        }
    }

    fn meetings(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changes(&self) -> MutexGuard<'_, Vec<usize>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!(stamps.met(), [0], "and kept for whoever asks in the end");
        assert!(stamps.met().is_empty());
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
            touch(&file, 3);
        });
        stamps.look(1, || stamp(&file));
        stamps.look(0, || stamp(&file));
        stamps.look(9, || stamp(&file));
        assert!(stamps.changed().is_empty());
    }

    /// Several workers write all the time, so that some write is always under way.
    #[test]
    fn a_change_by_others_between_writes_of_ours_that_crowd_is_found() {
        let file = file();
        let stamps = Stamps::new([stamp(&file)].into_iter());
        let is_over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let write = || {
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    stamps.writing(0, &file, || {
                        file.write_all_at(b"ours", 0).unwrap();
                        std::thread::sleep(std::time::Duration::from_millis(1));
                        touch(&file, 1);
                    });
                }
            };
            scope.spawn(write);
            scope.spawn(write);
            // What they do: at any moment but within a write of ours.
            for second in 2..12 {
                let theirs = stamps.known[0].lock().unwrap();
                touch(&file, second);
                drop(theirs);
                while !stamps.is_changed(0) {
                    std::thread::yield_now();
                }
                assert_eq!(stamps.changed(), [0]);
            }
            is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    #[test]
    fn a_byte_lies_in_one_piece_and_none_in_no_piece() {
        assert_eq!(pieces_in(&(0..1), 10), 0..1);
        assert_eq!(pieces_in(&(9..11), 10), 0..2);
        assert_eq!(pieces_in(&(10..20), 10), 1..2);
        assert!(pieces_in(&(10..10), 10).is_empty());
    }
}
