//! Who else has written to a file: the system tells when somebody closes a file that he could write to
//! (inotify(7)).
//!
//! The times of a file tell of every write but those that fall into a write of ours. Whoever writes opens
//! the file and closes it, and that shows whenever it happens. Not told of: a file that stays open, and
//! what another machine does on a file system of the network.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use rustix::fs::inotify::{
    CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch,
};

use crate::maps::HashMap;

/// 4 KiB: some hundred notices at once.
const NOTICES: usize = 4_096;

/// What a node watches, from the first file on. One for all that it keeps: a user has 128 of them by default
/// (`fs.inotify.max_user_instances`), for all that runs in his name.
#[derive(Debug, Default)]
pub(crate) struct Closings {
    /// None within where the system gave none.
    inotify: OnceLock<Option<OwnedFd>>,
    /// Whom each watch tells. One file has one watch, however often it is open.
    watched: Mutex<HashMap<i32, Vec<Weak<AtomicBool>>>>,
}

/// Tells whether others closed one file, until it is dropped: that before the file, whose closing would
/// be told of as well.
#[derive(Debug)]
pub(crate) struct Closing {
    closings: Arc<Closings>,
    watch: i32,
    was_closed: Arc<AtomicBool>,
}

impl Closing {
    /// Watches a file; none where the system does not let us.
    pub(super) fn of(file: BorrowedFd<'_>, closings: &Arc<Closings>) -> Option<Self> {
        let inotify = closings.inotify()?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let was_closed = Arc::new(AtomicBool::new(false));
        let mut watched = closings.watched();
        let watch = add_watch(inotify, path, WatchFlags::CLOSE_WRITE)
            .inspect_err(|error| log::debug!("cannot watch a file: {error}"))
            .ok()?;
        let told = watched.entry(watch).or_default();
        told.push(Arc::downgrade(&was_closed));
        drop(watched);
        Some(Self {
            closings: Arc::clone(closings),
            watch,
            was_closed,
        })
    }

    /// Did somebody else who could write to the file close it, since [`Self::take`] was last asked?
    pub(crate) fn was_closed(&self) -> bool {
        self.closings.hear();
        self.was_closed.load(Ordering::Acquire)
    }

    /// The same, once.
    pub(crate) fn take(&self) -> bool {
        self.was_closed() && self.was_closed.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let mut watched = self.closings.watched();
        let Some(told) = watched.get_mut(&self.watch) else {
            return;
        };
        told.retain(|one| !std::ptr::eq(one.as_ptr(), Arc::as_ptr(&self.was_closed)));
        if told.is_empty() {
            watched.remove(&self.watch);
            if let Some(inotify) = self.closings.inotify() {
                // It may be gone with its file.
                let _ = remove_watch(inotify, self.watch);
            }
        }
    }
}

impl Closings {
    fn inotify(&self) -> Option<&OwnedFd> {
        let begin = || {
            init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
                .inspect_err(|error| {
                    log::debug!("cannot be told of files that others close: {error}");
                })
                .ok()
        };
        self.inotify.get_or_init(begin).as_ref()
    }

    /// Reads what the system has told, and tells those whom it concerns.
    fn hear(&self) {
        let watched = self.watched();
        let Some(inotify) = self.inotify() else {
            return;
        };
        let mut buffer = [MaybeUninit::uninit(); NOTICES];
        let mut notices = Reader::new(inotify, &mut buffer);
        loop {
            let notice = match notices.next() {
                Ok(notice) => notice,
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return,
            };
            let everybody = notice.events().contains(ReadFlags::QUEUE_OVERFLOW);
            let is_closed = ReadFlags::CLOSE_WRITE | ReadFlags::QUEUE_OVERFLOW;
            if !notice.events().intersects(is_closed) {
                continue;
            }
            let is_meant = |watch: &i32| everybody || *watch == notice.wd();
            let told = watched.iter().filter(|(watch, _)| is_meant(watch));
            for one in told.flat_map(|(_, told)| told).filter_map(Weak::upgrade) {
                one.store(true, Ordering::Release);
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, HashMap<i32, Vec<Weak<AtomicBool>>>> {
        // A list of who is told: a panic while it was held cannot have broken it.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
