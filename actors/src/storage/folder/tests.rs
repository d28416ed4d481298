//! Folders of any shape, and the traps that may lie in them.

use std::os::unix::fs::{PermissionsExt, symlink};

use swarmlet_protocol::buffers::Buffers;
use swarmlet_protocol::id::{LinkId, PieceHash};
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::NewFile;

use super::super::content::Content;
use super::super::jobs::{self, Checked};
use super::super::scratch::Scratch;
use super::super::store::Delivered;
use super::*;

/// A content of several files, all bytes of it, and who has them.
struct Sample {
    info: Info,
    bytes: Vec<u8>,
}

impl Sample {
    /// Files of these paths and lengths. A path of `p` is padding.
    fn new(files: &[(&str, usize)], piece_length: usize) -> Self {
        let mut bytes = Vec::new();
        let mut rng = fastrand::Rng::with_seed(files.len() as u64);
        let mut list = b"l".to_vec();
        for &(path, length) in files {
            let start = bytes.len();
            bytes.resize(start + length, 0);
            let attribute = if path == "p" { "4:attr1:p" } else { "" };
            if path != "p" {
                rng.fill(&mut bytes[start..]);
            }
            let names: String = path
                .split('/')
                .map(|name| format!("{}:{name}", name.len()))
                .collect();
            list.extend(format!("d{attribute}6:lengthi{length}e4:pathl{names}ee").into_bytes());
        }
        list.push(b'e');
        let hashes: Vec<u8> = bytes
            .chunks(piece_length)
            .flat_map(|piece| PieceHash::of(piece).0)
            .collect();
        let mut raw = b"d5:files".to_vec();
        raw.extend(list);
        raw.extend(
            format!(
                "4:name1:x12:piece lengthi{piece_length}e6:pieces{}:",
                hashes.len()
            )
            .bytes(),
        );
        raw.extend(hashes);
        raw.push(b'e');
        let info = Info::parse(raw.into()).unwrap();
        Self { info, bytes }
    }

    /// Files of random lengths in random folders, many of them empty or of one byte.
    fn random(rng: &mut fastrand::Rng) -> Self {
        let count = rng.usize(1..40);
        let mut files = Vec::new();
        for number in 0..count {
            let length = match rng.u8(0..10) {
                0 | 1 => 0,
                2 | 3 => 1,
                4..8 => rng.usize(0..300),
                _ => rng.usize(0..200_000),
            };
            let depth = rng.usize(0..4);
            let folders: String = (0..depth).map(|_| format!("d{}/", rng.u8(0..3))).collect();
            let padding = rng.u8(0..5) == 0;
            let path = if padding {
                "p".into()
            } else {
                format!("{folders}f{number}")
            };
            files.push((path, length));
        }
        let piece_length = [7, 100, 4_096, 16_384, 70_000][rng.usize(0..5)];
        // Nothing takes half a million hashes.
        let piece_length = if count > 20 {
            piece_length.max(100)
        } else {
            piece_length
        };
        let files: Vec<_> = files
            .iter()
            .map(|(path, length)| (path.as_str(), *length))
            .collect();
        Self::new(&files, piece_length)
    }

    fn open(&self, root: &Path) -> Result<Content, String> {
        Content::open(root, &self.info, &Selection::all(&self.info))
    }

    fn piece(&self, piece: PieceIndex) -> &[u8] {
        let layout = self.info.layout();
        let start = layout.offset(piece) as usize;
        &self.bytes[start..start + layout.length(piece) as usize]
    }

    fn delivered(&self, piece: PieceIndex) -> Delivered {
        Delivered {
            link: LinkId(0),
            piece,
            data: self.piece(piece).to_vec().into(),
            verified: false,
        }
    }

    fn write(&self, content: &Content, pieces: impl IntoIterator<Item = PieceIndex>) {
        let batch = pieces
            .into_iter()
            .map(|piece| self.delivered(piece))
            .collect();
        let (mut batch, wrong) = jobs::verify(&self.info, batch);
        assert!(wrong.is_empty());
        jobs::write(content, &self.info, &mut batch, &Buffers::default()).unwrap();
    }

