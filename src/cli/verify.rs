//! `verify`: says which parts of a file or a folder are what its config says. Changes nothing.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use swarmlet_protocol::layout::Layout;
use swarmlet_protocol::metainfo::{FileKind, Info};
use swarmlet_protocol::text::escaped;

use super::args::VerifyArgs;
use super::config;
use super::create::{file_count, open_regular, parts};
use super::error::CliError;
use super::hashing::hash_parts;
use super::progress::work_bar;
use super::ranges::Ranges;
use super::size::{Size, count};
use super::source::{FolderSource, Source};

/// So many files that are missing or of another length are named.
const NAMED_FILES: usize = 20;

/// Compares and reports. True if every part and every length are right.
///
/// # Errors
/// The config or the data cannot be read, or the config does not say what is right.
pub(crate) fn verify(args: &VerifyArgs) -> Result<bool, CliError> {
    let conf = config::read(&args.conf)?.conf;
    let info = conf
        .info
        .ok_or_else(|| CliError::NoFileInfo(args.conf.clone()))?;
    if info.is_folder() {
        return verify_folder(&args.data, &info);
    }
    let layout = info.layout();
    let (file, length) = open_regular(&args.data).map_err(CliError::read(&args.data))?;
    let wrong = wrong_parts(&file, &info).map_err(CliError::read(&args.data))?;
    let mut stdout = io::stdout().lock();
    report(&mut stdout, &args.data, layout, length, &wrong)
        .and_then(|()| stdout.flush())
        .map_err(CliError::Output)?;
    Ok(wrong.is_empty() && length == layout.size())
}

/// The numbers of the parts that are wrong or missing.
fn wrong_parts(source: &impl Source, info: &Info) -> io::Result<Vec<u32>> {
    let layout = info.layout();
    let bar = work_bar("verifying", layout.size());
    let hashes = hash_parts(source, layout, &|bytes| bar.inc(bytes))?;
    bar.finish_and_clear();
    let pairs = layout.all_pieces().zip(&hashes);
    let wrong = pairs.filter(|(piece, hash)| **hash != Some(info.hash(*piece)));
    Ok(wrong.map(|(piece, _)| piece.get()).collect())
}

/// The same for a folder. What is missing of a file counts as zeros, and is named.
fn verify_folder(root: &Path, info: &Info) -> Result<bool, CliError> {
    if !fs::metadata(root).map_err(CliError::read(root))?.is_dir() {
        let error = io::Error::other("is a file; the content is a folder");
        return Err(CliError::read(root)(error));
    }
    let mut source = FolderSource::default();
    let mut amiss = Vec::new();
    for file in info.files().iter() {
        if file.kind != FileKind::Regular {
            source.add_part(None, file.length, 0);
            continue;
        }
        let path = root.join(file.path);
        let (complaint, there) = match fs::symlink_metadata(&path) {
            Ok(found) if !found.is_file() => (Some("not a regular file".to_owned()), None),
            Ok(found) if found.len() == file.length => (None, Some(found.len())),
            Ok(found) => {
                let difference = difference(found.len(), file.length);
                (Some(difference), Some(found.len()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (Some("missing".to_owned()), None)
            }
            Err(error) => return Err(CliError::read(&path)(error)),
        };
        if let Some(complaint) = complaint {
            amiss.push(format!("{}: {complaint}", escaped(file.path)));
        }
        source.add_part(there.map(|_| path), file.length, there.unwrap_or(0));
    }
    let wrong = wrong_parts(&source, info).map_err(|error| {
        let path = source.blamed().unwrap_or_else(|| root.to_owned());
        CliError::read(&path)(error)
    })?;
    let mut stdout = io::stdout().lock();
    report_folder(&mut stdout, root, info, &wrong, &amiss)
        .and_then(|()| stdout.flush())
        .map_err(CliError::Output)?;
    Ok(wrong.is_empty() && amiss.is_empty())
}

fn report_folder(
    out: &mut impl Write,
    root: &Path,
    info: &Info,
    wrong: &[u32],
    amiss: &[String],
) -> io::Result<()> {
    let root = root.display();
    let layout = info.layout();
    let all = parts(layout.pieces());
    let files = info.files().iter();
    let files = files.filter(|file| file.kind == FileKind::Regular).count();
    let files = file_count(files);
    if wrong.is_empty() && amiss.is_empty() {
        return writeln!(
            out,
            "{root}: all right: {all}, {files}, {}",
            Size(layout.size())
        );
    }
    let right = count(u64::from(layout.pieces()) - wrong.len() as u64);
    writeln!(out, "{root}: {right} of {all} right, in {files}")?;
    if !wrong.is_empty() {
        writeln!(out, "{}", named(wrong))?;
    }
    for file in amiss.iter().take(NAMED_FILES) {
        writeln!(out, "{file}")?;
    }
    match amiss.len().saturating_sub(NAMED_FILES) {
        0 => Ok(()),
        more => writeln!(
            out,
            "and {} more that are missing or of another length",
            file_count(more)
        ),
    }
}

fn report(
    out: &mut impl Write,
    data: &Path,
    layout: &Layout,
    length: u64,
    wrong: &[u32],
) -> io::Result<()> {
    let data = data.display();
    let all = parts(layout.pieces());
    if wrong.is_empty() && length == layout.size() {
        return writeln!(out, "{data}: all right: {all}, {}", Size(length));
    }
    let right = count(u64::from(layout.pieces()) - wrong.len() as u64);
    writeln!(out, "{data}: {right} of {all} right")?;
    if !wrong.is_empty() {
        writeln!(out, "{}", named(wrong))?;
    }
    if length != layout.size() {
        writeln!(out, "length: {}", difference(length, layout.size()))?;
    }
    Ok(())
}

/// The parts that are wrong, by number. They are counted from 0, which must not look like none.
fn named(wrong: &[u32]) -> String {
    match wrong {
        [number] => format!("wrong: part number {number}"),
        _ => format!("wrong: part numbers {}", Ranges(wrong)),
    }
}

fn difference(length: u64, right: u64) -> String {
    let word = if length > right { "longer" } else { "shorter" };
    format!(
        "{length} bytes, {} {word} than the {right} it should have",
        length.abs_diff(right)
    )
}
