//! A source of peers of your own: a file of addresses that is watched.
//!
//! ```console
//! $ cargo run --example custom_discovery
//! ```
//!
//! Whatever knows where peers are (a file, a registry, a cloud's list of machines, a gossip of your
//! own) is joined to a node by `Node::add_peers`. It says addresses or host names, as often as it likes;
//! the node dials them, comes back to them, and forgets those that are nobody. Here that is a task of
//! fifteen lines ([`watch`]) which reads a text file whenever that has changed.
//!
//! A node that knows what to fetch, and nobody who has it, waits; then a second node's address is
//! written to the file.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use swarmlet::protocol::address::PeerAddress;
use swarmlet::protocol::id::PieceHash;
use swarmlet::protocol::metainfo::Info;
use swarmlet::{Event, Node, Share};

/// 1 MiB in parts of 16 KiB.
const SIZE: usize = 1024 * 1024;
const PART: usize = 16 * 1024;

/// 50 ms: how often the file is looked at. In earnest that would be seconds.
const LOOK: Duration = Duration::from_millis(50);

/// Tells the node whom a file names, a line each, now and whenever it changes; until the node ends.
/// Lines that are no addresses are left out.
async fn watch(file: PathBuf, node: Node) {
    let mut known = String::new();
    while node.is_running() {
        // A file that is not there names nobody.
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        if text != known {
            let peers: Vec<PeerAddress> = text
                .lines()
                .filter_map(|line| line.trim().parse().ok())
                .collect();
            println!("the file names {} peers", peers.len());
            node.add_peers(peers);
            known = text;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Links of the node while the file named nobody.
    pub links_before: usize,
    /// Whom it met then.
    pub peer: SocketAddr,
    /// Where the other node listened.
    pub seed: SocketAddr,
}

/// Lets a node wait, names it a peer, and waits until it has everything.
pub async fn run() -> Result<Outcome, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let mut bytes = vec![0; SIZE];
    fastrand::fill(&mut bytes);
    std::fs::write(path("seed"), &bytes)?;
    let hashes: Vec<_> = bytes.chunks(PART).map(PieceHash::of).collect();
    let info = Info::single_file("data.bin", SIZE as u64, PART as u64, &hashes)?;
    // Port 0: any that is free.
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let seed = Node::sharing([Share::new(info.clone(), path("seed"))])
        .listen(listen)
        .start()?;
    let node = Node::sharing([Share::new(info, path("data"))])
        .listen(listen)
        .start()?;
    let mut events = node.events();
    let watching = actix_rt::spawn(watch(path("peers.txt"), node.clone()));

    tokio::time::sleep(2 * LOOK).await;
    let report = node.report().await.ok_or("the node has ended")?;
    let links_before = report.links.len();
    println!("{links_before} links, and the file is not there yet");
    // Written beside its name and renamed: nobody reads half of it.
    let address = seed.listen_address();
    std::fs::write(path("peers.new"), format!("# the seed\n{address}\n"))?;
    std::fs::rename(path("peers.new"), path("peers.txt"))?;

    let peer = loop {
        let event = events.next().await.ok_or("the node has ended")?;
        if let Event::PeerJoined { address, .. } = event {
            break address;
        }
    };
    node.completed().await?;
    if std::fs::read(path("data"))? != bytes {
        return Err("the files differ".into());
    }
    node.shutdown().await;
    seed.shutdown().await;
    watching.await?;
    let outcome = Outcome {
        links_before,
        peer,
        seed: address,
    };
    println!("complete: {outcome:?}");
    Ok(outcome)
}

#[actix::main]
#[allow(
    dead_code,
    reason = "a test runs the example without its main function"
)]
async fn main() -> Result<(), Box<dyn Error>> {
    // RUST_LOG=debug shows what the actors do.
    env_logger::init();
    run().await?;
    Ok(())
}
