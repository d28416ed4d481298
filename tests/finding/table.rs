//! Nodes find each other by nothing but an infohash, in a table of the test's own.

use swarmlet::ActorKind;
use swarmlet::protocol::metainfo::{Magnet, TorrentConf};

use crate::inprocess::{Content, Member, Network, on_system, until};
use crate::{Table, udp_sockets_at};

const PIECES: usize = 20;

/// A link to a content that names no peer.
fn link(content: &Content) -> Magnet {
    let conf = TorrentConf::parse(&content.conf(&[])).unwrap();
    let info_hash = conf.info.unwrap().info_hash();
    format!("magnet:?xt=urn:btih:{info_hash}").parse().unwrap()
}

#[test]
fn nodes_that_know_nothing_but_an_infohash_find_each_other() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content, table) = (Network::any(), Content::pieces(PIECES), Table::any());
        let at = [10, 11, 12].map(|host| network.host(host));
        std::fs::write(
            folder.path().join(format!("{}.bin", at[0].ip())),
            &content.bytes,
        )
        .unwrap();
        let seed = Member::start_with(folder.path(), at[0], &content.conf(&[]), |node| {
            table.known_to(node)
        });
        let others = [at[1], at[2]].map(|at| {
            Member::start_with(folder.path(), at, b"", |node| {
                table.known_to(node.magnet(link(&content)))
            })
        });
        for other in &others {
            other.completes(&content).await;
        }
        seed.node.shutdown().await;
        for other in &others {
            other.node.shutdown().await;
        }
        for at in at {
            until(
                "the table's sockets are closed",
                || udp_sockets_at(at).is_empty(),
                String::new,
            )
            .await;
        }
    });
}

#[test]
fn nothing_is_sent_and_no_socket_opened_while_it_is_off() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(PIECES));
        let [off, on] = [10, 11].map(|host| network.host(host));
        let table = Table::any();
        let quiet = Member::start(folder.path(), off, &content.conf(&[on]));
        let loud = Member::start_with(folder.path(), on, &content.conf(&[]), |node| {
            table.known_to(node)
        });
        until(
            "the loud one has a socket",
            || udp_sockets_at(on).len() == 1,
            String::new,
        )
        .await;
        assert!(udp_sockets_at(off).is_empty());
        quiet.node.shutdown().await;
        loud.node.shutdown().await;
    });
}

#[test]
fn a_panic_costs_the_table_and_it_comes_back_without_leaving_anything_behind() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content, table) = (Network::any(), Content::pieces(PIECES), Table::any());
        let [seed_at, late_at] = [10, 11].map(|host| network.host(host));
        std::fs::write(
            folder.path().join(format!("{}.bin", seed_at.ip())),
            &content.bytes,
        )
        .unwrap();
        let seed = Member::start_with(folder.path(), seed_at, &content.conf(&[]), |node| {
            table.known_to(node)
        });
        seed.completes(&content).await;
        let info_hash = link(&content).info_hash.0;
        for _ in 0..3 {
            until(
                "it has a socket",
                || udp_sockets_at(seed_at).len() == 1,
                String::new,
            )
            .await;
            let former = udp_sockets_at(seed_at);
            assert!(seed.node.crash(ActorKind::Dht).await);
            // Whose thread lives on would keep the address from the new one.
            let is_another = || {
                let present = udp_sockets_at(seed_at);
                present.len() == 1 && present != former
            };
            until("it has another socket", is_another, String::new).await;
        }
        while !table.peers_of(info_hash).await.contains(&match seed_at {
            std::net::SocketAddr::V4(at) => at,
            std::net::SocketAddr::V6(_) => unreachable!("a loopback address"),
        }) {}
        let late = Member::start_with(folder.path(), late_at, b"", |node| {
            table.known_to(node.magnet(link(&content)))
        });
        late.completes(&content).await;
        assert_eq!(seed.journal.panicked(), ["dht"; 3]);
        late.node.shutdown().await;
        seed.node.shutdown().await;
        for at in [late_at, seed_at] {
            let is_closed = || udp_sockets_at(at).is_empty();
            until(
                "its socket, and with it its thread, is gone",
                is_closed,
                String::new,
            )
            .await;
        }
    });
}

#[test]
fn a_fleet_with_a_name_is_found_by_a_node_that_knows_nothing_else() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content, table) = (Network::any(), Content::pieces(PIECES), Table::any());
        let [seed_at, curious_at] = [10, 11].map(|host| network.host(host));
        std::fs::write(
            folder.path().join(format!("{}.bin", seed_at.ip())),
            &content.bytes,
        )
        .unwrap();
        let fleet = format!("fleet {}", fastrand::u64(..));
        let seed = Member::start_with(folder.path(), seed_at, &content.conf(&[]), |node| {
            table.known_to(node.fleet(&fleet))
        });
        let curious = Member::start_with(folder.path(), curious_at, b"", |node| {
            table.known_to(node.fleet(&fleet))
        });
        curious.completes(&content).await;
        seed.node.shutdown().await;
        curious.node.shutdown().await;
    });
}

#[test]
fn nodes_that_answered_are_remembered_and_enough_in_the_next_life() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let (network, content, table) = (Network::any(), Content::pieces(PIECES), Table::any());
        let at = network.host(10);
        // Nobody is where the operator says.
        let dead = network.host(99);
        let start = |knows_one: bool| {
            Member::start_with(folder.path(), at, &content.conf(&[]), |node| {
                let node = node.state(&state).dht(true).dht_bootstrap(dead.into());
                let mut torrent = swarmlet::protocol::metainfo::Torrent::new(
                    TorrentConf::parse(&content.conf(&[]))
                        .unwrap()
                        .info
                        .unwrap(),
                );
                if knows_one {
                    // A .torrent may name nodes of the table.
                    let entry = std::net::SocketAddr::V4(table.entries()[0]);
                    torrent.nodes = vec![entry.into()];
                }
                node.torrent(torrent)
            })
        };
        let info_hash = link(&content).info_hash.0;
        let first = start(true);
        while table.peers_of(info_hash).await.is_empty() {}
        first.node.shutdown().await;
        let file = std::fs::read_to_string(state.join("dht.json")).unwrap();
        assert!(file.contains("127.0.0.1:"), "{file}");
        // The table remembers the first life; it is the second one's socket that counts.
        let second = start(false);
        until(
            "it is in the table",
            || udp_sockets_at(at).len() == 1,
            String::new,
        )
        .await;
        second.node.shutdown().await;
        let file = std::fs::read_to_string(state.join("dht.json")).unwrap();
        assert!(file.contains("127.0.0.1:"), "{file}");
    });
}
