//! Records for people and for programs: a table on a terminal, tab-separated lines elsewhere.
//!
//! Whoever makes a cell has made its text fit to be shown: it has no control characters. A row of a
//! table takes one line, whatever is in it.

use std::borrow::Cow;
use std::fmt::Display;

use comfy_table::{CellAlignment, ContentLineStyle, Table as Layout, TableStyle};
use console::{Style, measure_text_width, truncate_str};

/// Stands for what is not known.
pub(crate) const UNKNOWN: &str = "-";

/// Between columns.
const GAP: &str = "  ";

/// 8 characters: a column that gives way to others keeps so many.
const NARROWEST: usize = 8;

/// Stands between cells until they are coloured: no cell has it, as it is a control character.
const SEPARATOR: char = '\u{1f}';

/// Only where cells meet is something drawn.
const STYLE: TableStyle = {
    let line = ContentLineStyle::none().junction(SEPARATOR);
    TableStyle::new().header_lines(line).content_lines(line)
};

/// What a cell says beside its text.
#[derive(Copy, Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Tint {
    /// Nothing.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Something goes on.
    Busy,
    /// Something is to be seen to.
    Odd,
    /// Something is wrong.
    Bad,
    /// It matters less.
    Faint,
}

/// A text and what it says beside that.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Cell {
    text: String,
    tint: Tint,
}

/// A column of a table.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Column {
    /// What stands above it.
    pub(crate) head: &'static str,
    /// Numbers are compared more easily if they end in one place.
    pub(crate) to_the_right: bool,
    /// It is cut where a line would be too long.
    pub(crate) gives_way: bool,
}

/// A row of a table, and lines below it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Cell>,
    pub(crate) notes: Vec<Cell>,
}

impl Cell {
    /// A text without a meaning beside it.
    pub(crate) fn plain(text: impl Display) -> Self {
        Self::new(text, Tint::Plain)
    }

    pub(crate) fn new(text: impl Display, tint: Tint) -> Self {
        let text = text.to_string();
        Self { text, tint }
    }
}

impl Tint {
    /// The text in the colour that says so, where there are colours.
    pub(crate) fn paint(self, text: &str) -> String {
        let style = Style::new();
        let style = match self {
            Self::Plain => return text.to_owned(),
            Self::Good => style.green(),
            Self::Busy => style.cyan(),
            Self::Odd => style.yellow(),
            Self::Bad => style.red(),
            Self::Faint => style.dim(),
        };
        style.apply_to(text).to_string()
    }
}

impl Column {
    /// A column of texts.
    pub(crate) const fn text(head: &'static str) -> Self {
        Self {
            head,
            to_the_right: false,
            gives_way: false,
        }
    }

    /// A column of texts that may be cut.
    pub(crate) const fn flexible(head: &'static str) -> Self {
        Self {
            gives_way: true,
            ..Self::text(head)
        }
    }

    /// A column of numbers.
    pub(crate) const fn number(head: &'static str) -> Self {
        Self {
            to_the_right: true,
            ..Self::text(head)
        }
    }
}

