//! `status --watch`: how a node is, for as long as somebody looks. What changes comes by the event
//! stream; nothing is asked again and again.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::de::DeserializeOwned;
use serde_json::Value;
use swarmlet::http::model::{Status, Swarms};
use tokio::signal::unix::{SignalKind, signal};

use super::connect::Connection;
use super::page::{self, Page, reader_is_gone};
use super::sse::Event;
use super::status::{FIELDS, RESTLESS, document, record, view};
use super::stream::{News, Stream};
use super::table::{self, Tint};
use crate::cli::SUCCESS;
use crate::cli::error::CliError;

/// 24 rows of 80 characters: a terminal that does not say how large it is.
const USUAL_SIZE: (usize, usize) = (24, 80);

/// Shows it until Ctrl-C; the exit status.
///
/// # Errors
/// The node was not there at first, or refuses; nobody reads what is printed.
pub(super) async fn watch(connection: &Connection, page: Page) -> Result<u8, CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Start)?;
    let mut stream = Stream::open(connection).await?;
    let mut watch = Watch {
        connection,
        page,
        status: Value::Null,
        swarms: Value::Null,
        gone: None,
        said: None,
        canvas: Canvas::default(),
    };
    loop {
        let news = tokio::select! {
            news = stream.next() => news?,
            _ = interrupt.recv() => {
                if page.is_for_people() {
                    // The terminal has written ^C below the table.
                    page.print("\n")?;
                }
                return Ok(SUCCESS);
            }
        };
        watch.hear(news)?;
        if reader_is_gone() {
            return Ok(SUCCESS);
        }
    }
}

/// What is known and shown of a node.
struct Watch<'a> {
    connection: &'a Connection,
    page: Page,
    /// The latest that the API said; null before that.
    status: Value,
    swarms: Value,
    /// Why the node is gone, while it is.
    gone: Option<String>,
    /// The record of each content that was printed last; nothing before the header was.
    said: Option<BTreeMap<String, Vec<String>>>,
    canvas: Canvas,
}

impl Watch<'_> {
    fn hear(&mut self, news: News) -> Result<(), CliError> {
        let at = self.connection.shown();
        match news {
            News::Events(events) => {
                if self.note(&events)? {
                    self.show()?;
                }
                Ok(())
            }
            News::Gone(reason) if self.page.is_for_people() => {
                self.gone = Some(reason);
                self.show()
            }
            News::Back if self.page.is_for_people() => {
                self.gone = None;
                Ok(())
            }
            News::Gone(reason) => {
                complain(&gone(at, &reason));
                Ok(())
            }
            News::Back => {
                complain(&format!("the node at {at} is back"));
                Ok(())
            }
        }
    }

    /// Did something change?
    fn note(&mut self, events: &[Event]) -> Result<bool, CliError> {
        let mut changed = false;
        for event in events {
            let part = match event.kind.as_str() {
                "status" => &mut self.status,
                "swarms" => &mut self.swarms,
                _ => continue,
            };
            let said = serde_json::from_str(&event.data);
            *part = said.map_err(|error| self.connection.no_answer(error.to_string()))?;
            changed = true;
        }
        Ok(changed && !self.status.is_null() && !self.swarms.is_null())
    }

    fn show(&mut self) -> Result<(), CliError> {
        if self.page.is_json() {
            return self.page.json_line(&document(&self.status, &self.swarms));
        }
        let swarms: Swarms = self.read(&self.swarms)?;
        if self.page.is_for_people() {
            let status: Status = self.read(&self.status)?;
            let (_, width) = page::size().unwrap_or(USUAL_SIZE);
            let mut lines = view(&status, &swarms, width);
            if let Some(reason) = &self.gone {
                let line = gone(self.connection.shown(), reason);
                lines.insert(0, Tint::Bad.paint(&table::cut(&line, width)));
            }
            return self.page.print(&self.canvas.draw(lines, page::size()));
        }
        let text = self.news_of(&swarms);
        self.page.print(&text)
    }

    /// The records that are not as they were said.
    fn news_of(&mut self, swarms: &Swarms) -> String {
        let mut text = String::new();
        let said = self.said.get_or_insert_with(|| {
            text = table::separated(&FIELDS, &[]);
            BTreeMap::new()
        });
        let mut now = BTreeMap::new();
        for swarm in &swarms.swarms {
            now.insert(swarm.infohash.clone(), record(swarm));
        }
        let mut news = Vec::new();
        for (infohash, record) in &now {
            if said
                .get(infohash)
                .is_none_or(|before| differ(before, record))
            {
                news.push(record.clone());
            }
        }
        for (infohash, record) in std::mem::take(said) {
            if let Some(now) = now.get(&infohash) {
                // Compared with what was said, not with what was last seen.
                let unsaid = !differ(&record, now);
                said.insert(infohash, if unsaid { record } else { now.clone() });
            } else {
                let mut record = record;
                if let Some(state) = record.get_mut(2) {
                    "removed".clone_into(state);
                }
                news.push(record);
            }
        }
        for (infohash, record) in now {
            said.entry(infohash).or_insert(record);
        }
        news.iter()
            .for_each(|record| text += &(record.join("\t") + "\n"));
        text
    }

    fn read<T: DeserializeOwned>(&self, json: &Value) -> Result<T, CliError> {
        let read = T::deserialize(json);
        Ok(read.map_err(|error| self.connection.no_answer(error.to_string()))?)
    }
}

