//! The ordered end of a node: no new links, then goodbyes, then the file.

use std::future::Future;
use std::time::Duration;

use actix::Addr;
use log::{info, warn};
use tokio::time::{Instant, timeout, timeout_at};

use super::{End, Supervisor};
use crate::listener::StopListener;
use crate::messages::dht::StopTable;
use crate::messages::discovery::StopDiscovery;
use crate::messages::port_map::StopPortMap;
use crate::messages::storage::FlushStorage;
use crate::messages::trackers::StopTrackers;
use crate::messages::web_seeds::StopWebSeeds;
use crate::workers::spawn_blocking;

/// 600 ms: what the links may take to say goodbye.
const LINKS: Duration = Duration::from_millis(600);

/// 600 ms: what trackers and the router may take to hear that we leave, from the beginning of the
/// end. It goes on while links and storage close, and makes the end no longer than they may.
const TRACKERS: Duration = Duration::from_millis(600);

/// 50 ms: what the listener may take to close its socket. It only takes that long when it is about
/// to start anew after a panic.
const SOCKET: Duration = Duration::from_millis(50);

/// 300 ms: what storage may take to write what it verified. What it does not write is fetched
/// again in the next life; nothing is ever half right.
const WRITES: Duration = Duration::from_millis(300);

/// 40 ms: what the threads of sessions may take to end. They only have to look up.
const THREADS: Duration = Duration::from_millis(40);

impl Supervisor {
    /// Stops everything in order. Each step has a deadline: together they stay under a second.
    pub(super) fn shut_down(&mut self, myself: Addr<Self>) -> impl Future<Output = ()> + 'static {
        let listener = self
            .children
            .as_ref()
            .map(|children| children.listener.clone());
        let discovery = self
            .children
            .as_ref()
            .map(|children| children.discovery.clone());
        let trackers = self
            .children
            .as_ref()
            .map(|children| children.trackers.clone());
        let children = self.children.as_ref();
        let dht = children.and_then(|children| children.dht.as_ref());
        let dht = dht.map(|dht| dht.stop.clone());
        let port_map = children.and_then(|children| children.port_map.as_ref());
        let port_map = port_map.map(|map| map.stop.clone());
        let storages: Vec<_> = self
            .swarms
            .values()
            .filter_map(|swarm| swarm.storage.clone())
            .collect();
        for web_seeds in self
            .swarms
            .values()
            .filter_map(|swarm| swarm.web_seeds.as_ref())
        {
            web_seeds.do_send(StopWebSeeds);
        }
        // From now on no session is started.
        let threads = self.threads.take();
        async move {
            let goodbyes_until = Instant::now() + TRACKERS;
            // Sent at once; the answer is waited for last.
            let goodbyes = trackers.map(|trackers| trackers.send(StopTrackers));
            let table_closed = dht.map(|dht| dht.send(StopTable));
            let port_closed = port_map.map(|port_map| port_map.send(StopPortMap));
            if let Some(listener) = listener {
                let _ = timeout(SOCKET, listener.send(StopListener)).await;
            }
            if let Some(discovery) = discovery
                && timeout(LINKS, discovery.send(StopDiscovery)).await.is_err()
            {
                warn!("some links did not close in time");
            }
            // All at once: the time is for all of them together.
            let flushes: Vec<_> = storages.iter().map(|one| one.send(FlushStorage)).collect();
            let written = async move {
                for flush in flushes {
                    let _ = flush.await;
                }
            };
            if timeout(WRITES, written).await.is_err() {
                warn!("some pieces were not written in time and will be fetched again");
            }
            if let Some(threads) = threads {
                threads.stop();
                // Sockets close with the threads that own them.
                let ended = spawn_blocking(|| threads.join());
                if timeout(THREADS, ended).await.is_err() {
                    warn!("some links did not end in time");
                }
            }
            if let Some(goodbyes) = goodbyes
                && timeout_at(goodbyes_until, goodbyes).await.is_err()
            {
                warn!("some trackers did not hear in time that this node leaves");
            }
            if let Some(closed) = table_closed {
                // What is not saved of it is found anew.
                let _ = timeout_at(goodbyes_until, closed).await;
            }
            if let Some(closed) = port_closed
                && timeout_at(goodbyes_until, closed).await.is_err()
            {
                warn!("the router did not take its port back in time; it will by itself");
            }
            let _ = myself.send(End).await;
            info!("stopped");
        }
    }
}
