//! A single file: opened at its right length, read and written by position.
//!
//! Written in place and never renamed over: `/data.bin` may be a single file mounted into a
//! container, where a rename fails with EBUSY.

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustix::fs::FileType;
use swarmlet_protocol::layout::Layout;

use super::fresh::{Fresh, FreshBytes};
use super::stamps::Stamps;
use crate::files::{self, Closing, Closings, File, Look};
use crate::reason::reason;

/// An open file of the right length.
#[derive(Debug)]
pub(super) struct ContentFile {
    /// Tells who else wrote to it, from our first write on. Dropped before the file.
    closing: OnceLock<Option<Closing>>,
    /// With what it is watched, if it is.
    closings: OnceLock<Arc<Closings>>,
    file: File,
    layout: Layout,
    /// Why it can be read only, if so.
    read_only: Option<String>,
    /// Pieces that lay beyond the old end of the file, where nobody has written: they are zeros.
    fresh: Fresh,
    stamps: Stamps,
}

/// What is there, where no content can be. A disk may hold one.
const fn unfit(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::Directory => Some("a directory"),
        FileType::Fifo => Some("a pipe"),
        FileType::CharacterDevice => Some("a device that is no disk"),
        _ => None,
    }
}

impl ContentFile {
    /// Opens or creates the file and gives it the length of the content: a longer file is cut, a
    /// shorter one extended by zeros that take no room. A file that cannot be written is opened
    /// for reading if it has the right length.
    ///
    /// # Errors
    /// One line that names the path and the reason.
    pub(super) fn open(path: &Path, layout: Layout) -> Result<Self, String> {
        let shown = path.display();
        let (file, read_only) = match File::open_or_create(path) {
            Ok(file) => (file, None),
            Err(error) if refuses_writes(&error) => {
                let refusal = format!("cannot write {shown}: {}", reason(&error));
                let file = File::open(path).map_err(|error| match error.kind() {
                    // It could not be made, and that is what is wrong.
                    io::ErrorKind::NotFound => refusal.clone(),
                    _ => format!("cannot read {shown}: {}", reason(&error)),
                })?;
                (file, Some(refusal))
            }
            Err(error) => {
                let missing = path.parent().filter(|folder| !folder.exists());
                return Err(match missing {
                    Some(folder) if error.kind() == io::ErrorKind::NotFound => {
                        let folder = folder.display();
                        format!("cannot make {shown}: there is no folder {folder}; make it")
                    }
                    _ => format!("cannot open {shown}: {}", reason(&error)),
                });
            }
        };
        let found = file
            .look()
            .map_err(|error| format!("cannot read {shown}: {}", reason(&error)))?;
        if let Some(what) = unfit(found.kind) {
            return Err(format!("cannot write {shown}: it is {what}"));
        }
        if found.length != layout.size() {
            if let Some(refusal) = read_only {
                return Err(refusal);
            }
            file.set_len(layout.size())
                .map_err(|error| format!("cannot resize {shown}: {}", reason(&error)))?;
        }
        // What others write from here on shows in the times, and what they wrote before is no hole.
        let stamps = stamps(&file);
        let mut fresh = FreshBytes::default();
        for hole in file.holes(found.length.min(layout.size())..layout.size()) {
            fresh.add(hole);
        }
        Ok(Self {
            closing: OnceLock::new(),
            closings: OnceLock::new(),
            file,
            layout,
            read_only,
            fresh: fresh.pieces(&layout),
            stamps,
        })
    }

    /// Opens a file that is only to be read.
    ///
    /// # Errors
    /// It is not there, has another length, or cannot be read: one line that names the path.
    pub(super) fn open_read_only(path: &Path, layout: Layout) -> Result<Self, String> {
        let shown = path.display();
        let unreadable = |error| format!("cannot read {shown}: {}", reason(&error));
        let file = File::open(path).map_err(unreadable)?;
        let length = file.look().map_err(unreadable)?.length;
        let size = layout.size();
        if length != size {
            return Err(format!(
                "cannot share {shown}: it has {length} bytes and had {size}; it was changed"
            ));
        }
        let stamps = stamps(&file);
        Ok(Self {
            closing: OnceLock::new(),
            closings: OnceLock::new(),
            file,
            layout,
            read_only: None,
            fresh: Fresh::default(),
            stamps,
        })
    }

