//! The storage actor on real files, with a scheduler that only takes notes.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use actix::Addr;
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::metainfo::NewFile;

use super::*;
use crate::messages::storage::{ReadBlocks, StorePieces};

const PIECE: usize = 16 * 1024;

/// What storage said, in order.
#[derive(Clone, Default)]
struct Notes(Rc<RefCell<Vec<StorageFact>>>);

struct Scribe(Notes);

impl Actor for Scribe {
    type Context = Context<Self>;
}

impl Handler<StorageFact> for Scribe {
    type Result = ();

    fn handle(&mut self, fact: StorageFact, _: &mut Self::Context) {
        self.0.0.borrow_mut().push(fact);
    }
}

impl Notes {
    /// Waits until enough was said.
    async fn wait(&self, what: &str, is_enough: impl Fn(&[StorageFact]) -> bool) {
        // The clock is paused: it only moves while nothing else is to be done.
        for _ in 0..100_000 {
            if is_enough(&self.0.borrow()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("waited in vain until {what}: {:?}", self.0.borrow());
    }

    async fn is_checked(&self, pieces: usize) {
        self.wait("all is checked", |facts| {
            let (good, bad) = checked(facts);
            good.len() + bad.len() == pieces
        })
        .await;
    }
}

/// The pieces that were found good and bad since the file was last opened.
fn checked(facts: &[StorageFact]) -> (Vec<u32>, Vec<u32>) {
    let (mut all_good, mut all_bad) = (Vec::new(), Vec::new());
    for fact in facts {
        match fact {
            StorageFact::Opened => {
                all_good.clear();
                all_bad.clear();
            }
            StorageFact::Checked { good, bad } => {
                all_good.extend(good.iter().map(|piece| piece.get()));
                all_bad.extend(bad.iter().map(|piece| piece.get()));
            }
            _ => {}
        }
    }
    (all_good, all_bad)
}

fn stored(facts: &[StorageFact]) -> Vec<u32> {
    let stored = facts.iter().filter_map(|fact| match fact {
        StorageFact::Stored(pieces) => Some(pieces.iter().map(|piece| piece.get())),
        _ => None,
    });
    let mut stored: Vec<_> = stored.flatten().collect();
    stored.sort_unstable();
    stored
}

fn opened(facts: &[StorageFact]) -> usize {
    facts
        .iter()
        .filter(|fact| matches!(fact, StorageFact::Opened))
        .count()
}

/// Pieces that differ from one another, the last one short.
fn content(pieces: usize) -> Vec<u8> {
    let mut bytes = vec![0; pieces * PIECE - 100];
    fastrand::Rng::with_seed(7).fill(&mut bytes);
    bytes
}

fn begin(path: &Path, content: &[u8]) -> (Addr<Storage>, Notes) {
    let hashes: Vec<_> = content.chunks(PIECE).map(PieceHash::of).collect();
    let info = Info::single_file("data.bin", content.len() as u64, PIECE as u64, &hashes).unwrap();
    begin_with(path, info)
}

/// The same content in a folder of three files and an empty one.
fn begin_folder(path: &Path, content: &[u8]) -> (Addr<Storage>, Notes) {
    let hashes: Vec<_> = content.chunks(PIECE).map(PieceHash::of).collect();
    let file = |path, length| NewFile {
        path,
        length: length as u64,
        is_executable: false,
    };
    let files = [
        file("a/first", FIRST),
        file("a/empty", 0),
        file("b/tiny", 1),
        file("rest", content.len() - FIRST - 1),
    ];
    begin_with(
        path,
        Info::folder("x", &files, PIECE as u64, &hashes).unwrap(),
    )
}

/// Bytes of the first file: one and a half pieces.
const FIRST: usize = PIECE + PIECE / 2;

fn read_folder(path: &Path) -> Vec<u8> {
    let files = ["a/first", "a/empty", "b/tiny", "rest"];
    let read = files.map(|file| fs::read(path.join(file)).unwrap());
    assert_eq!((read[0].len(), read[1].len(), read[2].len()), (FIRST, 0, 1));
    read.concat()
}

fn begin_with(path: &Path, info: Info) -> (Addr<Storage>, Notes) {
    begin_scrubbing(path, info, None)
}

fn begin_scrubbing(path: &Path, info: Info, scrub: Option<Duration>) -> (Addr<Storage>, Notes) {
    let notes = Notes::default();
    let setup = Setup {
        selection: Selection::all(&info),
        info: Arc::new(info),
        path: path.to_owned(),
        scheduler: Scribe(notes.clone()).start().recipient(),
        counters: Arc::default(),
        buffers: Buffers::default(),
        scratch: vec![std::env::temp_dir()],
        shared: Shared::default(),
        scrub,
        clock: Clock::start(),
    };
    (Storage::new(setup).start(), notes)
}

fn deliver(storage: &Addr<Storage>, link: u64, pieces: &[(u32, &[u8])]) {
    let pieces = pieces
        .iter()
        .map(|&(piece, data)| (PieceIndex::new(piece), data.to_vec().into()));
    storage.do_send(StorePieces {
        link: LinkId(link),
        pieces: pieces.collect(),
    });
}

/// A system whose clock moves only while all wait, and an empty folder.
fn on_paused_clock(test: impl AsyncFnOnce(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().start_paused(true).build().unwrap()
    };
    actix_rt::System::with_tokio_rt(runtime).block_on(test(folder.path()));
}

#[test]
fn every_piece_is_checked_once_also_beyond_the_old_end() {
    on_paused_clock(async |folder| {
        let (path, mut bytes) = (folder.join("data"), content(40));
        fs::write(&path, &bytes[..10 * PIECE + 5]).unwrap();
        let (_storage, notes) = begin(&path, &bytes);
        notes.is_checked(40).await;
        let (good, bad) = checked(&notes.0.borrow());
        assert_eq!((good, bad), ((0..10).collect(), (10..40).collect()));
        assert_eq!(fs::metadata(&path).unwrap().len(), bytes.len() as u64);
        bytes.truncate(10 * PIECE + 5);
        assert!(fs::read(&path).unwrap().starts_with(&bytes));
    });
}

#[test]
fn a_piece_with_a_wrong_hash_is_told_with_its_sender_and_never_written() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(4));
        fs::write(&path, vec![0xee; bytes.len()]).unwrap();
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(4).await;
        deliver(&storage, 5, &[(0, &bytes[..PIECE]), (1, &bytes[..PIECE])]);
        notes
            .wait("the right one is stored", |facts| stored(facts) == [0])
            .await;
        let rejected = |fact: &StorageFact| matches!(fact, StorageFact::Rejected { piece, link } if piece.get() == 1 && *link == LinkId(5));
        assert_eq!(
            notes
                .0
                .borrow()
                .iter()
                .filter(|fact| rejected(fact))
                .count(),
            1
        );
        let file = fs::read(&path).unwrap();
        assert!(file[..PIECE] == bytes[..PIECE]);
        assert!(file[PIECE..].iter().all(|&byte| byte == 0xee));
    });
}

