//! Results as a table, in Markdown that is also readable as it is.

use crate::results::{CaseResults, Row};
use crate::round::Sample;

/// The table of one case, below its heading.
pub(crate) fn markdown(results: &CaseResults) -> String {
    let mut lines = vec![header(results)];
    lines.extend(results.rows.iter().map(|row| cells(results, row)));
    let width = |column: usize| {
        let widths = lines.iter().map(|cells| cells[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..lines[0].len()).map(width).collect();
    let mut text = format!("### {}: {}\n\n", results.case.name(), results.case);
    for (number, cells) in lines.iter().enumerate() {
        text += &line(cells, &widths);
        if number == 0 {
            text += &ruler(&widths);
        }
    }
    text
}

fn header(results: &CaseResults) -> Vec<String> {
    let mut cells = vec!["engine".to_owned()];
    for what in ["CPU s/GiB", "wall s"] {
        cells.push(what.to_owned());
        cells.extend(results.others.iter().map(|other| format!("of {other}")));
    }
    let last = ["peak MiB", "switches", "failed"];
    cells.extend(last.map(str::to_owned));
    cells
}

fn cells(results: &CaseResults, row: &Row) -> Vec<String> {
    let mut cells = vec![row.engine.clone()];
    let figures: [fn(&Sample) -> f64; 2] = [|run| run.cpu, |run| run.wall];
    for (number, figure) in figures.into_iter().enumerate() {
        let middle = row.median(figure);
        let middle = match number {
            0 => middle.map(|cpu| results.per_gibibyte(cpu)),
            _ => middle,
        };
        cells.push(number_or_dash(middle, 3, ""));
        for other in &results.others {
            let ratio = results.ratio(row, other, figure);
            cells.push(number_or_dash(ratio, 2, "×"));
        }
    }
    let mebibytes = row.median(|run| run.memory as f64 / f64::from(1 << 20));
    cells.push(number_or_dash(mebibytes, 0, ""));
    cells.push(number_or_dash(row.median(|run| run.switches as f64), 0, ""));
    let failures = row.failures();
    cells.push(match failures {
        0 => "-".to_owned(),
        _ => format!("{failures} of {}", row.samples.len()),
    });
    cells
}

fn number_or_dash(number: Option<f64>, digits: usize, unit: &str) -> String {
    number.map_or_else(
        || "-".to_owned(),
        |number| format!("{number:.digits$}{unit}"),
    )
}

/// Numbers stand on the right.
fn line(cells: &[String], widths: &[usize]) -> String {
    let mut text = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        text += &match column {
            0 => format!("| {cell:<width$} "),
            _ => format!("| {cell:>width$} "),
        };
    }
    text + "|\n"
}

fn ruler(widths: &[usize]) -> String {
    let mut text = String::new();
    for (column, width) in widths.iter().enumerate() {
        let dashes = "-".repeat(width + 1);
        text += &match column {
            0 => format!("|{dashes}-"),
            _ => format!("|{dashes}:"),
        };
    }
    text + "|\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(cpu: f64, wall: f64) -> Option<Sample> {
        Some(Sample {
            cpu,
            wall,
            memory: 3 << 20,
            switches: 12,
            others: 0.0,
        })
    }

    #[test]
    fn a_table_has_medians_and_ratios_and_owns_up_to_failures() {
        let case = "2:512MiB:64KiB".parse().unwrap();
        let engines = ["floor", "swarmlet", "aria2"].into_iter();
        let others = ["floor", "libtorrent"].into_iter();
        let mut results = CaseResults::new(case, engines, others);
        results.rows[0].samples = vec![sample(0.5, 1.0), sample(1.0, 2.0)];
        results.rows[1].samples = vec![sample(1.0, 1.5), sample(3.0, 2.0)];
        results.rows[2].samples = vec![None, None];
        let expected = "\
### 1-to-2: 512 MiB in pieces of 64 KiB to 2 leechers

| engine   | CPU s/GiB | of floor | of libtorrent | wall s | of floor | of libtorrent | peak MiB | switches | failed |
|----------|----------:|---------:|--------------:|-------:|---------:|--------------:|---------:|---------:|-------:|
| floor    |     0.750 |    1.00× |             - |  1.500 |    1.00× |             - |        3 |       12 |      - |
| swarmlet |     2.000 |    2.50× |             - |  1.750 |    1.25× |             - |        3 |       12 |      - |
| aria2    |         - |        - |             - |      - |        - |             - |        - |        - | 2 of 2 |
";
        assert_eq!(markdown(&results), expected);
    }
}
