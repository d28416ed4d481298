//! Says from outside whether a file holds what it should.
//!
//! A fleet is asked every few milliseconds, so a wrong file must cost little: the judge remembers
//! where it was wrong last and looks there first. Before it says yes it has read the whole file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::content::Content;

/// What is read at once from a file, in bytes.
const CHUNK: usize = 16 * 1024;

/// The judge of one file.
#[derive(Debug)]
pub struct Judge {
    path: PathBuf,
    wrong_at: usize,
}

impl Judge {
    /// A judge who has seen nothing yet.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            wrong_at: 0,
        }
    }

    /// Whether the file is byte-identical to the content now.
    pub fn is_identical(&mut self, content: &Content) -> bool {
        self.look(content).unwrap_or(false)
    }

    fn look(&mut self, content: &Content) -> io::Result<bool> {
        let file = File::open(&self.path)?;
        if file.metadata()?.len() != content.size() as u64 {
            return Ok(false);
        }
        // First from the last known fault to the end, then from the start.
        for range in [self.wrong_at..content.size(), 0..content.size()] {
            if let Some(offset) = first_difference(&file, content, range)? {
                self.wrong_at = offset;
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The offset of the first chunk of a range in which a file is not the content.
fn first_difference(
    file: &File,
    content: &Content,
    range: std::ops::Range<usize>,
) -> io::Result<Option<usize>> {
    let mut buffer = vec![0; CHUNK];
    let mut offset = range.start;
    while offset < range.end {
        let length = CHUNK.min(range.end - offset);
        file.read_exact_at(&mut buffer[..length], offset as u64)?;
        if buffer[..length] != content.bytes()[offset..offset + length] {
            return Ok(Some(offset));
        }
        offset += length;
    }
    Ok(None)
}

/// The numbers of the parts of a file that are right now.
pub fn right_parts(path: &Path, content: &Content) -> Vec<bool> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let mut here = bytes.chunks(content.part_size());
    content
        .parts()
        .map(|part| here.next() == Some(part))
        .collect()
}
