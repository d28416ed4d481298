//! How strangers find each other: the distributed hash table (BEP 5), local beacons (BEP 14) and the
//! peers of magnet links (BEP 9), with clients that are not ours.
//!
//! Everything is on loopback addresses or in network namespaces that the test makes; the table is
//! one of the test's own. What needs root or a foreign client is skipped by name without it.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]
#![cfg(feature = "dht")]

mod foreign;
#[path = "../inprocess/mod.rs"]
mod inprocess;
mod magnets;
mod private;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod trouble;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use mainline::{Dht, Id, Testnet};
use swarmlet::NodeBuilder;

/// The nodes of a table that only the test has, on one address of this machine.
struct Table(Testnet);

impl Table {
    fn any() -> Self {
        let ip = Ipv4Addr::LOCALHOST;
        let mut nodes = Testnet::builder(5);
        let table = Self(nodes.bind_address(ip).build().unwrap());
        // If this were not so, the test would talk to the world.
        assert!(table.entries().iter().all(|entry| *entry.ip() == ip));
        table
    }

    /// Where its nodes are.
    fn entries(&self) -> Vec<SocketAddrV4> {
        let entries = self.0.bootstrap.iter();
        entries.map(|entry| entry.parse().unwrap()).collect()
    }

    /// A node that begins with some of them.
    fn known_to(&self, node: NodeBuilder) -> NodeBuilder {
        let entries = self.entries();
        let known = entries.iter().take(2);
        known.fold(node.dht(true), |node, &entry| {
            node.dht_bootstrap(SocketAddr::V4(entry).into())
        })
    }

    /// Who the table says has this content.
    async fn peers_of(&self, info_hash: [u8; 20]) -> Vec<SocketAddrV4> {
        let asking = Dht::builder()
            .bind_address(Ipv4Addr::LOCALHOST)
            .port(0)
            .bootstrap(&self.0.bootstrap)
            .build();
        let asking = asking.unwrap().as_async();
        let mut answers = asking.get_peers(Id::from(info_hash));
        let mut peers = Vec::new();
        loop {
            use actix::prelude::Stream;
            let next =
                std::future::poll_fn(|task| std::pin::Pin::new(&mut answers).poll_next(task));
            match next.await {
                Some(some) => peers.extend(some),
                None => return peers,
            }
        }
    }
}

/// The UDP sockets of this machine at an address, by their numbers in the kernel.
fn udp_sockets_at(at: SocketAddr) -> Vec<String> {
    let SocketAddr::V4(at) = at else {
        return Vec::new();
    };
    let ip = u32::from_ne_bytes(at.ip().octets());
    let wanted = format!("{ip:08X}:{:04X}", at.port());
    let table = std::fs::read_to_string("/proc/self/net/udp").unwrap();
    let fields = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let there = fields.filter(|fields| fields.get(1) == Some(&wanted.as_str()));
    there
        .filter_map(|fields| Some((*fields.get(9)?).to_owned()))
        .collect()
}
