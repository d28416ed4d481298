//! Who is started, restarted and killed when.
//!
//! Only says so: a [`Churn`] is asked again and again and answers with orders. It knows no
//! process and no clock, so its rules are tests of their own.

use std::time::Duration;

/// Every so often, `Random` restarts all nodes at once.
const ALL_EVERY: Duration = Duration::from_secs(10);

/// In a storm a node lives this long, in milliseconds.
const STORM_LIFE: std::ops::Range<u64> = 300..1000;

/// In a storm a node stays away this long, in milliseconds.
const STORM_ABSENCE: std::ops::Range<u64> = 0..1000;

/// What becomes of a node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Start it; it does not run.
    Start(usize),
    /// Stop it as an operator would, if it runs, and start it.
    Restart(usize),
    /// Kill it at once.
    Kill(usize),
}

/// A way of not leaving nodes alone.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// All are started and stay.
    Calm,
    /// Nothing is started at first; every interval a node is restarted that was not within it,
    /// and every ten seconds all are.
    Random(Duration),
    /// A random half is restarted and runs for this long, then every node is killed; again and
    /// again.
    Epochs(Duration),
    /// No node lives longer than a second, and none is like another.
    Storm,
}

impl Way {
    /// How it is called in names and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Random(_) => "random",
            Self::Epochs(_) => "epochs",
            Self::Storm => "storm",
        }
    }
}

/// A way at work on a fleet.
#[derive(Debug)]
pub struct Churn {
    way: Way,
    rng: fastrand::Rng,
    count: usize,
    next: Duration,
    next_all: Duration,
    is_epoch_running: bool,
    last: Option<usize>,
    /// For each node of a storm: whether it lives, and until when that is so.
    storm: Vec<(bool, Duration)>,
}

impl Churn {
    /// A way for a fleet of `count` nodes.
    pub fn new(way: Way, count: usize, rng: &mut fastrand::Rng) -> Self {
        let mut rng = fastrand::Rng::with_seed(rng.u64(..));
        let storm = (0..count).map(|_| (false, absence(&mut rng))).collect();
        Self {
            way,
            rng,
            count,
            next: Duration::ZERO,
            next_all: ALL_EVERY,
            is_epoch_running: false,
            last: None,
            storm,
        }
    }

    /// What is to be done, `now` after the beginning. `now` must not go back.
    pub fn orders(&mut self, now: Duration) -> Vec<Order> {
        match self.way {
            Way::Storm => self.storm(now),
            _ if now < self.next => Vec::new(),
            Way::Calm => {
                self.next = Duration::MAX;
                (0..self.count).map(Order::Start).collect()
            }
            Way::Random(interval) => self.random(now, interval),
            Way::Epochs(life) => self.epochs(now, life),
        }
    }

    fn random(&mut self, now: Duration, interval: Duration) -> Vec<Order> {
        self.next = now + interval;
        if now >= self.next_all {
            self.next_all += ALL_EVERY;
            self.last = None;
            return (0..self.count).map(Order::Restart).collect();
        }
        // One is restarted per interval, so the last is the only one who was within it.
        let mut node = self.rng.usize(..self.count);
        while self.last == Some(node) && self.count > 1 {
            node = self.rng.usize(..self.count);
        }
        self.last = Some(node);
        vec![Order::Restart(node)]
    }

    fn epochs(&mut self, now: Duration, life: Duration) -> Vec<Order> {
        self.is_epoch_running = !self.is_epoch_running;
        if !self.is_epoch_running {
            self.next = now;
            return (0..self.count).map(Order::Kill).collect();
        }
        self.next = now + life;
        self.half().into_iter().map(Order::Restart).collect()
    }

    /// A random half, or the greater part of an odd number.
    pub fn half(&mut self) -> Vec<usize> {
        let mut nodes: Vec<usize> = (0..self.count).collect();
        self.rng.shuffle(&mut nodes);
        nodes.truncate(self.count.div_ceil(2));
        nodes
    }

    fn storm(&mut self, now: Duration) -> Vec<Order> {
        let mut orders = Vec::new();
        for (node, (lives, until)) in self.storm.iter_mut().enumerate() {
            if now < *until {
                continue;
            }
            *lives = !*lives;
            if *lives {
                *until = now + Duration::from_millis(self.rng.u64(STORM_LIFE));
                orders.push(Order::Start(node));
            } else {
                *until = now + absence(&mut self.rng);
                orders.push(Order::Kill(node));
            }
        }
        orders
    }
}

fn absence(rng: &mut fastrand::Rng) -> Duration {
    Duration::from_millis(rng.u64(STORM_ABSENCE))
}
