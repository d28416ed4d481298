//! Supervision that survives panics.
//!
//! actix's own `Supervisor` restarts an actor that stopped and loses one that panicked: the unwind
//! ends the task, the address goes dead, and nobody is told. A guard wraps the same future,
//! catches the unwind, reports it, waits, and restarts the actor in place: its address and the
//! messages behind the fatal one stay valid. `Supervised::restarting` must put every field back to
//! a fresh value, since the struct is the one that panicked.
//!
//! A panic is contained, counted and reported once; too many in a short time end the attempts, and
//! the report says so.
//!
//! An actor may also be stuck: it waits for what will never be, and its mailbox fills up. It does not
//! know, so whoever finds out has its guard start it anew by a [`Lever`]. What held it up is dropped.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use actix::dev::ContextFut;
use actix::{Actor, Addr, AsyncContext, Context, Supervised};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep};

/// 10 min: the time over which restarts of a stuck actor are counted. It takes half a minute to find
/// each of them stuck.
const STUCK_WINDOW: Duration = Duration::from_secs(600);

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

/// What a guard tells of a panic, or of an actor that was stuck.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The actor's name.
    pub actor: &'static str,
    /// What was wrong with it.
    pub cause: Cause,
    /// Restarts within the window, this one included.
    pub restarts: usize,
    /// The actor will not come back.
    pub fatal: bool,
}

/// What is wrong with an actor that has to start anew.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// It panicked, with this text.
    Panic(String),
    /// It has not answered for so long.
    Stuck(Duration),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(panic) => write!(f, "panicked: {panic}"),
            Self::Stuck(silent) => write!(f, "did not answer for {:.0} s", silent.as_secs_f64()),
        }
    }
}

/// Has a guard start its actor anew that did not panic. Works from every thread; pulled while the
/// actor is starting anew, or gone, it does nothing.
#[derive(Clone, Debug)]
pub struct Lever(mpsc::Sender<Duration>);

impl Lever {
    /// The actor is stuck: it has not answered for so long.
    pub fn pull(&self, silent: Duration) {
        // Pulled already, or the guard is gone.
        let _ = self.0.try_send(silent);
    }
}

/// An actor that runs under guard.
#[derive(Debug)]
pub struct Guarded {
    /// Ends it without a word.
    pub task: AbortHandle,
    /// Starts it anew.
    pub lever: Lever,
}

/// Starts an actor under guard on the present arbiter; its address, and its lever.
pub fn start<A, F>(name: &'static str, policy: Policy, actor: A, report: F) -> (Addr<A>, Lever)
where
    A: Actor<Context = Context<A>> + Supervised,
    F: Fn(Failure) + 'static,
{
    let context = Context::new();
    let address = context.address();
    let guarded = run(name, policy, context, actor, report);
    (address, guarded.lever)
}

/// Runs an actor under guard in a context that exists already: its address may have been given
/// to others first.
pub fn run<A, F>(
    name: &'static str,
    policy: Policy,
    context: Context<A>,
    actor: A,
    report: F,
) -> Guarded
where
    A: Actor<Context = Context<A>> + Supervised,
    F: Fn(Failure) + 'static,
{
    let (lever, pulled) = mpsc::channel(1);
    let guard = Guard {
        name,
        policy,
        report: Box::new(report),
        inner: Some(Box::new(context.into_future(actor))),
        pulled,
        pause: None,
        panics: VecDeque::new(),
        stuck: VecDeque::new(),
    };
    Guarded {
        task: actix_rt::spawn(guard).abort_handle(),
        lever: Lever(lever),
    }
}

struct Guard<A>
where
    A: Actor<Context = Context<A>> + Supervised,
{
    name: &'static str,
    policy: Policy,
    report: Box<dyn Fn(Failure)>,
    inner: Option<Box<ContextFut<A, Context<A>>>>,
    pulled: mpsc::Receiver<Duration>,
    pause: Option<Pin<Box<Sleep>>>,
    /// When it started anew of late, for either cause.
    panics: VecDeque<Instant>,
    stuck: VecDeque<Instant>,
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
                        self.failed(Cause::Panic(panic_text(panic.as_ref())));
                        continue;
                    }
                }
                // Whoever pulled meanwhile meant the actor as it was.
                let _ = self.pulled.try_recv();
            }
            if self.inner.is_some()
                && let Poll::Ready(Some(silent)) = self.pulled.poll_recv(task)
            {
                self.failed(Cause::Stuck(silent));
                continue;
            }
            let Some(inner) = &mut self.inner else {
                return Poll::Ready(());
            };
            match guarded(|| Pin::new(inner.as_mut()).poll(task)) {
                Ok(poll) => return poll,
                Err(panic) => self.failed(Cause::Panic(panic_text(panic.as_ref()))),
            }
        }
    }
}

