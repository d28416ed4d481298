//! Writing what a command makes: a file as a whole or not at all.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Writes a file so that nobody ever sees half of it: beside its place first, then renamed there.
pub(crate) fn write_whole(out: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::metadata(out) {
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // A pipe or a device is written to, not replaced.
        Ok(there) if !there.is_file() => {
            return OpenOptions::new().write(true).open(out)?.write_all(bytes);
        }
        _ => {}
    }
    let mut file = tempfile::Builder::new()
        .prefix(".swarmlet-create.")
        // As any file that is created: the user's umask takes away what it likes.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder_of(out))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(out).map_err(|error| error.error)?;
    Ok(())
}

/// The folder that a path lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
