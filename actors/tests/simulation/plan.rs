//! A schedule, drawn from its seed: the fleet, its contents, and what befalls them when.

use std::time::Duration;

use swarmlet_actors::messages::ActorKind;
use swarmlet_actors::simulation::Conditions;
use swarmlet_protocol::encryption::Policy;

/// Everything that the seed decides before anything runs.
#[derive(Debug)]
pub struct Plan {
    pub nodes: Vec<NodePlan>,
    /// Size and piece length of each content.
    pub contents: Vec<(usize, usize)>,
    pub conditions: Conditions,
    pub max_links: usize,
    pub encryption: Policy,
    pub scrub: Duration,
    pub faults: Vec<(Duration, Fault)>,
}

#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Numbers of the nodes it is told of.
    pub peers: Vec<usize>,
    /// It is told what to keep; else it learns that.
    pub knows: bool,
    /// It has a state directory.
    pub state: bool,
    /// How many of 256 pieces it has at first.
    pub share: u16,
}

/// What befalls a fleet. Times are how long it lasts.
#[derive(Clone, Debug)]
pub enum Fault {
    Kill {
        node: usize,
        silently: bool,
        down: Duration,
    },
    Move {
        node: usize,
        silently: bool,
        down: Duration,
    },
    Stop {
        node: usize,
        down: Duration,
    },
    Crash {
        node: usize,
        kind: ActorKind,
    },
    Partition {
        nodes: usize,
        time: Duration,
    },
    OneWay {
        from: usize,
        to: usize,
        time: Duration,
    },
    Cut {
        link: usize,
        outward: bool,
        after: u64,
    },
    Freeze {
        node: usize,
        time: Duration,
    },
    Sleep {
        time: Duration,
    },
    Refuse {
        node: usize,
        time: Duration,
    },
    Lines(Conditions),
    Disk {
        node: usize,
        how: Sick,
        time: Duration,
    },
    Damage {
        node: usize,
        content: usize,
        how: Damage,
        seen: bool,
    },
    LoseState {
        node: usize,
        keep: u8,
    },
    Pause {
        node: usize,
        content: usize,
        time: Duration,
    },
    Recheck {
        node: usize,
        content: usize,
    },
}

/// How a disk fails for a while.
#[derive(Copy, Clone, Debug)]
pub enum Sick {
    Full,
    ReadOnly,
    ReadError,
    WriteError,
    Slow(Duration),
    NoDescriptors,
    Lies,
    ShortWrites,
}

/// What somebody does to a file.
#[derive(Copy, Clone, Debug)]
pub enum Damage {
    Rot,
    Truncate,
    Grow,
    Replace,
    Delete,
}

impl Fault {
    /// Its kind, for the figures.
    pub fn kind(&self) -> String {
        let kind = match self {
            Self::Kill {
                silently: false, ..
            } => "kill",
            Self::Kill { .. } => "host that goes without a word",
            Self::Move { .. } => "changed address",
            Self::Stop { .. } => "ordered stop",
            Self::Crash { kind, .. } => return format!("panic of {kind:?}"),
            Self::Partition { .. } => "partition",
            Self::OneWay { .. } => "one-way black hole",
            Self::Cut { .. } => "connection cut after some bytes",
            Self::Freeze { .. } => "node that stands still",
            Self::Sleep { .. } => "sleep of all, with a jump of the clock",
            Self::Refuse { .. } => "refused dials",
            Self::Lines(_) => "other lines",
            Self::Disk {
                how: Sick::Slow(_), ..
            } => "disk: Slow",
            Self::Disk { how, .. } => return format!("disk: {how:?}"),
            Self::Damage { how, seen, .. } => {
                let times = if *seen { "" } else { ", unseen by its times" };
                return match how {
                    Damage::Rot => format!("file: Rot{times}"),
                    how => format!("file: {how:?}"),
                };
            }
            Self::LoseState { .. } => "torn state file",
            Self::Pause { .. } => "pause by the operator",
            Self::Recheck { .. } => "recheck by the operator",
        };
        kind.to_owned()
    }
}

/// Draws the schedule of a seed.
pub fn draw(seed: u64) -> Plan {
    let rng = &mut fastrand::Rng::with_seed(seed);
    let count = rng.usize(2..=5);
    let contents: Vec<_> = match rng.u8(..8) {
        0 => (0..2).map(|_| size(rng)).collect(),
        _ => vec![size(rng)],
    };
    let mut nodes: Vec<_> = (0..count).map(|node| node_plan(node, count, rng)).collect();
    if contents.len() == 1 && rng.bool() {
        let newcomer = rng.usize(1..count);
        nodes[newcomer].knows = false;
        nodes[newcomer].share = 0;
    }
    let conditions = lines(rng);
    let last = rng.u64(1_500..10_000);
    let faults = rng.usize(3..=14);
    let mut faults: Vec<_> = (0..faults)
        .map(|_| {
            (
                Duration::from_millis(rng.u64(20..last)),
                fault(count, contents.len(), rng),
            )
        })
        .collect();
    faults.sort_by_key(|(at, _)| *at);
    Plan {
        nodes,
        contents,
        conditions,
        max_links: rng.usize(2..=8),
        encryption: match rng.u8(..24) {
            0 => Policy::Required,
            1 => Policy::Off,
            _ => Policy::Allowed,
        },
        scrub: Duration::from_secs(rng.u64(5..20)),
        faults,
    }
}

