//! Sizes as people write them: `64MiB`, `256 KiB`, `1000`.
//!
//! Whole numbers only, so that what is printed is what was meant.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A number of bytes that a person wrote or is to read.
#[derive(Copy, Clone, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub(crate) struct Size(pub(crate) u64);

/// A text that is not a size.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
pub(crate) enum ParseSizeError {
    /// No digits, a sign, a fraction, or a unit that nobody knows.
    #[error("'{0}' is not a size: expected a whole number and a unit such as 256KiB, 64MiB or 1GB")]
    Malformed(String),
    /// More bytes than fit 64 bits.
    #[error("'{0}' is too large: a size has at most 2^64 - 1 bytes")]
    TooLarge(String),
}

impl FromStr for Size {
    type Err = ParseSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        let digits = trimmed
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let malformed = || ParseSizeError::Malformed(text.to_owned());
        let too_large = || ParseSizeError::TooLarge(text.to_owned());
        if number.is_empty() {
            return Err(malformed());
        }
        let unit = unit.trim_start().to_ascii_lowercase();
        let factor = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|&(_, factor)| factor)
            .ok_or_else(malformed)?;
        let number: u64 = number.parse().map_err(|_| too_large())?;
        number.checked_mul(factor).map(Self).ok_or_else(too_large)
    }
}

impl fmt::Display for Size {
    /// `64 MiB` where that is exact, else one decimal: `63.9 MiB`. Never rounds up to a full unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0;
        let Some(&(name, factor)) = BINARY.iter().find(|(_, factor)| bytes >= *factor) else {
            return write!(f, "{bytes} {}", if bytes == 1 { "byte" } else { "bytes" });
        };
        if bytes.is_multiple_of(factor) {
            return write!(f, "{} {name}", bytes / factor);
        }
        let tenths = u128::from(bytes) * 10 / u128::from(factor);
        write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// A count with separators every three digits: `1,024`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What may follow the number, in lower case. A single letter means the binary unit, as in `dd`.
const UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("t", 1 << 40),
    ("tb", 1_000_000_000_000),
    ("tib", 1 << 40),
];

/// The units that are printed, the largest first.
const BINARY: [(&str, u64); 4] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1_000),
            ("17b", 17),
            ("64MiB", 64 << 20),
            ("64 mib", 64 << 20),
            (" 2k ", 2_048),
            ("1GB", 1_000_000_000),
            ("3TiB", 3 << 40),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_size_is_refused_by_name() {
        for text in ["", "MiB", "-1", "1.5GiB", "64 MiBs", "1e9", "٣KiB"] {
            assert_eq!(
                text.parse::<Size>(),
                Err(ParseSizeError::Malformed(text.to_owned()))
            );
        }
        for text in ["18446744073709551616", "16777216TiB"] {
            assert_eq!(
                text.parse::<Size>(),
                Err(ParseSizeError::TooLarge(text.to_owned()))
            );
        }
    }

    #[test]
    fn printing_never_claims_more_than_there_is() {
        assert_eq!(Size((64 << 20) - 1).to_string(), "63.9 MiB");
        assert_eq!(Size(64 << 20).to_string(), "64 MiB");
        assert_eq!(Size(1_023).to_string(), "1023 bytes");
        assert_eq!(Size(1).to_string(), "1 byte");
        assert_eq!(Size(u64::MAX).to_string(), "16777215.9 TiB");
    }

    #[test]
    fn counts_have_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(12_345_678), "12,345,678");
    }

    proptest! {
        #[test]
        fn whole_units_are_read_back_as_printed(number in 1_u64..1_024, shift in 0_u32..5) {
            let size = Size(number << (10 * shift));
            prop_assert_eq!(size.to_string().trim_end_matches("ytes").trim_end_matches("yte")
                .parse::<Size>(), Ok(size));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}") {
            if let Ok(Size(bytes)) = text.parse::<Size>() {
                prop_assert!(text.contains(|letter: char| letter.is_ascii_digit()), "{}", bytes);
            }
        }
    }
}
