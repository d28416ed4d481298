//! Which pieces are known to be zeros: those that lay beyond the old ends of files, or are padding.

use std::ops::Range;

use swarmlet_protocol::layout::Layout;

/// Pieces that hold nothing but zeros, as they were found when the content was opened.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    /// In order, and not empty.
    pieces: Vec<Range<u32>>,
}

/// Gathers the bytes that are zeros.
#[derive(Debug, Default)]
pub(super) struct FreshBytes {
    /// In order, with other bytes between them.
    ranges: Vec<Range<u64>>,
}

impl FreshBytes {
    /// These bytes of the content are zeros. To be told in the order of the content.
    pub(super) fn add(&mut self, bytes: Range<u64>) {
        if bytes.is_empty() {
            return;
        }
        match self.ranges.last_mut() {
            Some(last) if last.end == bytes.start => last.end = bytes.end,
            _ => self.ranges.push(bytes),
        }
    }

    /// The pieces that have no other bytes.
    pub(super) fn pieces(self, layout: &Layout) -> Fresh {
        let length = u64::from(layout.piece_length());
        let whole = |bytes: Range<u64>| {
            let first = bytes.start.div_ceil(length);
            let end = match bytes.end == layout.size() {
                true => u64::from(layout.pieces()),
                false => bytes.end / length,
            };
            // Numbers of pieces fit 32 bits: the layout has so many.
            (first < end).then_some(first as u32..end as u32)
        };
        let pieces = self.ranges.into_iter().filter_map(whole).collect();
        Fresh { pieces }
    }
}

impl Fresh {
    /// Is the first of these pieces known to be zeros, and up to which is that so?
    pub(super) fn run(&self, pieces: Range<u32>) -> (bool, u32) {
        let next = self.pieces.partition_point(|run| run.end <= pieces.start);
        match self.pieces.get(next) {
            Some(run) if run.contains(&pieces.start) => (true, run.end.min(pieces.end)),
            Some(run) => (false, run.start.min(pieces.end)),
            None => (false, pieces.end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(size: u64, length: u64, ranges: &[(u64, u64)]) -> Vec<(bool, u32)> {
        let layout = Layout::new(size, length).unwrap();
        let mut bytes = FreshBytes::default();
        for &(start, end) in ranges {
            bytes.add(start..end);
        }
        let fresh = bytes.pieces(&layout);
        let mut runs = Vec::new();
        let mut next = 0;
        while next < layout.pieces() {
            let run = fresh.run(next..layout.pieces());
            assert!(run.1 > next);
            next = run.1;
            runs.push(run);
        }
        runs
    }

    #[test]
    fn only_pieces_without_other_bytes_count() {
        assert_eq!(runs(10, 4, &[]), [(false, 3)]);
        assert_eq!(runs(10, 4, &[(0, 10)]), [(true, 3)]);
        assert_eq!(runs(10, 4, &[(5, 10)]), [(false, 2), (true, 3)]);
        assert_eq!(runs(10, 4, &[(0, 7)]), [(true, 1), (false, 3)]);
        assert_eq!(runs(10, 4, &[(9, 10)]), [(false, 3)]);
        // Two files, one beginning where the other ends; nothing lies between.
        assert_eq!(
            runs(12, 4, &[(2, 6), (6, 6), (6, 9)]),
            [(false, 1), (true, 2), (false, 3)]
        );
        assert_eq!(runs(12, 4, &[(0, 3), (4, 12)]), [(false, 1), (true, 3)]);
    }
}
