//! Which info dictionaries are read, which are written, and what is said of the others.

use proptest::prelude::*;

use super::*;

fn parse(raw: &[u8]) -> Result<Info, String> {
    Info::parse(Bytes::copy_from_slice(raw)).map_err(|error| error.to_string())
}

#[test]
fn a_single_file_is_described_canonically() {
    let hashes = [PieceHash([b'A'; 20]), PieceHash([b'B'; 20])];
    let info = Info::single_file("data.bin", 12, 8, &hashes).unwrap();
    let raw = b"d6:lengthi12e4:name8:data.bin12:piece lengthi8e\
        6:pieces40:AAAAAAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBBBBBe";
    assert_eq!(info.bytes(), raw.as_slice());
    assert_eq!(info.info_hash(), InfoHash::of(raw));
    assert_eq!(info.hash(PieceIndex::new(1)), hashes[1]);
    assert!(info.hashes().eq(hashes));
    assert_eq!((info.name(), info.layout().pieces()), ("data.bin", 2));
    assert!(!info.is_private());
}

#[test]
fn a_folder_is_described_canonically() {
    let hashes = [PieceHash([b'A'; 20])];
    let file = |path, length, is_executable| NewFile {
        path,
        length,
        is_executable,
    };
    let files = [file("b", 2, false), file("a/c", 3, true)];
    let info = Info::folder("stuff", &files, 8, &hashes).unwrap();
    let raw = b"d5:filesld6:lengthi2e4:pathl1:beed4:attr1:x6:lengthi3e4:pathl1:a1:ceee\
        4:name5:stuff12:piece lengthi8e6:pieces20:AAAAAAAAAAAAAAAAAAAAe";
    assert_eq!(info.bytes(), raw.as_slice());
    assert!(info.is_folder());
    let paths: Vec<_> = info.files().iter().map(|file| file.path).collect();
    assert_eq!((paths, info.layout().size()), (vec!["b", "a/c"], 5));
    let bad = Info::folder("stuff", &[file("../b", 5, false)], 8, &hashes);
    assert!(matches!(
        bad,
        Err(InfoError::Files(FilesError::Path { .. }))
    ));
}

#[test]
fn a_private_torrent_has_one_more_key() {
    let info = Info::single_file("x", 0, 8, &[]).unwrap();
    let private = info.to_private().unwrap();
    let raw = b"d6:lengthi0e4:name1:x12:piece lengthi8e6:pieces0:7:privatei1ee";
    assert_eq!(private.bytes(), raw.as_slice());
    assert!(private.is_private() && !info.is_private());
    assert_eq!(private.to_private(), Ok(private));
}

#[test]
fn nothing_is_a_file_too() {
    let info = Info::single_file("data.bin", 0, 1, &[]).unwrap();
    assert_eq!((info.layout().pieces(), info.hashes().len()), (0, 0));
}

#[test]
fn foreign_dictionaries_keep_their_bytes_and_so_their_infohash() {
    let raw = b"d6:pieces20:AAAAAAAAAAAAAAAAAAAA6:lengthi5e4:name1:x\
        12:piece lengthi8e7:privatei1e6:sourced1:aleee";
    let info = parse(raw).unwrap();
    assert_eq!(info.bytes(), raw.as_slice());
    assert_eq!(info.info_hash(), InfoHash::of(raw));
    assert!(info.is_private());
}

#[test]
fn what_we_cannot_share_is_refused_by_name() {
    let with = |name: &str, rest: &str| {
        format!(
            "d6:lengthi5e4:name{}:{name}12:piece lengthi8e{rest}e",
            name.len()
        )
    };
    let one = "6:pieces20:AAAAAAAAAAAAAAAAAAAA";
    for (raw, error) in [
        (
            "le".to_owned(),
            "the info dictionary is a list; it must be a dictionary",
        ),
        (
            "d9:file treede12:meta versioni2e4:name1:xe".to_owned(),
            "version 2 torrents without version 1 hashes are not supported yet; make a hybrid or a version 1 torrent",
        ),
        (
            "de".to_owned(),
            "the info dictionary needs the key 'name' with a name in UTF-8",
        ),
        (
            with("", one),
            "the name '' is not the name of a file: it is empty",
        ),
        (
            with("..", one),
            "the name '..' is not the name of a file: it names a directory",
        ),
        (
            with("a/b", one),
            "the name 'a/b' is not the name of a file: it has a path separator",
        ),
        (
            with("a\\b", one),
            "the name 'a\\b' is not the name of a file: it has a path separator",
        ),
        (
            with("a\n", one),
            "the name 'a\\n' is not the name of a file: it has a control character",
        ),
        (
            with("x", "").replace("i5e", "i-5e"),
            "the info dictionary needs the key 'length' with a number of bytes from 0 to 9223372036854775807",
        ),
        (
            with("x", one).replace("i8e", "i0e"),
            "the piece length is 0; it must be at least 1",
        ),
        (
            with("x", ""),
            "the info dictionary needs the key 'pieces' with the SHA-1 hashes of the pieces",
        ),
        (
            with("x", "6:pieces3:AAA"),
            "the key 'pieces' has 3 bytes; it must be a multiple of 20",
        ),
        (
            with("x", "6:pieces0:"),
            "0 hashes, but 5 bytes in pieces of 8 make 1",
        ),
    ] {
        assert_eq!(parse(raw.as_bytes()), Err(error.to_owned()), "{raw}");
    }
    let long = "x".repeat(MAX_NAME_LENGTH + 1);
    assert!(
        parse(with(&long, one).as_bytes())
            .unwrap_err()
            .ends_with("longer than 255 bytes")
    );
    let huge = Info::parse(vec![b'd'; MAX_METADATA_LENGTH + 1].into()).unwrap_err();
    let length = MAX_METADATA_LENGTH + 1;
    assert_eq!(huge, InfoError::TooLong { length });
}

#[test]
fn the_most_pieces_fit_the_longest_dictionary() {
    let hashes = vec![PieceHash([7; 20]); crate::layout::MAX_PIECES as usize];
    let info = Info::single_file("data.bin", hashes.len() as u64, 1, &hashes).unwrap();
    assert_eq!(info.hashes().len(), hashes.len());
}

proptest! {
    #[test]
    fn what_was_made_is_read_back(
        size in 0_u64..100_000, piece_length in 500_u64..5_000, name in "[a-z][a-z. äö]{0,20}"
    ) {
        let pieces = size.div_ceil(piece_length);
        let hashes: Vec<_> = (0..pieces).map(|n| PieceHash::of(&n.to_be_bytes())).collect();
        let info = Info::single_file(&name, size, piece_length, &hashes).unwrap();
        prop_assert_eq!(info.layout().size(), size);
        prop_assert_eq!(info.files().size(), size);
        prop_assert!(info.hashes().eq(hashes));
        prop_assert_eq!(Info::parse(info.bytes().clone()), Ok(info));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Info::parse(bytes.into());
    }
}
