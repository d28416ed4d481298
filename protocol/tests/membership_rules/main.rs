//! The rules of `Membership`, one node at a time.

mod dials;
mod links;
mod moves;
mod private;
mod sharing;
mod strangers;

use std::net::SocketAddr;
use std::time::Duration;

use swarmlet_protocol::id::{LinkId, PeerId};
use swarmlet_protocol::membership::*;
use swarmlet_protocol::time::Timestamp;

/// One node and its clock.
struct Node {
    machine: Membership,
    now: Timestamp,
    links: u64,
}

impl Node {
    /// A node named by fives, with the address 10.0.0.5:6881.
    fn new(max_links: usize, target_links: usize) -> Self {
        let config = MembershipConfig {
            max_links,
            target_links,
            max_half_open: 16,
            own_addresses: vec![addr(5)],
            peer_id: id(5),
            ipv6: false,
            loopback: false,
        };
        Self {
            machine: Membership::new(config, 1),
            now: Timestamp::from_millis(1),
            links: 0,
        }
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.machine.handle(input, self.now, &mut out);
        out
    }

    fn wait(&mut self, millis: u64) -> Vec<Output> {
        self.now = self.now + Duration::from_millis(millis);
        self.tell(Input::Tick)
    }

    fn learn(&mut self, number: u32, source: Source) -> Vec<Output> {
        self.tell(Input::AddressLearned {
            addr: addr(number),
            source,
        })
    }

    fn fail(&mut self, number: u32, reason: DialFailure) -> Vec<Output> {
        self.tell(Input::DialFailed {
            addr: addr(number),
            reason,
        })
    }

    fn open(&mut self, number: u32, dialed: bool) -> (LinkId, Vec<Output>) {
        self.links += 1;
        let link = LinkId(self.links);
        let out = self.tell(Input::LinkOpened {
            link,
            remote: addr(number).ip(),
            dialed: dialed.then(|| addr(number)),
        });
        (link, out)
    }

    fn ready(&mut self, link: LinkId, number: u32, peer: PeerId) -> Vec<Output> {
        self.ready_as(link, number, peer, true)
    }

    fn ready_as(&mut self, link: LinkId, number: u32, peer_id: PeerId, fleet: bool) -> Vec<Output> {
        self.tell(Input::LinkReady {
            link,
            peer_id,
            listen: Some(addr(number)),
            fleet,
            pex: true,
        })
    }

    /// A whole link with a peer of the name that its number says.
    fn link(&mut self, number: u32, dialed: bool) -> (LinkId, Vec<Output>) {
        let (link, mut out) = self.open(number, dialed);
        out.extend(self.ready(link, number, id(number)));
        (link, out)
    }

    fn closed(&mut self, link: LinkId, reason: LinkEnd) -> Vec<Output> {
        self.tell(Input::LinkClosed { link, reason })
    }

    fn admit(&mut self, number: u32) -> (bool, Vec<Output>) {
        let mut out = Vec::new();
        let ok = self.machine.admit(addr(number).ip(), self.now, &mut out);
        (ok, out)
    }
}

fn addr(number: u32) -> SocketAddr {
    SocketAddr::from(((0x0a00_0000 + number).to_be_bytes(), 6881))
}

fn id(number: u32) -> PeerId {
    let mut id = [0; 20];
    id[16..].copy_from_slice(&number.to_be_bytes());
    PeerId(id)
}

fn dials(out: &[Output]) -> Vec<SocketAddr> {
    let dial = |output: &Output| match output {
        Output::Dial { addr } => Some(*addr),
        _ => None,
    };
    out.iter().filter_map(dial).collect()
}

fn closes(out: &[Output]) -> Vec<(LinkId, CloseReason)> {
    let close = |output: &Output| match output {
        Output::Close { link, reason } => Some((*link, *reason)),
        _ => None,
    };
    out.iter().filter_map(close).collect()
}

fn pexes(out: &[Output]) -> Vec<(LinkId, Vec<SocketAddr>, Vec<SocketAddr>)> {
    let pex = |output: &Output| match output {
        Output::Pex {
            link,
            added,
            dropped,
        } => Some((
            *link,
            added.iter().map(|peer| peer.addr).collect(),
            dropped.clone(),
        )),
        _ => None,
    };
    out.iter().filter_map(pex).collect()
}

/// The number of the node that listens there.
fn number(addr: SocketAddr) -> u32 {
    let std::net::IpAddr::V4(ip) = addr.ip() else {
        unreachable!();
    };
    u32::from_be_bytes(ip.octets()) - 0x0a00_0000
}
