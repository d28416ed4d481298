//! Keeps the lanes full: messages of any lengths, at most [`LANES`] of them at a time.
//!
//! A step takes all lanes through as many blocks as the shortest run among them has. Then lanes
//! whose message ended take the next one. So every step ends a run, and a message has two at most:
//! the steps are at most twice as many as messages. Only when no message is left do lanes stay
//! empty; the longest messages go first, so that this is not for long.

use crate::LANES;
use crate::block::{Block, Edge, INITIAL, State};
use crate::kernel::Compress;

/// A message in work: its whole blocks where they stand, and an edge before or behind them.
pub(crate) struct Lane<'a> {
    /// The number of the message.
    pub(crate) job: usize,
    /// Blocks in the caller's memory.
    pub(crate) body: &'a [Block],
    /// Blocks put together by us.
    pub(crate) edge: Edge,
    /// Whether the edge comes before the body.
    pub(crate) is_edge_first: bool,
}

/// What gives out messages and takes back states.
pub(crate) trait Work<'a> {
    /// The next message, and the state it starts from.
    fn next(&mut self) -> Option<(State, Lane<'a>)>;

    /// All blocks of that message are in the state.
    fn done(&mut self, job: usize, state: State);
}

/// Works until nothing is left.
pub(crate) fn run<'a>(kernel: &mut impl Compress, work: &mut impl Work<'a>) {
    let mut states = [INITIAL; LANES];
    // The first `busy` of them are there.
    let mut lanes: [Option<Lane<'a>>; LANES] = [const { None }; LANES];
    let mut busy = 0;
    loop {
        while busy < LANES {
            let Some((state, lane)) = work.next() else {
                break;
            };
            states[busy] = state;
            lanes[busy] = Some(lane);
            busy += 1;
        }
        if busy == 0 {
            return;
        }
        let runs = lanes
            .each_ref()
            .map(|lane| lane.as_ref().map_or(&[][..], Lane::run));
        let runs = &runs[..busy];
        let count = runs.iter().map(|run| run.len()).min().unwrap_or(0);
        kernel.compress(&mut states[..busy], runs, count);
        for place in (0..busy).rev() {
            let Some(lane) = &mut lanes[place] else {
                continue;
            };
            lane.advance(count);
            if lane.run().is_empty() {
                work.done(lane.job, states[place]);
                busy -= 1;
                lanes.swap(place, busy);
                lanes[busy] = None;
                states.swap(place, busy);
            }
        }
    }
}

impl Lane<'_> {
    /// The neighbouring blocks that are next; none if all are done.
    fn run(&self) -> &[Block] {
        if self.is_at_edge() {
            self.edge.blocks()
        } else {
            self.body
        }
    }

    fn advance(&mut self, blocks: usize) {
        if self.is_at_edge() {
            self.edge.advance(blocks);
        } else {
            self.body = &self.body[blocks..];
        }
    }

    fn is_at_edge(&self) -> bool {
        self.body.is_empty() || self.is_edge_first && !self.edge.blocks().is_empty()
    }
}

/// The order in which messages are begun: the [`LANES`] longest, then the others as they stand.
///
/// One long message behind many short ones would else be hashed alone in the end.
pub(crate) struct Order {
    longest: [usize; LANES],
    /// How many of the longest were given out.
    begun: usize,
    next: usize,
    number: usize,
}

impl Order {
    /// An order for messages of these lengths.
    pub(crate) fn new(lengths: impl Iterator<Item = usize>) -> Self {
        let mut longest = [(0, 0); LANES];
        let mut number = 0;
        for (job, length) in lengths.enumerate() {
            number += 1;
            let held = job.min(LANES);
            let place = longest[..held].partition_point(|&(_, other)| other >= length);
            if place < LANES {
                longest[place..=held.min(LANES - 1)].rotate_right(1);
                longest[place] = (job, length);
            }
        }
        Self {
            longest: longest.map(|(job, _)| job),
            begun: 0,
            next: 0,
            number,
        }
    }
}

impl Iterator for Order {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let longest = &self.longest[..self.number.min(LANES)];
        if let Some(&job) = longest.get(self.begun) {
            self.begun += 1;
            return Some(job);
        }
        while self.next < self.number && longest.contains(&self.next) {
            self.next += 1;
        }
        let job = self.next;
        self.next += 1;
        (job < self.number).then_some(job)
    }
}
