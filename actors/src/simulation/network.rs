//! The network: who listens where, who reaches whom, and how long it takes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::stream::Stream;
use super::traffic::Link;

/// 1 s, 2 s, 4 s ...: an unanswered SYN is sent again, as Linux does.
const FIRST_SYN: Duration = Duration::from_secs(1);

/// How the lines are.
#[derive(Copy, Clone, Debug)]
pub struct Conditions {
    /// One way.
    pub latency: Duration,
    /// As much more at most, by chance.
    pub jitter: Duration,
    /// Bytes per second of each connection in each direction.
    pub bandwidth: u64,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            latency: Duration::from_micros(500),
            jitter: Duration::from_micros(200),
            bandwidth: 100_000_000,
        }
    }
}

/// A network. Clones share.
#[derive(Clone)]
pub struct Network(Arc<Mutex<State>>);

struct State {
    rng: fastrand::Rng,
    conditions: Conditions,
    /// What leaves the first does not reach the second.
    blocked: BTreeSet<(IpAddr, IpAddr)>,
    /// Hosts that answer nothing: they are off, or never were.
    absent: BTreeSet<IpAddr>,
    /// Hosts that refuse connections.
    refusing: BTreeSet<IpAddr>,
    doors: BTreeMap<SocketAddr, Weak<Mutex<Queue>>>,
    links: Vec<Weak<Mutex<Link>>>,
    next_port: u16,
    /// How many connections were ever made.
    made: u64,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Stream, SocketAddr)>,
    acceptor: Option<Waker>,
}

/// A listening socket. Clones share; it is closed when the last is gone.
#[derive(Clone)]
pub struct Door(Arc<Mutex<Queue>>);

