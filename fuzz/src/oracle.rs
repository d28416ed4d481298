//! What must hold of anything that came from a stranger, whatever decoder read it.

/// Text that may be shown: nothing in it moves a cursor or turns the direction of what follows.
///
/// # Panics
/// It may not.
pub fn is_printable(text: &str) {
    let misleads = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(misleads), "not fit to be shown: {text:?}");
}

/// An error in one line, that may be shown and does not grow with the input.
///
/// # Panics
/// It is none.
pub fn is_short(error: &impl std::fmt::Display) {
    let text = error.to_string();
    assert!(
        !text.is_empty() && text.len() <= MAX_ERROR,
        "{} bytes of error",
        text.len()
    );
    is_printable(&text);
}

/// 4 KiB: an error names values of at most 80 characters, each of them ten bytes when it is escaped.
const MAX_ERROR: usize = 4_096;
