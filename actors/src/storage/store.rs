//! Verifying and writing what sessions deliver, and keeping it while the file cannot be written.
//!
//! Pieces of all links gather to batches of about a MiB: several hashes side by side cost less than
//! half of one after the other, so a piece waits a little for company. One job hashes a batch and
//! writes what is right.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix::{AsyncContext, Context, Handler};
use log::{debug, warn};
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::buffers::{Buffer, Buffers};
use swarmlet_protocol::id::{LinkId, PieceHash};
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::Info;
use swarmlet_protocol::scrub::Epoch;
use swarmlet_protocol::session::STORE_BATCH;
use tokio::sync::oneshot;

use super::content::Content;
use super::disk::Done;
use super::{Storage, WORKERS, jobs};
use crate::maps::HashMap;
use crate::messages::scheduler::StorageFact;
use crate::messages::storage::StorePieces;

/// 3 ms: pieces that do not make up a batch wait no longer for others.
const COMPANY: Duration = Duration::from_millis(3);

/// Pieces that wait to be written, bounded by the leases that the scheduler grants.
#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: VecDeque<Delivered>,
    /// Bytes that wait.
    bytes: usize,
    /// What waits has waited long enough.
    due: bool,
    /// A timer runs that makes it so.
    timed: bool,
    /// Jobs that write: of batches, of long pieces and of copies.
    pub(super) running: usize,
}

/// A whole piece.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) link: LinkId,
    pub(super) piece: PieceIndex,
    pub(super) data: Buffer,
    /// The hash was checked already: only the write failed.
    pub(super) verified: bool,
}

/// What became of a batch.
struct Outcome {
    /// Verified, and not written if there was an error.
    batch: Vec<Delivered>,
    wrong: Vec<(PieceIndex, LinkId)>,
    /// Written, and where equal pieces were written as well.
    stored: Vec<PieceIndex>,
    error: Option<io::Error>,
}

/// What a job needs to know of the content.
struct Place {
    file: Arc<Content>,
    info: Arc<Info>,
    buffers: Buffers,
    equal: Arc<HashMap<PieceHash, Vec<PieceIndex>>>,
    /// What need not be written, where the content repeats itself: we have it, or it is not
    /// selected.
    done: Option<Bitfield>,
}

impl Held {
    fn add(&mut self, delivered: Delivered) {
        self.bytes += delivered.data.len();
        self.waiting.push_back(delivered);
    }

    /// These could not be written: they are first again, and wait for nothing.
    fn put_back(&mut self, batch: Vec<Delivered>) {
        for delivered in batch.into_iter().rev() {
            self.bytes += delivered.data.len();
            self.waiting.push_front(delivered);
        }
        self.due = true;
    }

    /// The next batch, if there is one and it is large or old enough.
    fn batch(&mut self, now: bool) -> Option<Vec<Delivered>> {
        if self.waiting.is_empty() || !(now || self.due || self.bytes >= STORE_BATCH) {
            return None;
        }
        let mut bytes = 0;
        let mut batch = Vec::new();
        while bytes < STORE_BATCH
            && let Some(delivered) = self.waiting.pop_front()
        {
            bytes += delivered.data.len();
            batch.push(delivered);
        }
        self.bytes -= bytes;
        self.due &= !self.waiting.is_empty();
        Some(batch)
    }
}

impl Place {
    /// Hashes a batch, and writes what is right to all places where it belongs.
    fn store(mut self, batch: Vec<Delivered>) -> Outcome {
        let (mut batch, wrong) = jobs::verify(&self.info, batch);
        let wrong = wrong.iter().map(|one| (one.piece, one.link)).collect();
        let written = jobs::write(&self.file, &self.info, &mut batch, &self.buffers)
            .and_then(|()| self.copy(&batch));
        let mut stored: Vec<_> = batch.iter().map(|one| one.piece).collect();
        let error = match written {
            Ok(copies) => {
                stored.extend(copies);
                None
            }
            Err(error) => {
                stored.clear();
                Some(error)
            }
        };
        if error.is_none() {
            batch.clear();
        }
        Outcome {
            batch,
            wrong,
            stored,
            error,
        }
    }

    /// Writes to where equal pieces belong. Each place once, however many equal pieces came; a few
    /// of them per batch, so that no job takes long. Peers bring the rest, and further batches.
    fn copy(&mut self, batch: &[Delivered]) -> io::Result<Vec<PieceIndex>> {
        let Some(done) = &mut self.done else {
            return Ok(Vec::new());
        };
        for one in batch {
            done.insert(one.piece);
        }
        let copies = batch.iter().flat_map(|one| {
            let places = self.equal.get(&self.info.hash(one.piece));
            let places = places.into_iter().flatten();
            places.map(move |&place| (place, &one.data))
        });
        let wanted = copies.filter(|&(place, _)| done.insert(place));
        let mut stored = Vec::new();
        let mut left = jobs::COPIED_PER_BATCH;
        for (place, data) in wanted.take(jobs::COPIES_PER_BATCH) {
            let Some(after) = left.checked_sub(data.len()) else {
                break;
            };
            left = after;
            let offset = self.info.layout().offset(place);
            self.file.write_at(data, offset)?;
            stored.push(place);
        }
        Ok(stored)
    }
}

