//! The sweep of the own network, done: short dials to neighbours. Also holds the beacons' sockets.

use std::net::{Ipv4Addr, SocketAddr};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use swarmlet_protocol::membership::{Input, SWEEP_DIAL_TIMEOUT, Source, Sweeps};
use swarmlet_protocol::time::Timestamp;

use super::dial::connect;
use super::lan::Beacons;
use super::swarms::TARGET_LINKS;
use super::{Discovery, Setup};

/// How neighbours are looked for.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) sweeps: Sweeps,
    /// One per network on which beacons are spoken and heard.
    pub(super) beacons: Vec<Beacons>,
}

impl Search {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut sweeps = Sweeps::new(setup.seed);
        sweeps.replace(&setup.sweeps, setup.clock.now());
        Self {
            sweeps,
            beacons: Vec::new(),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.sweeps.next_timeout()
    }
}

impl Discovery {
    /// Dials the next neighbours that are due.
    pub(super) fn sweep(&mut self, context: &mut Context<Self>) {
        if self.state.stopping.is_some() {
            return;
        }
        let (now, main, port) = (self.now(), self.public_swarm(), self.setup.listen.port());
        let linked = self
            .state
            .swarms
            .get(&main)
            .map_or(&self.state.rendezvous.membership, |swarm| &swarm.membership);
        // Whom we know of already is membership's business,
        // and who is denied is not dialed.
        let access = &self.setup.access;
        let skip = |host: Ipv4Addr| {
            linked.has_heard_of(SocketAddr::from((host, port)))
                || access.check_address(host.into()).is_err()
        };
        for host in self.state.search.sweeps.next(now, skip) {
            self.try_host(SocketAddr::from((host, port)), context);
        }
    }

    fn try_host(&self, addr: SocketAddr, context: &mut Context<Self>) {
        let attempt = connect(self.setup.listen.ip(), addr, SWEEP_DIAL_TIMEOUT);
        context.spawn(
            attempt
                .into_actor(self)
                .map(move |outcome, discovery, context| {
                    if let SocketAddr::V4(addr) = addr {
                        discovery.state.search.sweeps.dial_ended(*addr.ip());
                    }
                    if let Ok(stream) = outcome {
                        let main = discovery.public_swarm();
                        let found = Input::AddressLearned {
                            addr,
                            source: Source::Sweep,
                        };
                        discovery.member(main, found, context);
                        // With links enough, it is for membership to visit it.
                        if discovery.sockets() < TARGET_LINKS {
                            discovery.open(stream, addr, Some(addr), main, context);
                        }
                    }
                    discovery.sweep(context);
                    discovery.bell.rouse();
                }),
        );
    }

    /// The number of links may have changed: a node with links sweeps at its slow beat.
    pub(super) fn linked(&mut self, _: &mut Context<Self>) {
        let now = self.now();
        let mut swarms = self.state.swarms.values();
        // A swarm without links has nobody yet; without a swarm it is the rendezvous that counts.
        let linked = match self.state.swarms.is_empty() {
            true => self.state.rendezvous.membership.link_count() > 0,
            false => swarms.all(|swarm| swarm.membership.link_count() > 0),
        };
        self.state.search.sweeps.set_linked(linked, now);
    }
}