/// Is there more to say than that rates changed?
fn differ(before: &[String], now: &[String]) -> bool {
    let pairs = before.iter().zip(now).enumerate();
    pairs
        .filter(|(place, _)| !RESTLESS.contains(place))
        .any(|(_, (before, now))| before != now)
}

fn gone(at: &str, reason: &str) -> String {
    format!("the node at {at} is gone: {reason}; waiting for it")
}

/// Beside what is printed. Where stderr is gone there is nobody to tell.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// What stands on a terminal and is drawn over.
#[derive(Debug, Default)]
struct Canvas {
    /// Lines that were drawn.
    lines: usize,
    /// How large the terminal was then.
    size: Option<(usize, usize)>,
}

impl Canvas {
    /// What has these lines stand there in place of those before. What does not fit is counted.
    fn draw(&mut self, mut lines: Vec<String>, size: Option<(usize, usize)>) -> String {
        let (rows, _) = size.unwrap_or(USUAL_SIZE);
        // The cursor stands in the last row.
        let room = rows.saturating_sub(1).max(1);
        if lines.len() > room {
            let left_out = lines.len() - room + 1;
            lines.truncate(room - 1);
            lines.push(Tint::Faint.paint(&format!("... and {left_out} more lines")));
        }
        let mut text = match self.lines {
            0 => String::new(),
            // What was drawn has been wrapped anew: nobody knows where it is.
            _ if self.size != size => "\x1b[2J\x1b[H".to_owned(),
            drawn => format!("\x1b[{drawn}A\r"),
        };
        for line in &lines {
            text += &format!("{line}\x1b[K\n");
        }
        text += "\x1b[J";
        self.lines = lines.len();
        self.size = size;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_drawn_over_the_one_before_and_never_scrolls() {
        let mut canvas = Canvas::default();
        let lines = |count: usize| (0..count).map(|line| line.to_string()).collect();
        assert_eq!(
            canvas.draw(lines(2), Some((4, 80))),
            "0\x1b[K\n1\x1b[K\n\x1b[J"
        );
        assert_eq!(
            canvas.draw(lines(9), Some((4, 80))),
            "\x1b[2A\r0\x1b[K\n1\x1b[K\n... and 7 more lines\x1b[K\n\x1b[J"
        );
        let anew = canvas.draw(lines(1), Some((4, 60)));
        assert!(anew.starts_with("\x1b[2J\x1b[H0"), "{anew:?}");
    }

    #[test]
    fn rates_alone_are_no_news() {
        let record = |rate: &str, links: &str| {
            let mut record = vec!["x".to_owned(); FIELDS.len()];
            rate.clone_into(&mut record[5]);
            links.clone_into(&mut record[8]);
            record
        };
        assert!(!differ(&record("1", "2"), &record("7", "2")));
        assert!(differ(&record("1", "2"), &record("1", "3")));
    }
}
