//! What happens in a swarm: pieces are leased, sent, stored and announced.

use std::time::Duration;

use super::clock::Clock;
use super::link::Link;
use super::node::{Node, machines};
use crate::bitfield::Bitfield;
use crate::id::LinkId;
use crate::layout::{Layout, PieceIndex};
use crate::membership;
use crate::picker::{Input, Output};
use crate::time::Timestamp;

/// Hash and write.
const STORE: Duration = Duration::from_millis(2);

/// The swarm that is to be run.
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
    /// From any node to any other.
    pub latency: Duration,
    /// Links that a node has at most.
    pub max_links: usize,
    /// Links that a node looks for.
    pub target_links: usize,
    /// Every so many events the node of the event is checked; 0 for never. Panics where an
    /// invariant is broken.
    pub check_every: u64,
    /// Decides everything that is left to chance.
    pub seed: u64,
}

impl Config {
    /// So many nodes with lines of 20 MiB/s up and down and a millisecond between them.
    #[must_use]
    pub const fn new(nodes: u32, layout: Layout, seed: u64) -> Self {
        Self {
            nodes,
            layout,
            up: 20 << 20,
            down: 20 << 20,
            latency: Duration::from_millis(1),
            max_links: 30,
            target_links: 10,
            check_every: 0,
            seed,
        }
    }
}

