//! Torrents as they are found, and as somebody might make them to do harm: each is read as it was
//! meant, or refused with exactly these words.

// Helpers of tests panic as tests do.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use proptest::prelude::*;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::metainfo::{FileKind, Torrent};

/// A string as bencode has it.
fn text(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    [format!("{}:", text.len()).as_bytes(), text].concat()
}

fn int(number: impl ToString) -> Vec<u8> {
    format!("i{}e", number.to_string()).into_bytes()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [b"l", &*items.concat(), b"e"].concat()
}

/// A dictionary in the order, and with the repetitions, that are given.
fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<_> = entries
        .iter()
        .map(|(key, value)| [text(key), value.clone()].concat())
        .collect();
    [b"d", &*entries.concat(), b"e"].concat()
}

/// An entry of a list of files.
fn file(path: &str, length: i64) -> Vec<u8> {
    let names: Vec<_> = path.split('/').map(text).collect();
    dict(&[("length", int(length)), ("path", list(&names))])
}

/// The same with attributes (BEP 47).
fn marked(path: &str, length: i64, attributes: &str) -> Vec<u8> {
    let names: Vec<_> = path.split('/').map(text).collect();
    dict(&[
        ("attr", text(attributes)),
        ("length", int(length)),
        ("path", list(&names)),
    ])
}

fn hashes(pieces: usize) -> Vec<u8> {
    text(vec![b'A'; 20 * pieces])
}

/// An info dictionary of ten bytes in pieces of four, but for what is given.
fn single(but: &[(&str, Vec<u8>)]) -> Vec<u8> {
    changed(
        &[
            ("length", int(10)),
            ("name", text("x")),
            ("piece length", int(4)),
            ("pieces", hashes(3)),
        ],
        but,
    )
}

/// An info dictionary of a folder of ten bytes in pieces of four.
fn folder(files: &[Vec<u8>], but: &[(&str, Vec<u8>)]) -> Vec<u8> {
    changed(
        &[
            ("files", list(files)),
            ("name", text("x")),
            ("piece length", int(4)),
            ("pieces", hashes(3)),
        ],
        but,
    )
}

/// Replaces and adds keys; an empty value takes a key away.
fn changed(entries: &[(&str, Vec<u8>)], but: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut all: std::collections::BTreeMap<_, _> = entries.iter().cloned().collect();
    all.extend(but.iter().cloned());
    let all: Vec<_> = all
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect();
    dict(&all)
}

fn read(info: &[u8]) -> Result<Torrent, String> {
    read_file(&dict(&[("info", info.to_vec())]))
}

