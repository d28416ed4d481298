//! A folder of files: the content's bytes, spread over them one file after the other.
//!
//! Files are opened when they are used, and a bounded number stays open (see `recent`); each is
//! opened without following links (see `beneath`), and must be the one that was found when the
//! folder was opened. Padding is in no file: it reads as zeros, and is not written. Symbolic links
//! of the list are not created. Files that are not in the list are left alone.
//!
//! Files that are not selected are never written, created or resized: what is there of them is
//! read, and their bytes in pieces that were fetched for others lie in a hidden file (see `parts`).

mod opening;
#[cfg(test)]
mod selected_tests;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fs::{FileType, FsWord, Mode, OFlags, fstatfs};
use rustix::io::Errno;
use swarmlet_protocol::metainfo::{FileEntry, FileKind, Files, Info, Selection, Span};

use self::opening::Opening;
use super::beneath::{self, Opened};
use super::content::{FileError, complaint};
use super::fresh::{Fresh, FreshBytes};
use super::parts::{Edges, Part, Parts};
use super::recent::{MAX_OPEN_FILES, Recent};
use super::stamps::Stamps;
use crate::files::{self, File, Identity, Look, look_at};
use crate::maps::HashMap;

/// 1,000 files of a folder are looked at from outside at once, and those that are open: a few
/// thousandths of a second. So a change of one in 100,000 is noticed within a minute.
const LOOKED_AT: usize = 1_000;

/// An open folder, whose files have the right lengths.
#[derive(Debug)]
pub(super) struct ContentFolder {
    path: PathBuf,
    root: OwnedFd,
    files: Files,
    selection: Selection,
    edges: Edges,
    /// Holds bytes of files that are not selected.
    parts: Option<Parts>,
    /// Which file was found at each place of the list; none where nothing is kept.
    found: Vec<Option<Identity>>,
    /// A file that was closed may have another number when it is opened again: numbers say nothing.
    is_renumbered: bool,
    recent: Recent,
    /// Why one of the files can be read only, if so.
    read_only: Option<String>,
    fresh: Fresh,
    stamps: Stamps,
    /// A file was not what it had been when it was opened again.
    is_suspect: AtomicBool,
    /// Where the next look at the files begins.
    next_look: AtomicUsize,
}

impl ContentFolder {
    /// Opens or creates the folder and everything in it, and gives every file its length: a longer
    /// one is cut, a shorter one extended by zeros that take no room. A file that cannot be written
    /// is all right if it has the right length. All of this for what is selected only.
    pub(super) fn open(path: &Path, info: &Info, selection: &Selection) -> Result<Self, String> {
        let root = open_root(path, !selection.is_none())
            .map_err(|error| complaint("open", path, &error))?;
        let files = info.files().clone();
        let edges = Edges::new(info, selection);
        let parts = Parts::open(root.as_fd(), info, edges.are_needed(info))
            .map_err(|(name, error)| complaint("open", &path.join(name), &error))?;
        let is_renumbered = fstatfs(&root).is_ok_and(|it| renumbers(it.f_type));
        let mut opening = Opening {
            path,
            root: &root,
            is_renumbered,
            inner: None,
            found: Vec::with_capacity(files.len()),
            owners: HashMap::default(),
            recent: Recent::default(),
            read_only: None,
            fresh: FreshBytes::default(),
            edges: &edges,
            parts: parts.as_ref(),
        };
        opening.parts_refusal();
        let mut stamps = Vec::with_capacity(files.len() + 1);
        for (number, file) in files.iter().enumerate() {
            let kept = match file.kind {
                FileKind::Regular if selection.has_file(number) => {
                    Some(opening.file(number, file, &files)?)
                }
                FileKind::Regular => opening.other(number, file)?,
                FileKind::Padding => {
                    opening.fresh.add(file.offset..file.offset + file.length);
                    None
                }
                FileKind::Link => None,
            };
            opening.found.push(kept.map(|(identity, _)| identity));
            stamps.push(kept.map(|(_, stamp)| stamp));
        }
        let Opening {
            found,
            recent,
            read_only,
            fresh,
            ..
        } = opening;
        let parts = match parts {
            // Its bytes are in their files by now. Left where it is, it would do no harm.
            Some(parts) if selection.is_all() => {
                let _ = parts.remove(root.as_fd());
                None
            }
            parts => parts,
        };
        // The hidden file comes after all others.
        stamps.push(parts.as_ref().and_then(Parts::stamp));
        let stamps = Stamps::new(stamps.into_iter());
        Ok(Self {
            path: path.to_owned(),
            stamps,
            root,
            files,
            selection: selection.clone(),
            edges,
            parts,
            found,
            is_renumbered,
            recent,
            read_only,
            fresh: fresh.pieces(info.layout()),
            is_suspect: AtomicBool::new(false),
            next_look: AtomicUsize::new(0),
        })
    }

