//! Opening the table, entering it, and doing so again when it is lost.

use std::future::Future;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use log::{debug, info, warn};
use swarmlet_protocol::address::PeerAddress;
use swarmlet_protocol::dht::Input;
use tokio::net::lookup_host;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use super::Dht;
use super::table::Table;
use crate::reason::reason;

/// 5 s until a table that did not come about is tried again, doubled each time ...
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// ... up to 10 min: without a network, or behind a wall.
const LONGEST_RETRY: Duration = Duration::from_secs(600);

/// 5 s: a name of a node that is not resolved by then is left out.
const NAME_TIME: Duration = Duration::from_secs(5);

/// 5 min between looks at whether any node of the table still answers. They are remembered then.
const CARE_PERIOD: Duration = Duration::from_secs(300);

/// How an attempt to open the table ended.
enum Opened {
    /// It is open, and has been entered by others, or is the first of its kind.
    Entered(Table),
    /// There is none, and why.
    Failed(String),
}

impl Dht {
    /// Opens the table; tries again later if that fails.
    pub(super) fn open(&mut self, context: &mut Context<Self>) {
        let entries = self.contacts.entries(&mut self.rng);
        let at = self.setup.at;
        let serves = !self.setup.nodes.is_empty();
        let opening = async move { open(at, entries, serves).await };
        context.spawn(
            opening
                .into_actor(self)
                .map(|opened, dht, context| match opened {
                    _ if dht.stopping => {}
                    Opened::Entered(table) => dht.entered(table, context),
                    Opened::Failed(why) => dht.failed(&why, context),
                }),
        );
    }

    fn entered(&mut self, table: Table, context: &mut Context<Self>) {
        info!("in the DHT, on UDP {}", self.setup.at);
        self.complained = false;
        self.state.failures = 0;
        self.state.table = Some(table);
        self.input(Input::Table(true), context);
        self.look_after(context);
    }

    fn failed(&mut self, why: &str, context: &mut Context<Self>) {
        if std::mem::replace(&mut self.complained, true) {
            debug!("no DHT: {why}");
        } else {
            warn!("no peers from the DHT for now: {why}; going on without it, and trying again");
        }
        let retry = FIRST_RETRY * 2_u32.saturating_pow(self.state.failures.min(16));
        self.state.failures = self.state.failures.saturating_add(1);
        let retry = retry.min(LONGEST_RETRY);
        let jitter = (retry / 8).mul_f64(self.rng.f64());
        context.run_later(retry + jitter, Self::open);
    }

    /// The table's thread has ended, or no node answers it any more: another one is opened.
    pub(super) fn lost(&mut self, context: &mut Context<Self>) {
        // Several may find out.
        if self.state.table.take().is_none() || self.stopping {
            return;
        }
        self.input(Input::Table(false), context);
        for info_hash in self.swarms.keys().copied().collect::<Vec<_>>() {
            let announced = false;
            self.input(
                Input::Done {
                    info_hash,
                    announced,
                },
                context,
            );
        }
        self.failed("it was lost", context);
    }

    /// Looks at the table from time to time.
    pub(super) fn keep_looking_after(&self, context: &mut Context<Self>) {
        context.run_interval(CARE_PERIOD, |dht, context| dht.look_after(context));
    }

    fn look_after(&self, context: &mut Context<Self>) {
        let Some(table) = self.state.table.clone() else {
            return;
        };
        let asking = async move { table.nodes().await };
        context.spawn(asking.into_actor(self).map(|nodes, dht, context| {
            // The first node of a table of its own waits for others.
            let waits = dht.contacts.entries(&mut dht.rng).is_empty();
            match nodes {
                Ok(nodes) if !nodes.is_empty() => {
                    debug!("{} nodes of the DHT answer", nodes.len());
                    let saving = dht.remember(nodes);
                    context.spawn(saving.into_actor(dht).map(|(), _, _| {}));
                }
                Ok(_) if waits => {}
                _ => dht.lost(context),
            }
        }));
    }

    /// Keeps nodes for the next life.
    pub(super) fn remember(&self, nodes: Vec<SocketAddrV4>) -> impl Future<Output = ()> + use<> {
        let (state, named) = (self.setup.state.clone(), self.contacts.names());
        async move {
            if let Some(state) = state.filter(|_| !nodes.is_empty()) {
                let save = spawn_blocking(move || state.or_warn(state.save_table(&nodes, &named)));
                // Nobody is harmed if it is not.
                let _ = save.await;
            }
        }
    }
}

async fn open(at: SocketAddrV4, entries: Vec<PeerAddress>, serves: bool) -> Opened {
    let is_first = entries.is_empty();
    let (asked, addresses) = (entries.len(), resolve(entries).await);
    if addresses.is_empty() && !is_first {
        return Opened::Failed(format!(
            "none of the {asked} nodes to enter it by has an IPv4 address that could be found; see --dht-bootstrap"
        ));
    }
    let asked = addresses.len();
    let table = match Table::open(at, addresses, serves).await {
        Ok(table) => table,
        Err(error) => {
            return Opened::Failed(format!("cannot listen on UDP {at}: {}", reason(&error)));
        }
    };
    match table.enter().await {
        Ok(has_answer) if has_answer || is_first => Opened::Entered(table),
        Ok(_) => Opened::Failed(format!(
            "none of {asked} nodes answered; is UDP let through? Others can be named by --dht-bootstrap"
        )),
        Err(_) => Opened::Failed("its thread ended".to_owned()),
    }
}

/// The IPv4 addresses of nodes, all names at once.
async fn resolve(nodes: Vec<PeerAddress>) -> Vec<SocketAddrV4> {
    let mut found = Vec::new();
    let mut names = JoinSet::new();
    for node in nodes {
        match node {
            PeerAddress::Socket(SocketAddr::V4(address)) => found.push(address),
            PeerAddress::Socket(SocketAddr::V6(_)) => {}
            PeerAddress::Name { host, port } => {
                names.spawn_local(async move {
                    let found = timeout(NAME_TIME, lookup_host((host.as_str(), port))).await;
                    let found = found.ok().and_then(Result::ok).into_iter().flatten();
                    found.collect::<Vec<_>>()
                });
            }
        }
    }
    while let Some(addresses) = names.join_next().await {
        for address in addresses.into_iter().flatten() {
            if let SocketAddr::V4(address) = address
                && !found.contains(&address)
            {
                found.push(address);
            }
        }
    }
    found
}