fn read_file(file: &[u8]) -> Result<Torrent, String> {
    Torrent::parse(&Bytes::copy_from_slice(file)).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(info: &[u8], words: &str) {
    assert_eq!(read(info).map(|_| ()), Err(words.to_owned()));
}

/// Path, length and kind of each file.
fn contents(torrent: &Torrent) -> Vec<(&str, u64, FileKind)> {
    let files = torrent.info.files().iter();
    files
        .map(|file| (file.path, file.length, file.kind))
        .collect()
}

use FileKind::{Link, Padding, Regular};

#[test]
fn keys_in_any_order_and_of_any_name_are_read_and_keep_their_bytes() {
    let info = dict(&[
        ("source", list(&[dict(&[("b", int(1)), ("a", int(2))])])),
        ("pieces", hashes(3)),
        ("name", text("x")),
        ("x-cross-seed", text("123")),
        ("piece length", int(4)),
        ("length", int(10)),
        ("md5sum", text("abc")),
    ]);
    let file = dict(&[
        ("zzz", int(1)),
        ("info", info.clone()),
        ("announce", text("http://t/")),
        ("azureus_properties", dict(&[("dht_backup_enable", int(1))])),
        ("encoding", text("UTF-8")),
    ]);
    let torrent = read_file(&file).unwrap();
    assert_eq!(torrent.info.bytes(), &info);
    assert_eq!(torrent.info.info_hash(), InfoHash::of(&info));
    assert_eq!(torrent.trackers, [["http://t/"]]);
    assert_eq!(contents(&torrent), [("x", 10, Regular)]);
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let twice = dict(&[("info", single(&[])), ("info", single(&[]))]);
    assert_eq!(
        read_file(&twice).unwrap_err(),
        "not a .torrent file: the bencoded dictionary at byte 0 has a key twice"
    );
    let within = dict(&[("length", int(1)), ("name", text("x")), ("length", int(2))]);
    assert_eq!(
        read(&within).unwrap_err(),
        "not a .torrent file: the bencoded dictionary at byte 7 has a key twice"
    );
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let rule = "the info dictionary needs the key 'length' with a number of bytes from 0 to 9223372036854775807";
    refused(&single(&[("length", int(-1))]), rule);
    refused(&single(&[("length", text("10"))]), rule);
    refused(&single(&[("length", Vec::new())]), rule);
    assert_eq!(
        read(&single(&[("length", int("9223372036854775808"))])).unwrap_err(),
        "not a .torrent file: bad number at byte 17 in bencode; it must be -2^63 to 2^63-1, without leading zeros"
    );
    refused(
        &single(&[("length", int(i64::MAX))]),
        "2305843009213693952 pieces exceed the limit of 800000; use a larger piece length",
    );
    let rule = "file 2 of the list needs the key 'length' with a number of bytes from 0 to 9223372036854775807";
    refused(&folder(&[file("a", 10), file("b", -1)], &[]), rule);
    let lengthless = dict(&[("path", list(&[text("b")]))]);
    refused(&folder(&[file("a", 10), lengthless], &[]), rule);
    refused(
        &folder(&[file("a", i64::MAX), file("b", 1)], &[]),
        "the files have more than 9223372036854775807 bytes in all",
    );
    refused(
        &folder(&[file("a", 10), file("b", 11)], &[]),
        "3 hashes, but 21 bytes in pieces of 4 make 6",
    );
}

#[test]
fn pieces_of_any_length_are_read_and_impossible_ones_refused() {
    for (piece_length, pieces) in [(1, 10), (3, 4), (7, 2), (10, 1), (1_000_003, 1)] {
        let info = single(&[
            ("piece length", int(piece_length)),
            ("pieces", hashes(pieces)),
        ]);
        let torrent = read(&info).unwrap();
        assert_eq!(torrent.info.layout().pieces() as usize, pieces);
    }
    let rule = "the info dictionary needs the key 'piece length' with a number of bytes, 1 or more";
    refused(&single(&[("piece length", int(-4))]), rule);
    refused(&single(&[("piece length", Vec::new())]), rule);
    refused(
        &single(&[("piece length", int(0))]),
        "the piece length is 0; it must be at least 1",
    );
    refused(
        &single(&[("piece length", int(1_i64 << 40))]),
        "the piece length 1099511627776 exceeds the limit of 268435456 bytes",
    );
    refused(
        &single(&[("pieces", hashes(4))]),
        "4 hashes, but 10 bytes in pieces of 4 make 3",
    );
    refused(
        &single(&[("pieces", text("AAA"))]),
        "the key 'pieces' has 3 bytes; it must be a multiple of 20",
    );
    let rule = "the info dictionary needs the key 'pieces' with the SHA-1 hashes of the pieces";
    refused(&single(&[("pieces", Vec::new())]), rule);
    refused(&single(&[("pieces", int(3))]), rule);
    let many = single(&[
        ("length", int(800_001)),
        ("piece length", int(1)),
        ("pieces", hashes(800_001)),
    ]);
    refused(
        &many,
        "800001 pieces exceed the limit of 800000; use a larger piece length",
    );
}

#[test]
fn files_of_every_kind_are_read() {
    let torrent = read(&folder(
        &[
            file("empty", 0),
            file("a/b", 3),
            marked(".pad/1", 1, "p"),
            file("c", 2),
            marked(".pad/1", 1, "p"),
            marked("run", 3, "x"),
            marked("hidden", 0, "h"),
            marked("link", 0, "l"),
        ],
        &[],
    ))
    .unwrap();
    assert!(torrent.info.is_folder());
    assert_eq!(
        contents(&torrent),
        [
            ("empty", 0, Regular),
            ("a/b", 3, Regular),
            ("", 1, Padding),
            ("c", 2, Regular),
            ("", 1, Padding),
            ("run", 3, Regular),
            ("hidden", 0, Regular),
            ("link", 0, Link),
        ]
    );
    assert_eq!(torrent.info.layout().size(), 10);
    let nothing = folder(&[file("a", 0)], &[("pieces", text(""))]);
    assert_eq!(read(&nothing).unwrap().info.layout().pieces(), 0);
    let padding = folder(&[marked("p", 10, "p")], &[]);
    assert_eq!(contents(&read(&padding).unwrap()), [("", 10, Padding)]);
}

#[test]
fn lists_of_files_that_are_none_are_refused() {
    refused(
        &folder(&[], &[]),
        "the list of files is empty; it must have at least one",
    );
    refused(
        &folder(&[], &[("files", dict(&[]))]),
        "the info dictionary needs the key 'files' with a list of files",
    );
    refused(
        &folder(&[file("a", 10)], &[("length", int(10))]),
        "the info dictionary has both 'length' and 'files'; it must have one of them",
    );
    refused(
        &folder(&[file("a", 10), text("b")], &[]),
        "file 2 of the list is a string; it must be a dictionary",
    );
    let rule = "file 1 of the list needs the key 'path' with a list of names";
    refused(&folder(&[dict(&[("length", int(10))])], &[]), rule);
    let path = |path: Vec<u8>| dict(&[("length", int(10)), ("path", path)]);
    refused(&folder(&[path(text("a"))], &[]), rule);
    refused(&folder(&[path(list(&[int(1)]))], &[]), rule);
}

#[test]
fn paths_out_of_the_folder_and_paths_in_conflict_are_refused() {
    for (path, shown, rule) in [
        (
            "../../etc/passwd",
            "../../etc/passwd",
            "'.' and '..' are no names",
        ),
        ("/etc/passwd", "/etc/passwd", "it has an empty name"),
        ("a\0", "a\\u{0}", "a name in it has a zero byte"),
        ("a/\x1b[2J/.", "a/\\u{1b}[2J/.", "'.' and '..' are no names"),
    ] {
        refused(
            &folder(&[file(path, 10)], &[]),
            &format!("the path '{shown}' is not the path of a file: {rule}"),
        );
    }
    let slash = dict(&[("length", int(10)), ("path", list(&[text("../x")]))]);
    refused(
        &folder(&[slash], &[]),
        "the path '../x' is not the path of a file: a name in it has a '/'",
    );
    refused(
        &folder(&[file("a", 5), file("a", 5)], &[]),
        "the path 'a' stands twice in the list of files",
    );
    refused(
        &folder(&[file("a/b", 5), file("a", 5)], &[]),
        "'a' is a file, and the folder of 'a/b', too",
    );
    refused(
        &folder(&[marked("a", 10, "l")], &[]),
        "the symbolic link 'a' has 10 bytes; it must have none",
    );
    refused(
        &folder(&[file("a", 10)], &[("name", text(".."))]),
        "the name '..' is not the name of a file: it names a directory",
    );
}

#[test]
fn names_are_utf8_or_have_a_twin_that_is() {
    let rule = "the info dictionary needs the key 'name' with a name in UTF-8";
    refused(&single(&[("name", text(b"\xff"))]), rule);
    refused(&single(&[("name", Vec::new())]), rule);
    let latin = text(b"\xe4");
    let named = single(&[("name", latin.clone()), ("name.utf-8", text("ä"))]);
    assert_eq!(read(&named).unwrap().info.name(), "ä");
    let broken = single(&[("name", text("a")), ("name.utf-8", latin.clone())]);
    assert_eq!(read(&broken).unwrap().info.name(), "a");
    let entry = |path: Vec<u8>, twin: Vec<u8>| {
        let mut keys = vec![("length", int(10)), ("path", list(&[path]))];
        if !twin.is_empty() {
            keys.push(("path.utf-8", list(&[twin])));
        }
        folder(&[dict(&keys)], &[])
    };
    refused(
        &entry(latin.clone(), Vec::new()),
        "the path '\u{fffd}' is not the path of a file: it is not UTF-8",
    );
    let twin = read(&entry(latin.clone(), text("ä"))).unwrap();
    assert_eq!(contents(&twin), [("ä", 10, Regular)]);
    let twin = read(&entry(text("a"), latin)).unwrap();
    assert_eq!(contents(&twin), [("a", 10, Regular)]);
}

#[test]
fn version_two_alone_is_refused_and_a_hybrid_is_used_by_its_other_half() {
    let leaf = dict(&[("length", int(10)), ("pieces root", text([7; 32]))]);
    let tree = dict(&[("a", dict(&[("", leaf)]))]);
    let two = [
        ("file tree", tree),
        ("meta version", int(2)),
        ("name", text("x")),
        ("piece length", int(16_384)),
    ];
    let words = "version 2 torrents without version 1 hashes are not supported yet; make a hybrid or a version 1 torrent";
    refused(&dict(&two), words);
    refused(&dict(&[("meta version", int(2))]), words);
    let mut hybrid = vec![("files", list(&[file("a", 10)]))];
    hybrid.extend(two);
    hybrid.push(("pieces", hashes(1)));
    hybrid.sort();
    let torrent = read(&dict(&hybrid)).unwrap();
    assert_eq!(contents(&torrent), [("a", 10, Regular)]);
    assert_eq!(torrent.info.info_hash(), InfoHash::of(&dict(&hybrid)));
}

#[test]
fn what_is_around_the_info_dictionary_never_costs_the_content() {
    let odd = dict(&[
        ("announce", int(1)),
        ("announce-list", text("http://t/")),
        ("comment", list(&[])),
        ("created by", text(b"\xff")),
        ("creation date", text("yesterday")),
        ("info", single(&[("private", text("1"))])),
        ("nodes", dict(&[])),
        ("url-list", int(7)),
    ]);
    let torrent = read_file(&odd).unwrap();
    assert_eq!(torrent, Torrent::new(torrent.info.clone()));
    assert!(!torrent.info.is_private());
    let twice = read(&single(&[("private", int(1))])).unwrap();
    assert!(twice.info.is_private());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn a_damaged_torrent_is_refused_or_as_sound_as_any(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)
    ) {
        let files = [
            file("empty", 0),
            file("a/b", 3),
            marked(".pad/1", 1, "p"),
            marked("run", 6, "x"),
            marked("link", 0, "l"),
        ];
        let mut bytes = dict(&[
            ("announce-list", list(&[list(&[text("http://t/")])])),
            ("info", folder(&files, &[("private", int(1))])),
            ("nodes", list(&[list(&[text("a"), int(7)])])),
            ("url-list", list(&[text("http://w/")])),
        ]);
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(torrent) = read_file(&bytes) {
            let files = torrent.info.files();
            prop_assert_eq!(files.size(), torrent.info.layout().size());
            let mut end = 0;
            for file in files.iter() {
                prop_assert_eq!(file.offset, end);
                end += file.length;
                let plain = std::path::Path::new(file.path)
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_)));
                prop_assert!(plain, "{}", file.path);
            }
            prop_assert_eq!(end, files.size());
        }
    }
}
