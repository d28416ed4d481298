//! What a folder keeps of files that nobody selected: the bytes in pieces that it fetches for the
//! files next to them.
//!
//! Such a piece must be here as a whole, to be verified after a restart and to be served, and the
//! file that was not selected must not stand there half, under its full name. So its bytes go to a
//! hidden file in the folder, `.INFOHASH.parts`. Only the first and the last piece of a file can
//! hold bytes of another one. Each file has a place for these two in the hidden file, whether it is
//! selected or not: so another choice finds there what an earlier one left. Nothing in it is
//! believed; the check hashes it like everything else.

use std::io;
use std::ops::Range;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Mode, unlinkat};
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::{FileEntry, FileKind, Info, Selection};

use super::beneath::{self, Opened};
use crate::files::{File, Stamp, look_at};
use crate::private;

/// Where the bytes at the edges of files have their place.
#[derive(Debug)]
pub(super) struct Edges {
    piece_length: u64,
    selection: Selection,
    /// Where the edges of each file begin in the hidden file, by its number in the list.
    places: Vec<u64>,
}

/// A part of a file, all of which is kept in one way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Part {
    /// Which bytes of the file.
    pub(super) bytes: Range<u64>,
    /// Where they begin in the hidden file, if they are at an edge.
    pub(super) edge: Option<u64>,
    /// It takes a piece that is selected.
    pub(super) is_selected: bool,
}

/// The hidden file.
#[derive(Debug)]
pub(super) struct Parts {
    name: String,
    opened: Opened,
}

impl Edges {
    pub(super) fn new(info: &Info, selection: &Selection) -> Self {
        let piece_length = u64::from(info.layout().piece_length());
        let mut end = 0;
        let places = info.files().iter().map(|file| {
            let place = end;
            if file.kind == FileKind::Regular {
                let (first, last) = edges(&file, piece_length);
                end += first + last;
            }
            place
        });
        Self {
            piece_length,
            places: places.collect(),
            selection: selection.clone(),
        }
    }

    /// A file cut where its edges end: into three parts at most, none of them empty.
    pub(super) fn cut(&self, number: usize, file: &FileEntry<'_>) -> Vec<Part> {
        let place = self.places.get(number).copied().unwrap_or_default();
        let (first, last) = edges(file, self.piece_length);
        let inner = first..file.length - last;
        let parts = [
            (0..first, Some(place)),
            (inner.clone(), None),
            (inner.end..file.length, Some(place + first)),
        ];
        let part = |(bytes, edge): (Range<u64>, Option<u64>)| {
            let piece = (file.offset + bytes.start) / self.piece_length;
            // Numbers of pieces fit 32 bits: the layout has so many.
            let piece = PieceIndex::new(piece as u32);
            Part {
                bytes,
                edge,
                is_selected: self.selection.pieces().contains(piece),
            }
        };
        let parts = parts.into_iter().filter(|(bytes, _)| !bytes.is_empty());
        parts.map(part).collect()
    }

    /// The same, as far as it lies in this range of the file.
    pub(super) fn cut_range(
        &self,
        number: usize,
        file: &FileEntry<'_>,
        range: &Range<u64>,
    ) -> Vec<Part> {
        let clip = |part: Part| {
            let start = part.bytes.start.max(range.start);
            let end = part.bytes.end.min(range.end);
            (start < end).then(|| Part {
                edge: part.edge.map(|edge| edge + (start - part.bytes.start)),
                bytes: start..end,
                is_selected: part.is_selected,
            })
        };
        let parts = self.cut(number, file);
        parts.into_iter().filter_map(clip).collect()
    }

    /// Does any byte of a file that is not selected belong to a piece that is?
    pub(super) fn are_needed(&self, info: &Info) -> bool {
        if self.selection.is_all() || self.selection.is_none() {
            return false;
        }
        let mut files = info.files().iter().enumerate();
        files.any(|(number, file)| {
            let is_other = file.kind == FileKind::Regular && !self.selection.has_file(number);
            is_other && self.cut(number, &file).iter().any(|part| part.is_selected)
        })
    }
}