    fn check(&self, content: &Content) -> Checked {
        let pieces = 0..self.info.layout().pieces();
        let (checked, outcome) = jobs::check(content, &self.info, pieces, &Buffers::default());
        outcome.unwrap();
        checked
    }

    /// Every file has exactly its bytes, and there are no others.
    fn assert_is_at(&self, root: &Path) {
        let mut expected = 0;
        for file in self.info.files().iter() {
            if file.kind == FileKind::Regular {
                let bytes = fs::read(root.join(file.path)).unwrap();
                let start = file.offset as usize;
                assert!(
                    bytes == self.bytes[start..start + file.length as usize],
                    "{}",
                    file.path
                );
                expected += 1;
            }
        }
        assert_eq!(count_files(root), expected);
    }
}

fn count_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { count_files(&path) } else { 1 })
        .sum()
}

/// Leaves of each file what chance wants: nothing, a part, rubbish, or too much.
fn spoil(sample: &Sample, root: &Path, rng: &mut fastrand::Rng) {
    for file in sample
        .info
        .files()
        .iter()
        .filter(|it| it.kind == FileKind::Regular)
    {
        let start = file.offset as usize;
        let mut bytes = sample.bytes[start..start + file.length as usize].to_vec();
        match rng.u8(0..5) {
            0 => continue,
            1 => bytes.truncate(rng.usize(0..=bytes.len())),
            2 => rng.fill(&mut bytes),
            3 => bytes.extend_from_slice(b"too much"),
            _ => {}
        }
        let path = root.join(file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// What a check must find: each byte that is there, and zeros beyond.
fn truth(sample: &Sample, root: &Path) -> Vec<bool> {
    let mut there = vec![0; sample.bytes.len()];
    for file in sample
        .info
        .files()
        .iter()
        .filter(|it| it.kind == FileKind::Regular)
    {
        let bytes = fs::read(root.join(file.path)).unwrap_or_default();
        let length = bytes.len().min(file.length as usize);
        let start = file.offset as usize;
        there[start..start + length].copy_from_slice(&bytes[..length]);
    }
    let length = sample.info.layout().piece_length() as usize;
    let pieces = there.chunks(length).zip(sample.bytes.chunks(length));
    pieces.map(|(there, right)| there == right).collect()
}

#[test]
fn folders_of_any_shape_are_checked_written_and_read_byte_for_byte() {
    for seed in 0..80 {
        let rng = &mut fastrand::Rng::with_seed(seed);
        let sample = Sample::random(rng);
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        fs::create_dir(&root).unwrap();
        spoil(&sample, &root, rng);
        let truth = truth(&sample, &root);
        let content = sample.open(&root).unwrap();
        let Checked { good, bad, .. } = sample.check(&content);
        assert_eq!(good.len() + bad.len(), truth.len(), "seed {seed}");
        assert!(
            good.iter().all(|piece| truth[piece.as_usize()]),
            "seed {seed}"
        );
        assert!(
            bad.iter().all(|piece| !truth[piece.as_usize()]),
            "seed {seed}"
        );
        let mut wanted = bad;
        rng.shuffle(&mut wanted);
        for some in wanted.chunks(rng.usize(1..50)) {
            sample.write(&content, some.iter().copied());
        }
        sample.assert_is_at(&root);
        assert_eq!(
            sample.check(&sample.open(&root).unwrap()).bad,
            [],
            "seed {seed}"
        );
        let layout = sample.info.layout();
        let mut blocks: Vec<_> = layout
            .all_pieces()
            .flat_map(|piece| layout.blocks(piece))
            .collect();
        if rng.bool() {
            rng.shuffle(&mut blocks);
        }
        blocks.truncate(500);
        // The memory was used before: what padding reads as must not be what was there.
        let buffers = Buffers::default();
        buffers.filled(100_000).fill(7);
        let read = content.read_blocks(&blocks, &buffers).unwrap();
        let expected: Vec<u8> = blocks
            .iter()
            .flat_map(|block| {
                let start = block.begin as usize;
                sample.piece(block.piece)[start..start + block.length as usize].to_vec()
            })
            .collect();
        assert!(*read == *expected, "seed {seed}");
    }
}

#[test]
fn folders_empty_files_and_programs_are_created_and_strangers_left_alone() {
    let files = [
        NewFile {
            path: "a/b/empty",
            length: 0,
            is_executable: false,
        },
        NewFile {
            path: "run",
            length: 3,
            is_executable: true,
        },
    ];
    let info = Info::folder("x", &files, 8, &[PieceHash::of(b"abc")]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("mine"), "not of the content").unwrap();
    let content = Content::open(&root, &info, &Selection::all(&info)).unwrap();
    assert_eq!(fs::read(root.join("a/b/empty")).unwrap(), b"");
    let mode = |name: &str| fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o111;
    assert_ne!(mode("run"), 0);
    assert_eq!(mode("a/b/empty"), 0);
    content.write_at(b"abc", 0).unwrap();
    assert_eq!(fs::read(root.join("run")).unwrap(), b"abc");
    assert_eq!(fs::read(root.join("mine")).unwrap(), b"not of the content");
}

/// What is in the way, and what is said about it.
#[test]
fn traps_are_refused_by_name_and_nothing_behind_them_is_touched() {
    let sample = Sample::new(&[("a/b/file", 10), ("c", 5)], 4);
    type Trap = fn(&Path, &Path);
    let traps: [(Trap, &str); 7] = [
        (
            |root, outside| symlink(outside, root.join("a")).unwrap(),
            "cannot open ROOT/a: is a symbolic link, and is not followed",
        ),
        (
            |root, outside| {
                fs::create_dir(root.join("a")).unwrap();
                symlink(outside, root.join("a/b")).unwrap();
            },
            "cannot open ROOT/a/b: is a symbolic link, and is not followed",
        ),
        (
            |root, outside| symlink(outside.join("file"), root.join("c")).unwrap(),
            "cannot open ROOT/c: is a symbolic link, and is not followed",
        ),
        (
            // A link that leads nowhere is no missing file.
            |root, outside| symlink(outside.join("new"), root.join("c")).unwrap(),
            "cannot open ROOT/c: is a symbolic link, and is not followed",
        ),
        (
            |root, _| fs::create_dir(root.join("c")).unwrap(),
            "cannot open ROOT/c: is a directory",
        ),
        (
            |root, _| fs::write(root.join("a"), "file").unwrap(),
            "cannot open ROOT/a: not a directory",
        ),
        (
            |root, _| {
                fs::create_dir_all(root.join("a/b")).unwrap();
                fs::write(root.join("a/b/file"), "0123456789").unwrap();
                fs::hard_link(root.join("a/b/file"), root.join("c")).unwrap();
            },
            "cannot open ROOT/c: it is the same file as ROOT/a/b/file (a hard link); it must be one of its own",
        ),
    ];
    for (set, expected) in traps {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "precious").unwrap();
        set(&root, &outside);
        let error = sample.open(&root).unwrap_err();
        assert_eq!(error, expected.replace("ROOT", root.to_str().unwrap()));
        assert_eq!(fs::read(outside.join("file")).unwrap(), b"precious");
        assert_eq!(count_files(&outside), 1);
    }
}

#[test]
fn pipes_and_roots_that_are_none_are_refused_by_name() {
    let sample = Sample::new(&[("c", 5)], 4);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(root.join("c"))
        .status();
    assert!(made.unwrap().success());
    let error = sample.open(&root).unwrap_err();
    assert_eq!(
        error,
        format!("cannot open {}/c: not a regular file", root.display())
    );
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = sample.open(&file).unwrap_err();
    assert_eq!(
        error,
        format!(
            "cannot open {}: is a file; the content is a folder",
            file.display()
        )
    );
    let error = sample.open(&folder.path().join("no/where")).unwrap_err();
    assert!(
        error.ends_with("no/where: no such file or directory"),
        "{error}"
    );
    // The host may name its folder by a link.
    let link = folder.path().join("link");
    fs::remove_file(root.join("c")).unwrap();
    symlink(&root, &link).unwrap();
    sample
        .open(&link)
        .unwrap()
        .write_at(&sample.bytes, 0)
        .unwrap();
    sample.assert_is_at(&root);
}

#[test]
fn a_file_that_cannot_be_written_is_read_and_written_when_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    // Nobody may write a program that runs, not even root.
    let program = fs::read("/bin/sleep").unwrap();
    let path = root.join("program");
    fs::write(&path, &program).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut running = std::process::Command::new(&path)
        .arg("1000")
        .spawn()
        .unwrap();
    let sample = Sample::new(&[("program", program.len()), ("other", 9)], 1 << 20);
    let content = sample.open(&root).unwrap();
    let refusal = format!("cannot write {}: text file busy", path.display());
    assert_eq!(content.read_only(), Some(refusal.as_str()));
    let mut start = [0; 4];
    content.read_at(&mut start, 0).unwrap();
    assert_eq!(start, program[..4]);
    let error = content.write_at(b"1234", 0).unwrap_err();
    assert_eq!(complaint("write", &root, &error), refusal);
    content.write_at(&[1], program.len() as u64).unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    content.write_at(b"1234", 0).unwrap();
    assert!(fs::read(&path).unwrap().starts_with(b"1234"));
    assert_eq!(sample.open(&root).unwrap().read_only(), None);
    // One of the wrong length cannot be used at all.
    fs::write(&path, &program[1..]).unwrap();
    let mut running = std::process::Command::new(&path).arg("1000").spawn();
    if let Ok(running) = &mut running {
        assert_eq!(sample.open(&root).unwrap_err(), refusal);
        running.kill().unwrap();
        running.wait().unwrap();
    }
}

#[test]
fn a_replaced_shortened_or_deleted_file_is_noticed() {
    let sample = Sample::new(&[("a/b", 10), ("empty", 0), ("p", 2), ("c", 5)], 4);
    type Change = fn(&Path);
    let changes: [Change; 5] = [
        |root| fs::write(root.join("a/b"), "short").unwrap(),
        |root| fs::remove_file(root.join("empty")).unwrap(),
        |root| {
            fs::write(root.join("new"), "01234").unwrap();
            fs::rename(root.join("new"), root.join("c")).unwrap();
        },
        |root| fs::rename(root.join("a"), root.join("z")).unwrap(),
        |root| {
            fs::rename(root, root.with_extension("old")).unwrap();
            fs::create_dir(root).unwrap();
        },
    ];
    for change in changes {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        let content = sample.open(&root).unwrap();
        assert!(content.is_still(&root) && content.is_still(&root));
        change(&root);
        assert!(!content.is_still(&root));
        assert!(sample.open(&root).unwrap().is_still(&root));
    }
}

#[test]
fn where_files_are_numbered_anew_only_their_kind_and_length_tell() {
    let sample = Sample::new(&[("a", 10), ("b", 10)], 4);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let mut content =
        ContentFolder::open(&root, &sample.info, &Selection::all(&sample.info)).unwrap();
    assert!(!content.is_renumbered || renumbers(content.file_system().unwrap()));
    content.is_renumbered = true;
    fs::write(root.join("new"), "0123456789").unwrap();
    fs::rename(root.join("new"), root.join("a")).unwrap();
    assert!(content.is_still(&root));
    fs::write(root.join("a"), "short").unwrap();
    assert!(!content.is_still(&root));
    fs::remove_file(root.join("a")).unwrap();
    symlink("b", root.join("a")).unwrap();
    assert!(!content.is_still(&root));
}

/// More files than stay open, of which the first are closed by now.
fn many() -> (Sample, tempfile::TempDir, Content) {
    let names: Vec<_> = (0..3 * MAX_OPEN_FILES)
        .map(|number| format!("d/{number}"))
        .collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), 10)).collect();
    let sample = Sample::new(&files, 64);
    let folder = tempfile::tempdir().unwrap();
    let content = sample.open(&folder.path().join("root")).unwrap();
    (sample, folder, content)
}

