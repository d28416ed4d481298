//! Pieces too long for memory: their parts go to scratch files, and whole ones into place.
//!
//! One job at a time works on a piece, and takes all that came for it meanwhile. Invariant: a piece
//! that is not whole is forgotten with its link or by its link's word; one that is whole belongs to
//! storage until it is stored or rejected. What cannot be written is kept and tried again, as
//! batches are (see `store`); the tokens of its parts keep the link from sending more.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use actix::{Context, Handler};
use log::{debug, warn};
use swarmlet_protocol::buffers::Buffer;
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::session::Spill;

use super::Storage;
use super::content::{Content, complaint, is_lost};
use super::scratch::{Copying, Scratch};
use crate::credit::Token;
use crate::maps::HashMap;
use crate::messages::storage::{ForgetParts, SpillPiece};
use crate::reason::reason;

/// All long pieces that storage has anything of.
#[derive(Debug, Default)]
pub(super) struct Spills {
    /// A piece may be dropped and begun anew while a job still works on it: the number of each
    /// attempt is its own.
    next: u64,
    attempts: HashMap<u64, Attempt>,
    /// The attempts that are not whole.
    open: HashMap<(LinkId, PieceIndex), u64>,
    /// Attempts that have something to do and no job. They may be gone by now.
    ready: VecDeque<u64>,
    /// The last thing that could not be written was of the first of these.
    failed: bool,
}

/// One piece from one link.
#[derive(Debug)]
struct Attempt {
    link: LinkId,
    piece: PieceIndex,
    work: Work,
    /// Bytes that came.
    received: u64,
    /// It is among `ready`, or a job has its work.
    queued: bool,
}

/// What a job takes and brings back.
#[derive(Debug, Default)]
struct Work {
    scratch: Option<Scratch>,
    parts: VecDeque<Part>,
    whole: bool,
    /// The hash was checked already: only the write failed.
    verified: bool,
}

#[derive(Debug)]
struct Part {
    begin: u32,
    data: Buffer,
    /// Goes back to the session when the part is dropped.
    _token: Option<Token>,
}

/// How far a job came.
enum Outcome {
    /// The parts are in the scratch file, and more are to come.
    Kept,
    /// The piece is in place, at all these places.
    Stored(Vec<PieceIndex>),
    /// The piece has another hash.
    Wrong,
    /// The disk has lost what was in the scratch file.
    Lost(io::Error),
    /// The scratch file cannot be used: one line.
    NoScratch(String),
    /// The file cannot be written.
    NotWritten(io::Error),
}

impl Spills {
    /// Does any piece wait to be verified and written?
    pub(super) fn has_whole(&self) -> bool {
        self.attempts.values().any(|attempt| attempt.work.whole)
    }

    fn add(&mut self, link: LinkId, piece: PieceIndex, part: Part) {
        let number = *self.open.entry((link, piece)).or_insert_with(|| {
            self.next += 1;
            self.next
        });
        let attempt = self.attempts.entry(number).or_insert_with(|| Attempt {
            link,
            piece,
            work: Work::default(),
            received: 0,
            queued: false,
        });
        attempt.received += part.data.len() as u64;
        attempt.work.parts.push_back(part);
        self.queue(number);
    }

    /// All parts of a piece came. Says whether all of them are still here.
    fn complete(&mut self, link: LinkId, piece: PieceIndex, length: u32) -> bool {
        let Some(number) = self.open.remove(&(link, piece)) else {
            return false;
        };
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return false;
        };
        let is_whole = attempt.received == u64::from(length);
        if is_whole {
            attempt.work.whole = true;
            self.queue(number);
        } else {
            // The file was opened anew while the parts came, or a job failed.
            debug!("parts of piece {} of {link} were forgotten", piece.get());
            self.attempts.remove(&number);
        }
        is_whole
    }

    fn forget(&mut self, is_lost: impl Fn(LinkId, PieceIndex) -> bool) {
        let attempts = &mut self.attempts;
        self.open.retain(|&(link, piece), number| {
            let lost = is_lost(link, piece);
            if lost {
                attempts.remove(number);
            }
            !lost
        });
    }

    fn queue(&mut self, number: u64) {
        if let Some(attempt) = self.attempts.get_mut(&number)
            && !std::mem::replace(&mut attempt.queued, true)
        {
            self.ready.push_back(number);
        }
    }
}

impl Storage {
    /// Starts the next job of a long piece. Says whether there was one.
    pub(super) fn step_next(&mut self, retried: bool, context: &mut Context<Self>) -> bool {
        let Some(file) = self.state.file.clone() else {
            return false;
        };
        let spills = &mut self.state.spills;
        while let Some(number) = spills.ready.pop_front() {
            if let Some(attempt) = spills.attempts.get_mut(&number) {
                let piece = attempt.piece;
                let mut work = std::mem::take(&mut attempt.work);
                attempt.work.whole = work.whole;
                let folders = self.setup.scratch.clone();
                let info = Arc::clone(&self.setup.info);
                let hash = info.hash(piece);
                let equal = self.equal.get(&hash).into_iter().flatten();
                let elsewhere = equal.filter(|&&place| place != piece && self.is_to_be_had(place));
                let places = [piece].into_iter().chain(elsewhere.copied()).collect();
                self.state.held.running += 1;
                let job = move || {
                    let outcome = work.run(&folders, &info, places, &file);
                    (work, outcome)
                };
                self.run_apart(context, job, move |storage, done, context| {
                    storage.state.held.running -= 1;
                    match done {
                        Ok((work, outcome)) => {
                            storage.stepped(number, (work, outcome, retried), context)
                        }
                        Err(error) => {
                            warn!("a long piece was lost: {error}");
                            storage.forget_attempt(number);
                        }
                    }
                });
                return true;
            }
        }
        false
    }

