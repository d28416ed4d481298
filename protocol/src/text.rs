//! Text from outside, made fit to be shown: in errors, logs and on terminals.

use std::fmt;

/// How much of a wrong text an error quotes: enough to find it, too little to fill a log.
const QUOTED_LENGTH: usize = 80;

/// Would the letter move a terminal's cursor, or show the letters around it in another order? Control
/// characters, and those that set the direction of text (Unicode Standard Annex 9).
fn misleads(letter: char) -> bool {
    let sets_direction = matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    sets_direction || letter.is_control()
}

/// A stranger's text on one line, whole, without what would mislead: such letters are escaped as in
/// Rust, `\n` or `\u{202e}`.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|letter| {
            let escaped = misleads(letter).then(|| letter.escape_default());
            let plain = escaped.is_none().then_some(letter);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

/// A sentence that may quote a stranger, made a line of at most `limit` bytes: what would mislead is
/// [`escaped`], and a longer one ends in `...`.
#[must_use]
pub fn line(text: &str, limit: usize) -> String {
    // Each letter makes a byte at least: what is beyond the limit is never looked at.
    let looked_at: String = text.chars().take(limit + 1).collect();
    let mut line = escaped(&looked_at);
    if line.len() > limit {
        line.truncate(line.floor_char_boundary(limit.saturating_sub(3)));
        line.push_str("...");
    }
    line
}

/// A stranger's bytes as text of at most `limit` bytes: what is not UTF-8 and every control
/// character (they could rewrite a terminal or forge a log line) becomes U+FFFD.
pub(crate) fn printable(bytes: &[u8], limit: usize) -> String {
    let mut out = String::new();
    // A character takes at most 4 bytes, and each byte makes at most one: more is never looked at.
    let looked_at = bytes.get(..limit).unwrap_or(bytes);
    for character in String::from_utf8_lossy(looked_at).chars() {
        let shown = match character {
            letter if misleads(letter) => char::REPLACEMENT_CHARACTER,
            other => other,
        };
        if out.len() + shown.len_utf8() > limit {
            break;
        }
        out.push(shown);
    }
    out
}

/// A wrong text for an error: control characters escaped, long ones cut with `...`.
pub(crate) fn quoted(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(QUOTED_LENGTH)
        .flat_map(|character| {
            let escape = misleads(character);
            let escaped = escape.then(|| character.escape_default());
            let plain = (!escape).then_some(character);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    if text.chars().nth(QUOTED_LENGTH).is_some() {
        out.push_str("...");
    }
    out
}

/// Percent-encodes all bytes but those that RFC 3986 calls unreserved.
pub(crate) fn percent_encode(out: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|&byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            out.write_char(byte as char)
        }
        other => write!(out, "%{other:02X}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_leaves_its_line() {
        assert_eq!(escaped("a\nb\x1b[2Jä"), "a\\nb\\u{1b}[2Jä");
        assert_eq!(escaped("exe.\u{202e}gpj"), "exe.\\u{202e}gpj");
    }

    #[test]
    fn a_sentence_becomes_a_line_of_at_most_that_length() {
        assert_eq!(line("no file 'a\nb'", 99), "no file 'a\\nb'");
        assert_eq!(line("abcdef", 6), "abcdef");
        assert_eq!(line("abcdefg", 6), "abc...");
        assert_eq!(line("ääää", 6), "ä...");
        assert_eq!(line("\u{202e}\u{202e}", 10), "\\u{202e...");
        assert_eq!(line(&"ä".repeat(9_000), 4_096).len(), 4_095);
    }

    #[test]
    fn control_characters_and_bad_bytes_are_replaced() {
        assert_eq!(
            printable(b"a\x1b[2J\xff\n", 99),
            "a\u{fffd}[2J\u{fffd}\u{fffd}"
        );
        assert_eq!(printable("äää".as_bytes(), 4), "ää");
        assert!(printable(&[0xff; 300], 255).len() <= 255);
    }

    #[test]
    fn quotes_are_one_line_and_short() {
        assert_eq!(quoted("a\nb"), "a\\nb");
        assert_eq!(quoted(&"x".repeat(81)), format!("{}...", "x".repeat(80)));
        assert_eq!(quoted(&"x".repeat(80)), "x".repeat(80));
    }
}
