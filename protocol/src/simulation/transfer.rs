//! Bytes on their way: requests wait, batches leave in turn, arrive, and become pieces.

use std::time::Duration;

use super::event::{Event, News, Side};
use super::swarm::Swarm;
use crate::id::LinkId;
use crate::layout::PieceIndex;
use crate::picker::Input;
use crate::session::{STORE_BATCH, STORE_DELAY};

/// Hash and write, for each batch that storage gets.
const STORE: Duration = Duration::from_millis(2);

impl Swarm {
    pub(super) fn requested(&mut self, node: u32, side: Side, pieces: Vec<PieceIndex>) {
        let queue = &mut self.end_mut(side).queue;
        let waits = !queue.is_empty();
        queue.extend(pieces);
        if !waits {
            self.nodes[node as usize].turns.push_back(side.link);
        }
        self.send(node);
    }

    pub(super) fn cancelled(&mut self, node: u32, side: Side, pieces: &[PieceIndex]) {
        let layout = self.config.layout;
        let mut traffic = self.nodes[node as usize].traffic;
        let queue = &mut self.end_mut(side).queue;
        queue.retain(|queued| {
            let taken_back = pieces.contains(queued);
            if taken_back {
                traffic.reject(*queued, &layout);
            }
            !taken_back
        });
        let is_empty = queue.is_empty();
        let at = &mut self.nodes[node as usize];
        at.traffic = traffic;
        if is_empty {
            at.turns.retain(|&turn| turn != side.link);
        }
    }

    /// Sends the next batch, if the line is free: the links in turn.
    fn send(&mut self, node: u32) {
        let (now, layout) = (self.now(), self.config.layout);
        let at = &mut self.nodes[node as usize];
        if at.sending || at.up == 0 {
            return;
        }
        let Some(link) = at.turns.pop_front() else {
            return;
        };
        let side = self.side_of(link, node);
        let end = self.end_mut(side);
        let (pieces, bytes) = end.next_batch(&layout);
        let more = !end.queue.is_empty();
        let at = &mut self.nodes[node as usize];
        if more {
            at.turns.push_back(link);
        }
        at.sending = true;
        at.sent += bytes;
        at.traffic.answer(&pieces, &layout);
        let due = now + Duration::from_micros(bytes * 1_000_000 / at.up);
        let event = Event::Sent {
            node,
            life: at.life,
            to: side.other(),
            pieces,
            bytes,
        };
        self.clock.at(due, event);
    }

    /// The last byte of a batch has left. It arrives when the receiver's line has room for it.
    pub(super) fn sent(
        &mut self,
        node: u32,
        life: u32,
        to: Side,
        pieces: Vec<PieceIndex>,
        bytes: u64,
    ) -> Option<u32> {
        let now = self.now();
        if self.nodes[node as usize].life != life {
            return None;
        }
        self.nodes[node as usize].sending = false;
        if let Some(receiver) = self.node_of(to) {
            let at = &mut self.nodes[receiver as usize];
            let busy = at.down_free + Duration::from_micros(bytes * 1_000_000 / at.down.max(1));
            at.down_free = busy.max(now + self.config.latency);
            let due = at.down_free;
            let news = News::Arrived { pieces, bytes };
            self.clock.at(due, Event::Link(to, news));
        }
        self.send(node);
        Some(node)
    }

    pub(super) fn arrived(&mut self, node: u32, side: Side, pieces: Vec<PieceIndex>, bytes: u64) {
        let (now, layout) = (self.now(), self.config.layout);
        let round_trip = self.config.latency * 2;
        let end = self.end_mut(side);
        end.received(bytes, round_trip, now);
        let waits = !end.whole.is_empty();
        let mut wasted = 0;
        for piece in pieces {
            if end.release(piece, &layout) {
                end.whole.push(piece);
            } else {
                wasted += u64::from(layout.length(piece));
            }
        }
        // As in a session: a batch of pieces goes to storage when it is large or old enough, or
        // when nothing more is on the way.
        let batch = end.whole.len() as u64 * u64::from(layout.piece_length());
        let due = batch >= STORE_BATCH as u64 || end.owed.is_empty();
        let begun = !end.whole.is_empty() && !waits;
        if begun {
            end.whole_since = now;
        }
        self.nodes[node as usize].wasted += wasted;
        if due {
            self.flush(node, side);
        } else if begun {
            let due = now + STORE_DELAY;
            self.clock.at(due, Event::Link(side, News::Flush));
        }
        self.want(side);
    }

    /// The pieces that became whole have waited; unless they went with others, and these came later.
    pub(super) fn flush_if_old(&mut self, node: u32, side: Side) {
        if self.now() >= self.end(side).whole_since + STORE_DELAY {
            self.flush(node, side);
        }
    }

    /// Hands the pieces that became whole to storage.
    fn flush(&mut self, node: u32, side: Side) {
        let pieces = std::mem::take(&mut self.end_mut(side).whole);
        if pieces.is_empty() {
            return;
        }
        let due = self.now() + STORE;
        let event = Event::Stored {
            node,
            life: self.nodes[node as usize].life,
            pieces: pieces.clone(),
        };
        self.clock.at(due, event);
        let link = LinkId(u64::from(side.link));
        self.pick(node, Input::Received { link, pieces });
    }

    pub(super) fn stored(&mut self, node: u32, life: u32, pieces: Vec<PieceIndex>) -> Option<u32> {
        let at = &mut self.nodes[node as usize];
        if at.life != life {
            return None;
        }
        for &piece in &pieces {
            at.have.insert(piece);
        }
        self.pick(node, Input::Stored(pieces));
        Some(node)
    }
}
