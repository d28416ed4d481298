//! Results as a picture: bars of processor and wall time, an engine each, in SVG by hand.
//!
//! Colours are those of `docs/actors.svg`, with a second set for dark pages.

use crate::results::{CaseResults, REFERENCE, Row};
use crate::round::Sample;

/// Pixels: the picture is as wide as that of the actors.
const WIDTH: usize = 880;

/// Pixels from one bar to the next.
const ROW: usize = 24;

/// Pixels of a bar's thickness.
const BAR: usize = 16;

/// Pixels above the bars of a case: its name and what the columns are.
const HEAD: usize = 62;

/// Pixels below the bars of a case.
const GAP: usize = 18;

/// Where the two columns of bars begin, and how long the longest bar is.
const COLUMNS: [usize; 2] = [180, 535];
const LONGEST: usize = 240;

/// A bar that is more than this many times as long as the middle one is cut, so that the others
/// can be told apart.
const CUT: f64 = 4.0;

/// The picture of all cases, one below the other.
pub(crate) fn svg(cases: &[CaseResults]) -> String {
    let mut body = String::new();
    let mut top = 20;
    for results in cases {
        body += &panel(results, top);
        top += HEAD + results.rows.len() * ROW + GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\" role=\"img\" \
         aria-labelledby=\"title\">\n{HEADER}{body}</svg>\n"
    )
}

const HEADER: &str = r#"  <title id="title">Processor and wall time of swarmlet, the floor and other engines; the tables have the same numbers</title>
  <style>
    .case { fill: #1f2328; font-weight: 600; font-size: 15px; }
    .note, .value { fill: #57606a; }
    .name { fill: #1f2328; text-anchor: end; }
    .bar { fill: #afb8c1; }
    .floor { fill: #57606a; }
    .swarmlet { fill: #0550ae; }
    @media (prefers-color-scheme: dark) {
      .case, .name { fill: #e6edf3; }
      .note, .value { fill: #8b949e; }
      .bar { fill: #484f58; }
      .floor { fill: #8b949e; }
      .swarmlet { fill: #79c0ff; }
    }
  </style>
"#;

fn panel(results: &CaseResults, top: usize) -> String {
    let mut text = words("case", COLUMNS[0], top + 16, &results.case.name());
    let described = results.case.to_string();
    text += &words("note", COLUMNS[0] + 80, top + 16, &described);
    let heads = ["processor seconds per GiB", "wall seconds"];
    for (column, head) in COLUMNS.into_iter().zip(heads) {
        text += &words("note", column, top + 44, head);
    }
    for (number, row) in results.rows.iter().enumerate() {
        let y = top + HEAD + number * ROW;
        text += &words("name", COLUMNS[0] - 10, y + 4, &row.engine);
    }
    let cpu = |row: &Row| {
        let cpu = row.median(|run| run.cpu);
        cpu.map(|cpu| results.per_gibibyte(cpu))
    };
    text += &bars(results, COLUMNS[0], top + HEAD, cpu);
    let wall: fn(&Sample) -> f64 = |run| run.wall;
    text + &bars(results, COLUMNS[1], top + HEAD, |row| row.median(wall))
}

/// A column of bars; the middle of the first one is at `top`.
fn bars(
    results: &CaseResults,
    left: usize,
    top: usize,
    value: impl Fn(&Row) -> Option<f64>,
) -> String {
    let scale = scale(results, &value);
    let mut text = String::new();
    for (number, row) in results.rows.iter().enumerate() {
        let y = top + number * ROW;
        let Some(value) = value(row) else {
            text += &words("value", left, y + 4, "no result");
            continue;
        };
        let is_cut = value > scale;
        let length = (value.min(scale) / scale * LONGEST as f64).max(1.0);
        let class = match row.engine.as_str() {
            "floor" | "swarmlet" => format!("bar {}", row.engine),
            _ => "bar".to_owned(),
        };
        text += &format!(
            "  <rect class=\"{class}\" x=\"{left}\" y=\"{}\" width=\"{length:.1}\" \
             height=\"{BAR}\" rx=\"2\"/>\n",
            y - BAR / 2
        );
        let label = if is_cut {
            format!("→ {value:.2}")
        } else {
            format!("{value:.2}")
        };
        text += &words("value", left + length as usize + 6, y + 4, &label);
    }
    text
}

/// The value of the longest bar: the largest that is not far beyond the reference, or the middle.
fn scale(results: &CaseResults, value: impl Fn(&Row) -> Option<f64>) -> f64 {
    let values: Vec<_> = results.rows.iter().filter_map(&value).collect();
    let reference = results.rows.iter().find(|row| row.engine == REFERENCE);
    let middle = reference
        .and_then(&value)
        .or_else(|| crate::statistics::median(values.iter().copied()));
    let limit = middle.unwrap_or(1.0) * CUT;
    let largest = values.into_iter().filter(|value| *value <= limit);
    largest.fold(0.0, f64::max).max(f64::MIN_POSITIVE)
}

fn words(class: &str, x: usize, y: usize, text: &str) -> String {
    format!("  <text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(walls: &[(&str, Option<f64>)]) -> CaseResults {
        let case = "1:512MiB:64KiB".parse().unwrap();
        let names = walls.iter().map(|(name, _)| *name);
        let mut results = CaseResults::new(case, names, std::iter::empty());
        for (row, (_, wall)) in results.rows.iter_mut().zip(walls) {
            let sample = wall.map(|wall| Sample {
                cpu: 1.0,
                wall,
                memory: 1,
                switches: 1,
                others: 0.0,
            });
            row.samples = vec![sample];
        }
        results
    }

    fn widths(svg: &str) -> Vec<&str> {
        let parts = svg.split(" width=\"").skip(1);
        parts.filter_map(|part| part.split('"').next()).collect()
    }

    #[test]
    fn bars_are_as_long_as_their_values_and_a_very_long_one_is_cut() {
        let walls = [
            ("floor", Some(1.0)),
            ("swarmlet", Some(2.0)),
            ("libtorrent", Some(4.0)),
            ("transmission", Some(100.0)),
            ("aria2", None),
        ];
        let svg = svg(&[results(&walls)]);
        // Four of processor time, all alike, and four of wall time.
        let expected = [
            "240.0", "240.0", "240.0", "240.0", "60.0", "120.0", "240.0", "240.0",
        ];
        assert_eq!(widths(&svg), expected);
        assert!(svg.contains(">→ 100.00<"));
        assert_eq!(svg.matches(">no result<").count(), 2);
        // A second per 512 MiB is two per GiB.
        assert_eq!(svg.matches(">2.00<").count(), 5);
    }

    #[test]
    fn every_text_is_within_the_picture_and_every_element_closed() {
        let one = results(&[("floor", Some(1.0)), ("libtorrent", Some(2.0))]);
        let svg = svg(&[one.clone(), one]);
        let height = 20 + 2 * (HEAD + 2 * ROW + GAP);
        assert!(svg.contains(&format!("viewBox=\"0 0 {WIDTH} {height}\"")));
        for part in svg.split(" y=\"").skip(1) {
            let y: usize = part.split('"').next().unwrap().parse().unwrap();
            assert!(y < height, "{y}");
        }
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn a_chart_without_any_result_is_still_a_chart() {
        assert!(svg(&[results(&[("floor", None)])]).contains("no result"));
    }
}
