//! Folders of which some files are wanted, with anything that may lie there before.

use std::collections::BTreeSet;

use proptest::prelude::*;
use swarmlet_protocol::buffers::Buffers;
use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::NewFile;

use super::super::content::Content;
use super::super::jobs;
use super::*;

/// What lies in the place of a file before.
#[derive(Copy, Clone, Debug)]
enum Before {
    Nothing,
    Right,
    Wrong,
    Short,
}

/// A content whose bytes are known.
struct Sample {
    info: Info,
    bytes: Vec<u8>,
    names: Vec<String>,
}

impl Sample {
    fn new(lengths: &[usize], piece_length: usize) -> Self {
        let size: usize = lengths.iter().sum();
        // No byte is zero, and no two pieces are equal.
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251 + 1) as u8).collect();
        let names: Vec<_> = (0..lengths.len())
            .map(|number| format!("{}/f{number}", number % 2))
            .collect();
        let files: Vec<_> = names
            .iter()
            .zip(lengths)
            .map(|(path, &length)| NewFile {
                path,
                length: length as u64,
                is_executable: false,
            })
            .collect();
        let hashes: Vec<_> = bytes.chunks(piece_length).map(PieceHash::of).collect();
        let info = Info::folder("x", &files, piece_length as u64, &hashes).unwrap();
        Self { info, bytes, names }
    }

    fn bytes_of(&self, number: usize) -> &[u8] {
        let file = self.info.files().get(number).unwrap();
        &self.bytes[file.offset as usize..][..file.length as usize]
    }

    fn piece(&self, piece: PieceIndex) -> (u64, &[u8]) {
        let layout = self.info.layout();
        let offset = layout.offset(piece);
        let length = layout.length(piece) as usize;
        (offset, &self.bytes[offset as usize..][..length])
    }

    /// The pieces that a check finds right.
    fn good(&self, content: &Content) -> BTreeSet<PieceIndex> {
        let pieces = self.info.layout().pieces();
        let (checked, outcome) = jobs::check(content, &self.info, 0..pieces, &Buffers::default());
        outcome.unwrap();
        assert_eq!(checked.good.len() + checked.bad.len(), pieces as usize);
        for &piece in &checked.good {
            let (offset, expected) = self.piece(piece);
            let mut bytes = vec![0; expected.len()];
            content.read_at(&mut bytes, offset).unwrap();
            assert_eq!(bytes, expected, "what is right is read right");
        }
        checked.good.into_iter().collect()
    }
}

