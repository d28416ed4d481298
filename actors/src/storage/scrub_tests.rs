//! Files that are changed under a running storage.

use std::os::unix::fs::FileExt;

use swarmlet_protocol::layout::Block;
use swarmlet_protocol::scrub::Epoch;

use super::*;
use crate::storage::doubts::SETTLING;
use crate::storage::scrub::Found;

pub(super) fn damaged(facts: &[StorageFact]) -> Vec<u32> {
    let damaged = facts.iter().filter_map(|fact| match fact {
        StorageFact::Damaged(pieces) => Some(pieces.iter().map(|piece| piece.get())),
        _ => None,
    });
    damaged.flatten().collect()
}

fn info(content: &[u8]) -> Info {
    let hashes: Vec<_> = content.chunks(PIECE).map(PieceHash::of).collect();
    Info::single_file("data.bin", content.len() as u64, PIECE as u64, &hashes).unwrap()
}

/// Another program writes there; within the same tick of the kernel's clock, if it must be.
pub(super) fn damage(path: &Path, piece: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(b"rot", piece * PIECE as u64 + 5).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
}

async fn read(storage: &Addr<Storage>, pieces: &[u32]) -> Result<usize, String> {
    let block = |&piece| Block {
        piece: PieceIndex::new(piece),
        begin: 0,
        length: 100,
    };
    let blocks = pieces.iter().map(block).collect();
    let read = storage.send(ReadBlocks { blocks }).await.unwrap();
    read.map(|bytes| bytes.len())
}

fn piece(bytes: &[u8], piece: usize) -> &[u8] {
    bytes.chunks(PIECE).nth(piece).unwrap()
}

#[test]
fn what_another_program_writes_is_found_withdrawn_and_healed() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(40));
        fs::write(&path, &bytes).unwrap();
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(40).await;
        assert!(read(&storage, &[7]).await.is_ok());
        let before = tokio::time::Instant::now();
        damage(&path, 7);
        damage(&path, 39);
        notes
            .wait("both are found", |facts| damaged(facts) == [7, 39])
            .await;
        let took = before.elapsed();
        assert!(took <= LOOK + Duration::from_millis(10), "{took:?}");
        assert!(read(&storage, &[7]).await.is_err());
        assert_eq!(read(&storage, &[8, 7]).await, Ok(100), "up to the lost one");
        deliver(
            &storage,
            1,
            &[(7, piece(&bytes, 7)), (39, piece(&bytes, 39))],
        );
        notes
            .wait("both are back", |facts| stored(facts) == [7, 39])
            .await;
        assert!(fs::read(&path).unwrap() == bytes);
        assert_eq!(opened(&notes.0.borrow()), 1, "all else was kept");
        // What we wrote ourselves is no change.
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(damaged(&notes.0.borrow()).len(), 2);
        assert!(read(&storage, &[7]).await.is_ok());
    });
}

#[test]
fn what_no_time_tells_of_is_found_by_the_scrub_in_its_period() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(200));
        fs::write(&path, &bytes).unwrap();
        let day = Duration::from_secs(24 * 3_600);
        let (storage, notes) = begin_scrubbing(&path, info(&bytes), Some(day));
        notes.is_checked(200).await;
        let before = tokio::time::Instant::now();
        damage(&path, 150);
        // The file is opened anew by whoever knows its times as they are now.
        storage.send(Exchange(path.clone())).await.unwrap();
        while damaged(&notes.0.borrow()).is_empty() {
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert!(before.elapsed() < day, "not within its period");
        }
        assert_eq!(damaged(&notes.0.borrow()), [150]);
        assert!(before.elapsed() > day / 2, "not all at once");
    });
}

/// As if others had written there.
#[derive(actix::Message)]
#[rtype(result = "()")]
struct Touched(Range<u64>);

impl Handler<Touched> for Storage {
    type Result = ();

    fn handle(&mut self, Touched(bytes): Touched, context: &mut Self::Context) {
        self.touched(vec![bytes], context);
    }
}

