//! Links under a secret over real sockets: who gets in, what strangers see, and what a wrong clock does.

use std::future::poll_fn;
use std::io::{IoSlice, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use rustls::pki_types::ServerName;

use super::share::KeyShare;
use super::*;
use crate::transport::Connection;

const OLD: &str = "b2xkIHNlY3JldCBvZiB0aGUgZmxlZXQsIDMyIGJ5dGVz";
const NEW: &str = "bmV3IHNlY3JldCBvZiB0aGUgZmxlZXQsIDMyIGJ5dGVz";
const OTHER: &str = "YW5vdGhlciBmbGVldCdzIHNlY3JldCwgMzIgYnl0ZXMu";
const DAY: i64 = 24 * 3_600;

/// A node of a fleet with these secrets.
struct Node {
    security: Security,
    wall: WallClock,
    counters: Arc<Counters>,
}

fn secrets(lines: &[&str]) -> Secrets {
    Secrets::parse(lines.join("\n").as_bytes()).unwrap()
}

fn node(lines: &[&str]) -> Node {
    let (wall, counters) = (WallClock::default(), Arc::<Counters>::default());
    let identity = Identity::passing().unwrap();
    let security = Security::new(
        identity,
        secrets(lines),
        wall.clone(),
        Arc::clone(&counters),
    );
    Node {
        security: security.unwrap(),
        wall,
        counters,
    }
}

/// Both ends of a connection on this machine.
fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.81.0.1:0").unwrap();
    let dialer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (dialer, listener.accept().unwrap().0)
}

fn wire(security: &Security, socket: TcpStream, dialed: bool) -> Wire {
    socket.set_nonblocking(true).unwrap();
    let remote = socket.peer_addr().unwrap();
    let wire = Connection::Tcp(socket).register().unwrap();
    security.secure(wire, remote, dialed).unwrap()
}

fn link(dialer: &Node, acceptor: &Node) -> (Wire, Wire) {
    let (ours, theirs) = sockets();
    (
        wire(&dialer.security, ours, true),
        wire(&acceptor.security, theirs, false),
    )
}

async fn send(wire: &mut Wire, bytes: &[u8]) -> io::Result<()> {
    let mut sent = 0;
    while sent < bytes.len() {
        // Cut as an outbox is: a head and a block.
        let rest = &bytes[sent..];
        let (head, block) = rest.split_at(rest.len().min(13));
        let slices = [
            IoSlice::new(head),
            IoSlice::new(&[]),
            IoSlice::new(&block[..block.len().min(16_384)]),
        ];
        sent += poll_fn(|task| wire.poll_write(task, &slices)).await?;
    }
    poll_fn(|task| wire.poll_flush(task)).await
}

async fn receive(wire: &mut Wire, room: usize, count: usize) -> io::Result<Vec<u8>> {
    let (mut received, mut buffer) = (Vec::new(), vec![0; room]);
    while received.len() < count {
        match poll_fn(|task| wire.poll_read(task, &mut buffer)).await? {
            0 => break,
            read => received.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(received)
}

/// Says something both ways; who each of them then knows to be there.
async fn greet(
    dialer: &mut Wire,
    acceptor: &mut Wire,
) -> (io::Result<Vec<u8>>, io::Result<Vec<u8>>) {
    let dialing = async {
        let heard = receive(dialer, 1_000, 6).await;
        if heard.is_ok() {
            send(dialer, b"dialer").await?;
        }
        heard
    };
    let accepting = async {
        // Reading is what brings a handshake on.
        let mut nothing = [0; 100];
        poll_fn(
            |task| match acceptor.poll_write(task, &[IoSlice::new(b"accept")]) {
                std::task::Poll::Pending => match acceptor.poll_read(task, &mut nothing) {
                    std::task::Poll::Ready(Ok(0)) => {
                        std::task::Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()))
                    }
                    std::task::Poll::Ready(Err(error)) => std::task::Poll::Ready(Err(error)),
                    _ => std::task::Poll::Pending,
                },
                done => done,
            },
        )
        .await?;
        receive(acceptor, 1_000, 6).await
    };
    tokio::join!(dialing, accepting)
}

