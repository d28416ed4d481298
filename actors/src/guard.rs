//! Supervision that survives panics.
//!
//! actix's own `Supervisor` restarts an actor that stopped and loses one that panicked: the unwind
//! ends the task, the address goes dead, and nobody is told. A [`Guard`] wraps the same future,
//! catches the unwind, reports it, waits, and restarts the actor in place: its address and the
//! messages behind the fatal one stay valid. `Supervised::restarting` must put every field back to
//! a fresh value, since the struct is the one that panicked.
//!
//! A panic is contained, counted and reported once; too many in a short time end the attempts, and
//! the report says so.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use actix::dev::ContextFut;
use actix::{Actor, Addr, AsyncContext, Context, Supervised};
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep};

/// How often an actor may panic before the node gives up.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct Policy {
    /// Restarts allowed within `window`; zero for an actor that is simply lost.
    pub restarts: usize,
    /// The time over which restarts are counted.
    pub window: Duration,
    /// The pause before the first restart; doubles with each further one in the window.
    pub backoff: Duration,
}

impl Policy {
    /// 5 restarts in 10 s, from 10 ms up: an actor that others hold addresses of.
    pub const SINGLETON: Self = Self {
        restarts: 5,
        window: Duration::from_secs(10),
        backoff: Duration::from_millis(10),
    };

    /// No restart: a link that panicked is closed, and a new one is dialled.
    pub const LINK: Self = Self {
        restarts: 0,
        window: Duration::from_secs(10),
        backoff: Duration::ZERO,
    };
}

/// What a guard tells of a panic.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The actor's name.
    pub actor: &'static str,
    /// The text of the panic.
    pub panic: String,
    /// Restarts within the window, this one included.
    pub restarts: usize,
    /// The actor will not come back.
    pub fatal: bool,
}

/// Starts an actor under guard on the present arbiter and returns its address.
pub fn start<A, F>(name: &'static str, policy: Policy, actor: A, report: F) -> Addr<A>
where
    A: Actor<Context = Context<A>> + Supervised,
    F: Fn(Failure) + 'static,
{
    let context = Context::new();
    let address = context.address();
    run(name, policy, context, actor, report);
    address
}

/// Runs an actor under guard in a context that exists already: its address may have been given
/// to others first. The handle ends it without a word.
pub fn run<A, F>(
    name: &'static str,
    policy: Policy,
    context: Context<A>,
    actor: A,
    report: F,
) -> AbortHandle
where
    A: Actor<Context = Context<A>> + Supervised,
    F: Fn(Failure) + 'static,
{
    let guard = Guard {
        name,
        policy,
        report: Box::new(report),
        inner: Some(Box::new(context.into_future(actor))),
        pause: None,
        restarts: VecDeque::new(),
    };
    actix_rt::spawn(guard).abort_handle()
}

struct Guard<A>
where
    A: Actor<Context = Context<A>> + Supervised,
{
    name: &'static str,
    policy: Policy,
    report: Box<dyn Fn(Failure)>,
    inner: Option<Box<ContextFut<A, Context<A>>>>,
    pause: Option<Pin<Box<Sleep>>>,
    restarts: VecDeque<Instant>,
}

// Nothing in a guard is pinned structurally: its parts are boxed.
impl<A> Unpin for Guard<A> where A: Actor<Context = Context<A>> + Supervised {}

impl<A> Future for Guard<A>
where
    A: Actor<Context = Context<A>> + Supervised,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(task));
                self.pause = None;
                let Some(inner) = &mut self.inner else {
                    return Poll::Ready(());
                };
                // `restarting` is user code and may panic as well.
                match guarded(|| inner.restart()) {
                    Ok(true) => {}
                    Ok(false) => return Poll::Ready(()),
                    Err(panic) => {
                        self.failed(panic.as_ref());
                        continue;
                    }
                }
            }
            let Some(inner) = &mut self.inner else {
                return Poll::Ready(());
            };
            match guarded(|| Pin::new(inner.as_mut()).poll(task)) {
                Ok(poll) => return poll,
                Err(panic) => self.failed(panic.as_ref()),
            }
        }
    }
}

