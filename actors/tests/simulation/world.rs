//! One thread, one paused clock: runs the tasks of all nodes and the schedule that befalls them.

use std::cell::{Cell, RefCell};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Once;
use std::task::{Context, Poll};
use std::time::Duration;

use swarmlet_actors::guard::quiet_panics;
use swarmlet_actors::simulation::{Network, enter};
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tokio::time::Instant;

/// 200,000 turns of the world at one point of time: it does not get on.
const BUSY: u64 = 200_000;

thread_local! {
    /// Panics of this thread that no guard of an actor has caught.
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

/// Panics of jobs and tasks that nobody ordered, since this was last asked.
pub fn unexpected_panics() -> Option<String> {
    let panics = PANICS.take();
    (panics > 0).then(|| format!("{panics} panics outside of guarded actors"))
}

/// Panics that are ordered are not told, all others are told and counted.
fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.set(PANICS.get() + 1);
            others(panic);
        }));
        quiet_panics();
    });
}

/// Everything that there is.
pub struct World {
    pub network: Network,
    /// The tasks of each node: gone when it is.
    tasks: RefCell<Vec<Option<Tasks>>>,
    begun: Instant,
    turns: Cell<u64>,
    /// When the last turn was, and how many there were at that time.
    last: Cell<(Instant, u64)>,
    again: Cell<bool>,
}

struct Tasks {
    set: LocalSet,
    frozen: bool,
    ended: bool,
}

/// Runs what the schedule says, in a world of its own.
pub fn run<F: Future>(seed: u64, schedule: impl FnOnce(Rc<World>) -> F) -> F::Output {
    watch_panics();
    PANICS.set(0);
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let network = Network::new(seed.wrapping_mul(3));
    let _entered = enter(seed.wrapping_mul(5), network.clone());
    runtime.block_on(async {
        let world = Rc::new(World {
            network,
            tasks: RefCell::default(),
            begun: Instant::now(),
            turns: Cell::new(0),
            last: Cell::new((Instant::now(), 0)),
            again: Cell::new(false),
        });
        let mut schedule = pin!(schedule(Rc::clone(&world)));
        let done = std::future::poll_fn(|task| {
            world.poll_nodes(task);
            let done = schedule.as_mut().poll(task);
            if world.again.take() {
                task.waker().wake_by_ref();
            }
            done
        })
        .await;
        // While there is still a clock.
        world.tasks.take().clear();
        done
    })
}

impl World {
    /// How long it has been running, by its own clock.
    pub fn time(&self) -> Duration {
        self.begun.elapsed()
    }

    /// How often it was woken.
    pub fn turns(&self) -> u64 {
        self.turns.get()
    }

    /// Gives a node a place for its tasks, and starts it there.
    pub fn start<T>(&self, node: usize, start: impl FnOnce() -> T) -> T {
        let set = LocalSet::new();
        let started = {
            let _here = set.enter();
            start()
        };
        let mut tasks = self.tasks.borrow_mut();
        while tasks.len() <= node {
            tasks.push(None);
        }
        tasks[node] = Some(Tasks {
            set,
            frozen: false,
            ended: false,
        });
        self.again.set(true);
        started
    }

    /// SIGKILL: all that is the node's goes at once.
    pub fn kill(&self, node: usize) {
        let gone = self.tasks.borrow_mut().get_mut(node).and_then(Option::take);
        drop(gone);
    }

    /// SIGSTOP, or SIGCONT.
    pub fn freeze(&self, node: usize, frozen: bool) {
        if let Some(Some(tasks)) = self.tasks.borrow_mut().get_mut(node) {
            tasks.frozen = frozen;
        }
        self.again.set(true);
    }

    pub fn is_frozen(&self, node: usize) -> bool {
        let tasks = self.tasks.borrow();
        matches!(tasks.get(node), Some(Some(tasks)) if tasks.frozen)
    }

    /// Has every task of the node ended?
    pub fn has_ended(&self, node: usize) -> bool {
        let tasks = self.tasks.borrow();
        !matches!(tasks.get(node), Some(Some(tasks)) if !tasks.ended)
    }

    fn poll_nodes(&self, task: &mut Context<'_>) {
        self.turns.set(self.turns.get() + 1);
        let now = Instant::now();
        let (last, turns) = self.last.get();
        let turns = if last == now { turns + 1 } else { 0 };
        self.last.set((now, turns));
        assert!(turns < BUSY, "a busy loop: time stands still");
        let mut tasks = self.tasks.borrow_mut();
        for tasks in tasks.iter_mut().flatten().filter(|tasks| !tasks.frozen) {
            let polled = Pin::new(&mut tasks.set).poll(task);
            tasks.ended = matches!(polled, Poll::Ready(()));
        }
    }
}
