//! A scratch file: where the parts of one long piece wait until the piece is whole.
//!
//! It has no name from the start, so that nothing is left of it however the process ends; it goes
//! when it is dropped. What is in it was not verified; only [`Scratch::copy`] takes bytes out, and
//! its caller has seen the hash before.

use std::io;
use std::path::PathBuf;

use swarmlet_hashing::Hasher;
use swarmlet_protocol::id::PieceHash;

use super::content::Content;
use super::jobs::BUFFER;
use crate::files::File;
use crate::reason::reason;

/// An open file without a name.
#[derive(Debug)]
pub(super) struct Scratch {
    file: File,
}

/// Which side of a copy failed.
#[derive(Debug)]
pub(super) enum Copying {
    /// The scratch file cannot be read.
    Read(io::Error),
    /// The content cannot be written.
    Write(io::Error),
}

impl Scratch {
    /// Makes one in the first of these folders in which that is possible.
    ///
    /// # Errors
    /// One line that names the folders and what stood in the way in each, and the remedy.
    pub(super) fn create(folders: &[PathBuf]) -> Result<Self, String> {
        let mut refusals = Vec::new();
        for folder in folders {
            match File::unnamed(folder) {
                Ok(file) => return Ok(Self { file }),
                Err(error) => refusals.push(format!("{}: {}", folder.display(), reason(&error))),
            }
        }
        Err(format!(
            "cannot keep an unfinished piece ({}); a writable state directory is needed",
            refusals.join(", ")
        ))
    }

    /// Writes bytes at their place in the piece.
    pub(super) fn write(&self, begin: u32, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, u64::from(begin))
    }

    /// The hash of the first `length` bytes.
    pub(super) fn hash(&self, length: u32) -> io::Result<PieceHash> {
        let mut hasher = Hasher::new();
        self.each_step(length, |bytes, _| {
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(PieceHash(hasher.finish()))
    }

    /// Copies the first `length` bytes to these places of the file.
    pub(super) fn copy(&self, length: u32, file: &Content, places: &[u64]) -> Result<(), Copying> {
        let mut unwritten = None;
        let copied = self.each_step(length, |bytes, at| {
            let written = places
                .iter()
                .try_for_each(|place| file.write_at(bytes, place + at));
            written.map_err(|error| {
                unwritten = Some(error);
                io::Error::other("not written")
            })
        });
        copied.map_err(|error| match unwritten {
            Some(error) => Copying::Write(error),
            None => Copying::Read(error),
        })
    }

    fn each_step(
        &self,
        length: u32,
        mut step: impl FnMut(&[u8], u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let length = u64::from(length);
        let mut buffer = vec![0; BUFFER];
        let mut at = 0;
        while at < length {
            let part = BUFFER.min((length - at) as usize);
            self.file.read_exact_at(&mut buffer[..part], at)?;
            step(&buffer[..part], at)?;
            at += part as u64;
        }
        Ok(())
    }
}
