//! Hashing again what is here: a little all the time, at once where others may have changed it, and
//! what a peer waits for before all else. What is damaged is withdrawn and fetched again.
//!
//! When what has its turn is decided in [`Scrub`](swarmlet_protocol::scrub::Scrub).

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use actix::{ActorFuture, ActorFutureExt, AsyncContext, Context, WrapFuture};
use log::{info, warn};
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::layout::{Layout, PieceIndex};
use swarmlet_protocol::scrub::{DOUBT_STEP, Epoch};
use swarmlet_protocol::time::Timestamp;

use super::Storage;
use super::jobs::{self, Checked};
use super::shared::check_jobs;
use super::stamps::pieces_in;
use crate::alarm::{Alarmed, Bell};
use crate::clock::Clock;
use crate::messages::scheduler::StorageFact;
use crate::words::counted;
use crate::workers::spawn_blocking;

/// 1 MiB between two looks at the file, a second apart: a node that moves more is busy, and scrubs
/// later.
const BUSY: u64 = 1024 * 1024;

/// 2 minutes after a write of ours the times of a file on another machine may still change for that:
/// they were guessed here, and its server has the last word (NFS asks after a minute at the latest).
pub(super) const SETTLING: Duration = Duration::from_secs(120);

/// 10,000 ranges wait to be looked at for what somebody put back: files of a folder, say. What comes
/// beyond is found at the next start.
const MAX_PERHAPS: usize = 10_000;

/// What a job found, of which pieces, and which doubts that settles.
pub(super) struct Found {
    pieces: Range<u32>,
    epoch: Epoch,
    hashed: Option<(Checked, std::io::Result<()>)>,
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

    /// Others changed these bytes, or may have.
    pub(super) fn touched(&mut self, mut ranges: Vec<Range<u64>>, context: &mut Context<Self>) {
        if self.are_times_settling() {
            self.postpone(ranges);
            return;
        }
        ranges.append(&mut self.state.postponed);
        if ranges.is_empty() {
            return;
        }
        if !self.is_checked() {
            // A job may have read some of it before the change, and not have told yet.
            let touched = &mut self.state.touched;
            let is_new = |range: &&Range<u64>| !touched.contains(range);
            let new: Vec<_> = ranges.iter().filter(is_new).cloned().collect();
            touched.extend(new);
        }
        let is_checked = self.is_checked();
        for range in ranges {
            let pieces = self.doubt_bytes(&range);
            // What is missing may have been put back, or copied into place: nobody else may have it.
            let perhaps_here = &mut self.state.perhaps_here;
            let is_new = perhaps_here.len() < MAX_PERHAPS && !perhaps_here.contains(&pieces);
            if is_checked && is_new {
                perhaps_here.push_back(pieces);
            }
        }
        self.scrub(context);
        self.look_for_what_is_back(context);
    }

    /// The times may have moved by what we wrote ourselves: what others may have changed is hashed when they
    /// have come to rest, and before that for whoever asks for it.
    fn postpone(&mut self, ranges: Vec<Range<u64>>) {
        let nothing = Bitfield::new(self.setup.info.layout().pieces());
        for range in ranges {
            let pieces = pieces_in(&range, self.setup.info.layout().piece_length());
            self.state.scrub.doubt(pieces, &nothing);
            if !self.state.postponed.contains(&range) {
                self.state.postponed.push(range);
            }
        }
    }

    /// All is here. Before it is said for the first time every file is looked at: of many files some were not
    /// since they were made.
    pub(super) fn is_whole_now(&mut self, context: &mut Context<Self>) {
        let Some(file) = self.state.file.clone() else {
            return;
        };
        if self.state.was_whole {
            self.look_once_more();
            return;
        }
        let path = self.setup.path.clone();
        let opened = self.state.opened;
        // Nothing is said while it runs.
        self.state.scrubbing += 1;
        let job = spawn_blocking(move || match file.are_all_still(&path) {
            true => None,
            false => Some(file.loss(&path)),
        });
        context.spawn(job.into_actor(self).map(move |loss, storage, context| {
            if storage.state.opened != opened {
                return;
            }
            storage.state.scrubbing -= 1;
            if let Ok(Some(how)) = loss {
                storage.is_lost(how, context);
                return;
            }
            storage.look_once_more();
            storage.scrub(context);
            storage.say_stored();
            storage.look_for_what_is_back(context);
        }));
    }

