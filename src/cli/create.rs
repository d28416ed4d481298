//! `create`: describes a file as a torrent.conf, or a file or a folder as a .torrent. Reads once, and
//! never changes what it describes.
//!
//! The same bytes under the same name give the same description, to the byte: no time and no
//! version is written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::layout::{Layout, MAX_PIECES};
use swarmlet_protocol::metainfo::{CONTENT_NAME, Info, Magnet, NewFile, Torrent, TorrentConf};
use swarmlet_protocol::text::escaped;
use swarmlet_protocol::web_seed::{MAX_WEB_SEEDS, SourceUrl};

use super::args::{CreateArgs, DEFAULT_OUT, DescribeArgs};
use super::error::CliError;
use super::hashing::hash_parts;
use super::listing::{Listing, list};
use super::output::{folder_of, write_whole};
use super::progress::work_bar;
use super::size::{Size, count};
use super::source::{FolderSource, Source};

/// 16 KiB, the length of a block: a smaller part saves nothing on the wire.
const MIN_PART_SIZE: u64 = 16 << 10;
/// 4 MiB: a larger part makes a newcomer wait before it can pass anything on.
const MAX_PART_SIZE: u64 = 4 << 20;
/// Enough parts to have many sources at work at once; more only make the config longer.
const GOOD_PART_COUNT: u64 = 2_000;
/// So many of the things that were left out are named.
const NAMED_SKIPPED: usize = 10;

/// The one flag of those that ask for a .torrent which a torrent.conf has room for, too.
const WEB_SEED: &str = "--web-seed";

/// What is written.
enum Format {
    /// A torrent.conf.
    Conf,
    /// A .torrent, in which the content has this name.
    Torrent(String),
}

/// Writes the description and says what it describes.
///
/// # Errors
/// The path cannot be read, cut into such parts, or the description cannot be written.
pub(crate) fn create(args: &CreateArgs) -> Result<(), CliError> {
    let is_folder = fs::metadata(&args.path).is_ok_and(|found| found.is_dir());
    let (out, format) = choose(args, is_folder)?;
    let to_stdout = out == Path::new("-");
    let (info, what) = if is_folder {
        let Format::Torrent(name) = &format else {
            return Err(CliError::NotInConf("a folder"));
        };
        if !to_stdout && is_within(&out, &args.path) {
            return Err(CliError::WithinItself(out));
        }
        describe_folder(&args.path, args.describe.part_size, name)?
    } else {
        let name = match &format {
            Format::Conf => CONTENT_NAME,
            Format::Torrent(name) => name,
        };
        let out = (!to_stdout).then_some(&*out);
        describe_file(&args.path, args.describe.part_size, name, out)?
    };
    let info = made_private(info, &args.path, args.describe.private)?;
    if let (Format::Torrent(_), Some(caveat)) = (&format, caveat(&info)) {
        // What was asked for is made; a stderr that is gone takes nothing away from it.
        let _ = writeln!(io::stderr(), "note: {caveat}");
    }
    let (bytes, link) = match format {
        Format::Conf => {
            let mut conf = TorrentConf::from_info(&info, args.peers.clone());
            conf.sources = sources(&args.describe.web_seeds)?;
            (conf.to_json().into_bytes(), String::new())
        }
        Format::Torrent(_) => {
            let magnet = Magnet {
                info_hash: info.info_hash(),
                name: Some(info.name().to_owned()),
                trackers: args.trackers.clone(),
                web_seeds: args.describe.web_seeds.clone(),
                peers: args.peers.clone(),
                select: Vec::new(),
            };
            let torrent = Torrent {
                trackers: args.trackers.iter().map(|url| vec![url.clone()]).collect(),
                web_seeds: args.describe.web_seeds.clone(),
                comment: args.describe.comment.clone(),
                ..Torrent::new(info.clone())
            };
            (torrent.encode(), format!("\nmagnet: {magnet}"))
        }
    };
    let summary = format!(
        "{}: {what} in {} of {}\ninfohash: {}{link}",
        escaped(&args.path.to_string_lossy()),
        parts(info.layout().pieces()),
        Size(u64::from(info.layout().piece_length())),
        info.info_hash()
    );
    if to_stdout {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(&bytes)
            .and_then(|()| stdout.flush())
            .map_err(CliError::Output)?;
        // The description is what was asked for; a stderr that is gone takes nothing away from it.
        let _ = writeln!(io::stderr(), "{summary}");
        return Ok(());
    }
    write_whole(&out, &bytes).map_err(CliError::write(&out))?;
    writeln!(io::stdout(), "{summary}\nwritten: {}", out.display()).map_err(CliError::Output)
}

