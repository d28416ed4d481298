//! The threads that sessions run on: the node's own first, others when it has enough to do.
//!
//! A session on another thread wakes that of the scheduler and storage for each batch of pieces, and
//! its bytes move from core to core: measured, a tenth to a third more processor time per byte. So
//! sessions share the node's thread while it has time left, and spread over the cores when it does
//! not. A session stays where it began: its socket is registered there.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_rt::Arbiter;

use crate::schedstat::Schedstat;
use crate::sentinel::Posts;

/// 4: threads for sessions, the node's own among them; one per core up to this. Beyond, the disk
/// and the network are what is slow.
const MAX_THREADS: usize = 4;

/// 60 %: a thread that has been busy for more of the time takes no further session while another
/// has less to do.
const ENOUGH: f64 = 0.6;

/// 100 ms: how often it is looked up how busy a thread is.
const LOOK: Duration = Duration::from_millis(100);

/// What a thread of sessions is called.
const THREAD: &str = "a thread of links";

/// The threads of one node.
#[derive(Debug)]
pub(super) struct Threads {
    own: Load,
    others: Vec<(Arbiter, Load)>,
    most: usize,
    /// Where new threads are enlisted, if somebody looks whether they stand still.
    posts: Option<Posts>,
}

impl Threads {
    /// The present thread, and room for others.
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let own = Load::new();
        own.watch_this_thread();
        Self {
            own,
            others: Vec::new(),
            most: match is_simulated() {
                true => 1,
                false => cores.min(MAX_THREADS),
            },
            posts: None,
        }
    }

    /// Has threads that are started from now on looked at.
    pub(super) fn look_at(&mut self, posts: Posts) {
        self.posts = Some(posts);
    }

    /// Runs `start` on the thread that has most time for a session. Says whether it could be.
    pub(super) fn spawn(&mut self, start: impl FnOnce() + Send + 'static) -> bool {
        let shares: Vec<_> = [&mut self.own]
            .into_iter()
            .chain(self.others.iter_mut().map(|(_, load)| load))
            .map(Load::share)
            .collect();
        let Some(other) = choose(&shares, self.most).checked_sub(1) else {
            start();
            return true;
        };
        if other == self.others.len() {
            let Ok(arbiter) = Arbiter::try_new() else {
                // The process may have no more threads. Those that are there have to do.
                self.most = shares.len();
                start();
                return true;
            };
            let load = Load::new();
            let watched = load.clone();
            let posts = self.posts.clone();
            arbiter.spawn_fn(move || {
                watched.watch_this_thread();
                if let Some(posts) = posts {
                    posts.enlist(THREAD);
                }
            });
            self.others.push((arbiter, load));
        }
        self.others
            .get(other)
            .is_some_and(|(arbiter, _)| arbiter.spawn_fn(start))
    }

    /// The other threads end soon; what runs there is dropped.
    pub(super) fn stop(&self) {
        self.others.iter().for_each(|(arbiter, _)| {
            arbiter.stop();
        });
    }

    /// Waits until they have ended.
    pub(super) fn join(self) -> bool {
        self.others
            .into_iter()
            .all(|(arbiter, _)| arbiter.join().is_ok())
    }
}

/// A simulation has one thread and no other clock than its own.
const fn is_simulated() -> bool {
    cfg!(feature = "simulation")
}

/// The first thread that has time; else a new one, if there may be one more; else the least busy.
fn choose(shares: &[f64], most: usize) -> usize {
    let free = shares.iter().position(|&share| share < ENOUGH);
    free.unwrap_or_else(|| {
        if shares.len() < most {
            return shares.len();
        }
        let least = shares.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        least.map_or(0, |(index, _)| index)
    })
}

/// How busy a thread is.
#[derive(Clone, Debug)]
struct Load {
    /// Where the system tells nothing, every thread seems idle.
    schedstat: Arc<OnceLock<Schedstat>>,
    looked: Instant,
    ran: Duration,
    share: f64,
}

impl Load {
    fn new() -> Self {
        Self {
            schedstat: Arc::default(),
            looked: Instant::now(),
            ran: Duration::ZERO,
            share: 0.0,
        }
    }

    fn watch_this_thread(&self) {
        // A second call on the same thread would bring the same.
        let _ = self.schedstat.set(Schedstat::of_this_thread());
    }

    /// The share of the time in which the thread ran, of late.
    fn share(&mut self) -> f64 {
        let elapsed = self.looked.elapsed();
        if elapsed >= LOOK {
            let ran = self.ran();
            let busy = ran.saturating_sub(self.ran);
            self.share = busy.as_secs_f64() / elapsed.as_secs_f64();
            self.looked = Instant::now();
            self.ran = ran;
        }
        self.share
    }

    /// How long the thread has run.
    fn ran(&self) -> Duration {
        let times = self.schedstat.get();
        times.map_or(Duration::ZERO, |times| times.look().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_stay_on_the_first_thread_that_has_time() {
        assert_eq!(choose(&[0.1], 4), 0);
        assert_eq!(choose(&[0.9], 4), 1, "a new thread");
        assert_eq!(choose(&[0.9, 0.2], 4), 1);
        assert_eq!(choose(&[0.5, 0.0], 4), 0);
        assert_eq!(choose(&[0.9, 0.7, 0.8], 3), 1, "no more threads");
        assert_eq!(choose(&[0.9], 1), 0);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_busy_thread_is_seen_to_be_busy_and_a_resting_one_is_not() {
        let mut load = Load::new();
        load.watch_this_thread();
        let begun = Instant::now();
        while load.ran().is_zero() || begun.elapsed() < LOOK {
            std::hint::spin_loop();
        }
        let busy = load.share();
        std::thread::sleep(5 * LOOK);
        assert!(load.share() < busy);
    }

    #[actix_rt::test]
    async fn other_threads_are_started_when_they_are_needed_and_end_with_the_node() {
        let mut threads = Threads::new();
        threads.most = 2;
        let here = std::thread::current().id();
        let (tell, told) = std::sync::mpsc::channel();
        for share in [0.0, 1.0] {
            let tell = tell.clone();
            threads.own.share = share;
            threads.own.looked = Instant::now();
            assert!(threads.spawn(move || tell.send(std::thread::current().id()).unwrap()));
        }
        assert_eq!(told.recv().unwrap(), here);
        assert_ne!(told.recv().unwrap(), here);
        threads.stop();
        assert!(threads.join());
    }
}
