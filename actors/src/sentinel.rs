//! Looks at the threads of actors from a thread of its own.
//!
//! An actor that holds up its thread holds up everybody on it, the watchdog too: a call to a disk that
//! does not come back, or a loop that does not end. Rust cannot take a thread out of either. So a
//! sentinel sees that a thread stands still and tells, and whoever runs the node decides: a program
//! ends, so that its container starts anew; an application that has a node within it does what it
//! likes.
//!
//! A thread beats as long as it runs: every few seconds a task of its arbiter counts one. Time in which it
//! waited for a processor is not held against it, nor is time in which the whole process slept. A
//! process that is being traced stands still because somebody looks at it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use log::{error, info};
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::vigil::{Verdict, Vigil};

use crate::listeners::Listeners;
use crate::messages::events::Event;
use crate::schedstat::Schedstat;

/// 1 s between beats of a thread, and between looks at them, at the least.
const BEAT: Duration = Duration::from_secs(1);

/// 5 s at the most: a node that is idle is not woken more often than its limit asks for.
const LONGEST_BEAT: Duration = Duration::from_secs(5);

/// 24 beats in the time that a thread may stand still.
fn beat(limit: Duration) -> Duration {
    (limit / 24).clamp(BEAT, LONGEST_BEAT)
}

/// A thread that stands still.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Standstill {
    /// Which one.
    pub thread: &'static str,
    /// For how long, not counting what the process slept.
    pub stood: Duration,
}

impl fmt::Display for Standstill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, stood } = self;
        let seconds = stood.as_secs_f64();
        write!(
            f,
            "{thread} has stood still for {seconds:.0} s: a call to the system does not come back, or a loop does not end"
        )
    }
}

/// What is done about a thread that stands still. Called on the thread of the sentinel.
#[derive(Clone)]
pub struct Remedy(Arc<dyn Fn(&Standstill) + Send + Sync>);

impl Remedy {
    /// This is done.
    pub fn new(act: impl Fn(&Standstill) + Send + Sync + 'static) -> Self {
        Self(Arc::new(act))
    }
}

impl fmt::Debug for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Remedy")
    }
}

/// The threads of one node, and who looks at them. Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Sentinel {
    posts: Posts,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Where threads that are looked at are enlisted.
#[derive(Clone, Debug)]
pub(crate) struct Posts {
    pulses: Arc<Mutex<Vec<Arc<Pulse>>>>,
    beat: Duration,
}

/// The pulse of one thread.
#[derive(Debug)]
struct Pulse {
    thread: &'static str,
    beats: AtomicU64,
    times: OnceLock<Schedstat>,
}

