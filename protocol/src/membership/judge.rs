//! Judges a membership under anything that a network does, for tests and fuzz targets.
#![allow(clippy::unwrap_used, reason = "a judge may panic: that is its verdict")]
#![allow(
    unreachable_pub,
    reason = "the fuzz targets reach it, with their feature"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use super::{
    DialFailure, Input, LinkEnd, MAX_VISITORS, Membership, MembershipConfig, Output, Source,
};
use crate::id::{LinkId, PeerId};
use crate::time::Timestamp;

const MAX_LINKS: usize = 6;
const OWN: u8 = 0;

fn addr(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1 + number % 24], 6881))
}

/// A membership, and its dials and links by the book.
#[derive(Debug)]
pub struct World {
    machine: Membership,
    now: Timestamp,
    dialing: BTreeSet<SocketAddr>,
    links: BTreeMap<LinkId, Option<PeerId>>,
    own: BTreeSet<SocketAddr>,
    out: Vec<Output>,
    steps: u64,
}

impl World {
    /// Nobody is known.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let config = MembershipConfig {
            max_links: MAX_LINKS,
            target_links: 4,
            max_half_open: 3,
            own_addresses: vec![addr(OWN)],
            peer_id: PeerId([100; 20]),
            ipv6: false,
            loopback: false,
        };
        Self {
            machine: Membership::new(config, seed),
            now: Timestamp::from_millis(1),
            dialing: BTreeSet::new(),
            links: BTreeMap::new(),
            own: BTreeSet::from([addr(OWN)]),
            out: Vec::new(),
            steps: 0,
        }
    }

    /// After so many milliseconds something happens, to whom and how `one` and `two` say.
    pub fn step(&mut self, kind: u8, one: u8, two: u8, wait: u64) {
        self.now = self.now + Duration::from_millis(wait);
        let input = self.input(kind, one, two, wait);
        self.machine.handle(input, self.now, &mut self.out);
        self.follow();
    }

    fn input(&mut self, kind: u8, one: u8, two: u8, wait: u64) -> Input {
        let new = LinkId(self.steps);
        self.steps += 1;
        let link = self
            .links
            .keys()
            .nth(usize::from(one) % self.links.len().max(1))
            .copied();
        let link = link.unwrap_or(LinkId(u64::MAX));
        let dialed = self
            .dialing
            .iter()
            .nth(usize::from(one) % self.dialing.len().max(1))
            .copied();
        let sources = [
            Source::Listed,
            Source::State,
            Source::Lan,
            Source::Rendezvous,
        ];
        match kind {
            0 => Input::AddressLearned {
                addr: addr(one),
                source: sources[usize::from(two % 4)],
            },
            1 if two < 40 => {
                let until = self.now + Duration::from_millis(wait * 10);
                Input::Ban {
                    ip: addr(one).ip(),
                    until,
                    spared: vec![link],
                }
            }
            2 => Input::DialOnce { addr: addr(one) },
            3 if dialed.is_some() => {
                let addr = dialed.unwrap();
                self.dialing.remove(&addr);
                Input::DialFailed {
                    addr,
                    reason: DialFailure::Refused,
                }
            }
            4 | 5 if dialed.is_some() => {
                let addr = dialed.unwrap();
                self.dialing.remove(&addr);
                self.links.insert(new, None);
                Input::LinkOpened {
                    link: new,
                    remote: addr.ip(),
                    dialed,
                }
            }
            6 | 7 => {
                if self.machine.admit(addr(one).ip(), self.now, &mut self.out) {
                    self.links.insert(new, None);
                    Input::LinkOpened {
                        link: new,
                        remote: addr(one).ip(),
                        dialed: None,
                    }
                } else {
                    Input::Tick
                }
            }
            8 | 9 => {
                let peer_id = PeerId([90 + two % 20; 20]);
                if let Some(peer @ None) = self.links.get_mut(&link) {
                    *peer = Some(peer_id);
                }
                let (fleet, pex) = (two & 32 == 0, two & 64 == 0);
                Input::LinkReady {
                    link,
                    peer_id,
                    listen: Some(addr(one)),
                    fleet,
                    pex,
                }
            }
            10 => Input::PeerComplete {
                link,
                complete: two & 1 == 0,
            },
            11 => Input::PexReceived {
                link,
                added: vec![(addr(one), two & 1 == 0)],
                dropped: vec![addr(two)],
            },
            12 if two < 50 => Input::SelfComplete(two & 1 == 0),
            12 if two >= 200 => Input::SetMaxLinks(usize::from(two) % (MAX_LINKS + 1)),
            12 if two < 80 => Input::SetTarget(usize::from(two % 8)),
            12 if two < 120 => {
                self.own = BTreeSet::from([addr(OWN), addr(one)]);
                self.dialing.remove(&addr(one));
                Input::OwnAddresses {
                    own: self.own.iter().copied().collect(),
                    moved: two < 100,
                }
            }
            13 => {
                self.links.remove(&link);
                Input::LinkClosed {
                    link,
                    reason: LinkEnd::Lost,
                }
            }
            _ => Input::Tick,
        }
    }

    fn follow(&mut self) {
        for output in std::mem::take(&mut self.out) {
            match output {
                Output::Close { link, .. } => {
                    assert!(self.links.remove(&link).is_some(), "closed twice");
                }
                Output::Dial { addr } => {
                    assert!(!self.own.contains(&addr), "dialed itself");
                    assert!(!self.machine.is_linked(addr), "dialed a linked peer");
                    assert!(self.dialing.insert(addr), "dialed twice at once");
                    assert!(self.dialing.len() <= 3);
                }
                Output::SelfDetected { addr } => {
                    self.dialing.remove(&addr);
                    self.own.insert(addr);
                }
                Output::Doubt { link } => assert!(self.links.contains_key(&link)),
                Output::Pex {
                    link,
                    added,
                    dropped,
                } => {
                    assert!(self.links.contains_key(&link));
                    assert!(!added.is_empty() || !dropped.is_empty());
                    assert!(added.iter().all(|peer| !dropped.contains(&peer.addr)));
                    assert!(added.iter().all(|peer| !self.own.contains(&peer.addr)));
                }
                _ => {}
            }
        }
    }

    /// Looks at everything. Takes longer than a step.
    pub fn look(&self) {
        assert!(self.machine.link_count() <= MAX_LINKS);
        // The rest are visitors, who are told whom else to try.
        let visitors = self.links.len() - self.machine.link_count();
        assert!(visitors <= MAX_VISITORS, "{} visitors", visitors);
        let peers: Vec<_> = self.links.values().flatten().collect();
        let distinct: BTreeSet<_> = peers.iter().collect();
        assert_eq!(peers.len(), distinct.len(), "two links with one peer");
        assert!(!peers.contains(&&PeerId([100; 20])), "a link with itself");
        assert!(self.machine.known().all(|addr| !self.own.contains(&addr)));
        assert!(
            self.machine.next_timeout().is_none_or(|at| at > self.now),
            "it spins"
        );
    }
}
