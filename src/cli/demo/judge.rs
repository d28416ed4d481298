//! Watches one node's file from outside: counts the parts that have become right.
//!
//! It believes only what it reads from the file, never what a node says of itself.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use swarmlet_hashing::Hasher;
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::layout::{Layout, PieceIndex};

use super::content::{Content, PREFIX};
use crate::cli::source::Source;

/// What is known of one file. A part that was right once is not read again before the end.
pub(super) struct Judge {
    path: PathBuf,
    right: Bitfield,
    bytes: u64,
    missing: Vec<PieceIndex>,
    length_right: bool,
}

impl Judge {
    /// Has seen nothing of the file yet.
    pub(super) fn new(path: PathBuf, layout: &Layout) -> Self {
        Self {
            path,
            right: Bitfield::new(layout.pieces()),
            bytes: 0,
            missing: layout.all_pieces().collect(),
            length_right: false,
        }
    }

    /// Reads what was not right before. A file that cannot be read has nothing new.
    pub(super) fn look(&mut self, content: &Content) {
        let Ok(file) = File::open(&self.path) else {
            return;
        };
        let layout = content.layout();
        self.length_right = file
            .metadata()
            .is_ok_and(|data| data.len() == layout.size());
        let (right, bytes) = (&mut self.right, &mut self.bytes);
        self.missing.retain(|&piece| {
            let is_right = is_right(&file, content, piece);
            if is_right && right.insert(piece) {
                *bytes += u64::from(layout.length(piece));
            }
            !is_right
        });
    }

    /// How many parts are right.
    pub(super) const fn right(&self) -> u32 {
        self.right.count()
    }

    /// How many bytes the right parts have.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The parts that are not right yet, in order.
    pub(super) fn missing(&self) -> Vec<u32> {
        self.missing.iter().map(|piece| piece.get()).collect()
    }

    /// Whether every part and the length are right.
    pub(super) const fn is_done(&self) -> bool {
        self.missing.is_empty() && self.length_right
    }

    /// The digest of the whole file as it is now, and its length.
    pub(super) fn digest(&self) -> io::Result<(String, u64)> {
        let mut hash = Hasher::new();
        let mut file = File::open(&self.path)?;
        let length = io::copy(&mut file, &mut Hashing(&mut hash))?;
        let text = hash
            .finish()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok((text, length))
    }
}

struct Hashing<'a>(&'a mut Hasher);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Looks at the first bytes of the part, and only if they are right at the rest.
fn is_right(file: &File, content: &Content, piece: PieceIndex) -> bool {
    let offset = content.layout().offset(piece);
    let expected = content.prefix(piece);
    let mut start = [0; PREFIX];
    let start = &mut start[..expected.len()];
    if file.read_fully(start, offset).ok() != Some(expected.len()) || *start != *expected {
        return false;
    }
    let expected = content.part(piece);
    let mut bytes = vec![0; expected.len()];
    file.read_fully(&mut bytes, offset).is_ok() && bytes == expected
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::os::unix::fs::FileExt;

    use super::*;

    #[test]
    fn a_file_is_done_when_every_part_and_the_length_are_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.bin");
        let content = Content::new(1, Layout::new(250, 100).unwrap());
        let mut judge = Judge::new(path.clone(), content.layout());
        judge.look(&content);
        assert_eq!(judge.missing(), [0, 1, 2]);

        let file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .open(&path)
            .unwrap();
        for (number, done) in [(2, 1), (0, 2), (1, 3)] {
            let piece = PieceIndex::new(number);
            let mut bytes = content.part(piece);
            let offset = content.layout().offset(piece);
            // Half a part, with its start right, does not count.
            file.write_all_at(&bytes[..20], offset).unwrap();
            judge.look(&content);
            assert_eq!(judge.right(), done - 1);
            file.write_all_at(&bytes, offset).unwrap();
            judge.look(&content);
            assert_eq!(judge.right(), done);
            bytes.clear();
        }
        assert!(judge.is_done());
        assert_eq!(judge.bytes(), 250);
        file.set_len(251).unwrap();
        judge.look(&content);
        assert!(!judge.is_done());
    }

    #[test]
    fn the_digest_is_that_of_sha1sum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.bin");
        std::fs::write(&path, "abc").unwrap();
        let judge = Judge::new(path, &Layout::new(3, 3).unwrap());
        let digest = "a9993e364706816aba3e25717850c26c9cd0d89d".to_owned();
        assert_eq!(judge.digest().unwrap(), (digest, 3));
    }
}