impl Storage {
    /// What we have, and what nobody selected.
    fn done(&self) -> Bitfield {
        let mut done = self.state.good.clone();
        let selected = self.setup.selection.pieces();
        if !selected.is_full() {
            let all = self.setup.info.layout().all_pieces();
            for piece in all.filter(|&piece| !selected.contains(piece)) {
                done.insert(piece);
            }
        }
        done
    }

    /// Is the piece wanted, and not here?
    pub(super) fn is_to_be_had(&self, piece: PieceIndex) -> bool {
        self.setup.selection.pieces().contains(piece) && !self.state.good.contains(piece)
    }

    /// Starts as many batches, and steps of long pieces, as may run.
    pub(super) fn work(&mut self, context: &mut Context<Self>) {
        while self.state.paused.is_none()
            && self.state.file.is_some()
            && self.state.held.running < WORKERS
        {
            if let Some(batch) = self.state.held.batch(false) {
                self.start(batch, context);
            } else if !self.step_next(false, context) {
                break;
            }
        }
        self.wait_for_company(context);
        self.tell_flushed();
    }

    /// What waits now is written soon, whether others come or not.
    fn wait_for_company(&mut self, context: &mut Context<Self>) {
        let held = &mut self.state.held;
        if held.waiting.is_empty() || held.due || std::mem::replace(&mut held.timed, true) {
            return;
        }
        let opened = self.state.opened;
        context.run_later(COMPANY, move |storage, context| {
            if storage.state.opened == opened {
                storage.state.held.timed = false;
                storage.state.held.due = !storage.state.held.waiting.is_empty();
                storage.work(context);
            }
        });
    }

    fn start(&mut self, batch: Vec<Delivered>, context: &mut Context<Self>) {
        let Some(file) = self.state.file.clone() else {
            self.state.held.put_back(batch);
            return;
        };
        self.state.held.running += 1;
        // Whatever was done to their places before is written over.
        let epoch = self.state.scrub.epoch();
        let is_scattered = file.are_scattered(batch.iter().map(|one| one.piece));
        let equal = Arc::clone(&self.equal);
        let place = Place {
            file,
            info: Arc::clone(&self.setup.info),
            buffers: self.setup.buffers.clone(),
            done: (!equal.is_empty()).then(|| self.done()),
            equal,
        };
        // Where the content repeats itself a batch may be written to many places, or else to many
        // files: not here then.
        let repeats = |one: &Delivered| self.equal.contains_key(&self.setup.info.hash(one.piece));
        let is_long = is_scattered || batch.iter().any(repeats);
        let came: Vec<_> = batch.iter().map(|one| (one.piece, one.link)).collect();
        // One that began before the file could not be written tells nothing of it, whenever it ends.
        let is_retry = self.state.paused.is_some();
        let job = move || place.store(batch);
        let then =
            move |storage: &mut Self, outcome: Done<Outcome>, context: &mut Context<Self>| {
                storage.state.held.running -= 1;
                match outcome {
                    Ok(outcome) => storage.ended(outcome, is_retry, epoch, context),
                    Err(error) => {
                        warn!("a batch of pieces was lost: {error}");
                        came.into_iter()
                            .for_each(|(piece, link)| storage.lost(piece, link));
                    }
                }
            };
        if is_long {
            self.run_apart(context, job, then);
        } else {
            self.run(context, job, then);
        }
    }

    fn ended(
        &mut self,
        outcome: Outcome,
        is_retry: bool,
        epoch: Epoch,
        context: &mut Context<Self>,
    ) {
        let Outcome {
            batch,
            wrong,
            stored,
            error,
        } = outcome;
        for (piece, link) in wrong {
            self.reject(piece, link);
        }
        if let Some(error) = error {
            self.fail(&error, "write");
            self.state.held.put_back(batch);
            return;
        }
        if is_retry {
            self.resume();
        }
        self.state.scrub.settled(stored.iter().copied(), epoch);
        self.stored(stored, context);
    }

    pub(super) fn reject(&self, piece: PieceIndex, link: LinkId) {
        self.setup.counters.rejected.add(1);
        warn!("{link} delivered piece {} with a wrong hash", piece.get());
        self.setup
            .scheduler
            .do_send(StorageFact::Rejected { piece, link });
    }

    /// What came is gone: it is fetched once more.
    pub(super) fn lost(&self, piece: PieceIndex, link: LinkId) {
        self.setup
            .scheduler
            .do_send(StorageFact::Lost { piece, link });
    }

