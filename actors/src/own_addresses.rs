//! The actor that looks which addresses this machine has, and tells who must know when they change.
//!
//! What has changed for this node is decided by [`Machine`]. Invariant: one look at a time, and what
//! cannot be seen is not taken for gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix::{
    Actor, ActorFutureExt, AsyncContext, Context, Handler, Recipient, Supervised, WrapFuture,
};
use log::{debug, info};
use swarmlet_protocol::own_addresses::{Change, Interface, OwnAddresses as Machine, Searched};

use crate::messages::own_addresses::AddressesChanged;
use crate::messages::{Harm, Ping};
use crate::reason::reason;
use crate::workers::spawn_blocking;

/// 2 s: how often it is looked. A look was measured to take 89 us with 5 addresses and 6 ms with a
/// thousand, and it waits while somebody else changes them: so it is a worker's, not the node's.
const LOOK: Duration = Duration::from_secs(2);

/// The addresses that the machine has now; none if it does not say.
#[must_use]
pub fn interfaces() -> Option<Vec<Interface>> {
    let interfaces = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            debug!("the machine does not say its addresses: {}", reason(&error));
            return None;
        }
    };
    let interfaces = interfaces.into_iter().map(|one| Interface {
        ip: one.ip(),
        number: one.index.unwrap_or_default(),
    });
    Some(interfaces.collect())
}

/// What the actor is made of.
#[derive(Debug)]
pub struct Setup {
    /// What the node was started with.
    pub machine: Machine,
    /// Who must know.
    pub told: Vec<Recipient<AddressesChanged>>,
}

/// Looks which addresses this machine has.
#[derive(Debug)]
pub struct OwnAddresses {
    setup: Setup,
    looking: bool,
}

impl OwnAddresses {
    /// Looks at nothing yet.
    #[must_use]
    pub const fn new(setup: Setup) -> Self {
        Self {
            setup,
            looking: false,
        }
    }

    /// Of a node that listens there, as the machine is now.
    #[must_use]
    pub fn machine(listen: SocketAddr, searched: Searched) -> Machine {
        #[cfg(feature = "simulation")]
        if crate::simulation::is_on() {
            return Machine::new(listen, searched, &[]);
        }
        Machine::new(listen, searched, &interfaces().unwrap_or_default())
    }

    fn look(&mut self, context: &mut Context<Self>) {
        if std::mem::replace(&mut self.looking, true) {
            return;
        }
        let seeing = spawn_blocking(interfaces).into_actor(self);
        context.spawn(seeing.map(|seen, watcher, _| {
            watcher.looking = false;
            if let Ok(Some(seen)) = seen {
                watcher.saw(&seen);
            }
        }));
    }

    fn saw(&mut self, seen: &[Interface]) {
        let Some(change) = self.setup.machine.look(seen) else {
            return;
        };
        info!("{}", in_words(&change));
        let changed = AddressesChanged(Arc::new(change));
        for one in &self.setup.told {
            one.do_send(changed.clone());
        }
    }
}

fn in_words(change: &Change) -> String {
    let list = |ips: &[std::net::IpAddr]| {
        let texts: Vec<_> = ips.iter().map(ToString::to_string).collect();
        texts.join(", ")
    };
    match (&change.came[..], &change.gone[..]) {
        (came, []) => format!("this node has the address {} now", list(came)),
        ([], gone) => format!("this node has the address {} no more", list(gone)),
        (came, gone) => format!(
            "this node has the address {}, not {}",
            list(came),
            list(gone)
        ),
    }
}

impl Actor for OwnAddresses {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if !self.setup.machine.is_fixed() {
            context.run_interval(LOOK, |watcher, context| watcher.look(context));
        }
    }
}

impl Supervised for OwnAddresses {
    fn restarting(&mut self, _: &mut Self::Context) {
        self.looking = false;
    }
}

impl Handler<Ping> for OwnAddresses {
    type Result = ();

    fn handle(&mut self, _: Ping, _: &mut Self::Context) {}
}

impl Handler<Harm> for OwnAddresses {
    type Result = ();

    fn handle(&mut self, harm: Harm, context: &mut Self::Context) {
        harm.befall("the watch over own addresses", self, context);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[derive(Default)]
    struct Told(Vec<Arc<Change>>);

    impl Actor for Told {
        type Context = Context<Self>;
    }

    impl Handler<AddressesChanged> for Told {
        type Result = ();

        fn handle(&mut self, AddressesChanged(change): AddressesChanged, _: &mut Self::Context) {
            self.0.push(change);
        }
    }

    /// How often somebody was told.
    #[derive(actix::Message)]
    #[rtype(usize)]
    struct Count;

    impl Handler<Count> for Told {
        type Result = usize;

        fn handle(&mut self, _: Count, _: &mut Self::Context) -> usize {
            self.0.len()
        }
    }

    #[test]
    fn the_machine_has_a_loopback_address_on_an_interface_with_a_number() {
        let all = interfaces().unwrap();
        let loopback = all
            .iter()
            .find(|one| one.ip == IpAddr::from([127, 0, 0, 1]));
        assert!(loopback.is_some_and(|one| one.number > 0), "{all:?}");
    }

    #[test]
    fn who_must_know_is_told_of_what_was_not_there_at_the_start_and_once() {
        actix_rt::System::new().block_on(async {
            tokio::time::pause();
            let told = Told::default().start();
            // A node that was started before the machine had any address.
            let machine = Machine::new("0.0.0.0:7".parse().unwrap(), Searched::Off, &[]);
            let setup = Setup {
                machine,
                told: vec![told.clone().recipient()],
            };
            let _watcher = OwnAddresses::new(setup).start();
            assert_eq!(told.send(Count).await.unwrap(), 0);
            tokio::time::sleep(LOOK * 5).await;
            assert_eq!(told.send(Count).await.unwrap(), 1);
        });
    }
}
