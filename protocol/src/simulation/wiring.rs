//! Links come and go, and so do nodes.

use std::time::Duration;

use super::link::Link;
use super::node::{address, machines, node_at};
use super::swarm::{Event, Swarm};
use crate::id::{LinkId, PeerId};
use crate::membership::{DialFailure, Input, LinkEnd, Output, Source};
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
        let noticed = self.now() + self.config.latency;
        for link in links {
            let end = self.end_of(link, node);
            self.links[link as usize].ends[usize::from(end)].open = false;
            let (end, reason) = (1 - end, LinkEnd::Lost);
            self.clock.at(noticed, Event::Closed { link, end, reason });
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
        let limits = (self.config.max_links, self.config.target_links);
        let (layout, seed) = (self.config.layout, self.config.seed);
        (at.picker, at.membership) = machines(node, at.life, layout, &at.have, limits, seed);
        if at.is_complete() {
            self.join(node, Input::SelfComplete(true));
        }
        for addr in known {
            let source = Source::State;
            self.join(node, Input::AddressLearned { addr, source });
        }
        for other in [0, node.saturating_sub(1)] {
            let (addr, source) = (address(other), Source::Listed);
            if other != node {
                self.join(node, Input::AddressLearned { addr, source });
            }
        }
        self.time(node);
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
        self.nodes[node as usize]
            .membership
            .handle(input, now, &mut out);
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
                    let link = link.0 as u32;
                    let end = self.end_of(link, node);
                    self.unlink(link, end);
                    let (end, reason) = (1 - end, LinkEnd::Graceful);
                    self.clock.at(arrives, Event::Closed { link, end, reason });
                }
                Output::Pex {
                    link,
                    added,
                    dropped,
                } => {
                    self.nodes[node as usize].exchanges += 1;
                    let link = link.0 as u32;
                    let end = 1 - self.end_of(link, node);
                    let dropped = dropped.into_iter().filter_map(node_at).collect();
                    self.clock.at(
                        arrives,
                        Event::Exchange {
                            link,
                            end,
                            added,
                            dropped,
                        },
                    );
                }
                Output::KnownChanged | Output::SelfDetected { .. } | Output::Stranger { .. } => {}
            }
        }
        self.time(node);
    }

    /// One side has no more use for the link.
    fn unlink(&mut self, link: u32, end: u8) {
        let side = &mut self.links[link as usize].ends[usize::from(end)];
        side.open = false;
        side.queue.clear();
        side.owed.clear();
        let (node, ready) = (side.node, side.ready);
        let at = &mut self.nodes[node as usize];
        at.links.remove(&link);
        at.turns.retain(|&turn| turn != link);
        if ready {
            let link = LinkId(u64::from(link));
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
        self.links.push(Link::new(from, to, &self.config.layout));
        let remote = address(from).ip();
        let mut out = Vec::new();
        let admitted = self.nodes[to as usize]
            .membership
            .admit(remote, now, &mut out);
        self.follow(to, out);
        self.clock.at(
            now + latency,
            Event::Opened {
                link,
                end: 0,
                admitted,
            },
        );
        if admitted {
            self.open(link, 1, None);
        }
        Some(to)
    }

    fn open(&mut self, link: u32, end: u8, dialed: Option<std::net::SocketAddr>) {
        let ends = &mut self.links[link as usize].ends;
        ends[usize::from(end)].open = true;
        let (node, other) = (ends[usize::from(end)].node, ends[usize::from(1 - end)].node);
        self.nodes[node as usize].links.insert(link);
        let (link, remote) = (LinkId(u64::from(link)), address(other).ip());
        self.join(
            node,
            Input::LinkOpened {
                link,
                remote,
                dialed,
            },
        );
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
    pub(super) fn opened(&mut self, link: u32, end: u8, admitted: bool) -> Option<u32> {
        let (now, latency) = (self.now(), self.config.latency);
        let node = self.links[link as usize].ends[usize::from(end)].node;
        if !self.is_alive(node) {
            return None;
        }
        let other = self.links[link as usize].ends[usize::from(1 - end)].node;
        self.open(link, end, Some(address(other)));
        if !admitted {
            return self.closed(link, end, LinkEnd::Graceful);
        }
        self.clock
            .at(now + latency, Event::Ready { link, end: 1 - end });
        self.clock.at(now + 2 * latency, Event::Ready { link, end });
        Some(node)
    }

    pub(super) fn ready(&mut self, link: u32, end: u8) -> Option<u32> {
        let node = self.node_of(link, end)?;
        let latency = self.config.latency;
        let side = &mut self.links[link as usize].ends;
        side[usize::from(end)].ready = true;
        let other = side[usize::from(1 - end)].node;
        let link_id = LinkId(u64::from(link));
        self.pick(node, picker::Input::LinkOpened { link: link_id });
        let pieces = self.nodes[node as usize].picker.have().clone();
        // The bitfield travels with the handshake, and arrives after it.
        let due = self.now() + latency + Duration::from_micros(1);
        self.clock.at(
            due,
            Event::Bitfield {
                link,
                end: 1 - end,
                pieces,
            },
        );
        let input = Input::LinkReady {
            link: link_id,
            peer_id: self.peer_id(other),
            listen: Some(address(other)),
            fleet: true,
            pex: true,
        };
        self.join(node, input);
        Some(node)
    }

    /// A node's name: a new one in each life.
    fn peer_id(&self, node: u32) -> PeerId {
        let life = self.nodes[node as usize].life;
        let seed = self.config.seed ^ u64::from(node) << 32 ^ u64::from(life);
        PeerId::random(&mut fastrand::Rng::with_seed(seed))
    }

    pub(super) fn closed(&mut self, link: u32, end: u8, reason: LinkEnd) -> Option<u32> {
        let node = self.node_of(link, end)?;
        self.unlink(link, end);
        let link = LinkId(u64::from(link));
        self.join(node, Input::LinkClosed { link, reason });
        Some(node)
    }

    pub(super) fn exchanged(
        &mut self,
        link: u32,
        end: u8,
        added: &[crate::membership::PexPeer],
        dropped: Vec<u32>,
    ) -> Option<u32> {
        let node = self.node_of(link, end)?;
        let seed = |flags: u8| flags & crate::membership::PEX_SEED != 0;
        let added = added.iter().map(|peer| (peer.addr, seed(peer.flags)));
        let input = Input::PexReceived {
            link: LinkId(u64::from(link)),
            added: added.collect(),
            dropped: dropped.into_iter().map(address).collect(),
        };
        self.join(node, input);
        Some(node)
    }

    /// Tells the membership when the peer is known to have everything.
    pub(super) fn peer_complete(&mut self, link: u32, end: u8) {
        let side = &self.links[link as usize].ends[usize::from(end)];
        if side.theirs.is_full() && side.open {
            let (node, link) = (side.node, LinkId(u64::from(link)));
            self.join(
                node,
                Input::PeerComplete {
                    link,
                    complete: true,
                },
            );
        }
    }

    /// Sees to it that the node is woken when one of its machines wants to be.
    pub(super) fn time(&mut self, node: u32) {
        let now = self.now();
        let at = &mut self.nodes[node as usize];
        if !at.alive {
            return;
        }
        let next = [at.picker.next_timeout(), at.membership.next_timeout()];
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
        let (picker, membership) = (
            due(at.picker.next_timeout()),
            due(at.membership.next_timeout()),
        );
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
