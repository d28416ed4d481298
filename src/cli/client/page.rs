//! Where answers go: to a terminal, or to whoever reads lines.

use std::io::{self, IsTerminal, Write};

use console::Term;
use serde_json::Value;
use swarmlet_protocol::text::escaped;

use super::table::{self, Column, Row};
use crate::cli::error::CliError;

/// 80 characters: a terminal that does not say how wide it is.
const USUAL_WIDTH: usize = 80;

/// Stdout, as it is.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Page {
    json: bool,
    is_terminal: bool,
}

impl Page {
    /// Stdout; JSON is printed only where it was asked for.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            is_terminal: io::stdout().is_terminal(),
        }
    }

    /// JSON was asked for.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// A person looks at it, not at JSON.
    pub(crate) const fn is_for_people(self) -> bool {
        self.is_terminal && !self.json
    }

    /// A JSON document: on a terminal laid out, elsewhere on one line.
    ///
    /// # Errors
    /// Nobody reads it.
    pub(crate) fn json(self, document: &Value) -> Result<(), CliError> {
        let text = match self.is_terminal {
            true => format!("{document:#}"),
            false => document.to_string(),
        };
        self.print(&format!("{}\n", harmless(&text)))
    }

    /// A document on one line, wherever it goes: one of many.
    ///
    /// # Errors
    /// Nobody reads it.
    pub(crate) fn json_line(self, document: &Value) -> Result<(), CliError> {
        self.print(&format!("{}\n", harmless(&document.to_string())))
    }

    /// A table for people.
    ///
    /// # Errors
    /// Nobody reads it.
    pub(crate) fn table(self, columns: &[Column], rows: &[Row]) -> Result<(), CliError> {
        self.lines(&table::lines(columns, rows, width()))
    }

    /// Lines.
    ///
    /// # Errors
    /// Nobody reads them.
    pub(crate) fn lines(self, lines: &[String]) -> Result<(), CliError> {
        let lines = lines.iter().map(|line| format!("{line}\n"));
        self.print(&lines.collect::<String>())
    }

    /// A text as it is.
    ///
    /// # Errors
    /// Nobody reads it.
    pub(crate) fn print(self, text: &str) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(CliError::Output)
    }
}

/// How wide the terminal is.
pub(crate) fn width() -> usize {
    size().map_or(USUAL_WIDTH, |(_, width)| width)
}

/// Rows and columns of the terminal, if it says.
pub(crate) fn size() -> Option<(usize, usize)> {
    let (rows, columns) = Term::stdout().size_checked()?;
    Some((rows.into(), columns.into())).filter(|&(rows, columns)| rows > 0 && columns > 0)
}

/// Has whoever read stdout gone? A stream that has nothing to say would never find out.
#[cfg(target_os = "linux")]
pub(crate) fn reader_is_gone() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let stdout = io::stdout();
    let mut stdout = [PollFd::new(&stdout, PollFlags::empty())];
    let polled = poll(&mut stdout, Some(&now)).is_ok();
    let [stdout] = stdout;
    polled && stdout.revents().intersects(PollFlags::ERR)
}

/// Elsewhere the next line finds out.
#[cfg(not(target_os = "linux"))]
pub(crate) fn reader_is_gone() -> bool {
    false
}

/// JSON without letters that would move a cursor or turn the direction of a text: they are escaped
/// as JSON has it. They stand within texts only.
fn harmless(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        let mut bytes = [0; 4];
        let same: &str = letter.encode_utf8(&mut bytes);
        if letter == '\n' || escaped(same) == same {
            text.push(letter);
            continue;
        }
        let mut units = [0; 2];
        for unit in letter.encode_utf16(&mut units) {
            text += &format!("\\u{unit:04x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn json_of_a_stranger_moves_no_cursor() {
        let document = json!({ "name": "a\u{1b}[2J\u{9b}2J\u{202e}\n" });
        let text = harmless(&document.to_string());
        assert_eq!(text, r#"{"name":"a\u001b[2J\u009b2J\u202e\n"}"#);
    }

    proptest! {
        #[test]
        fn harmless_json_says_the_same(text in any::<String>()) {
            let document = json!({ "text": text });
            for said in [document.to_string(), format!("{document:#}")] {
                let harmless = harmless(&said);
                prop_assert_eq!(serde_json::from_str::<Value>(&harmless).unwrap(), document.clone());
            }
        }
    }
}
