//! The actor that opens our port at the router, so that peers beyond it can dial us.
//!
//! Asks by PCP, by NAT-PMP and by UPnP, in this order (`router`); when is decided by [`Renewal`].
//! Invariant: one attempt at a time, each of bounded length; the mapping is taken back at the end.

mod router;

use std::net::{IpAddr, SocketAddr};

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, ResponseActFuture,
    Supervised, WrapFuture,
};
use log::{debug, info, warn};
use swarmlet_protocol::port_map::Renewal;
use swarmlet_protocol::time::Timestamp;

use self::router::Mapping;
use crate::alarm::{Alarm, Alarmed, Bell};
use crate::clock::Clock;
use crate::messages::own_addresses::AddressesChanged;
use crate::messages::port_map::{PortMapped, StopPortMap};
use crate::messages::{Harm, Ping};

/// What the actor is made of.
#[derive(Debug)]
pub struct Setup {
    /// Where we listen (TCP).
    pub listen: SocketAddr,
    /// Who tells others where we are.
    pub told: Vec<Recipient<PortMapped>>,
    /// The node's clock.
    pub clock: Clock,
    /// Decides ties.
    pub seed: u64,
}

/// Opens our port.
#[derive(Debug)]
pub struct PortMap {
    setup: Setup,
    /// What the router granted; survives a restart, to be taken back at the end.
    mapping: Option<Mapping>,
    /// Our address has changed since: the router sends to the former one.
    moved: bool,
    /// The port that others were told.
    told: u16,
    renewal: Renewal,
    /// The router is being asked.
    asking: bool,
    stopping: bool,
    bell: Bell,
}

impl PortMap {
    /// Asks nobody yet.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        Self {
            mapping: None,
            moved: false,
            told: setup.listen.port(),
            renewal: Renewal::new(setup.seed, setup.clock.now()),
            asking: false,
            stopping: false,
            bell: Bell::default(),
            setup,
        }
    }

    fn ask(&mut self, context: &mut Context<Self>) {
        self.asking = true;
        let (listen, former) = (self.setup.listen, self.mapping.clone());
        let moved = std::mem::take(&mut self.moved);
        let asking = async move {
            match former {
                Some(former) if moved => {
                    // Else our port is taken, by what we were.
                    former.take_back().await;
                    router::ask(listen, None).await
                }
                former => router::ask(listen, former).await,
            }
        };
        context.spawn(asking.into_actor(self).map(|outcome, map, context| {
            map.asking = false;
            match outcome {
                Ok(mapping) if map.stopping => {
                    // It came too late to be told of; nobody waits for its end.
                    context.spawn(async move { mapping.take_back().await }.into_actor(map));
                }
                Ok(mapping) => map.granted(mapping),
                Err(why) => map.failed(&why),
            }
            if map.moved {
                // While the router was asked for what we were.
                map.renewal.moved(map.setup.clock.now());
            }
            map.bell.rouse();
        }));
    }

    fn granted(&mut self, mapping: Mapping) {
        self.renewal
            .granted(mapping.lease(), self.setup.clock.now());
        let port = mapping.external_port();
        if self.mapping.is_none() || self.told != port {
            info!(
                "the router {} sends port {port} to us ({mapping})",
                mapping.router()
            );
        } else {
            debug!("port {port} of the router was renewed");
        }
        self.mapping = Some(mapping);
        self.tell(port);
    }

    fn failed(&mut self, why: &str) {
        self.mapping = None;
        if self.renewal.failed(self.setup.clock.now()) {
            warn!(
                "the router does not open port {}: {why}; peers beyond it cannot dial us. Allow UPnP, \
                 NAT-PMP or PCP there, or forward the port by hand; trying again",
                self.setup.listen.port()
            );
        } else {
            debug!("the router does not open our port: {why}");
        }
        self.tell(self.setup.listen.port());
    }

    fn tell(&mut self, port: u16) {
        if std::mem::replace(&mut self.told, port) != port {
            for one in &self.setup.told {
                one.do_send(PortMapped(port));
            }
        }
    }

    /// A loopback address cannot be reached from anywhere.
    fn can_be_reached(&self) -> bool {
        match self.setup.listen.ip().to_canonical() {
            IpAddr::V4(ip) => !ip.is_loopback(),
            // Routers translate IPv4 only; of a node that listens on all addresses that is a part.
            IpAddr::V6(ip) => ip.is_unspecified(),
        }
    }
}

impl Actor for PortMap {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if self.can_be_reached() {
            context.spawn(Alarm::default());
        } else {
            warn!(
                "--port-map has no effect: {} is no IPv4 address that a router could send to",
                self.setup.listen.ip()
            );
        }
    }
}

impl Supervised for PortMap {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.asking = false;
        self.renewal = Renewal::new(self.setup.seed, self.setup.clock.now());
    }
}

impl Alarmed for PortMap {
    fn clock(&self) -> Clock {
        self.setup.clock
    }

    fn bell(&mut self) -> &mut Bell {
        &mut self.bell
    }

    fn deadline(&self) -> Option<Timestamp> {
        (!self.asking && !self.stopping).then(|| self.renewal.due())
    }

    fn ring(&mut self, context: &mut Context<Self>) {
        if !self.asking && !self.stopping {
            self.ask(context);
        }
    }
}

impl Handler<AddressesChanged> for PortMap {
    type Result = ();

    fn handle(&mut self, changed: AddressesChanged, _: &mut Self::Context) {
        if changed.0.is_outward() {
            self.moved = true;
            self.renewal.moved(self.setup.clock.now());
            self.bell.rouse();
        }
    }
}

impl Handler<StopPortMap> for PortMap {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: StopPortMap, _: &mut Self::Context) -> Self::Result {
        self.stopping = true;
        let mapping = self.mapping.take();
        let taking_back = async move {
            if let Some(mapping) = mapping {
                mapping.take_back().await;
            }
        };
        Box::pin(taking_back.into_actor(self))
    }
}

impl Handler<Ping> for PortMap {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<Harm> for PortMap {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("the port map", self, context);
    }
}