/// The lines of a table on a terminal of that width.
pub(crate) fn lines(columns: &[Column], rows: &[Row], width: usize) -> Vec<String> {
    let widths = widths(columns, rows, width);
    let mut layout = Layout::new();
    layout.load_style(STYLE);
    layout.set_header(columns.iter().map(|column| column.head));
    for row in rows {
        let cells = row.cells.iter().zip(&widths);
        layout.add_row(cells.map(|(cell, &width)| cut(&cell.text, width).into_owned()));
    }
    for (place, column) in columns.iter().enumerate() {
        if let Some(laid_out) = layout.column_mut(place) {
            laid_out.set_padding((0, 0));
            if column.to_the_right {
                laid_out.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let mut laid_out = layout.lines();
    let mut lines = Vec::new();
    if let Some(head) = laid_out.next() {
        lines.push(joined(&head, columns.iter().map(|_| Tint::Faint), width));
    }
    for (row, line) in rows.iter().zip(laid_out) {
        lines.push(joined(&line, row.cells.iter().map(|cell| cell.tint), width));
        for note in &row.notes {
            let text = format!("{GAP}{}", note.text);
            lines.push(note.tint.paint(&cut(&text, width)));
        }
    }
    lines
}

/// A header and a line per record, with tabs between fields.
pub(crate) fn separated(head: &[&str], records: &[Vec<String>]) -> String {
    let mut text = head.join("\t") + "\n";
    for record in records {
        text += &record.join("\t");
        text.push('\n');
    }
    text
}

/// A field of a record that may be unknown.
pub(crate) fn field(value: Option<impl Display>) -> String {
    let text = value.map(|value| value.to_string());
    text.filter(|text| !text.is_empty())
        .unwrap_or_else(|| UNKNOWN.to_owned())
}

/// A text of so many characters at most, with an ellipsis where something is missing.
pub(crate) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    truncate_str(text, width, "…")
}

/// How wide each column is: as wide as its widest cell, but where lines would be too long the
/// columns that give way do so.
fn widths(columns: &[Column], rows: &[Row], width: usize) -> Vec<usize> {
    let widest = |place: usize, head: &str| {
        let cells = rows.iter().filter_map(|row| row.cells.get(place));
        let cells = cells.map(|cell| measure_text_width(&cell.text));
        cells.max().unwrap_or(0).max(measure_text_width(head))
    };
    let mut widths: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| widest(place, column.head))
        .collect();
    let gaps = GAP.len() * columns.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
    for (column, wide) in columns.iter().zip(&mut widths) {
        if column.gives_way {
            let given = excess.min(wide.saturating_sub(NARROWEST));
            *wide -= given;
            excess -= given;
        }
    }
    widths
}

/// A line of the layout in colours, as long as fits.
fn joined(line: &str, tints: impl Iterator<Item = Tint>, width: usize) -> String {
    let cells: Vec<_> = line.split(SEPARATOR).zip(tints).collect();
    let mut text = String::new();
    let mut left = width;
    for (place, (cell, tint)) in cells.iter().enumerate() {
        let is_last = place + 1 == cells.len();
        let cell = if is_last { cell.trim_end() } else { cell };
        let shown = cut(cell, left);
        text += &tint.paint(&shown);
        left = left.saturating_sub(measure_text_width(&shown));
        if is_last || left <= GAP.len() {
            break;
        }
        text += GAP;
        left -= GAP.len();
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [Column; 3] = [
        Column::flexible("NAME"),
        Column::text("STATE"),
        Column::number("SIZE"),
    ];

    fn row(cells: [&str; 3]) -> Row {
        Row {
            cells: cells.iter().map(Cell::plain).collect(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn columns_are_aligned_and_notes_stand_below_their_row() {
        let mut rows = [
            row(["a", "complete", "7 bytes"]),
            row(["länger", "x", "1 TiB"]),
        ];
        rows[0].notes.push(Cell::plain("no peers"));
        assert_eq!(
            lines(&COLUMNS, &rows, 80),
            [
                "NAME    STATE        SIZE",
                "a       complete  7 bytes",
                "  no peers",
                "länger  x           1 TiB",
            ]
        );
    }

    #[test]
    fn a_name_that_does_not_fit_is_cut_and_nothing_is_wrapped() {
        let rows = [row(["a name that is much too long", "complete", "7 bytes"])];
        assert_eq!(
            lines(&COLUMNS, &rows, 32),
            [
                "NAME           STATE        SIZE",
                "a name that …  complete  7 bytes"
            ]
        );
    }

    #[test]
    fn records_are_lines_and_what_is_unknown_is_a_dash() {
        let records = [vec![field(Some(7)), field(None::<u8>), field(Some(""))]];
        assert_eq!(separated(&["a", "b", "c"], &records), "a\tb\tc\n7\t-\t-\n");
    }

    proptest! {
        #[test]
        fn a_row_is_one_line_of_the_width_at_most(
            texts in prop::collection::vec(["[a-zäß\u{4e00} ]{0,40}", "[a-z]{0,9}", "[0-9]{0,9}"], 0..6),
            width in 1_usize..100,
        ) {
            let rows: Vec<_> = texts.iter().map(|[a, b, c]| row([a, b, c])).collect();
            let lines = lines(&COLUMNS, &rows, width);
            prop_assert_eq!(lines.len(), rows.len() + 1);
            for line in lines {
                prop_assert!(measure_text_width(&line) <= width, "{} {}", width, line);
                prop_assert!(!line.contains(['\n', SEPARATOR]));
            }
        }
    }
}
