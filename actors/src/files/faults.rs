//! Disks that are not well, for tests: whatever lies in a folder fails, lags or lies as it is told.
//!
//! A [`Disk`] is given to a folder and holds for everything that is opened in it from then on, until
//! it is dropped. Its faults are of one kind of operation each, on a range of bytes, from one
//! use to another; a test adds and mends them while the node runs. The bytes themselves lie in the
//! folder as ever.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use rustix::io::Errno;

use super::{Identity, Look, Stamp, path_of};
use crate::debt;

/// What is done to a file.
#[derive(Copy, Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Operation {
    /// It is opened to be read.
    Open,
    /// It is opened to be written, or made.
    OpenToWrite,
    /// Bytes are read.
    Read,
    /// Bytes are written.
    Write,
    /// It is given a length.
    Resize,
    /// Its length and its times are asked for.
    Look,
}

/// What becomes of an operation.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// It fails so.
    Fails(Errno),
    /// It takes that much longer.
    Slow(Duration),
    /// One call moves no more bytes than that: the next goes on from there.
    Short(usize),
    /// What is read in the range has these bits of every byte turned over; what lies there stays.
    Lies(u8),
}

/// Something that is wrong with a disk.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What it befalls.
    pub on: Operation,
    /// Only files whose path ends so; none: all.
    pub file: Option<PathBuf>,
    /// Only bytes of this range of the file.
    pub range: Range<u64>,
    /// So many such operations go well before.
    pub after: u64,
    /// So many are befallen then.
    pub times: u64,
    /// What becomes of them.
    pub effect: Effect,
}

/// Names a fault of a disk.
#[derive(Copy, Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct FaultId(u64);

/// The disk of a folder. Clones share; the folder has a good disk again when the last is gone.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Given>);

/// A disk that a folder has while this is there.
#[derive(Debug)]
struct Given(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    faults: Mutex<Faults>,
    /// Sees each write before it is done: path, place, bytes.
    judge: Option<Judge>,
    /// What time it is for the files; none: their times are the system's.
    clock: Option<DiskClock>,
}

/// Sees writes.
pub type Judge = Box<dyn Fn(&Path, u64, &[u8]) + Send + Sync>;

/// Tells seconds and nanoseconds.
pub type DiskClock = Box<dyn Fn() -> (i64, i64) + Send + Sync>;

#[derive(Debug, Default)]
struct Faults {
    next: u64,
    faults: BTreeMap<FaultId, (Fault, u64)>,
    /// When files were changed, where the disk has a clock of its own.
    changed: BTreeMap<Identity, (i64, i64)>,
    /// Operations, befallen or not.
    done: BTreeMap<Operation, u64>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// All disks that tests gave to folders.
static DISKS: Mutex<Vec<(PathBuf, Arc<Inner>)>> = Mutex::new(Vec::new());

/// How many they are: nothing is looked up while there are none.
static COUNT: AtomicUsize = AtomicUsize::new(0);

impl Fault {
    /// Befalls all such operations on all files, from now on.
    #[must_use]
    pub const fn on(on: Operation, effect: Effect) -> Self {
        Self {
            on,
            file: None,
            range: 0..u64::MAX,
            after: 0,
            times: u64::MAX,
            effect,
        }
    }
}

impl Disk {
    /// Gives a disk to a folder. Files that are open already stay as they are.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self::with(folder, None, None)
    }

    /// The same, with somebody who sees all writes, and times that another clock tells.
    #[must_use]
    pub fn with(folder: &Path, judge: Option<Judge>, clock: Option<DiskClock>) -> Self {
        // Descriptors lead to the real path.
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let inner = Arc::new(Inner {
            folder: folder.clone(),
            faults: Mutex::default(),
            judge,
            clock,
        });
        let mut disks = disks();
        disks.push((folder, Arc::clone(&inner)));
        COUNT.store(disks.len(), Ordering::Release);
        Self(Arc::new(Given(inner)))
    }

    /// From now on this is wrong with it.
    pub fn add(&self, fault: Fault) -> FaultId {
        let mut faults = self.0.0.faults();
        faults.next += 1;
        let id = FaultId(faults.next);
        faults.faults.insert(id, (fault, 0));
        id
    }

    /// That is not wrong any more. Says how many operations it befell.
    pub fn mend(&self, id: FaultId) -> u64 {
        let gone = self.0.0.faults().faults.remove(&id);
        gone.map_or(0, |(fault, seen)| fault.befell(seen))
    }

    /// Nothing is wrong with it any more.
    pub fn mend_all(&self) {
        self.0.0.faults().faults.clear();
    }

    /// How many operations a fault has befallen.
    #[must_use]
    pub fn befallen(&self, id: FaultId) -> u64 {
        let faults = self.0.0.faults();
        let fault = faults.faults.get(&id);
        fault.map_or(0, |(fault, seen)| fault.befell(*seen))
    }

    /// How many operations of a kind there were.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.0
            .0
            .faults()
            .done
            .get(&operation)
            .copied()
            .unwrap_or_default()
    }

    /// Somebody else changed the file behind the node's back: its times show it, where the disk has a
    /// clock of its own.
    pub fn touch(&self, path: &Path) {
        if let (Some(clock), Ok(found)) = (&self.0.0.clock, rustix::fs::stat(path)) {
            let identity = Look::of(&found).identity;
            self.0.0.faults().changed.insert(identity, clock());
        }
    }
}

impl Fault {
    fn matches(&self, operation: Operation, path: &Path, range: &Range<u64>) -> bool {
        self.on == operation
            && self.file.as_ref().is_none_or(|file| path.ends_with(file))
            && range.start < self.range.end
            && self.range.start < range.end.max(range.start + 1)
    }

