//! Peers that take and give nothing, and peers that are not who they seem to be.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use swarmlet::Event;
use swarmlet::protocol::metainfo::TorrentConf;

use crate::foreigner::{
    HAVE_ALL, HAVE_NONE, INTERESTED, Link, UNCHOKE, answer, dial, name, request, serve,
};
use crate::inprocess::{Content, Member, Network, PIECE, on_system, until};
use crate::support;

fn info_hash(content: &Content) -> [u8; 20] {
    let conf = TorrentConf::parse(&content.conf(&[])).unwrap();
    conf.info.unwrap().info_hash().0
}

/// Answers a handshake, claims to have everything, and lets us ask.
fn promise(stream: TcpStream, number: usize) -> Link {
    let mut link = answer(stream, name(number)).expect("shake hands");
    link.say(HAVE_ALL).unwrap();
    link.say(UNCHOKE).unwrap();
    link
}

#[test]
fn a_transfer_goes_on_beside_black_holes_and_those_that_cost_something_are_hung_up_on() {
    let _turn = support::share_turn();
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(512));
        let (seed_at, leecher_at) = (network.host(10), network.host(11));
        let data = folder.path().join(format!("{}.bin", seed_at.ip()));
        std::fs::write(data, &content.bytes).unwrap();
        let seed = Member::start(folder.path(), seed_at, &content.conf(&[]));
        seed.completes(&content).await;
        let holes = [20, 21, 22].map(|number| network.host(number));
        // One accepts and says nothing.
        let mute = serve(holes[0], |stream| Link(stream).until_closed(|_| {}));
        // One promises everything and sends nothing: others are asked, and who owes nothing may be silent.
        let liar = serve(holes[1], |stream| promise(stream, 1).until_closed(|_| {}));
        // One sends a byte of a block now and then: a minute of ours is half a second here.
        let miser = serve(holes[2], |stream| {
            let mut link = promise(stream, 2);
            let mut head = (9 + PIECE as u32).to_be_bytes().to_vec();
            head.extend([7, 0, 0, 0, 0, 0, 0, 0, 0]);
            link.say(&head).unwrap();
            link.until_closed(|stream| {
                let _ = std::io::Write::write_all(stream, &[0]);
            })
        });
        // One asks for everything and reads nothing of it.
        let glutton_at = network.host(23).ip();
        let hash = info_hash(&content);
        let glutton = std::thread::spawn(move || {
            let mut link = Link::open(dial(glutton_at, seed_at), hash, name(3)).unwrap();
            link.say(HAVE_NONE).unwrap();
            link.say(INTERESTED).unwrap();
            link.until_unchoked().unwrap();
            for piece in 0..511 {
                link.say(&request(piece, PIECE as u32)).unwrap();
            }
            link.until_refused()
        });
        let begin = Instant::now();
        let peers = [seed_at, holes[0], holes[1], holes[2]];
        let leecher = Member::start(folder.path(), leecher_at, &content.conf(&peers));
        leecher.completes(&content).await;
        let took = begin.elapsed();
        let closed = tokio::task::spawn_blocking(move || {
            [mute, miser, glutton].map(|hole| hole.join().expect("a black hole"))
        });
        let [mute, miser, glutton] = closed.await.unwrap();
        println!(
            "black holes: 4 beside a transfer that took {took:.1?}; hung up on: says nothing {mute:.1?}, \
             a byte now and then {miser:.1?}, reads nothing {glutton:.1?}"
        );
        leecher.holds(&content);
        let banned = |event: &Event| matches!(event, Event::HostBanned { .. });
        assert_eq!(leecher.journal.count(banned), 0);
        leecher.node.shutdown().await;
        seed.node.shutdown().await;
        liar.join().expect("the liar is left, too");
    });
}

#[test]
fn peers_that_bear_one_name_cost_no_more_than_their_links() {
    let _turn = support::share_turn();
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(256));
        let (seed_at, leecher_at) = (network.host(10), network.host(11));
        let data = folder.path().join(format!("{}.bin", seed_at.ip()));
        std::fs::write(data, &content.bytes).unwrap();
        let seed = Member::start(folder.path(), seed_at, &content.conf(&[]));
        seed.completes(&content).await;
        let hash = info_hash(&content);
        // Nine that bear the same name, from nine addresses: a machine that was copied.
        let mut twins = Vec::new();
        for number in 30..39 {
            let stream = dial(network.host(number).ip(), seed_at);
            let open = move || {
                let mut link = Link::open(stream, hash, name(7))?;
                link.say(HAVE_NONE)?;
                Ok::<_, std::io::Error>(link)
            };
            if let Ok(link) = tokio::task::spawn_blocking(open).await.unwrap() {
                twins.push(link);
            }
        }
        // A tenth bears the name of the node itself.
        let stream = dial(network.host(40).ip(), seed_at);
        let mirror = move || {
            let mut stream = stream;
            use std::io::{Read, Write};
            let mut hello = b"\x13BitTorrent protocol\0\0\0\0\0\0\0\x04".to_vec();
            hello.extend(hash);
            stream.write_all(&hello).unwrap();
            // It hears our name before it has said its own, if at all.
            stream
                .set_read_timeout(Some(Duration::from_secs(2)))
                .unwrap();
            let mut heard = [0; 68];
            if stream.read_exact(&mut heard).is_err() {
                return None;
            }
            stream.write_all(&heard[48..]).unwrap();
            Some(Link(stream).until_closed(|_| {}))
        };
        let mirror = tokio::task::spawn_blocking(mirror).await.unwrap();
        let leecher = Member::start(folder.path(), leecher_at, &content.conf(&[seed_at]));
        leecher.completes(&content).await;
        let joined = |event: &Event| matches!(event, Event::PeerJoined { .. });
        let told = || seed.journal.count(joined) >= 2;
        until("the twin and the leecher are told", told, String::new).await;
        let seen = seed.journal.count(joined);
        println!(
            "one name: 9 peers that bear it and one that bears ours ({}); the node saw {seen} peers, \
             and a transfer beside them completed",
            mirror
                .map(|time| format!("hung up on after {time:.1?}"))
                .unwrap_or_else(|| "refused".to_owned())
        );
        assert!(seen <= 2 + 1, "{seen}");
        assert!(seed.journal.panicked().is_empty());
        // Whoever is left can still be one of us.
        drop(twins);
        leecher.node.shutdown().await;
        seed.node.shutdown().await;
    });
}
