//! Pieces that a disk could not read: they count as lost, and are tried again.
//!
//! A cable, a controller or a disk that was busy with itself may fail for a moment. Such a piece is
//! withdrawn and fetched like any other; where nobody has it, the disk is the only hope.

use std::ops::Range;
use std::time::Duration;

use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::time::Timestamp;

/// 60 s between two attempts: a bad sector may hold up its disk for seconds.
const PERIOD: Duration = Duration::from_secs(60);

/// 1,000 ranges in one attempt: of a disk that is gone as a whole nothing is to be had.
const MOST: usize = 1_000;

/// The pieces, and when they are tried next.
#[derive(Debug)]
pub(super) struct Unreadable {
    pieces: Bitfield,
    next: Timestamp,
}

impl Unreadable {
    pub(super) fn new(pieces: u32) -> Self {
        Self {
            pieces: Bitfield::new(pieces),
            next: Timestamp::ZERO,
        }
    }

    /// These could not be read just now.
    pub(super) fn note(&mut self, lost: &[PieceIndex]) {
        for &piece in lost {
            self.pieces.insert(piece);
        }
    }

    /// What is to be tried now, of what is still not here.
    pub(super) fn due(&mut self, missing: &Bitfield, now: Timestamp) -> Vec<Range<u32>> {
        if now < self.next || self.pieces.count() == 0 {
            return Vec::new();
        }
        self.next = now + PERIOD;
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for piece in self.pieces.iter().collect::<Vec<_>>() {
            if !missing.contains(piece) {
                self.pieces.remove(piece);
                continue;
            }
            let number = piece.get();
            let count = ranges.len();
            match ranges.last_mut() {
                Some(last) if last.end == number => last.end += 1,
                _ if count == MOST => break,
                _ => ranges.push(number..number + 1),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_is_tried_once_a_minute_until_it_is_here() {
        let pieces =
            |numbers: &[u32]| -> Vec<_> { numbers.iter().copied().map(PieceIndex::new).collect() };
        let mut missing = Bitfield::new(100);
        let mut unreadable = Unreadable::new(100);
        let now = Timestamp::from_millis(5);
        assert_eq!(unreadable.due(&missing, now), []);
        for piece in pieces(&[1, 3, 4, 5, 9]) {
            missing.insert(piece);
        }
        // 9 is missing for another reason.
        unreadable.note(&pieces(&[1, 3, 4, 5]));
        assert_eq!(unreadable.due(&missing, now), [1..2, 3..6]);
        assert_eq!(unreadable.due(&missing, now), []);
        missing.remove(PieceIndex::new(4));
        assert_eq!(unreadable.due(&missing, now + PERIOD), [1..2, 3..4, 5..6]);
        // What is lost later for another reason is not tried.
        missing.insert(PieceIndex::new(4));
        assert_eq!(
            unreadable.due(&missing, now + PERIOD * 2),
            [1..2, 3..4, 5..6]
        );
    }

    #[test]
    fn of_a_disk_that_is_gone_not_all_is_tried() {
        let every_other: Vec<_> = (0..50_000).map(|it| PieceIndex::new(it * 2)).collect();
        let mut missing = Bitfield::new(100_000);
        let mut unreadable = Unreadable::new(100_000);
        every_other.iter().for_each(|&it| {
            missing.insert(it);
        });
        unreadable.note(&every_other);
        let due = unreadable.due(&missing, Timestamp::from_millis(1));
        assert_eq!(due.len(), MOST);
    }
}