#[test]
fn a_path_that_cannot_be_used_pauses_and_resumes_by_itself() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(4));
        fs::create_dir(&path).unwrap();
        let (storage, notes) = begin(&path, &bytes);
        let paused = |fact: &StorageFact| matches!(fact, StorageFact::Paused(_));
        notes
            .wait("it pauses", |facts| facts.iter().any(paused))
            .await;
        // What comes meanwhile is kept.
        deliver(&storage, 1, &[(2, &bytes[2 * PIECE..3 * PIECE])]);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let told = notes.0.borrow().iter().filter(|fact| paused(fact)).count();
        assert_eq!(told, 1, "said once, not every second");
        fs::remove_dir(&path).unwrap();
        let resumed = |fact: &StorageFact| matches!(fact, StorageFact::Resumed);
        notes
            .wait("it resumes", |facts| facts.iter().any(resumed))
            .await;
        notes.is_checked(4).await;
    });
}

#[test]
fn what_cannot_be_written_is_kept_and_written_later() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(4));
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(4).await;
        // The open file is exchanged for a device that is always full, and back before the storage
        // looks at its path.
        storage.send(Exchange("/dev/full".into())).await.unwrap();
        deliver(&storage, 1, &[(1, &bytes[PIECE..2 * PIECE])]);
        let full = |fact: &StorageFact| matches!(fact, StorageFact::Paused(error) if error.ends_with("no space left on device"));
        notes
            .wait("it pauses", |facts| facts.iter().any(full))
            .await;
        assert!(stored(&notes.0.borrow()).is_empty());
        storage.send(Exchange(path.clone())).await.unwrap();
        notes
            .wait("the piece is stored", |facts| stored(facts) == [1])
            .await;
        let resumed = |fact: &StorageFact| matches!(fact, StorageFact::Resumed);
        assert!(notes.0.borrow().iter().any(resumed));
        assert!(fs::read(&path).unwrap()[PIECE..2 * PIECE] == bytes[PIECE..2 * PIECE]);
    });
}