/// What other clients do not like about a torrent.
fn caveat(info: &Info) -> Option<&'static str> {
    if info.layout().size() == 0 {
        return Some("it has no bytes: most other clients refuse such a torrent");
    }
    let has_control = |text: &str| text.chars().any(char::is_control);
    let mut paths = info.files().iter().map(|file| file.path);
    (has_control(info.name()) || paths.any(has_control)).then_some(
        "a name in it has a line break or another control character: aria2 refuses such a torrent",
    )
}

/// Describes a file or a folder under its own name or another one, as a .torrent of it would; and
/// says what it is.
///
/// # Errors
/// It cannot be read, or cut into such parts.
pub(crate) fn describe(path: &Path, how: &DescribeArgs) -> Result<(Info, String), CliError> {
    let name = match &how.name {
        Some(name) => name.clone(),
        None => own_name(path)?,
    };
    let is_folder = fs::metadata(path).is_ok_and(|found| found.is_dir());
    let (info, what) = match is_folder {
        true => describe_folder(path, how.part_size, &name)?,
        false => describe_file(path, how.part_size, &name, None)?,
    };
    Ok((made_private(info, path, how.private)?, what))
}

fn made_private(info: Info, path: &Path, private: bool) -> Result<Info, CliError> {
    match private {
        true => info.to_private().map_err(cannot_describe(path)),
        false => Ok(info),
    }
}

/// Will that file, once it is written, lie in the folder that it describes?
///
/// # Errors
/// It will.
pub(crate) fn refuse_within(out: &Path, root: &Path) -> Result<(), CliError> {
    match root.is_dir() && is_within(out, root) {
        true => Err(CliError::WithinItself(out.to_owned())),
        false => Ok(()),
    }
}

/// The URLs as a torrent.conf has them.
fn sources(urls: &[String]) -> Result<Vec<SourceUrl>, CliError> {
    let sources: Result<Vec<SourceUrl>, _> = urls.iter().map(|url| url.parse()).collect();
    let sources = sources.map_err(|error| CliError::NoSource(error.to_string()))?;
    match sources.len() {
        ..=MAX_WEB_SEEDS => Ok(sources),
        more => Err(CliError::NoSource(format!(
            "{more} sources; a torrent.conf has {MAX_WEB_SEEDS} at most"
        ))),
    }
}

/// What to write, and where. A folder, and whatever a torrent.conf has no room for, asks for a
/// .torrent; so does an output of that name. Web seeds have room in both, and go into a .torrent if
/// nothing is said.
fn choose(args: &CreateArgs, is_folder: bool) -> Result<(PathBuf, Format), CliError> {
    let reason = [
        (is_folder, "a folder"),
        (!args.trackers.is_empty(), "--tracker"),
        (!args.describe.web_seeds.is_empty(), WEB_SEED),
        (args.describe.private, "--private"),
        (args.describe.comment.is_some(), "--comment"),
        (args.describe.name.is_some(), "--name"),
    ];
    let reasons = reason.iter().filter(|(is_so, _)| *is_so).map(|(_, it)| *it);
    let reason = reasons.clone().next();
    let is_torrent = match &args.out {
        Some(out) if out.extension().is_some_and(|end| end == "torrent") => true,
        Some(out) if out != Path::new("-") => match reasons.clone().find(|it| *it != WEB_SEED) {
            Some(reason) => return Err(CliError::NotInConf(reason)),
            None => false,
        },
        _ => reason.is_some(),
    };
    if !is_torrent {
        let out = args.out.clone().unwrap_or_else(|| DEFAULT_OUT.into());
        return Ok((out, Format::Conf));
    }
    let name = match &args.describe.name {
        Some(name) => name.clone(),
        None => own_name(&args.path)?,
    };
    let default = || PathBuf::from(format!("{name}.torrent"));
    let out = args.out.clone().unwrap_or_else(default);
    Ok((out, Format::Torrent(name)))
}

/// The last name of a path, also of `.` and `..`.
fn own_name(path: &Path) -> Result<String, CliError> {
    let whole = fs::canonicalize(path).map_err(CliError::read(path))?;
    // What the user typed, where it ends in a name: a link keeps its own.
    let name = path.file_name().or_else(|| whole.file_name());
    let name = name.unwrap_or_default().to_str();
    name.map(str::to_owned).ok_or_else(|| {
        let error = io::Error::other("its name is not UTF-8");
        CliError::read(path)(error)
    })
}