async fn is_link(dialer: &Node, acceptor: &Node) -> bool {
    let (mut ours, mut theirs) = link(dialer, acceptor);
    let (heard, said) = greet(&mut ours, &mut theirs).await;
    let is_link = heard.is_ok_and(|heard| heard == b"accept");
    assert_eq!(is_link, said.is_ok_and(|said| said == b"dialer"));
    is_link
}

/// What the acceptor answers to these bytes, until it closes or says no more.
async fn answer(acceptor: &Node, bytes: &[u8]) -> Vec<u8> {
    let (mut stranger, theirs) = sockets();
    stranger.write_all(bytes).unwrap();
    stranger.shutdown(Shutdown::Write).unwrap();
    let mut theirs = wire(&acceptor.security, theirs, false);
    while receive(&mut theirs, 1_000, 1)
        .await
        .is_ok_and(|heard| !heard.is_empty())
    {}
    drop(theirs);
    let mut answer = Vec::new();
    // What was not read when it was closed resets the connection, after the answer.
    let _ = stranger.read_to_end(&mut answer);
    answer
}

/// The first message of a dialer.
fn hello(dialer: &Node) -> Vec<u8> {
    let (mut client, _) = dialer.security.client().unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

const REFUSAL: [u8; 7] = swarmlet_protocol::secret::hello::REFUSAL;

#[tokio::test]
async fn nodes_with_the_same_secret_know_each_other() {
    let (one, two) = (node(&[OLD]), node(&[OLD]));
    let (mut ours, mut theirs) = link(&one, &two);
    let (heard, said) = greet(&mut ours, &mut theirs).await;
    assert_eq!(
        (heard.unwrap(), said.unwrap()),
        (b"accept".to_vec(), b"dialer".to_vec())
    );
    let (dialed, accepted) = (ours.take_authenticated(), theirs.take_authenticated());
    assert_eq!(dialed.unwrap().node, two.security.node());
    assert_eq!(accepted.unwrap().node, one.security.node());
    assert_eq!(dialed.unwrap().secret, secrets(&[OLD]).first().id());
    assert_eq!(dialed.unwrap().secret, accepted.unwrap().secret);
    assert_eq!(ours.take_authenticated(), None, "it is said once");
}

#[tokio::test]
async fn what_is_sent_arrives_whole_however_it_is_cut() {
    let (one, two) = (node(&[OLD]), node(&[OLD]));
    let bytes: Vec<u8> = (0..3_000_000_u32)
        .map(|number| ((number * 7) >> 3) as u8)
        .collect();
    for room in [1, 700, 20_000, 300_000] {
        let some = &bytes[..bytes.len().min(room * 2_000)];
        let (mut ours, mut theirs) = link(&one, &two);
        greet(&mut ours, &mut theirs).await.0.unwrap();
        let (sent, received) = tokio::join!(
            send(&mut ours, some),
            receive(&mut theirs, room, some.len())
        );
        sent.unwrap();
        assert!(received.unwrap() == some, "in pieces of {room}");
    }
}

#[tokio::test]
async fn whoever_closes_says_so() {
    let (one, two) = (node(&[OLD]), node(&[OLD]));
    let (mut ours, mut theirs) = link(&one, &two);
    greet(&mut ours, &mut theirs).await.0.unwrap();
    poll_fn(|task| std::task::Poll::Ready(ours.shut(task)))
        .await
        .unwrap();
    assert_eq!(receive(&mut theirs, 100, 1).await.unwrap(), b"");
}

#[tokio::test]
async fn a_secret_can_be_changed_in_any_order_of_nodes() {
    let steps = [&[OLD][..], &[OLD, NEW], &[NEW, OLD], &[NEW]].map(node);
    for (from, dialer) in steps.iter().enumerate() {
        for (to, acceptor) in steps.iter().enumerate() {
            let is_far = from.abs_diff(to) == 3;
            assert_eq!(
                is_link(dialer, acceptor).await,
                !is_far,
                "{from} dials {to}"
            );
        }
    }
}

#[tokio::test]
async fn a_running_node_takes_new_secrets_and_links_that_are_up_stay() {
    let (one, two) = (node(&[OLD]), node(&[OLD]));
    let (mut ours, mut theirs) = link(&one, &two);
    greet(&mut ours, &mut theirs).await.0.unwrap();
    one.security.set_secrets(secrets(&[NEW])).unwrap();
    assert!(!is_link(&one, &two).await);
    two.security.set_secrets(secrets(&[NEW])).unwrap();
    assert!(is_link(&one, &two).await);
    assert_eq!(greet(&mut ours, &mut theirs).await.1.unwrap(), b"dialer");
}

#[tokio::test]
async fn another_secret_is_refused_and_both_sides_can_say_why() {
    let (one, two) = (node(&[OTHER]), node(&[OLD]));
    let (mut ours, mut theirs) = link(&one, &two);
    let (heard, said) = greet(&mut ours, &mut theirs).await;
    let (heard, said) = (
        heard.unwrap_err().to_string(),
        said.unwrap_err().to_string(),
    );
    assert!(heard.contains("it has another secret"), "{heard}");
    assert_eq!(said, "it does not know the secret");
    assert_eq!(two.counters.refused.unproved.get(), 1);
    assert_eq!(one.counters.refused.by_peers.get(), 1);
}

#[tokio::test]
async fn strangers_learn_that_a_tls_server_is_there_and_nothing_else() {
    let fleet = node(&[OLD]);
    for plain in [
        &b"\x13BitTorrent protocol"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0],
        b"\x80\x01",
    ] {
        assert_eq!(answer(&fleet, plain).await, b"", "{plain:?}");
    }
    assert_eq!(fleet.counters.refused.plain.get(), 4);
    // A scanner of TLS: other versions, other names, garbage, far too much.
    let of_a_browser = hello_for("example.com");
    let mut long = vec![22, 3, 1, 0x3f, 0xff];
    long.resize(16_000, 1);
    for tls in [
        &of_a_browser[..],
        &[22, 3, 1, 0, 2, 1, 0],
        &[22, 3, 1, 0, 1, 9],
        &long,
    ] {
        assert_eq!(answer(&fleet, tls).await, REFUSAL);
    }
    assert_eq!(answer(&fleet, &hello(&node(&[OTHER]))).await, REFUSAL);
    // Half a message and the end of it is not answered at all.
    assert_eq!(answer(&fleet, &of_a_browser[..100]).await, b"");
    assert_eq!(answer(&fleet, b"").await, b"");
}

