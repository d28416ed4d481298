//! Serving while the start-up check still runs.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, WrapFuture};
use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::metainfo::{Info, Selection};

use super::super::{Setup, Shared};
use super::*;
use crate::messages::scheduler::StorageFact;

/// 1 GiB that takes no room: 64 jobs of the check, of which a few run at once.
const SIZE: u64 = 1 << 30;
const PIECE: u64 = 4 << 20;

/// Stands for the scheduler: asks for the first piece that is good as soon as it hears of it.
#[derive(Default)]
struct Reader {
    storage: Option<Addr<Storage>>,
    checked: usize,
    asked: bool,
    /// What was answered, and how many pieces were checked then.
    answer: Option<(Result<Bytes, String>, usize)>,
}

impl Actor for Reader {
    type Context = Context<Self>;
}

impl Handler<StorageFact> for Reader {
    type Result = ();

    fn handle(&mut self, fact: StorageFact, context: &mut Self::Context) {
        let StorageFact::Checked { good, bad } = fact else {
            return;
        };
        assert_eq!(bad, []);
        self.checked += good.len();
        let (Some(storage), Some(&piece)) = (&self.storage, good.first()) else {
            return;
        };
        if !std::mem::replace(&mut self.asked, true) {
            let block = Block {
                piece,
                begin: 0,
                length: 16 * 1024,
            };
            let read = storage.send(ReadBlocks {
                blocks: vec![block],
            });
            context.spawn(read.into_actor(self).map(|answer, reader, _| {
                reader.answer = Some((answer.unwrap(), reader.checked));
            }));
        }
    }
}

#[derive(actix::Message)]
#[rtype(result = "()")]
struct Use(Addr<Storage>);

impl Handler<Use> for Reader {
    type Result = ();

    fn handle(&mut self, Use(storage): Use, _: &mut Self::Context) {
        self.storage = Some(storage);
    }
}

#[derive(actix::Message)]
#[rtype(result = "Option<(Result<Bytes, String>, usize)>")]
struct Take;

impl Handler<Take> for Reader {
    type Result = Option<(Result<Bytes, String>, usize)>;

    fn handle(&mut self, _: Take, _: &mut Self::Context) -> Self::Result {
        self.answer.take()
    }
}

#[actix::test]
async fn what_was_checked_is_served_while_the_rest_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    std::fs::File::create(&path).unwrap().set_len(SIZE).unwrap();
    let pieces = (SIZE / PIECE) as usize;
    let hashes = vec![PieceHash::of(&vec![0; PIECE as usize]); pieces];
    let info = Info::single_file("data.bin", SIZE, PIECE, &hashes).unwrap();
    let reader = Reader::default().start();
    let storage = Storage::new(Setup {
        selection: Selection::all(&info),
        info: Arc::new(info),
        path,
        scratch: Vec::new(),
        scheduler: reader.clone().recipient(),
        counters: Arc::default(),
        buffers: Buffers::default(),
        shared: Shared::default(),
        scrub: None,
        clock: crate::clock::Clock::start(),
    });
    let storage = storage.start();
    reader.send(Use(storage)).await.unwrap();
    let (data, checked) = loop {
        if let Some(answer) = reader.send(Take).await.unwrap() {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    assert_eq!(data.unwrap(), vec![0; 16 * 1024]);
    assert!(
        checked < pieces,
        "all was checked before anything was served"
    );
}
