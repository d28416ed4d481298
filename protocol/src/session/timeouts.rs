//! What a link may take its time for, and what happens when it takes longer.

use std::time::Duration;

use super::events::{CloseReason, Output};
use super::{Phase, Session};
use crate::time::Timestamp;
use crate::wire::Message;

/// 10 s: a link that is not ready by then is closed.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// 100 s: a link that we said nothing on for so long gets a keep-alive ("generally sent once
/// every two minutes", BEP 3).
pub const KEEP_ALIVE: Duration = Duration::from_secs(100);
/// 4 min: a peer that said nothing for two keep-alives is gone.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(240);
/// 20 s: a peer that owes us blocks and sends nothing for so long is gone. Its pieces are
/// leased to others long before.
pub const STARVED_LIMIT: Duration = Duration::from_secs(20);
/// 30 s: a peer that takes nothing of what waits for it is gone, or holds our memory.
pub const STUCK_LIMIT: Duration = Duration::from_secs(30);
/// 60 s: a message that was begun and has not come to its end by then, the time not counted in which
/// we did not read. A block of 16 KiB at less than 300 bytes a second is of no use to anybody, and a
/// peer that sends a byte now and then would hold a place for ever.
pub const MESSAGE_LIMIT: Duration = Duration::from_secs(60);
/// 1 s: a link on which something was said since then is not probed: that tells as much, and
/// whoever makes us doubt a link has it cost four bytes a second.
pub const PROBE_REST: Duration = Duration::from_secs(1);
/// 8 MiB: more can never wait for an honest peer, and a link with more is closed at once. Blocks
/// are bounded by the read batch; a `have` for each of 800,000 pieces takes 7.2 MB.
pub const MAX_OUTBOX: usize = 8 * 1024 * 1024;

impl Session {
    /// When [`Input::Wake`](super::Input::Wake) is due at the latest.
    #[must_use]
    pub fn next_timeout(&self) -> Timestamp {
        if matches!(self.phase, Phase::Closed) {
            return Timestamp::NEVER;
        }
        let mut next = (self.last_sent + KEEP_ALIVE).min(self.last_received + SILENCE_LIMIT);
        if !self.outbox.is_empty() {
            next = next.min(self.last_written + STUCK_LIMIT);
        }
        if !self.is_ready() {
            next = next.min(self.opened + HANDSHAKE_TIMEOUT);
        }
        if let Some(since) = self.unfinished.since() {
            next = next.min(since + MESSAGE_LIMIT);
        }
        if let Some(download) = &self.pieces.download {
            next = download.flush_at().map_or(next, |at| next.min(at));
            next = download
                .starved_since()
                .map_or(next, |at| next.min(at + STARVED_LIMIT));
            next = self
                .pieces
                .reciprocity
                .snubbed_at(download)
                .map_or(next, |at| next.min(at));
        }
        next
    }

    /// The clock has come to a time that mattered once.
    pub(super) fn wake(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let starved = self
            .pieces
            .download
            .as_ref()
            .and_then(|download| download.starved_since());
        let reason = if !self.is_ready() && now >= self.opened + HANDSHAKE_TIMEOUT {
            Some(CloseReason::HandshakeTimedOut)
        } else if now >= self.last_received + SILENCE_LIMIT {
            Some(CloseReason::Silent)
        } else if self
            .unfinished
            .since()
            .is_some_and(|since| now >= since + MESSAGE_LIMIT)
        {
            Some(CloseReason::Unfinished)
        } else if starved.is_some_and(|since| now >= since + STARVED_LIMIT) {
            Some(CloseReason::Starved)
        } else if !self.outbox.is_empty() && now >= self.last_written + STUCK_LIMIT {
            Some(CloseReason::Stuck)
        } else {
            None
        };
        if let Some(reason) = reason {
            self.close(reason, out);
        } else if now >= self.last_sent + KEEP_ALIVE && matches!(self.phase, Phase::Open { .. }) {
            self.outbox.message(&Message::KeepAlive);
        }
    }

    /// Says something for which the network has to answer.
    pub(super) fn probe(&mut self, now: Timestamp) {
        let is_open = matches!(self.phase, Phase::Open { .. });
        if is_open && self.outbox.is_empty() && now >= self.last_sent + PROBE_REST {
            self.outbox.message(&Message::KeepAlive);
        }
    }

    /// Ends the link by our own judgement.
    pub(super) fn close(&mut self, reason: CloseReason, out: &mut Vec<Output>) {
        self.phase = Phase::Closed;
        out.push(Output::Close(reason));
    }

    /// Notes what the clock needs to know after each input, and ends a link that has too much
    /// waiting: a peer that asks faster than it reads would fill our memory.
    pub(super) fn settle(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.outbox.is_empty() {
            self.waiting = false;
            return;
        }
        // What was put into an empty outbox waits from now on, however long nothing waited before.
        if !std::mem::replace(&mut self.waiting, true) {
            self.last_written = now;
        }
        self.last_sent = now;
        if self.outbox.len() > MAX_OUTBOX && !matches!(self.phase, Phase::Closed) {
            self.close(CloseReason::Stuck, out);
        }
    }
}
