//! The storage actor: the file of one swarm, or its folder of files.
//!
//! The file is the truth: when storage starts, and whenever the file under it, or one of its files,
//! was deleted, replaced or resized, every piece is hashed again and nothing else is believed. Verified
//! pieces are written in place; a byte that was not verified never reaches the file. Hashing and disk run in a
//! bounded number of blocking jobs. What others change in place, and what a disk loses, is found by hashing
//! again (`scrub`).
//!
//! When the file cannot be written the swarm pauses: the pieces that were verified are kept and
//! written as soon as it can be, so none is fetched twice.

mod beneath;
mod content;
mod disk;
mod doubts;
mod file;
mod folder;
mod fresh;
mod held_up;
mod jobs;
mod parts;
mod recent;
mod scratch;
mod scrub;
mod serve;
mod shared;
mod spills;
mod stamps;
mod state;
mod store;
#[cfg(test)]
mod tests;
mod unreadable;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseFuture, Supervised,
    WrapFuture,
};
use log::{error, info, warn};
use swarmlet_protocol::buffers::Buffers;
use swarmlet_protocol::id::PieceHash;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::{Info, Selection};
use swarmlet_protocol::pace::Pace;

pub use self::content::Content;
use self::content::{complaint, shown};
use self::jobs::Checked;
pub use self::shared::Shared;
use self::shared::check_jobs;
use self::state::State;
use crate::alarm::{Alarm, Bell};
use crate::clock::Clock;
use crate::counters::Counters;
use crate::maps::HashMap;
use crate::messages::scheduler::StorageFact;
use crate::messages::storage::{FlushStorage, RecheckAll, ReportPieces};
use crate::messages::{Harm, Ping};
use crate::workers::spawn_blocking;

/// 2: batches that workers hash and write at once.
const WORKERS: usize = 2;

/// 16 MiB: bytes that one check job takes on, so that what it found is known soon.
const CHECK_BYTES: u64 = 16 * 1024 * 1024;

/// 500 ms: how often the file is looked at from outside, so that what others write into it is found
/// within a second. At every other look a paused storage tries again, and it is asked whether the
/// node is busy.
const LOOK: Duration = Duration::from_millis(500);

/// The target under which it is logged that a file cannot be used.
pub const PAUSES: &str = "swarmlet_actors::storage::pauses";

/// What a storage is made of.
#[derive(Debug)]
pub struct Setup {
    /// The content.
    pub info: Arc<Info>,
    /// Which of its files are kept; the others are only read.
    pub selection: Selection,
    /// Where it is kept: the file itself, or the folder in which the files lie.
    pub path: PathBuf,
    /// Folders for scratch files, the first that takes one: pieces too long for memory wait there
    /// until they are whole.
    pub scratch: Vec<PathBuf>,
    /// Where facts go.
    pub scheduler: Recipient<StorageFact>,
    /// The node's totals.
    pub counters: Arc<Counters>,
    /// Where memory for bytes of pieces comes from.
    pub buffers: Buffers,
    /// What it shares with the node's other storages.
    pub shared: Shared,
    /// How long a scrub of everything takes; none: only what may have been changed is hashed again.
    pub scrub: Option<Duration>,
    /// The node's clock.
    pub clock: Clock,
}

/// The file of one swarm.
#[derive(Debug)]
pub struct Storage {
    setup: Setup,
    /// Pieces of equal hash, if the content has any.
    equal: Arc<Equal>,
    state: State,
    bell: Bell,
}

/// Where each hash belongs that belongs to several places.
type Equal = HashMap<PieceHash, Vec<PieceIndex>>;