impl<A> Guard<A>
where
    A: Actor<Context = Context<A>> + Supervised,
{
    fn failed(&mut self, panic: &(dyn Any + Send)) {
        let now = Instant::now();
        while self
            .restarts
            .front()
            .is_some_and(|&at| now - at > self.policy.window)
        {
            self.restarts.pop_front();
        }
        let fatal = self.restarts.len() >= self.policy.restarts;
        let backoff = self.policy.backoff * 2_u32.saturating_pow(self.restarts.len() as u32);
        self.restarts.push_back(now);
        if fatal {
            // Dropping the actor runs its `stopped`, which may panic too: not our problem any more.
            let inner = self.inner.take();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(inner)));
        } else {
            self.pause = Some(Box::pin(sleep(backoff)));
        }
        (self.report)(Failure {
            actor: self.name,
            panic: panic_text(panic),
            restarts: self.restarts.len(),
            fatal,
        });
        if fatal {
            self.pause = None;
        }
    }
}

thread_local! {
    /// An actor is being polled: its panics are told by the guard.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// Where the last panic of this thread came about.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics of guarded actors off stderr: their guard tells them, with the place, once. All
/// other panics go on to the hook that was there. For programs; a library must not call it.
pub fn quiet_panics() {
    let others = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if GUARDED.get() {
            PLACE.set(panic.location().map(ToString::to_string));
        } else {
            others(panic);
        }
    }));
}

fn guarded<T>(run: impl FnOnce() -> T) -> std::thread::Result<T> {
    GUARDED.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    GUARDED.set(false);
    outcome
}

/// The text of a panic, with its place if that is known.
fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic_words(panic);
    match PLACE.take() {
        Some(place) => format!("{text} ({place})"),
        None => text,
    }
}

fn panic_words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use actix::{Handler, Message};

    use super::*;

    #[derive(Default)]
    struct Counter {
        count: u32,
    }

    impl Actor for Counter {
        type Context = Context<Self>;
    }

    impl Supervised for Counter {
        fn restarting(&mut self, _: &mut Context<Self>) {
            *self = Self::default();
        }
    }

    #[derive(Message)]
    #[rtype(result = "u32")]
    struct Add(u32);

    impl Handler<Add> for Counter {
        type Result = u32;

        fn handle(&mut self, Add(amount): Add, _: &mut Context<Self>) -> u32 {
            assert!(amount < 100, "no more than 99");
            self.count += amount;
            self.count
        }
    }

    fn guarded() -> (Addr<Counter>, Arc<Mutex<Vec<Failure>>>) {
        let failures = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&failures);
        let report = move |failure| seen.lock().unwrap().push(failure);
        (
            start("counter", Policy::SINGLETON, Counter::default(), report),
            failures,
        )
    }

    #[actix::test]
    async fn a_panic_costs_one_message_and_the_address_lives_on() {
        let (counter, failures) = guarded();
        assert_eq!(counter.send(Add(5)).await, Ok(5));
        let (fatal, next) = (counter.send(Add(100)), counter.send(Add(1)));
        assert!(fatal.await.is_err());
        assert_eq!(
            next.await,
            Ok(1),
            "the message behind it is handled with fresh state"
        );
        let failures = failures.lock().unwrap();
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].panic, "no more than 99");
        assert!(!failures[0].fatal);
    }

    #[actix::test]
    async fn too_many_panics_in_a_short_time_are_the_end() {
        let (counter, failures) = guarded();
        for _ in 0..6 {
            assert!(counter.send(Add(100)).await.is_err());
        }
        assert!(counter.send(Add(1)).await.is_err());
        let fatal: Vec<_> = failures
            .lock()
            .unwrap()
            .iter()
            .map(|failure| failure.fatal)
            .collect();
        assert_eq!(fatal, [false, false, false, false, false, true]);
    }
}
