//! Which part of a file a `Range` asks for (RFC 9110, 14). Pure.

use std::ops::Range;

use actix_web::http::header;

/// What is asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Asked {
    /// The whole file: there is no range, or none that we follow.
    All,
    /// This part, which is not empty.
    Part(Range<u64>),
    /// Something beyond the end.
    Beyond,
}

/// What is asked for of a file of that length. Several ranges at once are answered by the whole file,
/// as the standard allows: nobody but caches of web pages asks for them.
pub(super) fn asked(range: Option<&str>, length: u64) -> Asked {
    let Some(range) = range.and_then(|range| range.parse::<header::Range>().ok()) else {
        return Asked::All;
    };
    let header::Range::Bytes(specs) = range else {
        return Asked::All;
    };
    let [spec] = specs.as_slice() else {
        return Asked::All;
    };
    match spec.to_satisfiable_range(length) {
        Some((first, last)) => Asked::Part(first..last + 1),
        None => Asked::Beyond,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_followed_and_whatever_is_no_range_is_ignored() {
        for (range, expected) in [
            ("bytes=0-9", Asked::Part(0..10)),
            ("bytes=90-", Asked::Part(90..100)),
            ("bytes=-5", Asked::Part(95..100)),
            ("bytes=-500", Asked::Part(0..100)),
            ("bytes=50-5000", Asked::Part(50..100)),
            ("bytes=100-", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=0-1,5-6", Asked::All),
            ("pages=1-2", Asked::All),
            ("bytes=x-y", Asked::All),
            ("", Asked::All),
        ] {
            assert_eq!(asked(Some(range), 100), expected, "{range}");
        }
        assert_eq!(asked(None, 100), Asked::All);
        assert_eq!(asked(Some("bytes=0-0"), 0), Asked::Beyond);
    }

    #[test]
    fn numbers_at_the_end_of_the_world_are_numbers() {
        let last = u64::MAX;
        assert_eq!(
            asked(Some(&format!("bytes=0-{last}")), 7),
            Asked::Part(0..7)
        );
        assert_eq!(asked(Some(&format!("bytes=-{last}")), 7), Asked::Part(0..7));
        assert_eq!(asked(Some(&format!("bytes={last}-")), 7), Asked::Beyond);
    }
}