fn before() -> impl Strategy<Value = Before> {
    prop_oneof![
        3 => Just(Before::Nothing),
        1 => Just(Before::Right),
        1 => Just(Before::Wrong),
        1 => Just(Before::Short),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_choice_of_files_keeps_what_it_needs_and_touches_nothing_else(
        files in prop::collection::vec((0_usize..20, any::<bool>(), before()), 1..8),
        piece_length in 1_usize..9,
    ) {
        let lengths: Vec<_> = files.iter().map(|(length, ..)| *length).collect();
        let sample = Sample::new(&lengths, piece_length);
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        for ((name, before), number) in sample.names.iter().zip(files.iter().map(|it| it.2)).zip(0..) {
            let right = sample.bytes_of(number);
            let bytes = match before {
                Before::Nothing => continue,
                Before::Right => right.to_vec(),
                Before::Wrong => right.iter().map(|byte| byte.wrapping_add(1).max(1)).collect(),
                Before::Short => right[..right.len() / 2].to_vec(),
            };
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        fs::create_dir_all(&root).unwrap();
        let there = |number: usize| fs::read(root.join(&sample.names[number])).ok();
        let untouched: Vec<_> = (0..files.len()).map(there).collect();
        let selection = Selection::of(&sample.info, |number, _| files[number].1);
        let selected: BTreeSet<_> = selection.pieces().iter().collect();
        let open = |selection| Content::open(&root, &sample.info, selection).unwrap();
        let content = open(&selection);
        let good = sample.good(&content);
        for &piece in selected.difference(&good) {
            let (offset, bytes) = sample.piece(piece);
            content.write_at(bytes, offset).unwrap();
        }
        prop_assert!(content.is_still(&root));
        // As if the node had been killed here.
        drop(content);
        let content = open(&selection);
        let later = sample.good(&content);
        prop_assert!(later.is_superset(&selected) && later.is_superset(&good));
        for (number, (_, is_selected, _)) in files.iter().enumerate() {
            let expected = match is_selected {
                true => Some(sample.bytes_of(number).to_vec()),
                false => untouched[number].clone(),
            };
            prop_assert_eq!(there(number), expected, "file {}", number);
        }
        drop(content);
        // Later all of it is wanted. Where nothing stood in the way, nothing is lost.
        let content = open(&Selection::all(&sample.info));
        let all = sample.good(&content);
        let is_free = |number: usize| files[number].1 || untouched[number].is_none();
        if (0..files.len()).all(is_free) {
            prop_assert!(all.is_superset(&selected), "{:?} of {:?}", all, selected);
        }
        let hidden = root.join(format!(".{}.parts", sample.info.info_hash()));
        prop_assert!(!hidden.exists());
    }

    #[test]
    fn where_nothing_is_wanted_everything_stays_as_it_is(
        files in prop::collection::vec((0_usize..20, before()), 1..8),
        piece_length in 1_usize..9,
    ) {
        let lengths: Vec<_> = files.iter().map(|(length, _)| *length).collect();
        let sample = Sample::new(&lengths, piece_length);
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("root");
        prop_assert!(Content::open(&root, &sample.info, &Selection::none(&sample.info)).is_err());
        prop_assert!(!root.exists());
        let mut expected = BTreeSet::new();
        fs::create_dir(&root).unwrap();
        for (number, (name, (_, before))) in sample.names.iter().zip(&files).enumerate() {
            if matches!(before, Before::Right) {
                let path = root.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, sample.bytes_of(number)).unwrap();
                expected.insert(path);
            }
        }
        let content = Content::open(&root, &sample.info, &Selection::none(&sample.info)).unwrap();
        let is_right = |number: usize| {
            matches!(files[number].1, Before::Right) || sample.bytes_of(number).is_empty()
        };
        let good = sample.good(&content);
        for piece in sample.info.layout().all_pieces() {
            let (offset, bytes) = sample.piece(piece);
            let spans = sample.info.files().spans(offset..offset + bytes.len() as u64);
            let whole = spans.map(|span| span.file).all(is_right);
            prop_assert_eq!(good.contains(&piece), whole);
        }
        let mut found = BTreeSet::new();
        for folder in ["0", "1"].map(|it| root.join(it)) {
            let entries = fs::read_dir(folder).into_iter().flatten();
            found.extend(entries.map(|entry| entry.unwrap().path()));
        }
        prop_assert_eq!(found, expected);
    }
}

/// The hidden file holds bytes of pieces like any other.
#[test]
fn what_others_do_to_the_hidden_file_shows() {
    let sample = Sample::new(&[6, 14, 6], 4);
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    let selection = Selection::of(&sample.info, |number, _| number != 1);
    let content = Content::open(&root, &sample.info, &selection).unwrap();
    for piece in selection.pieces().iter() {
        let (offset, bytes) = sample.piece(piece);
        content.write_at(bytes, offset).unwrap();
    }
    assert!(content.is_still(&root));
    assert!(content.changed().is_empty(), "it was we who wrote");
    let hidden = root.join(format!(".{}.parts", sample.info.info_hash()));
    let block = |piece| sample.info.layout().block(piece, 0, 4).unwrap();
    // The second file is bytes 6 to 20: pieces 1 and 5 have some of it, and of the others.
    let damage: [fn(&Path); 2] = [
        |path| {
            let file = fs::File::options().write(true).open(path).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &[0xee; 3], 4).unwrap();
        },
        |path| fs::write(path, "").unwrap(),
    ];
    for damage in damage {
        assert!(!content.are_foreign(&[block(1)]));
        damage(&hidden);
        assert!(content.are_foreign(&[block(1)]));
        assert!(
            !content.are_foreign(&[block(0)]),
            "all of it lies elsewhere"
        );
        assert!(content.is_still(&root));
        assert_eq!(content.changed(), Vec::from_iter(Some(6..8)));
        assert!(!content.are_foreign(&[block(1)]));
    }
}
