//! A node inside an actix program of your own.
//!
//! ```console
//! $ cargo run --example embedded
//! $ cargo run --example embedded -- DATA CONF [ADDRESS]
//! ```
//!
//! The node is started by a few lines ([`keep_in_sync`]) and lives on the actix system that it
//! finds; what it does reaches an actor of yours as [`Event`]s. Without arguments a small file is
//! made, described, checked and served, and the program ends as soon as it is complete. With
//! arguments the node keeps DATA in sync as CONF has it, until ctrl-C.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use actix::{Actor, Context, Handler, Recipient};
use swarmlet::protocol::id::PieceHash;
use swarmlet::protocol::metainfo::{Info, TorrentConf};
use swarmlet::{Event, Node};
use tokio::sync::mpsc;

/// An actor of the program: it prints what it hears and says when the file is complete.
struct Observer {
    complete: mpsc::UnboundedSender<()>,
}

impl Actor for Observer {
    type Context = Context<Self>;
}

impl Handler<Event> for Observer {
    type Result = ();

    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        match event {
            Event::Listening(address) => println!("listening on {address}"),
            Event::ContentKnown { size, pieces, .. } => {
                println!("the file has {size} bytes in {pieces} parts");
            }
            Event::Progress { progress, .. } => {
                println!("{} of {} parts are here", progress.have, progress.pieces);
            }
            Event::Completed { .. } => {
                println!("complete");
                // Nobody waits for it any more while the program ends.
                let _ = self.complete.send(());
            }
            other => println!("{other:?}"),
        }
    }
}

/// All it takes to start a node.
fn keep_in_sync(
    data: &Path,
    conf: TorrentConf,
    listen: SocketAddr,
    observer: Recipient<Event>,
) -> Result<Node, swarmlet::Error> {
    Node::builder(data)
        .torrent_conf(conf)
        .listen(listen)
        .listener(observer)
        .start()
}

/// A file of a few parts and the configuration that describes it.
fn make_file(path: &Path) -> Result<TorrentConf, Box<dyn Error>> {
    const PART: usize = 16 * 1024;
    let bytes = b"all of one mind. ".repeat(5_000);
    std::fs::write(path, &bytes)?;
    let hashes: Vec<_> = bytes.chunks(PART).map(PieceHash::of).collect();
    let info = Info::single_file("data.bin", bytes.len() as u64, PART as u64, &hashes)?;
    Ok(TorrentConf {
        info: Some(info),
        ..TorrentConf::default()
    })
}

/// The program. Its arguments, if it has any: the file, its torrent.conf, where to listen.
pub async fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let (complete, mut completed) = mpsc::unbounded_channel();
    let observer = Observer { complete }.start().recipient();
    if let [data, conf, rest @ ..] = arguments {
        let conf = TorrentConf::parse(&std::fs::read(conf)?)?;
        let listen = rest
            .first()
            .map_or("0.0.0.0:6881", String::as_str)
            .parse()?;
        let node = keep_in_sync(Path::new(data), conf, listen, observer)?;
        actix_rt::signal::ctrl_c().await?;
        node.shutdown().await;
    } else {
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data.bin");
        let conf = make_file(&data)?;
        // Port 0: any that is free.
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let node = keep_in_sync(&data, conf, listen, observer)?;
        completed.recv().await;
        node.shutdown().await;
    }
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
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    run(&arguments).await
}
