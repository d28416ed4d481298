//! A fleet in one process: eight nodes, of which one has the content.
//!
//! ```console
//! $ cargo run --release --example local_fleet
//! ```
//!
//! Each node has an address of its own in one /24 of the loopback network, as hosts would. Seven of
//! them know neither what to sync nor anybody: they sweep the /24, meet the others, learn what there
//! is, and fetch it from whoever has it already. Each has a thread of its own, as the nodes of a
//! host's may have; on one thread they would do as well. It ends by itself when all eight files are
//! identical. (It needs Linux, which has all of 127.0.0.0/8 by default.)

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use actix_rt::Arbiter;
use swarmlet::protocol::id::PieceHash;
use swarmlet::protocol::metainfo::{Info, TorrentConf};
use swarmlet::{Event, Events, Node, Sweep};

/// 16 MiB in parts of 64 KiB.
const SIZE: usize = 16 * 1024 * 1024;
const PART: usize = 64 * 1024;

/// The nodes. The first one has the content.
const NAMES: [&str; 8] = ["ada", "ben", "cleo", "dan", "eva", "finn", "gus", "hedy"];

/// What a member of the fleet did.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Bytes of the content that came from others.
    pub received: u64,
    /// Bytes that went to others.
    pub sent: u64,
}

/// Prints what a node says, until it has nothing more to say.
async fn report(name: &'static str, mut events: Events) {
    while let Some(event) = events.next().await {
        match event {
            Event::ContentKnown { info_hash, .. } => println!("{name}: knows {info_hash}"),
            Event::Progress { progress, .. } if progress.pieces > 0 => {
                let percent = progress.have * 100 / progress.pieces;
                println!("{name}: {percent} %, {} links", progress.links);
            }
            Event::Completed { .. } => println!("{name}: complete"),
            Event::Failed { error } => println!("{name}: {error}"),
            _ => {}
        }
    }
}

/// Random bytes in a file, and what a torrent.conf would say of them.
fn make_content(path: &Path) -> Result<TorrentConf, Box<dyn Error>> {
    let mut bytes = vec![0; SIZE];
    fastrand::fill(&mut bytes);
    std::fs::write(path, &bytes)?;
    let hashes: Vec<_> = bytes.chunks(PART).map(PieceHash::of).collect();
    let info = Info::single_file("data.bin", SIZE as u64, PART as u64, &hashes)?;
    Ok(TorrentConf {
        info: Some(info),
        ..TorrentConf::default()
    })
}

/// Runs the fleet until all are complete; fails if the files differ.
pub async fn run() -> Result<Vec<Member>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let mut conf = Some(make_content(&path(NAMES[0]))?);
    // Some /24 that is not in use for anything else.
    let (second, third) = (fastrand::u8(16..=250), fastrand::u8(..));
    let begin = Instant::now();
    let mut fleet = Vec::new();
    for (name, host) in NAMES.into_iter().zip(10..) {
        let listen = SocketAddr::from((Ipv4Addr::new(127, second, third, host), 6881));
        let arbiter = Arbiter::new();
        let node = Node::builder(path(name))
            .torrent_conf(conf.take().unwrap_or_default())
            .listen(listen)
            .sweep(Sweep::Auto)
            .progress_period(Duration::from_millis(200))
            .start_on(&arbiter.handle())
            .await?;
        actix_rt::spawn(report(name, node.events()));
        fleet.push((name, node, arbiter));
    }
    let mut members = Vec::new();
    for (_, node, _) in &fleet {
        node.completed().await?;
    }
    for (name, node, arbiter) in fleet {
        let totals = node.report().await.ok_or("a node has ended")?.totals;
        members.push(Member {
            name,
            received: totals.received,
            sent: totals.sent,
        });
        node.shutdown().await;
        arbiter.stop();
    }
    let first = std::fs::read(path(NAMES[0]))?;
    for name in NAMES {
        if std::fs::read(path(name))? != first {
            return Err(format!("{name} has something else").into());
        }
    }
    println!(
        "eight identical files after {:.2} s",
        begin.elapsed().as_secs_f64()
    );
    for Member {
        name,
        received,
        sent,
    } in &members
    {
        println!("{name}: {received} bytes came, {sent} went");
    }
    Ok(members)
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