impl Posts {
    /// Has the present thread, which runs an arbiter, looked at until that ends.
    pub(crate) fn enlist(&self, thread: &'static str) {
        let pulse = Arc::new(Pulse {
            thread,
            beats: AtomicU64::new(0),
            times: OnceLock::from(Schedstat::of_this_thread()),
        });
        self.lock().push(Arc::clone(&pulse));
        let (pulse, beat) = (Arc::downgrade(&pulse), self.beat);
        actix_rt::spawn(async move {
            // Nobody looks any more when it is gone.
            while let Some(pulse) = pulse.upgrade() {
                pulse.beats.fetch_add(1, Ordering::Relaxed);
                drop(pulse);
                tokio::time::sleep(beat).await;
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Pulse>>> {
        // Numbers: a panic while it was held cannot have broken them.
        self.pulses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sentinel {
    /// Looks from now on. A thread that stands still for `limit` is told to the listeners, and the
    /// remedy is applied.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(
        limit: Duration,
        remedy: Option<Remedy>,
        listeners: Listeners,
    ) -> std::io::Result<Self> {
        let posts = Posts {
            pulses: Arc::default(),
            beat: beat(limit),
        };
        let is_over = Arc::new(AtomicBool::new(false));
        let (looked_at, ended) = (posts.clone(), Arc::clone(&is_over));
        let thread = thread::Builder::new()
            .name("sentinel".to_owned())
            .spawn(move || {
                let mut watch = Watch::new(limit);
                while !ended.load(Ordering::Acquire) {
                    for standstill in watch.look(&looked_at) {
                        tell(&standstill, remedy.as_ref(), &listeners);
                    }
                    thread::park_timeout(beat(limit));
                }
            })?;
        Ok(Self {
            posts,
            is_over,
            thread: Some(thread),
        })
    }

    /// Where threads are enlisted.
    pub(crate) fn posts(&self) -> Posts {
        self.posts.clone()
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        self.posts.lock().clear();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It may be at its remedy, which is the host's; nobody waits for that.
        }
    }
}

fn tell(standstill: &Standstill, remedy: Option<&Remedy>, listeners: &Listeners) {
    if is_traced() {
        info!("{standstill}; somebody traces this process, so nothing is done about it");
        return;
    }
    listeners.tell(&Event::ThreadStuck {
        thread: standstill.thread,
        stood: standstill.stood,
    });
    match remedy {
        Some(Remedy(act)) => act(standstill),
        None => error!("{standstill}"),
    }
}

/// Does a debugger hold this process?
fn is_traced() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let tracer = lines.find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|tracer| tracer.trim() != "0")
}

/// What the sentinel knows of the threads.
#[derive(Debug)]
struct Watch {
    vigil: Vigil,
    beat: Duration,
    begun: Instant,
    /// Of each thread, by its place: beats and time waited for a processor, as of the last look.
    seen: Vec<(u64, Duration)>,
    /// Time in which threads waited for a processor, and which is not held against them.
    forgiven: Duration,
}

impl Watch {
    fn new(limit: Duration) -> Self {
        Self {
            vigil: Vigil::new(limit, beat(limit)),
            beat: beat(limit),
            begun: Instant::now(),
            seen: Vec::new(),
            forgiven: Duration::ZERO,
        }
    }

    fn look(&mut self, posts: &Posts) -> Vec<Standstill> {
        let pulses: Vec<_> = posts.lock().clone();
        let looks = pulses.iter().map(|pulse| {
            let waited = pulse.times.get().map_or(Duration::ZERO, |it| it.look().1);
            (pulse.beats.load(Ordering::Relaxed), waited)
        });
        let looks: Vec<_> = looks.collect();
        // A thread that waited for a processor all the time could not have beaten.
        let waited = looks.iter().zip(&self.seen);
        let waited = waited.filter(|((beats, _), (before, _))| beats == before);
        let waited = waited.map(|((_, now), (_, before))| now.saturating_sub(*before));
        self.forgiven += waited.max().unwrap_or_default().min(self.beat);
        let now = self.begun.elapsed().saturating_sub(self.forgiven);
        for (number, (beats, _)) in looks.iter().enumerate() {
            let before = self.seen.get(number).map(|(beats, _)| beats);
            let who = number as u64;
            if before != Some(beats) {
                self.vigil.answered(who);
            }
            self.vigil.asked(who);
        }
        self.seen = looks;
        let verdicts = self.vigil.look(Timestamp::ZERO + now);
        let stuck = verdicts.into_iter().filter_map(|(who, verdict)| {
            let Verdict::Stuck(stood) = verdict else {
                return None;
            };
            let thread = pulses.get(usize::try_from(who).ok()?)?.thread;
            Some(Standstill { thread, stood })
        });
        stuck.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posts(count: usize) -> (Posts, Vec<Arc<Pulse>>) {
        let pulse = || {
            Arc::new(Pulse {
                thread: "the thread",
                beats: AtomicU64::new(0),
                times: OnceLock::new(),
            })
        };
        let pulses: Vec<_> = (0..count).map(|_| pulse()).collect();
        let posts = Posts {
            pulses: Arc::new(Mutex::new(pulses.clone())),
            beat: BEAT,
        };
        (posts, pulses)
    }

    /// Looks as if a second had passed between any two.
    fn look_for(
        seconds: u64,
        watch: &mut Watch,
        posts: &Posts,
        beat: impl Fn(),
    ) -> Vec<Standstill> {
        let mut found = Vec::new();
        for _ in 0..seconds {
            watch.begun = watch.begun.checked_sub(BEAT).unwrap();
            beat();
            found.extend(watch.look(posts));
        }
        found
    }

    #[test]
    fn a_thread_that_does_not_beat_is_found_and_one_that_beats_is_not() {
        let (posts, pulses) = posts(2);
        let mut watch = Watch::new(Duration::from_secs(20));
        let beat = || {
            pulses[1].beats.fetch_add(1, Ordering::Relaxed);
        };
        assert!(look_for(15, &mut watch, &posts, beat).is_empty());
        pulses[0].beats.fetch_add(1, Ordering::Relaxed);
        assert!(look_for(15, &mut watch, &posts, beat).is_empty());
        let found = look_for(10, &mut watch, &posts, beat);
        assert_eq!(found.len(), 1);
        assert!(found[0].stood >= Duration::from_secs(20));
    }

    #[test]
    fn a_process_that_slept_blames_nobody() {
        let (posts, _pulses) = posts(1);
        let mut watch = Watch::new(Duration::from_secs(20));
        look_for(2, &mut watch, &posts, || {});
        for _ in 0..5 {
            watch.begun = watch.begun.checked_sub(Duration::from_secs(600)).unwrap();
            assert!(watch.look(&posts).is_empty());
        }
    }

    #[test]
    fn nobody_traces_a_test() {
        assert!(!is_traced());
    }
}
