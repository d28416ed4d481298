//! Who else has written to a file: the system tells when somebody closes a file that he could write to
//! (inotify(7)).
//!
//! The times of a file tell of every write but those that fall into a write of ours. Whoever writes opens
//! the file and closes it, and that shows whenever it happens. Not told of: a file that stays open, and
//! what another machine does on a file system of the network.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use rustix::fs::inotify::{
    CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init, remove_watch,
};

use crate::maps::HashMap;

/// One for the process: a user has 128 of them by default (`fs.inotify.max_user_instances`), for all that
/// runs in his name.
static CLOSINGS: LazyLock<Option<Closings>> = LazyLock::new(Closings::new);

/// 4 KiB: some hundred notices at once.
const NOTICES: usize = 4_096;

/// What the process watches.
#[derive(Debug)]
struct Closings {
    inotify: OwnedFd,
    /// Whom each watch tells. One file has one watch, however often it is open.
    watched: Mutex<HashMap<i32, Vec<Weak<AtomicBool>>>>,
}

/// Tells whether others closed one file, until it is dropped: that before the file, whose closing would
/// be told of as well.
#[derive(Debug)]
pub(crate) struct Closing {
    watch: i32,
    was_closed: Arc<AtomicBool>,
}

impl Closing {
    /// Watches a file; none where the system does not let us.
    pub(super) fn of(file: BorrowedFd<'_>) -> Option<Self> {
        let closings = CLOSINGS.as_ref()?;
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let was_closed = Arc::new(AtomicBool::new(false));
        let mut watched = closings.watched();
        let watch = add_watch(&closings.inotify, path, WatchFlags::CLOSE_WRITE)
            .inspect_err(|error| log::debug!("cannot watch a file: {error}"))
            .ok()?;
        watched
            .entry(watch)
            .or_default()
            .push(Arc::downgrade(&was_closed));
        Some(Self { watch, was_closed })
    }

    /// Did somebody else who could write to the file close it, since [`Self::take`] was last asked?
    pub(crate) fn was_closed(&self) -> bool {
        if let Some(closings) = &*CLOSINGS {
            closings.hear();
        }
        self.was_closed.load(Ordering::Acquire)
    }

    /// The same, once.
    pub(crate) fn take(&self) -> bool {
        self.was_closed() && self.was_closed.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let Some(closings) = &*CLOSINGS else { return };
        let mut watched = closings.watched();
        let Some(told) = watched.get_mut(&self.watch) else {
            return;
        };
        told.retain(|one| !std::ptr::eq(one.as_ptr(), Arc::as_ptr(&self.was_closed)));
        if told.is_empty() {
            watched.remove(&self.watch);
            // It may be gone with its file.
            let _ = remove_watch(&closings.inotify, self.watch);
        }
    }
}

impl Closings {
    fn new() -> Option<Self> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .inspect_err(|error| {
                log::debug!("cannot be told of files that others close: {error}");
            })
            .ok()?;
        Some(Self {
            inotify,
            watched: Mutex::default(),
        })
    }

    /// Reads what the system has told, and tells those whom it concerns.
    fn hear(&self) {
        let watched = self.watched();
        let mut buffer = [MaybeUninit::uninit(); NOTICES];
        let mut notices = Reader::new(&self.inotify, &mut buffer);
        loop {
            let notice = match notices.next() {
                Ok(notice) => notice,
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return,
            };
            let everybody = notice.events().contains(ReadFlags::QUEUE_OVERFLOW);
            let is_meant = |watch: &i32| everybody || *watch == notice.wd();
            if !notice
                .events()
                .intersects(ReadFlags::CLOSE_WRITE | ReadFlags::QUEUE_OVERFLOW)
            {
                continue;
            }
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
