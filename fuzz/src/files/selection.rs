//! Which files are wanted: pieces, files and bytes of a choice agree with a count of them.

use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::metainfo::{FileKind, Info, NewFile, Selection};

use crate::Hand;

/// A content of some files, and a choice of them.
pub fn check(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let piece_length = 1 + u64::from(hand.below(40));
    let choice = hand.word();
    let lengths: Vec<u64> = (0..1 + hand.below(12))
        .map(|_| u64::from(hand.below(90)))
        .collect();
    let names: Vec<String> = (0..lengths.len())
        .map(|number| format!("d/{number}"))
        .collect();
    let file = |(path, &length): (&'_ String, &u64)| (path.clone(), length);
    let listed: Vec<_> = names.iter().zip(&lengths).map(file).collect();
    let files: Vec<_> = listed
        .iter()
        .map(|(path, length)| NewFile {
            path,
            length: *length,
            is_executable: false,
        })
        .collect();
    let size: u64 = lengths.iter().sum();
    let hashes = vec![PieceHash([0; 20]); size.div_ceil(piece_length) as usize];
    let info = Info::folder("tree", &files, piece_length, &hashes).expect("a good content");
    let wants = |number: usize| choice >> (number % 32) & 1 == 1;
    let selection = Selection::of(&info, |number, _| wants(number));
    let chosen = info
        .files()
        .iter()
        .enumerate()
        .filter(|(number, _)| wants(*number));
    let chosen: Vec<_> = chosen.collect();
    assert_eq!(selection.files(), chosen.len());
    assert_eq!(
        selection.bytes(),
        chosen.iter().map(|(_, file)| file.length).sum::<u64>()
    );
    assert_eq!(selection.is_all(), chosen.len() == info.files().len());
    assert_eq!(selection.is_none(), chosen.is_empty());
    for (number, file) in info.files().iter().enumerate() {
        assert_eq!(selection.has_file(number), wants(number));
        assert_eq!(file.kind, FileKind::Regular);
    }
    for piece in info.layout().all_pieces() {
        let start = info.layout().offset(piece);
        let end = start + u64::from(info.layout().length(piece));
        let touches = |(_, file): &(usize, swarmlet_protocol::metainfo::FileEntry<'_>)| {
            file.length > 0 && file.offset < end && file.offset + file.length > start
        };
        let wanted = selection.is_all() || chosen.iter().any(touches);
        assert_eq!(selection.pieces().contains(piece), wanted, "{piece:?}");
    }
}
