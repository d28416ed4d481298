//! Long pieces from links to the file.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use actix::{Actor, Addr};
use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::layout::SPILL_LENGTH;
use swarmlet_protocol::metainfo::{Info, Selection};

use super::super::{Setup, Shared};
use swarmlet_protocol::buffers::Buffers;

use super::*;
use crate::counters::Counters;
use crate::messages::scheduler::StorageFact;
use crate::messages::storage::FlushStorage;

const LONG: usize = SPILL_LENGTH as usize + 3 * 1024 * 1024 + 7;
const PART: usize = 256 * 1024;

type Facts = Arc<Mutex<Vec<StorageFact>>>;

/// Hears what storage says.
struct Ear(Facts);

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<StorageFact> for Ear {
    type Result = ();

    fn handle(&mut self, fact: StorageFact, _: &mut Self::Context) {
        self.0.lock().unwrap().push(fact);
    }
}

struct Rig {
    storage: Addr<Storage>,
    facts: Facts,
    content: Vec<u8>,
    data: PathBuf,
    scratch: PathBuf,
    _folder: tempfile::TempDir,
}

/// A word to storage that runs in it.
#[derive(actix::Message)]
#[rtype(result = "(usize, usize)")]
struct CountAttempts;

impl Handler<CountAttempts> for Storage {
    type Result = actix::MessageResult<CountAttempts>;

    fn handle(&mut self, _: CountAttempts, _: &mut Self::Context) -> Self::Result {
        let spills = &self.state.spills;
        actix::MessageResult((spills.attempts.len(), spills.open.len()))
    }
}

impl Rig {
    /// Storage of two long pieces and a short one, of which nothing is here.
    async fn new(scratch_exists: bool) -> Self {
        let mut content = vec![0; 2 * LONG + 100];
        fastrand::Rng::with_seed(5).fill(&mut content);
        Self::of(content, scratch_exists).await
    }

    async fn of(content: Vec<u8>, scratch_exists: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let hashes: Vec<_> = content.chunks(LONG).map(PieceHash::of).collect();
        let size = content.len() as u64;
        let info = Info::single_file("data.bin", size, LONG as u64, &hashes).unwrap();
        let (data, scratch) = (folder.path().join("data"), folder.path().join("state"));
        if scratch_exists {
            std::fs::create_dir(&scratch).unwrap();
        }
        let facts = Facts::default();
        let storage = Storage::new(Setup {
            selection: Selection::all(&info),
            info: Arc::new(info),
            path: data.clone(),
            scratch: vec![scratch.clone()],
            scheduler: Ear(Arc::clone(&facts)).start().recipient(),
            counters: Arc::new(Counters::default()),
            buffers: Buffers::default(),
            shared: Shared::default(),
            scrub: None,
            clock: crate::clock::Clock::start(),
        });
        let rig = Self {
            storage: storage.start(),
            facts,
            content,
            data,
            scratch,
            _folder: folder,
        };
        rig.until(|fact| matches!(fact, StorageFact::Checked { .. }))
            .await;
        rig
    }

