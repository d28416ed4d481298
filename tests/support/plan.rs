//! The scenarios: who has which bytes at first, and who knows what.
//!
//! Only lays out; starts nothing and waits for nothing. Everything by chance comes from the
//! generator that is passed in, so that a seed gives the same plan again.

use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::content::Content;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The sizes of the files of the scenarios in which every part has one source, in bytes.
pub const FULL_SIZES: RangeInclusive<usize> = MIB..=17 * MIB;

/// All bytes of a simple-extra fleet with `n` nodes together: each has this over `n + 1`.
pub const FULL_TOTAL: usize = 1024 * MIB;

const SHORT_LIMIT: Duration = Duration::from_secs(30);
const EXTRA_LIMIT: Duration = Duration::from_secs(60);
const RESTARTS_LIMIT: Duration = Duration::from_secs(120);

/// A fleet before it starts.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name of the scenario and the number of nodes.
    pub name: String,
    /// What every node shall have in the end.
    pub content: Content,
    /// What each node has and knows at first.
    pub nodes: Vec<NodePlan>,
    /// Whether nodes look for each other by a sweep of their /24.
    pub sweep: bool,
    /// The time in which the scenario says that all must be done.
    pub limit: Duration,
}

/// One node before it starts.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// What is in its data file.
    pub initial: Initial,
    /// Whether its torrent.conf has the `FileInfo`.
    pub knows_file: bool,
    /// The numbers of the nodes in its `Peers`; it may be among them itself.
    pub peers: Vec<usize>,
}

/// What is in a data file at first.
#[derive(Clone, Debug)]
pub enum Initial {
    /// There is no file.
    Missing,
    /// There is a file of no bytes.
    Empty,
    /// All of the content.
    Whole,
    /// Random bytes, as many as this.
    Rubbish { length: usize, seed: u64 },
    /// The right size; the parts that are marked are right, the others random.
    Scattered { right: Vec<bool>, seed: u64 },
}

impl Initial {
    /// The bytes of the file, or `None` if there is none.
    pub fn bytes(&self, content: &Content) -> Option<Vec<u8>> {
        match self {
            Self::Missing => None,
            Self::Empty => Some(Vec::new()),
            Self::Whole => Some(content.bytes().to_vec()),
            Self::Rubbish { length, seed } => Some(rubbish(*length, *seed)),
            Self::Scattered { right, seed } => {
                let mut bytes = rubbish(content.size(), *seed);
                let parts = bytes.chunks_mut(content.part_size()).zip(content.parts());
                for ((here, part), _) in parts.zip(right).filter(|(_, right)| **right) {
                    here.copy_from_slice(part);
                }
                Some(bytes)
            }
        }
    }

    /// Writes the file, if there is to be one.
    pub fn write(&self, content: &Content, path: &Path) -> io::Result<()> {
        match self.bytes(content) {
            Some(bytes) => fs::write(path, bytes),
            None => Ok(()),
        }
    }
}

fn rubbish(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    bytes
}

/// Two nodes and a small file: one has it, the other an empty file.
pub fn simple_docker_compose(rng: &mut fastrand::Rng) -> Plan {
    let content = Content::random(rng, 2 * KIB, 256);
    let initials = vec![Initial::Whole, Initial::Empty];
    everybody_knows(rng, "simple-docker-compose", content, initials, SHORT_LIMIT)
}

/// Exactly one node has all, the others nothing; a small file of tiny parts.
pub fn simple_random(rng: &mut fastrand::Rng, count: usize) -> Plan {
    let (size, part_size) = (rng.usize(KIB..=MIB), rng.usize(128..=4 * KIB));
    let content = Content::random(rng, size, part_size);
    let holder = rng.usize(..count);
    let initials = (0..count)
        .map(|node| match node == holder {
            true => Initial::Whole,
            false if rng.bool() => Initial::Empty,
            false => Initial::Missing,
        })
        .collect();
    everybody_knows(
        rng,
        &format!("simple-random {count}"),
        content,
        initials,
        SHORT_LIMIT,
    )
}

/// Seven nodes that shall have a file of no bytes, and mostly have some.
pub fn simple_extra_empty(rng: &mut fastrand::Rng) -> Plan {
    let content = Content::random(rng, 0, 1);
    extra(
        rng,
        "simple-extra 7 (no bytes)".into(),
        7,
        content,
        64 * KIB,
    )
}

/// One holder in eight has all, the others rubbish of any length; `total` bytes in the fleet.
pub fn simple_extra(rng: &mut fastrand::Rng, count: usize, total: usize) -> Plan {
    let size = total / (count + 1);
    let content = Content::random(rng, size, 64 * KIB);
    extra(
        rng,
        format!("simple-extra {count}"),
        count,
        content,
        size + size / 2,
    )
}

