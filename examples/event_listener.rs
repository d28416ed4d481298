//! An actor that hears what a node does and keeps figures of it.
//!
//! ```console
//! $ cargo run --example event_listener
//! ```
//!
//! Facts about a node are [`Event`]s. An actor that handles them is given to the builder
//! (`NodeBuilder::listener`), or to a node that runs already (`Node::listen`), and may do with them
//! what it likes: count, log, wake somebody. Here one counts, and answers whoever asks it for its
//! figures. It hears a node that fetches a small file from a second one.
//!
//! An actor that is slow, or panics, does the node no harm. Whoever has no actor reads events instead:
//! see `one_shot_fetch`.

use std::collections::HashSet;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler, Message, MessageResult};
use swarmlet::protocol::id::{InfoHash, PieceHash};
use swarmlet::protocol::metainfo::Info;
use swarmlet::{Event, Node, Share};

/// 4 MiB in parts of 64 KiB.
const SIZE: usize = 4 * 1024 * 1024;
const PART: usize = 64 * 1024;

/// 8 MiB a second.
const RATE: NonZeroU64 = NonZeroU64::new(8 * 1024 * 1024).unwrap();

/// What was heard.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Contents that are known.
    pub known: HashSet<InfoHash>,
    /// Contents that are complete.
    pub complete: HashSet<InfoHash>,
    /// Peers that came.
    pub joined: usize,
    /// Peers that left again.
    pub lost: usize,
    /// The highest rate, in bytes per second.
    pub fastest: u64,
    /// How long it took until something was complete.
    pub took: Option<Duration>,
    /// What went wrong, in one line each.
    pub trouble: Vec<String>,
}

/// The actor.
struct Statistician {
    begin: Instant,
    figures: Figures,
}

/// Asks it for its figures.
#[derive(Message)]
#[rtype(result = "Figures")]
struct Ask;

impl Actor for Statistician {
    type Context = Context<Self>;
}

impl Handler<Event> for Statistician {
    type Result = ();

    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        let figures = &mut self.figures;
        match event {
            Event::Listening(address) => println!("listening on {address}"),
            Event::ContentKnown {
                info_hash,
                name,
                size,
                ..
            } => {
                println!("{name} has {size} bytes");
                figures.known.insert(info_hash);
            }
            Event::Progress { progress, down, .. } => {
                println!("{} of {} parts", progress.have, progress.pieces);
                figures.fastest = figures.fastest.max(down);
            }
            Event::Completed { info_hash } => {
                figures.complete.insert(info_hash);
                figures.took.get_or_insert_with(|| self.begin.elapsed());
            }
            Event::Incomplete { info_hash } => {
                figures.complete.remove(&info_hash);
            }
            Event::PeerJoined { address, .. } => {
                println!("{address} is here");
                figures.joined += 1;
            }
            Event::PeerLost {
                address, reason, ..
            } => {
                println!("{address} is gone: {reason}");
                figures.lost += 1;
            }
            Event::StoragePaused { error, .. } | Event::Failed { error } => {
                figures.trouble.push(error);
            }
            Event::ActorPanicked { actor, panic } => {
                figures.trouble.push(format!("{actor}: {panic}"));
            }
            // There are others, and there will be more.
            _ => {}
        }
    }
}

impl Handler<Ask> for Statistician {
    type Result = MessageResult<Ask>;

    fn handle(&mut self, _: Ask, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.figures.clone())
    }
}

/// Fetches a file from a node beside it, and returns what the actor heard of that.
pub async fn run() -> Result<Figures, Box<dyn Error>> {
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
    let statistician = Statistician {
        begin: Instant::now(),
        figures: Figures::default(),
    }
    .start();
    let node = Node::sharing([Share::new(info, path("data"))])
        .listen(listen)
        .peer(seed.listen_address().into())
        .listener(statistician.clone().recipient())
        // So that there is something to be seen: without it all is there within milliseconds.
        .download_limit(RATE)
        .progress_period(Duration::from_millis(20))
        .start()?;
    node.completed().await?;
    seed.shutdown().await;
    node.shutdown().await;
    let figures = statistician.send(Ask).await?;
    println!("{figures:#?}");
    Ok(figures)
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
