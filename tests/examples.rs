//! The examples run, end by themselves, and do what they say.
//!
//! They are compiled into this test: so they run wherever tests do, whatever cargo was asked to
//! build besides.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used, unreachable_pub)]

#[cfg(feature = "http")]
#[path = "../examples/actix_web_app.rs"]
mod actix_web_app;
#[path = "../examples/custom_discovery.rs"]
mod custom_discovery;
#[path = "../examples/event_listener.rs"]
mod event_listener;
#[path = "../examples/local_fleet.rs"]
mod local_fleet;
#[path = "../examples/one_shot_fetch.rs"]
mod one_shot_fetch;
#[cfg(feature = "http")]
#[path = "http/request.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod request;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use swarmlet::protocol::id::PieceHash;
use swarmlet::protocol::metainfo::{Info, Torrent};
use swarmlet::{Node, Share};

/// An example that hangs is to fail and not to hang the tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// Port 0 of the loopback address: any that is free.
const ANY: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

fn run<T>(example: impl Future<Output = Result<T, Box<dyn Error>>>) -> T {
    let ended =
        actix_rt::System::new().block_on(async { tokio::time::timeout(PATIENCE, example).await });
    ended
        .expect("the example ends")
        .expect("the example succeeds")
}

#[test]
fn a_local_fleet_of_eight_ends_with_identical_files_that_came_from_one_another() {
    let members = run(local_fleet::run());
    assert_eq!(members.len(), 8);
    let sent: u64 = members.iter().map(|member| member.sent).sum();
    let (first, others) = members.split_first().unwrap();
    assert_eq!((first.name, first.received), ("ada", 0));
    let size = 16 * 1024 * 1024;
    for member in others {
        assert!(member.received >= size, "{member:?}");
    }
    // Seven copies came, and not all of them from the first one.
    assert!(sent >= 7 * size && first.sent < sent, "{members:?}");
}

#[test]
fn an_event_listener_hears_all_that_a_node_does() {
    let figures = run(event_listener::run());
    assert_eq!(
        (figures.known.len(), &figures.known),
        (1, &figures.complete)
    );
    // A link that crosses another one to the same peer is closed again.
    assert!(
        figures.joined >= 1 && figures.lost == figures.joined,
        "{figures:?}"
    );
    assert!(figures.fastest > 0, "{figures:?}");
    assert!(figures.took.is_some(), "{figures:?}");
    assert!(figures.trouble.is_empty(), "{figures:?}");
}

#[test]
fn a_peer_of_a_watched_file_is_found_when_it_stands_there_and_not_before() {
    let outcome = run(custom_discovery::run());
    assert_eq!(outcome.links_before, 0);
    assert_eq!(outcome.peer, outcome.seed);
}

#[test]
fn a_fetch_takes_torrents_links_and_names_and_gives_up_in_time() {
    run(async {
        let folder = tempfile::tempdir()?;
        let bytes = b"all of one mind. ".repeat(50_000);
        let hashes: Vec<_> = bytes.chunks(16_384).map(PieceHash::of).collect();
        let info = Info::single_file("mind.txt", bytes.len() as u64, 16_384, &hashes)?;
        let info_hash = info.info_hash();
        std::fs::write(folder.path().join("seed"), &bytes)?;
        let torrent = folder.path().join("mind.torrent");
        std::fs::write(&torrent, Torrent::new(info.clone()).encode())?;
        let seed = Node::sharing([Share::new(info, folder.path().join("seed"))])
            .listen(ANY)
            .start()?;
        let at = seed.listen_address();
        let request = |source: &str, folder: &str, known: bool| one_shot_fetch::Request {
            source: source.to_owned(),
            folder: std::env::temp_dir().join(folder),
            peers: known.then(|| at.into()).into_iter().collect(),
            listen: ANY,
            patience: PATIENCE,
        };
        for (number, (source, known)) in [
            (torrent.display().to_string(), true),
            (format!("magnet:?xt=urn:btih:{info_hash}&x.pe={at}"), false),
            (info_hash.to_string(), true),
        ]
        .into_iter()
        .enumerate()
        {
            let folder = folder.path().join(number.to_string());
            let (mut last, request) = (0, request(&source, folder.to_str().unwrap(), known));
            let place = one_shot_fetch::fetch(request, |progress| {
                assert!(progress.bytes >= last);
                last = progress.bytes;
            })
            .await?;
            assert_eq!(place, folder.join("mind.txt"));
            assert!(std::fs::read(&place)? == bytes, "{source}");
        }
        // Nobody is asked who has it.
        let lonely = one_shot_fetch::Request {
            patience: Duration::from_millis(300),
            ..request(
                &info_hash.to_string(),
                folder.path().to_str().unwrap(),
                false,
            )
        };
        let error = one_shot_fetch::fetch(lonely, |_| {}).await.unwrap_err();
        assert_eq!(error.to_string(), "nothing came for 0.3 s");
        seed.shutdown().await;
        assert!(one_shot_fetch::run(&[]).await.is_err());
        Ok(())
    });
}

#[test]
#[cfg(feature = "http")]
fn an_application_serves_a_file_while_its_node_still_fetches_it() {
    use std::io::Read;

    use request::get;

    let (tell, told) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    // A browser, on a thread of its own.
    let browser = std::thread::spawn(move || {
        let (at, original): (SocketAddr, Vec<u8>) = told.recv_timeout(PATIENCE).unwrap();
        let mut file = get("/file").open(at).2;
        let mut bytes = vec![0; 64 * 1024];
        file.read_exact(&mut bytes).unwrap();
        let home = get("/").send(at).text();
        file.read_to_end(&mut bytes).unwrap();
        assert!(bytes == original, "the file is another one");
        // It began to come when far from all was here.
        let have: usize = home.split(' ').next().unwrap().parse().unwrap();
        assert!(have < original.len(), "{home}");
        let end = format!("{0} of {0} bytes\n", original.len());
        assert_eq!(get("/").send(at).text(), end);
        let swarms = get("/swarm/api/v1/swarms").send(at).json();
        assert_eq!(swarms["swarms"][0]["complete"], true);
        let page = get("/swarm/").send(at);
        assert!(page.text().contains("<title>swarmlet</title>"));
        drop(stop);
    });
    let ready = |at: SocketAddr, original: &std::path::Path| {
        tell.send((at, std::fs::read(original).unwrap())).unwrap();
    };
    run(actix_web_app::run(ANY, ready, async {
        // The browser is done, or has panicked.
        let _ = stopped.await;
    }));
    browser.join().unwrap();
}
