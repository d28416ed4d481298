//! Strangers in any number, on a thread of their own, until they are dropped.
//!
//! Each one does the same over and over: it comes, does what it does, and when it is sent away it
//! comes again after a pause. Invariant: no more than a number of connections is made in all, so that
//! a test that hangs does not go on for ever.

use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// 50,000 connections of one crowd at most.
const MOST: usize = 50_000;

/// What a crowd has done so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Times that one of them came.
    pub(crate) came: AtomicUsize,
    /// Times that the node spoke to one.
    pub(crate) heard: AtomicUsize,
    over: AtomicBool,
}

/// Strangers at work.
pub(crate) struct Crowd {
    pub(crate) tally: Arc<Tally>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// So many strangers, each of which is one run after the other of `visit`, which is given the
    /// stranger's number and how often it came before, and says whether the node spoke to it.
    pub(crate) fn start<V, F>(count: usize, pause: Duration, visit: V) -> Self
    where
        V: Fn(usize, usize) -> F + Send + 'static,
        F: Future<Output = bool> + 'static,
    {
        let tally = Arc::new(Tally::default());
        let shared = Arc::clone(&tally);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let tasks = tokio::task::LocalSet::new();
            let visit = Rc::new(visit);
            for number in 0..count {
                let (visit, tally) = (Rc::clone(&visit), Arc::clone(&shared));
                tasks.spawn_local(async move {
                    // Not all in the same instant, and then each at its own pace.
                    tokio::time::sleep(pause.mul_f64(number as f64 / count as f64)).await;
                    for turn in 0.. {
                        if tally.came.fetch_add(1, Ordering::Relaxed) >= MOST {
                            return;
                        }
                        if visit(number, turn).await {
                            tally.heard.fetch_add(1, Ordering::Relaxed);
                        }
                        tokio::time::sleep(pause).await;
                    }
                });
            }
            runtime.unwrap().block_on(tasks.run_until(async {
                while !shared.over.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }));
        });
        Self {
            tally,
            thread: Some(thread),
        }
    }

    /// How often strangers came.
    pub(crate) fn came(&self) -> usize {
        self.tally.came.load(Ordering::Relaxed)
    }

    /// How often the node spoke to one.
    pub(crate) fn heard(&self) -> usize {
        self.tally.heard.load(Ordering::Relaxed)
    }

    /// Waits until so many have come.
    pub(crate) fn wait_until_came(&self, count: usize) {
        let came = || self.came() >= count;
        crate::support::wait_for("the strangers have come", came, || {
            format!("{}", self.came())
        });
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.tally.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
