//! Swarms and their membership: inputs go in, and what comes out is done.

use std::net::SocketAddr;
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, Recipient, WrapFuture};
use log::debug;
use swarmlet_protocol::extension::{PexMessage, PexPeer};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::membership::{
    CloseReason, Input, Membership, MembershipConfig, Output, Source,
};
use swarmlet_protocol::session::Input as SessionInput;
use tokio::sync::oneshot;

use super::{Discovery, Setup};
use crate::messages::discovery::SwarmStarted;
use crate::messages::scheduler::OpenLink;
use crate::messages::session::SessionCommand;
use crate::state::Addresses;
use crate::workers::spawn_blocking;

/// 12: a node dials while it has fewer links. The rest of its links come to it.
pub(super) const TARGET_LINKS: usize = 12;

/// 64: dials under way at once: every address of a state file at a start.
const MAX_HALF_OPEN: usize = 64;

/// 100 ms: peers are saved so long after the first change. A node may live for a second only.
const SAVE_DELAY: Duration = Duration::from_millis(100);

/// One swarm that this node serves or wants.
#[derive(Debug)]
pub(super) struct Swarm {
    pub(super) membership: Membership,
    pub(super) scheduler: Recipient<OpenLink>,
    pub(super) content: Option<(String, u64)>,
    pub(super) configured: bool,
}

/// The machine of a swarm, with our addresses and limits.
pub(super) fn membership(setup: &Setup, info_hash: InfoHash, target_links: usize) -> Membership {
    let salt = u64::from_le_bytes(info_hash.0[..8].try_into().unwrap_or_default());
    let config = MembershipConfig {
        max_links: setup.links.most(),
        target_links,
        max_half_open: MAX_HALF_OPEN,
        own_addresses: setup.own.clone(),
        peer_id: setup.peer_id,
        ipv6: setup.listen.is_ipv6(),
        loopback: setup.listen.ip().is_loopback(),
    };
    Membership::new(config, setup.seed ^ salt)
}

impl Discovery {
    /// A swarm runs, or its content became known.
    pub(super) fn start_swarm(&mut self, started: SwarmStarted, context: &mut Context<Self>) {
        let info_hash = started.info_hash;
        if let Some(swarm) = self.state.swarms.get_mut(&info_hash) {
            swarm.content = started.content;
            if started.private {
                self.member(info_hash, Input::Private, context);
            }
            self.save_later(context);
            self.push_swarms(context);
            return;
        }
        let peers = started.peers;
        let swarm = Swarm {
            membership: membership(&self.setup, info_hash, TARGET_LINKS),
            scheduler: started.scheduler,
            content: started.content,
            configured: started.configured,
        };
        self.state.swarms.insert(info_hash, swarm);
        self.share_sockets(context);
        self.ban_in(info_hash, context);
        if started.private {
            self.member(info_hash, Input::Private, context);
        }
        self.feed(info_hash, context);
        self.feed_listed(info_hash, &peers, context);
        self.start_resolving(&peers, Some(info_hash), context);
        for addr in self.state.rendezvous.membership.known().collect::<Vec<_>>() {
            let input = Input::AddressLearned {
                addr,
                source: Source::Rendezvous,
            };
            self.member(info_hash, input, context);
        }
        // From now on the rendezvous is for those who do not know a swarm.
        self.member(self.setup.rendezvous, Input::SetTarget(0), context);
        // At the rendezvous, to be complete is to know a swarm.
        self.member(self.setup.rendezvous, Input::SelfComplete(true), context);
        self.push_swarms(context);
        self.beacon(context);
    }

    /// Tells a machine the addresses that the node was started with. A remembered one is for its own
    /// swarm; at the rendezvous, and in a swarm of which nothing was remembered, all are worth a try.
    pub(super) fn feed(&mut self, info_hash: InfoHash, context: &mut Context<Self>) {
        let listed = self.setup.listed.clone();
        self.feed_listed(info_hash, &listed, context);
        let of_all = info_hash == self.setup.rendezvous
            || !self.setup.remembered.contains_key(&info_hash) && self.state.swarms.len() < 2;
        let of_this = |addresses: &Addresses| -> Vec<SocketAddr> {
            let fit = addresses
                .iter()
                .filter(|(swarm, _)| of_all || **swarm == info_hash);
            fit.flat_map(|(_, peers)| peers).copied().collect()
        };
        let remembered = of_this(&self.setup.remembered).into_iter();
        let hearsay = of_this(&self.setup.hearsay).into_iter();
        let remembered = remembered.map(|addr| (addr, Source::State));
        let hearsay = hearsay.map(|addr| (addr, Source::Rendezvous));
        for (addr, source) in remembered.chain(hearsay).collect::<Vec<_>>() {
            self.member(info_hash, Input::AddressLearned { addr, source }, context);
        }
    }