    async fn until(&self, is_it: impl Fn(&StorageFact) -> bool) {
        while !self.facts.lock().unwrap().iter().any(&is_it) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn say(&self, link: u64, word: Spill) {
        self.storage.do_send(SpillPiece {
            link: LinkId(link),
            word,
            token: None,
        });
    }

    /// Sends the parts of a piece, the last one first.
    fn send(&self, link: u64, piece: u32, bytes: &[u8]) {
        for (number, part) in bytes.chunks(PART).enumerate().rev() {
            let word = Spill::Part {
                piece: PieceIndex::new(piece),
                begin: (number * PART) as u32,
                data: part.to_vec().into(),
            };
            self.say(link, word);
        }
    }

    fn piece(&self, piece: usize) -> &[u8] {
        &self.content[piece * LONG..][..LONG]
    }

    async fn attempts(&self) -> (usize, usize) {
        self.storage.send(FlushStorage).await.unwrap();
        self.storage.send(CountAttempts).await.unwrap()
    }

    fn read(&self, piece: usize) -> Vec<u8> {
        std::fs::read(&self.data).unwrap()[piece * LONG..][..LONG].to_vec()
    }
}

fn is_stored(piece: u32) -> impl Fn(&StorageFact) -> bool {
    move |fact| matches!(fact, StorageFact::Stored(pieces) if pieces.contains(&PieceIndex::new(piece)))
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[actix::test]
async fn a_long_piece_in_parts_reaches_its_place_and_no_other() {
    let rig = Rig::new(true).await;
    rig.send(1, 1, rig.piece(1));
    assert!(
        rig.read(1).iter().all(|&byte| byte == 0),
        "not verified yet"
    );
    rig.say(1, Spill::Whole(PieceIndex::new(1)));
    rig.until(is_stored(1)).await;
    assert!(rig.read(1) == rig.piece(1));
    assert!(rig.read(0).iter().all(|&byte| byte == 0));
    assert_eq!(rig.attempts().await, (0, 0));
    assert!(is_empty(&rig.scratch), "a scratch file has a name");
}

#[actix::test]
async fn a_long_piece_that_occurs_twice_is_written_twice() {
    let rig = Rig::of([vec![3; LONG], vec![3; LONG]].concat(), true).await;
    rig.send(1, 0, rig.piece(0));
    rig.say(1, Spill::Whole(PieceIndex::new(0)));
    rig.until(is_stored(1)).await;
    assert!(rig.read(1) == rig.piece(0));
}

#[actix::test]
async fn a_long_piece_with_a_wrong_hash_is_rejected_and_nothing_is_written() {
    let rig = Rig::new(true).await;
    let mut bytes = rig.piece(0).to_vec();
    bytes[LONG / 2] ^= 1;
    rig.send(4, 0, &bytes);
    rig.say(4, Spill::Whole(PieceIndex::new(0)));
    rig.until(|fact| matches!(fact, StorageFact::Rejected { piece, link } if piece.get() == 0 && *link == LinkId(4)))
        .await;
    assert!(rig.read(0).iter().all(|&byte| byte == 0));
    assert_eq!(rig.attempts().await, (0, 0));
}

#[actix::test]
async fn parts_are_forgotten_with_their_link_or_when_it_drops_them() {
    let rig = Rig::new(true).await;
    for link in [1, 2] {
        rig.send(link, 0, &rig.piece(0)[..LONG / 2]);
        rig.send(link, 1, &rig.piece(1)[..LONG / 2]);
    }
    assert_eq!(rig.attempts().await, (4, 4));
    rig.storage.do_send(ForgetParts { link: LinkId(1) });
    assert_eq!(rig.attempts().await, (2, 2));
    rig.say(2, Spill::Dropped(PieceIndex::new(1)));
    assert_eq!(rig.attempts().await, (1, 1));
    // The others begin anew, and do not see what was dropped.
    rig.send(2, 1, rig.piece(1));
    rig.say(2, Spill::Whole(PieceIndex::new(1)));
    rig.until(is_stored(1)).await;
    assert!(rig.read(1) == rig.piece(1));
}

#[actix::test]
async fn a_whole_piece_is_stored_although_its_link_ends() {
    let rig = Rig::new(true).await;
    rig.send(1, 0, rig.piece(0));
    rig.say(1, Spill::Whole(PieceIndex::new(0)));
    rig.storage.do_send(ForgetParts { link: LinkId(1) });
    rig.until(is_stored(0)).await;
    assert!(rig.read(0) == rig.piece(0));
}

#[actix::test]
async fn a_piece_whose_parts_are_not_all_here_is_neither_written_nor_held_against_the_link() {
    let rig = Rig::new(true).await;
    rig.send(1, 0, &rig.piece(0)[..LONG / 2]);
    rig.say(1, Spill::Whole(PieceIndex::new(0)));
    assert_eq!(rig.attempts().await, (0, 0));
    assert!(rig.read(0).iter().all(|&byte| byte == 0));
    let facts = rig.facts.lock().unwrap();
    let rejected = |fact: &StorageFact| matches!(fact, StorageFact::Rejected { .. });
    assert!(!facts.iter().any(rejected));
}

#[actix::test]
async fn without_a_place_for_scratch_files_storage_waits_and_goes_on_when_there_is_one() {
    let rig = Rig::new(false).await;
    rig.send(1, 0, rig.piece(0));
    rig.say(1, Spill::Whole(PieceIndex::new(0)));
    rig.until(|fact| matches!(fact, StorageFact::Paused(error) if error.contains("state: ")))
        .await;
    std::fs::create_dir(&rig.scratch).unwrap();
    rig.until(|fact| matches!(fact, StorageFact::Resumed)).await;
    rig.until(is_stored(0)).await;
    assert!(rig.read(0) == rig.piece(0));
}

#[actix::test]
async fn a_part_keeps_its_credit_until_it_is_out_of_memory() {
    let rig = Rig::new(false).await;
    let credit = crate::credit::Credit::new(1);
    rig.storage.do_send(SpillPiece {
        link: LinkId(1),
        word: Spill::Part {
            piece: PieceIndex::new(0),
            begin: 0,
            data: vec![1; PART].into(),
        },
        token: Some(credit.take()),
    });
    rig.until(|fact| matches!(fact, StorageFact::Paused(_)))
        .await;
    let waker = std::task::Waker::noop();
    assert!(!credit.is_available(waker));
    std::fs::create_dir(&rig.scratch).unwrap();
    rig.until(|fact| matches!(fact, StorageFact::Resumed)).await;
    assert!(credit.is_available(waker));
}

#[actix::test]
async fn a_scratch_file_that_cannot_be_written_waits_and_one_that_the_disk_lost_is_fetched_again() {
    use crate::files::faults::{Disk, Effect, Errno, Fault, Operation};

    let rig = Rig::new(true).await;
    let disk = Disk::of(&rig.scratch);
    let paused = |fact: &StorageFact| matches!(fact, StorageFact::Paused(_));
    let resumed = |fact: &StorageFact| matches!(fact, StorageFact::Resumed);
    // No room for unfinished pieces, and then there is.
    for error in [Errno::NOSPC, Errno::IO, Errno::ROFS] {
        disk.add(Fault::on(Operation::Write, Effect::Fails(error)));
    }
    let deliver = |link, piece| {
        rig.send(link, piece, rig.piece(piece as usize));
        rig.say(link, Spill::Whole(PieceIndex::new(piece)));
    };
    deliver(1, 0);
    rig.until(paused).await;
    disk.mend_all();
    rig.until(resumed).await;
    rig.until(is_stored(0)).await;
    // What was written there cannot be read: that is nobody's fault but the disk's.
    disk.add(Fault {
        times: 1,
        ..Fault::on(Operation::Read, Effect::Fails(Errno::IO))
    });
    deliver(2, 1);
    let lost = |fact: &StorageFact| matches!(fact, StorageFact::Lost { piece, link } if piece.get() == 1 && *link == LinkId(2));
    rig.until(lost).await;
    deliver(3, 1);
    rig.until(is_stored(1)).await;
    let rejected = |fact: &StorageFact| matches!(fact, StorageFact::Rejected { .. });
    assert!(!rig.facts.lock().unwrap().iter().any(rejected));
    assert_eq!(
        rig.facts
            .lock()
            .unwrap()
            .iter()
            .filter(|fact| paused(fact))
            .count(),
        1
    );
}
