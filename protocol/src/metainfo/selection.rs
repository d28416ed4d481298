//! Which files of a content are wanted, and which pieces it takes to have them.
//!
//! Pieces know nothing of files: the first and the last piece of a wanted file may hold bytes of
//! files that are not, and are fetched as a whole all the same, or their hashes could not be
//! compared. Invariants: a piece is selected exactly if a byte of a wanted file lies in it, or if
//! every file is wanted; an empty file and padding have no pieces of their own.

use std::ops::Range;
use std::sync::Arc;

use super::files::{FileEntry, FileKind};
use super::info::Info;
use crate::bitfield::Bitfield;
use crate::layout::PieceIndex;

/// A choice among the files of one content. Cheap to clone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Selection {
    /// By number in the list; none if all are wanted.
    wanted: Option<Arc<[bool]>>,
    pieces: Arc<Bitfield>,
    files: usize,
    bytes: u64,
}

impl Selection {
    /// Everything.
    #[must_use]
    pub fn all(info: &Info) -> Self {
        Self::of(info, |_, _| true)
    }

    /// Nothing: what is there is served, and nothing is fetched or written.
    #[must_use]
    pub fn none(info: &Info) -> Self {
        Self::of(info, |_, _| false)
    }

    /// The files of which `wants` says so; it is asked of regular files only, with their numbers in
    /// the list.
    #[must_use]
    pub fn of(info: &Info, mut wants: impl FnMut(usize, &FileEntry<'_>) -> bool) -> Self {
        let layout = info.layout();
        let mut pieces = Bitfield::new(layout.pieces());
        let mut wanted = vec![false; info.files().len()];
        let (mut files, mut bytes, mut is_all) = (0, 0, true);
        for ((number, file), wanted) in info.files().iter().enumerate().zip(&mut wanted) {
            if file.kind != FileKind::Regular {
                continue;
            }
            if !wants(number, &file) {
                is_all = false;
                continue;
            }
            *wanted = true;
            files += 1;
            bytes += file.length;
            for piece in pieces_of(&file, layout.piece_length()) {
                pieces.insert(PieceIndex::new(piece));
            }
        }
        if is_all {
            // What is nothing but padding belongs to everything, too.
            pieces = Bitfield::full(layout.pieces());
        }
        Self {
            wanted: (!is_all).then(|| wanted.into()),
            pieces: pieces.into(),
            files,
            bytes,
        }
    }

    /// Is every file wanted?
    #[must_use]
    pub const fn is_all(&self) -> bool {
        self.wanted.is_none()
    }

    /// Is no file wanted, of those that there are?
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.wanted.is_some() && self.files == 0
    }

    /// Is the file of that number in the list wanted?
    #[must_use]
    pub fn has_file(&self, number: usize) -> bool {
        let wanted = self.wanted.as_ref();
        wanted.is_none_or(|wanted| wanted.get(number).is_some_and(|wanted| *wanted))
    }

    /// The pieces that it takes.
    #[must_use]
    pub fn pieces(&self) -> &Bitfield {
        &self.pieces
    }

    /// How many files are wanted, empty ones among them.
    #[must_use]
    pub const fn files(&self) -> usize {
        self.files
    }

    /// Bytes of the wanted files; their pieces may have more.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// The pieces in which bytes of a file lie.
fn pieces_of(file: &FileEntry<'_>, piece_length: u32) -> Range<u32> {
    if file.length == 0 {
        return 0..0;
    }
    let length = u64::from(piece_length);
    let first = file.offset / length;
    let last = (file.offset + file.length - 1) / length;
    // Numbers of pieces fit 32 bits: the layout has so many.
    first as u32..last as u32 + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::PieceHash;
    use crate::metainfo::NewFile;

    fn info(lengths: &[u64], piece_length: u64) -> Info {
        let paths: Vec<_> = (0..lengths.len()).map(|it| format!("f{it}")).collect();
        let file = |(path, &length): (&'static str, &u64)| NewFile {
            path,
            length,
            is_executable: false,
        };
        let paths = paths.into_iter().map(|path| &*path.leak());
        let files: Vec<_> = paths.zip(lengths).map(file).collect();
        let size: u64 = lengths.iter().sum();
        let hashes = vec![PieceHash([0; 20]); size.div_ceil(piece_length) as usize];
        Info::folder("x", &files, piece_length, &hashes).unwrap()
    }

    fn selected(info: &Info, files: &[usize]) -> Vec<u32> {
        let selection = Selection::of(info, |number, _| files.contains(&number));
        let pieces = selection.pieces().iter();
        pieces.map(|piece| piece.get()).collect()
    }

    #[test]
    fn a_file_takes_the_pieces_that_it_shares_with_others() {
        // Bytes: 0..5, 5..5, 5..20, 20..24; pieces of 4.
        let info = info(&[5, 0, 15, 4], 4);
        assert_eq!(selected(&info, &[0]), [0, 1]);
        assert_eq!(selected(&info, &[1]), Vec::<u32>::new());
        assert_eq!(selected(&info, &[2]), [1, 2, 3, 4]);
        assert_eq!(selected(&info, &[3]), [5]);
        assert_eq!(selected(&info, &[0, 3]), [0, 1, 5]);
        let some = Selection::of(&info, |number, _| number < 2);
        assert_eq!((some.files(), some.bytes()), (2, 5));
        assert!(some.has_file(1) && !some.has_file(2) && !some.has_file(9));
        assert!(!some.is_all() && !some.is_none());
        assert!(Selection::none(&info).is_none() && Selection::none(&info).pieces().is_empty());
    }

    #[test]
    fn everything_is_every_piece_though_some_are_padding() {
        let padded = b"d5:filesld6:lengthi3e4:pathl1:aeed4:attr1:p6:lengthi9e4:pathl1:9ee\
                       e4:name1:x12:piece lengthi4e6:pieces60:";
        let mut raw = padded.to_vec();
        raw.extend([0; 60]);
        raw.push(b'e');
        let info = Info::parse(raw.into()).unwrap();
        let all = Selection::all(&info);
        assert!(all.is_all() && all.pieces().is_full());
        assert_eq!((all.files(), all.bytes()), (1, 3));
        assert!(!Selection::none(&info).is_all());
    }

    proptest! {
        #[test]
        fn a_piece_is_selected_exactly_if_a_wanted_byte_lies_in_it(
            files in prop::collection::vec((0_u64..20, any::<bool>()), 1..12),
            piece_length in 1_u64..9,
        ) {
            let lengths: Vec<_> = files.iter().map(|(length, _)| *length).collect();
            let info = info(&lengths, piece_length);
            let selection = Selection::of(&info, |number, _| files[number].1);
            let mut expected = Bitfield::new(info.layout().pieces());
            for (file, (_, wanted)) in info.files().iter().zip(&files) {
                for byte in (file.offset..file.offset + file.length).filter(|_| *wanted) {
                    expected.insert(PieceIndex::new((byte / piece_length) as u32));
                }
            }
            prop_assert_eq!(selection.pieces(), &expected);
        }
    }
}
