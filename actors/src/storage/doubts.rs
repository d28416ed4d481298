//! What others may have changed, and what is missing and may have been put back: pieces are in doubt until
//! they have been hashed (see `scrub`).

use std::ops::Range;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use log::warn;
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::scrub::DOUBT_STEP;
use swarmlet_protocol::time::Timestamp;

use super::Storage;
use super::jobs::Checked;
use super::scrub::Found;
use super::stamps::pieces_in;
use crate::messages::scheduler::StorageFact;
use crate::words::counted;
use crate::workers::spawn_blocking;

/// 2 minutes after a write of ours the times of a file on another machine may still change for that:
/// they were guessed here, and its server has the last word (NFS asks after a minute at the latest).
pub(super) const SETTLING: Duration = Duration::from_secs(120);

/// 10,000 ranges wait to be looked at for what somebody put back: files of a folder, say. What comes
/// beyond is found at the next start.
const MAX_PERHAPS: usize = 10_000;

impl Storage {
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
    pub(super) fn completed(&mut self, context: &mut Context<Self>) {
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
                storage.replaced(how, context);
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

    pub(super) fn read_only(&self) -> Option<&str> {
        self.state.file.as_ref().and_then(|file| file.read_only())
    }

    /// Hashes pieces that are not here, one job at a time.
    pub(super) fn look_for_what_is_back(&mut self, context: &mut Context<Self>) {
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
    pub(super) fn try_the_unreadable(&mut self, context: &mut Context<Self>) {
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
}