/// Holders know all peers, of the others a random half knows none.
fn extra(
    rng: &mut fastrand::Rng,
    name: String,
    count: usize,
    content: Content,
    longest_rubbish: usize,
) -> Plan {
    let order = shuffled(rng, count);
    let holders = (count / 8).max(1);
    let listless = holders + (count - holders) / 2;
    let mut nodes: Vec<Option<NodePlan>> = vec![None; count];
    for (rank, node) in order.into_iter().enumerate() {
        let initial = match rank < holders {
            true => Initial::Whole,
            false => Initial::Rubbish {
                length: rng.usize(..=longest_rubbish),
                seed: rng.u64(..),
            },
        };
        let knows_peers = rank < holders || rank >= listless;
        let peers = if knows_peers {
            shuffled(rng, count)
        } else {
            Vec::new()
        };
        nodes[node] = Some(NodePlan {
            initial,
            knows_file: true,
            peers,
        });
    }
    let nodes = nodes.into_iter().flatten().collect();
    Plan {
        name,
        content,
        nodes,
        sweep: false,
        limit: EXTRA_LIMIT,
    }
}

/// The first node has all, the others nothing.
pub fn one_seed(rng: &mut fastrand::Rng, count: usize, size: usize, part_size: usize) -> Plan {
    let content = Content::random(rng, size, part_size);
    let initials = (0..count)
        .map(|node| match node {
            0 => Initial::Whole,
            _ => Initial::Missing,
        })
        .collect();
    let name = format!("one-seed {count} (parts of {part_size} bytes)");
    everybody_knows(rng, &name, content, initials, EXTRA_LIMIT)
}

/// Each part is right on exactly one node; all know all.
pub fn many_source(rng: &mut fastrand::Rng, count: usize, sizes: RangeInclusive<usize>) -> Plan {
    let (content, initials) = scattered(rng, count, sizes);
    everybody_knows(
        rng,
        &format!("many-source {count}"),
        content,
        initials,
        SHORT_LIMIT,
    )
}

/// As [`many_source`], for nodes that are restarted all the time.
pub fn restarts(rng: &mut fastrand::Rng, count: usize, sizes: RangeInclusive<usize>) -> Plan {
    let (content, initials) = scattered(rng, count, sizes);
    everybody_knows(
        rng,
        &format!("restarts {count}"),
        content,
        initials,
        RESTARTS_LIMIT,
    )
}

/// As [`restarts`], but one node only knows the file, and each knows one node before it, in an
/// order by chance: a random tree.
pub fn restarts_discovery(
    rng: &mut fastrand::Rng,
    count: usize,
    sizes: RangeInclusive<usize>,
) -> Plan {
    let mut plan = restarts(rng, count, sizes);
    plan.name = format!("restarts-discovery {count}");
    forget_file(rng, &mut plan);
    let order = shuffled(rng, count);
    for (rank, &node) in order.iter().enumerate() {
        plan.nodes[node].peers = match rank {
            0 => Vec::new(),
            _ => vec![order[rng.usize(..rank)]],
        };
    }
    plan
}

/// As [`restarts`], but one node only knows the file, and none knows a peer.
pub fn self_discovery(rng: &mut fastrand::Rng, count: usize, sizes: RangeInclusive<usize>) -> Plan {
    let mut plan = restarts(rng, count, sizes);
    plan.name = format!("self-discovery {count}");
    plan.sweep = true;
    forget_file(rng, &mut plan);
    plan.nodes.iter_mut().for_each(|node| node.peers.clear());
    plan
}

/// Leaves the `FileInfo` to one node.
fn forget_file(rng: &mut fastrand::Rng, plan: &mut Plan) {
    let knower = rng.usize(..plan.nodes.len());
    for (number, node) in plan.nodes.iter_mut().enumerate() {
        node.knows_file = number == knower;
    }
}

fn scattered(
    rng: &mut fastrand::Rng,
    count: usize,
    sizes: RangeInclusive<usize>,
) -> (Content, Vec<Initial>) {
    let (size, part_size) = (rng.usize(sizes), rng.usize(64 * KIB..=127 * KIB));
    let content = Content::random(rng, size, part_size);
    let parts = content.hashes().len();
    let holders: Vec<usize> = (0..parts).map(|_| rng.usize(..count)).collect();
    let initials = (0..count)
        .map(|node| {
            let right = holders.iter().map(|&holder| holder == node).collect();
            Initial::Scattered {
                right,
                seed: rng.u64(..),
            }
        })
        .collect();
    (content, initials)
}

fn everybody_knows(
    rng: &mut fastrand::Rng,
    name: &str,
    content: Content,
    initials: Vec<Initial>,
    limit: Duration,
) -> Plan {
    let count = initials.len();
    let nodes = initials
        .into_iter()
        .map(|initial| NodePlan {
            initial,
            knows_file: true,
            peers: shuffled(rng, count),
        })
        .collect();
    Plan {
        name: name.into(),
        content,
        nodes,
        sweep: false,
        limit,
    }
}

fn shuffled(rng: &mut fastrand::Rng, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    rng.shuffle(&mut order);
    order
}