#[test]
fn nothing_of_a_piece_in_doubt_is_given_before_it_is_hashed() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(40));
        fs::write(&path, &bytes).unwrap();
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(40).await;
        damage(&path, 7);
        // Into the mailbox at once: no job has an answer yet.
        let all = 0..bytes.len() as u64;
        storage.do_send(Touched(all));
        let (wrong, right, both) = tokio::join!(
            read(&storage, &[7]),
            read(&storage, &[8]),
            read(&storage, &[9, 7])
        );
        assert!(wrong.is_err());
        assert_eq!(right, Ok(100));
        assert_eq!(both, Ok(100));
        assert_eq!(damaged(&notes.0.borrow()), [7]);
    });
}

#[test]
fn a_damaged_piece_that_is_here_twice_heals_by_itself() {
    on_paused_clock(async |folder| {
        let path = folder.join("data");
        let (one, other) = (vec![1; PIECE], vec![2; PIECE]);
        let bytes = [&one[..], &other, &one].concat();
        fs::write(&path, &bytes).unwrap();
        let (_storage, notes) = begin(&path, &bytes);
        notes.is_checked(3).await;
        damage(&path, 2);
        notes
            .wait("it is copied", |facts| stored(facts) == [2])
            .await;
        assert_eq!(damaged(&notes.0.borrow()), [2]);
        assert!(fs::read(&path).unwrap() == bytes);
        // Both at once: neither is taken for right.
        damage(&path, 0);
        damage(&path, 2);
        notes
            .wait("both are found", |facts| damaged(facts).len() == 3)
            .await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(stored(&notes.0.borrow()), [2]);
    });
}

#[test]
fn what_is_put_back_into_a_file_that_is_only_read_is_here_again() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(40));
        fs::write(&path, &bytes).unwrap();
        let notes = Notes::default();
        let info = info(&bytes);
        let setup = Setup {
            selection: Selection::none(&info),
            info: Arc::new(info),
            path: path.clone(),
            scheduler: Scribe(notes.clone()).start().recipient(),
            counters: Arc::default(),
            buffers: Buffers::default(),
            scratch: vec![std::env::temp_dir()],
            shared: Shared::default(),
            scrub: None,
            clock: Clock::start(),
        };
        let storage = Storage::new(setup).start();
        notes.is_checked(40).await;
        damage(&path, 7);
        notes
            .wait("it is found", |facts| damaged(facts) == [7])
            .await;
        assert!(read(&storage, &[7]).await.is_err());
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .write_all_at(&bytes, 0)
            .unwrap();
        notes
            .wait("it is here again", |facts| {
                checked(facts).0.iter().filter(|&&it| it == 7).count() == 2
            })
            .await;
        assert_eq!(read(&storage, &[7]).await, Ok(100));
    });
}

#[test]
fn an_empty_content_is_no_busy_loop() {
    on_paused_clock(async |folder| {
        let path = folder.join("data");
        let info = Info::single_file("x", 0, PIECE as u64, &[]).unwrap();
        let (storage, _) = begin_scrubbing(&path, info, Some(Duration::from_secs(10)));
        // The clock only moves while nothing is to be done.
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        storage.send(Ping).await.unwrap();
    });
}

#[test]
fn a_reader_gets_nothing_of_what_was_written_a_moment_ago() {
    on_paused_clock(async |folder| {
        for is_folder in [false, true] {
            let (path, bytes) = (folder.join(format!("data-{is_folder}")), content(8));
            let begin = if is_folder { begin_folder } else { begin };
            let (storage, notes) = begin(&path, &bytes);
            notes.is_checked(8).await;
            let pieces: Vec<_> = (0..).zip(bytes.chunks(PIECE)).collect();
            deliver(&storage, 1, &pieces);
            notes
                .wait("all is stored", |facts| stored(facts).len() == 8)
                .await;
            assert_eq!(read(&storage, &[4]).await, Ok(100));
            let file = if is_folder {
                path.join("rest")
            } else {
                path.clone()
            };
            let offset = if is_folder { 3 } else { 4 };
            damage(&file, offset);
            // No look at the file has come between.
            assert!(read(&storage, &[4]).await.is_err());
            assert_eq!(damaged(&notes.0.borrow()), [4]);
            assert_eq!(read(&storage, &[5]).await, Ok(100));
        }
    });
}

