//! Info dictionaries and `.torrent` files: no path leads out of the folder, the files make up the content,
//! and what is written is read as the same.

use std::collections::HashSet;
use std::path::{Component, Path};

use bytes::Bytes;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::layout::{MAX_PIECE_LENGTH, MAX_PIECES};
use swarmlet_protocol::metainfo::{
    FileKind, Info, MAX_FILES, MAX_NAME_LENGTH, MAX_PATH_DEPTH, MAX_PATH_LENGTH, MAX_SOURCES,
    MAX_TEXT_LENGTH, Torrent,
};
use swarmlet_protocol::web_seed::{SourceUrl, file_url};

use crate::oracle;

/// An info dictionary.
pub fn check_info(bytes: &[u8]) {
    match Info::parse(Bytes::copy_from_slice(bytes)) {
        Ok(info) => look_at(&info, bytes),
        Err(error) => oracle::is_short(&error),
    }
}

/// A `.torrent` file.
pub fn check_torrent(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    let torrent = match Torrent::parse(&bytes) {
        Ok(torrent) => torrent,
        Err(error) => return oracle::is_short(&error),
    };
    look_at(&torrent.info, torrent.info.bytes());
    let within = bytes.as_ptr_range();
    assert!(
        within.contains(&torrent.info.bytes().as_ptr()),
        "the dictionary was copied"
    );
    let trackers: Vec<_> = torrent.trackers.iter().flatten().collect();
    assert!(trackers.len() <= MAX_SOURCES && torrent.trackers.iter().all(|tier| !tier.is_empty()));
    assert!(torrent.web_seeds.len() <= MAX_SOURCES && torrent.nodes.len() <= MAX_SOURCES);
    let texts = trackers.into_iter().chain(&torrent.web_seeds);
    let texts = texts.chain(&torrent.comment).chain(&torrent.created_by);
    for text in texts {
        assert!((1..=MAX_TEXT_LENGTH).contains(&text.len()));
    }
    assert!(torrent.nodes.iter().all(|node| node.port() != 0));
    let again = Torrent::parse(&torrent.encode().into());
    assert_eq!(again.as_ref(), Ok(&torrent), "written and read");
}

/// What must hold of any description that is accepted.
pub(super) fn look_at(info: &Info, bytes: &[u8]) {
    let layout = info.layout();
    assert_eq!(info.bytes(), bytes);
    assert_eq!(info.info_hash(), InfoHash::of(bytes));
    assert!(layout.pieces() <= MAX_PIECES && layout.piece_length() <= MAX_PIECE_LENGTH);
    assert_eq!(info.hashes().len(), layout.pieces() as usize);
    let lengths = layout
        .all_pieces()
        .map(|piece| u64::from(layout.length(piece)));
    assert_eq!(lengths.sum::<u64>(), layout.size(), "pieces and content");
    stays_within(info.name(), MAX_NAME_LENGTH);
    let files = info.files();
    assert!((1..=MAX_FILES).contains(&files.len()));
    assert!(info.is_folder() || files.len() == 1);
    assert_eq!(files.size(), layout.size());
    let mut paths = HashSet::new();
    let mut end = 0;
    for file in files.iter() {
        assert_eq!(file.offset, end, "a gap between files");
        end += file.length;
        if file.kind == FileKind::Padding {
            assert_eq!(file.path, "");
            continue;
        }
        stays_within(file.path, MAX_PATH_LENGTH);
        assert!(paths.insert(file.path), "two files at one place");
        assert!(file.kind == FileKind::Regular || file.length == 0);
    }
    assert_eq!(end, layout.size());
    for path in &paths {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        folders.for_each(|folder| assert!(!paths.contains(folder), "a file and a folder"));
    }
    spans(info);
    urls(info);
    private(info);
}

/// No part of a path leads anywhere but down.
fn stays_within(path: &str, longest: usize) {
    assert!(!path.is_empty() && path.len() <= longest);
    assert!(!path.contains('\0') && !path.starts_with('/'));
    let names: Vec<_> = path.split('/').collect();
    assert!(names.len() <= MAX_PATH_DEPTH);
    let parts: Vec<_> = Path::new(path).components().collect();
    assert!(
        parts
            .iter()
            .all(|part| matches!(part, Component::Normal(_))),
        "{path:?}"
    );
    assert_eq!(parts.len(), names.len());
}

/// The bytes of the whole content lie in the files that have some, each once.
fn spans(info: &Info) {
    let files = info.files();
    let mut spans = files.spans(0..u64::MAX);
    for (number, file) in files.iter().enumerate() {
        if file.kind == FileKind::Regular && file.length > 0 {
            let span = spans.next().expect("a file without a span");
            assert_eq!((span.file, span.offset), (number, 0));
            assert_eq!((span.length, span.begin), (file.length, file.offset));
        }
    }
    assert_eq!(spans.next(), None);
    let middle = files.size() / 2;
    let count = |range| files.spans(range).map(|span| span.length).sum::<u64>();
    assert_eq!(
        count(0..middle) + count(middle..u64::MAX),
        count(0..u64::MAX)
    );
}

/// The URL of a file stays below its server's place.
fn urls(info: &Info) {
    let seed: SourceUrl = "http://s.example/dir/?k=1".parse().expect("a URL");
    for number in 0..info.files().len().min(4) {
        let url = file_url(&seed, info, number).expect("there is that file");
        assert!(url.starts_with("http://s.example/dir/") && url.ends_with("?k=1"));
        assert!(url.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(!url.contains("/../") && url.matches('?').count() == 1);
    }
}

/// The same as a private content: another name, and nothing else changed.
fn private(info: &Info) {
    let Ok(private) = info.to_private() else {
        return;
    };
    assert!(private.is_private());
    assert_eq!(private.layout(), info.layout());
    assert_eq!(private.files(), info.files());
    assert_eq!(private.to_private().as_ref(), Ok(&private));
}