/// Reads a file; what it is in words.
fn describe_file(
    path: &Path,
    part_size: Option<Size>,
    name: &str,
    out: Option<&Path>,
) -> Result<(Info, String), CliError> {
    let (file, size) = open_regular(path).map_err(CliError::read(path))?;
    if let Some(out) = out.filter(|out| is_same_file(&file, out)) {
        return Err(CliError::OverItself(out.to_owned()));
    }
    let layout = layout_of(path, part_size, size)?;
    let hashes = hash_all(&file, &layout).map_err(CliError::read(path))?;
    let length_now = file.metadata().map_err(CliError::read(path))?.len();
    let Some(hashes) = hashes.filter(|_| length_now == size) else {
        return Err(CliError::Changed(path.to_owned()));
    };
    let piece_length = u64::from(layout.piece_length());
    let info =
        Info::single_file(name, size, piece_length, &hashes).map_err(cannot_describe(path))?;
    Ok((info, Size(size).to_string()))
}

/// Reads all files of a folder; what it is in words.
fn describe_folder(
    root: &Path,
    part_size: Option<Size>,
    name: &str,
) -> Result<(Info, String), CliError> {
    let Listing { files, skipped } = list(root)?;
    say_skipped(&skipped);
    let mut source = FolderSource::default();
    for (path, length) in &files {
        source.add(root.join(path), *length);
    }
    let layout = layout_of(root, part_size, source.size())?;
    let hashes = hash_all(&source, &layout).map_err(|error| {
        let path = source.blamed().unwrap_or_else(|| root.to_owned());
        CliError::read(&path)(error)
    })?;
    // Whatever came, went or grew meanwhile.
    let Some(hashes) = hashes.filter(|_| list(root).is_ok_and(|now| now.files == files)) else {
        return Err(CliError::Changed(root.to_owned()));
    };
    let list: Vec<_> = files
        .iter()
        .map(|(path, length)| NewFile {
            path,
            length: *length,
            is_executable: false,
        })
        .collect();
    let piece_length = u64::from(layout.piece_length());
    let info = Info::folder(name, &list, piece_length, &hashes).map_err(cannot_describe(root))?;
    let what = format!("{}, {}", file_count(files.len()), Size(source.size()));
    Ok((info, what))
}

fn say_skipped(skipped: &[PathBuf]) {
    // A stderr that is gone takes nothing away from what was asked for.
    let mut stderr = io::stderr().lock();
    for path in skipped.iter().take(NAMED_SKIPPED) {
        let path = escaped(&path.to_string_lossy());
        let _ = writeln!(stderr, "left out: {path} (not a regular file)");
    }
    let more = skipped.len().saturating_sub(NAMED_SKIPPED);
    if more > 0 {
        let _ = writeln!(stderr, "left out: {} more", count(more as u64));
    }
}

fn layout_of(path: &Path, part_size: Option<Size>, size: u64) -> Result<Layout, CliError> {
    let part_size = part_size.map_or_else(|| good_part_size(size), |Size(bytes)| bytes);
    Layout::new(size, part_size).map_err(|source| CliError::PartSize {
        path: path.to_owned(),
        source,
    })
}

/// The digests of all parts; none if the content ends too soon.
fn hash_all(source: &impl Source, layout: &Layout) -> io::Result<Option<Vec<PieceHash>>> {
    let bar = work_bar("hashing", layout.size());
    let hashes = hash_parts(source, layout, &|bytes| bar.inc(bytes))?;
    bar.finish_and_clear();
    Ok(hashes.into_iter().collect())
}

fn cannot_describe(
    path: &Path,
) -> impl FnOnce(swarmlet_protocol::metainfo::InfoError) -> CliError + use<> {
    let path = path.to_owned();
    |source| CliError::Info { path, source }
}

/// `1 part`, `1,024 parts`.
pub(crate) fn parts(number: u32) -> String {
    let noun = if number == 1 { "part" } else { "parts" };
    format!("{} {noun}", count(u64::from(number)))
}

/// `1 file`, `1,024 files`.
pub(crate) fn file_count(number: usize) -> String {
    let noun = if number == 1 { "file" } else { "files" };
    format!("{} {noun}", count(number as u64))
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

/// Does a path lie below a folder? Then the description would have to describe itself the next
/// time.
fn is_within(out: &Path, root: &Path) -> bool {
    match (fs::canonicalize(folder_of(out)), fs::canonicalize(root)) {
        (Ok(folder), Ok(root)) => folder.starts_with(root),
        _ => false,
    }
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
