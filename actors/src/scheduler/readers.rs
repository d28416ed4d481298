//! Who reads the content while it is on its way: what they need next comes first.

use std::collections::BTreeMap;

use actix::{Handler, ResponseFuture};
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::picker::{Input, Picker, PieceState};
use swarmlet_protocol::readers::{ReaderId, Readers as Windows, Reading};
use tokio::sync::oneshot;

use super::{Phase, Scheduler};
use crate::messages::scheduler::{AwaitPieces, ReadRefusal, ReaderGone};

/// 4,096: pieces that are looked at for a reader at once: a MiB of the tiniest ones.
const LOOKED_AT: u32 = 4_096;

/// The readers of one content.
#[derive(Debug, Default)]
pub(super) struct Readers {
    /// What they have still to read.
    windows: Windows,
    /// Those that wait for a piece, and who hears when it is here, and how many are.
    waiting: BTreeMap<ReaderId, (Reading, oneshot::Sender<u32>)>,
    /// What the picker was told last.
    demanded: Vec<PieceIndex>,
}

/// How many pieces are here, from the one on that the reader is at.
fn here(picker: &Picker, reading: &Reading) -> u32 {
    let (first, last) = (reading.first().get(), reading.last().get());
    let end = first.saturating_add(LOOKED_AT).min(last.saturating_add(1));
    let is_here = |&piece: &u32| picker.state(PieceIndex::new(piece)) == PieceState::Have;
    (first..end).take_while(is_here).count() as u32
}

impl Scheduler {
    /// A reader needs this: says how much of it is here, or from whom to hear that.
    fn await_pieces(
        &mut self,
        request: AwaitPieces,
    ) -> Result<Result<u32, oneshot::Receiver<u32>>, ReadRefusal> {
        let AwaitPieces { reader, bytes } = request;
        let (Some(content), Phase::Running(picker)) = (&self.content, &self.state.phase) else {
            return Err(ReadRefusal::Gone);
        };
        let reading = Reading::of(content.info.layout(), bytes).ok_or(ReadRefusal::Gone)?;
        if picker.state(reading.first()) == PieceState::Skipped {
            return Err(ReadRefusal::NotSelected);
        }
        let here = here(picker, &reading);
        let readers = &mut self.readers;
        readers
            .windows
            .set(reader, reading)
            .map_err(|_| ReadRefusal::Crowded)?;
        let answer = match here {
            0 => {
                let (tell, heard) = oneshot::channel();
                readers.waiting.insert(reader, (reading, tell));
                Err(heard)
            }
            some => Ok(some),
        };
        self.demand();
        Ok(answer)
    }

    /// Pieces came: whoever waits for one that is here hears of it.
    pub(super) fn serve_readers(&mut self) {
        let Phase::Running(picker) = &self.state.phase else {
            return;
        };
        let waiting = std::mem::take(&mut self.readers.waiting);
        for (reader, (reading, tell)) in waiting {
            match here(picker, &reading) {
                0 => {
                    self.readers.waiting.insert(reader, (reading, tell));
                }
                // Whoever is gone says so by another word.
                some => drop(tell.send(some)),
            }
        }
    }

    /// Tells the picker what the readers need next, if that has changed.
    pub(super) fn demand(&mut self) {
        let (Some(content), Phase::Running(picker)) = (&self.content, &self.state.phase) else {
            return;
        };
        let demanded = self
            .readers
            .windows
            .demand(content.info.layout(), picker.have());
        if self.readers.demanded != demanded {
            self.readers.demanded.clone_from(&demanded);
            self.pick(Input::Demand(demanded));
        }
    }

    /// The picker is a new one, and knows of no reader.
    pub(super) fn demand_anew(&mut self) {
        self.readers.demanded.clear();
        self.demand();
    }
}

impl Handler<AwaitPieces> for Scheduler {
    type Result = ResponseFuture<Result<u32, ReadRefusal>>;

    fn handle(&mut self, request: AwaitPieces, _: &mut Self::Context) -> Self::Result {
        let answer = self.await_pieces(request);
        Box::pin(async move {
            match answer? {
                Ok(here) => Ok(here),
                // A dropped sender means that the swarm is gone, or that the reader asked for another.
                Err(heard) => heard.await.map_err(|_| ReadRefusal::Gone),
            }
        })
    }
}

impl Handler<ReaderGone> for Scheduler {
    type Result = ();

    fn handle(&mut self, ReaderGone(reader): ReaderGone, _: &mut Self::Context) {
        self.readers.windows.remove(reader);
        self.readers.waiting.remove(&reader);
        self.demand();
    }
}
