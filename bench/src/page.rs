//! The page with the results: what stands between its markers is replaced, the rest stays.

use std::fs;
use std::io;
use std::path::Path;

use thiserror::Error;

use crate::chart;
use crate::results::CaseResults;
use crate::table;

/// Where the part begins that is written by this program.
const BEGIN: &str = "<!-- measured: begin -->";

/// Where it ends.
const END: &str = "<!-- measured: end -->";

/// How a benchmark was run.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances {
    /// The command, to be typed again.
    pub(crate) command: String,
    /// The machine.
    pub(crate) machine: String,
    /// Engines with their versions.
    pub(crate) engines: Vec<String>,
    /// Engines that are not installed, with what brings them.
    pub(crate) skipped: Vec<String>,
    /// What joined the processes.
    pub(crate) network: &'static str,
    /// How often each engine ran each case.
    pub(crate) rounds: u16,
    /// Whether leechers' files were kept and overwritten.
    pub(crate) is_warm: bool,
}

/// A page that cannot be written.
#[derive(Debug, Error)]
pub(crate) enum PageError {
    /// It is not there, or not for us.
    #[error("{path}: {source}")]
    Io {
        /// The page or its chart.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// It has no place for results.
    #[error("{0} has no place for results: a line {BEGIN} and below it a line {END}")]
    Markers(String),
}

/// Looks whether results can be written to a page, before hours are spent on them.
///
/// # Errors
/// They cannot.
pub(crate) fn check(path: &Path) -> Result<(), PageError> {
    split(path).map(drop)
}

/// Writes the results into a page, and the chart beside it.
///
/// # Errors
/// There is no such page, it lacks the markers, or it cannot be written.
pub(crate) fn write(
    path: &Path,
    circumstances: &Circumstances,
    cases: &[CaseResults],
) -> Result<(), PageError> {
    let [before, after] = split(path)?;
    let picture = path.with_extension("svg");
    let name = picture.file_name().unwrap_or_default().to_string_lossy();
    let measured = measured(circumstances, cases, &name);
    let text = format!("{before}{BEGIN}\n\n{measured}\n{END}{after}");
    for (path, text) in [(picture.as_path(), chart::svg(cases)), (path, text)] {
        fs::write(path, text).map_err(|source| failure(path, source))?;
    }
    Ok(())
}

/// What stands before and behind the results.
fn split(path: &Path) -> Result<[String; 2], PageError> {
    let text = fs::read_to_string(path).map_err(|source| failure(path, source))?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some([before.to_owned(), after.to_owned()])
    });
    parts.ok_or_else(|| PageError::Markers(path.display().to_string()))
}

fn failure(path: &Path, source: io::Error) -> PageError {
    let path = path.display().to_string();
    PageError::Io { path, source }
}

fn measured(circumstances: &Circumstances, cases: &[CaseResults], picture: &str) -> String {
    let mut text = format!(
        "Measured by `{}`\n\n- machine: {}\n- network: {}\n- engines: {}\n",
        circumstances.command,
        circumstances.machine,
        circumstances.network,
        circumstances.engines.join("; "),
    );
    if !circumstances.skipped.is_empty() {
        let skipped = circumstances.skipped.join("; ");
        text += &format!("- not installed, so not measured: {skipped}\n");
    }
    let files = if circumstances.is_warm {
        "kept between the rounds and overwritten (`--warm`)"
    } else {
        "new in each round"
    };
    let rounds = circumstances.rounds;
    text += &format!("- rounds: {rounds}; the leechers' files are {files}\n");
    if crate::program::IS_DEBUG {
        text += "- **a debug build: these figures mean nothing**\n";
    }
    text += &format!("- {}\n\n", others(cases));
    text += &format!("![Processor and wall time per engine and case]({picture})\n\n");
    let tables: Vec<_> = cases.iter().map(table::markdown).collect();
    text + &tables.join("\n")
}

/// How much else ran on the machine meanwhile.
fn others(cases: &[CaseResults]) -> String {
    let runs = || {
        let rows = cases.iter().flat_map(|results| &results.rows);
        rows.flat_map(|row| row.samples.iter().flatten())
    };
    let ours: f64 = runs().map(|run| run.cpu).sum();
    let others: f64 = runs().map(|run| run.others).sum();
    let share = if ours + others > 0.0 {
        100.0 * others / (ours + others)
    } else {
        0.0
    };
    format!("of the processor time that was used during the runs, {share:.0} % was not theirs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::round::Sample;

    fn circumstances() -> Circumstances {
        Circumstances {
            command: "cargo run".into(),
            machine: "a machine".into(),
            engines: vec!["floor".into(), "swarmlet 1".into()],
            skipped: vec!["rqbit (cargo install rqbit)".into()],
            network: "loopback",
            rounds: 3,
            is_warm: false,
        }
    }

    fn cases() -> Vec<CaseResults> {
        let case = "1:1MiB:64KiB".parse().unwrap();
        let floor = || ["floor"].into_iter();
        let mut results = CaseResults::new(case, floor(), floor());
        results.rows[0].samples = vec![Some(Sample {
            cpu: 3.0,
            wall: 1.0,
            memory: 1,
            switches: 1,
            others: 1.0,
        })];
        vec![results]
    }

    #[test]
    fn what_is_written_by_hand_stays_and_writing_twice_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("page.md");
        fs::write(&path, format!("before\n{BEGIN}\nold\n{END}\nafter\n")).unwrap();
        write(&path, &circumstances(), &cases()).unwrap();
        let once = fs::read_to_string(&path).unwrap();
        assert!(once.starts_with(&format!("before\n{BEGIN}\n\nMeasured by `cargo run`\n")));
        assert!(once.ends_with(&format!("{END}\nafter\n")));
        assert!(!once.contains("old"));
        assert!(once.contains("![Processor and wall time per engine and case](page.svg)"));
        assert!(once.contains("25 % was not theirs"));
        assert!(once.contains("rqbit (cargo install rqbit)"));
        assert!(once.contains("| floor "));
        assert!(directory.path().join("page.svg").exists());
        write(&path, &circumstances(), &cases()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), once);
    }

    #[test]
    fn a_page_without_markers_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("page.md");
        fs::write(&path, format!("{END} {BEGIN}")).unwrap();
        let error = write(&path, &circumstances(), &cases()).unwrap_err();
        assert!(error.to_string().contains("no place for results"));
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{END} {BEGIN}"));
        assert!(check(&directory.path().join("absent")).is_err());
    }
}