    /// Does something in the moment of a write of ours.
    #[cfg(test)]
    pub(super) fn amid_a_write(&self, number: usize, what: impl FnOnce()) {
        let file = self.opened(number, true).unwrap();
        self.stamps.writing(number, &file.file, what);
    }

    pub(super) fn read_only(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    pub(super) const fn fresh(&self) -> &Fresh {
        &self.fresh
    }

    pub(super) fn file_system(&self) -> io::Result<FsWord> {
        Ok(fstatfs(&self.root)?.f_type)
    }

    /// Looks at the folder, at the files that are open, and at the next of the others.
    pub(super) fn is_still(&self, path: &Path) -> bool {
        self.are_still(path, LOOKED_AT)
    }

    /// Looks at all of it.
    pub(super) fn are_all_still(&self, path: &Path) -> bool {
        self.are_still(path, self.files.len())
    }

    fn are_still(&self, path: &Path, most: usize) -> bool {
        let same_root = match (files::look_open(self.root.as_fd()), files::look(path)) {
            (Ok(ours), Ok(theirs)) => ours.identity == theirs.identity,
            _ => false,
        };
        // Relaxed: the numbers decide by nothing else in memory.
        if !same_root || self.is_suspect.load(Ordering::Relaxed) {
            return false;
        }
        let all = self.files.len();
        let first = self.next_look.fetch_add(most, Ordering::Relaxed) % all;
        if let Some(parts) = &self.parts {
            self.stamps.look(self.hidden(), || parts.stamp());
            if !parts.is_still(self.root.as_fd()) {
                return false;
            }
        }
        let next = (0..most.min(all)).map(|more| (first + more) % all);
        next.chain(self.recent.numbers())
            .all(|number| self.is_still_there(number))
    }

    fn is_still_there(&self, number: usize) -> bool {
        let Some((file, found)) = self.kept(number) else {
            return true;
        };
        let look = || look_at(self.root.as_fd(), file.path);
        self.stamps
            .look(number, || look().ok().map(|now| now.stamp));
        look().is_ok_and(|now| self.is_it(&now, found, file.length))
    }

    /// Did others change a file that has a byte of this range, since [`Self::changed`] was last asked? Asks
    /// those that are open.
    pub(super) fn is_foreign(&self, bytes: Range<u64>) -> bool {
        self.files.spans(bytes).any(|span| {
            if let Some(opened) = self.recent.get(span.file) {
                let look = || opened.file.look().ok().map(|now| now.stamp);
                self.stamps.look(span.file, look);
            }
            self.stamps.is_changed(span.file) || self.is_hidden_foreign(&span)
        })
    }

    /// The same of the hidden file, if it holds bytes of that span.
    fn is_hidden_foreign(&self, span: &Span) -> bool {
        let Some(parts) = &self.parts else {
            return false;
        };
        if self.selection.has_file(span.file) {
            return false;
        }
        self.stamps.look(self.hidden(), || parts.stamp());
        self.stamps.is_changed(self.hidden())
    }

    /// The number of the hidden file among the stamps.
    fn hidden(&self) -> usize {
        self.files.len()
    }

    /// Bytes of the content that lie in the hidden file.
    fn hidden_bytes(&self) -> Vec<Range<u64>> {
        let files = self.files.iter().enumerate();
        let others = files.filter(|(number, it)| {
            it.kind == FileKind::Regular && !self.selection.has_file(*number)
        });
        let ranges = others.flat_map(|(number, file)| {
            let cut = self.edges.cut(number, &file).into_iter();
            let hidden = cut.filter(|part| part.is_selected && part.edge.is_some());
            hidden.map(move |part| file.offset + part.bytes.start..file.offset + part.bytes.end)
        });
        ranges.collect()
    }

    /// Bytes of the content that lie in files that others changed in place, as far as
    /// [`Self::is_still`] and our writes have seen since this was last asked.
    pub(super) fn changed(&self) -> Vec<Range<u64>> {
        self.bytes_of(self.stamps.changed())
    }

    /// The same of those that others changed since this was last asked, however often
    /// [`Self::changed`] was.
    pub(super) fn met(&self) -> Vec<Range<u64>> {
        self.bytes_of(self.stamps.met())
    }

    fn bytes_of(&self, numbers: Vec<usize>) -> Vec<Range<u64>> {
        let hidden = numbers.contains(&self.hidden());
        let files = numbers.into_iter().filter_map(|it| self.files.get(it));
        let mut ranges: Vec<_> = files
            .map(|file| file.offset..file.offset + file.length)
            .collect();
        if hidden {
            ranges.extend(self.hidden_bytes());
        }
        ranges
    }

    /// Reads of this range are to come from the disk, not from what the system remembers of it.
    pub(super) fn forget(&self, offset: u64, length: u64) {
        for span in self.files.spans(offset..offset + length) {
            if let Some(opened) = self.recent.get(span.file) {
                opened.file.forget(span.offset, span.length);
            }
        }
    }

    /// A file that is there, and which one it is.
    fn kept(&self, number: usize) -> Option<(FileEntry<'_>, Identity)> {
        Some((self.files.get(number)?, *self.found.get(number)?.as_ref()?))
    }

    /// Is that the file that was found, at its length?
    fn is_it(&self, now: &Look, found: Identity, length: u64) -> bool {
        let is_regular = now.kind == FileType::RegularFile;
        let is_same = self.is_renumbered || now.identity == found;
        is_regular && is_same && now.length == length
    }

    /// Are there more files in these ranges than stay open?
    pub(super) fn are_scattered(&self, ranges: impl Iterator<Item = Range<u64>>) -> bool {
        let spans = ranges.flat_map(|range| self.files.spans(range));
        spans.take(MAX_OPEN_FILES + 1).count() > MAX_OPEN_FILES
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        for span in self.files.spans(range(offset, buffer.len())) {
            let part = place(&span);
            buffer[done..part.start].fill(0);
            done = part.end;
            let bytes = &mut buffer[part];
            if self.selection.has_file(span.file) {
                self.on_file(&span, false, |file| file.read_exact_at(bytes, span.offset))?;
            } else {
                self.read_other(&span, bytes)?;
            }
        }
        buffer[done..].fill(0);
        Ok(())
    }

    /// Reads bytes of a file that is not selected, from wherever they are. What is nowhere is zeros.
    fn read_other(&self, span: &Span, buffer: &mut [u8]) -> io::Result<()> {
        let mut rest = buffer;
        for part in self.cut(span) {
            let (bytes, after) = rest.split_at_mut((part.bytes.end - part.bytes.start) as usize);
            rest = after;
            match (&self.parts, part.edge) {
                (Some(parts), Some(edge)) if part.is_selected => {
                    self.on_parts(parts, || parts.read_at(bytes, edge))?
                }
                _ if self.kept(span.file).is_some() => {
                    let start = part.bytes.start;
                    self.on_file(span, false, |file| file.read_exact_at(bytes, start))?;
                }
                _ => bytes.fill(0),
            }
        }
        Ok(())
    }

    /// Writes bytes of a file that is not selected, in a piece that is.
    fn write_other(&self, span: &Span, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        for part in self.cut(span) {
            let (bytes, after) = rest.split_at((part.bytes.end - part.bytes.start) as usize);
            rest = after;
            match (&self.parts, part.edge) {
                (Some(parts), Some(edge)) if part.is_selected => self.on_parts(parts, || {
                    if let Some(refusal) = parts.refusal() {
                        return Err(refusal.into());
                    }
                    let write = || parts.write_at(bytes, edge);
                    self.stamps.writing(self.hidden(), parts.file(), write)
                })?,
                _ => return Err(io::Error::other("bug: a piece that is not selected")),
            }
        }
        Ok(())
    }

    fn cut(&self, span: &Span) -> Vec<Part> {
        let range = span.offset..span.offset + span.length;
        let file = self.files.get(span.file);
        file.map_or_else(Vec::new, |file| {
            self.edges.cut_range(span.file, &file, &range)
        })
    }

    /// Does something with the hidden file; an error names it.
    fn on_parts(&self, parts: &Parts, what: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        what().map_err(|source| {
            let path = self.path.join(parts.name());
            io::Error::other(FileError { path, source })
        })
    }

    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        for span in self.files.spans(range(offset, bytes.len())) {
            let part = place(&span);
            refuse_bytes(&bytes[done..part.start])?;
            done = part.end;
            let bytes = &bytes[part];
            if !self.selection.has_file(span.file) {
                self.write_other(&span, bytes)?;
                continue;
            }
            self.on_file(&span, true, |file| {
                let write = || file.write_all_at(bytes, span.offset);
                self.stamps.writing(span.file, file, write)
            })?;
        }
        refuse_bytes(&bytes[done..])
    }

