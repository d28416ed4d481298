//! Verifying and writing what sessions deliver, and keeping it while the file cannot be written.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use log::{debug, warn};
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::session::WholePiece;
use tokio::task::spawn_blocking;

use super::{Storage, WORKERS, jobs};
use crate::messages::scheduler::StorageFact;
use crate::messages::storage::StorePieces;

/// Pieces that wait to be written, bounded by the leases that the scheduler grants.
#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: VecDeque<Batch>,
    /// Jobs that write: of batches, of long pieces and of copies.
    pub(super) running: usize,
}

#[derive(Debug)]
struct Batch {
    link: LinkId,
    pieces: Vec<WholePiece>,
    /// The hashes were checked already: only the write failed.
    verified: bool,
}

/// What became of a batch.
struct Outcome {
    batch: Batch,
    wrong: Vec<PieceIndex>,
    /// Written, and where equal pieces were written as well.
    stored: Vec<PieceIndex>,
    error: Option<io::Error>,
}

impl Storage {
    /// Starts as many batches, and steps of long pieces, as may run.
    pub(super) fn work(&mut self, context: &mut Context<Self>) {
        while self.state.paused.is_none() && self.state.held.running < WORKERS {
            if let Some(batch) = self.state.held.waiting.pop_front() {
                self.start(batch, context);
            } else if !self.step_next(false, context) {
                return;
            }
        }
    }

    fn start(&mut self, batch: Batch, context: &mut Context<Self>) {
        let Some(file) = self.state.file.clone() else {
            self.state.held.waiting.push_front(batch);
            return;
        };
        self.state.held.running += 1;
        let (info, equal) = (Arc::clone(&self.setup.info), Arc::clone(&self.state.equal));
        let good = (!equal.is_empty()).then(|| self.state.good.clone());
        let opened = self.state.opened;
        let job = spawn_blocking(move || {
            let mut batch = batch;
            let mut wrong = Vec::new();
            if !batch.verified {
                let right = jobs::verify(&info, &batch.pieces);
                let mut right = right.into_iter();
                batch.pieces.retain(|&(piece, _)| {
                    let right = right.next().unwrap_or(false);
                    if !right {
                        wrong.push(piece);
                    }
                    right
                });
                batch.verified = true;
            }
            let written = jobs::write(&file, &info, &mut batch.pieces).and_then(|()| {
                let mut stored: Vec<_> = batch.pieces.iter().map(|&(piece, _)| piece).collect();
                if let Some(mut good) = good {
                    stored.iter().for_each(|&piece| {
                        good.insert(piece);
                    });
                    let pieces = batch.pieces.iter();
                    let copies = pieces.flat_map(|(piece, data)| {
                        let places = equal.get(&info.hash(*piece)).into_iter().flatten();
                        places.map(move |&place| (place, data))
                    });
                    // Each place once, however many equal pieces came; a few of them per batch, so
                    // that no job takes long. Peers bring the rest, and further batches.
                    let wanted = copies.filter(|&(place, _)| good.insert(place));
                    for (place, data) in wanted.take(jobs::COPIES_PER_BATCH) {
                        file.write_at(data, info.layout().offset(place))?;
                        stored.push(place);
                    }
                }
                Ok(stored)
            });
            match written {
                Ok(stored) => Outcome {
                    batch,
                    wrong,
                    stored,
                    error: None,
                },
                Err(error) => Outcome {
                    batch,
                    wrong,
                    stored: Vec::new(),
                    error: Some(error),
                },
            }
        });
        context.spawn(job.into_actor(self).map(move |outcome, storage, context| {
            if storage.state.opened != opened {
                return;
            }
            storage.state.held.running -= 1;
            match outcome {
                Ok(outcome) => storage.ended(outcome),
                Err(error) => warn!("a batch of pieces was lost: {error}"),
            }
            storage.work(context);
            storage.tell_flushed();
        }));
    }

    fn ended(&mut self, outcome: Outcome) {
        let Outcome {
            batch,
            wrong,
            stored,
            error,
        } = outcome;
        for piece in wrong {
            self.reject(piece, batch.link);
        }
        if let Some(error) = error {
            self.fail(&error, "write");
            self.state.held.waiting.push_front(batch);
            return;
        }
        // A batch that was held while the file could not be written got through.
        self.resume();
        self.stored(stored);
    }

    pub(super) fn reject(&self, piece: PieceIndex, link: LinkId) {
        self.setup.counters.rejected.add(1);
        warn!("{link} delivered piece {} with a wrong hash", piece.get());
        self.setup
            .scheduler
            .do_send(StorageFact::Rejected { piece, link });
    }

    pub(super) fn stored(&mut self, pieces: Vec<PieceIndex>) {
        for &piece in &pieces {
            self.state.good.insert(piece);
            self.state.bad.remove(piece);
        }
        if !pieces.is_empty() {
            self.setup.scheduler.do_send(StorageFact::Stored(pieces));
        }
    }

    /// Tries a paused storage with the batch that failed first.
    pub(super) fn retry(&mut self, context: &mut Context<Self>) {
        if self.state.held.running > 0 || self.retry_spill(context) {
            return;
        }
        match self.state.held.waiting.pop_front() {
            Some(batch) => self.start(batch, context),
            // Nothing is to be written: what failed was a read, so read all of it again.
            None => {
                self.resume();
                self.open(context);
            }
        }
    }

    /// The check is over: pieces that are missing here and present elsewhere in the file are
    /// copied, not fetched.
    pub(super) fn copy_equal(&mut self, context: &mut Context<Self>) {
        let Some(file) = self.state.file.clone() else {
            return;
        };
        let mut copies = Vec::new();
        for places in self.state.equal.values() {
            let here = |place: &&PieceIndex| self.state.good.contains(**place);
            let Some(&from) = places.iter().find(here) else {
                continue;
            };
            let to: Vec<_> = places
                .iter()
                .copied()
                .filter(|place| !here(&place))
                .collect();
            if !to.is_empty() {
                copies.push((from, to));
            }
        }
        if copies.is_empty() || file.read_only().is_some() {
            return;
        }
        let info = Arc::clone(&self.setup.info);
        let opened = self.state.opened;
        self.state.held.running += 1;
        let job = spawn_blocking(move || {
            let mut stored = Vec::new();
            for (from, to) in copies {
                if let Err(error) = jobs::copy(&file, &info, from, &to) {
                    return (stored, Some(error));
                }
                stored.extend(to);
            }
            (stored, None)
        });
        context.spawn(job.into_actor(self).map(move |done, storage, context| {
            if storage.state.opened != opened {
                return;
            }
            storage.state.held.running -= 1;
            if let Ok((stored, error)) = done {
                debug!("copied {} equal pieces within the file", stored.len());
                storage.stored(stored);
                if let Some(error) = error {
                    storage.fail(&error, "write");
                }
            }
            storage.work(context);
            storage.tell_flushed();
        }));
    }

    /// Answers those who wait until nothing is being written.
    pub(super) fn tell_flushed(&mut self) {
        let waiting = !self.state.held.waiting.is_empty() || self.state.spills.has_whole();
        let idle = self.state.held.running == 0 && (!waiting || self.state.paused.is_some());
        if idle {
            for waiter in self.state.flushed.drain(..) {
                let _ = waiter.send(());
            }
        }
    }
}

impl Handler<StorePieces> for Storage {
    type Result = ();

    fn handle(&mut self, StorePieces { link, pieces }: StorePieces, context: &mut Context<Self>) {
        self.state.held.waiting.push_back(Batch {
            link,
            pieces,
            verified: false,
        });
        self.work(context);
    }
}
