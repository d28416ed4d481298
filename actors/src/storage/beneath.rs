//! Opening what lies beneath a folder, name by name, and never by way of a symbolic link.
//!
//! Paths are a stranger's, and links may lie in the folder already: `a/b` must not end up in
//! `/etc/b` because `a` is a link. Each name is opened in the folder that was opened before it, with
//! `O_NOFOLLOW`, so nobody can exchange one for a link between a look and the opening either.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

use crate::files::{File, look_at, open_at};

/// An open file.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    /// Why it can only be read, if so.
    pub(super) refusal: Option<Errno>,
}

/// Opens the folder of that path, or none for the empty path, which is the root itself.
/// Creates the folders that are missing, if so asked.
///
/// # Errors
/// The system's; a link or a file in the place of a folder is one. With the path up to where it
/// was.
pub(super) fn folder<'a>(
    root: BorrowedFd<'_>,
    path: &'a str,
    create: bool,
) -> Result<Option<OwnedFd>, (&'a str, io::Error)> {
    let mut open: Option<OwnedFd> = None;
    let mut end = 0;
    for name in path.split('/').filter(|name| !name.is_empty()) {
        end += name.len();
        let reached = path.get(..end).unwrap_or(path);
        end += 1;
        let within = open.as_ref().map_or(root, AsFd::as_fd);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut opened = openat(within, name, flags, Mode::empty());
        if create && matches!(opened, Err(Errno::NOENT)) {
            // Whether or not somebody else was quicker, it is to be opened now.
            opened = match mkdirat(within, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => openat(within, name, flags, Mode::empty()),
                Err(error) => Err(error),
            };
        }
        let opened = opened.map_err(|error| (reached, no_folder(within, name, error)))?;
        open = Some(opened);
    }
    Ok(open)
}

/// Opens a file in a folder for writing, or else for reading. With permissions given, creates it
/// if it is missing.
///
/// # Errors
/// The system's; whatever is no regular file is one.
pub(super) fn file(within: BorrowedFd<'_>, name: &str, create: Option<Mode>) -> io::Result<Opened> {
    // Asked before opening, for opening a pipe or a device may block, or do something.
    match look_at(within, name) {
        Ok(found) => match found.kind {
            FileType::RegularFile => {}
            FileType::Symlink => return Err(link()),
            FileType::Directory => return Err(io::ErrorKind::IsADirectory.into()),
            _ => return Err(io::Error::other("not a regular file")),
        },
        Err(Errno::NOENT) if create.is_some() => {}
        Err(error) => return Err(error.into()),
    }
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let creating = match create {
        Some(_) => OFlags::CREATE,
        None => OFlags::empty(),
    };
    let mode = create.unwrap_or(Mode::empty());
    match open_at(within, name, flags | OFlags::RDWR | creating, mode) {
        Ok(file) => Ok(Opened {
            file,
            refusal: None,
        }),
        Err(refusal @ (Errno::ACCESS | Errno::PERM | Errno::ROFS | Errno::TXTBSY)) => {
            let reading = open_at(within, name, flags | OFlags::RDONLY, Mode::empty());
            // What cannot be read either is refused for the first reason.
            let file = reading.map_err(|_| refusal)?;
            Ok(Opened {
                file,
                refusal: Some(refusal),
            })
        }
        Err(Errno::LOOP) => Err(link()),
        Err(error) => Err(error.into()),
    }
}

/// Opens a file in a folder for reading only.
///
/// # Errors
/// The system's; whatever is no regular file is one.
pub(super) fn readable(within: BorrowedFd<'_>, name: &str) -> io::Result<Opened> {
    // Asked before opening, as above.
    if look_at(within, name)?.kind != FileType::RegularFile {
        return Err(io::Error::other("not a regular file"));
    }
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::RDONLY;
    let file = open_at(within, name, flags, Mode::empty())?;
    Ok(Opened {
        file,
        // Nobody is to write to it.
        refusal: Some(Errno::PERM),
    })
}

/// Why a name is no folder. The system's word for a link is that of a file.
fn no_folder(within: BorrowedFd<'_>, name: &str, error: Errno) -> io::Error {
    let is_link = look_at(within, name).is_ok_and(|it| it.kind == FileType::Symlink);
    match error {
        Errno::NOTDIR | Errno::LOOP if is_link => link(),
        other => other.into(),
    }
}

fn link() -> io::Error {
    io::Error::other("is a symbolic link, and is not followed")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// Somebody on this machine exchanges a folder for a link that leads out, and back, as fast as he
    /// can. Whatever is opened and created meanwhile is within the root or not at all.
    #[test]
    fn a_folder_that_becomes_a_link_between_a_look_and_the_opening_leads_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let (root, outside) = (place.path().join("root"), place.path().join("outside"));
        fs::create_dir_all(root.join("a")).unwrap();
        fs::create_dir(&outside).unwrap();
        let at_root = File::open(&root).unwrap();
        let over = AtomicBool::new(false);
        let (mut opened, mut refused) = (0, 0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (inside, aside) = (root.join("a"), root.join("aside"));
                while !over.load(Ordering::Relaxed) {
                    fs::rename(&inside, &aside).unwrap();
                    symlink(&outside, &inside).unwrap();
                    fs::remove_file(&inside).unwrap();
                    fs::rename(&aside, &inside).unwrap();
                }
            });
            for number in 0..20_000 {
                let mode = Some(Mode::from_raw_mode(0o600));
                let name = format!("file-{}", number % 8);
                let made = match folder(at_root.as_fd(), "a", false) {
                    Ok(Some(within)) => file(within.as_fd(), &name, mode).is_ok(),
                    _ => false,
                };
                opened += u32::from(made);
                refused += u32::from(!made);
            }
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!(
            fs::read_dir(&outside).unwrap().count(),
            0,
            "{opened} opened"
        );
        assert_eq!(opened + refused, 20_000);
        assert!(opened > 0);
    }

    #[test]
    fn a_link_in_the_place_of_a_file_or_a_folder_is_refused_and_what_it_leads_to_untouched() {
        let place = tempfile::tempdir().unwrap();
        let (root, outside) = (place.path().join("root"), place.path().join("outside"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "precious").unwrap();
        symlink(&outside, root.join("folder")).unwrap();
        symlink(outside.join("file"), root.join("file")).unwrap();
        symlink(outside.join("new"), root.join("new")).unwrap();
        let at_root = File::open(&root).unwrap();
        let mode = || Some(Mode::from_raw_mode(0o600));
        assert!(folder(at_root.as_fd(), "folder", true).is_err());
        assert!(folder(at_root.as_fd(), "folder/deeper", true).is_err());
        for name in ["file", "new"] {
            assert!(file(at_root.as_fd(), name, mode()).is_err(), "{name}");
            assert!(readable(at_root.as_fd(), name).is_err(), "{name}");
        }
        assert_eq!(fs::read(outside.join("file")).unwrap(), b"precious");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }
}