/// The first message of a TLS client that asks for that name.
fn hello_for(name: &'static str) -> Vec<u8> {
    let roots = rustls::RootCertStore::empty();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name).unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn a_recorded_message_is_not_answered_twice_and_the_answer_tells_nothing() {
    let (one, two, three) = (node(&[OLD]), node(&[OLD]), node(&[OLD]));
    let recorded = hello(&one);
    let first = answer(&two, &recorded).await;
    assert!(
        first.len() > 500,
        "that of a dialer is answered: {}",
        first.len()
    );
    assert_eq!(answer(&two, &recorded).await, REFUSAL);
    // Elsewhere it is answered as it was here: under the key of whoever made it.
    let other = answer(&three, &recorded).await;
    for (answered, node) in [(&first, &two), (&other, &three)] {
        let key = node.security.0.identity.key().public_key_raw();
        let id = secrets(&[OLD]).first().id().to_string();
        for told in [key, id.as_bytes()] {
            assert!(!answered.windows(told.len()).any(|some| some == told));
        }
    }
    // With a key share of one's own a recorded name is worth nothing.
    let name = swarmlet_protocol::secret::hello::look(&recorded);
    let name = name.unwrap().unwrap().name.to_owned();
    let bare = config::without_certificate(&one.security.configs().authorities).unwrap();
    let name = ServerName::try_from(name).unwrap();
    let mut client = ClientConnection::new(Arc::new(bare), name).unwrap();
    let mut with_own = Vec::new();
    client.write_tls(&mut with_own).unwrap();
    assert_eq!(answer(&node(&[OLD]), &with_own).await, REFUSAL);
}

