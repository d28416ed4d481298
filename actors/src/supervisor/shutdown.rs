//! The ordered end of a node: no new links, then goodbyes, then the file.

use std::future::Future;
use std::time::Duration;

use log::{info, warn};
use tokio::time::timeout;

use super::Supervisor;
use crate::listener::StopListener;
use crate::messages::discovery::StopDiscovery;
use crate::messages::storage::FlushStorage;

/// 600 ms: what the links may take to say goodbye.
const LINKS: Duration = Duration::from_millis(600);

/// 300 ms: what storage may take to write what it verified. What it does not write is fetched
/// again in the next life; nothing is ever half right.
const WRITES: Duration = Duration::from_millis(300);

impl Supervisor {
    /// Stops everything in order. Each step has a deadline: together they stay under a second.
    pub(super) fn shut_down(&self) -> impl Future<Output = ()> + 'static {
        let listener = self
            .children
            .as_ref()
            .map(|children| children.listener.clone());
        let discovery = self
            .children
            .as_ref()
            .map(|children| children.discovery.clone());
        let storages: Vec<_> = self
            .swarms
            .values()
            .filter_map(|swarm| swarm.storage.clone())
            .collect();
        let arbiters: Vec<_> = self
            .arbiters
            .iter()
            .map(actix_rt::Arbiter::handle)
            .collect();
        async move {
            if let Some(listener) = listener {
                let _ = listener.send(StopListener).await;
            }
            if let Some(discovery) = discovery
                && timeout(LINKS, discovery.send(StopDiscovery)).await.is_err()
            {
                warn!("some links did not close in time");
            }
            for storage in storages {
                if timeout(WRITES, storage.send(FlushStorage)).await.is_err() {
                    warn!("some pieces were not written in time and will be fetched again");
                }
            }
            for arbiter in arbiters {
                arbiter.stop();
            }
            info!("stopped");
        }
    }
}
