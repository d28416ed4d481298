//! Fetches one thing and ends: a magnet link, a `.torrent` or an infohash becomes a file.
//!
//! ```console
//! $ cargo run --example one_shot_fetch -- SOURCE [PEER]...
//! $ cargo run --example one_shot_fetch -- 'magnet:?xt=urn:btih:8e1c...&x.pe=10.0.0.5:6881'
//! $ cargo run --example one_shot_fetch -- photos.torrent 10.0.0.5 10.0.0.6
//! $ cargo run --example one_shot_fetch -- 8e1c5d4be4b17e7d1c6e0ac9c81f8b1d5c1f2a37 10.0.0.5
//! ```
//!
//! What is fetched lands in the working directory, under its own name. A node is started for it and
//! shut down again ([`fetch`]), whatever comes of it: everything, nothing for a minute, or a content
//! that cannot be kept. `swarmlet get` does the same with all that a command needs.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use swarmlet::protocol::address::PeerAddress;
use swarmlet::protocol::id::InfoHash;
use swarmlet::protocol::metainfo::Torrent;
use swarmlet::{Event, Node, Place, Progress, Share};
use tokio::time::{Instant, timeout_at};

/// 60 s in which nothing comes are the end of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a thing is fetched.
pub struct Request {
    /// What: a magnet link, the path of a `.torrent`, or an infohash.
    pub source: String,
    /// Into which directory.
    pub folder: PathBuf,
    /// Who may have it, beside those that the source names.
    pub peers: Vec<PeerAddress>,
    /// Where to listen.
    pub listen: SocketAddr,
    /// For how long nothing may come before that is the end.
    pub patience: Duration,
}

/// What a source says, to be kept in that directory.
fn share(source: &str, folder: &Path) -> Result<Share, Box<dyn Error>> {
    let place = Place::Under(folder.to_owned());
    if source.starts_with("magnet:") {
        return Ok(Share::magnet(source.parse()?, place));
    }
    if let Ok(info_hash) = source.parse::<InfoHash>() {
        return Ok(Share::named(info_hash, place));
    }
    let torrent = Torrent::parse(&std::fs::read(source)?.into())?;
    Ok(Share::torrent(torrent, place))
}

/// Fetches it, and says how far it is. Returns where it is.
pub async fn fetch(
    request: Request,
    show: impl FnMut(&Progress),
) -> Result<PathBuf, Box<dyn Error>> {
    let share = share(&request.source, &request.folder)?;
    // A node makes the folders of a content, and not those in which it is to stand.
    std::fs::create_dir_all(&request.folder)?;
    let mut builder = Node::sharing([share]).listen(request.listen);
    for peer in request.peers {
        builder = builder.peer(peer);
    }
    // In builds with the feature `dht` a name alone would do: `.dht(true)`.
    let node = builder.start()?;
    let outcome = follow(&node, request.patience, show).await;
    // In order, in each case: what is verified is written.
    node.shutdown().await;
    outcome
}

/// Follows a node until all is here, or nothing has come for too long.
async fn follow(
    node: &Node,
    patience: Duration,
    mut show: impl FnMut(&Progress),
) -> Result<PathBuf, Box<dyn Error>> {
    let mut events = node.events();
    let (mut place, mut bytes) = (PathBuf::new(), 0);
    let mut until = Instant::now() + patience;
    loop {
        let Ok(event) = timeout_at(until, events.next()).await else {
            return Err(format!("nothing came for {} s", patience.as_secs_f64()).into());
        };
        match event {
            Some(Event::ContentKnown { place: known, .. }) => place = known,
            Some(Event::Progress { progress, .. }) => {
                show(&progress);
                if progress.bytes > bytes {
                    bytes = progress.bytes;
                    until = Instant::now() + patience;
                }
            }
            Some(Event::Completed { .. }) => return Ok(place),
            Some(
                Event::ContentRefused { error, .. }
                | Event::StoragePaused { error, .. }
                | Event::Failed { error },
            ) => return Err(error.into()),
            Some(_) => {}
            None => return Err("the node has ended".into()),
        }
    }
}

/// The program: what to fetch, and peers that may have it.
pub async fn run(arguments: &[String]) -> Result<PathBuf, Box<dyn Error>> {
    let [source, peers @ ..] = arguments else {
        return Err("usage: one_shot_fetch SOURCE [PEER]...".into());
    };
    let peers = peers.iter().map(|peer| peer.parse());
    let request = Request {
        source: source.clone(),
        folder: std::env::current_dir()?,
        peers: peers.collect::<Result<_, _>>()?,
        listen: "0.0.0.0:0".parse()?,
        patience: PATIENCE,
    };
    let show = |progress: &Progress| match progress.known {
        true => println!("{} of {} bytes", progress.bytes, progress.size),
        false => println!("asking {} peers what it is", progress.links),
    };
    let place = fetch(request, show).await?;
    println!("complete: {}", place.display());
    Ok(place)
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
    run(&arguments).await?;
    Ok(())
}
