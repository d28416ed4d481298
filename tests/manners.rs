//! How a node treats others: clients of another kind get upload slots, and limits on bytes per
//! second are kept.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod inprocess;

use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use inprocess::{Content, Member, Network, PIECE, on_system, until};
use swarmlet::protocol::metainfo::TorrentConf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const CHOKE: u8 = 0;
const UNCHOKE: u8 = 1;
const INTERESTED: u8 = 2;
const REJECT: u8 = 16;

/// A client of another kind: plain BEP 3 and BEP 6, no extensions.
struct Foreigner {
    stream: TcpStream,
    /// Ids of the messages that came, `piece` messages without their bytes.
    heard: Vec<u8>,
    bytes: Vec<u8>,
}

impl Foreigner {
    async fn connect(from: SocketAddr, to: SocketAddr, conf: &[u8]) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.ip(), 0)).unwrap();
        let mut stream = socket.connect(to).await.expect("connect to the node");
        let info = TorrentConf::parse(conf).unwrap().info.unwrap();
        let mut hello = b"\x13BitTorrent protocol".to_vec();
        hello.extend([0, 0, 0, 0, 0, 0, 0, 4]);
        hello.extend(info.info_hash().0);
        // Its own name, by the last number of its address.
        let octets = from.ip().to_string();
        let number = octets.rsplit('.').next().unwrap_or_default();
        hello.extend(format!("-XX0000-{number:0>12}").as_bytes());
        // Have none.
        hello.extend([0, 0, 0, 1, 15]);
        stream.write_all(&hello).await.unwrap();
        let mut answer = [0; 68];
        stream.read_exact(&mut answer).await.expect("a handshake");
        Self {
            stream,
            heard: Vec::new(),
            bytes: Vec::new(),
        }
    }

    async fn say(&mut self, id: u8, numbers: &[u32]) {
        let length = 1 + 4 * numbers.len() as u32;
        let mut message = length.to_be_bytes().to_vec();
        message.push(id);
        message.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        self.stream.write_all(&message).await.unwrap();
    }

    /// Takes what has come.
    fn listen(&mut self) {
        let mut buffer = [0; 65_536];
        while let Ok(count @ 1..) = self.stream.try_read(&mut buffer) {
            self.bytes.extend(&buffer[..count]);
        }
        while let Some(head) = self.bytes.first_chunk::<4>() {
            let length = u32::from_be_bytes(*head) as usize;
            if self.bytes.len() < 4 + length {
                return;
            }
            self.heard.extend(self.bytes[4..4 + length].first());
            self.bytes.drain(..4 + length);
        }
    }

    fn count(&mut self, id: u8) -> usize {
        self.listen();
        self.heard.iter().filter(|&&heard| heard == id).count()
    }

    fn is_unchoked(&mut self) -> bool {
        self.count(UNCHOKE) > self.count(CHOKE)
    }
}

async fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    until(what, &mut is_so, String::new).await;
}

fn rate(bytes: u64) -> NonZeroU64 {
    NonZeroU64::new(bytes).unwrap()
}

#[test]
fn foreign_peers_share_the_slots_and_a_free_one_is_given_at_once() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(40));
        let conf = content.conf(&[]);
        let host = network.host(1);
        std::fs::write(
            folder.path().join(format!("{}.bin", host.ip())),
            &content.bytes,
        )
        .unwrap();
        let slots = |node: swarmlet::NodeBuilder| node.upload_slots(2);
        let seed = Member::start_with(folder.path(), host, &conf, slots);
        seed.completes(&content).await;

        let mut peers = Vec::new();
        for number in 2..=4 {
            let mut peer = Foreigner::connect(network.host(number), host, &conf).await;
            if number < 4 {
                // Before it has said that it wants anything.
                wait_for("a free slot is given", || peer.is_unchoked()).await;
                peer.say(INTERESTED, &[]).await;
                peer.say(6, &[0, 0, PIECE as u32]).await;
                wait_for("its request is answered", || peer.count(7) == 1).await;
            }
            peers.push(peer);
        }
        // The third is told why it gets nothing, and keeps its link.
        let third = peers.last_mut().unwrap();
        third.say(INTERESTED, &[]).await;
        third.say(6, &[0, 0, PIECE as u32]).await;
        wait_for("its request is refused", || third.count(REJECT) == 1).await;
        assert_eq!((third.count(UNCHOKE), third.count(7)), (0, 0));

        // A swarmlet needs no slot.
        let member = Member::start(folder.path(), network.host(5), &content.conf(&[host]));
        member.completes(&content).await;
        for (index, peer) in peers.iter_mut().enumerate() {
            assert_eq!(peer.is_unchoked(), index < 2);
        }

        drop(peers.remove(0));
        let third = peers.last_mut().unwrap();
        wait_for("the free slot is given", || third.is_unchoked()).await;
        third.say(6, &[0, 0, PIECE as u32]).await;
        wait_for("its request is answered", || third.count(7) == 1).await;
        member.node.shutdown().await;
        seed.node.shutdown().await;
    });
}

