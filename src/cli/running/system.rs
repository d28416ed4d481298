//! The actix system that nodes run on.

use std::future::Future;

/// Runs something on an actix system, in which a node can be started.
pub(crate) fn on_system<T>(task: impl Future<Output = T>) -> T {
    swarmlet_actors::guard::quiet_panics();
    let system = actix_rt::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()
            .unwrap_or_else(|error| {
                // Without threads or descriptors nothing can be run, and nothing was begun.
                eprintln!("error: cannot start: {error}");
                std::process::exit(1);
            })
    });
    let outcome = system.block_on(task);
    // Dropping the system waits for the disk jobs that still run. The process ends instead: what
    // they write is verified, and what they do not write is fetched again.
    std::mem::forget(system);
    outcome
}

/// 8: disk jobs that run at once, more than storage starts; each is a thread with its stack.
const BLOCKING_THREADS: usize = 8;
