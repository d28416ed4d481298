//! The session actor against a peer that takes nothing, with a storage that only counts.

use std::io::{ErrorKind, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use actix::ResponseFuture;
use bytes::Bytes;
use swarmlet_protocol::bitfield::Bitfield;
use swarmlet_protocol::buffers::Buffers;
use swarmlet_protocol::id::{InfoHash, PeerId, PieceHash};
use swarmlet_protocol::metainfo::Info;
use swarmlet_protocol::session::Role;

use super::*;
use crate::credit::Token;
use crate::messages::storage::{ForgetParts, ReadBlocks, ReportPieces, SpillPiece, StorePieces};

const BLOCK: u32 = 16 * 1024;
const PIECES: u32 = 4_096;

/// Stands for storage, scheduler, discovery and watchdog: answers reads and counts their bytes.
#[derive(Default)]
struct Host {
    read: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    facts: Arc<AtomicUsize>,
    /// Facts are not handled: their tokens are kept.
    slow: Arc<AtomicBool>,
    tokens: Arc<Mutex<Vec<Token>>>,
    session: Option<Recipient<SessionCommand>>,
    /// The limits of the swarm.
    limits: Limits,
    content: Option<Arc<Info>>,
}

impl Actor for Host {
    type Context = Context<Self>;
}

impl Handler<ReadBlocks> for Host {
    type Result = ResponseFuture<Result<Bytes, String>>;

    fn handle(&mut self, request: ReadBlocks, _: &mut Self::Context) -> Self::Result {
        let length = request
            .blocks
            .iter()
            .map(|block| block.length as usize)
            .sum();
        self.read.fetch_add(length, Ordering::SeqCst);
        Box::pin(async move { Ok(Bytes::from(vec![0; length])) })
    }
}

impl Handler<StorePieces> for Host {
    type Result = ();

    fn handle(&mut self, _: StorePieces, _: &mut Self::Context) {}
}

impl Handler<ReportPieces> for Host {
    type Result = ();

    fn handle(&mut self, _: ReportPieces, _: &mut Self::Context) {}
}

impl Handler<SpillPiece> for Host {
    type Result = ();

    fn handle(&mut self, _: SpillPiece, _: &mut Self::Context) {}
}

impl Handler<ForgetParts> for Host {
    type Result = ();

    fn handle(&mut self, _: ForgetParts, _: &mut Self::Context) {}
}

impl Handler<LinkFact> for Host {
    type Result = ();

    fn handle(&mut self, fact: LinkFact, _: &mut Self::Context) {
        self.facts.fetch_add(1, Ordering::SeqCst);
        if self.slow.load(Ordering::SeqCst) {
            self.tokens.lock().unwrap().extend(fact.token);
        }
    }
}

impl Handler<LinkSampled> for Host {
    type Result = ();

    fn handle(&mut self, _: LinkSampled, _: &mut Self::Context) {}
}

impl Handler<LinkReport> for Host {
    type Result = ();

    fn handle(&mut self, report: LinkReport, context: &mut Self::Context) {
        match report.what {
            LinkEvent::Started(session) => self.session = Some(session),
            LinkEvent::Handshaken { info_hash, .. } => {
                let (Some(session), Some(content)) = (&self.session, self.content.clone()) else {
                    panic!("the session started before it shook hands");
                };
                let myself = context.address();
                session.do_send(SessionCommand::Protocol(Input::Answer(info_hash)));
                session.do_send(SessionCommand::Attach(myself.clone().recipient()));
                session.do_send(SessionCommand::UseStorage(StorageHandle {
                    read: myself.clone().recipient(),
                    store: myself.clone().recipient(),
                    spill: myself.clone().recipient(),
                    forget: myself.clone().recipient(),
                    report: myself.recipient(),
                    traffic: Arc::default(),
                }));
                session.do_send(SessionCommand::Limit(self.limits.clone()));
                let have = Bitfield::full(PIECES);
                let welcome = Input::Welcome(Some((content, have)));
                session.do_send(SessionCommand::Protocol(welcome));
            }
            LinkEvent::Ended { .. } => {
                self.ended.fetch_add(1, Ordering::SeqCst);
            }
            _ => {}
        }
    }
}

/// Starts a session on one end of a connection; returns the other end, blocking calls on which
/// fail rather than wait, with the counts of bytes read and of links ended.
async fn link(
    host: Host,
) -> (
    std::net::TcpStream,
    Arc<AtomicUsize>,
    Arc<AtomicUsize>,
    InfoHash,
) {
    let hashes = vec![PieceHash([1; 20]); PIECES as usize];
    let size = u64::from(PIECES) * u64::from(BLOCK);
    let info = Info::single_file("data.bin", size, u64::from(BLOCK), &hashes).unwrap();
    let info_hash = info.info_hash();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    peer.set_nonblocking(true).unwrap();
    let (stream, remote) = listener.accept().await.unwrap();
    let host = Host {
        content: Some(Arc::new(info)),
        ..host
    };
    let (read, ended) = (Arc::clone(&host.read), Arc::clone(&host.ended));
    let host = host.start();
    let (owner, kept) = watch::channel(());
    // The node never forgets this link.
    std::mem::forget(owner);
    let setup = Setup {
        link: LinkId(1),
        remote,
        params: Params {
            role: Role::Accepted,
            peer_id: PeerId([1; 20]),
            rendezvous: InfoHash([9; 20]),
            listen_port: 1,
            dht_port: None,
            remote: None,
            buffers: Buffers::default(),
            client: "test".to_owned(),
        },
        side: Side::Acceptor(vec![info_hash]),
        encryption: Policy::Allowed,
        discovery: host.clone().recipient(),
        watchdog: host.recipient(),
        dht: None,
        owner: kept,
        clock: Clock::start(),
        gauge: Arc::default(),
        counters: Arc::default(),
        limits: Limits::default(),
    };
    Session::new(setup, Wire::Tcp(stream)).start();
    (peer, read, ended, info_hash)
}

/// Writes all of it if the session takes it within a while; says whether it did.
async fn push(mut peer: &std::net::TcpStream, mut bytes: &[u8]) -> bool {
    for _ in 0..200 {
        match peer.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
        if bytes.is_empty() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

fn handshake(info_hash: InfoHash) -> Vec<u8> {
    let mut bytes = b"\x13BitTorrent protocol".to_vec();
    bytes.extend([0; 8]);
    bytes.extend(info_hash.0);
    bytes.extend([2; 20]);
    bytes
}

fn request(piece: u32) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 13, 6];
    for number in [piece, 0, BLOCK] {
        bytes.extend(number.to_be_bytes());
    }
    bytes
}

#[actix::test]
async fn a_peer_that_asks_for_all_and_takes_nothing_costs_a_bounded_amount_of_memory() {
    let (peer, read, ended, info_hash) = link(Host::default()).await;
    assert!(push(&peer, &handshake(info_hash)).await);
    // Interested; and then every piece is asked for, 64 MiB in all.
    assert!(push(&peer, &[0, 0, 0, 1, 2]).await);
    let requests: Vec<u8> = (0..PIECES).flat_map(request).collect();
    assert!(push(&peer, &requests).await);
    let (mut before, mut steady) = (0, 0);
    while steady < 100 || before == 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
        let now = read.load(Ordering::SeqCst);
        steady = if now == before { steady + 1 } else { 0 };
        before = now;
    }
    assert_eq!(
        ended.load(Ordering::SeqCst),
        0,
        "an honest peer may be slow"
    );
    // What the kernel's buffers took (some MiB on loopback) and one batch in our own.
    assert!(
        before < 24 * 1024 * 1024,
        "{before} bytes were read for nobody"
    );
    assert!(before > BLOCK as usize, "the session served nothing");
}