#[tokio::test]
async fn who_knows_the_secret_and_shows_no_certificate_is_refused() {
    let two = node(&[OLD]);
    let configs = node(&[OLD]).security.configs();
    let share = KeyShare::new().unwrap();
    let hour = two.wall.hour();
    let name = proof::name(&configs.secrets, share.public(), hour, &[7; 20]);
    let bare = config::without_certificate(&configs.authorities).unwrap();
    let name = ServerName::try_from(name).unwrap();
    let client = share.used_by(|| ClientConnection::new(Arc::new(bare), name));
    let mut client = client.unwrap();
    let (mut ours, theirs) = sockets();
    let mut theirs = wire(&two.security, theirs, false);
    let stranger = std::thread::spawn(move || {
        let done = client.complete_io(&mut ours);
        done.and_then(|_| ours.read(&mut [0; 100]))
    });
    let refused = receive(&mut theirs, 100, 1).await.unwrap_err().to_string();
    assert!(refused.contains("certificate"), "{refused}");
    assert_eq!(two.counters.refused.handshake.get(), 1);
    drop(theirs);
    let _ = stranger.join().unwrap();
}

#[tokio::test]
async fn clocks_may_differ_by_a_day_and_no_more() {
    for (hours, is_let_in) in [(0, true), (23, true), (26, false), (24 * 365, false)] {
        for sign in [1, -1] {
            let (one, two) = (node(&[OLD]), node(&[OLD]));
            one.wall.move_by(sign * hours * 3_600);
            assert_eq!(is_link(&one, &two).await, is_let_in, "{hours} h");
            assert_eq!(is_link(&two, &one).await, is_let_in, "{hours} h");
        }
    }
    let (one, two) = (node(&[OLD]), node(&[OLD]));
    one.wall.move_by(2 * DAY);
    let (mut ours, mut theirs) = link(&one, &two);
    let said = greet(&mut ours, &mut theirs)
        .await
        .1
        .unwrap_err()
        .to_string();
    assert!(said.contains("its clock is 48 h from ours"), "{said}");
}

#[tokio::test]
async fn certificates_are_made_anew_while_links_are_up_and_when_a_clock_is_moved() {
    let (one, two) = (node(&[OLD]), node(&[OLD]));
    let (mut ours, mut theirs) = link(&one, &two);
    greet(&mut ours, &mut theirs).await.0.unwrap();
    // A month, hour by hour for the first day, then in leaps, and back again.
    let steps = [vec![3_600; 24], vec![3 * DAY; 9], vec![-28 * DAY]].concat();
    for seconds in steps {
        one.wall.move_by(seconds);
        two.wall.move_by(seconds);
        assert!(is_link(&one, &two).await);
        assert_eq!(greet(&mut ours, &mut theirs).await.1.unwrap(), b"dialer");
    }
    // One clock jumps, and is put right.
    one.wall.move_by(100 * DAY);
    assert!(!is_link(&one, &two).await);
    assert_eq!(greet(&mut ours, &mut theirs).await.1.unwrap(), b"dialer");
    one.wall.move_by(-100 * DAY);
    assert!(is_link(&one, &two).await);
}

#[tokio::test]
async fn a_stranger_that_sends_byte_by_byte_costs_a_message_at_most() {
    let fleet = node(&[OLD]);
    let (mut stranger, theirs) = sockets();
    let mut theirs = wire(&fleet.security, theirs, false);
    stranger.set_nodelay(true).unwrap();
    let stranger = std::thread::spawn(move || {
        let bytes = [&[22, 3, 1, 0x0f, 0xf0, 1][..], &[0; 5_000]].concat();
        bytes
            .iter()
            .all(|&byte| stranger.write_all(&[byte]).is_ok())
    });
    let mut buffer = [0; 10_000];
    let refused = poll_fn(|task| {
        let read = theirs.poll_read(task, &mut buffer);
        let Wire::Tls(stream) = &theirs else {
            unreachable!()
        };
        assert!(stream.held() <= 4 * 1_024, "{}", stream.held());
        read
    });
    let refused = refused.await.unwrap_err().to_string();
    assert_eq!(refused, "a TLS client that is none of ours");
    drop(theirs);
    let _ = stranger.join().unwrap();
}

#[test]
fn nothing_prints_a_secret() {
    let one = node(&[OLD]);
    let shown = format!("{:?} {:?}", one.security, one.security.0.identity);
    let id = one.security.node();
    assert_eq!(shown, format!("Security({id}) Identity({id})"));
}
