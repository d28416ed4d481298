//! The sockets of links, and how the swarms of a node share them.

use actix::Context;
use swarmlet_protocol::membership::Input;

use super::Discovery;

/// 24: links of a node's only swarm. A full mesh of 60 nodes would be 1,770 links; the fleet must stay
/// one graph with far fewer.
pub(super) const SWARM_LINKS: usize = 24;

/// 2 sockets beside the links: for those that begin and those that are being closed, so that a node with
/// one swarm stays under 30 with those that the kernel accepts for it. A newcomer that finds none
/// free comes again a few tens of milliseconds later.
const SPARE: usize = 2;

/// 12 more links for each further swarm ...
const FURTHER_LINKS: usize = 12;

/// ... up to 300 in all: a process may commonly have 1,024 descriptors, and its files need some.
const NODE_LINKS: usize = 300;

/// 4 links for every swarm, however many there are: two that bring, two that may go.
const LEAST_LINKS: usize = 4;

/// Links that a node with so many swarms may have.
const fn node_links(swarms: usize) -> usize {
    let links = SWARM_LINKS + FURTHER_LINKS * swarms.saturating_sub(1);
    if links < NODE_LINKS {
        links
    } else {
        NODE_LINKS
    }
}

/// Links that each of so many swarms may have: an equal part, so that none takes the others'.
fn swarm_links(swarms: usize) -> usize {
    (node_links(swarms) / swarms.max(1)).clamp(LEAST_LINKS, SWARM_LINKS)
}

impl Discovery {
    /// Sockets of links, those that begin and those that are being closed included.
    pub(super) fn sockets(&self) -> usize {
        self.state.links.len() + self.state.dialing
    }

    /// Is there none left for another link?
    pub(super) fn lacks_sockets(&self) -> bool {
        self.sockets() >= node_links(self.state.swarms.len()) + SPARE
    }

    /// The number of swarms has changed: each may have another number of links.
    pub(super) fn share_sockets(&mut self, context: &mut Context<Self>) {
        let links = swarm_links(self.state.swarms.len());
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
        assert_eq!((node_links(0), swarm_links(0)), (24, 24));
        assert_eq!((node_links(1), swarm_links(1)), (24, 24));
        assert_eq!((node_links(2), swarm_links(2)), (36, 18));
        for swarms in 1..=NODE_LINKS / LEAST_LINKS {
            assert!(swarms * swarm_links(swarms) <= node_links(swarms));
            assert!(node_links(swarms) <= NODE_LINKS);
        }
        assert_eq!(swarm_links(10_000), LEAST_LINKS);
    }
}