#[test]
fn no_more_files_are_open_than_the_limit() {
    let (sample, folder, content) = many();
    let root = folder.path().join("root");
    let open_ones = || {
        let descriptors = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let paths = descriptors.filter_map(|it| fs::read_link(it.path()).ok());
        paths.filter(|path| path.starts_with(&root)).count()
    };
    // One more is the root itself.
    assert_eq!(open_ones(), MAX_OPEN_FILES + 1);
    sample.write(&content, sample.info.layout().all_pieces());
    sample.assert_is_at(&root);
    let mut read = vec![0; sample.bytes.len()];
    content.read_at(&mut read, 0).unwrap();
    assert!(read == sample.bytes);
    assert_eq!(open_ones(), MAX_OPEN_FILES + 1);
}

#[test]
fn work_on_more_files_than_stay_open_is_told_from_other_work() {
    let (sample, folder, content) = many();
    let layout = sample.info.layout();
    assert!(content.are_scattered(layout.all_pieces()));
    assert!(!content.are_scattered(layout.all_pieces().take(8)));
    let blocks: Vec<_> = layout
        .all_pieces()
        .flat_map(|piece| layout.blocks(piece))
        .collect();
    assert!(content.are_blocks_scattered(&blocks));
    assert!(!content.are_blocks_scattered(&blocks[..8]));
    let path = folder.path().join("single");
    let info = Info::single_file("x", 0, 4, &[]).unwrap();
    let single = Content::open(&path, &info, &Selection::all(&info)).unwrap();
    assert!(!single.are_scattered(layout.all_pieces()));
}

