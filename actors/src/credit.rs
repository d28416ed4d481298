//! Back-pressure for facts: a sender may have so many of them unhandled, and no more.
//!
//! A mailbox of actix has no bound that holds (a clone of an address brings its own place in the
//! queue). So each bulky fact carries a [`Token`]; when its receiver has handled it the token is
//! dropped and the sender, if it waits, is woken.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

/// The sender's side: how many tokens are out.
#[derive(Debug)]
pub struct Credit {
    limit: usize,
    shared: Arc<Shared>,
}

/// Travels inside a fact. Dropping it gives the credit back.
#[derive(Debug)]
pub struct Token {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    out: usize,
    waiting: Option<Waker>,
}

impl Credit {
    /// Credit for `limit` facts.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            shared: Arc::default(),
        }
    }

    /// Is there credit left? If not, `waker` is woken when some comes back.
    pub fn is_available(&self, waker: &Waker) -> bool {
        let mut state = self.shared.lock();
        let available = state.out < self.limit;
        state.waiting = (!available).then(|| waker.clone());
        available
    }

    /// Takes a token. The limit is not enforced here: one turn of work may overdraw it, and then
    /// [`Self::is_available`] says no until all of that is paid back.
    #[must_use]
    pub fn take(&self) -> Token {
        self.shared.lock().out += 1;
        Token {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // The state is two plain values: a panic while it was held cannot have broken it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let waker = {
            let mut state = self.shared.lock();
            state.out -= 1;
            state.waiting.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_stopped_at_its_limit_and_woken_when_a_fact_was_handled() {
        let woken = Arc::new(CountWakes::default());
        let waker = Waker::from(Arc::clone(&woken));
        let credit = Credit::new(2);
        let (first, second) = (credit.take(), credit.take());
        assert!(!credit.is_available(&waker));
        drop(first);
        assert_eq!(woken.0.load(std::sync::atomic::Ordering::SeqCst), 1);
        assert!(credit.is_available(&waker));
        drop(second);
        assert_eq!(woken.0.load(std::sync::atomic::Ordering::SeqCst), 1);
    }

    #[derive(Default)]
    struct CountWakes(std::sync::atomic::AtomicUsize);

    impl std::task::Wake for CountWakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }
}
