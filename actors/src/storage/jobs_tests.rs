//! Checks, writes and copies on real files.

use std::path::Path;

use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::metainfo::Selection;

use super::*;

fn content(size: usize) -> Vec<u8> {
    (0..size)
        .map(|index| (index * 7 + index / 251) as u8)
        .collect()
}

fn info_of(content: &[u8], piece_length: usize) -> Info {
    let hashes: Vec<_> = content.chunks(piece_length).map(PieceHash::of).collect();
    Info::single_file(
        "data.bin",
        content.len() as u64,
        piece_length as u64,
        &hashes,
    )
    .unwrap()
}

fn open(path: &Path, info: &Info) -> Content {
    Content::open(path, info, &Selection::all(info)).unwrap()
}

fn check_all(file: &Content, info: &Info) -> Checked {
    let pieces = 0..info.layout().pieces();
    let (checked, outcome) = check(file, info, pieces, &Buffers::default());
    outcome.unwrap();
    checked
}

fn delivered(piece: u32, data: &[u8]) -> Delivered {
    Delivered {
        link: LinkId(u64::from(piece)),
        piece: PieceIndex::new(piece),
        data: data.to_vec().into(),
        verified: false,
    }
}

#[test]
fn a_check_finds_exactly_the_wrong_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    for (size, piece_length) in [
        (1, 1),
        (1_000, 7),
        (5_000_000, 16_384),
        (5_000_000, 300_000),
        (5_000_000, 3_000_000),
    ] {
        let mut bytes = content(size);
        let info = info_of(&bytes, piece_length);
        let last = info.layout().pieces() - 1;
        bytes[last as usize * piece_length] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let checked = check_all(&open(&path, &info), &info);
        assert_eq!(checked.bad, [PieceIndex::new(last)]);
        assert_eq!(checked.good.len() as u32, last);
    }
}

#[test]
fn written_pieces_are_right_in_any_order_and_the_rest_is_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    for (size, piece_length) in [(1_000, 7), (3_000_000, 600_000), (100_000, 65_536)] {
        let bytes = content(size);
        let info = info_of(&bytes, piece_length);
        std::fs::write(&path, vec![0xee; size]).unwrap();
        let pieces = info
            .layout()
            .all_pieces()
            .rev()
            .filter(|piece| piece.get() % 3 != 1)
            .map(|piece| {
                let start = info.layout().offset(piece) as usize;
                let length = info.layout().length(piece) as usize;
                delivered(piece.get(), &bytes[start..start + length])
            })
            .collect();
        let (mut pieces, wrong) = verify(&info, pieces);
        assert!(wrong.is_empty());
        let file = open(&path, &info);
        write(&file, &info, &mut pieces, &Buffers::default()).unwrap();
        let checked = check_all(&file, &info);
        assert!(checked.bad.iter().all(|piece| piece.get() % 3 == 1));
        let after = std::fs::read(&path).unwrap();
        for piece in checked.bad {
            let start = info.layout().offset(piece) as usize;
            assert!(
                after[start..start + info.layout().length(piece) as usize]
                    == vec![0xee; info.layout().length(piece) as usize]
            );
        }
    }
}

#[test]
fn a_piece_of_the_wrong_hash_or_length_is_told_apart() {
    let bytes = content(100);
    let info = info_of(&bytes, 50);
    let pieces = vec![
        delivered(0, &bytes[..50]),
        delivered(1, &bytes[..50]),
        delivered(1, &bytes[50..99]),
    ];
    let (right, wrong) = verify(&info, pieces);
    assert_eq!((right.len(), wrong.len()), (1, 2));
    assert!(right[0].verified && right[0].piece.get() == 0);
}

#[test]
fn equal_pieces_are_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let bytes = [content(3_000_000), content(3_000_000), content(3_000_000)].concat();
    let info = info_of(&bytes, 3_000_000);
    std::fs::write(&path, &bytes[..3_000_000]).unwrap();
    let file = open(&path, &info);
    copy(
        &file,
        &info,
        PieceIndex::new(0),
        &[PieceIndex::new(1), PieceIndex::new(2)],
        &Buffers::default(),
    )
    .unwrap();
    // What lay beyond the end was written since: only a file that is opened anew is checked.
    let file = open(&path, &info);
    assert_eq!(check_all(&file, &info).bad, []);
}

#[test]
fn what_lay_beyond_the_old_end_is_known_to_be_zeros() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    for piece_length in [100, 700_000, 3_000_000] {
        let mut bytes = content(6_000_050);
        bytes[4_000_000..].fill(0);
        let info = info_of(&bytes, piece_length);
        std::fs::write(&path, &bytes[..3_500_000]).unwrap();
        let checked = check_all(&open(&path, &info), &info);
        let wrong = |piece: &PieceIndex| {
            let start = info.layout().offset(*piece) as usize;
            let end = start + info.layout().length(*piece) as usize;
            end > 3_500_000
                && bytes[start.max(3_500_000)..end]
                    .iter()
                    .any(|&byte| byte != 0)
        };
        let expected: Vec<_> = info.layout().all_pieces().filter(wrong).collect();
        assert_eq!(checked.bad, expected);
        assert_eq!(
            checked.good.len() + expected.len(),
            info.layout().pieces() as usize
        );
    }
}
