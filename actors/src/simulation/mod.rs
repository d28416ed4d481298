//! Whole nodes on simulated time, over a simulated network and simulated disks: the real actors, and
//! the same run for the same seed. Only in builds for tests (feature `simulation`).
//!
//! A thread that [`enter`]s simulates: randomness comes from the seed, jobs of workers run on the thread
//! itself, dialing and listening go to the [`Network`], a slow disk lets time pass and holds nobody up, and
//! there are no threads of sessions. Time is that of the runtime, which has to be paused. Disks are
//! [`crate::files::faults`]; schedules, faults and the judge are in `actors/tests/simulation/`.

mod network;
mod stream;
mod traffic;

use std::cell::RefCell;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

pub use self::network::{Conditions, Door, Network};
pub use self::stream::Stream;
use crate::debt;

/// What this thread simulates.
struct World {
    rng: fastrand::Rng,
    network: Network,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// While it lives the present thread simulates.
#[derive(Debug)]
pub struct Entered(());

/// The present thread simulates from now on.
#[must_use]
pub fn enter(seed: u64, network: Network) -> Entered {
    let rng = fastrand::Rng::with_seed(seed);
    WORLD.set(Some(World { rng, network }));
    debt::note(true);
    Entered(())
}

impl Drop for Entered {
    fn drop(&mut self) {
        WORLD.set(None);
        debt::note(false);
    }
}

/// Does the present thread simulate?
#[must_use]
pub fn is_on() -> bool {
    WORLD.with_borrow(Option::is_some)
}

/// The network of the present thread's simulation.
pub(crate) fn network() -> Option<Network> {
    WORLD.with_borrow(|world| world.as_ref().map(|world| world.network.clone()))
}

/// The next random number of the simulation.
pub(crate) fn seed() -> Option<u64> {
    WORLD.with_borrow_mut(|world| world.as_mut().map(|world| world.rng.u64(..)))
}

/// 2 ms: so long at most a job waits for a worker thread.
const MAX_JOB_DELAY: u64 = 2_000;

/// How long a job waits for a worker, in a simulation.
pub(crate) fn job_delay() -> Option<Duration> {
    WORLD.with_borrow_mut(|world| {
        let micros = world.as_mut()?.rng.u64(..MAX_JOB_DELAY);
        Some(Duration::from_micros(micros))
    })
}

/// Runs a job here after that time, and lets pass what its disk took.
pub(crate) fn run_later<T: 'static>(
    delay: Duration,
    job: impl FnOnce() -> T + 'static,
) -> JoinHandle<T> {
    spawn_local(async move {
        sleep(delay).await;
        let before = debt::noted().unwrap_or_default();
        let done = job();
        let took = debt::noted().unwrap_or_default().saturating_sub(before);
        if !took.is_zero() {
            sleep(took).await;
        }
        done
    })
}
