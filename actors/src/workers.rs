//! The one way to a worker thread: for whatever the disk, or a system's library, may make wait.

use tokio::task::JoinHandle;

/// Runs a job on a worker thread. In a simulation there are none: the job runs here, a little
/// later, and its answer comes when what it did would have been done.
pub(crate) fn spawn_blocking<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    #[cfg(feature = "simulation")]
    if let Some(delay) = crate::simulation::job_delay() {
        return crate::simulation::run_later(delay, job);
    }
    tokio::task::spawn_blocking(job)
}