#[actix::test]
async fn a_peer_that_floods_with_haves_is_read_no_faster_than_its_facts_are_handled() {
    let host = Host::default();
    let (facts, slow) = (Arc::clone(&host.facts), Arc::clone(&host.slow));
    let tokens = Arc::clone(&host.tokens);
    slow.store(true, Ordering::SeqCst);
    let (peer, _, ended, info_hash) = link(host).await;
    assert!(push(&peer, &handshake(info_hash)).await);
    // One by one: what comes together is one fact.
    for piece in 0_u32..300 {
        let have = [[0, 0, 0, 5, 4].as_slice(), &piece.to_be_bytes()].concat();
        assert!(push(&peer, &have).await, "the kernel takes a few bytes");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let told = facts.load(Ordering::SeqCst);
    assert!(told <= UNHANDLED_FACTS + 2, "{told} facts are waiting");
    assert!(
        told >= UNHANDLED_FACTS / 2,
        "only {told} facts came: the test floods nobody"
    );
    // They are handled after all, and the session goes on with what waits in its socket.
    slow.store(false, Ordering::SeqCst);
    tokens.lock().unwrap().clear();
    for _ in 0..1_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if facts.load(Ordering::SeqCst) > told {
            assert_eq!(ended.load(Ordering::SeqCst), 0);
            return;
        }
    }
    panic!("the session does not go on when its credit comes back");
}

#[actix::test]
async fn the_limit_of_a_swarm_holds_on_its_links() {
    const RATE: u64 = 512 * 1024;
    let rate = std::num::NonZeroU64::new(RATE);
    let limits = Limits::new(None, rate);
    let host = Host {
        limits,
        ..Host::default()
    };
    let begun = std::time::Instant::now();
    let (mut peer, read, ended, info_hash) = link(host).await;
    assert!(push(&peer, &handshake(info_hash)).await);
    let requests: Vec<u8> = (0..PIECES).flat_map(request).collect();
    assert!(push(&peer, &requests).await);
    let mut taken = vec![0; 1 << 20];
    let mut before = 0;
    // Half a MiB takes a second, however fast the peer reads.
    while before < RATE {
        // A reader that would block has nothing to throw away.
        let _ = std::io::Read::read(&mut peer, &mut taken);
        before = read.load(Ordering::SeqCst) as u64;
        let allowed = RATE as f64 * begun.elapsed().as_secs_f64();
        // A tenth of a second, a quantum and a block may come beside.
        let slack = RATE / 10 + RATE / 20 + u64::from(BLOCK);
        assert!(
            before as f64 <= allowed + slack as f64,
            "{before} bytes, {allowed} allowed"
        );
        assert_eq!(ended.load(Ordering::SeqCst), 0);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
