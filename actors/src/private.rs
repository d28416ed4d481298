//! Files and folders for their owner alone, whatever the umask says.
//!
//! For what a node keeps of itself: addresses, descriptions, the operator's words, the token of the
//! HTTP face. The files of contents are not among them: those are the user's, and his umask holds.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};

/// What the owner may do with a file, and nobody else.
const FILE: u32 = 0o600;

/// The same of a folder.
const FOLDER: u32 = 0o700;

/// The bits by which others than the owner may do something.
const OTHERS: u32 = 0o077;

/// The bits by which they may change what is there.
const OTHERS_WRITE: u32 = 0o022;

/// In a folder with this bit everybody's files are his own, as in `/tmp`.
const STICKY: u32 = 0o1000;

/// Makes a folder, with those above it that are missing. One that is there stays as it is: it is the
/// operator's, and others may have something in it.
///
/// # Errors
/// The system's.
pub fn folder(path: &Path) -> io::Result<()> {
    let is_new = !path.exists();
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER)
        .create(path)?;
    if is_new {
        fs::set_permissions(path, Permissions::from_mode(FOLDER))?;
    }
    Ok(())
}

/// May others than its owner put files into this folder, or take them away?
#[must_use]
pub fn is_folder_open(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| {
        let mode = found.mode();
        mode & OTHERS_WRITE != 0 && mode & STICKY == 0
    })
}

/// A new file. Whatever has its name is taken away first: a draft that was left by a kill, or a link
/// that somebody put there to have us write elsewhere.
///
/// # Errors
/// The system's.
pub fn create(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(FILE)
        .open(path)?;
    // A umask may have taken bits from the owner as well.
    file.set_permissions(Permissions::from_mode(FILE))?;
    Ok(file)
}

/// Opens a file that is one: whatever waits for a writer, such as a pipe, would hold up who reads it.
///
/// # Errors
/// The system's, or it is no regular file.
pub fn open_plain(path: &Path) -> io::Result<File> {
    let file = File::options()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no regular file")),
    }
}

/// The bytes of a regular file, if they are so many at most: what somebody put in its place is not
/// read into memory.
///
/// # Errors
/// The system's, or it is no regular file, or too long.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = open_plain(path)?;
    let too_long = || io::Error::other(format!("it has more than {limit} bytes"));
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length > limit {
        return Err(too_long());
    }
    // It may grow while it is read.
    let mut bytes = Vec::with_capacity(length);
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    match bytes.len() > limit {
        true => Err(too_long()),
        false => Ok(bytes),
    }
}

/// Takes a file from others, if they may do anything with it: an earlier version of this program, or
/// somebody else, made it so. Says whether that was so. Links are left alone.
///
/// # Errors
/// The system's.
pub fn tighten(path: &Path) -> io::Result<bool> {
    let file = File::options()
        .read(true)
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)?;
    tighten_open(file)
}

/// The same of a file that is open.
///
/// # Errors
/// The system's.
pub fn tighten_open(file: impl AsFd) -> io::Result<bool> {
    let found = rustix::fs::fstat(&file)?;
    let is_file = FileType::from_raw_mode(found.st_mode).is_file();
    if !is_file || found.st_mode & OTHERS == 0 {
        return Ok(false);
    }
    rustix::fs::fchmod(&file, Mode::from_raw_mode(FILE))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn what_is_made_here_is_its_owners_alone() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b");
        folder(&deep).unwrap();
        assert_eq!((mode(&root.path().join("a")), mode(&deep)), (0o700, 0o700));
        let file = deep.join("file");
        create(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
        // One that is there already is the operator's.
        fs::set_permissions(&deep, Permissions::from_mode(0o755)).unwrap();
        folder(&deep).unwrap();
        assert_eq!(mode(&deep), 0o755);
    }

    #[test]
    fn a_link_in_the_place_of_a_new_file_is_taken_away_and_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (victim, trap) = (root.path().join("victim"), root.path().join("trap"));
        fs::write(&victim, "precious").unwrap();
        std::os::unix::fs::symlink(&victim, &trap).unwrap();
        create(&trap).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert!(fs::symlink_metadata(&trap).unwrap().is_file());
    }

    #[test]
    fn what_is_no_regular_file_or_too_long_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, "abc").unwrap();
        assert_eq!(read(&path, 3).unwrap(), b"abc");
        assert!(read(&path, 2).is_err());
        for place in crate::state::hostile_places(root.path()) {
            let error = read(&place, 1024).unwrap_err().to_string();
            let is_said = ["no regular file", "more than 1024 bytes"];
            assert!(is_said.iter().any(|words| error.contains(words)), "{error}");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_taken_from_them_and_a_link_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert!(tighten(&file).unwrap());
        assert_eq!(mode(&file), 0o600);
        assert!(!tighten(&file).unwrap());
        let (link, elsewhere) = (root.path().join("link"), root.path().join("elsewhere"));
        fs::write(&elsewhere, "x").unwrap();
        fs::set_permissions(&elsewhere, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        assert!(tighten(&link).is_err());
        assert_eq!(mode(&elsewhere), 0o644);
        assert!(!tighten(root.path()).unwrap());
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_told_from_one_that_they_cannot() {
        let root = tempfile::tempdir().unwrap();
        for (bits, open) in [
            (0o700, false),
            (0o755, false),
            (0o775, true),
            (0o757, true),
            (0o1777, false),
        ] {
            fs::set_permissions(root.path(), Permissions::from_mode(bits)).unwrap();
            assert_eq!(is_folder_open(root.path()), open, "{bits:o}");
        }
        assert!(!is_folder_open(&root.path().join("nothing")));
    }
}
