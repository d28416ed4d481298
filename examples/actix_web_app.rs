//! A web application of yours with a node in it, that serves a file while the node still fetches it.
//!
//! ```console
//! $ cargo run --example actix_web_app
//! ```
//!
//! and in another terminal, within the first seconds:
//!
//! ```console
//! $ curl http://127.0.0.1:8080/            # how far it is: a route of the application's
//! $ curl http://127.0.0.1:8080/file | wc -c
//! $ curl http://127.0.0.1:8080/swarm/api/v1/swarms
//! ```
//!
//! The dashboard of the node is at <http://127.0.0.1:8080/swarm/>: its HTTP face is mounted as a scope
//! of the application (`Face::scope`), which keeps its own server, workers, middleware and signals.
//! `/file` reads by `Node::read`: what the reader needs next is fetched first. So that there is something
//! to fetch, a second node stands beside it, from which the file comes at 2 MiB a second.

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::path::Path;

use actix_web::error::ErrorServiceUnavailable;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse, HttpServer};
use futures_util::stream::try_unfold;
use swarmlet::http::Face;
use swarmlet::protocol::id::{InfoHash, PieceHash};
use swarmlet::protocol::metainfo::Info;
use swarmlet::{Node, Share};

/// 8 MiB in parts of 64 KiB, which come at 2 MiB a second.
const SIZE: usize = 8 * 1024 * 1024;
const PART: usize = 64 * 1024;
const RATE: NonZeroU64 = NonZeroU64::new(2 * 1024 * 1024).unwrap();

/// What the handlers of the application share.
struct Synced {
    node: Node,
    file: InfoHash,
}

/// `/`: how far the file is.
async fn home(synced: Data<Synced>) -> actix_web::Result<String> {
    let report = synced.node.report().await;
    let report = report.ok_or_else(|| ErrorServiceUnavailable("the node has ended"))?;
    let mut swarms = report.swarms.into_iter();
    let swarm = swarms.find(|swarm| swarm.info_hash == synced.file);
    let progress = swarm.map(|swarm| swarm.progress).unwrap_or_default();
    Ok(format!("{} of {} bytes\n", progress.bytes, progress.size))
}

/// `/file`: the file, from its beginning to its end, as it comes.
async fn file(synced: Data<Synced>) -> actix_web::Result<HttpResponse> {
    let reader = synced.node.read(synced.file, ..).await;
    let reader = reader.map_err(ErrorServiceUnavailable)?;
    let length = reader.left();
    let bytes = try_unfold(reader, |mut reader| async move {
        let next = reader.next().await?;
        Ok::<_, swarmlet::ReadError>(next.map(|bytes| (bytes, reader)))
    });
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .no_chunking(length)
        .streaming(bytes))
}

/// Random bytes in a file, and their description.
fn make_file(path: &Path) -> Result<Info, Box<dyn Error>> {
    let mut bytes = vec![0; SIZE];
    fastrand::fill(&mut bytes);
    std::fs::write(path, &bytes)?;
    let hashes: Vec<_> = bytes.chunks(PART).map(PieceHash::of).collect();
    Ok(Info::single_file(
        "data.bin",
        SIZE as u64,
        PART as u64,
        &hashes,
    )?)
}

/// The application: it serves at that address, says where that is once it can be asked and which file on
/// the disk it is about to have, and ends when `stop` does.
pub async fn run(
    address: SocketAddr,
    ready: impl FnOnce(SocketAddr, &Path),
    stop: impl Future<Output = ()>,
) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let (there, here) = (folder.path().join("seed"), folder.path().join("data.bin"));
    let info = make_file(&there)?;
    let info_hash = info.info_hash();
    // Port 0: any that is free.
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let seed = Node::sharing([Share::new(info.clone(), &there)])
        .listen(listen)
        .start()?;
    let node = Node::sharing([Share::new(info, &here)])
        .listen(listen)
        .peer(seed.listen_address().into())
        .download_limit(RATE)
        .start()?;

    let face = Face::builder().build(&node);
    let synced = Data::new(Synced {
        node: node.clone(),
        file: info_hash,
    });
    let mounted = face.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(synced.clone())
            .route("/", web::get().to(home))
            .route("/file", web::get().to(file))
            .service(mounted.scope("/swarm"))
    })
    .workers(1)
    // This program ends by `stop`; without this line actix-web would hear Ctrl-C as well.
    .disable_signals()
    .bind(address)?;
    let at = server.addrs().first().copied().unwrap_or(address);
    let server = server.run();
    let handle = server.handle();
    let serving = actix_rt::spawn(server);
    ready(at, &there);

    stop.await;
    // Who reads events by the face is sent away first: such answers have no end of their own.
    face.close();
    handle.stop(true).await;
    serving.await??;
    node.shutdown().await;
    seed.shutdown().await;
    Ok(())
}

#[actix_web::main]
#[allow(
    dead_code,
    reason = "a test runs the example without its main function"
)]
async fn main() -> Result<(), Box<dyn Error>> {
    // RUST_LOG=debug shows what the actors do.
    env_logger::init();
    let ready =
        |at: SocketAddr, _: &Path| println!("http://{at}/, /file and /swarm/; Ctrl-C ends it");
    let stop = async {
        // An error would mean that signals cannot be heard, which ends it as well.
        let _ = actix_rt::signal::ctrl_c().await;
    };
    run((Ipv4Addr::LOCALHOST, 8080).into(), ready, stop).await
}
