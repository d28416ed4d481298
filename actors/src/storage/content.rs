//! The content on disk, whether it is a single file or a folder of files: bytes read and written by
//! their position in the content.
//!
//! Knows nothing of hashes. A single file costs no more than its own calls (see `file`); how a
//! folder is kept stands in `folder`.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;
use swarmlet_protocol::buffers::{Buffer, Buffers};
use swarmlet_protocol::layout::{Block, Layout, PieceIndex};
use swarmlet_protocol::metainfo::{Info, Selection};
use swarmlet_protocol::text::escaped;

use super::file::ContentFile;
use super::folder::ContentFolder;
use super::fresh::Fresh;
use crate::files::{self, Closings};
use crate::reason::reason;

/// What storage keeps, open and of the right length.
#[derive(Debug)]
pub struct Content {
    layout: Layout,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    File(Box<ContentFile>),
    Folder(Box<ContentFolder>),
}

impl Content {
    /// Opens or creates what is to be kept at that path: the file, or the folder with those of its
    /// files that are selected. What is not selected is only read, as far as it is there. Takes a
    /// while for a folder of many.
    ///
    /// # Errors
    /// One line that names the path and the reason.
    pub fn open(path: &Path, info: &Info, selection: &Selection) -> Result<Self, String> {
        let layout = *info.layout();
        let kind = if info.is_folder() {
            Kind::Folder(ContentFolder::open(path, info, selection)?.into())
        } else if selection.is_none() {
            Kind::File(ContentFile::open_read_only(path, layout)?.into())
        } else {
            Kind::File(ContentFile::open(path, layout)?.into())
        };
        Ok(Self { layout, kind })
    }

    /// Any file, whatever its length: devices too.
    #[cfg(test)]
    pub(super) fn over(path: &Path, layout: Layout) -> Self {
        let kind = Kind::File(ContentFile::over(path, layout).into());
        Self { layout, kind }
    }

    /// Does something in the moment of a write of ours to the file of that number.
    #[cfg(test)]
    pub(super) fn amid_a_write(&self, number: usize, what: impl FnOnce()) {
        match &self.kind {
            Kind::File(file) => file.amid_a_write(what),
            Kind::Folder(folder) => folder.amid_a_write(number, what),
        }
    }

    /// From our first write on it is told who else writes to it: of a single file.
    pub(super) fn watch(&self, closings: &Arc<Closings>) {
        if let Kind::File(file) = &self.kind {
            file.watch(closings);
        }
    }

    /// Why some of it can be read only, if so.
    #[must_use]
    pub fn read_only(&self) -> Option<&str> {
        match &self.kind {
            Kind::File(file) => file.read_only(),
            Kind::Folder(folder) => folder.read_only(),
        }
    }

    /// Is what lies at `path` still this, at its right length? Of a folder of many files some are
    /// looked at, others the next time.
    #[must_use]
    pub fn is_still(&self, path: &Path) -> bool {
        match &self.kind {
            Kind::File(file) => file.is_still(path),
            Kind::Folder(folder) => folder.is_still(path),
        }
    }

    /// The same of every file, however many there are.
    #[must_use]
    pub fn are_all_still(&self, path: &Path) -> bool {
        match &self.kind {
            Kind::File(file) => file.is_still(path),
            Kind::Folder(folder) => folder.are_all_still(path),
        }
    }

