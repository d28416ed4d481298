//! Beacons of the local network under a secret, in network namespaces.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::stage::{OLD, OTHER, Stage, contains};
use crate::support::handful::{Handful, Has};
use crate::support::network::Network;
use crate::support::wait_for;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 192, 152, 143);

#[test]
fn nodes_with_the_secret_find_each_other_by_beacons_that_name_nothing() {
    let test = "nodes_with_the_secret_find_each_other_by_beacons";
    let Some(network) = Network::or_skip(test, &[1, 2, 3, 9]) else {
        return;
    };
    let stage = Stage::new(test, 200);
    let mut handful = Handful::new();
    let heard = network.on(9, listen);
    let files = [OLD, OLD, OTHER].map(str::to_owned);
    for (number, secret) in files.iter().enumerate() {
        let file = stage.write(&format!("secret-{number}"), secret);
        let host = number as u8 + 1;
        let launcher = network.launcher(host);
        let launcher: Vec<_> = launcher.iter().map(String::as_str).collect();
        let has = if number == 0 { Has::File } else { Has::Nothing };
        let arguments = ["--lan", "on", "--fleet-secret-file", file.to_str().unwrap()];
        handful.add(
            (has, &stage.content),
            network.address(host),
            &[],
            &arguments,
            &launcher,
        );
    }
    handful.start_all();
    handful.wait_for_file(&[1], &stage.content);
    // Both others have spoken to the group.
    let mut datagrams: Vec<(Vec<u8>, SocketAddr)> = Vec::new();
    wait_for(
        "three nodes have sent beacons",
        || {
            let mut bytes = [0; 2_000];
            while let Ok((count, from)) = heard.recv_from(&mut bytes) {
                datagrams.push((bytes[..count].to_vec(), from));
            }
            (1..=3).all(|host| {
                datagrams
                    .iter()
                    .any(|(_, from)| from.ip() == network.ip(host))
            })
        },
        || "not all were heard".to_owned(),
    );
    let info_hash = stage.content.info_hash();
    for (datagram, from) in &datagrams {
        assert_eq!(datagram.len(), 31, "from {from}");
        for told in [&b"BT-SEARCH"[..], b"nfohash", info_hash.as_bytes()] {
            assert!(!contains(datagram, told));
        }
    }
    // What was recorded, from somebody else: nobody dials there.
    let recorded = datagrams
        .iter()
        .find(|(_, from)| from.ip() == network.ip(1))
        .unwrap();
    network.on(9, || {
        let socket = std::net::UdpSocket::bind((network.ip(9), 0)).unwrap();
        let interface = socket2::SockRef::from(&socket);
        interface.set_multicast_if_v4(&network.ip(9)).unwrap();
        for _ in 0..5 {
            socket.send_to(&recorded.0, (GROUP, 6771)).unwrap();
        }
    });
    std::thread::sleep(Duration::from_millis(500));
    let log = handful.nodes[1].log();
    assert!(
        !log.contains(&format!("{}:6881 sent a beacon", network.ip(9))),
        "{log}"
    );
    assert!(
        log.contains(&format!(
            "{}:6881 sent a beacon of our fleet",
            network.ip(1)
        )),
        "{log}"
    );
    assert!(!handful.nodes[2].log().contains("sent a beacon"));
}

/// A socket in the group.
fn listen() -> std::net::UdpSocket {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket
        .bind(&SocketAddr::from((GROUP, 6771)).into())
        .unwrap();
    let own = Ipv4Addr::new(10, 73, 19, 9);
    socket.join_multicast_v4(&GROUP, &own).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.into()
}