impl Network {
    /// A good one, whose chances come from that seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            rng: fastrand::Rng::with_seed(seed),
            conditions: Conditions::default(),
            blocked: BTreeSet::new(),
            absent: BTreeSet::new(),
            refusing: BTreeSet::new(),
            doors: BTreeMap::new(),
            links: Vec::new(),
            next_port: 40_000,
            made: 0,
        })))
    }

    /// Lines are like that from now on.
    pub fn set_conditions(&self, conditions: Conditions) {
        self.state().conditions = conditions;
    }

    /// Nothing that leaves the first reaches the second, or it does again: then what was sent meanwhile
    /// arrives.
    pub fn block(&self, from: IpAddr, to: IpAddr, blocked: bool) {
        let mut state = self.state();
        match blocked {
            true => state.blocked.insert((from, to)),
            false => state.blocked.remove(&(from, to)),
        };
        drop(state);
        self.wake_all();
    }

    /// All reach all.
    pub fn heal(&self) {
        let mut state = self.state();
        state.blocked.clear();
        state.refusing.clear();
        drop(state);
        self.wake_all();
    }

    /// The host refuses connections, or takes them again.
    pub fn refuse(&self, host: IpAddr, refuses: bool) {
        let mut state = self.state();
        match refuses {
            true => state.refusing.insert(host),
            false => state.refusing.remove(&host),
        };
    }

    /// The host is off and its peers are told nothing, or it is there.
    pub fn set_absent(&self, host: IpAddr, absent: bool) {
        let mut state = self.state();
        match absent {
            true => state.absent.insert(host),
            false => state.absent.remove(&host),
        };
    }

    /// Listens. Whoever listened there before does no longer.
    #[must_use]
    pub fn listen(&self, at: SocketAddr) -> Door {
        let queue = Arc::default();
        self.state().doors.insert(at, Arc::downgrade(&queue));
        Door(queue)
    }

    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there, or nobody answers in time.
    pub async fn connect(
        &self,
        from: IpAddr,
        to: SocketAddr,
        patience: Duration,
    ) -> io::Result<Stream> {
        let connected = timeout(patience, async {
            let mut pause = FIRST_SYN;
            while !self.answers(from, to.ip()) {
                sleep(pause).await;
                pause *= 2;
            }
            let there_and_back = self.delay() + self.delay();
            sleep(there_and_back).await;
            self.meet(from, to)
        });
        connected
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    fn answers(&self, from: IpAddr, to: IpAddr) -> bool {
        !self.is_absent(to) && !self.is_blocked(from, to) && !self.is_blocked(to, from)
    }

    fn meet(&self, from: IpAddr, to: SocketAddr) -> io::Result<Stream> {
        let mut state = self.state();
        let door = state.doors.get(&to).and_then(Weak::upgrade);
        let door = door.filter(|_| !state.refusing.contains(&to.ip()));
        let Some(door) = door else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        state.next_port = state.next_port.checked_add(1).unwrap_or(40_000);
        state.made += 1;
        let local = SocketAddr::new(from, state.next_port);
        let link = Arc::new(Mutex::new(Link::new([local, to])));
        state.links.retain(|link| link.strong_count() > 0);
        state.links.push(Arc::downgrade(&link));
        drop(state);
        let ours = Stream::new(self.clone(), Arc::clone(&link), 0);
        let theirs = Stream::new(self.clone(), link, 1);
        let mut queue = lock(&door);
        queue.waiting.push_back((theirs, local));
        let acceptor = queue.acceptor.take();
        drop(queue);
        if let Some(acceptor) = acceptor {
            acceptor.wake();
        }
        Ok(ours)
    }

    /// Connections that have an open end at that host.
    #[must_use]
    pub fn open_at(&self, host: IpAddr) -> usize {
        let links = self.links();
        links
            .iter()
            .filter(|link| lock(link).is_open_at(host))
            .count()
    }

    /// All connections with two open ends: who made them, and with whom.
    #[must_use]
    pub fn connections(&self) -> Vec<(SocketAddr, SocketAddr)> {
        let links = self.links();
        let whole = links.iter().filter_map(|link| lock(link).whole());
        whole.collect()
    }

    /// How many connections were ever made.
    #[must_use]
    pub fn made(&self) -> u64 {
        self.state().made
    }

    /// The connection with that number in [`Self::connections`] breaks when so many more bytes have
    /// gone through it, in the direction of its maker or of the other.
    pub fn cut(&self, number: usize, outward: bool, after: u64) {
        let links = self.links();
        let mut whole = links.iter().filter(|link| lock(link).whole().is_some());
        if let Some(link) = whole.nth(number) {
            lock(link).cut(usize::from(!outward), after);
        }
    }

    pub(super) fn is_blocked(&self, from: IpAddr, to: IpAddr) -> bool {
        self.state().blocked.contains(&(from, to))
    }

    pub(super) fn is_absent(&self, host: IpAddr) -> bool {
        self.state().absent.contains(&host)
    }

    /// How long something takes from one host to the next.
    pub(super) fn delay(&self) -> Duration {
        let mut state = self.state();
        let jitter = u64::try_from(state.conditions.jitter.as_micros()).unwrap_or(u64::MAX);
        let jitter = state.rng.u64(..=jitter);
        state.conditions.latency + Duration::from_micros(jitter)
    }

    /// How long so many bytes take to leave.
    pub(super) fn leaving(&self, bytes: usize) -> Duration {
        let per_second = self.state().conditions.bandwidth.max(1);
        Duration::from_secs_f64(bytes as f64 / per_second as f64)
    }

    fn links(&self) -> Vec<Arc<Mutex<Link>>> {
        self.state()
            .links
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    fn wake_all(&self) {
        for link in self.links() {
            lock(&link).wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl Door {
    /// The next connection, and who made it.
    pub(crate) async fn accept(&self) -> (Stream, SocketAddr) {
        std::future::poll_fn(|task| self.poll_accept(task)).await
    }

    fn poll_accept(&self, task: &Context<'_>) -> Poll<(Stream, SocketAddr)> {
        let mut queue = lock(&self.0);
        match queue.waiting.pop_front() {
            Some(accepted) => Poll::Ready(accepted),
            None => {
                queue.acceptor = Some(task.waker().clone());
                Poll::Pending
            }
        }
    }
}

pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // One thread: it is only poisoned when a test has failed already.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The present of the simulation.
pub(super) fn now() -> Instant {
    Instant::now()
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network(..)")
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door(..)")
    }
}