impl<A> Guard<A>
where
    A: Actor<Context = Context<A>> + Supervised,
{
    fn failed(&mut self, cause: Cause) {
        let now = Instant::now();
        let (restarts, window) = match cause {
            Cause::Panic(_) => (&mut self.panics, self.policy.window),
            Cause::Stuck(_) => (&mut self.stuck, STUCK_WINDOW),
        };
        while restarts.front().is_some_and(|&at| now - at > window) {
            restarts.pop_front();
        }
        let fatal = restarts.len() >= self.policy.restarts;
        let backoff = self.policy.backoff * 2_u32.saturating_pow(restarts.len() as u32);
        restarts.push_back(now);
        let restarts = restarts.len();
        if fatal {
            // Dropping the actor runs its `stopped`, which may panic too: not our problem any more.
            let inner = self.inner.take();
            let _ = catch_unwind(AssertUnwindSafe(|| drop(inner)));
        } else {
            self.pause = Some(Box::pin(sleep(backoff)));
        }
        (self.report)(Failure {
            actor: self.name,
            cause,
            restarts,
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

    use actix::{Handler, Message, WrapFuture};

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
        let (counter, _) = start("counter", Policy::SINGLETON, Counter::default(), report);
        (counter, failures)
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
        assert_eq!(
            failures[0].cause,
            Cause::Panic("no more than 99".to_owned())
        );
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

    /// Waits for what will never be, with the mailbox closed.
    #[derive(Message)]
    #[rtype(result = "()")]
    struct Stick;

    impl Handler<Stick> for Counter {
        type Result = ();

        fn handle(&mut self, _: Stick, context: &mut Context<Self>) {
            context.wait(std::future::pending::<()>().into_actor(self));
        }
    }

    #[actix::test]
    async fn a_stuck_actor_starts_anew_when_the_lever_is_pulled_and_loses_no_message() {
        let failures = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&failures);
        let report = move |failure: Failure| seen.lock().unwrap().push(failure);
        let (counter, lever) = start("counter", Policy::SINGLETON, Counter::default(), report);
        assert_eq!(counter.send(Add(5)).await, Ok(5));
        counter.do_send(Stick);
        let behind = counter.send(Add(1));
        tokio::task::yield_now().await;
        assert!(failures.lock().unwrap().is_empty());
        let silent = Duration::from_secs(30);
        lever.pull(silent);
        lever.pull(silent);
        assert_eq!(behind.await, Ok(1), "it is handled with fresh state");
        let expected = Failure {
            actor: "counter",
            cause: Cause::Stuck(silent),
            restarts: 1,
            fatal: false,
        };
        assert_eq!(*failures.lock().unwrap(), [expected]);
    }

    #[actix::test]
    async fn an_actor_that_is_stuck_too_often_is_given_up_and_its_senders_hear_of_it() {
        let failures = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&failures);
        let report = move |failure: Failure| seen.lock().unwrap().push(failure.fatal);
        let (counter, lever) = start("counter", Policy::SINGLETON, Counter::default(), report);
        for time in 0..6 {
            counter.do_send(Stick);
            let behind = counter.send(Add(1));
            tokio::task::yield_now().await;
            lever.pull(Duration::from_secs(30));
            assert_eq!(behind.await.is_ok(), time < 5);
        }
        let fatal = failures.lock().unwrap().clone();
        assert_eq!(fatal, [false, false, false, false, false, true]);
        // A lever of nobody.
        lever.pull(Duration::from_secs(30));
    }
}
