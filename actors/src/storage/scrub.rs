//! Hashing again what is here: a little all the time, at once where others may have changed it, and
//! what a peer waits for before all else. What is damaged is withdrawn and fetched again.
//!
//! What others may have changed is put in doubt in `doubts`; when what has its turn is decided in [`Scrub`](swarmlet_protocol::scrub::Scrub).

use std::ops::Range;
use std::sync::Arc;

use actix::{ActorFuture, ActorFutureExt, AsyncContext, Context, WrapFuture};
use log::{info, warn};
use swarmlet_protocol::layout::{Layout, PieceIndex};
use swarmlet_protocol::scrub::Epoch;
use swarmlet_protocol::time::Timestamp;

use super::Storage;
use super::jobs::{self, Checked};
use super::shared::check_jobs;
use crate::alarm::{Alarmed, Bell};
use crate::clock::Clock;
use crate::messages::scheduler::StorageFact;
use crate::words::counted;
use crate::workers::spawn_blocking;

/// 1 MiB between two looks at the file, a second apart: a node that moves more is busy, and scrubs
/// later.
const BUSY: u64 = 1024 * 1024;

/// What a job found, of which pieces, and which doubts that settles.
pub(super) struct Found {
    pieces: Range<u32>,
    epoch: Epoch,
    pub(super) hashed: Option<(Checked, std::io::Result<()>)>,
}

#[cfg(test)]
impl Found {
    pub(super) const fn new(
        pieces: Range<u32>,
        epoch: Epoch,
        hashed: (Checked, std::io::Result<()>),
    ) -> Self {
        Self {
            pieces,
            epoch,
            hashed: Some(hashed),
        }
    }
}

impl Storage {
    /// All was hashed just now: the first round begins, and what was touched meanwhile is in doubt.
    pub(super) fn begin_scrub(&mut self, context: &mut Context<Self>) {
        self.state.scrub.begin(self.setup.clock.now());
        let touched = std::mem::take(&mut self.state.touched);
        self.touched(touched, context);
    }

    pub(super) fn is_doubted(&self, piece: PieceIndex) -> bool {
        self.state.scrub.is_doubted(piece)
    }

    /// Is the node busy? To be called once a second.
    pub(super) fn look_busy(&mut self, context: &mut Context<Self>) {
        let moved = self.state.moved;
        let before = std::mem::replace(&mut self.state.moved_before, moved);
        self.state.is_busy = moved - before > BUSY;
        self.scrub(context);
        self.try_the_unreadable(context);
    }

    /// Starts as many jobs as may run.
    pub(super) fn scrub(&mut self, context: &mut Context<Self>) {
        while self.may_scrub() {
            let (now, is_busy) = (self.setup.clock.now(), self.state.is_busy);
            let step = self.state.scrub.step(&self.state.good, is_busy, now);
            let Some(step) = step else { break };
            let job = self.hash_again(step.pieces, !step.is_urgent, step.epoch);
            let opened = self.state.opened;
            self.state.scrubbing += 1;
            context.spawn(job.map(move |found: Found, storage: &mut Self, context| {
                if storage.state.opened == opened {
                    storage.state.scrubbing -= 1;
                    storage.hashed(found, context);
                    storage.scrub(context);
                    storage.say_stored();
                    storage.look_for_what_is_back(context);
                }
            }));
        }
        self.bell.rouse();
    }

    fn may_scrub(&self) -> bool {
        let most = if self.state.scrub.is_urgent() {
            check_jobs()
        } else {
            1
        };
        self.is_checked() && self.state.paused.is_none() && self.state.scrubbing < most
    }

    /// A peer waits for a piece in doubt.
    pub(super) fn hash_for_reader(
        &mut self,
        piece: PieceIndex,
    ) -> impl ActorFuture<Self, Output = ()> + use<> {
        let epoch = self.state.scrub.take(piece);
        let opened = self.state.opened;
        let job = self.hash_again(piece.get()..piece.get() + 1, false, epoch);
        job.map(move |found, storage: &mut Self, context| {
            if storage.state.opened == opened {
                storage.hashed(found, context);
            }
        })
    }

    /// Hashes pieces on a worker; `from_disk`: as they are on the disk, if the system obliges.
    pub(super) fn hash_again(
        &mut self,
        pieces: Range<u32>,
        from_disk: bool,
        epoch: Epoch,
    ) -> impl ActorFuture<Self, Output = Found> + use<> {
        let file = self.state.file.clone();
        let (info, buffers) = (Arc::clone(&self.setup.info), self.setup.buffers.clone());
        let permits = Arc::clone(&self.setup.shared.checks);
        let job = async move {
            let hashed = None;
            let Some(file) = file else {
                return Found {
                    pieces,
                    epoch,
                    hashed,
                };
            };
            // Never closed, and if it were the job would only run without a permit.
            let permit = permits.acquire_owned().await;
            let range = pieces.clone();
            let hashed = spawn_blocking(move || {
                if from_disk {
                    let bytes = bytes_of(info.layout(), &range);
                    file.forget(bytes.start, bytes.end - bytes.start);
                }
                let found = jobs::check_again(&file, &info, range, &buffers);
                drop(permit);
                found
            });
            let hashed = hashed.await.ok();
            Found {
                pieces,
                epoch,
                hashed,
            }
        };
        let opened = self.state.opened;
        self.state.hashing += 1;
        job.into_actor(self)
            .map(move |found, storage: &mut Self, _: &mut Context<Self>| {
                if storage.state.opened == opened {
                    storage.state.hashing -= 1;
                }
                found
            })
    }

