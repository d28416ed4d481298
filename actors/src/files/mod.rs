//! The files of contents: every opening, every look and every byte of one goes through here.
//!
//! In the program a [`File`] is a file of the system's and nothing else. In tests and in the
//! simulation a folder can be given a disk that is not well (see `faults`), and whoever works on
//! files sees no difference.

#[cfg(target_os = "linux")]
mod closings;
#[cfg(any(test, feature = "simulation"))]
pub mod faults;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, AtFlags, FileType, Mode, OFlags, SeekFrom, Stat};
use rustix::io::Errno;

#[cfg(target_os = "linux")]
pub(crate) use self::closings::{Closing, Closings};
#[cfg(any(test, feature = "simulation"))]
use self::faults::{OnDisk, Operation};

/// Nobody tells of closings here.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(crate) struct Closing;

#[cfg(not(target_os = "linux"))]
#[derive(Debug, Default)]
pub(crate) struct Closings;

#[cfg(not(target_os = "linux"))]
impl Closing {
    const fn of(_: BorrowedFd<'_>, _: &Arc<Closings>) -> Option<Self> {
        None
    }

    pub(crate) const fn was_closed(&self) -> bool {
        false
    }

    pub(crate) const fn take(&self) -> bool {
        false
    }
}

/// 1,000 holes of a file are looked for: one that others have written to in so many places is read.
const MAX_HOLES: usize = 1_000;

/// An open file of a content, or a scratch file for one.
#[derive(Debug)]
pub(crate) struct File {
    file: fs::File,
    /// The disk that a test gave to the folder it lies in.
    #[cfg(any(test, feature = "simulation"))]
    disk: Option<OnDisk>,
}

/// When a file was last written (`mtime`), and when anything of it was last changed (`ctime`, which no
/// program can set back), in seconds and nanoseconds.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Stamp {
    written: (i64, i64),
    changed: (i64, i64),
}

/// What a look at a file shows.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Look {
    pub(crate) length: u64,
    pub(crate) kind: FileType,
    /// Which file it is, whatever its name.
    pub(crate) identity: Identity,
    pub(crate) stamp: Stamp,
}

/// The device and the number of a file.
#[derive(Copy, Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Look {
    #[allow(
        clippy::unnecessary_cast,
        reason = "the system's numbers differ from one to the next"
    )]
    fn of(file: &Stat) -> Self {
        Self {
            length: file.st_size as u64,
            kind: FileType::from_raw_mode(file.st_mode),
            identity: Identity {
                device: file.st_dev as u64,
                inode: file.st_ino as u64,
            },
            stamp: Stamp {
                written: (file.st_mtime as i64, file.st_mtime_nsec as i64),
                changed: (file.st_ctime as i64, file.st_ctime_nsec as i64),
            },
        }
    }
}

/// Looks at what a path leads to.
///
/// # Errors
/// The system's.
pub(crate) fn look(path: &Path) -> io::Result<Look> {
    look_with(|| Some(path.to_owned()), || Ok(rustix::fs::stat(path)?))
}

/// Looks at what a folder has under a path, a symbolic link being one.
///
/// # Errors
/// The system's.
pub(crate) fn look_at(within: BorrowedFd<'_>, path: &str) -> rustix::io::Result<Look> {
    let found = || rustix::fs::statat(within, path, AtFlags::SYMLINK_NOFOLLOW);
    look_with(|| path_of(within).map(|folder| folder.join(path)), found)
}

/// Looks at what is open.
///
/// # Errors
/// The system's.
pub(crate) fn look_open(file: BorrowedFd<'_>) -> io::Result<Look> {
    let found = rustix::fs::fstat(file)?;
    look_with(|| path_of(file), || Ok(found))
}

