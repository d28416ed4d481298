//! Server-sent events (WHATWG HTML, 9.2) out of bytes as they come. Pure.
//!
//! However the bytes are cut, the events are the same.

use thiserror::Error;

/// 16 MiB: the longest event. 64 contents with their piece maps have less than 1 MiB, and so have
/// 300 links.
const MAX_EVENT: usize = 16 << 20;

/// 1 KiB: the longest id that is kept; ours are numbers. Each event carries the last one, and a stream may
/// have any number of events behind it.
const MAX_ID: usize = 1 << 10;

/// An event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Event {
    /// What it is; `message` where nothing is said.
    pub(crate) kind: String,
    /// Its lines of data.
    pub(crate) data: String,
    /// The last id that was said, by this event or an earlier one; empty before the first.
    pub(crate) id: String,
}

/// More than an event may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Error)]
#[error("an event of more than {} MiB", MAX_EVENT >> 20)]
pub(crate) struct TooLong;

/// Reads a stream from its start on.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed behind it belongs to it.
    returned: bool,
    /// There was a line: no byte order mark is looked for any more.
    begun: bool,
    kind: String,
    /// With a line feed behind each line.
    data: String,
    id: String,
}

impl Parser {
    /// The events that end in these bytes.
    ///
    /// # Errors
    /// One is too long; the stream is of no use any more.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            let follows_return = std::mem::replace(&mut self.returned, byte == b'\r');
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => events.extend(self.end_line()),
                _ if self.line.len() + self.data.len() >= MAX_EVENT => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let first = !std::mem::replace(&mut self.begun, true);
        let line = line
            .strip_prefix('\u{feff}')
            .filter(|_| first)
            .unwrap_or(&line);
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                self.data.push_str(value);
                self.data.push('\n');
            }
            "id" if value.len() <= MAX_ID && !value.contains('\0') => {
                value.clone_into(&mut self.id)
            }
            // A comment, a time to wait, or a field of a later version.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        let kind = std::mem::take(&mut self.kind);
        let mut data = std::mem::take(&mut self.data);
        data.pop()?;
        Some(Event {
            kind: match kind.is_empty() {
                true => "message".to_owned(),
                false => kind,
            },
            data,
            id: self.id.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<(String, String, String)> {
        let events = Parser::default().push(text.as_bytes()).unwrap();
        let parts = |event: Event| (event.kind, event.data, event.id);
        events.into_iter().map(parts).collect()
    }

    fn event(kind: &str, data: &str, id: &str) -> (String, String, String) {
        (kind.to_owned(), data.to_owned(), id.to_owned())
    }

    #[test]
    fn events_are_those_of_the_standard() {
        let text = "retry: 1000\n\n: alive\n\nevent: status\ndata: {\"a\":1}\n\nid: 7\ndata:x\ndata\ndata:  y\n\nevent: lost\n\n";
        assert_eq!(
            all(text),
            [
                event("status", "{\"a\":1}", ""),
                event("message", "x\n\n y", "7"),
            ]
        );
        assert_eq!(
            all("\u{feff}data: 1\r\rdata: 2\r\n\r\ndata: 3"),
            [event("message", "1", ""), event("message", "2", "")]
        );
        assert_eq!(all("id: 4\ndata: a\n\ndata: b\n\n")[1].2, "4");
        assert_eq!(all("id: 4\0\ndata: a\n\n")[0].2, "");
    }

    #[test]
    fn an_event_without_an_end_is_not_collected_for_ever() {
        let mut parser = Parser::default();
        let line = vec![b'x'; MAX_EVENT / 4];
        let mut outcome = Ok(Vec::new());
        for _ in 0..8 {
            outcome = outcome.and_then(|_| parser.push(b"data: "));
            outcome = outcome.and_then(|_| parser.push(&line));
            outcome = outcome.and_then(|_| parser.push(b"\n"));
        }
        assert_eq!(outcome, Err(TooLong));
    }

    #[test]
    fn a_long_id_is_not_carried_by_every_event_behind_it() {
        let id = "x".repeat(MAX_ID + 1);
        let text = format!("id: 7\nid: {id}\n{}", "data\n\n".repeat(1_000));
        let events = all(&text);
        assert_eq!(events.len(), 1_000);
        assert!(events.iter().all(|(_, _, id)| id == "7"));
        assert_eq!(all(&format!("id: {}\ndata\n\n", &id[1..]))[0].2, id[1..]);
    }

    proptest! {
        #[test]
        fn however_the_stream_is_cut_the_events_are_the_same(
            lines in prop::collection::vec(
                ("(data|event|id|retry|:|\u{feff}data|x)?(:? ?)[a-zä\u{1f600}\0 :]{0,6}", 0..3_usize), 0..40
            ),
            cuts in prop::collection::vec(0..400_usize, 0..20),
        ) {
            let ends = ["\n", "\r", "\r\n"];
            let text: String = lines.iter().map(|(line, end)| format!("{line}{}", ends[*end])).collect();
            let bytes = text.as_bytes();
            let whole = Parser::default().push(bytes).unwrap();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let mut parser = Parser::default();
            let parts = cuts.windows(2).flat_map(|cut| parser.push(&bytes[cut[0]..cut[1]]).unwrap());
            prop_assert_eq!(parts.collect::<Vec<_>>(), whole);
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let events = Parser::default().push(&bytes).unwrap();
            prop_assert!(events.iter().all(|event| !event.id.contains('\0')));
        }
    }
}
