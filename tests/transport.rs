//! What links are made of: plain or encrypted, TCP or uTP. By nodes inside this process, with a
//! relay between them that sees every byte.

#![allow(clippy::expect_used, clippy::unwrap_used)]

mod inprocess;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use inprocess::{Content, Member, Network, on_system};
use swarmlet::protocol::encryption::Policy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PIECES: usize = 200;

/// How long it is watched that something does not happen: many times what it takes elsewhere.
const WATCH: Duration = Duration::from_secs(2);

/// All bytes that went through a relay.
type Seen = Arc<Mutex<Vec<u8>>>;

/// Passes TCP links on, and keeps a copy of what is said.
async fn relay(at: SocketAddr, to: SocketAddr) -> Seen {
    let seen = Seen::default();
    let listener = TcpListener::bind(at).await.unwrap();
    let kept = Arc::clone(&seen);
    actix_rt::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(to).await else {
                continue;
            };
            let (near, far) = (near.into_split(), far.into_split());
            actix_rt::spawn(pass(near.0, far.1, Arc::clone(&kept)));
            actix_rt::spawn(pass(far.0, near.1, Arc::clone(&kept)));
        }
    });
    seen
}

async fn pass(mut from: impl AsyncReadExt + Unpin, mut to: impl AsyncWriteExt + Unpin, seen: Seen) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        seen.lock().unwrap().extend(&buffer[..count]);
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

fn contains(seen: &Seen, words: &[u8]) -> bool {
    let seen = seen.lock().unwrap();
    seen.windows(words.len()).any(|window| window == words)
}

/// A seed, and a node that knows it through the relay alone.
async fn pair(
    folder: &Path,
    content: &Content,
    seed_policy: Policy,
    policy: Policy,
) -> (Member, Member, Seen) {
    let network = Network::any();
    let (seed_at, relay_at) = (network.host(1), network.host(9));
    let data = folder.join(format!("{}.bin", seed_at.ip()));
    std::fs::write(data, &content.bytes).unwrap();
    let seen = relay(relay_at, seed_at).await;
    let seed = Member::start_with(folder, seed_at, &content.conf(&[]), |node| {
        node.encryption(seed_policy)
    });
    let conf = content.conf(&[relay_at]);
    let other = Member::start_with(folder, network.host(2), &conf, |node| {
        node.encryption(policy)
    });
    (seed, other, seen)
}

fn completes(seed_policy: Policy, policy: Policy) -> (Content, Seen) {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let content = Content::pieces(PIECES);
        let (seed, other, seen) = pair(folder.path(), &content, seed_policy, policy).await;
        other.completes(&content).await;
        other.node.shutdown().await;
        seed.node.shutdown().await;
        (content, seen)
    })
}

const NAME: &[u8] = b"BitTorrent protocol";

#[test]
fn links_are_plain_where_nobody_asks_for_more() {
    let (content, seen) = completes(Policy::Allowed, Policy::Allowed);
    assert!(contains(&seen, NAME));
    assert!(contains(&seen, &content.bytes[1_000..1_100]));
}

#[test]
fn nothing_can_be_read_where_encryption_is_required() {
    let (content, seen) = completes(Policy::Required, Policy::Required);
    assert!(seen.lock().unwrap().len() > content.bytes.len());
    assert!(!contains(&seen, NAME));
    assert!(!contains(&seen, &content.bytes[1_000..1_100]));
}

#[test]
fn who_insists_is_answered() {
    // The seed may dial plainly itself, for instance the relay that it is told of.
    let (content, seen) = completes(Policy::Allowed, Policy::Required);
    assert!(!contains(&seen, &content.bytes[1_000..1_100]));
}

/// The first dial is plain, and hung up on; the next one is not.
#[test]
fn who_hangs_up_on_a_plain_link_is_asked_again() {
    let (content, seen) = completes(Policy::Required, Policy::Allowed);
    assert!(contains(&seen, NAME));
    assert!(!contains(&seen, &content.bytes[1_000..1_100]));
}

#[test]
fn who_requires_and_who_refuses_never_meet() {
    for (seed_policy, policy) in [
        (Policy::Required, Policy::Off),
        (Policy::Off, Policy::Required),
    ] {
        on_system(async {
            let folder = tempfile::tempdir().unwrap();
            let content = Content::pieces(PIECES);
            let (seed, other, _) = pair(folder.path(), &content, seed_policy, policy).await;
            tokio::time::sleep(WATCH).await;
            assert_eq!(other.journal.progress().have, 0);
            other.node.shutdown().await;
            seed.node.shutdown().await;
        });
    }
}