    /// Does something with the file of a span; an error names the file.
    fn on_file(
        &self,
        span: &Span,
        writes: bool,
        what: impl FnOnce(&File) -> io::Result<()>,
    ) -> io::Result<()> {
        let done = self
            .opened(span.file, writes)
            .and_then(|opened| what(&opened.file));
        done.map_err(|source| {
            if source.kind() == io::ErrorKind::UnexpectedEof {
                // It is shorter than it was: whoever looks next opens all anew.
                self.is_suspect.store(true, Ordering::Relaxed);
            }
            let path = self.files.get(span.file).map(|file| file.path);
            let path = self.path.join(path.unwrap_or_default());
            io::Error::other(FileError { path, source })
        })
    }

    /// The file, open. One that could only be read is tried again by whoever wants to write.
    fn opened(&self, number: usize, writes: bool) -> io::Result<Arc<Opened>> {
        let is_enough = |opened: &Arc<Opened>| !writes || opened.refusal.is_none();
        if let Some(opened) = self.recent.get(number).filter(is_enough) {
            return Ok(opened);
        }
        let opened = Arc::new(self.open_again(number).inspect_err(|error| {
            let is_passing = |number| PASSING.iter().any(|it| it.raw_os_error() == number);
            if !error.raw_os_error().is_some_and(is_passing) {
                self.is_suspect.store(true, Ordering::Relaxed);
            }
        })?);
        self.recent.put(number, Arc::clone(&opened));
        match opened.refusal {
            Some(refusal) if writes => Err(refusal.into()),
            _ => Ok(opened),
        }
    }

