//! What is to be delivered: a file of some size, cut into pieces, to a number of leechers.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// 253: the addresses of a /24 but the seed's and the tracker's.
const MAX_LEECHERS: usize = 253;

/// 16 KiB: the block of BitTorrent. Some engines refuse shorter pieces.
const MIN_PIECE: u64 = 16 * 1024;

/// 16 GiB: what a machine with a large memory can hold twice.
const MAX_SIZE: u64 = 16 << 30;

/// The cases that are measured unless others are named. Each delivers 1 GiB in all.
pub(crate) const DEFAULT_CASES: [&str; 3] = ["1-to-1", "1-to-4", "1-to-16"];

/// One seed, some leechers, and the file that they want.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Case {
    /// How many leechers there are.
    pub(crate) leechers: usize,
    /// Bytes of the file.
    pub(crate) size: u64,
    /// Bytes of each piece but the last.
    pub(crate) piece: u64,
}

impl Case {
    /// Bytes that all leechers together get.
    pub(crate) fn delivered(&self) -> u64 {
        self.size * self.leechers as u64
    }

    /// `1-to-4`: how the case is called in tables.
    pub(crate) fn name(&self) -> String {
        format!("1-to-{}", self.leechers)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.leechers == 1 { "" } else { "s" };
        write!(
            f,
            "{} in pieces of {} to {} leecher{plural}",
            size_text(self.size),
            size_text(self.piece),
            self.leechers
        )
    }
}

/// A case that cannot be measured.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub(crate) enum CaseError {
    /// Neither a known name nor three parts.
    #[error(
        "no case is called {0:?}: it is one of {names}, or LEECHERS:SIZE:PIECE as in 2:64MiB:64KiB",
        names = DEFAULT_CASES.join(", ")
    )]
    Unknown(String),
    /// A number of leechers that the addresses do not suffice for.
    #[error("{0:?} leechers: it takes a number from 1 to {MAX_LEECHERS}")]
    Leechers(String),
    /// Something that is no size, or one beyond the limits.
    #[error("{0:?}: a size is a number and B, KiB, MiB or GiB, up to 16GiB")]
    Size(String),
    /// Pieces that BitTorrent engines do not take.
    #[error("pieces of {0}: it takes a power of two from 16KiB up to the size of the file")]
    Piece(String),
}

impl FromStr for Case {
    type Err = CaseError;

    fn from_str(text: &str) -> Result<Self, CaseError> {
        let case = |leechers, size, piece| Self {
            leechers,
            size,
            piece,
        };
        match text {
            "1-to-1" => return Ok(case(1, 1 << 30, 256 << 10)),
            "1-to-4" => return Ok(case(4, 256 << 20, 256 << 10)),
            "1-to-16" => return Ok(case(16, 64 << 20, 64 << 10)),
            _ => {}
        }
        let parts: Vec<_> = text.split(':').collect();
        let [leechers, size, piece] = parts.as_slice() else {
            return Err(CaseError::Unknown(text.to_owned()));
        };
        let count = leechers.parse().unwrap_or(0);
        if !(1..=MAX_LEECHERS).contains(&count) {
            return Err(CaseError::Leechers((*leechers).to_owned()));
        }
        let bytes = |text: &str| parse_size(text).ok_or_else(|| CaseError::Size(text.to_owned()));
        let case = case(count, bytes(size)?, bytes(piece)?);
        let fits = case.piece.is_power_of_two() && (MIN_PIECE..=case.size).contains(&case.piece);
        if !fits {
            return Err(CaseError::Piece((*piece).to_owned()));
        }
        Ok(case)
    }
}

/// Bytes of `64KiB` and the like, at least 1 and at most [`MAX_SIZE`].
fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let unit = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    let bytes = number.parse::<u64>().ok()?.checked_mul(unit)?;
    (1..=MAX_SIZE).contains(&bytes).then_some(bytes)
}

/// `256 KiB`: a size in the largest unit in which it is a whole number.
fn size_text(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = units
        .iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match unit {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_cases_deliver_a_gibibyte_each() {
        for name in DEFAULT_CASES {
            let case: Case = name.parse().unwrap();
            assert_eq!(case.delivered(), 1 << 30, "{name}");
            assert_eq!(case.name(), name);
        }
    }

    #[test]
    fn a_case_of_ones_own_is_read_and_shown() {
        let case: Case = "2:8MiB:64KiB".parse().unwrap();
        assert_eq!(case.leechers, 2);
        assert_eq!(case.size, 8 << 20);
        assert_eq!(case.piece, 64 << 10);
        assert_eq!(case.to_string(), "8 MiB in pieces of 64 KiB to 2 leechers");
        let odd: Case = "1:1000001:16KiB".parse().unwrap();
        assert_eq!(
            odd.to_string(),
            "1000001 B in pieces of 16 KiB to 1 leecher"
        );
    }

    #[test]
    fn what_cannot_be_measured_is_refused_by_name() {
        let refused = |text: &str| text.parse::<Case>().unwrap_err();
        assert_eq!(refused("1-to-9"), CaseError::Unknown("1-to-9".into()));
        assert_eq!(refused("0:1MiB:64KiB"), CaseError::Leechers("0".into()));
        assert_eq!(refused("254:1MiB:64KiB"), CaseError::Leechers("254".into()));
        assert_eq!(refused("1:1MB:64KiB"), CaseError::Size("1MB".into()));
        assert_eq!(refused("1:17GiB:64KiB"), CaseError::Size("17GiB".into()));
        assert_eq!(refused("1:1MiB:48KiB"), CaseError::Piece("48KiB".into()));
        assert_eq!(refused("1:1MiB:8KiB"), CaseError::Piece("8KiB".into()));
        assert_eq!(refused("1:1MiB:2MiB"), CaseError::Piece("2MiB".into()));
    }
}
