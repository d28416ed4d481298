//! What goes wrong with the table stays there.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use swarmlet::ActorKind;

use crate::inprocess::{Content, Member, Network, on_system, until};
use crate::support::handful::{Handful, Has};
use crate::support::{self, content, loopback};
use crate::{Table, udp_sockets_at};

#[test]
fn a_port_that_is_taken_is_one_warning_and_the_node_goes_on() {
    let mut rng = support::seeded("a taken port");
    let content = content::Content::random(&mut rng, 100_000, 16 * 1024);
    let subnet = loopback::Subnet::reserve();
    let mut handful = Handful::new();
    let [seed, leecher] = [subnet.address(1), subnet.address(2)];
    let _taken = UdpSocket::bind(leecher).unwrap();
    // Nobody is there, and nothing leaves this machine.
    let table = ["--dht", "on", "--dht-bootstrap", "127.255.255.1:9"];
    handful.add((Has::File, &content), seed, &[], &[], &[]);
    let peers = [seed.to_string()];
    let node = handful.add((Has::Config, &content), leecher, &peers, &table, &[]);
    handful.start_all();
    handful.wait_for_file(&[node], &content);
    handful.wait_for_log(node, &format!("cannot listen on UDP {leecher}"));
    // It is tried again after 5 s.
    handful.wait_for_log(node, "no DHT: ");
    assert_eq!(handful.lines_with(node, "no peers from the DHT for now"), 1);
    assert_eq!(handful.lines_with(node, "ERROR"), 0);
    assert!(handful.nodes[node].stop().unwrap().success());
}

#[test]
fn a_table_that_nobody_answers_for_is_one_warning_and_no_flood() {
    let mut rng = support::seeded("a silent table");
    let content = content::Content::random(&mut rng, 100_000, 16 * 1024);
    let subnet = loopback::Subnet::reserve();
    let mut handful = Handful::new();
    // Listens, and never answers.
    let silent = UdpSocket::bind(subnet.address(9)).unwrap();
    silent.set_nonblocking(true).unwrap();
    let entry = subnet.address(9).to_string();
    let table = ["--dht", "on", "--dht-bootstrap", &entry];
    let node = handful.add((Has::File, &content), subnet.address(1), &[], &table, &[]);
    handful.start_all();
    handful.wait_for_log(node, "none of 1 nodes answered");
    handful.wait_for_log(node, "no DHT: ");
    let mut packets = 0;
    while silent.recv(&mut [0; 2_048]).is_ok() {
        packets += 1;
    }
    // Two attempts, each with a question for itself, and one more while it waited for the end.
    assert!((1..=8).contains(&packets), "{packets}");
    assert_eq!(handful.lines_with(node, "no peers from the DHT for now"), 1);
    assert!(handful.nodes[node].stop().unwrap().success());
}

/// Asks a node of the table for a sign of life; does it answer?
fn answers(from: &UdpSocket, at: SocketAddr) -> bool {
    let ping = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t4:aaaa1:y1:qe";
    (0..50).any(|_| {
        from.send_to(ping, at).unwrap();
        let mut answer = [0; 2_048];
        from.recv(&mut answer)
            .is_ok_and(|length| answer[..length].windows(6).any(|part| part == b"1:y1:r"))
    })
}

#[test]
fn rubbish_does_not_bring_it_down() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content, table) = (Network::any(), Content::pieces(3), Table::any());
        let at = network.host(10);
        let node = Member::start_with(folder.path(), at, &content.conf(&[]), |node| {
            table.known_to(node)
        });
        until(
            "it has a socket",
            || udp_sockets_at(at).len() == 1,
            String::new,
        )
        .await;
        let from = UdpSocket::bind(network.host(20)).unwrap();
        from.set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        assert!(answers(&from, at), "it speaks BEP 5");
        let mut rubbish: Vec<Vec<u8>> = vec![
            Vec::new(),
            // As deep as one packet can be: decoders that recurse fear this.
            vec![b'l'; 2_048],
            b"d1:a".repeat(512),
            [
                b"d1:ad2:id20:abcdefghij0123456789e1:q".as_slice(),
                &[b'l'; 1_900],
            ]
            .concat(),
            b"d1:y1:q1:q4:ping1:ade1:t1:ae".to_vec(),
            b"99999999999999999999:".to_vec(),
            b"i99999999999999999999999e".to_vec(),
        ];
        rubbish.extend((0..2_000).map(|_| {
            let mut bytes = vec![0; fastrand::usize(..1_500)];
            fastrand::fill(&mut bytes);
            bytes
        }));
        for bytes in &rubbish {
            let _ = from.send_to(bytes, at);
        }
        assert!(answers(&from, at), "it lives");
        assert_eq!(node.journal.panicked(), Vec::<&str>::new());
        assert!(!node.node.crash(ActorKind::PortMap).await, "there is none");
        node.node.shutdown().await;
    });
}
