//! The sockets of links, and how the swarms of a node share them.

use actix::Context;
use swarmlet_protocol::membership::Input;

use super::Discovery;

/// 24: links of a node's only swarm, if not said otherwise. A full mesh of 60 nodes would be 1,770 links;
/// the fleet must stay one graph with far fewer.
pub const MAX_LINKS: usize = 24;

/// 2 sockets beside the links: for those that begin and those that are being closed, so that a node with
/// one swarm stays under 30 with those that the kernel accepts for it. A newcomer that finds none
/// free comes again a few tens of milliseconds later.
const SPARE_SOCKETS: usize = 2;

/// 2 sockets more for whom somebody stands: while strangers are sent away, those whom we know need not
/// wait until they are gone.
const KNOWN_SOCKETS: usize = 2;

/// 300 links of a node with many swarms: a process may commonly have 1,024 descriptors, and its files
/// need some.
pub(crate) const NODE_LINKS: usize = 300;

/// 4 links for every swarm, however many there are: two that bring, two that may go.
const LEAST_LINKS: usize = 4;

/// How many links a node may have.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub struct LinkLimits {
    /// Of a swarm that is alone.
    most: usize,
    /// Of all swarms together, as far as the descriptors of the process go.
    affordable: usize,
}

impl LinkLimits {
    /// At most so many links of a swarm, and so many sockets of links.
    #[must_use]
    pub fn new(max_links: usize, sockets: usize) -> Self {
        let affordable = sockets.saturating_sub(SPARE_SOCKETS + KNOWN_SOCKETS).max(2);
        Self {
            most: max_links.min(affordable),
            affordable,
        }
    }

    /// Links of a swarm that is alone.
    #[must_use]
    pub const fn most(self) -> usize {
        self.most
    }

    /// Links that a node with so many swarms may have: each further one brings half as many as one alone may
    /// have, and never fewer than each swarm has for itself. Swarms that had all sockets of their node
    /// would let no newcomer in.
    fn node(self, swarms: usize) -> usize {
        let most = self.most;
        let further = (most / 2).saturating_mul(swarms.saturating_sub(1));
        let least = LEAST_LINKS.min(most).saturating_mul(swarms);
        let links = most.saturating_add(further).max(least);
        links.min(NODE_LINKS.max(most)).min(self.affordable)
    }

    /// Links that each of so many swarms may have: an equal part, so that none takes the others'.
    fn swarm(self, swarms: usize) -> usize {
        let part = self.node(swarms) / swarms.max(1);
        part.max(LEAST_LINKS).min(self.most)
    }
}

impl Discovery {
    /// Sockets of links, those that begin and those that say their last words included.
    pub(super) fn sockets(&self) -> usize {
        let links = self.state.links.values();
        links.filter(|link| !link.dropped).count() + self.state.dialing
    }

    /// Is there none left for another link?
    pub(super) fn lacks_sockets(&self) -> bool {
        self.sockets() >= self.most_sockets()
    }

    /// Is there none left even for a peer for which somebody stands?
    pub(super) fn lacks_all_sockets(&self) -> bool {
        self.sockets() >= self.most_sockets().saturating_add(KNOWN_SOCKETS)
    }

    fn most_sockets(&self) -> usize {
        let links = self.setup.links.node(self.state.swarms.len());
        links.saturating_add(SPARE_SOCKETS)
    }

    /// The number of swarms has changed: each may have another number of links.
    pub(super) fn share_sockets(&mut self, context: &mut Context<Self>) {
        let links = self.setup.links.swarm(self.state.swarms.len());
        for info_hash in self.all_swarms() {
            if info_hash != self.setup.rendezvous {
                self.member(info_hash, Input::SetMaxLinks(links), context);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_swarm_has_its_part_and_the_node_its_bound() {
        let plenty = |most| LinkLimits::new(most, usize::MAX);
        let links = |swarms, most| (plenty(most).node(swarms), plenty(most).swarm(swarms));
        assert_eq!(links(0, 24), (24, 24));
        assert_eq!(links(1, 24), (24, 24));
        assert_eq!(links(2, 24), (36, 18));
        assert_eq!(links(1, 500), (500, 500));
        assert_eq!(links(5, 2), (10, 2), "a socket for each link of each");
        for swarms in 1..=NODE_LINKS / LEAST_LINKS {
            let (node, swarm) = links(swarms, MAX_LINKS);
            assert!(swarms * swarm <= node && node <= NODE_LINKS);
        }
        assert_eq!(links(10_000, MAX_LINKS).1, LEAST_LINKS);
        for most in 2..=MAX_LINKS {
            for swarms in 1..=NODE_LINKS / LEAST_LINKS {
                let (node, swarm) = links(swarms, most);
                assert!(swarms * swarm <= node, "{swarms} swarms, {most} links");
            }
        }
    }

    #[test]
    fn no_more_links_than_the_descriptors_allow() {
        for sockets in 0..1_000 {
            let limits = LinkLimits::new(500, sockets);
            for swarms in 1..100 {
                let all = limits.node(swarms) + SPARE_SOCKETS + KNOWN_SOCKETS;
                assert!(all <= sockets.max(6), "{all} of {sockets}");
            }
        }
        assert_eq!(LinkLimits::new(24, 4).most(), 2);
        assert_eq!(LinkLimits::new(24, 20).most(), 16);
        assert_eq!(LinkLimits::new(24, 500).most(), 24);
    }
}
