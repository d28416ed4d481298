//! Storage on disks that are not well: what fails, lags or is full, at each point and for any length of
//! time, delays and loses nothing.

use std::time::Instant;

use swarmlet_protocol::layout::Block;

use super::*;
use crate::files::faults::{Disk, Effect, Errno, Fault, Operation};

/// What keeps a disk from being written to.
const NO_WRITES: [Errno; 6] = [
    Errno::IO,
    Errno::NOSPC,
    Errno::ROFS,
    Errno::DQUOT,
    Errno::FBIG,
    Errno::NOMEM,
];

fn fails(on: Operation, error: Errno) -> Fault {
    Fault::on(on, Effect::Fails(error))
}

/// The bytes of that piece.
fn range_of(piece: u64) -> Range<u64> {
    piece * PIECE as u64..(piece + 1) * PIECE as u64
}

fn damaged(facts: &[StorageFact]) -> Vec<u32> {
    let damaged = facts.iter().filter_map(|fact| match fact {
        StorageFact::Damaged(pieces) => Some(pieces.iter().map(|piece| piece.get())),
        _ => None,
    });
    damaged.flatten().collect()
}

fn pauses(facts: &[StorageFact]) -> usize {
    let paused = |fact: &&StorageFact| matches!(fact, StorageFact::Paused(_));
    facts.iter().filter(paused).count()
}

fn resumptions(facts: &[StorageFact]) -> usize {
    let resumed = |fact: &&StorageFact| matches!(fact, StorageFact::Resumed);
    facts.iter().filter(resumed).count()
}

async fn read(storage: &Addr<Storage>, piece: u32) -> Result<Vec<u8>, String> {
    let block = Block {
        piece: PieceIndex::new(piece),
        begin: 0,
        length: 100,
    };
    let blocks = vec![block];
    let read = storage.send(ReadBlocks { blocks }).await.unwrap();
    read.map(|bytes| bytes.to_vec())
}

/// All pieces of a content, to be delivered.
fn all(bytes: &[u8]) -> Vec<(u32, &[u8])> {
    (0..).zip(bytes.chunks(PIECE)).collect()
}

#[test]
fn a_write_that_fails_at_any_point_in_any_way_is_made_good_and_loses_no_piece() {
    let mut injected = 0;
    for error in NO_WRITES {
        // The third, the fifth, ... write of the batch fails, and what follows until there is room.
        for after in 0..5 {
            on_paused_clock(async |folder| {
                let (path, bytes) = (folder.join("data"), content(8));
                let disk = Disk::of(folder);
                let (storage, notes) = begin(&path, &bytes);
                notes.is_checked(8).await;
                // One byte range per call: long pieces are written one by one.
                let fault = disk.add(Fault {
                    after,
                    ..fails(Operation::Write, error)
                });
                for (piece, data) in all(&bytes) {
                    deliver(&storage, 1, &[(piece, data)]);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                notes.wait("it pauses", |facts| pauses(facts) > 0).await;
                tokio::time::sleep(Duration::from_secs(30)).await;
                assert_eq!(pauses(&notes.0.borrow()), 1, "told once");
                // While it is paused, what is here is served.
                let here = stored(&notes.0.borrow());
                for piece in here {
                    assert!(read(&storage, piece).await.is_ok());
                }
                injected += disk.mend(fault);
                notes
                    .wait("all is stored", |facts| stored(facts).len() == 8)
                    .await;
                assert_eq!(resumptions(&notes.0.borrow()), 1);
                assert_eq!(opened(&notes.0.borrow()), 1, "nothing is checked anew");
                assert!(fs::read(&path).unwrap() == bytes);
            });
        }
    }
    println!(
        "writes that fail: {injected} injected, 30 of 30 contents complete, wrong bytes 0, fetched again 0"
    );
}

#[test]
fn short_reads_and_writes_change_nothing() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        let disk = Disk::of(folder);
        disk.add(Fault::on(Operation::Read, Effect::Short(1_000)));
        disk.add(Fault::on(Operation::Write, Effect::Short(777)));
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(8).await;
        deliver(&storage, 1, &all(&bytes));
        notes
            .wait("all is stored", |facts| stored(facts).len() == 8)
            .await;
        assert!(fs::read(&path).unwrap() == bytes);
        assert_eq!(read(&storage, 3).await.unwrap(), bytes[3 * PIECE..][..100]);
    });
}

