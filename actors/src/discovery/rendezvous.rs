//! The rendezvous: nodes that do not know their swarm are told of it here.

use actix::Context;
use log::{error, info, warn};
use swarmlet_protocol::extension::{MAX_RENDEZVOUS_PEERS, SwarmEntry, SwarmsMessage};
use swarmlet_protocol::id::{InfoHash, LinkId};
use swarmlet_protocol::membership::{
    HeardSwarm, Input, Join, JoinInput, JoinOutput, Membership, Source,
};
use swarmlet_protocol::session::Input as SessionInput;

use super::swarms::{TARGET_LINKS, membership};
use super::{Discovery, Setup};
use crate::maps::{HashMap, HashSet};
use crate::messages::session::SessionCommand;
use crate::messages::supervisor::JoinSwarm;

/// Meeting those who know more, or less.
#[derive(Debug)]
pub(super) struct Rendezvous {
    pub(super) membership: Membership,
    pub(super) join: Join,
    /// What each linked peer serves.
    heard: HashMap<LinkId, HashSet<InfoHash>>,
    /// Other swarms than ours that the log has spoken of.
    warned: HashSet<InfoHash>,
}

/// 64: other swarms that the log speaks of in one life: a stranger must not fill it.
const MAX_WARNED: usize = 64;

impl Rendezvous {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            membership: membership(setup, setup.rendezvous, TARGET_LINKS),
            join: Join::new(setup.wanted.clone()),
            heard: HashMap::default(),
            warned: HashSet::default(),
        }
    }
}

impl Discovery {
    /// The node begins: the rendezvous learns the addresses, unless we know a swarm already.
    pub(super) fn begin(&mut self, context: &mut Context<Self>) {
        let rendezvous = self.setup.rendezvous;
        self.ban_in(rendezvous, context);
        if !self.state.swarms.is_empty() {
            self.member(rendezvous, Input::SetTarget(0), context);
        }
        self.feed(rendezvous, context);
    }

    /// Tells a peer what we serve and whom we know: at the rendezvous of all swarms, and in a swarm of
    /// that one.
    pub(super) fn send_swarms(&self, link: LinkId) {
        let rendezvous = self.setup.rendezvous;
        let place = self.state.links.get(&link).map(|link| link.swarm);
        let fits = |swarm: &InfoHash| place.is_none_or(|at| at == rendezvous || at == *swarm);
        let swarms = self.state.swarms.iter().filter_map(|(&info_hash, swarm)| {
            if swarm.membership.is_private() {
                return None;
            }
            let (name, size) = swarm.content.clone()?;
            Some(SwarmEntry {
                info_hash,
                name,
                size,
                configured: swarm.configured,
            })
        });
        let mut peers: Vec<_> = self
            .state
            .swarms
            .iter()
            .filter(|(info_hash, _)| fits(info_hash))
            .map(|(_, swarm)| &swarm.membership)
            .chain([&self.state.rendezvous.membership])
            .flat_map(Membership::tellable)
            .collect();
        let mut seen = HashSet::default();
        peers.retain(|&peer| seen.insert(peer));
        peers.truncate(MAX_RENDEZVOUS_PEERS);
        let message = SwarmsMessage {
            swarms: swarms.collect(),
            peers,
        };
        self.command(
            link,
            SessionCommand::Protocol(SessionInput::SendSwarms(message)),
        );
    }

    /// What we serve has changed: everybody at the rendezvous hears of it at once. Those who serve
    /// it as well need the rendezvous no longer.
    pub(super) fn push_swarms(&mut self, context: &mut Context<Self>) {
        let rendezvous = self.setup.rendezvous;
        let links = self
            .state
            .links
            .iter()
            .filter(|(_, link)| link.swarm == rendezvous);
        for id in links.map(|(&id, _)| id).collect::<Vec<_>>() {
            self.send_swarms(id);
            self.part(id, context);
        }
    }

