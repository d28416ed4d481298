//! `verify`: says which parts of a file are what its config says. Changes nothing.

use std::io::{self, Write};
use std::path::Path;

use swarmlet_protocol::layout::Layout;

use super::args::VerifyArgs;
use super::config;
use super::create::{open_regular, parts};
use super::error::CliError;
use super::hashing::hash_parts;
use super::progress::work_bar;
use super::ranges::Ranges;
use super::size::{Size, count};

/// Compares and reports. True if every part and the length are right.
///
/// # Errors
/// The config or the data cannot be read, or the config does not say what is right.
pub(crate) fn verify(args: &VerifyArgs) -> Result<bool, CliError> {
    let conf = config::read(&args.conf)?.conf;
    let info = conf
        .info
        .ok_or_else(|| CliError::NoFileInfo(args.conf.clone()))?;
    let layout = info.layout();
    let (file, length) = open_regular(&args.data).map_err(CliError::read(&args.data))?;

    let bar = work_bar("verifying", layout.size());
    let hashes =
        hash_parts(&file, layout, &|bytes| bar.inc(bytes)).map_err(CliError::read(&args.data))?;
    bar.finish_and_clear();
    let wrong: Vec<u32> = layout
        .all_pieces()
        .zip(&hashes)
        .filter(|(piece, hash)| **hash != Some(info.hash(*piece)))
        .map(|(piece, _)| piece.get())
        .collect();

    let mut stdout = io::stdout().lock();
    report(&mut stdout, &args.data, layout, length, &wrong)
        .and_then(|()| stdout.flush())
        .map_err(CliError::Output)?;
    Ok(wrong.is_empty() && length == layout.size())
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
        writeln!(out, "wrong: {}", Ranges(wrong))?;
    }
    if length != layout.size() {
        let (difference, word) = if length > layout.size() {
            (length - layout.size(), "longer")
        } else {
            (layout.size() - length, "shorter")
        };
        writeln!(
            out,
            "length: {length} bytes, {difference} {word} than the {} it should have",
            layout.size()
        )?;
    }
    Ok(())
}