    pub(super) fn hashed(&mut self, found: Found, context: &mut Context<Self>) {
        let Found {
            pieces,
            epoch,
            hashed,
        } = found;
        let Some((checked, read)) = hashed else {
            self.state.scrub.unsettled(pieces);
            return;
        };
        let Checked {
            good,
            mut bad,
            lost,
        } = checked;
        // Two jobs may have hashed one piece, and it was fetched again before the second one told.
        bad.retain(|&piece| self.state.scrub.tells_of(piece, epoch));
        let bytes = bytes_of(self.setup.info.layout(), &pieces);
        self.setup.counters.scrubbed.add(bytes.end - bytes.start);
        self.state.scrub.settled(good, epoch);
        self.state.scrub.settled(bad.iter().copied(), epoch);
        self.state.unreadable.note(&lost);
        self.damaged(bad, context);
        if let Err(error) = read {
            // It says nothing of the pieces: the next look at the file tells more.
            log::debug!("{} cannot be hashed again: {error}", self.shown());
            self.state.unread = Some(error);
            let unsettled = pieces.filter(|&piece| self.is_doubted(PieceIndex::new(piece)));
            let unsettled: Vec<_> = unsettled.collect();
            self.retry_doubts(unsettled, context);
        }
    }

    /// What is in doubt and could not be read is tried again in a while.
    fn retry_doubts(&self, pieces: Vec<u32>, context: &mut Context<Self>) {
        if pieces.is_empty() {
            return;
        }
        let opened = self.state.opened;
        context.run_later(2 * super::LOOK, move |storage, context| {
            if storage.state.opened == opened {
                for piece in pieces {
                    storage.state.scrub.unsettled(piece..piece + 1);
                }
                storage.scrub(context);
            }
        });
    }

    /// These pieces were right and are not any more: peers are told, and they are fetched again.
    pub(super) fn damaged(&mut self, mut pieces: Vec<PieceIndex>, context: &mut Context<Self>) {
        pieces.retain(|&piece| self.state.good.remove(piece));
        let Some(first) = pieces.first() else { return };
        let (count, first) = (pieces.len(), first.get());
        for &piece in &pieces {
            self.state.bad.insert(piece);
            self.state.damaged.insert(piece);
        }
        self.setup.counters.damaged.add(count as u64);
        let which = match count {
            1 => format!("piece {first} is"),
            _ => format!("{count} pieces, the first of them {first}, are"),
        };
        // What was written and not told of yet is no loss to anybody, but has to be fetched again.
        let untold = &mut self.state.unsaid;
        let (unstored, pieces): (Vec<_>, Vec<_>) =
            pieces.into_iter().partition(|piece| untold.contains(piece));
        untold.retain(|piece| !unstored.contains(piece));
        let all = unstored.iter().chain(&pieces);
        let selected = self.setup.selection.pieces();
        // What is only read nobody writes: its owner may put it right.
        let next = match self.setup.selection.is_none() {
            true => "not served until it is right again",
            false => "to be fetched again",
        };
        warn!("{}: {which} damaged: withdrawn, {next}", self.shown());
        if let Some(refusal) = self.read_only()
            && all.copied().any(|piece| selected.contains(piece))
        {
            self.pause(refusal.to_owned());
        }
        if !unstored.is_empty() {
            self.setup
                .scheduler
                .do_send(StorageFact::Unstored(unstored));
        }
        if !pieces.is_empty() {
            self.setup.scheduler.do_send(StorageFact::Damaged(pieces));
        }
        self.copy_equal(context);
    }

    /// These pieces are here now. Were some of them damaged before?
    pub(super) fn healed(&mut self, pieces: &[PieceIndex]) {
        match self.state.hashing {
            0 => self.state.scrub.rest(),
            _ => self.state.scrub.overtake(pieces),
        }
        self.state.scrub.gained(pieces);
        let back = pieces
            .iter()
            .filter(|&&piece| self.state.damaged.remove(piece));
        let count = back.count() as u64;
        if count == 0 {
            return;
        }
        self.setup.counters.healed.add(count);
        let left = self.state.damaged.count();
        match left {
            0 => {
                info!("{}: all that was damaged is right again", self.shown());
                self.setup.scheduler.do_send(StorageFact::Healed);
            }
            _ => {
                let left = counted(left, "damaged piece");
                info!("{}: left are {left}", self.shown());
            }
        }
    }
}

/// Where the bytes of these pieces lie.
fn bytes_of(layout: &Layout, pieces: &Range<u32>) -> Range<u64> {
    let length = u64::from(layout.piece_length());
    let at = |piece: u32| (u64::from(piece) * length).min(layout.size());
    at(pieces.start)..at(pieces.end)
}

impl Alarmed for Storage {
    fn clock(&self) -> Clock {
        self.setup.clock
    }

    fn bell(&mut self) -> &mut Bell {
        &mut self.bell
    }

    fn deadline(&self) -> Option<Timestamp> {
        let at = self
            .state
            .scrub
            .next_timeout()
            .filter(|_| self.may_scrub())?;
        // What waits because the node is busy is looked at once a second.
        let is_late = self.state.is_busy && at <= self.setup.clock.now();
        (!is_late || self.state.scrub.is_urgent()).then_some(at)
    }

    fn ring(&mut self, context: &mut Context<Self>) {
        self.scrub(context);
    }
}
