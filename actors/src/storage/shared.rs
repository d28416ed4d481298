//! What all storages of a node share: they have one disk and one memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::files::Closings;

/// 4: reads for peers that workers run at once. More threads than that do not make a disk faster.
const READERS: usize = 4;

/// 4: ranges that are checked at once, one per core up to this. A disk is not faster for more.
const MAX_CHECKS: usize = 4;

/// Who may use the disk now, and how much is out. Clones share.
#[derive(Clone, Debug)]
pub struct Shared {
    pub(super) readers: Arc<Semaphore>,
    /// Bytes that were read for peers and have not left.
    pub(super) lent: Arc<AtomicUsize>,
    /// Permits of check jobs. They are given in the order in which they were asked for, so a small content
    /// does not wait until a huge one is checked.
    pub(super) checks: Arc<Semaphore>,
    /// Tells who else closes files.
    pub(super) closings: Arc<Closings>,
}

impl Shared {
    /// Bytes that were read for peers and have not left.
    pub(crate) fn lent(&self) -> usize {
        self.lent.load(Ordering::Relaxed)
    }

    /// Permits that somebody has: reads that workers run, and checks.
    pub(crate) fn permits_out(&self) -> usize {
        let readers = READERS - self.readers.available_permits();
        readers + check_jobs() - self.checks.available_permits()
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            readers: Arc::new(Semaphore::new(READERS)),
            lent: Arc::default(),
            checks: Arc::new(Semaphore::new(check_jobs())),
            closings: Arc::default(),
        }
    }
}

/// Check jobs that run at once, and one that waits, so that no core does when a job ends.
pub(super) fn check_jobs() -> usize {
    #[cfg(feature = "simulation")]
    if crate::simulation::is_on() {
        return 3;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.min(MAX_CHECKS) + 1
}
