//! What readers wait for: those who read a content while it is still fetched, merged into one demand
//! for the picker.
//!
//! Each reader goes through a run of pieces, and wants what is a little ahead of it. The first piece
//! that each of them lacks comes first, then the second of each, and so on: whoever reads gets on, and
//! none waits for what another reads ahead. Nothing is known here of connections, files or bytes on a
//! wire; the host says where its readers are, and hands [`Readers::demand`] to the picker when a reader
//! came, moved or went, or a piece arrived that is demanded.
//!
//! Invariants: the n-th missing piece of a reader's window stands among the first n times as many as
//! there are readers; no piece stands twice, none is here, and none lies outside all windows; there are
//! no more than [`MAX_DEMANDED`].

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use thiserror::Error;

use crate::bitfield::Bitfield;
use crate::layout::{Layout, PieceIndex};
use crate::picker::MAX_DEMANDED;

/// 8 MiB: how far ahead of a reader pieces are demanded. A video of 25 Mbit/s for 2.5 s, and what a
/// line of 1 Gbit/s brings in 70 ms: longer than a piece takes to be asked for and to come. More would
/// only set aside what is rare.
pub const READ_AHEAD: u64 = 8 * 1024 * 1024;

/// 2 pieces are demanded for a reader at least, however long they are: the one it is in, and the next.
pub const MIN_PIECES_AHEAD: u64 = 2;

/// 64 readers of one content: each may demand eight pieces of [`MAX_DEMANDED`] at least. Beyond them
/// the host refuses, so that none of them starves.
pub const MAX_READERS: usize = 64;

/// One reader, by a number that the host gives.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct ReaderId(pub u64);

/// What a reader has still to read: pieces from the first up to the last, which belongs to it.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Hash)]
pub struct Reading {
    first: PieceIndex,
    last: PieceIndex,
}

impl Reading {
    /// The pieces in which these bytes of the content lie; `None` if there are no such bytes. What lies
    /// beyond the end of the content is cut off.
    #[must_use]
    pub fn of(layout: &Layout, bytes: Range<u64>) -> Option<Self> {
        let end = bytes.end.min(layout.size());
        let last = end.checked_sub(1).filter(|&last| bytes.start <= last)?;
        let piece_of = |byte| {
            let index = u32::try_from(byte / u64::from(layout.piece_length())).ok()?;
            layout.piece(index)
        };
        Some(Self {
            first: piece_of(bytes.start)?,
            last: piece_of(last)?,
        })
    }

    /// The piece that the reader waits for, or reads from.
    #[must_use]
    pub const fn first(&self) -> PieceIndex {
        self.first
    }

    /// The last piece that it will come to.
    #[must_use]
    pub const fn last(&self) -> PieceIndex {
        self.last
    }

    /// The pieces that are demanded for it, here or not.
    fn window(&self, layout: &Layout) -> impl Iterator<Item = PieceIndex> + use<> {
        let length = u64::from(layout.piece_length());
        let pieces = READ_AHEAD.div_ceil(length);
        let pieces = pieces.clamp(MIN_PIECES_AHEAD, MAX_DEMANDED as u64) as u32;
        let end = self.last.get().saturating_add(1).min(layout.pieces());
        let window = self.first.get()..end.min(self.first.get().saturating_add(pieces));
        window.map(PieceIndex::new)
    }
}

/// There are as many readers as can be served.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Error)]
#[error(
    "{MAX_READERS} readers of this content are the most; try again when one of them is through"
)]
pub struct TooManyReaders;

/// The readers of one content.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    readers: BTreeMap<ReaderId, Reading>,
}

impl Readers {
    /// A reader came, or is somewhere else now.
    ///
    /// # Errors
    /// If it came, and there are [`MAX_READERS`] already.
    pub fn set(&mut self, reader: ReaderId, reading: Reading) -> Result<(), TooManyReaders> {
        if self.readers.len() >= MAX_READERS && !self.readers.contains_key(&reader) {
            return Err(TooManyReaders);
        }
        self.readers.insert(reader, reading);
        Ok(())
    }

    /// A reader is through, or gone. One that is not known is none.
    pub fn remove(&mut self, reader: ReaderId) {
        self.readers.remove(&reader);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.readers.len()
    }

