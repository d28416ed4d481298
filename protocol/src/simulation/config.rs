//! The swarm that is to be run.

use std::time::Duration;

use crate::layout::Layout;

/// A gigabit per second, in bytes.
const GIGABIT: u64 = 125_000_000;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many nodes there are.
    pub nodes: u32,
    /// The content.
    pub layout: Layout,
    /// Bytes per second that a node sends.
    pub up: u64,
    /// Bytes per second that a node receives.
    pub down: u64,
    /// From any node to any other, one way.
    pub latency: Duration,
    /// Links that a node has at most.
    pub max_links: usize,
    /// Links that a node looks for.
    pub target_links: usize,
    /// How many nodes a node knows from the start beside the first: some that were there before it,
    /// by lot.
    pub acquaintances: u32,
    /// Every so many events the node of the event is checked; 0 for never. Panics where an
    /// invariant is broken.
    pub check_every: u64,
    /// Decides everything that is left to chance.
    pub seed: u64,
}

impl Config {
    /// So many nodes with lines of 1 Gbit/s up and down, half a millisecond between them, and the
    /// limits on links that the program has.
    #[must_use]
    pub const fn new(nodes: u32, layout: Layout, seed: u64) -> Self {
        Self {
            nodes,
            layout,
            up: GIGABIT,
            down: GIGABIT,
            latency: Duration::from_micros(500),
            max_links: 24,
            target_links: 12,
            acquaintances: 1,
            check_every: 0,
            seed,
        }
    }
}