    const fn is_due(&self, seen: u64) -> bool {
        seen >= self.after && seen - self.after < self.times
    }

    fn befell(&self, seen: u64) -> u64 {
        seen.saturating_sub(self.after).min(self.times)
    }
}

impl Inner {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        // Files that are still open have a good disk now.
        self.0.faults().faults.clear();
        let mut disks = disks();
        disks.retain(|(_, disk)| !Arc::ptr_eq(disk, &self.0));
        COUNT.store(disks.len(), Ordering::Release);
    }
}

fn disks() -> MutexGuard<'static, Vec<(PathBuf, Arc<Inner>)>> {
    DISKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has no test given a disk to any folder?
pub(super) fn are_none() -> bool {
    COUNT.load(Ordering::Acquire) == 0
}

/// Somebody is about to open that path.
pub(super) fn before_opening(path: &Path, to_write: bool) -> rustix::io::Result<()> {
    let Some(disk) = OnDisk::at(path) else {
        return Ok(());
    };
    let operation = match to_write {
        true => Operation::OpenToWrite,
        false => Operation::Open,
    };
    disk.before(operation, 0..u64::MAX)
}

/// A file on such a disk.
#[derive(Debug)]
pub(super) struct OnDisk {
    disk: Arc<Inner>,
    path: PathBuf,
}

/// What the faults of a disk do to one call.
#[derive(Default)]
struct Befalls {
    slow: Duration,
    short: Option<usize>,
    /// Ranges of the file, and which bits of them are turned over.
    lies: Vec<(Range<u64>, u8)>,
    fails: Option<Errno>,
}

impl OnDisk {
    /// Where a path leads, if a disk was given to a folder above it: the innermost counts.
    pub(super) fn at(path: &Path) -> Option<Self> {
        if are_none() {
            return None;
        }
        let folder = path.parent()?;
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let path = folder.join(path.file_name()?);
        let disks = disks();
        let above = disks.iter().filter(|(folder, _)| path.starts_with(folder));
        let innermost = above.max_by_key(|(folder, _)| folder.as_os_str().len());
        let disk = Arc::clone(&innermost?.1);
        Some(Self { disk, path })
    }

    /// The same of an open file.
    pub(super) fn of(file: &File) -> Option<Self> {
        Self::at(&path_of(file.as_fd())?)
    }

    /// What is about to be done to that range.
    pub(super) fn before(&self, operation: Operation, range: Range<u64>) -> rustix::io::Result<()> {
        self.befall(operation, &range).fails.map_or(Ok(()), Err)
    }

    fn befall(&self, operation: Operation, range: &Range<u64>) -> Befalls {
        let mut befalls = Befalls::default();
        let mut faults = self.disk.faults();
        *faults.done.entry(operation).or_default() += 1;
        for (fault, seen) in faults.faults.values_mut() {
            if !fault.matches(operation, &self.path, range) {
                continue;
            }
            *seen += 1;
            if !fault.is_due(*seen - 1) {
                continue;
            }
            match fault.effect {
                Effect::Fails(error) => befalls.fails = befalls.fails.or(Some(error)),
                Effect::Slow(by) => befalls.slow += by,
                Effect::Short(most) => {
                    befalls.short = Some(befalls.short.map_or(most, |it| it.min(most)));
                }
                Effect::Lies(bits) => befalls.lies.push((fault.range.clone(), bits)),
            }
        }
        drop(faults);
        debt::take_time(befalls.slow);
        befalls
    }

    pub(super) fn read(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let range = offset..offset + buffer.len() as u64;
        let befalls = self.befall(Operation::Read, &range);
        if let Some(error) = befalls.fails {
            return Err(error.into());
        }
        let most = befalls.short.map_or(buffer.len(), |most| most.max(1));
        let most = most.min(buffer.len());
        let read = file.read_at(&mut buffer[..most], offset)?;
        for (range, bits) in befalls.lies {
            for (byte, at) in buffer[..read].iter_mut().zip(offset..) {
                if range.contains(&at) {
                    *byte ^= bits;
                }
            }
        }
        Ok(read)
    }

    pub(super) fn read_exact(&self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            match self.read(file, &mut buffer[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn write_all(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let rest = &bytes[done..];
            let befalls = self.befall(Operation::Write, &(at..at + rest.len() as u64));
            match befalls.fails {
                Some(Errno::INTR) => continue,
                Some(error) => return Err(error.into()),
                None => {}
            }
            let most = befalls.short.map_or(rest.len(), |most| most.max(1));
            let some = &rest[..most.min(rest.len())];
            if let Some(judge) = &self.disk.judge {
                judge(&self.path, at, some);
            }
            file.write_all_at(some, at)?;
            done += some.len();
            self.changed(file);
        }
        Ok(())
    }

    pub(super) fn resize(&self, file: &File, length: u64) -> io::Result<()> {
        self.before(Operation::Resize, 0..u64::MAX)?;
        file.set_len(length)?;
        self.changed(file);
        Ok(())
    }

    fn changed(&self, file: &File) {
        if let (Some(clock), Ok(found)) = (&self.disk.clock, rustix::fs::fstat(file)) {
            let identity = Look::of(&found).identity;
            self.disk.faults().changed.insert(identity, clock());
        }
    }

    /// With the times that the disk's own clock gave the file, if it has one.
    pub(super) fn stamped(&self, mut look: Look) -> Look {
        if self.disk.clock.is_some() {
            let faults = self.disk.faults();
            let time = faults.changed.get(&look.identity).copied();
            let time = time.unwrap_or_default();
            look.stamp = Stamp {
                written: time,
                changed: time,
            };
        }
        look
    }
}
