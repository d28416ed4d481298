//! Since when a message of the peer has been on its way, as far as that is the peer's own doing.

use crate::time::Timestamp;

/// The message that has begun and is not at its end.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    /// Its number, and since when, moved on by the time in which we did not read.
    message: Option<(u64, Timestamp)>,
    /// The host does not read since then.
    held_up: Option<Timestamp>,
}

impl Unfinished {
    /// Where the stream stands after what came now.
    pub(super) fn set(&mut self, within: Option<u64>, now: Timestamp) {
        self.message = within.map(|number| match self.message {
            Some((same, since)) if same == number => (number, since),
            _ => (number, now),
        });
    }

    /// The host does not read at present. May be said again and again.
    pub(super) fn hold_up(&mut self, now: Timestamp) {
        self.read_on(now);
        self.held_up = Some(now);
    }

    /// The host reads.
    pub(super) fn read_on(&mut self, now: Timestamp) {
        let Some(began) = self.held_up.take() else {
            return;
        };
        if let Some((_, since)) = &mut self.message {
            *since = *since + now.since(began);
        }
    }

    pub(super) fn since(&self) -> Option<Timestamp> {
        self.message.map(|(_, since)| since)
    }
}