/// Opens what a folder has under a name.
///
/// # Errors
/// The system's.
pub(crate) fn open_at(
    within: BorrowedFd<'_>,
    name: &str,
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<File> {
    #[cfg(any(test, feature = "simulation"))]
    if let Some(path) = path_of(within).map(|folder| folder.join(name)) {
        faults::before_opening(&path, flags.intersects(OFlags::RDWR | OFlags::WRONLY))?;
    }
    Ok(rustix::fs::openat(within, name, flags, mode)?.into())
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        #[cfg(any(test, feature = "simulation"))]
        faults::before_opening(path, false)?;
        Ok(fs::File::open(path)?.into())
    }

    /// Opens a file for reading and writing; creates it if it is missing.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn open_or_create(path: &Path) -> io::Result<Self> {
        #[cfg(any(test, feature = "simulation"))]
        faults::before_opening(path, true)?;
        let mut options = fs::File::options();
        options.read(true).write(true).create(true).truncate(false);
        Ok(options.open(path)?.into())
    }

    /// Makes a file without a name in that folder.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn unnamed(folder: &Path) -> io::Result<Self> {
        #[cfg(any(test, feature = "simulation"))]
        faults::before_opening(&folder.join("scratch"), true)?;
        Ok(tempfile::tempfile_in(folder)?.into())
    }

    /// What the file is now.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn look(&self) -> io::Result<Look> {
        #[cfg(any(test, feature = "simulation"))]
        if let Some(disk) = &self.disk {
            disk.before(Operation::Look, 0..u64::MAX)?;
            return Ok(disk.stamped(Look::of(&rustix::fs::fstat(&self.file)?)));
        }
        Ok(Look::of(&rustix::fs::fstat(&self.file)?))
    }

    /// Watches who else closes it, where the system tells.
    pub(crate) fn closing(&self, closings: &Arc<Closings>) -> Option<Closing> {
        // What happens on a simulated disk no system knows.
        #[cfg(any(test, feature = "simulation"))]
        if self.disk.is_some() {
            return None;
        }
        Closing::of(self.file.as_fd(), closings)
    }

    /// Gives the file that length.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn set_len(&self, length: u64) -> io::Result<()> {
        #[cfg(any(test, feature = "simulation"))]
        if let Some(disk) = &self.disk {
            return disk.resize(&self.file, length);
        }
        self.file.set_len(length)
    }

    /// Reads some of what is there: no bytes at the end of the file.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        #[cfg(any(test, feature = "simulation"))]
        if let Some(disk) = &self.disk {
            return disk.read(&self.file, buffer, offset);
        }
        self.file.read_at(buffer, offset)
    }

    /// Fills the buffer.
    ///
    /// # Errors
    /// The file ends before, or the disk fails.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        #[cfg(any(test, feature = "simulation"))]
        if let Some(disk) = &self.disk {
            return disk.read_exact(&self.file, buffer, offset);
        }
        self.file.read_exact_at(buffer, offset)
    }

    /// Writes all of the bytes.
    ///
    /// # Errors
    /// No room, or the disk fails. Some of them may have been written.
    pub(crate) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        #[cfg(any(test, feature = "simulation"))]
        if let Some(disk) = &self.disk {
            return disk.write_all(&self.file, bytes, offset);
        }
        self.file.write_all_at(bytes, offset)
    }

    /// The parts of this range to which nobody has written anything: they read as zeros. Looks at this
    /// moment: what is no hole may be written to by somebody else. None where the system does not tell.
    pub(crate) fn holes(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut holes = Vec::new();
        let mut at = range.start;
        while at < range.end && holes.len() < MAX_HOLES {
            let data = match rustix::fs::seek(&self.file, SeekFrom::Data(at)) {
                Ok(data) => data.clamp(at, range.end),
                // Nothing is written from there on.
                Err(Errno::NXIO) => range.end,
                Err(_) => break,
            };
            if at < data {
                holes.push(at..data);
            }
            at = match rustix::fs::seek(&self.file, SeekFrom::Hole(data)) {
                Ok(hole) if hole > data => hole,
                _ => break,
            };
        }
        holes
    }

    /// Reads of this range are to come from the disk, not from what the system remembers of it.
    /// Advice, which the system may not take. What was not written back yet stays.
    pub(crate) fn forget(&self, offset: u64, length: u64) {
        let length = NonZeroU64::new(length);
        let _ = rustix::fs::fadvise(&self.file, offset, length, Advice::DontNeed);
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl From<fs::File> for File {
    fn from(file: fs::File) -> Self {
        Self {
            #[cfg(any(test, feature = "simulation"))]
            disk: OnDisk::of(&file),
            file,
        }
    }
}

impl From<OwnedFd> for File {
    fn from(file: OwnedFd) -> Self {
        fs::File::from(file).into()
    }
}

#[cfg(not(any(test, feature = "simulation")))]
fn look_with<E>(
    _: impl FnOnce() -> Option<PathBuf>,
    find: impl FnOnce() -> Result<Stat, E>,
) -> Result<Look, E> {
    find().map(|found| Look::of(&found))
}

#[cfg(any(test, feature = "simulation"))]
fn look_with<E: From<Errno>>(
    path: impl FnOnce() -> Option<PathBuf>,
    find: impl FnOnce() -> Result<Stat, E>,
) -> Result<Look, E> {
    let disk = path().and_then(|path| OnDisk::at(&path));
    if let Some(disk) = &disk {
        disk.before(Operation::Look, 0..u64::MAX)?;
    }
    let found = find().map(|found| Look::of(&found))?;
    Ok(disk.map_or(found, |disk| disk.stamped(found)))
}

/// Where a descriptor leads to, as far as the system tells; asked only where disks can be given.
#[cfg(any(test, feature = "simulation"))]
fn path_of(file: BorrowedFd<'_>) -> Option<PathBuf> {
    use std::os::fd::AsRawFd;
    if faults::are_none() {
        return None;
    }
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
}

#[cfg(not(any(test, feature = "simulation")))]
const fn path_of(_: BorrowedFd<'_>) -> Option<PathBuf> {
    None
}