/// Two nodes, one of them under a limit: at no time more bytes have moved than the limit allows in
/// the time that has passed; and they do move.
fn transfer(
    seed_settings: fn(swarmlet::NodeBuilder) -> swarmlet::NodeBuilder,
    leech_settings: fn(swarmlet::NodeBuilder) -> swarmlet::NodeBuilder,
) {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let (network, content) = (Network::any(), Content::pieces(30));
        let (host, other) = (network.host(1), network.host(2));
        std::fs::write(
            folder.path().join(format!("{}.bin", host.ip())),
            &content.bytes,
        )
        .unwrap();
        let conf = content.conf(&[]);
        let seed = Member::start_with(folder.path(), host, &conf, seed_settings);
        seed.completes(&content).await;
        let begun = Instant::now();
        let leech =
            Member::start_with(folder.path(), other, &content.conf(&[host]), leech_settings);
        let mut looks = 0;
        loop {
            let progress = leech.journal.progress();
            let elapsed = begun.elapsed();
            let allowed = LIMIT as f64 * elapsed.as_secs_f64() + SLACK as f64;
            assert!(
                (progress.bytes as f64) <= allowed,
                "{} bytes after {elapsed:?}",
                progress.bytes
            );
            looks += u32::from(progress.known && progress.have > 0);
            if progress.known && progress.have == progress.pieces {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        leech.holds(&content);
        assert!(looks > 3, "the transfer was not seen: {looks}");
        leech.node.shutdown().await;
        seed.node.shutdown().await;
    });
}

/// 256 KiB/s: the transfer takes about two seconds.
const LIMIT: u64 = 256 * 1024;

/// What may come at once: a tenth of a second of the rate, a quantum, and a block that was begun.
const SLACK: u64 = LIMIT / 10 + LIMIT / 20 + 16 * 1024;

#[test]
fn a_download_limit_bounds_the_bytes_of_a_transfer() {
    transfer(|seed| seed, |leech| leech.download_limit(rate(LIMIT)));
}

#[test]
fn an_upload_limit_bounds_the_bytes_of_a_transfer() {
    transfer(|seed| seed.upload_limit(rate(LIMIT)), |leech| leech);
}

/// Whoever sits on a place without a word, and comes again whenever he loses it, keeps nobody out.
#[test]
fn a_newcomer_gets_a_place_that_nobody_has_shaken_hands_for() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let content = Content::pieces(20);
        let network = Network::any();
        let at = network.host(1);
        std::fs::write(
            folder.path().join(format!("{}.bin", at.ip())),
            &content.bytes,
        )
        .unwrap();
        let seed = Member::start(folder.path(), at, &content.conf(&[]));
        let (taken, mut ready) = tokio::sync::mpsc::unbounded_channel();
        let squatters = (100..140).map(|number| {
            let (from, taken) = (network.host(number).ip(), taken.clone());
            actix_rt::spawn(async move {
                loop {
                    let socket = TcpSocket::new_v4().unwrap();
                    socket.bind(SocketAddr::new(from, 0)).unwrap();
                    if let Ok(mut stream) = socket.connect(at).await {
                        // Half of the first key of an encrypted handshake.
                        let _ = stream.write_all(&[7; 50]).await;
                        let _ = taken.send(());
                        let _ = stream.read(&mut [0; 1]).await;
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            })
        });
        let squatters: Vec<_> = squatters.collect();
        for _ in 0..squatters.len() {
            ready.recv().await.unwrap();
        }
        let other = Member::start(folder.path(), network.host(2), &content.conf(&[at]));
        other.completes(&content).await;
        squatters.iter().for_each(actix_rt::task::JoinHandle::abort);
        other.node.shutdown().await;
        seed.node.shutdown().await;
    });
}