#[test]
fn what_the_disk_has_lost_is_bad_in_the_check_at_the_start_and_is_fetched_again() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(40));
        fs::write(&path, &bytes).unwrap();
        let disk = Disk::of(folder);
        for piece in [3, 17] {
            disk.add(Fault {
                range: range_of(piece),
                ..fails(Operation::Read, Errno::IO)
            });
        }
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(40).await;
        assert_eq!(checked(&notes.0.borrow()).1, [3, 17]);
        assert_eq!(pauses(&notes.0.borrow()), 0, "the others are served");
        assert!(read(&storage, 4).await.is_ok());
        assert!(read(&storage, 3).await.is_err());
        // A sector that is written anew can be read again.
        disk.mend_all();
        let pieces = all(&bytes);
        deliver(&storage, 1, &[pieces[3], pieces[17]]);
        notes
            .wait("both are back", |facts| stored(facts) == [3, 17])
            .await;
        assert!(read(&storage, 3).await.is_ok());
    });
}

#[test]
fn what_the_disk_has_lost_and_cannot_write_pauses_until_it_can() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(40));
        fs::write(&path, &bytes).unwrap();
        let disk = Disk::of(folder);
        for on in [Operation::Read, Operation::Write] {
            disk.add(Fault {
                range: range_of(3),
                ..fails(on, Errno::IO)
            });
        }
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(40).await;
        deliver(&storage, 1, &[all(&bytes)[3]]);
        notes.wait("it pauses", |facts| pauses(facts) == 1).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        disk.mend_all();
        notes.wait("it is back", |facts| stored(facts) == [3]).await;
        assert_eq!(pauses(&notes.0.borrow()), 1);
    });
}

#[test]
fn a_check_that_the_system_is_too_short_of_something_for_says_nothing_of_the_pieces() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(40));
        fs::write(&path, &bytes).unwrap();
        let disk = Disk::of(folder);
        disk.add(fails(Operation::Read, Errno::MFILE));
        let (_storage, notes) = begin(&path, &bytes);
        notes.wait("it pauses", |facts| pauses(facts) == 1).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(pauses(&notes.0.borrow()), 1, "told once");
        disk.mend_all();
        notes.is_checked(40).await;
        assert!(checked(&notes.0.borrow()).1.is_empty(), "something is lost");
        assert_eq!(resumptions(&notes.0.borrow()), 1);
    });
}

#[test]
fn what_cannot_be_read_for_a_peer_because_the_disk_lost_it_is_withdrawn_and_healed() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(40));
        fs::write(&path, &bytes).unwrap();
        let disk = Disk::of(folder);
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(40).await;
        disk.add(Fault {
            range: range_of(5),
            ..fails(Operation::Read, Errno::IO)
        });
        assert!(read(&storage, 5).await.is_err());
        assert_eq!(damaged(&notes.0.borrow()), [5]);
        disk.mend_all();
        deliver(&storage, 1, &[all(&bytes)[5]]);
        notes.wait("it is back", |facts| stored(facts) == [5]).await;
        assert!(read(&storage, 5).await.is_ok());
        assert_eq!(pauses(&notes.0.borrow()), 0);
    });
}

#[test]
fn a_piece_is_not_taken_for_lost_because_descriptors_or_memory_were_used_up() {
    for (error, seconds) in [
        (Errno::MFILE, 5),
        (Errno::NFILE, 5),
        (Errno::MFILE, 60),
        (Errno::NOMEM, 600),
    ] {
        on_paused_clock(async |folder| {
            let (path, bytes) = (folder.join("data"), content(40));
            fs::write(&path, &bytes).unwrap();
            let disk = Disk::of(folder);
            let (storage, notes) = begin(&path, &bytes);
            notes.is_checked(40).await;
            disk.add(fails(Operation::Read, error));
            let asked = storage.send(ReadBlocks {
                blocks: vec![Block {
                    piece: PieceIndex::new(5),
                    begin: 0,
                    length: 100,
                }],
            });
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            disk.mend_all();
            let answer = asked.await.unwrap();
            if seconds < 10 {
                assert!(answer.is_ok(), "it only took longer");
                assert_eq!(pauses(&notes.0.borrow()), 0);
            } else {
                assert!(answer.is_err());
                notes
                    .wait("all is checked anew", |facts| {
                        checked(facts).0.len() == 40 && resumptions(facts) > 0
                    })
                    .await;
                assert_eq!(pauses(&notes.0.borrow()), resumptions(&notes.0.borrow()));
            }
            assert!(
                damaged(&notes.0.borrow()).is_empty(),
                "a piece is fetched again"
            );
            assert!(read(&storage, 5).await.is_ok());
        });
    }
}

