//! A fleet in one process: three nodes, of which one has the content.
//!
//! ```console
//! $ cargo run --release --example local_fleet
//! ```
//!
//! Each node has an address of its own in one /24 of the loopback network, as hosts would. Two of
//! them know neither what to sync nor anybody: they sweep the /24, meet the first one, learn what
//! there is, and fetch it from it and from one another. It ends by itself when all three files are
//! identical. (It needs Linux, which has all of 127.0.0.0/8 by default.)

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler};
use swarmlet::protocol::id::PieceHash;
use swarmlet::protocol::metainfo::{Info, TorrentConf};
use swarmlet::{Event, Node, Sweep};
use tokio::sync::mpsc;

/// 16 MiB in parts of 64 KiB.
const SIZE: usize = 16 * 1024 * 1024;
const PART: usize = 64 * 1024;

/// Hears one node.
struct Reporter {
    name: &'static str,
    complete: mpsc::UnboundedSender<&'static str>,
}

impl Actor for Reporter {
    type Context = Context<Self>;
}

impl Handler<Event> for Reporter {
    type Result = ();

    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        let name = self.name;
        match event {
            Event::Listening(address) => println!("{name}: listening on {address}"),
            Event::ContentKnown { info_hash, .. } => println!("{name}: knows {info_hash}"),
            Event::Progress { progress, .. } => {
                println!("{name}: {} of {} parts", progress.have, progress.pieces);
            }
            Event::Completed { .. } => {
                println!("{name}: complete");
                // Nobody waits for it any more while the program ends.
                let _ = self.complete.send(name);
            }
            other => println!("{name}: {other:?}"),
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
pub async fn run() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let conf = make_content(&path("ada"))?;
    // Some /24 that is not in use for anything else.
    let (second, third) = (fastrand::u8(16..=250), fastrand::u8(..));
    let begin = Instant::now();
    let (complete, mut completed) = mpsc::unbounded_channel();
    let fleet = [
        ("ada", conf),
        ("ben", TorrentConf::default()),
        ("cleo", TorrentConf::default()),
    ];
    let names = fleet.each_ref().map(|&(name, _)| name);
    let mut nodes = Vec::new();
    for ((name, conf), host) in fleet.into_iter().zip(10..) {
        let listen = SocketAddr::from((Ipv4Addr::new(127, second, third, host), 6881));
        let reporter = Reporter {
            name,
            complete: complete.clone(),
        };
        let node = Node::builder(path(name))
            .torrent_conf(conf)
            .listen(listen)
            .sweep(Sweep::Auto)
            .listener(reporter.start().recipient())
            .progress_period(Duration::from_millis(100))
            .start()?;
        nodes.push(node);
    }
    let mut missing = names.to_vec();
    while !missing.is_empty() {
        let name = completed.recv().await;
        missing.retain(|&other| Some(other) != name);
    }
    for node in nodes {
        node.shutdown().await;
    }
    let files: Vec<_> = names
        .iter()
        .map(|name| std::fs::read(path(name)))
        .collect::<Result<_, _>>()?;
    if files.iter().any(|file| *file != files[0]) {
        return Err("the files differ".into());
    }
    println!(
        "three identical files after {:.2} s",
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}

#[actix::main]
#[allow(
    dead_code,
    reason = "a test runs the example without its main function"
)]
async fn main() -> Result<(), Box<dyn Error>> {
    // RUST_LOG=debug shows what the actors do.
    env_logger::init();
    run().await
}