#[test]
fn a_file_that_was_exchanged_while_it_was_closed_is_neither_read_nor_written() {
    let (_, folder, content) = many();
    let path = folder.path().join("root/d/0");
    fs::write(path.with_extension("new"), "0123456789").unwrap();
    fs::rename(path.with_extension("new"), &path).unwrap();
    let refusal = format!("cannot read {}: was replaced or resized", path.display());
    let error = content.read_at(&mut [0; 10], 0).unwrap_err();
    assert_eq!(complaint("read", folder.path(), &error), refusal);
    assert!(content.write_at(&[1; 10], 0).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"0123456789");
    assert!(!content.is_still(&folder.path().join("root")));
}

#[test]
fn a_folder_that_became_a_link_is_not_followed() {
    let (_, folder, content) = many();
    let root = folder.path().join("root");
    let outside = folder.path().join("outside");
    // The same files, elsewhere: nothing but the link tells.
    fs::rename(root.join("d"), &outside).unwrap();
    symlink(&outside, root.join("d")).unwrap();
    let error = content.write_at(&[1; 10], 0).unwrap_err();
    let expected = format!(
        "cannot write {}/d/0: is a symbolic link, and is not followed",
        root.display()
    );
    assert_eq!(complaint("write", &root, &error), expected);
    assert!(!content.is_still(&root));
    let error = sample_of_many_error(&root);
    assert_eq!(
        error,
        format!(
            "cannot open {}/d: is a symbolic link, and is not followed",
            root.display()
        )
    );
}

