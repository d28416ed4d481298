//! The table itself: the `mainline` crate behind four calls, so that another could take its place.
//!
//! It runs on a thread of its own, with a socket of its own, both of which end when the last
//! [`Table`] is dropped. It speaks IPv4 only, and understands questions whose transaction id has
//! four bytes only, which libtorrent's do not: as a node that answers it is of use to its like, and so
//! it only does in a table of the operator's own. In that of the world it asks, and says that it
//! does not answer (BEP 43). What it says of its own thread by panicking (that it is
//! gone) is caught here, and is [`Gone`].

use std::future::{Future, poll_fn};
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use crate::maps::HashSet;
use actix::prelude::Stream;
use mainline::async_dht::AsyncDht;
use mainline::{Dht, Id, ServerSettings};
use swarmlet_protocol::dht::MAX_PEERS_FOUND;
use swarmlet_protocol::id::InfoHash;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// 10: tries to have the port. After a restart the former table may hold it for a moment.
const BIND_TRIES: usize = 10;

/// 100 ms between them.
const BIND_REST: Duration = Duration::from_millis(100);

/// 30 s: the longest look-up. Most take 2 to 5 s; a table of liars could stretch it.
const LOOKUP_TIME: Duration = Duration::from_secs(30);

/// 10 s: the longest announce. A node of the table has 2 s to answer.
const ANNOUNCE_TIME: Duration = Duration::from_secs(10);

/// 500: infohashes of others of which we keep peers for them (BEP 5), the last ones used. With
/// [`STORED_PEERS`] of each that is 4 MiB at most.
const STORED_HASHES: usize = 500;

/// 100: peers of each of them.
const STORED_PEERS: usize = 100;

/// 50: values of other kinds (BEP 44) that we keep for others, of 1,000 bytes at most.
const STORED_VALUES: usize = 50;

/// A node of the table.
#[derive(Clone, Debug)]
pub(super) struct Table(AsyncDht);

/// The table's thread has ended.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) struct Gone;

impl Table {
    /// A node on this address that knows these others, and answers them if it `serves`.
    ///
    /// # Errors
    /// The address cannot be had, or no thread.
    pub(super) async fn open(
        at: SocketAddrV4,
        others: Vec<SocketAddrV4>,
        serves: bool,
    ) -> io::Result<Self> {
        let mut tries = 1;
        loop {
            match Self::try_open(at, others.clone(), serves).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < BIND_TRIES => {
                    tries += 1;
                    sleep(BIND_REST).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn try_open(
        at: SocketAddrV4,
        others: Vec<SocketAddrV4>,
        serves: bool,
    ) -> io::Result<Self> {
        // It waits for its thread, and loses a race against it where the address is taken.
        probe(at)?;
        let settings = ServerSettings {
            max_info_hashes: STORED_HASHES,
            max_peers_per_info_hash: STORED_PEERS,
            max_immutable_values: STORED_VALUES,
            max_mutable_values: STORED_VALUES,
            ..ServerSettings::default()
        };
        let open = move || {
            let mut builder = Dht::builder();
            let builder = builder
                .bind_address(*at.ip())
                .port(at.port())
                .bootstrap(&others)
                .server_settings(settings);
            if serves {
                builder.server_mode();
            }
            builder.build()
        };
        let opened = spawn_blocking(open).await;
        let opened = opened.map_err(|_| io::Error::other("its thread did not start"))?;
        Ok(Self(opened?.as_async()))
    }

    /// Asks the nodes that it began with; true if one answered.
    pub(super) async fn enter(&self) -> Result<bool, Gone> {
        let table = self.0.clone();
        let entering = async move { table.bootstrapped().await };
        match timeout(LOOKUP_TIME, guarded(entering)).await {
            Ok(Ok(true)) => Ok(true),
            Ok(Err(gone)) => Err(gone),
            // Who answered and named nobody else is a node, too.
            Ok(Ok(false)) | Err(_) => Ok(!self.nodes().await?.is_empty()),
        }
    }

    /// Looks a swarm up; `found` hears of its peers as they are named.
    pub(super) async fn look_up(
        &self,
        info_hash: InfoHash,
        mut found: impl FnMut(Vec<SocketAddr>),
    ) -> Result<(), Gone> {
        let mut answers = caught(|| self.0.get_peers(Id::from(info_hash.0)))?;
        let mut told = HashSet::default();
        let listening = async {
            while told.len() < MAX_PEERS_FOUND {
                let next = poll_fn(|task| Pin::new(&mut answers).poll_next(task)).await;
                let Some(peers) = next else { break };
                let left = MAX_PEERS_FOUND - told.len();
                // Each node names nearly the same ones.
                let mut peers: Vec<_> = peers.into_iter().map(SocketAddr::V4).collect();
                peers.retain(|&peer| told.insert(peer));
                peers.truncate(left);
                if !peers.is_empty() {
                    found(peers);
                }
            }
        };
        // Whom it has named by then counts.
        let _ = timeout(LOOKUP_TIME, listening).await;
        Ok(())
    }

    /// Tells the nodes nearest to a swarm that we are in it, at this port; true if one took note.
    /// To be said after a look-up: its answers hold the right to say it.
    pub(super) async fn announce(&self, info_hash: InfoHash, port: u16) -> Result<bool, Gone> {
        let table = self.0.clone();
        let announcing =
            async move { table.announce_peer(Id::from(info_hash.0), Some(port)).await };
        match timeout(ANNOUNCE_TIME, guarded(announcing)).await {
            Ok(outcome) => Ok(outcome?.is_ok()),
            Err(_) => Ok(false),
        }
    }

    /// The nodes that have answered of late.
    pub(super) async fn nodes(&self) -> Result<Vec<SocketAddrV4>, Gone> {
        let table = self.0.clone();
        let nodes = guarded(async move { table.to_bootstrap().await }).await?;
        Ok(nodes.iter().filter_map(|node| node.parse().ok()).collect())
    }
}

/// Can the address be had?
fn probe(at: SocketAddrV4) -> io::Result<()> {
    std::net::UdpSocket::bind(at).map(drop)
}

fn caught<T>(call: impl FnOnce() -> T) -> Result<T, Gone> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Gone)
}

/// A future of the table, in which a panic is its end and not that of the actor.
async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, Gone> {
    let mut work = pin!(work);
    poll_fn(|task| match caught(|| work.as_mut().poll(task)) {
        Ok(poll) => poll.map(Ok),
        Err(gone) => Poll::Ready(Err(gone)),
    })
    .await
}
