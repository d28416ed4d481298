//! The sweep of the own network, done: short dials to neighbours. Also holds the beacons' sockets.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use swarmlet_protocol::membership::{Input, SWEEP_DIAL_TIMEOUT, Source, Sweep};
use swarmlet_protocol::time::Timestamp;
use tokio::net::UdpSocket;

use super::dial::connect;
use super::swarms::TARGET_LINKS;
use super::{Discovery, Setup};

/// One sweep per network that we are in.
#[derive(Debug)]
pub(super) struct Search {
    sweeps: Vec<Sweep>,
    /// One socket per network on which beacons are spoken and heard, with our address there.
    pub(super) beacons: Vec<(Ipv4Addr, Arc<UdpSocket>)>,
}

impl Search {
    pub(super) fn new(setup: &Setup) -> Self {
        let sweep = |(number, (network, own)): (usize, &(_, Ipv4Addr))| {
            let network: &swarmlet_protocol::address::Cidr = network;
            Sweep::new(network.hosts(), *own, setup.seed ^ number as u64)
        };
        Self {
            sweeps: setup.sweeps.iter().enumerate().map(sweep).collect(),
            beacons: Vec::new(),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        self.sweeps.iter().filter_map(Sweep::next_timeout).min()
    }
}

impl Discovery {
    /// Dials the next neighbours that are due.
    pub(super) fn sweep(&mut self, context: &mut Context<Self>) {
        if self.state.stopping.is_some() {
            return;
        }
        let (now, main, port) = (self.now(), self.public_swarm(), self.setup.listen.port());
        for number in 0..self.state.search.sweeps.len() {
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
            let hosts = self.state.search.sweeps[number].next(now, 0, skip);
            for host in hosts {
                self.try_host(number, SocketAddr::from((host, port)), context);
            }
        }
    }

    fn try_host(&self, sweep: usize, addr: SocketAddr, context: &mut Context<Self>) {
        let attempt = connect(self.setup.listen.ip(), addr, SWEEP_DIAL_TIMEOUT);
        context.spawn(
            attempt
                .into_actor(self)
                .map(move |outcome, discovery, context| {
                    if let (Some(sweep), SocketAddr::V4(addr)) =
                        (discovery.state.search.sweeps.get_mut(sweep), addr)
                    {
                        sweep.dial_ended(*addr.ip());
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
        for sweep in &mut self.state.search.sweeps {
            sweep.set_linked(linked, now);
        }
    }
}