impl Storage {
    /// The storage of a content. The file is opened when the actor starts.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let state = State::new(&setup, 0);
        let equal = Arc::new(equal_pieces(&setup.info));
        Self {
            setup,
            equal,
            state,
            bell: Bell::default(),
        }
    }

    /// Opens the file and starts to check it, if that is possible now.
    fn open(&mut self, context: &mut Context<Self>) {
        self.begin();
        // A folder of thousands of files takes a while, and so does a disk that sleeps.
        self.state.opening = true;
        let opened = self.state.opened;
        let (path, info) = (self.setup.path.clone(), Arc::clone(&self.setup.info));
        let selection = self.setup.selection.clone();
        let job = spawn_blocking(move || Content::open(&path, &info, &selection));
        context.spawn(job.into_actor(self).map(move |done, storage, context| {
            if storage.state.opened == opened {
                storage.state.opening = false;
                let panicked = |_| Err(format!("cannot open {}: a job panicked", storage.shown()));
                storage.use_content(done.unwrap_or_else(panicked), context);
            }
        }));
    }

    /// Forgets everything that was known of the content.
    fn begin(&mut self) {
        self.state = State::new(&self.setup, self.state.opened + 1);
        self.setup.scheduler.do_send(StorageFact::Opened);
    }

    fn use_content(&mut self, content: Result<Content, String>, context: &mut Context<Self>) {
        match content {
            Ok(file) => {
                let elsewhere = disk::lies_elsewhere(&file);
                self.state.lies_elsewhere = elsewhere;
                self.state.writing = Pace::new(elsewhere);
                self.state.reading = Pace::new(elsewhere);
                file.watch(&self.setup.shared.closings);
                self.state.file = Some(Arc::new(file));
                self.check(context);
                if self.state.checks == 0 {
                    self.was_read();
                }
            }
            Err(error) => self.pause(error),
        }
    }

    /// Keeps the check jobs running until every piece is known.
    fn check(&mut self, context: &mut Context<Self>) {
        let Some(file) = self.state.file.clone() else {
            return;
        };
        let pieces = self.setup.info.layout().pieces();
        let per_job = CHECK_BYTES.div_ceil(u64::from(self.setup.info.layout().piece_length()));
        let per_job = u32::try_from(per_job).unwrap_or(u32::MAX);
        while self.state.checks < check_jobs() && self.state.unchecked < pieces {
            let from = self.state.unchecked;
            let to = from.saturating_add(per_job).min(pieces);
            self.state.unchecked = to;
            self.state.checks += 1;
            let (file, info) = (Arc::clone(&file), Arc::clone(&self.setup.info));
            let opened = self.state.opened;
            let buffers = self.setup.buffers.clone();
            let permits = Arc::clone(&self.setup.shared.checks);
            let job = async move {
                // Never closed, and if it were the check would only run without a permit.
                let permit = permits.acquire_owned().await;
                spawn_blocking(move || {
                    let checked = jobs::check(&file, &info, from..to, &buffers);
                    drop(permit);
                    checked
                })
                .await
            };
            context.spawn(job.into_actor(self).map(move |done, storage, context| {
                if storage.state.opened != opened {
                    return;
                }
                storage.state.checks -= 1;
                match done {
                    Ok((checked, Ok(()))) => {
                        storage.was_read();
                        storage.checked(checked, context);
                    }
                    Ok((checked, Err(error))) => {
                        storage.checked(checked, context);
                        storage.fail(&error, "read");
                    }
                    Err(_) => storage.fail(&std::io::Error::other("a check panicked"), "read"),
                }
            }));
        }
    }

    fn checked(&mut self, checked: Checked, context: &mut Context<Self>) {
        for &piece in &checked.good {
            self.state.good.insert(piece);
        }
        for &piece in &checked.bad {
            self.state.bad.insert(piece);
        }
        // What is not selected is never written.
        let selected = self.setup.selection.pieces();
        if checked.bad.iter().any(|&piece| selected.contains(piece))
            && let Some(refusal) = self.state.file.as_ref().and_then(|file| file.read_only())
        {
            self.pause(refusal.to_owned());
        }
        let Checked { good, bad, lost } = checked;
        self.state.unreadable.note(&lost);
        let fact = StorageFact::Checked { good, bad };
        let is_whole = self.is_whole();
        match is_whole {
            // That all is here is said when all has been looked at once more.
            true => self.state.untold = Some(fact),
            false => self.setup.scheduler.do_send(fact),
        }
        self.check(context);
        if self.is_checked() {
            let (good, pieces) = (self.state.good.count(), self.setup.info.layout().pieces());
            let seconds = self.state.checked_at.elapsed().as_secs_f64();
            let selected = match &self.setup.selection {
                all_or_none if all_or_none.is_all() || all_or_none.is_none() => String::new(),
                some => format!(", {} are selected", some.pieces().count()),
            };
            info!(
                "{}: {good} of {pieces} pieces are right{selected} ({seconds:.2} s)",
                self.shown()
            );
            self.copy_equal(context);
            self.begin_scrub(context);
        }
        if is_whole {
            self.completed(context);
        }
    }

    fn is_checked(&self) -> bool {
        let known = self.state.good.count() + self.state.bad.count();
        self.state.file.is_some() && known == self.setup.info.layout().pieces()
    }

    /// The file cannot be used as it must: says so once, and tries again every second.
    fn pause(&mut self, error: String) {
        if self.state.paused.as_ref() != Some(&error) {
            // By a name of its own, for whoever says it in another way.
            error!(target: PAUSES, "{error}; trying again every second");
            self.setup
                .scheduler
                .do_send(StorageFact::Paused(error.clone()));
            self.state.paused = Some(error);
        }
    }

    fn fail(&mut self, error: &std::io::Error, what: &str) {
        self.pause(complaint(what, &self.setup.path, error));
    }

    /// What failed was a read: all is read again, and that is good once some of it could be.
    fn read_again(&mut self, context: &mut Context<Self>) {
        if self.state.rereading && self.state.checks > 0 {
            return;
        }
        let paused = self.state.paused.take();
        self.open(context);
        self.state.paused = paused;
        self.state.rereading = true;
    }

    /// Some of it could be read, after it could not.
    fn was_read(&mut self) {
        if std::mem::take(&mut self.state.rereading) {
            self.resume();
        }
    }

    fn resume(&mut self) {
        if self.state.paused.take().is_some() {
            info!("{} can be used again", self.shown());
            self.setup.scheduler.do_send(StorageFact::Resumed);
        }
    }

    /// Is the file still the one we opened? Can a paused one be used again?
    fn look(&mut self, context: &mut Context<Self>) {
        self.state.is_full_second ^= true;
        let tries_again = self.state.is_full_second;
        if tries_again {
            self.look_busy(context);
        }
        let is_closed = self.state.file.is_none();
        if self.state.looking || self.state.opening || (is_closed && !tries_again) {
            return;
        }
        self.state.looking = true;
        let (path, info) = (self.setup.path.clone(), Arc::clone(&self.setup.info));
        let selection = self.setup.selection.clone();
        let is_paused = self.state.paused.is_some();
        let in_use = self.state.file.clone();
        let reopens = is_paused && tries_again;
        let usable = in_use.filter(|file| !(reopens && file.read_only().is_some()));
        let opened = self.state.opened;
        let job = spawn_blocking(move || match usable {
            Some(file) if file.is_still(&path) => Seen::Still(file.changed()),
            Some(file) => Seen::Lost(file.loss(&path)),
            None => Seen::Reopened(Content::open(&path, &info, &selection)),
        });
        context.spawn(job.into_actor(self).map(move |seen, storage, context| {
            storage.state.looking = false;
            if storage.state.opened == opened {
                storage.looked(
                    seen.unwrap_or(Seen::Lost("may have been replaced")),
                    tries_again,
                    context,
                );
            }
        }));
    }

    fn looked(&mut self, seen: Seen, tries_again: bool, context: &mut Context<Self>) {
        match seen {
            Seen::Still(changed) => {
                self.touched(changed, context);
                if tries_again && self.state.paused.is_some() {
                    self.retry(context);
                }
            }
            Seen::Lost(how) => self.replaced(how, context),
            // What could not be opened for writing can be: all else is kept as it is.
            Seen::Reopened(Ok(file)) if file.read_only().is_none() => {
                self.resume();
                self.begin();
                self.use_content(Ok(file), context);
            }
            Seen::Reopened(_) => {}
        }
    }

    /// It is another one now.
    fn replaced(&mut self, how: &str, context: &mut Context<Self>) {
        warn!("{} {how}; checking all of it again", self.shown());
        self.open(context);
    }

    fn shown(&self) -> String {
        shown(&self.setup.path)
    }
}