#[test]
fn what_a_disk_could_not_read_for_a_moment_is_served_again_though_nobody_else_has_it() {
    for at_the_start in [true, false] {
        on_paused_clock(async |folder| {
            let (path, bytes) = (folder.join("data"), content(40));
            fs::write(&path, &bytes).unwrap();
            let disk = Disk::of(folder);
            let fault = |piece| Fault {
                range: range_of(piece),
                ..fails(Operation::Read, Errno::IO)
            };
            if at_the_start {
                disk.add(fault(5));
                disk.add(fault(6));
            }
            let (storage, notes) = begin(&path, &bytes);
            notes.is_checked(40).await;
            if !at_the_start {
                disk.add(fault(5));
                disk.add(fault(6));
                assert!(read(&storage, 5).await.is_err());
                assert!(read(&storage, 6).await.is_err());
            }
            tokio::time::sleep(Duration::from_secs(300)).await;
            assert!(read(&storage, 5).await.is_err());
            disk.mend_all();
            tokio::time::sleep(Duration::from_secs(63)).await;
            for piece in [5, 6] {
                let bytes = bytes[piece as usize * PIECE..][..100].to_vec();
                assert_eq!(read(&storage, piece).await, Ok(bytes));
            }
            let told = checked(&notes.0.borrow()).0;
            assert!(told.ends_with(&[5, 6]), "{told:?}");
        });
    }
}

#[test]
fn the_scrub_tells_a_disk_that_loses_bytes_from_a_system_that_is_short_of_something() {
    for (error, lost) in [(Errno::IO, vec![20]), (Errno::MFILE, vec![])] {
        on_paused_clock(async |folder| {
            let (path, bytes) = (folder.join("data"), content(40));
            fs::write(&path, &bytes).unwrap();
            let disk = Disk::of(folder);
            let hour = Duration::from_secs(3_600);
            let hashes: Vec<_> = bytes.chunks(PIECE).map(PieceHash::of).collect();
            let info =
                Info::single_file("data.bin", bytes.len() as u64, PIECE as u64, &hashes).unwrap();
            let (storage, notes) = begin_scrubbing(&path, info, Some(hour));
            notes.is_checked(40).await;
            disk.add(Fault {
                range: range_of(20),
                ..fails(Operation::Read, error)
            });
            tokio::time::sleep(2 * hour).await;
            assert_eq!(damaged(&notes.0.borrow()), lost);
            assert_eq!(pauses(&notes.0.borrow()), 0);
            storage.send(Ping).await.unwrap();
        });
    }
}

#[test]
fn equal_pieces_that_cannot_be_copied_are_not_taken_for_copied() {
    for (on, error) in [
        (Operation::Read, Errno::IO),
        (Operation::Write, Errno::IO),
        (Operation::Write, Errno::NOSPC),
    ] {
        on_paused_clock(async |folder| {
            let path = folder.join("data");
            let (one, other) = (vec![1; PIECE], vec![2; PIECE]);
            let bytes = [&one[..], &other, &one].concat();
            fs::write(&path, [&one[..], &other].concat()).unwrap();
            let disk = Disk::of(folder);
            // The check reads the file once; the copy comes after it.
            disk.add(Fault {
                range: range_of(if on == Operation::Read { 0 } else { 2 }),
                after: u64::from(on == Operation::Read),
                times: 3,
                ..fails(on, error)
            });
            let (storage, notes) = begin(&path, &bytes);
            if on == Operation::Read {
                // What is lost there is fetched, and is then here twice.
                notes
                    .wait("its loss is found", |facts| !damaged(facts).is_empty())
                    .await;
                assert_eq!(damaged(&notes.0.borrow()), [0]);
                disk.mend_all();
                deliver(&storage, 1, &[(0, &one)]);
            }
            notes
                .wait("both are here", |facts| {
                    let (good, _) = checked(facts);
                    let all: std::collections::BTreeSet<_> =
                        good.into_iter().chain(stored(facts)).collect();
                    all.len() == 3
                })
                .await;
            assert!(fs::read(&path).unwrap() == bytes);
        });
    }
}

#[test]
fn a_file_that_cannot_be_opened_or_resized_is_tried_until_it_can() {
    for on in [Operation::OpenToWrite, Operation::Resize, Operation::Look] {
        for error in [Errno::IO, Errno::NOSPC, Errno::MFILE] {
            on_paused_clock(async |folder| {
                let (path, bytes) = (folder.join("data"), content(4));
                let disk = Disk::of(folder);
                disk.add(fails(on, error));
                let (storage, notes) = begin(&path, &bytes);
                notes.wait("it pauses", |facts| pauses(facts) == 1).await;
                tokio::time::sleep(Duration::from_secs(60)).await;
                assert_eq!(pauses(&notes.0.borrow()), 1, "told once");
                disk.mend_all();
                notes.is_checked(4).await;
                assert_eq!(resumptions(&notes.0.borrow()), 1);
                deliver(&storage, 1, &all(&bytes));
                notes
                    .wait("all is stored", |facts| stored(facts).len() == 4)
                    .await;
            });
        }
    }
}