    /// What became of it, if [`Self::is_still`] says no.
    pub(super) fn loss(&self, path: &Path) -> &'static str {
        match (&self.kind, files::look(path)) {
            (_, Err(error)) if error.kind() == io::ErrorKind::NotFound => "was deleted",
            (Kind::File(file), Ok(now)) if file.is_it(&now) => "was resized",
            (Kind::File(_), _) => "was replaced",
            (Kind::Folder(_), _) => "has files that were deleted, replaced or resized",
        }
    }

    /// Bytes that others may have changed in place, as far as [`Self::is_still`] and our writes have
    /// seen since this was last asked.
    pub fn changed(&self) -> Vec<Range<u64>> {
        match &self.kind {
            Kind::File(file) if file.is_changed() => {
                std::iter::once(0..self.layout.size()).collect()
            }
            Kind::File(_) => Vec::new(),
            Kind::Folder(folder) => folder.changed(),
        }
    }

    /// Bytes of files that others changed since this was last asked, however often [`Self::changed`] was:
    /// who wrote once may have written more often, and not all of it shows while we write.
    pub(super) fn met(&self) -> Vec<Range<u64>> {
        match &self.kind {
            Kind::File(file) if file.is_met() => std::iter::once(0..self.layout.size()).collect(),
            Kind::File(_) => Vec::new(),
            Kind::Folder(folder) => folder.met(),
        }
    }

    /// Did others change in place what these blocks lie in? What was read of them may be anything.
    pub(super) fn are_foreign(&self, blocks: &[Block]) -> bool {
        match &self.kind {
            Kind::File(file) => file.is_foreign(),
            Kind::Folder(folder) => blocks.iter().any(|block| {
                let start = self.layout.offset(block.piece) + u64::from(block.begin);
                folder.is_foreign(start..start + u64::from(block.length))
            }),
        }
    }

    /// Reads of this range are to come from the disk, not from what the system remembers of it.
    pub(super) fn forget(&self, offset: u64, length: u64) {
        match &self.kind {
            Kind::File(file) => file.forget(offset, length),
            Kind::Folder(folder) => folder.forget(offset, length),
        }
    }

    /// The kind of file system that it lies on: the magic number of `statfs(2)`.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn file_system(&self) -> io::Result<rustix::fs::FsWord> {
        match &self.kind {
            Kind::File(file) => file.file_system(),
            Kind::Folder(folder) => folder.file_system(),
        }
    }

    /// The pieces that are zeros without having been read.
    pub(super) const fn fresh(&self) -> &Fresh {
        match &self.kind {
            Kind::File(file) => file.fresh(),
            Kind::Folder(folder) => folder.fresh(),
        }
    }

    /// Do these pieces lie in more files than stay open? Then it is the opening that takes time, and
    /// no measure of the disk tells.
    pub(super) fn are_scattered(&self, pieces: impl Iterator<Item = PieceIndex>) -> bool {
        let layout = &self.layout;
        let range = |piece| {
            let start = layout.offset(piece);
            start..start + u64::from(layout.length(piece))
        };
        self.is_any_scattered(pieces.map(range))
    }

    /// The same of blocks.
    pub(super) fn are_blocks_scattered(&self, blocks: &[Block]) -> bool {
        let range = |block: &Block| {
            let start = self.offset(block);
            start..start + u64::from(block.length)
        };
        self.is_any_scattered(blocks.iter().map(range))
    }

    fn is_any_scattered(&self, ranges: impl Iterator<Item = Range<u64>>) -> bool {
        match &self.kind {
            Kind::File(_) => false,
            Kind::Folder(folder) => folder.are_scattered(ranges),
        }
    }

    /// Reads blocks one after the other; neighbours in one call.
    ///
    /// # Errors
    /// A file is shorter than it was, or the disk fails.
    pub fn read_blocks(&self, blocks: &[Block], buffers: &Buffers) -> io::Result<Buffer> {
        let total: usize = blocks.iter().map(|block| block.length as usize).sum();
        let mut data = buffers.filled(total);
        let mut rest = &mut *data;
        let mut blocks = blocks.iter().peekable();
        while let Some(first) = blocks.next() {
            let start = self.offset(first);
            let mut length = u64::from(first.length);
            while let Some(next) = blocks.next_if(|next| self.offset(next) == start + length) {
                length += u64::from(next.length);
            }
            let (run, after) = rest.split_at_mut(length as usize);
            self.read_at(run, start)?;
            rest = after;
        }
        Ok(data)
    }

    /// Fills `buffer` from the byte at `offset` on.
    ///
    /// # Errors
    /// A file is shorter than it was, or the disk fails.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        match &self.kind {
            Kind::File(file) => file.read_at(buffer, offset),
            Kind::Folder(folder) => folder.read_at(buffer, offset),
        }
    }

    /// Writes verified bytes.
    ///
    /// # Errors
    /// No room, a file system that became read-only, or a disk that fails.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match &self.kind {
            Kind::File(file) => file.write_at(bytes, offset),
            Kind::Folder(folder) => folder.write_at(bytes, offset),
        }
    }

    fn offset(&self, block: &Block) -> u64 {
        self.layout.offset(block.piece) + u64::from(block.begin)
    }
}

/// What went wrong with one file of a folder.
#[derive(Debug)]
pub(super) struct FileError {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", shown(&self.path), reason(&self.source))
    }
}

impl std::error::Error for FileError {}

/// Does the error say that the disk has lost what was written there, and not that the system is short
/// of something, or the file?
pub(super) fn is_lost(error: &io::Error) -> bool {
    let inner = error
        .get_ref()
        .and_then(|it| it.downcast_ref::<FileError>());
    let number = inner.map_or(error, |inner| &inner.source).raw_os_error();
    const LOST: [Errno; 4] = [Errno::IO, Errno::BADMSG, Errno::NODATA, Errno::ILSEQ];
    number.is_some_and(|number| LOST.iter().any(|it| it.raw_os_error() == number))
}

/// `cannot write PATH: why`. The path is that of the one file that the error is about, if it says.
pub(super) fn complaint(what: &str, path: &Path, error: &io::Error) -> String {
    let inner = error
        .get_ref()
        .and_then(|it| it.downcast_ref::<FileError>());
    match inner {
        Some(inner) => format!("cannot {what} {inner}"),
        None => format!("cannot {what} {}: {}", shown(path), reason(error)),
    }
}

/// A path, fit to be printed: its names may be a stranger's.
pub(super) fn shown(path: &Path) -> String {
    escaped(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use swarmlet_protocol::id::PieceHash;

    use super::*;

    #[test]
    fn blocks_are_read_in_the_order_that_was_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        std::fs::write(&path, "0123456789").unwrap();
        let info = Info::single_file("x", 10, 4, &[PieceHash([0; 20]); 3]).unwrap();
        let content = Content::open(&path, &info, &Selection::all(&info)).unwrap();
        let block = |piece, begin, length| info.layout().block(piece, begin, length).unwrap();
        let blocks = [
            block(1, 2, 2),
            block(2, 0, 2),
            block(0, 0, 4),
            block(1, 0, 2),
            block(0, 1, 1),
        ];
        let read = content.read_blocks(&blocks, &Buffers::default()).unwrap();
        assert_eq!(&*read, b"67890123451");
    }

    #[test]
    fn a_complaint_names_the_file_and_forges_no_line() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let error = complaint("write", Path::new("/srv"), &full());
        assert_eq!(error, "cannot write /srv: no space left on device");
        let inner = FileError {
            path: "/srv/Icon\r".into(),
            source: full(),
        };
        let error = complaint("write", Path::new("/srv"), &io::Error::other(inner));
        assert_eq!(error, "cannot write /srv/Icon\\r: no space left on device");
    }
}
