//! Where the bytes of a content lie, and which paths are refused.

use proptest::prelude::*;

use super::*;
use crate::bencode;

/// A list of files as it stands in an info dictionary.
fn list(files: &[(&str, u64, &str)]) -> Vec<u8> {
    let mut list = ListEncoder::new();
    for (path, length, attributes) in files {
        let mut names = ListEncoder::new();
        for name in path.split('/') {
            names.bytes(name.as_bytes());
        }
        let mut dict = DictEncoder::new();
        dict.integer(b"length", *length as i64)
            .list(b"path", &names);
        if !attributes.is_empty() {
            dict.bytes(b"attr", attributes.as_bytes());
        }
        list.dict(&dict);
    }
    list.finish()
}

fn parse(bytes: &[u8]) -> Result<Files, String> {
    let list = bencode::decode(bytes).unwrap().list().unwrap();
    Files::parse(list).map_err(|error| error.to_string())
}

fn files(entries: &[(&str, u64, &str)]) -> Files {
    parse(&list(entries)).unwrap()
}

#[test]
fn files_have_their_paths_kinds_and_offsets() {
    let files = files(&[
        ("a", 5, ""),
        ("b/c", 0, "x"),
        (".pad/3", 3, "p"),
        ("b/d", 7, "hx"),
        ("b/e", 0, "l"),
    ]);
    let shown: Vec<_> = files
        .iter()
        .map(|file| (file.path, file.offset, file.length, file.kind))
        .collect();
    assert_eq!(
        shown,
        [
            ("a", 0, 5, FileKind::Regular),
            ("b/c", 5, 0, FileKind::Regular),
            ("", 5, 3, FileKind::Padding),
            ("b/d", 8, 7, FileKind::Regular),
            ("b/e", 15, 0, FileKind::Link),
        ]
    );
    assert!(files.get(1).unwrap().is_executable && files.get(3).unwrap().is_executable);
    assert!(!files.get(0).unwrap().is_executable);
    assert_eq!((files.len(), files.size(), files.get(5)), (5, 15, None));
}

#[test]
fn a_range_skips_padding_and_empty_files() {
    let files = files(&[
        ("a", 5, ""),
        ("empty", 0, ""),
        ("pad", 3, "p"),
        ("b", 7, ""),
    ]);
    let spans: Vec<_> = files.spans(4..10).collect();
    let span = |file, offset, length, begin| Span {
        file,
        offset,
        length,
        begin,
    };
    assert_eq!(spans, [span(0, 4, 1, 0), span(3, 0, 2, 4)]);
    assert_eq!(files.spans(5..8).count(), 0);
    assert_eq!(files.spans(3..3).count(), 0);
    assert_eq!(files.spans(15..99).count(), 0);
    assert_eq!(files.spans(14..99).next(), Some(span(3, 6, 1, 0)));
}

#[test]
fn paths_that_lead_elsewhere_or_nowhere_are_refused_by_name() {
    let long = "x".repeat(256);
    let deep = vec!["a"; 101].join("/");
    let far = vec!["x".repeat(255); 13].join("/");
    let not = |path: &str, rule| format!("the path '{path}' is not the path of a file: {rule}");
    for (path, error) in [
        ("a/../b", not("a/../b", "'.' and '..' are no names")),
        ("./b", not("./b", "'.' and '..' are no names")),
        ("..", not("..", "'.' and '..' are no names")),
        ("/etc/passwd", not("/etc/passwd", "it has an empty name")),
        ("a//b", not("a//b", "it has an empty name")),
        ("a/", not("a/", "it has an empty name")),
        ("a\0b", not("a\\u{0}b", "a name in it has a zero byte")),
        (
            &long,
            not(
                &format!("{}...", &long[..80]),
                "a name in it is longer than 255 bytes",
            ),
        ),
        (
            &deep,
            not(&format!("{}...", &deep[..80]), "it has more than 100 names"),
        ),
        (
            &far,
            not(
                &format!("{}...", &far[..80]),
                "it is longer than 3,072 bytes",
            ),
        ),
    ] {
        assert_eq!(parse(&list(&[(path, 1, "")])), Err(error), "{path:?}");
    }
    let raw = |names: &str| format!("ld6:lengthi1e4:path{names}ee").into_bytes();
    assert_eq!(
        parse(&raw("l3:a/be")),
        Err(not("a/b", "a name in it has a '/'"))
    );
    assert_eq!(parse(&raw("le")), Err(not("", "it is empty")));
    let odd = files(&[("a\\b\r", 1, "")]);
    assert_eq!(odd.get(0).unwrap().path, "a\\b\r");
    assert!(parse(&list(&[(&deep[2..], 1, "")])).is_ok());
}

