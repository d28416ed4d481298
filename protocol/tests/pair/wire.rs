//! Two hosts and the wire between them, in virtual time.

use std::collections::VecDeque;
use std::time::Duration;

use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::session::Role;
use swarmlet_protocol::time::Timestamp;

use crate::host::{Host, RENDEZVOUS};

/// How the wire behaves.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Wire {
    /// Bytes per second in each direction.
    pub(crate) rate: u64,
    /// From one end to the other.
    pub(crate) latency: Duration,
    /// Up to so much is added to it, anew for each chunk.
    pub(crate) jitter: Duration,
    /// Chunks have 1 to so many bytes.
    pub(crate) chunk: usize,
    /// The wire breaks after up to twice so many bytes.
    pub(crate) life: Option<u64>,
    /// One chunk in so many gets a byte that was not sent.
    pub(crate) corrupt: Option<u32>,
    /// A host forgets all but its content with each second break.
    pub(crate) restarts: bool,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            rate: 20_000_000,
            latency: Duration::from_millis(2),
            jitter: Duration::ZERO,
            chunk: 64 * 1024,
            life: None,
            corrupt: None,
            restarts: false,
        }
    }
}

#[derive(Default)]
struct Pipe {
    chunks: VecDeque<(Timestamp, Vec<u8>)>,
    free_at: Timestamp,
    last: Timestamp,
}

pub(crate) struct Pair {
    pub(crate) hosts: [Host; 2],
    pub(crate) now: Timestamp,
    pub(crate) breaks: u32,
    pub(crate) carried: u64,
    wire: Wire,
    pipes: [Pipe; 2],
    links: u64,
    left: u64,
    looked: bool,
    rng: fastrand::Rng,
}

impl Pair {
    /// The first host dials.
    pub(crate) fn new(hosts: [Host; 2], wire: Wire, seed: u64) -> Self {
        let mut pair = Self {
            hosts,
            now: Timestamp::from_millis(1),
            breaks: 0,
            carried: 0,
            wire,
            pipes: Default::default(),
            links: 0,
            left: 0,
            looked: false,
            rng: fastrand::Rng::with_seed(seed),
        };
        pair.connect();
        pair
    }

    fn connect(&mut self) {
        self.links += 1;
        self.pipes = Default::default();
        let life = self.wire.life;
        self.left = life.map_or(u64::MAX, |life| self.rng.u64(..2 * life));
        let info_hash = self.hosts[0].swarm.unwrap_or(RENDEZVOUS);
        let (link, now) = (LinkId(self.links), self.now);
        self.hosts[0].connect(Role::Dialed { info_hash }, link, now);
        self.hosts[1].connect(Role::Accepted, link, now);
    }

    /// The link is gone, with all that was on it; another comes.
    pub(crate) fn reconnect(&mut self) {
        self.breaks += 1;
        let now = self.now;
        self.hosts.iter_mut().for_each(|host| host.disconnect(now));
        if self.wire.restarts {
            self.hosts[self.breaks as usize % 2].restart();
        }
        self.now = self.now + Duration::from_millis(30);
        self.connect();
    }

    /// Moves what can be moved now; says whether the link must be made anew.
    fn transfer(&mut self) -> bool {
        for from in 0..2 {
            let pipe = &mut self.pipes[from];
            while pipe.free_at <= self.now {
                let most = self.rng.usize(1..=self.wire.chunk);
                let most = most.min(usize::try_from(self.left).unwrap_or(usize::MAX));
                let mut bytes = self.hosts[from].take(most, self.now);
                if self.left == 0 {
                    return true;
                }
                if bytes.is_empty() {
                    break;
                }
                let count = bytes.len() as u64;
                self.left -= count;
                self.carried += count;
                if self
                    .wire
                    .corrupt
                    .is_some_and(|odds| self.rng.u32(..odds) == 0)
                {
                    let at = self.rng.usize(..bytes.len());
                    bytes[at] ^= self.rng.u8(1..);
                }
                let micros = (count * 1_000_000 / self.wire.rate).max(1);
                pipe.free_at = self.now + Duration::from_micros(micros);
                let jitter = self.wire.jitter.mul_f64(self.rng.f64());
                pipe.last = pipe.last.max(pipe.free_at + self.wire.latency + jitter);
                pipe.chunks.push_back((pipe.last, bytes));
            }
            let to = &mut self.hosts[1 - from];
            while to
                .session
                .as_ref()
                .is_some_and(|session| session.wants_bytes())
                && pipe.chunks.front().is_some_and(|&(due, _)| due <= self.now)
            {
                if let Some((_, bytes)) = pipe.chunks.pop_front() {
                    to.receive(&bytes, self.now);
                }
            }
        }
        self.hosts.iter().any(|host| host.closed.is_some())
    }

    /// From now on the wire carries everything as it was sent, over a new link.
    pub(crate) fn calm(&mut self) {
        self.wire = Wire::default();
        self.reconnect();
    }

    /// Goes on for that long.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let limit = self.now + time;
        while self.now < limit {
            self.step();
        }
    }

    /// Goes on until `end` is true and the wire is silent, or for that long.
    pub(crate) fn run(&mut self, limit: Duration, end: impl Fn(&[Host; 2]) -> bool) {
        let limit = self.now + limit;
        while self.now < limit {
            let silent = self.step();
            if silent && end(&self.hosts) {
                return;
            }
        }
        let have = self.hosts.each_ref().map(|host| host.content.len());
        panic!(
            "not over after {:?}; the hosts have {have:?} pieces",
            self.now
        );
    }

    /// Does all that is due, and goes on to the next moment. Says whether that lies far ahead;
    /// then time stands still once, for the caller to look.
    fn step(&mut self) -> bool {
        let now = self.now;
        self.hosts.iter_mut().for_each(|host| host.wake(now));
        if self.transfer() {
            self.reconnect();
            return false;
        }
        let mut next = Timestamp::NEVER;
        for from in 0..2 {
            let pipe = &self.pipes[from];
            next = next.min(self.hosts[from].next_timeout());
            if let Some(&(due, _)) = pipe.chunks.front() {
                next = next.min(due);
            }
            let host = &mut self.hosts[from];
            if host
                .session
                .as_mut()
                .is_some_and(|session| !session.outbox().is_empty())
            {
                next = next.min(pipe.free_at);
            }
        }
        let silent = next.since(now) > Duration::from_secs(5);
        if !silent || std::mem::take(&mut self.looked) {
            self.now = next.max(now + Duration::from_micros(1));
            return false;
        }
        self.looked = true;
        true
    }

    /// Nothing is on its way, owed, held or timed, but for keep-alives.
    pub(crate) fn assert_settled(&mut self) {
        for (host, pipe) in self.hosts.iter_mut().zip(&self.pipes) {
            assert!(pipe.chunks.is_empty());
            let session = host.session.as_mut().expect("a link");
            assert_eq!(session.unsettled(), (0, 0, 0), "host {}", host.name);
            assert!(session.outbox().is_empty());
            let idle = session.next_timeout().since(self.now);
            assert!(idle > Duration::from_secs(60), "a timer in {idle:?}");
            if let Some(picker) = &host.picker {
                assert_eq!((picker.leased(), picker.in_flight_bytes()), (0, 0));
                assert_eq!(picker.next_timeout(), None);
            }
        }
    }
}
