//! A fleet of nodes that are nothing but `Membership`, in virtual time.
//!
//! Dials and messages take a millisecond; a dial to a dead node is refused. What a node knows is
//! saved the moment it changes, and read when it comes back.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::time::Duration;

use swarmlet_protocol::id::{LinkId, PeerId};
use swarmlet_protocol::membership::*;
use swarmlet_protocol::time::Timestamp;

const LATENCY: Duration = Duration::from_millis(1);
const MAX_LINKS: usize = 30;
pub(crate) const TARGET: usize = 16;

/// What is under way, to a node in one of its lives.
#[derive(Debug)]
enum Event {
    Arrive {
        to: usize,
        from: (usize, u32),
        addr: SocketAddr,
    },
    Tell(Input),
    Wake,
}

struct Node {
    machine: Membership,
    peer_id: PeerId,
    life: u32,
    alive: bool,
    complete: bool,
    /// The other end of each link: node, its life, its link.
    links: BTreeMap<LinkId, (usize, u32, LinkId)>,
    wake: Timestamp,
    /// What its state file holds.
    state: Vec<SocketAddr>,
    listed: Vec<SocketAddr>,
}

pub(crate) struct Fleet {
    nodes: Vec<Node>,
    queue: BinaryHeap<Reverse<(Timestamp, u64)>>,
    events: BTreeMap<u64, (usize, u32, Event)>,
    now: Timestamp,
    sequence: u64,
    next_link: u64,
    pub(crate) rng: fastrand::Rng,
    pub(crate) dials: usize,
    pub(crate) pex_messages: usize,
    pub(crate) pex_entries: usize,
    pub(crate) degree_seen: usize,
}

fn addr(index: usize) -> SocketAddr {
    SocketAddr::from(((0x0a00_0001 + index as u32).to_be_bytes(), 6881))
}

fn index(addr: SocketAddr) -> Option<usize> {
    let SocketAddr::V4(v4) = addr else {
        return None;
    };
    u32::from(*v4.ip())
        .checked_sub(0x0a00_0001)
        .map(|index| index as usize)
}

