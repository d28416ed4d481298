//! The curves of a record, as a picture that is readable on light and on dark ground.

use std::fmt::Write as _;

use crate::growth::Row;

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 560.0;

/// A panel's place for curves.
const PLOT: (f64, f64) = (330.0, 160.0);

const HEAD: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 560" font-family="system-ui, sans-serif" font-size="13" role="img" aria-labelledby="title">
  <title id="title">How the figures of a fleet grow with its size</title>
  <style>
    .frame { fill: none; stroke: #57606a; stroke-width: 1; }
    .grid { stroke: #d0d7de; stroke-width: 1; }
    .name { fill: #1f2328; font-weight: 600; font-size: 15px; }
    .tick { fill: #57606a; }
    .end { text-anchor: end; }
    .mid { text-anchor: middle; }
    .curve { fill: none; stroke: #0550ae; stroke-width: 2.5; }
    .dot, .value { fill: #0550ae; }
    .goal { stroke: #bc4c00; stroke-width: 1.5; stroke-dasharray: 6 4; fill: none; }
    .goal-name { fill: #bc4c00; }
    @media (prefers-color-scheme: dark) {
      .frame { stroke: #8b949e; }
      .grid { stroke: #30363d; }
      .name { fill: #e6edf3; }
      .tick { fill: #8b949e; }
      .curve { stroke: #79c0ff; }
      .dot, .value { fill: #79c0ff; }
      .goal { stroke: #ffa657; }
      .goal-name { fill: #ffa657; }
    }
  </style>
"##;

/// What one panel shows.
struct Panel {
    name: &'static str,
    /// The lowest and highest value, unless there are higher ones, and the steps between them.
    range: (f64, f64, f64),
    /// Digits after the point.
    digits: usize,
    /// What is to be kept: number of nodes from which on, and the most.
    goals: &'static [(f64, f64)],
    value: fn(&Row) -> f64,
}

const PANELS: [Panel; 4] = [
    Panel {
        name: "time of the last node / bound",
        range: (1.0, 1.6, 0.1),
        digits: 2,
        goals: &[(10.0, 1.3), (1_000.0, 1.3), (10_000.0, 1.5)],
        value: |row| row.last / row.bound,
    },
    Panel {
        name: "p99 / p50 of the finish times",
        range: (1.0, 1.3, 0.05),
        digits: 3,
        goals: &[(10.0, 1.2), (10_000.0, 1.2)],
        value: |row| row.p99 / row.p50,
    },
    Panel {
        name: "copies sent by the seed",
        range: (0.9, 1.4, 0.1),
        digits: 2,
        goals: &[(10.0, 1.3), (10_000.0, 1.3)],
        value: |row| row.copies,
    },
    Panel {
        name: "control bytes, % of the content",
        range: (0.0, 1.2, 0.2),
        digits: 2,
        goals: &[(10.0, 1.0), (10_000.0, 1.0)],
        value: |row| row.share * 100.0,
    },
];

/// Draws the rows, which are in the order of their nodes.
pub(crate) fn draw(rows: &[Row]) -> String {
    let mut svg = HEAD.to_owned();
    for (number, panel) in PANELS.iter().enumerate() {
        let left = if number % 2 == 0 {
            70.0
        } else {
            WIDTH - PLOT.0 - 40.0
        };
        let top = if number < 2 {
            50.0
        } else {
            50.0 + HEIGHT / 2.0
        };
        draw_panel(&mut svg, panel, rows, left, top);
    }
    svg + "</svg>\n"
}

/// One panel, with the corner of its plot.
fn draw_panel(svg: &mut String, panel: &Panel, rows: &[Row], left: f64, top: f64) {
    let (low, high, step) = panel.range;
    // A fleet that misses its goal by far is shown all the same.
    let highest = rows.iter().map(panel.value).fold(high, f64::max);
    let scale = ((highest - low) / (high - low)).ceil();
    let (high, step) = (low + (high - low) * scale, step * scale);
    let x = |nodes: f64| left + 20.0 + (nodes.log10() - 1.0) / 3.0 * (PLOT.0 - 40.0);
    let y = |value: f64| {
        let value = value.clamp(low, high);
        top + PLOT.1 - (value - low) / (high - low) * PLOT.1
    };
    let (right, bottom) = (left + PLOT.0, top + PLOT.1);
    let mut line = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(svg, "  {text}");
    };
    line(format!(
        r#"<text class="name" x="{left}" y="{:.0}">{}</text>"#,
        top - 14.0,
        panel.name
    ));
    let steps = ((high - low) / step).round() as u32;
    for number in 0..=steps {
        let value = low + f64::from(number) * step;
        let at = y(value);
        line(format!(
            r#"<line class="grid" x1="{left}" y1="{at:.1}" x2="{right}" y2="{at:.1}"/>"#
        ));
        if number % 2 == 0 {
            line(format!(
                r#"<text class="tick end" x="{:.0}" y="{:.1}">{value:.1}</text>"#,
                left - 8.0,
                at + 4.0
            ));
        }
    }
    line(format!(
        r#"<rect class="frame" x="{left}" y="{top}" width="{}" height="{}"/>"#,
        PLOT.0, PLOT.1
    ));
    for (nodes, name) in [
        (10.0, "10"),
        (100.0, "100"),
        (1e3, "1,000"),
        (1e4, "10,000"),
    ] {
        line(format!(
            r#"<text class="tick mid" x="{:.1}" y="{:.0}">{name}</text>"#,
            x(nodes),
            bottom + 18.0
        ));
    }
    line(format!(
        r#"<text class="tick mid" x="{:.0}" y="{:.0}">nodes</text>"#,
        left + PLOT.0 / 2.0,
        bottom + 36.0
    ));
    let points = |points: &mut dyn Iterator<Item = (f64, f64)>| {
        let points = points.map(|(nodes, value)| format!("{:.1},{:.1}", x(nodes), y(value)));
        points.collect::<Vec<_>>().join(" ")
    };
    let goal = points(&mut panel.goals.iter().copied());
    line(format!(r#"<polyline class="goal" points="{goal}"/>"#));
    if let Some(&(nodes, value)) = panel.goals.first() {
        line(format!(
            r#"<text class="goal-name" x="{:.1}" y="{:.1}">goal</text>"#,
            x(nodes) + 30.0,
            y(value) - 6.0
        ));
    }
    let values = |row: &Row| (f64::from(row.nodes), (panel.value)(row));
    // The curve joins what can be compared: files of the length that most rows have.
    let alike = |row: &&Row| {
        rows.iter()
            .filter(|other| other.pieces == row.pieces)
            .count()
    };
    let usual = rows.iter().max_by_key(alike).map(|row| row.pieces);
    let compared = rows.iter().filter(|row| Some(row.pieces) == usual);
    let curve = points(&mut compared.map(values));
    line(format!(r#"<polyline class="curve" points="{curve}"/>"#));
    for row in rows {
        let (nodes, value) = values(row);
        let (x, y) = (x(nodes), y(value));
        line(format!(
            r#"<circle class="dot" cx="{x:.1}" cy="{y:.1}" r="4"/>"#
        ));
        let digits = panel.digits;
        let name = match Some(row.pieces) == usual {
            true => format!("{value:.digits$}"),
            false => format!("{value:.digits$} ({} pieces)", row.pieces),
        };
        // A long name must not leave the panel.
        let class = if name.contains(' ') {
            "value end"
        } else {
            "value mid"
        };
        line(format!(
            r#"<text class="{class}" x="{x:.1}" y="{:.1}">{name}</text>"#,
            y - 9.0
        ));
    }
}
