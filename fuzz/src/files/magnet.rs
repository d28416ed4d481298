//! Magnet links: what was read is printed and read as the same.

use swarmlet_protocol::metainfo::{MAX_NAME_LENGTH, Magnet};

use crate::oracle;

/// A link, and what hangs behind a good infohash.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    read(text);
    read(&format!("magnet:?xt=urn:btih:{}&{text}", "07".repeat(20)));
}

fn read(text: &str) {
    let magnet: Magnet = match text.parse() {
        Ok(magnet) => magnet,
        Err(error) => return oracle::is_short(&error),
    };
    let name = magnet.name.as_deref().unwrap_or_default();
    assert!(name.len() <= MAX_NAME_LENGTH);
    oracle::is_printable(name);
    assert!(
        magnet
            .select
            .iter()
            .all(|range| range.start() <= range.end())
    );
    let printed = magnet.to_string();
    assert!(printed.is_ascii() && !printed.contains(char::is_whitespace));
    assert_eq!(printed.parse().as_ref(), Ok(&magnet), "{printed}");
}