    /// All is here, and somebody acts on that word: what others wrote between our writes is in doubt now,
    /// and not only when the file is looked at next. Before it is said for the first time, so is all that
    /// anybody was seen to write to since it was opened: we wrote all the while, and that hides some of
    /// what others write.
    fn look_once_more(&mut self) {
        let Some(file) = &self.state.file else { return };
        let mut ranges = file.changed();
        let met = file.met();
        if self.state.was_whole {
            if self.are_times_settling() {
                self.postpone(ranges);
                return;
            }
        } else {
            let is_new = |range: &Range<u64>| !ranges.contains(range);
            let more: Vec<_> = met.into_iter().filter(is_new).collect();
            ranges.extend(more);
        }
        for range in ranges {
            self.doubt_bytes(&range);
        }
        self.bell.rouse();
    }

    /// Somebody else wrote there: the pieces that are to be hashed again.
    fn doubt_bytes(&mut self, bytes: &Range<u64>) -> Range<u32> {
        let pieces = pieces_in(bytes, self.setup.info.layout().piece_length());
        warn!(
            "{}: somebody else wrote to it; hashing {} again",
            self.shown(),
            counted(pieces.len() as u32, "piece")
        );
        self.state.scrub.doubt(pieces.clone(), &self.state.good);
        pieces
    }

    fn read_only(&self) -> Option<&str> {
        self.state.file.as_ref().and_then(|file| file.read_only())
    }

    /// Hashes pieces that are not here, one job at a time.
    fn look_for_what_is_back(&mut self, context: &mut Context<Self>) {
        if self.state.scrubbing > 0 {
            return;
        }
        let bad = &self.state.bad;
        let is_bad = |piece: &u32| bad.contains(PieceIndex::new(*piece));
        while let Some(range) = self.state.perhaps_here.pop_front() {
            let Some(first) = range.clone().find(is_bad) else {
                continue;
            };
            let most = DOUBT_STEP / u64::from(self.setup.info.layout().piece_length());
            let most = u32::try_from(most.max(1)).unwrap_or(u32::MAX);
            let limit = range.end.min(first.saturating_add(most));
            let end = (first..limit).find(|piece| !is_bad(piece));
            let end = end.unwrap_or(limit);
            if end < range.end {
                self.state.perhaps_here.push_front(end..range.end);
            }
            let job = self.hash_again(first..end, false, 0);
            let opened = self.state.opened;
            self.state.scrubbing += 1;
            context.spawn(job.map(move |found: Found, storage: &mut Self, context| {
                if storage.state.opened == opened {
                    storage.state.scrubbing -= 1;
                    storage.are_back(found);
                    storage.scrub(context);
                    storage.say_stored();
                    storage.look_for_what_is_back(context);
                }
            }));
            return;
        }
    }

    /// A disk that could not read for a moment may be able to again, and what it holds may be the last
    /// copy that there is.
    fn try_the_unreadable(&mut self, context: &mut Context<Self>) {
        if !self.is_checked() || !self.state.perhaps_here.is_empty() {
            return;
        }
        let due = self
            .state
            .unreadable
            .due(&self.state.bad, self.setup.clock.now());
        self.state.perhaps_here.extend(due);
        self.look_for_what_is_back(context);
    }

    fn are_back(&mut self, found: Found) {
        let Some((Checked { mut good, .. }, _)) = found.hashed else {
            return;
        };
        good.retain(|&piece| self.state.bad.remove(piece));
        if good.is_empty() {
            return;
        }
        for &piece in &good {
            self.state.good.insert(piece);
        }
        self.healed(&good);
        let bad = Vec::new();
        self.setup
            .scheduler
            .do_send(StorageFact::Checked { good, bad });
    }

    /// Do the file's times still change by what we wrote ourselves?
    fn are_times_settling(&self) -> bool {
        let since = |at: Timestamp| self.setup.clock.now().since(at);
        let is_recent = self.state.wrote.is_some_and(|at| since(at) < SETTLING);
        self.state.lies_elsewhere && is_recent
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
    fn scrub(&mut self, context: &mut Context<Self>) {
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
    fn hash_again(
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
