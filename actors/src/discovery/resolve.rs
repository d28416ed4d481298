//! Host names among the configured peers: resolved again and again, every address a peer.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use log::{debug, warn};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::membership::Source;
use tokio::net::lookup_host;
use tokio::time::sleep;

use super::Discovery;
use crate::messages::discovery::AddressesFound;
use crate::reason::reason;

/// 2 s: a name that did not resolve is tried again after this long, or twice that each time.
const FIRST_RETRY: Duration = Duration::from_secs(2);

/// 30 s: a name is resolved again after this long. A headless service lists its pods so.
const PERIOD: Duration = Duration::from_secs(30);

/// 256 names of one list are resolved: each is a question every 30 s, and a future that is polled with
/// every other. A name may stand for any number of hosts.
const MAX_NAMES: usize = 256;

impl Discovery {
    /// Keeps resolving every name among these peers: of one swarm, or of all.
    pub(super) fn start_resolving(
        &self,
        peers: &[PeerAddress],
        info_hash: Option<InfoHash>,
        context: &mut Context<Self>,
    ) {
        let names = peers.iter().filter_map(|peer| match peer {
            PeerAddress::Name { host, port } => Some((host.clone(), *port)),
            PeerAddress::Socket(_) => None,
        });
        for (number, (host, port)) in names.enumerate() {
            if number == MAX_NAMES {
                warn!("of the names among the peers only the first {MAX_NAMES} are resolved");
                break;
            }
            let myself = context.address().recipient::<AddressesFound>();
            let resolving = async move {
                let mut retry = FIRST_RETRY;
                let mut failing = false;
                loop {
                    match lookup_host((host.as_str(), port)).await {
                        Ok(addresses) => {
                            let addresses: Vec<_> = addresses.collect();
                            debug!("{host} is {addresses:?}");
                            let source = Source::Named;
                            myself.do_send(AddressesFound {
                                source,
                                addresses,
                                info_hash,
                            });
                            (retry, failing) = (FIRST_RETRY, false);
                            sleep(PERIOD).await;
                        }
                        Err(error) => {
                            if !std::mem::replace(&mut failing, true) {
                                warn!("cannot resolve {host}: {}", reason(&error));
                            }
                            sleep(retry).await;
                            retry = (retry * 2).min(PERIOD);
                        }
                    }
                }
            };
            context.spawn(resolving.into_actor(self).map(|(), _, _| {}));
        }
    }
}