/// What a look at the path has shown.
enum Seen {
    /// It is still the content that is open; these bytes of it may have been changed by others.
    Still(Vec<Range<u64>>),
    /// It is another one, or has another length: what became of it, in words.
    Lost(&'static str),
    /// What came of opening it.
    Reopened(Result<Content, String>),
}

/// Sorts instead of counting in a map: a content of 800,000 pieces is a blink, and nothing is left of
/// it in memory.
fn equal_pieces(info: &Info) -> Equal {
    let mut pieces: Vec<_> = info.layout().all_pieces().collect();
    pieces.sort_by_cached_key(|&piece| info.hash(piece));
    let groups = pieces.chunk_by(|&one, &other| info.hash(one) == info.hash(other));
    let repeated = groups.filter(|group| group.len() > 1);
    repeated
        .map(|group| (info.hash(group[0]), group.to_vec()))
        .collect()
}

impl Actor for Storage {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.spawn(Alarm::default());
        context.run_interval(LOOK, |storage, context| storage.look(context));
        self.open(context);
    }
}

impl Supervised for Storage {
    fn restarting(&mut self, _: &mut Self::Context) {
        // `started` runs again and opens the file anew; only the count of openings goes on.
        self.state = State::new(&self.setup, self.state.opened + 1);
    }
}

impl Handler<ReportPieces> for Storage {
    type Result = ();

    fn handle(&mut self, _: ReportPieces, _: &mut Self::Context) {
        let good = self.state.good.iter().collect();
        let bad = self.state.bad.iter().collect();
        self.setup
            .scheduler
            .do_send(StorageFact::Checked { good, bad });
        if let Some(error) = &self.state.paused {
            self.setup
                .scheduler
                .do_send(StorageFact::Paused(error.clone()));
        }
    }
}

impl Handler<RecheckAll> for Storage {
    type Result = ();

    fn handle(&mut self, _: RecheckAll, context: &mut Self::Context) {
        // Whoever is opening it will check it anew in any case.
        if !self.state.opening {
            info!(
                "{}: checking all of it again, as was asked for",
                self.shown()
            );
            self.open(context);
        }
    }
}

impl Handler<FlushStorage> for Storage {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: FlushStorage, context: &mut Self::Context) -> Self::Result {
        let (done, wait) = tokio::sync::oneshot::channel();
        self.flush(done, context);
        Box::pin(async move {
            // A dropped sender means a restart: there is nothing left to wait for.
            let _ = wait.await;
        })
    }
}

impl Handler<Ping> for Storage {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<Harm> for Storage {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("the storage", self, context);
    }
}