    fn open_again(&self, number: usize) -> io::Result<Opened> {
        let Some((file, found)) = self.kept(number) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let (inner, name) = split(file.path);
        let inner = beneath::folder(self.root.as_fd(), inner, false).map_err(|(_, error)| error)?;
        let within = inner
            .as_ref()
            .map_or_else(|| self.root.as_fd(), AsFd::as_fd);
        let opened = match self.selection.has_file(number) {
            true => beneath::file(within, name, None)?,
            false => beneath::readable(within, name)?,
        };
        let now = opened.file.look()?;
        if !self.is_it(&now, found, file.length) {
            return Err(io::Error::other("was replaced or resized"));
        }
        Ok(opened)
    }
}

/// Errors that say nothing of the file.
const PASSING: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::IO];

/// File systems that number a file anew when it was forgotten meanwhile (`statfs(2)`, and
/// `linux/magic.h`): FAT and exFAT, whose disks have no such numbers, and what other processes
/// provide.
const fn renumbers(magic: FsWord) -> bool {
    const MSDOS: FsWord = 0x4D44;
    const EXFAT: FsWord = 0x2011_BAB0;
    const FUSE: FsWord = 0x6573_5546;
    matches!(magic, MSDOS | EXFAT | FUSE)
}

/// The folder that the host names; it may be a link, for the host said so.
fn open_root(path: &Path, create: bool) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::NOENT) if create => {
            fs::create_dir(path)?;
            Ok(rustix::fs::open(path, flags, Mode::empty())?)
        }
        Err(Errno::NOTDIR) => Err(io::Error::other("is a file; the content is a folder")),
        other => Ok(other?),
    }
}

/// The folder and the name of a path; no folder is the empty text.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn range(offset: u64, length: usize) -> Range<u64> {
    offset..offset + length as u64
}

/// Where the bytes of a span lie in the buffer of the range that it is of: the range fits memory.
const fn place(span: &Span) -> Range<usize> {
    let begin = span.begin as usize;
    begin..begin + span.length as usize
}

/// Padding that is not zeros could not be read back.
fn refuse_bytes(padding: &[u8]) -> io::Result<()> {
    if padding.iter().all(|&byte| byte == 0) {
        return Ok(());
    }
    Err(io::Error::other(
        "the torrent has padding that is not zeros, which no file holds (BEP 47)",
    ))
}