fn node_plan(node: usize, count: usize, rng: &mut fastrand::Rng) -> NodePlan {
    // All know the first, which never moves: so however they were scattered they can find each other.
    let mut peers: Vec<_> = (0..count)
        .filter(|&other| other != node && rng.bool())
        .collect();
    if node > 0 && !peers.contains(&0) {
        peers.push(0);
    }
    // Nor is there one that knows nobody: nodes that have all the links they may have do not dial it.
    if peers.is_empty() {
        peers.push(1);
    }
    NodePlan {
        peers,
        knows: true,
        state: rng.u8(..8) > 0,
        share: match (node, rng.u8(..4)) {
            (0, _) | (_, 0) => 256,
            (_, 1) => rng.u16(..256),
            _ => 0,
        },
    }
}

fn size(rng: &mut fastrand::Rng) -> (usize, usize) {
    match rng.u8(..40) {
        0 => (rng.usize(1..5), 16_384),
        1..=4 => (rng.usize(1..40_000), 1 << rng.u32(9..12)),
        // Too long for memory: by way of scratch files.
        5 => (rng.usize(4_300_000..9_500_000), 4_300_000),
        6..=11 => (rng.usize(300_000..900_000), 1 << rng.u32(15..18)),
        _ => (rng.usize(20_000..300_000), 1 << rng.u32(12..16)),
    }
}

fn lines(rng: &mut fastrand::Rng) -> Conditions {
    let latency = [200, 500, 2_000, 20_000, 80_000];
    let bandwidth = [200_000, 1_000_000, 10_000_000, 100_000_000];
    let latency = latency[rng.usize(..latency.len())];
    Conditions {
        latency: Duration::from_micros(latency),
        jitter: Duration::from_micros(rng.u64(..=latency)),
        bandwidth: bandwidth[rng.usize(..bandwidth.len())],
    }
}

const KINDS: [ActorKind; 8] = [
    ActorKind::Discovery,
    ActorKind::Listener,
    ActorKind::Scheduler,
    ActorKind::Session,
    ActorKind::Storage,
    ActorKind::Supervisor,
    ActorKind::Turns,
    ActorKind::Watchdog,
];

fn fault(nodes: usize, contents: usize, rng: &mut fastrand::Rng) -> Fault {
    let node = rng.usize(..nodes);
    let other = (node + rng.usize(1..nodes)) % nodes;
    let content = rng.usize(..contents);
    let time = Duration::from_millis(rng.u64(50..4_000));
    let down = Duration::from_millis(rng.u64(1..3_000));
    let silently = rng.u8(..3) == 0;
    match rng.u8(..40) {
        0..=6 => Fault::Kill {
            node,
            silently,
            down,
        },
        7 | 8 => Fault::Move {
            node,
            silently,
            down,
        },
        9 => Fault::Stop { node, down },
        10..=14 => Fault::Crash {
            node,
            kind: KINDS[rng.usize(..KINDS.len())],
        },
        15 | 16 => Fault::Partition {
            nodes: rng.usize(1..1 << nodes),
            time,
        },
        17 | 18 => Fault::OneWay {
            from: node,
            to: other,
            time,
        },
        19..=21 => Fault::Cut {
            link: rng.usize(..8),
            outward: rng.bool(),
            after: rng.u64(..100_000),
        },
        22 => Fault::Freeze {
            node,
            time: time * 3,
        },
        23 => Fault::Sleep { time: time * 4 },
        24 => Fault::Refuse { node, time },
        25 => Fault::Lines(lines(rng)),
        26..=32 => Fault::Disk {
            node,
            how: sick(rng),
            time,
        },
        33..=36 => Fault::Damage {
            node,
            content,
            how: damage(rng),
            seen: rng.bool(),
        },
        37 => Fault::LoseState {
            node,
            keep: rng.u8(..),
        },
        38 => Fault::Pause {
            node,
            content,
            time,
        },
        _ => Fault::Recheck { node, content },
    }
}

fn sick(rng: &mut fastrand::Rng) -> Sick {
    match rng.u8(..8) {
        0 => Sick::Full,
        1 => Sick::ReadOnly,
        2 => Sick::ReadError,
        3 => Sick::WriteError,
        4 => Sick::Slow(Duration::from_millis(rng.u64(1..200))),
        5 => Sick::NoDescriptors,
        6 => Sick::Lies,
        _ => Sick::ShortWrites,
    }
}

fn damage(rng: &mut fastrand::Rng) -> Damage {
    match rng.u8(..8) {
        0..=3 => Damage::Rot,
        4 => Damage::Truncate,
        5 => Damage::Grow,
        6 => Damage::Replace,
        _ => Damage::Delete,
    }
}
