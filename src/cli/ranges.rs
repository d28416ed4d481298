//! Rising numbers in few words: `3, 7-9`.

use std::fmt;

/// Shows rising numbers with runs of neighbours drawn together.
pub(crate) struct Ranges<'a>(pub(crate) &'a [u32]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self
            .0
            .chunk_by(|one, next| one.checked_add(1) == Some(*next));
        for (place, run) in runs.enumerate() {
            let comma = if place > 0 { ", " } else { "" };
            match run {
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [only] => write!(f, "{comma}{only}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbours_are_drawn_together() {
        assert_eq!(Ranges(&[]).to_string(), "");
        assert_eq!(Ranges(&[4]).to_string(), "4");
        assert_eq!(Ranges(&[0, 1]).to_string(), "0-1");
        assert_eq!(Ranges(&[3, 7, 8, 9, 11]).to_string(), "3, 7-9, 11");
        assert_eq!(Ranges(&[0, u32::MAX]).to_string(), "0, 4294967295");
    }

    proptest! {
        #[test]
        fn the_text_names_exactly_the_numbers(numbers in proptest::collection::btree_set(0_u32..60, 0..40)) {
            let list: Vec<u32> = numbers.iter().copied().collect();
            let mut named = BTreeSet::new();
            for range in Ranges(&list).to_string().split(", ").filter(|range| !range.is_empty()) {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                named.extend(first.parse::<u32>().unwrap()..=last.parse().unwrap());
            }
            prop_assert_eq!(named, numbers);
        }
    }
}
