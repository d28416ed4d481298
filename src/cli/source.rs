//! Where the bytes of a content are read from: a file, or the files of a folder one after the other.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Bytes by their position in a content, for several threads at once.
pub(crate) trait Source: Sync {
    /// Fills the buffer from that position on, as far as there are bytes; says how far.
    ///
    /// # Errors
    /// The system's.
    fn read_fully(&self, buffer: &mut [u8], start: u64) -> io::Result<usize>;
}

impl Source for File {
    fn read_fully(&self, buffer: &mut [u8], start: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(&mut buffer[filled..], start + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// The files of a folder. Each is opened when it is read: that costs little beside the reading.
#[derive(Debug, Default)]
pub(crate) struct FolderSource {
    entries: Vec<Entry>,
    size: u64,
    /// The file that could not be read.
    blamed: Mutex<Option<PathBuf>>,
}

#[derive(Debug)]
struct Entry {
    /// None for what is zeros: padding, or a file that is not there.
    path: Option<PathBuf>,
    offset: u64,
    length: u64,
    /// How much of it is there; the rest reads as zeros.
    there: u64,
}

impl FolderSource {
    /// Adds a file of that length.
    pub(crate) fn add(&mut self, path: PathBuf, length: u64) {
        self.add_part(Some(path), length, length);
    }

    /// Adds what is to be so long, and of which so much is there.
    pub(crate) fn add_part(&mut self, path: Option<PathBuf>, length: u64, there: u64) {
        let there = path.as_ref().map_or(0, |_| there.min(length));
        self.entries.push(Entry {
            path,
            offset: self.size,
            length,
            there,
        });
        self.size += length;
    }

    /// Bytes of all files.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// The file that could not be read, if one could not.
    pub(crate) fn blamed(&self) -> Option<PathBuf> {
        self.blamed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Source for FolderSource {
    fn read_fully(&self, buffer: &mut [u8], start: u64) -> io::Result<usize> {
        let end = start + buffer.len() as u64;
        let ends_before = |entry: &Entry| entry.offset + entry.length <= start;
        let first = self.entries.partition_point(ends_before);
        let mut filled = 0;
        for entry in &self.entries[first..] {
            if entry.offset >= end {
                break;
            }
            let at = start.saturating_sub(entry.offset);
            let wanted = (entry.length - at).min(end - start - filled as u64) as usize;
            let part = &mut buffer[filled..filled + wanted];
            filled += wanted;
            let there = (entry.there.saturating_sub(at) as usize).min(wanted);
            let (bytes, zeros) = part.split_at_mut(there);
            zeros.fill(0);
            let Some(path) = entry.path.as_ref().filter(|_| there > 0) else {
                continue;
            };
            let read = File::open(path).and_then(|file| file.read_fully(bytes, at));
            let read = read.and_then(|read| match read == there {
                true => Ok(()),
                false => Err(io::Error::other("it changed while it was read")),
            });
            if read.is_err() {
                let mut blamed = self.blamed.lock().unwrap_or_else(PoisonError::into_inner);
                blamed.get_or_insert_with(|| path.clone());
            }
            read?;
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_blamed() {
        let mut source = FolderSource::default();
        source.add("/nowhere".into(), 3);
        assert!(source.read_fully(&mut [0; 3], 0).is_err());
        assert_eq!(source.blamed(), Some("/nowhere".into()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("short");
        std::fs::write(&path, "ab").unwrap();
        let mut source = FolderSource::default();
        source.add(path.clone(), 3);
        assert!(source.read_fully(&mut [0; 3], 0).is_err());
        assert_eq!(source.blamed(), Some(path));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_range_is_that_of_the_files_in_a_row(
            files in prop::collection::vec((0_usize..9, 0_usize..9, any::<bool>()), 1..9),
            start in 0_usize..60, length in 0_usize..60
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut source = FolderSource::default();
            let mut all: Vec<u8> = Vec::new();
            for (number, &(length, there, exists)) in files.iter().enumerate() {
                let mut bytes: Vec<u8> = (0..there).map(|at| (number * 10 + at + 1) as u8).collect();
                let path = folder.path().join(number.to_string());
                std::fs::write(&path, &bytes).unwrap();
                source.add_part(exists.then_some(path), length as u64, there as u64);
                if !exists {
                    bytes.clear();
                }
                bytes.resize(length, 0);
                all.extend(bytes);
            }
            let mut buffer = vec![0xee; length];
            let read = source.read_fully(&mut buffer, start as u64).unwrap();
            let expected: Vec<u8> = all.iter().skip(start).take(length).copied().collect();
            prop_assert_eq!(&buffer[..read], &expected);
            prop_assert_eq!(source.size(), all.len() as u64);
        }
    }
}
