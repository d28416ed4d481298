//! What came of a run.

use std::time::Duration;

use super::swarm::Swarm;
use super::traffic::Traffic;

/// Figures of a swarm at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How many nodes there are.
    pub nodes: u32,
    /// How many have everything.
    pub complete: u32,
    /// When half of the nodes that started incomplete were complete.
    pub p50: Option<Duration>,
    /// When 99 of 100 were.
    pub p99: Option<Duration>,
    /// When all were.
    pub last: Option<Duration>,
    /// No swarm can be faster: one copy must leave the first holders, each node must take one in,
    /// and all must send what all lack.
    pub bound: Duration,
    /// Bytes that the first node sent, per byte of the content.
    pub seed_copies: f64,
    /// Bytes that came and were not needed any more, per byte of the content and node.
    pub waste: f64,
    /// Bytes on the wire beside the content, of all nodes, per byte of the content and node.
    pub overhead: f64,
    /// The same, per node and by what they were for.
    pub traffic: Traffic,
    /// Messages of peer exchange per node.
    pub exchanges: u64,
    /// Dials per node.
    pub dials: u64,
    /// The most links of one node.
    pub max_links: usize,
    /// Links of the middle node.
    pub median_links: usize,
    /// Parts of the graph of links that do not hang together. 1 is well.
    pub parts: usize,
    /// Events so far.
    pub events: u64,
}

impl Report {
    /// Time of the last node, per what no swarm can do better.
    #[must_use]
    pub fn over_bound(&self) -> f64 {
        let last = self.last.map_or(f64::INFINITY, |last| last.as_secs_f64());
        last / self.bound.as_secs_f64().max(1e-9)
    }

    /// How far the fleet is apart at the end: the time of the 99th of 100 nodes per that of the
    /// middle one.
    #[must_use]
    pub fn spread(&self) -> f64 {
        match (self.p50, self.p99) {
            (Some(p50), Some(p99)) => p99.as_secs_f64() / p50.as_secs_f64().max(1e-9),
            _ => f64::INFINITY,
        }
    }
}

impl Swarm {
    /// The figures so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let config = &self.config;
        let size = config.layout.size().max(1) as f64;
        let count = self.nodes.len().max(1) as u64;
        let start = Duration::from_millis(1);
        let mut done: Vec<Duration> = Vec::new();
        let mut fetching = 0;
        for node in &self.nodes {
            done.extend(
                node.done
                    .map(|at| Duration::from_micros(at.as_micros()) - start),
            );
            fetching += usize::from(node.done.is_some() || !node.is_complete());
        }
        done.sort();
        let share = |part: f64| {
            let rank = (fetching as f64 * part).ceil() as usize;
            rank.checked_sub(1).and_then(|rank| done.get(rank)).copied()
        };
        let up: u64 = self.nodes.iter().map(|node| node.up).sum();
        let copies = size * fetching as f64;
        let bound = (size / config.up as f64).max(size / config.down as f64);
        let bound = bound.max(copies / up.max(1) as f64);
        let per_node = |figure: fn(&super::node::Node) -> u64| {
            self.nodes.iter().map(figure).sum::<u64>() / count
        };
        let wasted: u64 = self.nodes.iter().map(|node| node.wasted).sum();
        let mut traffic = Traffic::default();
        for node in &self.nodes {
            traffic.add(&node.traffic);
        }
        let mut degrees = self.degrees();
        degrees.sort_unstable();
        Report {
            nodes: config.nodes,
            complete: self.nodes.iter().filter(|node| node.is_complete()).count() as u32,
            p50: share(0.5),
            p99: share(0.99),
            last: share(1.0),
            bound: Duration::from_secs_f64(bound),
            seed_copies: self
                .nodes
                .first()
                .map_or(0.0, |node| node.sent as f64 / size),
            waste: wasted as f64 / copies.max(1.0),
            overhead: traffic.total() as f64 / copies.max(1.0),
            traffic: per(traffic, count),
            exchanges: per_node(|node| node.exchanges),
            dials: per_node(|node| node.dials),
            max_links: degrees.last().copied().unwrap_or(0),
            median_links: degrees.get(degrees.len() / 2).copied().unwrap_or(0),
            parts: self.parts(),
            events: self.clock.count(),
        }
    }

    /// How many links each node has that both sides take for one.
    fn degrees(&self) -> Vec<usize> {
        let mut degrees = vec![0; self.nodes.len()];
        for link in self.links.iter().filter(|link| link.is_up()) {
            for end in &link.ends {
                degrees[end.node as usize] += 1;
            }
        }
        degrees
    }

    /// Counts the parts of the graph of living nodes.
    fn parts(&self) -> usize {
        let mut root: Vec<u32> = (0..self.config.nodes).collect();
        fn find(root: &mut [u32], mut node: u32) -> u32 {
            while root[node as usize] != node {
                root[node as usize] = root[root[node as usize] as usize];
                node = root[node as usize];
            }
            node
        }
        for link in self.links.iter().filter(|link| link.is_up()) {
            let (a, b) = (
                find(&mut root, link.ends[0].node),
                find(&mut root, link.ends[1].node),
            );
            root[a as usize] = b;
        }
        (0..self.config.nodes)
            .filter(|&node| self.is_alive(node) && find(&mut root, node) == node)
            .count()
    }

    /// Messages about pieces that all nodes have sent so far.
    #[must_use]
    pub fn control_messages(&self) -> u64 {
        self.nodes.iter().map(|node| node.traffic.messages).sum()
    }

    /// Do the pickers of all nodes wait for nothing?
    #[must_use]
    pub fn pickers_are_idle(&self) -> bool {
        let mut alive = self.nodes.iter().filter(|node| node.alive);
        alive.all(|node| node.picker.next_timeout().is_none() && node.picker.leased() == 0)
    }
}

const fn per(all: Traffic, nodes: u64) -> Traffic {
    Traffic {
        requests: all.requests / nodes,
        haves: all.haves / nodes,
        cancels: all.cancels / nodes,
        links: all.links / nodes,
        exchanges: all.exchanges / nodes,
        messages: all.messages / nodes,
    }
}
