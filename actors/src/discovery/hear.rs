//! What peers tell of other peers.

use actix::Context;
use swarmlet_protocol::extension::{PexMessage, flags};
use swarmlet_protocol::id::LinkId;
use swarmlet_protocol::membership::Input;

use super::Discovery;

impl Discovery {
    pub(super) fn heard_pex(&mut self, id: LinkId, pex: &PexMessage, context: &mut Context<Self>) {
        let Some(link) = self.state.links.get(&id) else {
            return;
        };
        let swarm = link.swarm;
        let added = pex
            .added
            .iter()
            .map(|peer| (peer.address, peer.flags & flags::SEED != 0))
            .collect();
        let dropped = pex.dropped.clone();
        self.member(
            swarm,
            Input::PexReceived {
                link: id,
                added,
                dropped,
            },
            context,
        );
    }
}