/// A job begins to hash a piece, and another one may be quicker; ends, with that finding of the time when it
/// began.
#[derive(actix::Message)]
#[rtype(result = "Epoch")]
struct BeginHashing;

#[derive(actix::Message)]
#[rtype(result = "()")]
struct EndHashing(u32, Epoch);

impl Handler<BeginHashing> for Storage {
    type Result = Epoch;

    fn handle(&mut self, _: BeginHashing, _: &mut Self::Context) -> Epoch {
        self.state.hashing += 1;
        self.state.scrubbing += 1;
        self.state.scrub.epoch()
    }
}

impl Handler<EndHashing> for Storage {
    type Result = ();

    fn handle(&mut self, EndHashing(piece, epoch): EndHashing, context: &mut Self::Context) {
        self.state.hashing -= 1;
        self.state.scrubbing -= 1;
        let checked = Checked {
            bad: vec![PieceIndex::new(piece)],
            ..Checked::default()
        };
        let found = Found::new(piece..piece + 1, epoch, (checked, Ok(())));
        self.hashed(found, context);
        self.say_stored();
    }
}

#[test]
fn what_was_read_before_a_piece_was_written_again_says_nothing_of_it() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(40));
        fs::write(&path, &bytes).unwrap();
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(40).await;
        damage(&path, 7);
        let before = storage.send(BeginHashing).await.unwrap();
        notes
            .wait("it is found", |facts| damaged(facts) == [7])
            .await;
        deliver(&storage, 1, &[(7, piece(&bytes, 7))]);
        storage.send(FlushStorage).await.unwrap();
        // The slower one of two jobs that saw it damaged.
        storage.send(EndHashing(7, before)).await.unwrap();
        notes.wait("it is told", |facts| stored(facts) == [7]).await;
        assert_eq!(damaged(&notes.0.borrow()), [7], "once");
        assert_eq!(read(&storage, &[7]).await, Ok(100));
        assert!(fs::read(&path).unwrap() == bytes);
    });
}

#[test]
fn what_is_damaged_before_it_was_told_is_given_back_to_be_fetched_once_more() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(40));
        fs::write(&path, &bytes).unwrap();
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(40).await;
        damage(&path, 7);
        notes
            .wait("it is found", |facts| damaged(facts) == [7])
            .await;
        // Something is in doubt still: that it is whole again is not said.
        let now = storage.send(BeginHashing).await.unwrap();
        deliver(&storage, 1, &[(7, piece(&bytes, 7))]);
        storage.send(FlushStorage).await.unwrap();
        assert!(stored(&notes.0.borrow()).is_empty());
        damage(&path, 7);
        let unstored = |facts: &[StorageFact]| {
            let is_it = |fact: &StorageFact| matches!(fact, StorageFact::Unstored(it) if it[..] == [PieceIndex::new(7)]);
            facts.iter().filter(|fact| is_it(fact)).count()
        };
        notes
            .wait("it is given back", |facts| unstored(facts) == 1)
            .await;
        storage.send(EndHashing(7, now)).await.unwrap();
        deliver(&storage, 1, &[(7, piece(&bytes, 7))]);
        notes.wait("it is told", |facts| stored(facts) == [7]).await;
        assert_eq!(damaged(&notes.0.borrow()), [7]);
        assert!(fs::read(&path).unwrap() == bytes);
    });
}

