//! Who reads the content while it is on its way: what they need next comes first.

use std::collections::BTreeMap;
use std::ops::Range;

use actix::{Handler, ResponseFuture};
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::picker::{Picker, PieceState};
use tokio::sync::oneshot;

use super::{Phase, Scheduler};
use crate::messages::scheduler::{AwaitPieces, ReadRefusal, ReaderGone, ReaderId};

/// 64: readers of one content at a time. Each waits with a connection of its own.
const MAX_READERS: usize = 64;

/// 4,096: pieces that are looked at for a reader at once: a MiB of the tiniest ones.
const LOOKED_AT: u32 = 4_096;

/// The readers of one content.
#[derive(Debug, Default)]
pub(super) struct Readers(BTreeMap<ReaderId, Reader>);

#[derive(Debug)]
struct Reader {
    /// What it has still to read, the next piece first.
    pieces: Range<u32>,
    /// Hears when the first of them is here, and how many are.
    waits: Option<oneshot::Sender<u32>>,
}

/// How many pieces are here, from the first of these on.
fn here(picker: &Picker, pieces: &Range<u32>) -> u32 {
    let mut looked_at = pieces.clone().take(LOOKED_AT as usize);
    let is_missing = |&piece: &u32| picker.state(PieceIndex::new(piece)) != PieceState::Have;
    let missing = looked_at.find(is_missing);
    let end = missing.unwrap_or_else(|| pieces.end.min(pieces.start.saturating_add(LOOKED_AT)));
    end - pieces.start
}

impl Scheduler {
    /// A reader needs this: says how much of it is here, or from whom to hear that.
    fn await_pieces(
        &mut self,
        request: AwaitPieces,
    ) -> Result<Result<u32, oneshot::Receiver<u32>>, ReadRefusal> {
        let AwaitPieces { reader, pieces } = request;
        let Phase::Running(picker) = &self.state.phase else {
            return Err(ReadRefusal::Gone);
        };
        if picker.state(PieceIndex::new(pieces.start)) == PieceState::Skipped {
            return Err(ReadRefusal::NotSelected);
        }
        if !self.readers.0.contains_key(&reader) && self.readers.0.len() >= MAX_READERS {
            return Err(ReadRefusal::Crowded);
        }
        let (waits, answer) = match here(picker, &pieces) {
            0 => {
                let (tell, heard) = oneshot::channel();
                (Some(tell), Err(heard))
            }
            some => (None, Ok(some)),
        };
        self.readers.0.insert(reader, Reader { pieces, waits });
        self.demand();
        Ok(answer)
    }

    /// Pieces came: whoever waits for one that is here hears of it.
    pub(super) fn serve_readers(&mut self) {
        let Phase::Running(picker) = &self.state.phase else {
            return;
        };
        for reader in self.readers.0.values_mut() {
            if reader.waits.is_none() {
                continue;
            }
            let here = here(picker, &reader.pieces);
            if let Some(waits) = reader.waits.take_if(|_| here > 0) {
                // Whoever is gone says so by another word.
                let _ = waits.send(here);
            }
        }
    }

    /// Tells the picker what the readers need next.
    pub(super) fn demand(&mut self) {}
}

impl Handler<AwaitPieces> for Scheduler {
    type Result = ResponseFuture<Result<u32, ReadRefusal>>;

    fn handle(&mut self, request: AwaitPieces, _: &mut Self::Context) -> Self::Result {
        let answer = self.await_pieces(request);
        Box::pin(async move {
            match answer? {
                Ok(here) => Ok(here),
                // A dropped sender means that the swarm is gone.
                Err(heard) => heard.await.map_err(|_| ReadRefusal::Gone),
            }
        })
    }
}

impl Handler<ReaderGone> for Scheduler {
    type Result = ();

    fn handle(&mut self, ReaderGone(reader): ReaderGone, _: &mut Self::Context) {
        if self.readers.0.remove(&reader).is_some() {
            self.demand();
        }
    }
}