impl Fleet {
    /// Nodes that know, each, what `knows` says.
    pub(crate) fn new(
        size: usize,
        seed: u64,
        mut knows: impl FnMut(usize, &mut fastrand::Rng) -> Vec<usize>,
    ) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let nodes = (0..size)
            .map(|index| {
                let peer_id = PeerId::random(&mut rng);
                let listed = knows(index, &mut rng).into_iter().map(addr).collect();
                Node {
                    machine: machine(index, peer_id, rng.u64(..)),
                    peer_id,
                    life: 0,
                    alive: false,
                    complete: false,
                    links: BTreeMap::new(),
                    wake: Timestamp::NEVER,
                    state: Vec::new(),
                    listed,
                }
            })
            .collect();
        let mut fleet = Self {
            nodes,
            queue: BinaryHeap::new(),
            events: BTreeMap::new(),
            now: Timestamp::from_millis(1),
            sequence: 0,
            next_link: 0,
            rng,
            dials: 0,
            pex_messages: 0,
            pex_entries: 0,
            degree_seen: 0,
        };
        for index in 0..size {
            fleet.start(index);
        }
        fleet
    }

    pub(crate) fn tree(size: usize, seed: u64) -> Self {
        Self::new(size, seed, |index, rng| match index {
            0 => Vec::new(),
            _ => vec![rng.usize(..index)],
        })
    }

    pub(crate) fn start(&mut self, index: usize) {
        let peer_id = PeerId::random(&mut self.rng);
        let seed = self.rng.u64(..);
        let node = &mut self.nodes[index];
        node.machine = machine(index, peer_id, seed);
        (node.peer_id, node.alive, node.wake) = (peer_id, true, Timestamp::NEVER);
        node.life += 1;
        let (listed, state) = (node.listed.clone(), node.state.clone());
        let complete = node.complete;
        self.tell(index, Input::SelfComplete(complete));
        for (source, list) in [(Source::Listed, listed), (Source::State, state)] {
            for addr in list {
                self.tell(index, Input::AddressLearned { addr, source });
            }
        }
    }

    pub(crate) fn kill(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.alive = false;
        for (_, (peer, life, link)) in std::mem::take(&mut node.links) {
            self.later(peer, life, Event::Tell(lost(link)));
        }
    }

    pub(crate) fn set_complete(&mut self, index: usize) {
        self.nodes[index].complete = true;
        self.tell(index, Input::SelfComplete(true));
        let ends: Vec<_> = self.nodes[index].links.values().copied().collect();
        for (peer, life, link) in ends {
            let complete = true;
            self.later(
                peer,
                life,
                Event::Tell(Input::PeerComplete { link, complete }),
            );
        }
    }

    fn later(&mut self, node: usize, life: u32, event: Event) {
        self.at(self.now + LATENCY, node, life, event);
    }

    fn at(&mut self, time: Timestamp, node: usize, life: u32, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((time, self.sequence)));
        self.events.insert(self.sequence, (node, life, event));
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(&Reverse((at, sequence))) = self.queue.peek()
            && at <= end
        {
            self.queue.pop();
            self.now = self.now.max(at);
            let Some((node, life, event)) = self.events.remove(&sequence) else {
                continue;
            };
            match event {
                Event::Arrive { to, from, addr } => self.arrive(to, from, addr),
                _ if !self.nodes[node].alive || self.nodes[node].life != life => {}
                Event::Tell(input) => self.tell(node, input),
                Event::Wake if self.nodes[node].wake <= self.now => {
                    self.nodes[node].wake = Timestamp::NEVER;
                    self.tell(node, Input::Tick);
                }
                Event::Wake => {}
            }
        }
        self.now = end;
    }

    /// A dial comes to where it was going.
    fn arrive(&mut self, to: usize, from: (usize, u32), addr: SocketAddr) {
        let (dialer, life) = from;
        if !self.nodes[dialer].alive || self.nodes[dialer].life != life {
            return;
        }
        let mut out = Vec::new();
        let there = self.nodes.get_mut(to).filter(|node| node.alive);
        let admitted = there.is_some_and(|node| {
            node.machine
                .admit(self::addr(dialer).ip(), self.now, &mut out)
        });
        if !admitted {
            let reason = DialFailure::Refused;
            self.later(
                dialer,
                life,
                Event::Tell(Input::DialFailed { addr, reason }),
            );
            return;
        }
        self.perform(to, out);
        let (here, there) = (LinkId(self.next_link), LinkId(self.next_link + 1));
        self.next_link += 2;
        let to_life = self.nodes[to].life;
        self.nodes[dialer].links.insert(here, (to, to_life, there));
        self.nodes[to].links.insert(there, (dialer, life, here));
        for (node, link, peer, dialed) in
            [(to, there, dialer, None), (dialer, here, to, Some(addr))]
        {
            let remote = self::addr(peer).ip();
            self.tell(
                node,
                Input::LinkOpened {
                    link,
                    remote,
                    dialed,
                },
            );
        }
        for (node, link, peer) in [(to, there, dialer), (dialer, here, to)] {
            let ready = Input::LinkReady {
                link,
                peer_id: self.nodes[peer].peer_id,
                listen: Some(self::addr(peer)),
                fleet: true,
                pex: true,
            };
            let life = self.nodes[node].life;
            self.later(node, life, Event::Tell(ready));
            if self.nodes[peer].complete {
                let complete = true;
                self.later(
                    node,
                    life,
                    Event::Tell(Input::PeerComplete { link, complete }),
                );
            }
        }
    }

    fn tell(&mut self, node: usize, input: Input) {
        if let Input::LinkClosed { link, .. } = &input {
            self.nodes[node].links.remove(link);
        }
        let mut out = Vec::new();
        self.nodes[node].machine.handle(input, self.now, &mut out);
        self.perform(node, out);
    }

    fn perform(&mut self, index: usize, out: Vec<Output>) {
        let life = self.nodes[index].life;
        for output in out {
            match output {
                Output::Dial { addr } => {
                    self.dials += 1;
                    let to = self::index(addr).unwrap_or(usize::MAX);
                    let from = (index, life);
                    self.later(index, life, Event::Arrive { to, from, addr });
                }
                Output::Close { link, .. } => {
                    if let Some((peer, life, other)) = self.nodes[index].links.remove(&link) {
                        self.later(peer, life, Event::Tell(lost(other)));
                    }
                }
                Output::Pex {
                    link,
                    added,
                    dropped,
                } => {
                    self.pex_messages += 1;
                    self.pex_entries += added.len() + dropped.len();
                    if let Some(&(peer, life, link)) = self.nodes[index].links.get(&link) {
                        let own = addr(peer);
                        assert!(
                            added.iter().all(|entry| entry.addr != own),
                            "told of itself"
                        );
                        let added = added
                            .iter()
                            .map(|entry| (entry.addr, entry.flags & PEX_SEED != 0))
                            .collect();
                        let input = Input::PexReceived {
                            link,
                            added,
                            dropped,
                        };
                        self.later(peer, life, Event::Tell(input));
                    }
                }
                Output::KnownChanged => {
                    let known = self.nodes[index].machine.known().collect();
                    self.nodes[index].state = known;
                }
                Output::Doubt { .. } | Output::SelfDetected { .. } | Output::Stranger { .. } => {}
            }
        }
        let node = &mut self.nodes[index];
        assert!(node.machine.link_count() <= MAX_LINKS);
        self.degree_seen = self.degree_seen.max(node.machine.link_count());
        if let Some(at) = node.machine.next_timeout()
            && at < node.wake
        {
            let at = at.max(self.now + Duration::from_micros(100));
            node.wake = at;
            self.at(at, index, life, Event::Wake);
        }
    }

    /// How many separate parts the graph of the living nodes has.
    pub(crate) fn components(&self) -> usize {
        let mut seen: Vec<bool> = self.nodes.iter().map(|node| !node.alive).collect();
        let mut parts = 0;
        while let Some(start) = seen.iter().position(|seen| !seen) {
            parts += 1;
            let mut stack = vec![start];
            while let Some(index) = stack.pop() {
                if !std::mem::replace(&mut seen[index], true) {
                    stack.extend(self.nodes[index].links.values().map(|(peer, ..)| *peer));
                }
            }
        }
        parts
    }

    pub(crate) fn degrees(&self) -> Vec<usize> {
        let alive = self.nodes.iter().filter(|node| node.alive);
        alive.map(|node| node.machine.link_count()).collect()
    }

    /// Each node in a random half of the fleet is killed and comes back at once.
    pub(crate) fn restart_half(&mut self) {
        for index in 0..self.nodes.len() {
            if self.rng.bool() {
                self.kill(index);
                self.start(index);
            }
        }
    }

    /// The check of every resting fleet of complete nodes.
    pub(crate) fn assert_at_rest(&mut self) {
        let degrees = self.degrees();
        let least = KEEP_COMPLETE_MIN.min(self.nodes.len() - 1);
        assert_eq!(self.components(), 1, "{degrees:?}");
        assert!(
            degrees.iter().all(|&degree| degree <= KEEP_COMPLETE_MAX),
            "{degrees:?}"
        );
        assert!(degrees.iter().all(|&degree| degree >= least), "{degrees:?}");
        let (dials, messages) = (self.dials, self.pex_messages);
        self.run(Duration::from_secs(600));
        assert_eq!(self.dials - dials, 0, "a fleet at rest dials");
        assert_eq!(self.pex_messages - messages, 0, "a fleet at rest talks");
        assert!(
            self.nodes
                .iter()
                .all(|node| node.machine.next_timeout().is_none())
        );
    }
}

fn machine(index: usize, peer_id: PeerId, seed: u64) -> Membership {
    let config = MembershipConfig {
        max_links: MAX_LINKS,
        target_links: TARGET,
        max_half_open: 16,
        own_addresses: vec![addr(index)],
        peer_id,
        ipv6: false,
        loopback: false,
    };
    Membership::new(config, seed)
}

fn lost(link: LinkId) -> Input {
    let reason = LinkEnd::Lost;
    Input::LinkClosed { link, reason }
}
