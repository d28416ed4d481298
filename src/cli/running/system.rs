//! The actix system that nodes run on.

use std::future::Future;

use swarmlet_actors::descriptors::Descriptors;

use super::super::error::CliError;

/// 8: disk jobs that run at once, more than storage starts; each is a thread with its stack.
const BLOCKING_THREADS: usize = 8;

/// Runs something on an actix system, in which a node can be started.
///
/// # Errors
/// The task's own, or there is too little of what every node needs: then nothing was begun.
pub(crate) fn on_system<T>(task: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    swarmlet_actors::guard::quiet_panics();
    let descriptors = Descriptors::of_process();
    // With too few the runtime itself ends in a panic.
    if descriptors.limit() < Descriptors::LEAST {
        return Err(CliError::Descriptors(descriptors));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(CliError::Start)?;
    let system = actix_rt::System::with_tokio_rt(|| runtime);
    let outcome = system.block_on(task);
    // Dropping the system waits for the disk jobs that still run. The process ends instead: what
    // they write is verified, and what they do not write is fetched again.
    std::mem::forget(system);
    outcome
}