#[test]
#[cfg(not(feature = "utp"))]
fn without_utp_a_node_says_how_to_get_it() {
    on_system(async {
        let folder = tempfile::tempdir().unwrap();
        let at = Network::any().host(1);
        let started = Member::try_start(folder.path(), at, b"", |node| node.utp(true));
        let error = started.err().expect("no uTP").to_string();
        assert!(error.contains("--features utp"), "{error}");
    });
}

#[cfg(feature = "utp")]
mod utp {
    use swarmlet::NodeBuilder;
    use tokio::net::UdpSocket;

    use super::*;

    /// Passes datagrams of one stranger on, and answers; keeps a copy of what is in them.
    async fn relay(at: SocketAddr, to: SocketAddr) -> Seen {
        let near = Arc::new(UdpSocket::bind(at).await.unwrap());
        let far = Arc::new(UdpSocket::bind((at.ip(), 0)).await.unwrap());
        far.connect(to).await.unwrap();
        let stranger = Arc::new(Mutex::new(None));
        let seen = Seen::default();
        let (back, known) = ((Arc::clone(&far), Arc::clone(&near)), Arc::clone(&stranger));
        let kept = Arc::clone(&seen);
        actix_rt::spawn(async move {
            let mut packet = vec![0; 65_536];
            while let Ok((length, from)) = near.recv_from(&mut packet).await {
                *stranger.lock().unwrap() = Some(from);
                kept.lock().unwrap().extend(&packet[..length]);
                let _ = far.send(&packet[..length]).await;
            }
        });
        let kept = Arc::clone(&seen);
        actix_rt::spawn(async move {
            let (far, near) = back;
            let mut packet = vec![0; 65_536];
            while let Ok(length) = far.recv(&mut packet).await {
                kept.lock().unwrap().extend(&packet[..length]);
                let Some(to) = *known.lock().unwrap() else {
                    continue;
                };
                let _ = near.send_to(&packet[..length], to).await;
            }
        });
        seen
    }

    /// Nobody listens on TCP where the relay is: all goes by UDP.
    fn completes_by_utp(forms: impl Fn(NodeBuilder) -> NodeBuilder) -> (Content, Seen) {
        on_system(async {
            let folder = tempfile::tempdir().unwrap();
            let content = Content::pieces(PIECES);
            let network = Network::any();
            let (seed_at, relay_at) = (network.host(1), network.host(9));
            let data = folder.path().join(format!("{}.bin", seed_at.ip()));
            std::fs::write(data, &content.bytes).unwrap();
            let seen = relay(relay_at, seed_at).await;
            let start = |at, peers: &[SocketAddr]| {
                Member::start_with(folder.path(), at, &content.conf(peers), |node| {
                    forms(node.utp(true))
                })
            };
            let seed = start(seed_at, &[]);
            let other = start(network.host(2), &[relay_at]);
            other.completes(&content).await;
            other.node.shutdown().await;
            seed.node.shutdown().await;
            (content, seen)
        })
    }

    #[test]
    fn who_cannot_be_dialed_by_tcp_is_dialed_by_utp() {
        for policy in [Policy::Allowed, Policy::Required] {
            let (content, seen) = completes_by_utp(|node| node.encryption(policy));
            assert!(seen.lock().unwrap().len() > content.bytes.len());
            assert_eq!(contains(&seen, NAME), policy == Policy::Allowed);
        }
    }

    #[test]
    #[cfg(feature = "secret")]
    fn links_of_a_fleet_with_a_secret_are_tls_over_utp_as_well() {
        use swarmlet::protocol::secret::FleetSecret;

        let secret = "b2xkIHNlY3JldCBvZiB0aGUgZmxlZXQsIDMyIGJ5dGVz";
        let secret = || FleetSecret::new(secret).unwrap();
        let (content, seen) = completes_by_utp(|node| node.fleet_secret(secret()));
        assert!(seen.lock().unwrap().len() > content.bytes.len());
        assert!(!contains(&seen, NAME));
        assert!(!contains(&seen, &content.bytes[1_000..1_100]));
    }
}