    pub(super) fn stored(&mut self, pieces: Vec<PieceIndex>, context: &mut Context<Self>) {
        for &piece in &pieces {
            self.state.good.insert(piece);
            self.state.bad.remove(piece);
            self.state.moved += u64::from(self.setup.info.layout().length(piece));
        }
        if !pieces.is_empty() {
            self.state.wrote = Some(self.setup.clock.now());
        }
        self.healed(&pieces);
        self.state.unsaid.extend(pieces);
        if self.is_whole() {
            self.completed(context);
        }
        self.say_stored();
    }

    /// Is all here that is selected?
    pub(super) fn is_whole(&self) -> bool {
        let (bad, selected) = (&self.state.bad, self.setup.selection.pieces());
        // Asked with every batch: bits are looked at only where some are not selected.
        let lacks = match selected.is_full() {
            true => !bad.is_empty(),
            false => bad.iter().any(|piece| selected.contains(piece)),
        };
        self.is_checked() && !lacks
    }

    /// Tells of what was stored. The piece that makes it whole waits until nothing is in doubt.
    pub(super) fn say_stored(&mut self) {
        if self.is_whole() {
            if self.state.scrub.is_urgent() || self.state.scrubbing > 0 {
                return;
            }
            self.state.was_whole = true;
        }
        if let Some(StorageFact::Checked { mut good, bad }) = self.state.untold.take() {
            // What was found damaged meanwhile has been told as that.
            good.retain(|&piece| self.state.good.contains(piece));
            self.setup
                .scheduler
                .do_send(StorageFact::Checked { good, bad });
        }
        let pieces = std::mem::take(&mut self.state.unsaid);
        if !pieces.is_empty() {
            self.setup.scheduler.do_send(StorageFact::Stored(pieces));
        }
    }

    /// Tries a paused storage with the batch that failed first.
    pub(super) fn retry(&mut self, context: &mut Context<Self>) {
        if self.state.held.running > 0 || self.retry_spill(context) {
            return;
        }
        match self.state.held.batch(true) {
            Some(batch) => {
                self.start(batch, context);
                self.work(context);
            }
            // Nothing is to be written: what failed was a read, so read all of it again.
            None => self.read_again(context),
        }
    }

    /// The check is over: pieces that are missing here and present elsewhere in the file are
    /// copied, not fetched.
    pub(super) fn copy_equal(&mut self, context: &mut Context<Self>) {
        let Some(file) = self.state.file.clone() else {
            return;
        };
        if self.state.copying {
            self.state.copies_again = true;
            return;
        }
        let mut copies = Vec::new();
        for places in self.equal.values() {
            let here = |place: &&PieceIndex| self.state.good.contains(**place);
            let Some(&from) = places.iter().find(here) else {
                continue;
            };
            let selected = self.setup.selection.pieces();
            let to: Vec<_> = places
                .iter()
                .copied()
                .filter(|place| selected.contains(*place) && !here(&place))
                .collect();
            if !to.is_empty() {
                copies.push((from, to));
            }
        }
        if copies.is_empty() || file.read_only().is_some() {
            return;
        }
        let info = Arc::clone(&self.setup.info);
        self.state.held.running += 1;
        self.state.copying = true;
        self.state.hashing += 1;
        let epoch = self.state.scrub.epoch();
        let buffers = self.setup.buffers.clone();
        let job = move || {
            let (mut stored, mut damaged) = (Vec::new(), Vec::new());
            for (from, to) in copies {
                match jobs::copy(&file, &info, from, &to, &buffers) {
                    Ok(true) => stored.extend(to),
                    Ok(false) => damaged.push(from),
                    Err(error) => return (stored, damaged, Some(error)),
                }
            }
            (stored, damaged, None)
        };
        // Many copies may take long: always on a worker.
        self.run_apart(context, job, move |storage, done, context| {
            storage.state.held.running -= 1;
            storage.state.hashing -= 1;
            storage.state.copying = false;
            if let Ok((stored, mut damaged, error)) = done {
                damaged.retain(|&piece| storage.state.scrub.tells_of(piece, epoch));
                debug!("copied {} equal pieces within the file", stored.len());
                storage.stored(stored, context);
                storage.damaged(damaged, context);
                if let Some(error) = error {
                    storage.fail(&error, "write");
                }
            }
            if std::mem::take(&mut storage.state.copies_again) {
                storage.copy_equal(context);
            }
        });
    }

    /// Writes what waits, and answers when nothing is being written.
    pub(super) fn flush(&mut self, done: oneshot::Sender<()>, context: &mut Context<Self>) {
        self.state.flushed.push(done);
        self.state.held.due = !self.state.held.waiting.is_empty();
        self.work(context);
    }

    /// Answers those who wait until nothing is being written.
    fn tell_flushed(&mut self) {
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
        for (piece, data) in pieces {
            self.state.held.add(Delivered {
                link,
                piece,
                data,
                verified: false,
            });
        }
        self.work(context);
    }
}