/// Gives the storage another open file under its old name.
#[derive(actix::Message)]
#[rtype(result = "()")]
struct Exchange(PathBuf);

impl Handler<Exchange> for Storage {
    type Result = ();

    fn handle(&mut self, Exchange(path): Exchange, _: &mut Self::Context) {
        let layout = *self.setup.info.layout();
        self.state.file = Some(Arc::new(Content::over(&path, layout)));
    }
}

#[test]
fn a_file_that_was_replaced_or_shortened_is_checked_anew() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        fs::write(&path, &bytes).unwrap();
        let (_storage, notes) = begin(&path, &bytes);
        notes.is_checked(8).await;
        assert!(checked(&notes.0.borrow()).1.is_empty());
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(3 * PIECE as u64)
            .unwrap();
        notes
            .wait("it is opened anew", |facts| opened(facts) == 2)
            .await;
        notes.is_checked(8).await;
        assert_eq!(checked(&notes.0.borrow()).1, [3, 4, 5, 6, 7]);
        let other = folder.join("other");
        fs::write(&other, &bytes).unwrap();
        fs::rename(&other, &path).unwrap();
        notes
            .wait("it is opened once more", |facts| opened(facts) == 3)
            .await;
        notes.is_checked(8).await;
        assert!(checked(&notes.0.borrow()).1.is_empty());
    });
}

#[test]
fn equal_pieces_are_copied_when_one_of_them_is_here_or_comes() {
    on_paused_clock(async |folder| {
        let (path, one, other) = (folder.join("data"), vec![1; PIECE], vec![2; PIECE]);
        let bytes = [&one[..], &other, &one, &other, &one].concat();
        let mut before = vec![0; bytes.len()];
        before[2 * PIECE..3 * PIECE].copy_from_slice(&one);
        fs::write(&path, &before).unwrap();
        let (storage, notes) = begin(&path, &bytes);
        notes
            .wait("what is here is copied", |facts| stored(facts) == [0, 4])
            .await;
        deliver(&storage, 1, &[(3, &other)]);
        notes
            .wait("what comes is copied", |facts| {
                stored(facts) == [0, 1, 3, 4]
            })
            .await;
        assert!(fs::read(&path).unwrap() == bytes);
    });
}