/// How many bytes of a file lie in its first piece, and in its last if that is another one.
fn edges(file: &FileEntry<'_>, piece_length: u64) -> (u64, u64) {
    let end = file.offset + file.length;
    let first = ((file.offset / piece_length + 1) * piece_length).min(end) - file.offset;
    let rest = file.length - first;
    let last = match end % piece_length {
        0 => piece_length,
        last => last,
    };
    (first, last.min(rest))
}

impl Parts {
    /// Opens the hidden file in the content's folder; creates it if so asked, and else there may be
    /// none.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn open(
        root: BorrowedFd<'_>,
        info: &Info,
        create: bool,
    ) -> Result<Option<Self>, (String, io::Error)> {
        let name = format!(".{}.parts", info.info_hash());
        let mode = create.then(|| Mode::from_raw_mode(0o600));
        match beneath::file(root, &name, mode) {
            Ok(opened) => {
                // It is no file of the content, and holds bytes of such as may be kept from others.
                // An earlier version left it to the umask. If it belongs to somebody else, so be it.
                let _ = private::tighten_open(&opened.file);
                Ok(Some(Self { name, opened }))
            }
            Err(error) if !create && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err((name, error)),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Why it can only be read, if so.
    pub(super) const fn refusal(&self) -> Option<rustix::io::Errno> {
        self.opened.refusal
    }

    /// Fills `buffer`; what was never written is zeros.
    pub(super) fn read_at(&self, buffer: &mut [u8], place: u64) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            let at = place + filled as u64;
            match self.file().read_at(&mut buffer[filled..], at) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        buffer[filled..].fill(0);
        Ok(())
    }

    pub(super) fn write_at(&self, bytes: &[u8], place: u64) -> io::Result<()> {
        self.file().write_all_at(bytes, place)
    }

    /// Is it still the file of that name?
    pub(super) fn is_still(&self, root: BorrowedFd<'_>) -> bool {
        match (self.file().look(), look_at(root, &self.name)) {
            (Ok(ours), Ok(theirs)) => ours.identity == theirs.identity,
            _ => false,
        }
    }

    /// When it was last changed, if the system tells.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        self.file().look().ok().map(|it| it.stamp)
    }

    /// Takes the name away: everything is selected, and nothing is left to be kept in it.
    pub(super) fn remove(self, root: BorrowedFd<'_>) -> io::Result<()> {
        Ok(unlinkat(root, &self.name, AtFlags::empty())?)
    }

    pub(super) const fn file(&self) -> &File {
        &self.opened.file
    }
}

#[cfg(test)]
mod tests {
    use swarmlet_protocol::id::PieceHash;
    use swarmlet_protocol::metainfo::NewFile;

    use super::*;

    #[test]
    fn a_file_is_cut_at_its_first_and_its_last_piece() {
        let file = |path, length| NewFile {
            path,
            length,
            is_executable: false,
        };
        // Pieces of 4: the files are 0..3, 3..17, 17..18, 18..18, 18..24.
        let files = [
            file("a", 3),
            file("b", 14),
            file("c", 1),
            file("d", 0),
            file("e", 6),
        ];
        let info = Info::folder("x", &files, 4, &[PieceHash([0; 20]); 6]).unwrap();
        let selection = Selection::of(&info, |_, file| file.path == "a" || file.path == "e");
        let edges = Edges::new(&info, &selection);
        let cut = |number: usize| {
            let parts = edges.cut(number, &info.files().get(number).unwrap());
            let part = |part: Part| (part.bytes, part.edge, part.is_selected);
            parts.into_iter().map(part).collect::<Vec<_>>()
        };
        assert_eq!(cut(0), [(0..3, Some(0), true)]);
        let middle = [
            (0..1, Some(3), true),
            (1..13, None, false),
            (13..14, Some(4), true),
        ];
        assert_eq!(cut(1), middle);
        assert_eq!(cut(2), [(0..1, Some(5), true)]);
        assert_eq!(cut(3), []);
        assert_eq!(cut(4), [(0..2, Some(6), true), (2..6, Some(8), true)]);
        let parts = edges.cut_range(1, &info.files().get(1).unwrap(), &(12..14));
        let edges_of: Vec<_> = parts.iter().map(|part| part.edge).collect();
        assert_eq!(edges_of, [None, Some(4)]);
        assert!(edges.are_needed(&info));
        assert!(!Edges::new(&info, &Selection::none(&info)).are_needed(&info));
    }
}