#[test]
fn a_disk_that_was_remounted_read_only_serves_and_takes_what_came_when_it_is_back() {
    on_paused_clock(async |folder| {
        let (path, bytes) = (folder.join("data"), content(8));
        let disk = Disk::of(folder);
        let (storage, notes) = begin(&path, &bytes);
        notes.is_checked(8).await;
        let pieces = all(&bytes);
        deliver(&storage, 1, &pieces[..4]);
        notes
            .wait("half is stored", |facts| stored(facts).len() == 4)
            .await;
        for on in [Operation::Write, Operation::OpenToWrite, Operation::Resize] {
            disk.add(fails(on, Errno::ROFS));
        }
        deliver(&storage, 1, &pieces[4..]);
        let said = |fact: &StorageFact| matches!(fact, StorageFact::Paused(error) if error.ends_with("read-only file system"));
        notes
            .wait("it pauses", |facts| facts.iter().any(said))
            .await;
        for piece in 0..4 {
            assert!(read(&storage, piece).await.is_ok());
        }
        tokio::time::sleep(Duration::from_secs(300)).await;
        disk.mend_all();
        notes
            .wait("all is stored", |facts| stored(facts).len() == 8)
            .await;
        assert!(fs::read(&path).unwrap() == bytes);
    });
}

/// How long the arbiter was away at most, of late.
async fn longest_gap(during: impl Future<Output = ()>) -> Duration {
    let mut longest = Duration::ZERO;
    let mut last = Instant::now();
    tokio::pin!(during);
    loop {
        tokio::select! {
            () = &mut during => return longest.max(last.elapsed()),
            () = tokio::time::sleep(Duration::from_millis(5)) => {
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
        }
    }
}

#[actix::test]
async fn a_disk_that_takes_a_second_for_every_call_holds_up_nobody_else() {
    const LAG: Duration = Duration::from_secs(1);
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = (folder.path().join("data"), content(4));
    fs::write(&path, &bytes[..2 * PIECE]).unwrap();
    let disk = Disk::of(folder.path());
    for on in [
        Operation::OpenToWrite,
        Operation::Open,
        Operation::Read,
        Operation::Write,
        Operation::Resize,
        Operation::Look,
    ] {
        disk.add(Fault::on(on, Effect::Slow(LAG)));
    }
    let work = async {
        let (storage, notes) = begin(&path, &bytes);
        let is_checked = |facts: &[StorageFact]| {
            let (good, bad) = checked(facts);
            good.len() + bad.len() == 4
        };
        notes.wait("all is checked", is_checked).await;
        let pieces = all(&bytes);
        deliver(&storage, 1, &pieces[2..]);
        assert_eq!(read(&storage, 0).await.unwrap(), bytes[..100]);
        notes
            .wait("the rest is stored", |facts| stored(facts) == [2, 3])
            .await;
    };
    let gap = longest_gap(work).await;
    println!(
        "slow disk: every call takes {LAG:?}; the thread of the node was away for {gap:.1?} at most"
    );
    assert!(gap < LAG, "{gap:?}");
    assert!(fs::read(&path).unwrap() == bytes);
}

#[actix::test]
async fn a_disk_that_was_quick_and_hangs_holds_up_the_thread_once() {
    const LAG: Duration = Duration::from_secs(1);
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes) = (folder.path().join("data"), content(64));
    fs::write(&path, &bytes).unwrap();
    let disk = Disk::of(folder.path());
    let (storage, notes) = begin(&path, &bytes);
    let is_checked = |facts: &[StorageFact]| checked(facts).0.len() == 64;
    notes.wait("all is checked", is_checked).await;
    // It shows that it is quick, and then it is not.
    for piece in 0..32 {
        read(&storage, piece).await.unwrap();
    }
    disk.add(Fault::on(Operation::Read, Effect::Slow(LAG)));
    let mut away = Duration::ZERO;
    for piece in 0..4 {
        let gap = longest_gap(async { drop(read(&storage, piece).await.unwrap()) }).await;
        away += if gap >= LAG { gap } else { Duration::ZERO };
    }
    println!(
        "slow disk: one that hangs after it was quick held up the thread for {away:.1?} in all"
    );
    assert!(away < 2 * LAG, "{away:?}");
}