    /// One input to a machine, and everything that follows from it.
    pub(super) fn member(
        &mut self,
        info_hash: InfoHash,
        input: Input,
        context: &mut Context<Self>,
    ) {
        let now = self.now();
        let mut out = Vec::new();
        if let Some(membership) = self.membership(info_hash) {
            membership.handle(input, now, &mut out);
        }
        self.perform(info_hash, out, context);
    }

    pub(super) fn perform(
        &mut self,
        info_hash: InfoHash,
        out: Vec<Output>,
        context: &mut Context<Self>,
    ) {
        for output in out {
            match output {
                Output::Close { link, reason } => {
                    // Who must go without a fault of its own hears our last words: addresses.
                    let politely =
                        matches!(reason, CloseReason::MakeRoom | CloseReason::BothComplete);
                    self.close(link, &reason.to_string(), politely);
                }
                Output::Doubt { link } => self.command(link, SessionCommand::Doubt),
                Output::Dial { addr } => self.dial(info_hash, addr, context),
                Output::KnownChanged => self.save_later(context),
                Output::Pex {
                    link,
                    added,
                    dropped,
                } => {
                    if info_hash == self.setup.rendezvous {
                        self.send_swarms(link);
                        continue;
                    }
                    let added = added
                        .into_iter()
                        .map(|peer| PexPeer {
                            address: peer.addr,
                            flags: peer.flags,
                        })
                        .collect();
                    let pex = SessionInput::SendPex(PexMessage { added, dropped });
                    self.command(link, SessionCommand::Protocol(pex));
                }
                Output::SelfDetected { addr } => {
                    debug!("{addr} is this node itself");
                    if !self.setup.own.contains(&addr) {
                        self.setup.own.push(addr);
                    }
                }
                Output::Stranger { addr } => {
                    if info_hash != self.setup.rendezvous {
                        let rendezvous = self.setup.rendezvous;
                        self.member(rendezvous, Input::DialOnce { addr }, context);
                    }
                }
            }
        }
    }

    /// Remembers the peers soon; several changes share one write.
    pub(super) fn save_later(&mut self, context: &mut Context<Self>) {
        self.state.unsaved = true;
        if self.setup.state.is_none() || std::mem::replace(&mut self.state.saving, true) {
            return;
        }
        // The more there is to write, the less often it is.
        let delay = SAVE_DELAY * (1 + self.state.swarms.len() as u32 / 10);
        context.run_later(delay, |discovery, context| discovery.save(None, context));
    }

    /// Remembers the peers, and tells `done` when that is on the disk.
    pub(super) fn save(&mut self, done: Option<oneshot::Sender<()>>, context: &mut Context<Self>) {
        let Some(state) = self.setup.state.clone() else {
            return;
        };
        let (mut peers, mut hearsay) = (Addresses::new(), Addresses::new());
        for info_hash in self.all_swarms() {
            // Of a private swarm nothing is believed but what its trackers say in each life.
            if let Some(membership) = self.membership(info_hash)
                && !membership.is_private()
            {
                peers.insert(info_hash, membership.known().collect());
                hearsay.insert(info_hash, membership.hearsay().collect());
            }
        }
        let learned = self
            .state
            .swarms
            .iter()
            .find(|(_, swarm)| !swarm.configured && swarm.content.is_some());
        let learned = learned.map(|(&info_hash, _)| info_hash);
        self.state.unsaved = false;
        let write = spawn_blocking(move || state.or_warn(state.save_node(learned, peers, hearsay)));
        context.spawn(write.into_actor(self).map(|_, discovery, context| {
            discovery.state.saving = false;
            if discovery.state.unsaved && discovery.state.stopping.is_none() {
                discovery.save_later(context);
            }
            drop(done);
        }));
    }
}