#[test]
fn paths_that_cannot_be_on_one_disk_are_refused_by_name() {
    let conflict = |entries: &[(&str, u64, &str)]| parse(&list(entries)).unwrap_err();
    assert_eq!(
        conflict(&[("a/b", 1, ""), ("c", 1, ""), ("a/b", 0, "")]),
        "the path 'a/b' stands twice in the list of files"
    );
    // `a.b` sorts between `a` and `a/c` if one looks at bytes alone.
    assert_eq!(
        conflict(&[("a/c/d", 1, ""), ("a.b", 1, ""), ("a", 1, "")]),
        "'a' is a file, and the folder of 'a/c/d', too"
    );
    assert_eq!(
        conflict(&[("a", 0, "l"), ("a/b", 1, "")]),
        "'a' is a file, and the folder of 'a/b', too"
    );
    assert_eq!(
        conflict(&[("a", 4, "l")]),
        "the symbolic link 'a' has 4 bytes; it must have none"
    );
    assert!(
        parse(&list(&[
            ("ab", 1, ""),
            ("a", 1, ""),
            ("p", 1, "p"),
            ("p", 1, "p")
        ]))
        .is_ok()
    );
}

#[test]
fn more_files_than_the_limit_are_refused_before_they_are_read() {
    let one = b"d6:lengthi0e4:pathl1:aee";
    let mut bytes = b"l".to_vec();
    bytes.extend(one.repeat(MAX_FILES + 1));
    bytes.push(b'e');
    assert_eq!(
        parse(&bytes),
        Err("more than 100000 files; share them as an archive".to_owned())
    );
}

#[test]
fn as_many_files_as_the_limit_are_found_by_their_bytes() {
    let names: Vec<_> = (0..MAX_FILES)
        .map(|number| format!("d{}/{number}", number % 7))
        .collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), 2, "")).collect();
    let files = files(&entries);
    let last = files.spans(199_999..200_000).next().unwrap();
    assert_eq!((last.file, last.offset, last.length), (99_999, 1, 1));
}

/// Files of small lengths, many of them empty or padding.
fn any_files() -> impl Strategy<Value = Vec<(u64, bool)>> {
    let length = prop_oneof![Just(0_u64), Just(1), 0_u64..40];
    prop::collection::vec((length, prop::bool::weighted(0.3)), 1..30)
}

proptest! {
    #[test]
    fn spans_cover_a_range_exactly_and_in_order(
        entries in any_files(), start in 0_u64..1_500, length in 0_u64..400
    ) {
        let names: Vec<_> = (0..entries.len()).map(|number| format!("f{number}")).collect();
        let listed: Vec<_> = entries
            .iter()
            .zip(&names)
            .map(|(&(length, padding), name)| (name.as_str(), length, if padding { "p" } else { "" }))
            .collect();
        let files = files(&listed);
        // Who owns each byte, by counting.
        let mut owners = Vec::new();
        for (file, &(length, padding)) in entries.iter().enumerate() {
            owners.extend((0..length).map(|at| (!padding).then_some((file, at))));
        }
        let end = (start + length).min(owners.len() as u64);
        let expected: Vec<_> = (start..end)
            .filter_map(|at| owners[at as usize].map(|(file, offset)| (at - start, file, offset)))
            .collect();
        let mut found = Vec::new();
        for span in files.spans(start..start + length) {
            prop_assert!(span.length > 0);
            found.extend((0..span.length).map(|at| (span.begin + at, span.file, span.offset + at)));
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(files.size(), owners.len() as u64);
    }

    #[test]
    fn no_path_that_is_accepted_leads_out_of_its_folder(names in prop::collection::vec(
        prop::sample::select(vec![
            "a", "b", ".", "..", "", "/", "a/..", "..\\", "\0", "..\0", "...", "a b", "~", "-rf", "%2e%2e",
            // One dot leader and full stops of full width look like dots; names of devices elsewhere.
            "\u{2024}\u{2024}", "\u{ff0e}\u{ff0e}", "\u{202e}..", "CON", "aux.txt", "NUL:", "A",
        ]), 0..4
    )) {
        let mut list = ListEncoder::new();
        for name in &names {
            list.bytes(name.as_bytes());
        }
        let mut dict = DictEncoder::new();
        dict.integer(b"length", 1).list(b"path", &list);
        let mut bytes = ListEncoder::new();
        bytes.dict(&dict);
        if let Ok(files) = parse(&bytes.finish()) {
            let path = files.get(0).unwrap().path;
            prop_assert_eq!(path.split('/').collect::<Vec<_>>(), names);
            let plain = std::path::Path::new(path)
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            prop_assert!(plain, "{}", path);
        }
    }
}
