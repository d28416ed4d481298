//! `create`: describes a file as a torrent.conf. Reads the file once and never changes it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use swarmlet_protocol::layout::{Layout, MAX_PIECES};
use swarmlet_protocol::metainfo::{CONTENT_NAME, Info, TorrentConf};

use super::args::CreateArgs;
use super::error::CliError;
use super::hashing::hash_parts;
use super::progress::work_bar;
use super::size::{Size, count};

/// 16 KiB, the length of a block: a smaller part saves nothing on the wire.
const MIN_PART_SIZE: u64 = 16 << 10;
/// 4 MiB: a larger part makes a newcomer wait before it can pass anything on.
const MAX_PART_SIZE: u64 = 4 << 20;
/// Enough parts to have many sources at work at once; more only make the config longer.
const GOOD_PART_COUNT: u64 = 2_000;

/// Writes the config and says what it describes.
///
/// # Errors
/// The file cannot be read, cut into such parts, or the config cannot be written.
pub(crate) fn create(args: &CreateArgs) -> Result<(), CliError> {
    let path = &args.file;
    let to_stdout = args.out == Path::new("-");
    let (file, size) = open_regular(path).map_err(CliError::read(path))?;
    if !to_stdout && is_same_file(&file, &args.out) {
        return Err(CliError::OverItself(args.out.clone()));
    }
    let part_size = args
        .part_size
        .map_or_else(|| good_part_size(size), |Size(bytes)| bytes);
    let layout = Layout::new(size, part_size).map_err(|source| CliError::PartSize {
        path: path.clone(),
        source,
    })?;

    let bar = work_bar("hashing", size);
    let hashes =
        hash_parts(&file, &layout, &|bytes| bar.inc(bytes)).map_err(CliError::read(path))?;
    bar.finish_and_clear();
    let hashes: Option<Vec<_>> = hashes.into_iter().collect();
    let length_now = file.metadata().map_err(CliError::read(path))?.len();
    let Some(hashes) = hashes.filter(|_| length_now == size) else {
        return Err(CliError::Changed(path.clone()));
    };
    let info = Info::single_file(CONTENT_NAME, size, part_size, &hashes).map_err(|source| {
        CliError::Info {
            path: path.clone(),
            source,
        }
    })?;
    let text = TorrentConf::from_info(&info, args.peers.clone()).to_json();

    let summary = format!(
        "{}: {} in {} of {}\ninfohash: {}",
        path.display(),
        Size(size),
        parts(layout.pieces()),
        Size(part_size),
        info.info_hash()
    );
    if to_stdout {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(CliError::Output)?;
        // The config is what was asked for; a stderr that is gone takes nothing away from it.
        let _ = writeln!(io::stderr(), "{summary}");
        return Ok(());
    }
    write_whole(&args.out, text.as_bytes()).map_err(CliError::write(&args.out))?;
    writeln!(io::stdout(), "{summary}\nwritten: {}", args.out.display()).map_err(CliError::Output)
}

/// `1 part`, `1,024 parts`.
pub(crate) fn parts(number: u32) -> String {
    let noun = if number == 1 { "part" } else { "parts" };
    format!("{} {noun}", count(u64::from(number)))
}

/// Opens a file that has a length and stays as it is: no directory, no pipe, no device.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    // Asked before opening, for opening a pipe waits for a writer.
    let kind = fs::metadata(path)?;
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !kind.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// A power of two that cuts the file into 1,000 to 2,000 parts, within sensible bounds.
pub(crate) fn good_part_size(size: u64) -> u64 {
    let mut part_size = MIN_PART_SIZE;
    while part_size < MAX_PART_SIZE && size.div_ceil(part_size) > GOOD_PART_COUNT {
        part_size *= 2;
    }
    // Files of several terabytes: as many parts as we keep account of.
    while size.div_ceil(part_size) > u64::from(MAX_PIECES) {
        part_size *= 2;
    }
    part_size
}

fn is_same_file(file: &File, out: &Path) -> bool {
    match (file.metadata(), fs::metadata(out)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

/// Writes a file so that nobody ever sees half of it: beside its place first, then renamed there.
fn write_whole(out: &Path, text: &[u8]) -> io::Result<()> {
    match fs::metadata(out) {
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        // A pipe or a device is written to, not replaced.
        Ok(there) if !there.is_file() => {
            return OpenOptions::new().write(true).open(out)?.write_all(text);
        }
        _ => {}
    }
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".torrent.conf.")
        // As any file that is created: the user's umask takes away what it likes.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)?;
    file.write_all(text)?;
    file.as_file().sync_all()?;
    file.persist(out).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn part_sizes_grow_with_the_file_within_bounds() {
        assert_eq!(good_part_size(0), 16 << 10);
        assert_eq!(good_part_size(1), 16 << 10);
        assert_eq!(good_part_size(64 << 20), 64 << 10);
        assert_eq!(good_part_size(1 << 30), 1 << 20);
        assert_eq!(good_part_size(1 << 40), 4 << 20);
        assert_eq!(good_part_size(1 << 44), 32 << 20);
    }

    proptest! {
        #[test]
        fn a_chosen_part_size_fits_the_file(size in 0_u64..(1 << 47)) {
            let part_size = good_part_size(size);
            prop_assert!(part_size.is_power_of_two());
            let layout = Layout::new(size, part_size).unwrap();
            if (32 << 20..4 << 30).contains(&size) {
                prop_assert!((1_000..=2_000).contains(&layout.pieces()), "{}", layout.pieces());
            }
        }
    }
}
