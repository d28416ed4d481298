//! Which file of which content a URL names, and whether somebody has it already. Pure.

use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{FileEntry, FileKind, Info};

/// Where files of contents are.
pub(crate) const ROUTE: &str = "/content/{infohash}/{path:.*}";

/// Where a file of a content is, from the HTTP face on.
pub(crate) fn url_of(info_hash: InfoHash, path: &str) -> String {
    let mut url = format!("/content/{info_hash}");
    for name in path.split('/') {
        url.push('/');
        for &byte in name.as_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    url.push(byte as char);
                }
                other => url += &format!("%{other:02X}"),
            }
        }
    }
    url
}

/// The file at this path within a content, and its number.
pub(super) fn find<'a>(info: &'a Info, path: &str) -> Option<(usize, FileEntry<'a>)> {
    let files = info.files().iter().enumerate();
    let mut kept = files.filter(|(_, file)| file.kind == FileKind::Regular);
    kept.find(|(_, file)| file.path == path)
}

/// Is this one of the tags of an `If-None-Match`?
pub(super) fn matches(tags: &str, etag: &str) -> bool {
    let mut tags = tags.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_those_of_any_name() {
        let url = url_of(InfoHash([0xab; 20]), "ä b/c%?#.txt");
        let hash = "ab".repeat(20);
        assert_eq!(url, format!("/content/{hash}/%C3%A4%20b/c%25%3F%23.txt"));
    }

    #[test]
    fn tags_are_compared_weakly_and_one_by_one() {
        assert!(matches("\"a\", W/\"b-0\"", "\"b-0\""));
        assert!(matches("*", "\"b-0\""));
        assert!(!matches("\"b\"", "\"b-0\""));
    }
}
