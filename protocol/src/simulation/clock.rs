//! The queue of what is still to happen.
//!
//! Invariant: events come out in the order of their times, and those of one time in the order in
//! which they went in; so a link never reorders, and a seed decides a run.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Timestamp;

/// Events to come, in time. The bodies lie in slots that are used again, so that the heap moves
/// small entries only.
#[derive(Debug)]
pub(super) struct Clock<E> {
    now: Timestamp,
    heap: BinaryHeap<Reverse<(Timestamp, u64, u32)>>,
    bodies: Vec<Option<E>>,
    free: Vec<u32>,
    count: u64,
}

impl<E> Clock<E> {
    pub(super) const fn new() -> Self {
        Self {
            now: Timestamp::from_millis(1),
            heap: BinaryHeap::new(),
            bodies: Vec::new(),
            free: Vec::new(),
            count: 0,
        }
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// How many events went in so far.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// Puts an event at that time, or at once if that is past.
    pub(super) fn at(&mut self, due: Timestamp, event: E) {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.bodies.push(None);
                self.bodies.len() as u32 - 1
            }
        };
        self.bodies[slot as usize] = Some(event);
        self.heap
            .push(Reverse((due.max(self.now), self.count, slot)));
        self.count += 1;
    }

    /// Takes the next event that is due by `limit`, and moves the time to it.
    pub(super) fn next(&mut self, limit: Timestamp) -> Option<E> {
        let &Reverse((due, _, slot)) = self.heap.peek()?;
        if due > limit {
            return None;
        }
        self.heap.pop();
        self.now = due;
        self.free.push(slot);
        self.bodies[slot as usize].take()
    }

    /// Nothing more is due by `limit`: goes there.
    pub(super) fn skip_to(&mut self, limit: Timestamp) {
        self.now = self.now.max(limit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order_of_time_and_then_of_arrival() {
        let mut clock = Clock::new();
        for (due, name) in [(5, 'a'), (3, 'b'), (5, 'c'), (3, 'd'), (9, 'e')] {
            clock.at(Timestamp::from_millis(due), name);
        }
        let limit = Timestamp::from_millis(8);
        let order: String = std::iter::from_fn(|| clock.next(limit)).collect();
        assert_eq!(order, "bdac");
        assert_eq!(clock.now(), Timestamp::from_millis(5));
        clock.skip_to(limit);
        clock.at(Timestamp::ZERO, 'f');
        assert_eq!(clock.next(limit), Some('f'));
        assert_eq!(clock.next(limit), None);
    }
}
