//! Links come and go, and so do nodes.

use std::net::SocketAddr;

use super::event::{Event, News, Side};
use super::link::Link;
use super::node::{address, machines, node_at};
use super::swarm::Swarm;
use crate::id::{LinkId, PeerId};
use crate::membership::{DialFailure, Input, LinkEnd, Output, PEX_SEED, PexPeer, Source};
use crate::picker;
use crate::time::Timestamp;

impl Swarm {
    /// Kills a node: what it had stored stays, everything else is gone. Its peers notice.
    pub fn kill(&mut self, node: u32) {
        let Some(at) = self.nodes.get_mut(node as usize).filter(|at| at.alive) else {
            return;
        };
        at.alive = false;
        at.life += 1;
        at.turns.clear();
        at.sending = false;
        at.wake_at = Timestamp::NEVER;
        self.incomplete -= u32::from(!at.is_complete());
        let links = std::mem::take(&mut at.links);
        for link in links {
            let side = self.side_of(link, node);
            self.end_mut(side).close();
            self.say(side, News::Closed(LinkEnd::Lost));
        }
    }

    /// Starts a node that is not alive, with what it has stored and the addresses that it knew.
    pub fn start(&mut self, node: u32) {
        let Some(at) = self.nodes.get_mut(node as usize).filter(|at| !at.alive) else {
            return;
        };
        at.alive = true;
        at.down_free = Timestamp::ZERO;
        self.incomplete += u32::from(!at.is_complete());
        let known: Vec<_> = at.membership.known().collect();
        (at.picker, at.membership) = machines(node, at.life, &at.have, &self.config);
        at.picker_due = at.picker.next_timeout();
        if at.is_complete() {
            self.join(node, Input::SelfComplete(true));
        }
        for addr in known {
            let source = Source::State;
            self.join(node, Input::AddressLearned { addr, source });
        }
        for other in self.acquaintances(node) {
            let (addr, source) = (address(other), Source::Listed);
            if other != node {
                self.join(node, Input::AddressLearned { addr, source });
            }
        }
        self.time(node);
    }

    /// The nodes that this one knows from the start: the first, and some that were there before.
    fn acquaintances(&self, node: u32) -> Vec<u32> {
        let seed = self.config.seed ^ u64::from(node) << 32;
        let mut rng = fastrand::Rng::with_seed(seed);
        let others = (0..self.config.acquaintances).map(|_| rng.u32(..node.max(1)));
        std::iter::once(0).chain(others).collect()
    }

    /// Is a node alive?
    #[must_use]
    pub fn is_alive(&self, node: u32) -> bool {
        self.nodes.get(node as usize).is_some_and(|at| at.alive)
    }

    /// Tells the membership, and does what it says.
    pub(super) fn join(&mut self, node: u32, input: Input) {
        let now = self.now();
        let mut out = Vec::new();
        let at = &mut self.nodes[node as usize];
        at.membership.handle(input, now, &mut out);
        self.follow(node, out);
    }

    fn follow(&mut self, node: u32, out: Vec<Output>) {
        let now = self.now();
        let arrives = now + self.config.latency;
        for output in out {
            match output {
                Output::Dial { addr } => {
                    let at = &mut self.nodes[node as usize];
                    at.dials += 1;
                    let (from, life) = (node, at.life);
                    if let Some(to) = node_at(addr) {
                        self.clock.at(arrives, Event::Dialed { from, life, to });
                    }
                }
                Output::Close { link, .. } => {
                    let side = self.side_of(link.0 as u32, node);
                    self.unlink(node, side);
                    self.say(side, News::Closed(LinkEnd::Graceful));
                }
                Output::Pex {
                    link,
                    added,
                    dropped,
                } => {
                    let at = &mut self.nodes[node as usize];
                    at.exchanges += 1;
                    at.traffic.exchange(added.len(), dropped.len());
                    let side = self.side_of(link.0 as u32, node);
                    let dropped = dropped.into_iter().filter_map(node_at).collect();
                    self.say(side, News::Exchange { added, dropped });
                }
                Output::Doubt { .. }
                | Output::KnownChanged
                | Output::SelfDetected { .. }
                | Output::Stranger { .. } => {}
            }
        }
        let at = &mut self.nodes[node as usize];
        at.membership_due = at.membership.next_timeout();
        self.time(node);
    }

    /// One side has no more use for the link.
    fn unlink(&mut self, node: u32, side: Side) {
        let end = self.end_mut(side);
        let ready = end.ready;
        end.close();
        let at = &mut self.nodes[node as usize];
        at.links.remove(&side.link);
        at.turns.retain(|&turn| turn != side.link);
        if ready {
            let link = LinkId(u64::from(side.link));
            self.pick(node, picker::Input::LinkClosed { link });
        }
    }