#[test]
fn blocks_of_pieces_that_are_not_right_are_not_read() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(3));
        fs::write(&path, &bytes[..PIECE]).unwrap();
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(3).await;
        let layout = swarmlet_protocol::layout::Layout::new(bytes.len() as u64, PIECE as u64);
        let block = |piece| layout.as_ref().unwrap().block(piece, 0, 100).unwrap();
        let right = storage
            .send(ReadBlocks {
                blocks: vec![block(0)],
            })
            .await
            .unwrap();
        assert_eq!(right.unwrap(), &bytes[..100]);
        let up_to_it = storage
            .send(ReadBlocks {
                blocks: vec![block(0), block(1)],
            })
            .await
            .unwrap();
        assert_eq!(up_to_it.unwrap(), &bytes[..100]);
        let wrong = storage
            .send(ReadBlocks {
                blocks: vec![block(1), block(0)],
            })
            .await
            .unwrap();
        assert!(wrong.is_err());
    });
}

#[test]
fn a_folder_is_created_filled_and_checked_anew_when_a_file_of_it_is_deleted() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        let (storage, notes) = begin_folder(&path, &bytes);
        notes.is_checked(8).await;
        assert_eq!(checked(&notes.0.borrow()).1.len(), 8);
        let pieces: Vec<_> = (0..).zip(bytes.chunks(PIECE)).collect();
        deliver(&storage, 1, &pieces);
        notes
            .wait("all is stored", |facts| stored(facts).len() == 8)
            .await;
        assert!(read_folder(&path) == bytes);
        fs::remove_file(path.join("a/first")).unwrap();
        notes
            .wait("it is opened anew", |facts| opened(facts) == 2)
            .await;
        notes.is_checked(8).await;
        assert_eq!(checked(&notes.0.borrow()).1, [0, 1]);
        deliver(&storage, 1, &pieces[..2]);
        notes
            .wait("the rest is stored", |facts| stored(facts).len() == 10)
            .await;
        assert!(read_folder(&path) == bytes);
    });
}

#[test]
fn a_link_in_a_folder_pauses_it_until_it_is_gone() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        let outside = folder.join("outside");
        fs::create_dir(&outside).unwrap();
        fs::create_dir(&path).unwrap();
        std::os::unix::fs::symlink(&outside, path.join("b")).unwrap();
        let (_storage, notes) = begin_folder(&path, &bytes);
        let complaint = format!(
            "cannot open {}/b: is a symbolic link, and is not followed",
            path.display()
        );
        let paused =
            |fact: &StorageFact| matches!(fact, StorageFact::Paused(error) if *error == complaint);
        notes
            .wait("it pauses", |facts| facts.iter().any(paused))
            .await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let told = notes.0.borrow().iter().filter(|fact| paused(fact)).count();
        assert_eq!(told, 1, "said once, not every second");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        fs::remove_file(path.join("b")).unwrap();
        let resumed = |fact: &StorageFact| matches!(fact, StorageFact::Resumed);
        notes
            .wait("it resumes", |facts| facts.iter().any(resumed))
            .await;
        notes.is_checked(8).await;
        assert_eq!(read_folder(&path).len(), bytes.len());
    });
}

#[test]
fn equal_pieces_are_copied_from_one_file_to_another() {
    on_paused_clock(async |folder| {
        let (path, one, other) = (folder.join("data"), vec![1; PIECE], vec![2; PIECE]);
        let bytes = [&one[..], &other, &one, &other, &one].concat();
        fs::create_dir_all(path.join("a")).unwrap();
        // The first piece is here, and the first half of the second.
        fs::write(path.join("a/first"), &bytes[..FIRST]).unwrap();
        let (storage, notes) = begin_folder(&path, &bytes);
        notes
            .wait("what is here is copied", |facts| stored(facts) == [2, 4])
            .await;
        deliver(&storage, 1, &[(1, &other)]);
        notes
            .wait("what comes is copied", |facts| {
                stored(facts) == [1, 2, 3, 4]
            })
            .await;
        assert!(read_folder(&path) == bytes);
    });
}

#[path = "fetched_tests.rs"]
mod fetched;
#[path = "scrub_tests.rs"]
mod scrub;

#[path = "fault_tests.rs"]
mod faults;
