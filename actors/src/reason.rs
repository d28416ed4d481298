//! What an I/O error says to a person: the system's words, without its number.

use std::io;

/// The error in a few lower-case words, fit to stand behind "cannot do this: ".
#[must_use]
pub fn reason(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::AddrInUse {
        return "address in use".to_owned();
    }
    let text = match error.kind() {
        // Made by us or a library, and not in the system's words.
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        io::ErrorKind::NotADirectory => "not a directory".to_owned(),
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::StorageFull => "no space left on device".to_owned(),
        _ => error.to_string(),
    };
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_like_the_end_of_a_sentence() {
        let words = |number| reason(&io::Error::from_raw_os_error(number));
        assert_eq!(words(28), "no space left on device");
        assert_eq!(words(30), "read-only file system");
        assert_eq!(words(98), "address in use");
        assert_eq!(reason(&io::Error::other("Odd")), "odd");
    }
}