    /// Any file, whatever its length: devices too.
    #[cfg(test)]
    pub(super) fn over(path: &Path, layout: Layout) -> Self {
        let file = File::open_or_create(path).unwrap();
        let stamps = stamps(&file);
        Self {
            closing: OnceLock::new(),
            closings: OnceLock::new(),
            file,
            layout,
            read_only: None,
            fresh: Fresh::default(),
            stamps,
        }
    }

    /// Does something in the moment of a write of ours.
    #[cfg(test)]
    pub(super) fn amid_a_write(&self, what: impl FnOnce()) {
        self.stamps.writing(0, &self.file, what);
    }

    /// Why the file can be read only, if so.
    pub(super) fn read_only(&self) -> Option<&str> {
        self.read_only.as_deref()
    }

    /// The pieces that are zeros without having been read.
    pub(super) const fn fresh(&self) -> &Fresh {
        &self.fresh
    }

    /// Is the file at `path` still this one, at its right length?
    pub(super) fn is_still(&self, path: &Path) -> bool {
        let stamp = || self.file.look().ok().map(|it| it.stamp);
        self.stamps.look(0, stamp);
        match (self.file.look(), files::look(path)) {
            (Ok(ours), Ok(theirs)) => {
                ours.identity == theirs.identity && ours.length == self.layout.size()
            }
            _ => false,
        }
    }

    /// Is that this file, whatever its length?
    pub(super) fn is_it(&self, found: &Look) -> bool {
        self.file
            .look()
            .is_ok_and(|ours| ours.identity == found.identity)
    }

    /// Did others change it in place, as far as [`Self::is_still`] and our writes have seen since this
    /// was last asked?
    pub(super) fn is_changed(&self) -> bool {
        if self.closing().is_some_and(Closing::take) {
            self.stamps.note(0);
        }
        !self.stamps.changed().is_empty()
    }

    /// Did others change it since this was last asked, however often [`Self::is_changed`] was?
    pub(super) fn is_met(&self) -> bool {
        !self.stamps.met().is_empty()
    }

    /// Did others change it in place since [`Self::is_changed`] was last asked? Asks the file itself.
    pub(super) fn is_foreign(&self) -> bool {
        let stamp = || self.file.look().ok().map(|it| it.stamp);
        self.stamps.look(0, stamp);
        self.stamps.is_changed(0) || self.closing().is_some_and(Closing::was_closed)
    }

    /// From our first write on it is told who else writes.
    pub(super) fn watch(&self, closings: &Arc<Closings>) {
        let _ = self.closings.set(Arc::clone(closings));
    }

    fn closing(&self) -> Option<&Closing> {
        self.closing.get()?.as_ref()
    }

    /// Reads of this range are to come from the disk, not from what the system remembers of it.
    pub(super) fn forget(&self, offset: u64, length: u64) {
        self.file.forget(offset, length);
    }

    /// The kind of file system that it lies on: the magic number of `statfs(2)`.
    ///
    /// # Errors
    /// The system does not tell.
    pub(super) fn file_system(&self) -> io::Result<rustix::fs::FsWord> {
        Ok(rustix::fs::fstatfs(&self.file)?.f_type)
    }

    /// Fills `buffer` from the byte at `offset` on.
    ///
    /// # Errors
    /// The file is shorter than it was, or the disk fails.
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }

    /// Writes verified bytes.
    ///
    /// # Errors
    /// No room, a file system that became read-only, or a disk that fails.
    pub(super) fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.closing.get_or_init(|| {
            let closings = self.closings.get()?;
            self.file.closing(closings)
        });
        let write = || self.file.write_all_at(bytes, offset);
        self.stamps.writing(0, &self.file, write)
    }
}