    pub(super) fn dialed(&mut self, from: u32, life: u32, to: u32) -> Option<u32> {
        let (now, latency) = (self.now(), self.config.latency);
        if !self.is_alive(to) {
            self.clock
                .at(now + latency, Event::DialFailed { from, life, to });
            return None;
        }
        if self.nodes[from as usize].life != life {
            return None;
        }
        let link = self.links.len() as u32;
        self.links.push(Link::new(from, to));
        let remote = address(from).ip();
        let mut out = Vec::new();
        let admitted = self.nodes[to as usize]
            .membership
            .admit(remote, now, &mut out);
        self.follow(to, out);
        let dialed = Side { link, end: 1 };
        self.say(dialed, News::Opened { admitted });
        if admitted {
            self.open(dialed, None);
        }
        Some(to)
    }

    fn open(&mut self, side: Side, dialed: Option<SocketAddr>) {
        let remote = address(self.end(side.other()).node).ip();
        let end = self.end_mut(side);
        end.open = true;
        let node = end.node;
        self.nodes[node as usize].links.insert(side.link);
        let input = Input::LinkOpened {
            link: LinkId(u64::from(side.link)),
            remote,
            dialed,
        };
        self.join(node, input);
    }

    pub(super) fn dial_failed(&mut self, from: u32, life: u32, to: u32) -> Option<u32> {
        let at = &self.nodes[from as usize];
        if !at.alive || at.life != life {
            return None;
        }
        let (addr, reason) = (address(to), DialFailure::Refused);
        self.join(from, Input::DialFailed { addr, reason });
        Some(from)
    }

    /// The dialling side sees that TCP is up; the handshakes follow.
    pub(super) fn opened(&mut self, side: Side, admitted: bool) -> Option<u32> {
        let (now, latency) = (self.now(), self.config.latency);
        let node = self.end(side).node;
        if !self.is_alive(node) {
            return None;
        }
        let other = self.end(side.other()).node;
        self.open(side, Some(address(other)));
        if !admitted {
            if self.node_of(side).is_some() {
                self.closed(node, side, LinkEnd::Graceful);
            }
            return Some(node);
        }
        let ready = |side| Event::Link(side, News::Ready);
        self.clock.at(now + latency, ready(side.other()));
        self.clock.at(now + 2 * latency, ready(side));
        Some(node)
    }

    pub(super) fn ready(&mut self, node: u32, side: Side) {
        let layout = self.config.layout;
        self.end_mut(side).ready = true;
        let other = self.end(side.other()).node;
        let link = LinkId(u64::from(side.link));
        let at = &mut self.nodes[node as usize];
        at.traffic.greet(&layout);
        let pieces = at.picker.have().clone();
        self.pick(node, picker::Input::LinkOpened { link });
        // Behind the handshake: links keep the order.
        self.say(side, News::Bitfield(pieces));
        let input = Input::LinkReady {
            link,
            peer_id: self.peer_id(other),
            listen: Some(address(other)),
            fleet: true,
            pex: true,
        };
        self.join(node, input);
    }

    /// A node's name: a new one in each life.
    fn peer_id(&self, node: u32) -> PeerId {
        let life = self.nodes[node as usize].life;
        let seed = self.config.seed ^ u64::from(node) << 32 ^ u64::from(life);
        PeerId::random(&mut fastrand::Rng::with_seed(seed))
    }

    pub(super) fn closed(&mut self, node: u32, side: Side, reason: LinkEnd) {
        self.unlink(node, side);
        let link = LinkId(u64::from(side.link));
        self.join(node, Input::LinkClosed { link, reason });
    }

    pub(super) fn exchanged(
        &mut self,
        node: u32,
        side: Side,
        added: &[PexPeer],
        dropped: Vec<u32>,
    ) {
        let seed = |flags: u8| flags & PEX_SEED != 0;
        let added = added.iter().map(|peer| (peer.addr, seed(peer.flags)));
        let input = Input::PexReceived {
            link: LinkId(u64::from(side.link)),
            added: added.collect(),
            dropped: dropped.into_iter().map(address).collect(),
        };
        self.join(node, input);
    }

    /// Sees to it that the node is woken when one of its machines wants to be.
    pub(super) fn time(&mut self, node: u32) {
        let now = self.now();
        let at = &mut self.nodes[node as usize];
        if !at.alive {
            return;
        }
        let next = [at.picker_due, at.membership_due];
        if let Some(next) = next.into_iter().flatten().min()
            && next < at.wake_at
        {
            at.wake_at = next.max(now);
            let life = at.life;
            self.clock.at(next, Event::Wake { node, life });
        }
    }

    pub(super) fn wake(&mut self, node: u32, life: u32) -> Option<u32> {
        let now = self.now();
        let at = &mut self.nodes[node as usize];
        if at.life != life || !at.alive || at.wake_at > now {
            return None;
        }
        at.wake_at = Timestamp::NEVER;
        let due = |next: Option<Timestamp>| next.is_some_and(|next| next <= now);
        let (picker, membership) = (due(at.picker_due), due(at.membership_due));
        if picker {
            self.pick(node, picker::Input::Tick);
        }
        if membership {
            self.join(node, Input::Tick);
        }
        self.time(node);
        Some(node)
    }
}