fn sample_of_many_error(root: &Path) -> String {
    let sample = Sample::new(&[("d/0", 10)], 64);
    sample.open(root).unwrap_err()
}

#[test]
fn padding_that_is_not_zeros_is_refused() {
    let sample = Sample::new(&[("a", 3), ("p", 1), ("b", 4)], 4);
    let folder = tempfile::tempdir().unwrap();
    let content = sample.open(folder.path()).unwrap();
    let error = content.write_at(b"abcX", 0).unwrap_err();
    assert!(error.to_string().contains("padding that is not zeros"));
    content.write_at(b"abc\0defg", 0).unwrap();
    assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"defg");
    assert!(!folder.path().join("p").exists());
}

#[test]
fn a_long_piece_is_copied_from_its_scratch_file_to_several_places_across_files() {
    let piece = 3 * 1024 * 1024;
    let sample = Sample::new(&[("a", 1_000_000), ("b", 1), ("c", 7_437_183)], piece);
    assert_eq!(
        sample.bytes.len() % piece,
        1_000_000 + 1 + 7_437_183 - 2 * piece
    );
    let folder = tempfile::tempdir().unwrap();
    let content = sample.open(folder.path()).unwrap();
    let scratch = Scratch::create(&[folder.path().to_owned()]).unwrap();
    let first = sample.piece(PieceIndex::new(0));
    for (number, part) in first.chunks(100_000).enumerate() {
        scratch.write(number as u32 * 100_000, part).unwrap();
    }
    scratch
        .copy(piece as u32, &content, &[0, piece as u64])
        .unwrap();
    let mut read = vec![0; 2 * piece];
    content.read_at(&mut read, 0).unwrap();
    assert!(read[..piece] == *first && read[piece..] == *first);
    assert!(fs::read(folder.path().join("a")).unwrap() == first[..1_000_000]);
}
