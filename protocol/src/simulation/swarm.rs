//! The swarm as a whole: it is made, its time passes, its invariants are checked.

use std::time::Duration;

use super::clock::Clock;
use super::config::Config;
use super::event::{Event, News, Side};
use super::link::Link;
use super::node::Node;
use crate::bitfield::Bitfield;
use crate::layout::PieceIndex;
use crate::picker::PieceState;
use crate::time::Timestamp;

/// A swarm in virtual time.
#[derive(Debug)]
pub struct Swarm {
    pub(super) config: Config,
    pub(super) nodes: Vec<Node>,
    pub(super) links: Vec<Link>,
    pub(super) clock: Clock<Event>,
    /// Nodes that are alive and lack something.
    pub(super) incomplete: u32,
    handled: u64,
}

impl Swarm {
    /// A swarm whose nodes have these pieces at first. Each node knows the addresses of the first
    /// node and of one or more others; the rest is peer exchange. All nodes start at the same time.
    #[must_use]
    pub fn new(config: Config, has: impl Fn(u32, PieceIndex) -> bool) -> Self {
        let node = |index: u32| {
            let mut have = Bitfield::new(config.layout.pieces());
            let pieces = config.layout.all_pieces();
            for piece in pieces.filter(|&piece| has(index, piece)) {
                have.insert(piece);
            }
            Node::new(index, have, &config)
        };
        let mut swarm = Self {
            nodes: (0..config.nodes).map(node).collect(),
            links: Vec::new(),
            clock: Clock::new(),
            incomplete: 0,
            handled: 0,
            config,
        };
        for node in 0..swarm.config.nodes {
            swarm.start(node);
        }
        swarm
    }

    /// Gives a node another line.
    pub fn set_rates(&mut self, node: u32, up: u64, down: u64) {
        if let Some(node) = self.nodes.get_mut(node as usize) {
            (node.up, node.down) = (up, down);
        }
    }

    /// The present time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Have all nodes that are alive everything?
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.incomplete == 0
    }

    /// Lets so much time pass; ends early when all nodes have become complete, if `until_complete`.
    pub fn run(&mut self, time: Duration, until_complete: bool) {
        let limit = self.now() + time;
        while !(until_complete && self.is_complete()) {
            let Some(event) = self.clock.next(limit) else {
                self.clock.skip_to(limit);
                return;
            };
            self.handled += 1;
            let node = self.act(event);
            let every = self.config.check_every;
            if let Some(node) = node.filter(|_| every > 0 && self.handled.is_multiple_of(every)) {
                self.check(node);
            }
        }
    }

    /// Checks a node's invariants; see the module's documentation.
    fn check(&self, node: u32) {
        let at = &self.nodes[node as usize];
        assert!(at.membership.link_count() <= self.config.max_links);
        if !at.alive {
            return;
        }
        at.check(&self.config.layout);
        let owed = at.links.iter().flat_map(|&link| {
            let ends = self.links[link as usize].ends.iter();
            let own = ends.filter(|end| end.node == node);
            own.flat_map(|end| end.owed.iter().copied())
        });
        for piece in owed {
            let state = at.picker.state(piece);
            assert_eq!(state, PieceState::Leased, "{piece:?} is owed");
        }
    }

    /// Does what is due. Returns the node that it happened to, if it lives.
    fn act(&mut self, event: Event) -> Option<u32> {
        match event {
            Event::Dialed { from, life, to } => self.dialed(from, life, to),
            Event::DialFailed { from, life, to } => self.dial_failed(from, life, to),
            Event::Wake { node, life } => self.wake(node, life),
            Event::Stored { node, life, pieces } => self.stored(node, life, pieces),
            Event::Sent {
                node,
                life,
                to,
                pieces,
                bytes,
            } => self.sent(node, life, to, pieces, bytes),
            Event::Link(side, News::Opened { admitted }) => self.opened(side, admitted),
            Event::Link(side, news) => {
                let node = self.node_of(side)?;
                self.hear(node, side, news);
                Some(node)
            }
        }
    }

    /// Something reaches a side that takes the link for open.
    fn hear(&mut self, node: u32, side: Side, news: News) {
        match news {
            News::Opened { .. } => {}
            News::Ready => self.ready(node, side),
            News::Closed(reason) => self.closed(node, side, reason),
            News::Exchange { added, dropped } => self.exchanged(node, side, &added, dropped),
            News::Bitfield(pieces) => self.peer_has_exactly(node, side, pieces),
            News::Have(pieces) => self.peer_has(node, side, pieces),
            News::Suggest(pieces) => self.peer_suggests(node, side, pieces),
            News::Complete => self.peer_has_all(node, side),
            News::Lacks(pieces) => self.peer_lacks(node, side, pieces),
            News::Request(pieces) => self.requested(node, side, pieces),
            News::Cancel(pieces) => self.cancelled(node, side, &pieces),
            News::Arrived { pieces, bytes } => self.arrived(node, side, pieces, bytes),
            News::Flush => self.flush_if_old(node, side),
        }
    }

    /// The node on that side, if it takes the link for open.
    pub(super) fn node_of(&self, side: Side) -> Option<u32> {
        let end = self.end(side);
        end.open.then_some(end.node)
    }

    /// Which side of the link is this node's?
    pub(super) fn side_of(&self, link: u32, node: u32) -> Side {
        let end = u8::from(self.links[link as usize].ends[1].node == node);
        Side { link, end }
    }

    pub(super) fn end(&self, side: Side) -> &super::link::End {
        &self.links[side.link as usize].ends[usize::from(side.end)]
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut super::link::End {
        &mut self.links[side.link as usize].ends[usize::from(side.end)]
    }

    /// Lets the other side of a link hear something, one latency from now.
    pub(super) fn say(&mut self, from: Side, news: News) {
        let arrives = self.now() + self.config.latency;
        self.clock.at(arrives, Event::Link(from.other(), news));
    }
}