fn stamps(file: &File) -> Stamps {
    let stamp = file.look().ok().map(|it| it.stamp);
    Stamps::new([stamp].into_iter())
}

fn refuses_writes(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied
    )
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn layout() -> Layout {
        Layout::new(10, 4).unwrap()
    }

    #[test]
    fn the_file_gets_its_length_whatever_it_was() {
        let folder = tempfile::tempdir().unwrap();
        for (name, before) in [
            ("missing", None),
            ("short", Some("abc")),
            ("long", Some("abcdefghijklm")),
        ] {
            let path = folder.path().join(name);
            if let Some(before) = before {
                std::fs::write(&path, before).unwrap();
            }
            let file = ContentFile::open(&path, layout()).unwrap();
            let after = std::fs::read(&path).unwrap();
            assert_eq!(after.len(), 10);
            let kept = before.unwrap_or_default().len().min(10);
            assert_eq!(
                &after[..kept],
                &before.unwrap_or_default().as_bytes()[..kept]
            );
            // Where something is written, its block of the disk is no hole.
            assert_eq!(file.fresh().run(2..3), (before.is_none(), 3));
            assert_eq!(file.fresh().run(0..1).0, before.is_none());
        }
    }

    #[test]
    fn what_others_write_in_the_moment_of_a_write_of_ours_shows_when_they_close_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let file = ContentFile::open(&path, layout()).unwrap();
        let closings = Arc::default();
        file.watch(&closings);
        file.write_at(b"ours", 0).unwrap();
        assert!(!file.is_foreign() && !file.is_changed());
        file.amid_a_write(|| drop(File::open(&path).unwrap()));
        assert!(!file.is_foreign(), "it was only read");
        file.amid_a_write(|| drop(File::options().write(true).open(&path).unwrap()));
        assert!(file.is_foreign() && file.is_foreign());
        assert!(file.is_changed() && !file.is_changed() && !file.is_foreign());
        assert!(file.is_met() && !file.is_met());
        // Another content of the same file, which writes as well.
        let other = ContentFile::open(&path, layout()).unwrap();
        other.watch(&closings);
        other.write_at(b"else", 4).unwrap();
        drop(other);
        assert!(file.is_foreign() && file.is_changed() && !file.is_foreign());
        drop(File::options().write(true).open(&path).unwrap());
        assert!(file.is_changed(), "it is watched still");
    }

    #[test]
    fn a_directory_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = ContentFile::open(folder.path(), layout()).unwrap_err();
        assert!(
            error.starts_with("cannot open") && error.ends_with("is a directory"),
            "{error}"
        );
    }

    #[test]
    fn a_replaced_shortened_or_deleted_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let file = ContentFile::open(&path, layout()).unwrap();
        assert!(file.is_still(&path));
        assert!(!file.is_changed());
        let other = File::options().write(true).open(&path).unwrap();
        other
            .set_modified(std::time::SystemTime::UNIX_EPOCH)
            .unwrap();
        assert!(file.is_still(&path) && file.is_changed() && !file.is_changed());
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(3)
            .unwrap();
        assert!(!file.is_still(&path));
        let file = ContentFile::open(&path, layout()).unwrap();
        std::fs::rename(&path, folder.path().join("old")).unwrap();
        assert!(!file.is_still(&path));
        std::fs::write(&path, "0123456789").unwrap();
        assert!(!file.is_still(&path));
    }

    #[test]
    fn what_can_be_no_content_is_called_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        let error = ContentFile::open(&path, layout()).unwrap_err();
        assert!(error.ends_with("pipe: it is a pipe"), "{error}");
        let error = ContentFile::open(Path::new("/dev/null"), layout()).unwrap_err();
        assert_eq!(
            error,
            "cannot write /dev/null: it is a device that is no disk"
        );
    }
}
