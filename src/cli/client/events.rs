//! `events`: what happens in a node, as it happens: those that it still remembers first.

use console::measure_text_width;
use serde_json::{Map, Value};
use swarmlet_protocol::text::escaped;
use tokio::signal::unix::{SignalKind, signal};

use super::connect::Connection;
use super::page::{Page, reader_is_gone};
use super::sse::Event;
use super::stream::{News, Stream};
use super::table::{self, Tint, field};
use super::watch::complain;
use crate::cli::SUCCESS;
use crate::cli::args::ClientArgs;
use crate::cli::error::CliError;

/// The fields of a fact, in an order that stays.
const FIELDS: [&str; 3] = ["time", "event", "text"];

/// 15 characters: the longest word for a fact.
const WORD: usize = 15;

/// Prints them until Ctrl-C; the exit status.
///
/// # Errors
/// The node was not there at first, or refuses; nobody reads what is printed.
pub(super) async fn events(args: &ClientArgs) -> Result<u8, CliError> {
    let connection = Connection::new(args)?;
    let page = Page::new(args.json);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::Start)?;
    let mut stream = Stream::open(&connection).await?;
    if !page.is_json() && !page.is_for_people() {
        page.print(&table::separated(&FIELDS, &[]))?;
    }
    let at = connection.shown();
    loop {
        let news = tokio::select! {
            news = stream.next() => news?,
            _ = interrupt.recv() => return Ok(SUCCESS),
        };
        match news {
            News::Events(events) => {
                for event in &events {
                    if let Some(fact) = Fact::of(event) {
                        fact.print(page)?;
                    }
                }
            }
            News::Gone(reason) => {
                complain(&format!(
                    "the node at {at} is gone: {reason}; waiting for it"
                ));
            }
            News::Back => complain(&format!("the node at {at} is back")),
        }
        if reader_is_gone() {
            return Ok(SUCCESS);
        }
    }
}

/// Something that happened.
#[derive(Debug)]
struct Fact<'a> {
    kind: &'a str,
    id: &'a str,
    data: Map<String, Value>,
}

impl<'a> Fact<'a> {
    /// None of the pictures of how the node is.
    fn of(event: &'a Event) -> Option<Self> {
        let Event { kind, data, id } = event;
        if matches!(kind.as_str(), "status" | "swarms" | "peers") {
            return None;
        }
        let data = serde_json::from_str(data).ok()?;
        Some(Self { kind, id, data })
    }

    fn print(self, page: Page) -> Result<(), CliError> {
        if page.is_json() {
            return page.json_line(&self.json());
        }
        let time = field(self.text("time"));
        let kind = escaped(self.kind);
        let text = field(self.words());
        if !page.is_for_people() {
            return page.print(&format!("{time}\t{kind}\t{text}\n"));
        }
        let gap = " ".repeat(WORD.saturating_sub(measure_text_width(&kind)) + 1);
        let (time, kind) = (Tint::Faint.paint(&time), self.tint().paint(&kind));
        page.print(&format!("{time} {kind}{gap}{text}\n"))
    }

    /// As the API says it, with its word and its number.
    fn json(self) -> Value {
        let mut data = self.data;
        data.insert("event".to_owned(), self.kind.into());
        if let Ok(id) = self.id.parse::<u64>() {
            data.insert("id".to_owned(), id.into());
        }
        Value::Object(data)
    }

    fn words(&self) -> Option<String> {
        match self.data.get("missed").and_then(Value::as_u64) {
            Some(missed) => Some(format!("{missed} events came too fast and were missed")),
            None => self.text("text"),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.data.get(name).and_then(Value::as_str).map(escaped)
    }

    fn tint(&self) -> Tint {
        match self.kind {
            "completed" | "storage-resumed" | "healed" => Tint::Good,
            "content-refused" | "damaged" | "storage-paused" | "actor-panicked" | "actor-stuck"
            | "thread-stuck" | "failed" => Tint::Bad,
            "incomplete" | "banned" | "swarm-paused" | "lagged" => Tint::Odd,
            "peer-joined" | "peer-lost" => Tint::Faint,
            _ => Tint::Busy,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, data: &str) -> Event {
        Event {
            kind: kind.to_owned(),
            data: data.to_owned(),
            id: "7".to_owned(),
        }
    }

    #[test]
    fn a_fact_is_what_the_api_says_with_its_word_and_number() {
        let event = event("banned", r#"{"time":"t","text":"a\tb","ip":"10.0.0.7"}"#);
        let fact = Fact::of(&event).unwrap();
        assert_eq!(fact.words().unwrap(), "a\\tb");
        assert_eq!(
            fact.json(),
            json!({"event": "banned", "id": 7, "time": "t", "text": "a\tb", "ip": "10.0.0.7"})
        );
    }

    #[test]
    fn pictures_are_no_facts_and_what_was_missed_is_one() {
        assert!(Fact::of(&event("swarms", "{}")).is_none());
        let lagged = event("lagged", r#"{"missed":3}"#);
        let said = Fact::of(&lagged).unwrap().words().unwrap();
        assert_eq!(said, "3 events came too fast and were missed");
    }
}