/// Something that is to happen. The link's end is the one that it happens to.
#[derive(Debug)]
pub(super) enum Event {
    Dialed {
        from: u32,
        life: u32,
        to: u32,
    },
    Opened {
        link: u32,
        end: u8,
        admitted: bool,
    },
    DialFailed {
        from: u32,
        life: u32,
        to: u32,
    },
    Ready {
        link: u32,
        end: u8,
    },
    Closed {
        link: u32,
        end: u8,
        reason: membership::LinkEnd,
    },
    Exchange {
        link: u32,
        end: u8,
        added: Vec<membership::PexPeer>,
        dropped: Vec<u32>,
    },
    Bitfield {
        link: u32,
        end: u8,
        pieces: Bitfield,
    },
    Have {
        link: u32,
        end: u8,
        pieces: Vec<PieceIndex>,
    },
    Complete {
        link: u32,
        end: u8,
    },
    Lacks {
        link: u32,
        end: u8,
        pieces: Vec<PieceIndex>,
    },
    Request {
        link: u32,
        end: u8,
        pieces: Vec<PieceIndex>,
    },
    Cancel {
        link: u32,
        end: u8,
        pieces: Vec<PieceIndex>,
    },
    Sent {
        node: u32,
        life: u32,
        link: u32,
        end: u8,
        pieces: Vec<PieceIndex>,
        bytes: u64,
    },
    Arrived {
        link: u32,
        end: u8,
        pieces: Vec<PieceIndex>,
        bytes: u64,
    },
    Stored {
        node: u32,
        life: u32,
        pieces: Vec<PieceIndex>,
    },
    Wake {
        node: u32,
        life: u32,
    },
}

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
    /// node and of its predecessor; the rest is peer exchange.
    #[must_use]
    pub fn new(config: Config, has: impl Fn(u32, PieceIndex) -> bool) -> Self {
        let layout = config.layout;
        let limits = (config.max_links, config.target_links);
        let node = |index: u32| {
            let mut have = Bitfield::new(layout.pieces());
            for piece in layout.all_pieces().filter(|&piece| has(index, piece)) {
                have.insert(piece);
            }
            let (picker, membership) = machines(index, 0, layout, &have, limits, config.seed);
            Node {
                alive: false,
                life: 0,
                have,
                picker,
                membership,
                up: config.up,
                down: config.down,
                turns: std::collections::VecDeque::new(),
                sending: false,
                down_free: Timestamp::ZERO,
                wake_at: Timestamp::NEVER,
                links: std::collections::BTreeSet::new(),
                sent: 0,
                wasted: 0,
                control: 0,
                exchanges: 0,
                dials: 0,
                done: None,
            }
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
            let end = self.links[link as usize]
                .ends
                .iter()
                .find(|end| end.node == node);
            end.into_iter().flat_map(|end| end.owed.iter().copied())
        });
        for piece in owed {
            let state = at.picker.state(piece);
            assert_eq!(
                state,
                crate::picker::PieceState::Leased,
                "{piece:?} is owed"
            );
        }
    }

    /// Does what is due. Returns the node that it happened to, if it lives.
    fn act(&mut self, event: Event) -> Option<u32> {
        match event {
            Event::Dialed { from, life, to } => self.dialed(from, life, to),
            Event::DialFailed { from, life, to } => self.dial_failed(from, life, to),
            Event::Opened {
                link,
                end,
                admitted,
            } => self.opened(link, end, admitted),
            Event::Ready { link, end } => self.ready(link, end),
            Event::Closed { link, end, reason } => self.closed(link, end, reason),
            Event::Exchange {
                link,
                end,
                added,
                dropped,
            } => self.exchanged(link, end, &added, dropped),
            Event::Wake { node, life } => self.wake(node, life),
            Event::Stored { node, life, pieces } => self.stored(node, life, pieces),
            Event::Sent {
                node,
                life,
                link,
                end,
                pieces,
                bytes,
            } => {
                if self.nodes[node as usize].life != life {
                    return None;
                }
                self.sent(node, link, end, pieces, bytes);
                Some(node)
            }
            Event::Bitfield { link, end, pieces } => {
                let node = self.node_of(link, end)?;
                self.links[link as usize].ends[usize::from(end)].theirs = pieces.clone();
                let link_id = LinkId(u64::from(link));
                self.pick(
                    node,
                    Input::PeerHasBitfield {
                        link: link_id,
                        pieces,
                    },
                );
                self.want(link, end);
                self.peer_complete(link, end);
                Some(node)
            }
            Event::Have { link, end, pieces } => {
                let node = self.node_of(link, end)?;
                let theirs = &mut self.links[link as usize].ends[usize::from(end)].theirs;
                for &piece in &pieces {
                    theirs.insert(piece);
                }
                let link_id = LinkId(u64::from(link));
                self.pick(
                    node,
                    Input::PeerHas {
                        link: link_id,
                        pieces,
                    },
                );
                self.peer_complete(link, end);
                Some(node)
            }
            Event::Complete { link, end } => {
                let node = self.node_of(link, end)?;
                let pieces = self.config.layout.pieces();
                self.links[link as usize].ends[usize::from(end)].theirs = Bitfield::full(pieces);
                let link_id = LinkId(u64::from(link));
                self.pick(node, Input::PeerHasAll { link: link_id });
                self.peer_complete(link, end);
                Some(node)
            }
            Event::Lacks { link, end, pieces } => {
                let node = self.node_of(link, end)?;
                let theirs = &mut self.links[link as usize].ends[usize::from(end)].theirs;
                for &piece in &pieces {
                    theirs.remove(piece);
                }
                let link_id = LinkId(u64::from(link));
                self.pick(
                    node,
                    Input::PeerLacks {
                        link: link_id,
                        pieces,
                    },
                );
                Some(node)
            }
            Event::Request { link, end, pieces } => {
                let node = self.node_of(link, end)?;
                let queue = &mut self.links[link as usize].ends[usize::from(end)].queue;
                let waits = !queue.is_empty();
                queue.extend(pieces);
                if !waits {
                    self.nodes[node as usize].turns.push_back(link);
                }
                self.send(node);
                Some(node)
            }
            Event::Cancel { link, end, pieces } => {
                let node = self.node_of(link, end)?;
                let queue = &mut self.links[link as usize].ends[usize::from(end)].queue;
                queue.retain(|piece| !pieces.contains(piece));
                if queue.is_empty() {
                    self.nodes[node as usize].turns.retain(|&turn| turn != link);
                }
                Some(node)
            }
            Event::Arrived {
                link,
                end,
                pieces,
                bytes,
            } => self.arrived(link, end, pieces, bytes),
        }
    }

    /// The node at that end, if it takes the link for open.
    pub(super) fn node_of(&self, link: u32, end: u8) -> Option<u32> {
        let end = &self.links[link as usize].ends[usize::from(end)];
        end.open.then_some(end.node)
    }

    /// Which end of the link is this node's?
    pub(super) fn end_of(&self, link: u32, node: u32) -> u8 {
        u8::from(self.links[link as usize].ends[1].node == node)
    }

    /// Tells the picker, and does what it says.
    pub(super) fn pick(&mut self, node: u32, input: Input) {
        let now = self.now();
        let arrives = now + self.config.latency;
        let layout = self.config.layout;
        let mut out = Vec::new();
        self.nodes[node as usize]
            .picker
            .handle(input, now, &mut out);
        for output in out {
            match output {
                Output::Grant { link, pieces } => {
                    let link = link.0 as u32;
                    let end = self.end_of(link, node);
                    self.links[link as usize].ends[usize::from(end)].grant(&pieces, &layout, now);
                    let blocks = pieces.iter().map(|&piece| layout.block_count(piece));
                    self.nodes[node as usize].control += u64::from(blocks.sum::<u32>());
                    self.clock.at(
                        arrives,
                        Event::Request {
                            link,
                            end: 1 - end,
                            pieces,
                        },
                    );
                    self.want(link, end);
                }
                Output::Cancel { link, pieces } => {
                    let link = link.0 as u32;
                    let end = self.end_of(link, node);
                    let side = &mut self.links[link as usize].ends[usize::from(end)];
                    for &piece in &pieces {
                        side.release(piece, &layout);
                    }
                    self.nodes[node as usize].control += pieces.len() as u64;
                    self.clock.at(
                        arrives,
                        Event::Cancel {
                            link,
                            end: 1 - end,
                            pieces,
                        },
                    );
                    self.want(link, end);
                }
                Output::Announce { link, pieces } => {
                    let link = link.0 as u32;
                    let end = self.end_of(link, node);
                    self.nodes[node as usize].control += pieces.len() as u64;
                    self.clock.at(
                        arrives,
                        Event::Have {
                            link,
                            end: 1 - end,
                            pieces,
                        },
                    );
                }
                Output::Withdraw { pieces } => {
                    for link in self.nodes[node as usize].links.clone() {
                        let (end, pieces) = (1 - self.end_of(link, node), pieces.clone());
                        self.clock.at(arrives, Event::Lacks { link, end, pieces });
                    }
                }
                Output::Interest { .. } => self.nodes[node as usize].control += 1,
                Output::Complete => self.completed(node),
            }
        }
        self.time(node);
    }

    /// Says what the link could take, if that is news.
    pub(super) fn want(&mut self, link: u32, end: u8) {
        let side = &mut self.links[link as usize].ends[usize::from(end)];
        if !side.ready {
            return;
        }
        let node = side.node;
        if let Some((bytes, rtt, rate)) = side.want(&self.config.layout) {
            let link = LinkId(u64::from(link));
            self.pick(
                node,
                Input::Want {
                    link,
                    bytes,
                    rtt,
                    rate,
                },
            );
        }
    }

    /// Sends the next batch, if the line is free: the links in turn.
    fn send(&mut self, node: u32) {
        let now = self.now();
        let at = &mut self.nodes[node as usize];
        if at.sending || at.up == 0 {
            return;
        }
        let Some(link) = at.turns.pop_front() else {
            return;
        };
        let end = self.end_of(link, node);
        let side = &mut self.links[link as usize].ends[usize::from(end)];
        let (pieces, bytes) = side.next_batch(&self.config.layout);
        let at = &mut self.nodes[node as usize];
        if !side.queue.is_empty() {
            at.turns.push_back(link);
        }
        at.sending = true;
        at.sent += bytes;
        let (life, end) = (at.life, 1 - end);
        let due = now + Duration::from_micros(bytes * 1_000_000 / at.up);
        self.clock.at(
            due,
            Event::Sent {
                node,
                life,
                link,
                end,
                pieces,
                bytes,
            },
        );
    }

    /// The last byte of a batch has left. It arrives when the receiver's line has room for it.
    fn sent(&mut self, node: u32, link: u32, end: u8, pieces: Vec<PieceIndex>, bytes: u64) {
        let now = self.now();
        self.nodes[node as usize].sending = false;
        if let Some(to) = self.node_of(link, end) {
            let to = &mut self.nodes[to as usize];
            let busy = to.down_free + Duration::from_micros(bytes * 1_000_000 / to.down.max(1));
            to.down_free = busy.max(now + self.config.latency);
            let due = to.down_free;
            self.clock.at(
                due,
                Event::Arrived {
                    link,
                    end,
                    pieces,
                    bytes,
                },
            );
        }
        self.send(node);
    }

    fn arrived(&mut self, link: u32, end: u8, pieces: Vec<PieceIndex>, bytes: u64) -> Option<u32> {
        let node = self.node_of(link, end)?;
        let (now, layout) = (self.now(), self.config.layout);
        let from = self.links[link as usize].ends[usize::from(1 - end)].node;
        let up = self.nodes[from as usize].up.max(1);
        let took = Duration::from_micros(bytes * 1_000_000 / up);
        let side = &mut self.links[link as usize].ends[usize::from(end)];
        side.received(bytes, took, now);
        let (owed, late): (Vec<_>, Vec<_>) = pieces
            .into_iter()
            .partition(|&piece| side.release(piece, &layout));
        let wasted = late.iter().map(|&piece| u64::from(layout.length(piece)));
        let at = &mut self.nodes[node as usize];
        at.wasted += wasted.sum::<u64>();
        if !owed.is_empty() {
            let life = at.life;
            let pieces = owed.clone();
            self.clock.at(
                now + STORE,
                Event::Stored {
                    node,
                    life,
                    pieces: owed,
                },
            );
            let link = LinkId(u64::from(link));
            self.pick(node, Input::Received { link, pieces });
        }
        self.want(link, end);
        Some(node)
    }

    fn stored(&mut self, node: u32, life: u32, pieces: Vec<PieceIndex>) -> Option<u32> {
        let at = &mut self.nodes[node as usize];
        if at.life != life {
            return None;
        }
        for &piece in &pieces {
            at.have.insert(piece);
        }
        self.pick(node, Input::Stored(pieces));
        Some(node)
    }

    fn completed(&mut self, node: u32) {
        let now = self.now();
        let at = &mut self.nodes[node as usize];
        if at.done.is_none() {
            at.done = Some(now);
        }
        self.incomplete -= 1;
        // Peers that have all themselves were told of no piece.
        for link in self.nodes[node as usize].links.clone() {
            let end = 1 - self.end_of(link, node);
            self.nodes[node as usize].control += 1;
            let due = now + self.config.latency;
            self.clock.at(due, Event::Complete { link, end });
        }
        self.join(node, membership::Input::SelfComplete(true));
    }
}