    /// Tries again what failed last, if it was of a long piece. Says whether it was.
    pub(super) fn retry_spill(&mut self, context: &mut Context<Self>) -> bool {
        if !std::mem::take(&mut self.state.spills.failed) {
            return false;
        }
        if !self.step_next(true, context) {
            // What could not be written is not wanted any more.
            self.resume();
            self.work(context);
        }
        true
    }

    /// An attempt came to nothing. A piece that is whole is fetched once more; of one that is not, that is
    /// told when the rest has come.
    fn forget_attempt(&mut self, number: u64) {
        let spills = &mut self.state.spills;
        if let Some(attempt) = spills.attempts.remove(&number)
            && attempt.work.whole
        {
            self.lost(attempt.piece, attempt.link);
        }
    }

    fn stepped(
        &mut self,
        number: u64,
        (mut work, outcome, retried): (Work, Outcome, bool),
        context: &mut Context<Self>,
    ) {
        let spills = &mut self.state.spills;
        let Some(attempt) = spills.attempts.get_mut(&number) else {
            // Dropped meanwhile; its scratch file goes with `work`. What was tried again got
            // through, or nobody needs it any more.
            if retried {
                self.resume();
            }
            return;
        };
        let (piece, link) = (attempt.piece, attempt.link);
        let error = match outcome {
            Outcome::Kept => None,
            Outcome::Stored(_) | Outcome::Wrong | Outcome::Lost(_) => {
                spills.attempts.remove(&number);
                if retried || !spills.failed {
                    self.resume();
                }
                match outcome {
                    Outcome::Stored(places) => self.stored(places, context),
                    Outcome::Lost(error) => {
                        let (piece_number, why) = (piece.get(), reason(&error));
                        warn!(
                            "what came of piece {piece_number} cannot be read again: {why}; it is fetched once more"
                        );
                        self.lost(piece, link);
                    }
                    _ => self.reject(piece, link),
                }
                return;
            }
            Outcome::NoScratch(error) => Some(error),
            Outcome::NotWritten(error) => Some(complaint("write", &self.setup.path, &error)),
        };
        // What came while the job ran is behind what it did not get through with.
        work.parts.append(&mut attempt.work.parts);
        work.whole = attempt.work.whole;
        let more = work.whole || !work.parts.is_empty();
        attempt.work = work;
        attempt.queued = false;
        if let Some(error) = error {
            attempt.queued = true;
            spills.ready.push_front(number);
            spills.failed = true;
            self.pause(error);
            return;
        }
        if more {
            spills.queue(number);
        }
        if retried {
            self.resume();
        }
    }
}

impl Work {
    /// Writes what came, and verifies and copies a piece that is whole.
    fn run(
        &mut self,
        folders: &[std::path::PathBuf],
        info: &swarmlet_protocol::metainfo::Info,
        places: Vec<PieceIndex>,
        file: &Content,
    ) -> Outcome {
        if self.scratch.is_none() {
            match Scratch::create(folders) {
                Ok(scratch) => self.scratch = Some(scratch),
                Err(error) => return Outcome::NoScratch(error),
            }
        }
        let (Some(scratch), Some(&piece)) = (&self.scratch, places.first()) else {
            return Outcome::Kept;
        };
        let unusable = |error: &io::Error| {
            Outcome::NoScratch(format!(
                "cannot keep an unfinished piece: {}; room is needed in the state directory",
                reason(error)
            ))
        };
        while let Some(part) = self.parts.front() {
            if let Err(error) = scratch.write(part.begin, &part.data) {
                return unusable(&error);
            }
            self.parts.pop_front();
        }
        if !self.whole {
            return Outcome::Kept;
        }
        let layout = info.layout();
        let length = layout.length(piece);
        if !self.verified {
            match scratch.hash(length) {
                Ok(hash) if hash == info.hash(piece) => self.verified = true,
                Ok(_) => return Outcome::Wrong,
                Err(error) if is_lost(&error) => return Outcome::Lost(error),
                Err(error) => return unusable(&error),
            }
        }
        let offsets: Vec<_> = places.iter().map(|&place| layout.offset(place)).collect();
        match scratch.copy(length, file, &offsets) {
            Ok(()) => Outcome::Stored(places),
            Err(Copying::Read(error)) if is_lost(&error) => Outcome::Lost(error),
            Err(Copying::Read(error) | Copying::Write(error)) => Outcome::NotWritten(error),
        }
    }
}

impl Handler<SpillPiece> for Storage {
    type Result = ();

    fn handle(&mut self, message: SpillPiece, context: &mut Context<Self>) {
        let SpillPiece { link, word, token } = message;
        let spills = &mut self.state.spills;
        match word {
            Spill::Part { piece, begin, data } => {
                let part = Part {
                    begin,
                    data,
                    _token: token,
                };
                spills.add(link, piece, part);
            }
            Spill::Whole(piece) => {
                let length = self.setup.info.layout().length(piece);
                if !spills.complete(link, piece, length) {
                    self.lost(piece, link);
                }
            }
            Spill::Dropped(lost) => spills.forget(|of, piece| (of, piece) == (link, lost)),
        }
        self.work(context);
    }
}

impl Handler<ForgetParts> for Storage {
    type Result = ();

    fn handle(&mut self, ForgetParts { link }: ForgetParts, _: &mut Context<Self>) {
        self.state.spills.forget(|of, _| of == link);
    }
}

#[cfg(test)]
#[path = "spills_tests.rs"]
mod tests;