#[test]
fn what_others_copy_into_place_is_here_though_nobody_has_it() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(40));
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(40).await;
        let here = |facts: &[StorageFact]| checked(facts).0.len();
        for (step, part) in bytes.chunks(10 * PIECE).enumerate() {
            let file = fs::File::options().write(true).open(&path).unwrap();
            let at = (step * 10 * PIECE) as u64;
            file.write_all_at(part, at).unwrap();
            drop(file);
            let so_many = (step + 1) * 10;
            notes
                .wait("they are here", |facts| here(facts) == so_many)
                .await;
        }
        assert_eq!(read(&storage, &[39]).await, Ok(100));
        // Damaged, and put right by whoever did it.
        damage(&path, 7);
        notes
            .wait("it is found", |facts| damaged(facts) == [7])
            .await;
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .write_all_at(&bytes, 0)
            .unwrap();
        notes
            .wait("it is here again", |facts| here(facts) == 41)
            .await;
        assert_eq!(opened(&notes.0.borrow()), 1);
    });
}

/// The disk is another machine's: times may change by what we wrote ourselves, and say so late.
#[derive(actix::Message)]
#[rtype(result = "()")]
struct LieElsewhere;

impl Handler<LieElsewhere> for Storage {
    type Result = ();

    fn handle(&mut self, _: LieElsewhere, _: &mut Self::Context) {
        self.state.lies_elsewhere = true;
    }
}

#[test]
fn what_changes_while_times_settle_is_hashed_for_who_asks_and_all_of_it_when_they_have() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(8).await;
        storage.send(LieElsewhere).await.unwrap();
        let pieces: Vec<_> = (0..).zip(bytes.chunks(PIECE)).collect();
        deliver(&storage, 1, &pieces);
        notes
            .wait("all is stored", |facts| stored(facts).len() == 8)
            .await;
        damage(&path, 2);
        damage(&path, 6);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(damaged(&notes.0.borrow()).is_empty());
        assert!(read(&storage, &[2]).await.is_err());
        assert_eq!(read(&storage, &[3]).await, Ok(100));
        assert_eq!(damaged(&notes.0.borrow()), [2]);
        tokio::time::sleep(SETTLING).await;
        assert_eq!(damaged(&notes.0.borrow()), [2, 6]);
    });
}

#[test]
fn of_a_folder_the_file_is_hashed_to_which_somebody_wrote() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        let (storage, notes) = begin_folder(&path, &bytes);
        notes.is_checked(8).await;
        let pieces: Vec<_> = (0..).zip(bytes.chunks(PIECE)).collect();
        deliver(&storage, 1, &pieces);
        notes
            .wait("all is stored", |facts| stored(facts).len() == 8)
            .await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(damaged(&notes.0.borrow()).is_empty());
        // The file begins in the second piece.
        damage(&path.join("rest"), 3);
        notes
            .wait("it is found", |facts| damaged(facts) == [4])
            .await;
        deliver(&storage, 1, &[(4, piece(&bytes, 4))]);
        notes
            .wait("it is back", |facts| stored(facts).len() == 9)
            .await;
        assert!(read_folder(&path) == bytes);
    });
}

#[test]
fn what_the_disk_cannot_read_any_more_is_damaged() {
    // The first page of a process is no memory: reads of it fail with EIO.
    let bytes = content(4);
    let info = info(&bytes);
    let file = Content::over(Path::new("/proc/self/mem"), *info.layout());
    let (checked, read) = jobs::check_again(&file, &info, 1..3, &Buffers::default());
    assert!(read.is_ok(), "{read:?}");
    let bad: Vec<_> = checked.bad.iter().map(|piece| piece.get()).collect();
    assert_eq!((checked.good.len(), bad), (0, vec![1, 2]));
    // A file that is too short says nothing of its pieces.
    let short = tempfile::NamedTempFile::new().unwrap();
    fs::write(short.path(), &bytes[..PIECE]).unwrap();
    let file = Content::over(short.path(), *info.layout());
    let (checked, read) = jobs::check_again(&file, &info, 0..4, &Buffers::default());
    assert!(read.is_err());
    assert_eq!((checked.good.len(), checked.bad.len()), (1, 0));
}
