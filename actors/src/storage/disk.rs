//! Where a job on the file runs: here while the disk is quick, else on a worker thread.
//!
//! [`Pace`] decides. A job that runs here has what it needs in this core's cache and wakes nobody,
//! but holds up this thread's actors for as long as it takes: about half a millisecond for a MiB
//! that is hashed and written to the page cache.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use rustix::fs::FsWord;
use swarmlet_protocol::pace::Pace;

use super::Storage;
use super::content::Content;
use super::held_up::Stopwatch;
use crate::workers::spawn_blocking;

/// What became of a job: its answer, or why there is none.
pub(super) type Done<T> = Result<T, String>;

/// Runs a job on a worker, with the time that the disk made it wait.
pub(super) async fn on_worker<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> Done<(T, Duration)> {
    let timed = spawn_blocking(move || {
        let watch = Stopwatch::start();
        let done = job();
        (done, watch.held_up())
    });
    timed.await.map_err(|error| error.to_string())
}

/// Runs a job here.
pub(super) fn here<T>(pace: &mut Pace, job: impl FnOnce() -> T) -> T {
    let watch = Stopwatch::start();
    let done = job();
    pace.waited(watch.held_up());
    done
}

/// Does the file lie on a disk of another machine, or of another process? Such a disk is never trusted.
pub(super) fn lies_elsewhere(file: &Content) -> bool {
    file.file_system().is_ok_and(is_remote)
}

/// Magic numbers of file systems whose calls depend on another machine or another process
/// (`statfs(2)`, and `linux/magic.h`).
const fn is_remote(magic: FsWord) -> bool {
    const NFS: FsWord = 0x6969;
    const SMB: FsWord = 0x517B;
    const CIFS: FsWord = 0xFF53_4D42;
    const SMB2: FsWord = 0xFE53_4D42;
    const FUSE: FsWord = 0x6573_5546;
    const CEPH: FsWord = 0x00C3_6400;
    const V9FS: FsWord = 0x0102_1997;
    const AFS: FsWord = 0x5346_414F;
    const CODA: FsWord = 0x7375_7245;
    matches!(
        magic,
        NFS | SMB | CIFS | SMB2 | FUSE | CEPH | V9FS | AFS | CODA
    )
}

impl Storage {
    /// Runs a job that writes where the disk deserves it, and then `then` with what came of it.
    /// Nothing happens if the file was opened anew meanwhile. Whoever calls this looks for more work
    /// afterwards: the job may have ended already.
    pub(super) fn run<T: Send + 'static>(
        &mut self,
        context: &mut Context<Self>,
        job: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&mut Self, Done<T>, &mut Context<Self>) + 'static,
    ) {
        if self.state.writing.is_trusted() {
            let done = here(&mut self.state.writing, job);
            then(self, Ok(done), context);
            return;
        }
        let judged =
            |storage: &mut Self, done: Done<(T, Duration)>, context: &mut Context<Self>| {
                let done = done.map(|(done, waited)| {
                    storage.state.writing.waited(waited);
                    done
                });
                then(storage, done, context);
            };
        self.after(on_worker(job), context, judged);
    }

    /// Runs a job that may take long, always on a worker.
    pub(super) fn run_apart<T: Send + 'static>(
        &self,
        context: &mut Context<Self>,
        job: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(&mut Self, Done<T>, &mut Context<Self>) + 'static,
    ) {
        let work = async { spawn_blocking(job).await.map_err(|error| error.to_string()) };
        self.after(work, context, then);
    }

    fn after<T: 'static>(
        &self,
        work: impl Future<Output = Done<T>> + 'static,
        context: &mut Context<Self>,
        then: impl FnOnce(&mut Self, Done<T>, &mut Context<Self>) + 'static,
    ) {
        let opened = self.state.opened;
        let work = work.into_actor(self);
        context.spawn(work.map(move |done, storage, context| {
            if storage.state.opened == opened {
                then(storage, done, context);
                storage.work(context);
            }
        }));
    }
}