    /// A peer told what it serves and whom it knows.
    pub(super) fn heard_swarms(
        &mut self,
        id: LinkId,
        message: SwarmsMessage,
        context: &mut Context<Self>,
    ) {
        let Some(link) = self.state.links.get(&id) else {
            return;
        };
        let at_rendezvous = link.swarm == self.setup.rendezvous;
        let swarms = if at_rendezvous {
            self.all_swarms()
        } else {
            vec![link.swarm]
        };
        let from = link.remote.ip();
        for &info_hash in &swarms {
            let addresses = message.peers.clone();
            self.member(info_hash, Input::AddressesTold { addresses, from }, context);
        }
        self.save_later(context);
        if !at_rendezvous {
            return;
        }
        let message_is_empty = message.swarms.is_empty();
        let heard = message.swarms.iter().map(|swarm| swarm.info_hash).collect();
        self.state.rendezvous.heard.insert(id, heard);
        let swarms: Vec<_> = message
            .swarms
            .into_iter()
            .map(
                |SwarmEntry {
                     info_hash,
                     name,
                     size,
                     configured,
                 }| HeardSwarm {
                    info_hash,
                    name,
                    size,
                    configured,
                },
            )
            .collect();
        let complete = !message_is_empty;
        self.member(
            self.setup.rendezvous,
            Input::PeerComplete { link: id, complete },
            context,
        );
        self.warn_of_others(&swarms);
        self.consider(JoinInput::Heard { link: id, swarms });
        self.part(id, context);
    }

    /// We learned our swarm in an earlier life, and somebody has another one in its configuration:
    /// perhaps the fleet has moved on. What was learned is not given up for a stranger's word, but
    /// the operator hears of it.
    fn warn_of_others(&mut self, heard: &[HeardSwarm]) {
        if self.setup.wanted.is_some() {
            // The operator has chosen.
            return;
        }
        let ours = &self.state.swarms;
        let Some(learned) = ours
            .keys()
            .next()
            .filter(|_| !ours.values().any(|swarm| swarm.configured))
        else {
            return;
        };
        let others = heard.iter().filter(|swarm| swarm.configured);
        for other in others.filter(|other| !ours.contains_key(&other.info_hash)) {
            let warned = &mut self.state.rendezvous.warned;
            if warned.len() < MAX_WARNED && warned.insert(other.info_hash) {
                warn!(
                    "a peer has swarm {} ({} bytes) in its config; this node learned {learned} and \
                     keeps to it: to follow that peer, start it with --swarm {}",
                    other.info_hash, other.size, other.info_hash
                );
            }
        }
    }

    pub(super) fn forget_swarms(&mut self, link: LinkId) {
        self.state.rendezvous.heard.remove(&link);
        self.consider(JoinInput::LinkClosed { link });
    }

    /// Which swarm to join, while we have none.
    pub(super) fn consider(&mut self, input: JoinInput) {
        if !self.state.swarms.is_empty() {
            return;
        }
        let now = self.now();
        match self.state.rendezvous.join.handle(input, now) {
            Some(JoinOutput::Join { info_hash }) => {
                info!("joining {info_hash}, which a peer serves");
                self.setup.join.do_send(JoinSwarm { info_hash });
            }
            Some(JoinOutput::Problem(problem)) => error!("cannot join a swarm: {problem}"),
            None => {}
        }
    }

    /// Ends a rendezvous link whose both ends know a common swarm, and meets the peer there.
    fn part(&mut self, id: LinkId, context: &mut Context<Self>) {
        let Some(heard) = self.state.rendezvous.heard.get(&id) else {
            return;
        };
        let common: Vec<_> = heard
            .iter()
            .filter(|info_hash| {
                self.state
                    .swarms
                    .get(info_hash)
                    .is_some_and(|swarm| swarm.content.is_some())
            })
            .copied()
            .collect();
        if common.is_empty() {
            return;
        }
        let listens = self.state.rendezvous.membership.address_of(id);
        self.hang_up(id, "both ends serve the same swarm", context);
        if let Some(addr) = listens {
            for info_hash in common {
                let source = Source::Rendezvous;
                self.member(info_hash, Input::AddressLearned { addr, source }, context);
            }
        }
    }
}