    /// Does nobody read?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.readers.is_empty()
    }

    /// What they wait for, the most urgent first: empty if all that is ahead of them is here.
    #[must_use]
    pub fn demand(&self, layout: &Layout, have: &Bitfield) -> Vec<PieceIndex> {
        let missing = |piece: &PieceIndex| !have.contains(*piece);
        let readers = self.readers.values();
        let mut windows: Vec<_> = readers
            .map(|reading| reading.window(layout).filter(missing))
            .collect();
        let mut demand = Vec::new();
        let mut listed = BTreeSet::new();
        while !windows.is_empty() && demand.len() < MAX_DEMANDED {
            windows.retain_mut(|window| {
                let next = window.next();
                let new = next.filter(|&piece| listed.insert(piece));
                demand.extend(new);
                next.is_some()
            });
        }
        demand.truncate(MAX_DEMANDED);
        demand
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::id::LinkId;
    use crate::picker::{Input, Output, Picker, PickerLimits};
    use crate::time::Timestamp;

    const KIB: u64 = 1024;

    fn numbers(pieces: &[PieceIndex]) -> Vec<u32> {
        pieces.iter().map(|piece| piece.get()).collect()
    }

    fn demand(layout: &Layout, readings: &[Range<u64>], here: &[u32]) -> Vec<u32> {
        let mut readers = Readers::default();
        for (id, bytes) in readings.iter().enumerate() {
            let reading = Reading::of(layout, bytes.clone()).unwrap();
            readers.set(ReaderId(id as u64), reading).unwrap();
        }
        let mut have = Bitfield::new(layout.pieces());
        for &piece in here {
            have.insert(PieceIndex::new(piece));
        }
        numbers(&readers.demand(layout, &have))
    }

    #[test]
    fn a_reader_demands_what_is_ahead_of_it_and_missing_up_to_its_end() {
        let layout = Layout::new(100 * 1024 * KIB, 1024 * KIB).unwrap();
        let all = 0..layout.size();
        let ahead = demand(&layout, std::slice::from_ref(&all), &[1, 3]);
        assert_eq!(ahead, [0, 2, 4, 5, 6, 7]);
        let bytes = 3 * 1024 * KIB + 5..5 * 1024 * KIB + 1;
        assert_eq!(demand(&layout, &[bytes], &[]), [3, 4, 5]);
        assert_eq!(demand(&layout, &[all], &[0, 1, 2, 3, 4, 5, 6, 7]), [0; 0]);
        assert_eq!(demand(&layout, &[], &[]), [0; 0]);
    }

    #[test]
    fn two_long_pieces_are_demanded_and_no_more_tiny_ones_than_the_limit() {
        let long = Layout::new(10 << 26, 1 << 26).unwrap();
        assert_eq!(
            demand(&long, std::slice::from_ref(&(0..10 << 26)), &[]),
            [0, 1]
        );
        let tiny = Layout::new(100_000, 1).unwrap();
        let ahead = demand(&tiny, std::slice::from_ref(&(50..100_000)), &[]);
        assert_eq!(ahead, (50..50 + MAX_DEMANDED as u32).collect::<Vec<_>>());
    }

    #[test]
    fn readers_take_turns_and_what_two_want_stands_once() {
        let layout = Layout::new(100 * 1024 * KIB, 2048 * KIB).unwrap();
        let from = |piece: u64| piece * 2048 * KIB..layout.size();
        let merged = demand(&layout, &[from(0), from(20), from(1)], &[21]);
        assert_eq!(merged, [0, 20, 1, 22, 2, 23, 3, 4]);
    }

    #[test]
    fn readers_of_one_picker_get_on_side_by_side() {
        let layout = Layout::new(10_000, 100).unwrap();
        let mut picker = Picker::new(layout, PickerLimits::default(), 1);
        let mut tell = |input| {
            let mut out = Vec::new();
            picker.handle(input, Timestamp::ZERO, &mut out);
            let granted = out.into_iter().find_map(|output| match output {
                Output::Grant { pieces, .. } => Some(numbers(&pieces)),
                _ => None,
            });
            granted.unwrap_or_default()
        };
        let link = LinkId(1);
        let want = |pieces: u64| Input::Want {
            link,
            bytes: pieces * 100,
            rtt: Duration::from_millis(1),
            rate: 0,
        };
        let bad = layout.all_pieces().collect();
        tell(Input::Checked { good: vec![], bad });
        tell(Input::LinkOpened { link });
        tell(Input::PeerHasAll { link });
        let mut readers = Readers::default();
        let reading = |from: u64| Reading::of(&layout, from * 100..from * 100 + 2_000).unwrap();
        for (id, from) in [0, 40, 70].into_iter().enumerate() {
            readers.set(ReaderId(id as u64), reading(from)).unwrap();
        }
        let none = Bitfield::new(layout.pieces());
        tell(Input::Demand(readers.demand(&layout, &none)));
        assert_eq!(tell(want(6)), [0, 40, 70, 1, 41, 71]);
        // One is through, another jumped.
        readers.remove(ReaderId(0));
        readers.set(ReaderId(1), reading(10)).unwrap();
        tell(Input::Demand(readers.demand(&layout, &none)));
        assert_eq!(tell(want(4)), [10, 11, 12, 72]);
    }

    #[test]
    fn bytes_that_do_not_exist_are_read_by_nobody() {
        let layout = Layout::new(1_000, 100).unwrap();
        let reading = |bytes| Reading::of(&layout, bytes);
        let whole = reading(0..u64::MAX).unwrap();
        assert_eq!((whole.first().get(), whole.last().get()), (0, 9));
        let within = reading(99..101).unwrap();
        assert_eq!((within.first().get(), within.last().get()), (0, 1));
        #[expect(clippy::reversed_empty_ranges)]
        let backwards = 500..400;
        for none in [0..0, 1_000..1_001, 5..5, backwards] {
            assert_eq!(reading(none), None);
        }
        let empty = Layout::new(0, 100).unwrap();
        assert_eq!(Reading::of(&empty, 0..10), None);
    }

    #[test]
    fn one_reader_more_than_the_limit_is_refused_until_another_is_gone() {
        let layout = Layout::new(1_000, 100).unwrap();
        let reading = Reading::of(&layout, 0..1_000).unwrap();
        let mut readers = Readers::default();
        for id in 0..MAX_READERS as u64 {
            readers.set(ReaderId(id), reading).unwrap();
        }
        assert_eq!(readers.set(ReaderId(999), reading), Err(TooManyReaders));
        readers.set(ReaderId(5), reading).unwrap();
        readers.remove(ReaderId(5));
        readers.set(ReaderId(999), reading).unwrap();
        assert_eq!(readers.len(), MAX_READERS);
    }

    proptest! {
        #[test]
        fn no_reader_starves_and_nothing_is_demanded_in_vain(
            length in prop_oneof![Just(7_u64), Just(16 << 10), Just(3 << 20), Just(6 << 20)],
            places in prop::collection::vec((0.0_f64..1.0, 0.0_f64..1.0), 0..MAX_READERS),
            share in 0_u8..=255,
            seed in any::<u64>(),
        ) {
            let layout = Layout::new(900 * length + 3, length).unwrap();
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut have = Bitfield::new(layout.pieces());
            for piece in layout.all_pieces().filter(|_| rng.u8(..) < share) {
                have.insert(piece);
            }
            let mut readers = Readers::default();
            let mut windows = Vec::new();
            for (id, (from, long)) in places.into_iter().enumerate() {
                let from = (from * layout.size() as f64) as u64;
                let long = (long * layout.size() as f64) as u64 + 1;
                let reading = Reading::of(&layout, from..from + long).unwrap();
                readers.set(ReaderId(id as u64), reading).unwrap();
                let window: Vec<_> = reading.window(&layout).collect();
                let bytes: u64 = window.iter().map(|&it| u64::from(layout.length(it))).sum();
                prop_assert!(window[0] == reading.first());
                prop_assert!(*window.last().unwrap() <= reading.last());
                prop_assert!(bytes < READ_AHEAD + length || window.len() <= 2);
                windows.push(window);
            }
            let demand = readers.demand(&layout, &have);
            prop_assert!(demand.len() <= MAX_DEMANDED);
            let distinct: BTreeSet<_> = demand.iter().collect();
            prop_assert_eq!(distinct.len(), demand.len());
            for piece in &demand {
                prop_assert!(!have.contains(*piece));
                prop_assert!(windows.iter().any(|window| window.contains(piece)));
            }
            for window in &windows {
                let missing = window.iter().filter(|piece| !have.contains(**piece));
                for (place, piece) in missing.enumerate() {
                    let most = (place + 1) * windows.len();
                    let at = demand.iter().position(|demanded| demanded == piece);
                    prop_assert!(at.unwrap_or(MAX_DEMANDED) < most, "{:?} at {:?}", piece, at);
                }
            }
        }
    }
}
