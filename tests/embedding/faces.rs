//! HTTP faces of nodes in one process: by themselves, and in an application of the host's.

use std::net::{SocketAddr, TcpListener};

use actix_web::{App, HttpServer, web};
use swarmlet::http::{Face, Server};
use swarmlet::protocol::id::InfoHash;

use crate::inprocess::Member;
use crate::request::{Answer, Request, get, post};
use crate::{Scene, on_system};

/// Asks without holding up the system.
async fn ask(at: SocketAddr, request: Request) -> Answer {
    let asked = actix_rt::task::spawn_blocking(move || request.send(at));
    asked.await.unwrap()
}

async fn look(at: SocketAddr, path: &str) -> Answer {
    ask(at, get(path)).await
}

fn serve(member: &Member, token: &str) -> (Server, SocketAddr) {
    let ip = member.node.listen_address().ip();
    let listener = TcpListener::bind((ip, 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let face = Face::builder().token(token).build(&member.node);
    (face.serve(Some(listener), None).unwrap(), at)
}

async fn info_hash(member: &Member) -> InfoHash {
    member.node.report().await.unwrap().swarms[0].info_hash
}

#[test]
fn two_nodes_with_faces_share_a_process_and_nothing_else() {
    on_system(async {
        let scene = Scene::new(64).await;
        let leecher = scene.leecher(11, |node| node.fleet("another"));
        let (seed_face, seed_at) = serve(&scene.seed, "the token of the seed");
        let (face, at) = serve(&leecher, "the token of the leecher");
        leecher.completes(&scene.content).await;
        let status = |answer: Answer| answer.json();
        let (theirs, ours) = (
            status(look(seed_at, "/api/v1/status").await),
            status(look(at, "/api/v1/status").await),
        );
        assert_eq!(
            (&theirs["fleet"], &ours["fleet"]),
            (&"".into(), &"another".into())
        );
        assert_ne!(theirs["peer_id"], ours["peer_id"]);
        // What one moved is not counted by the other.
        let (seeds, leechers) = (
            scene.seed.node.report().await.unwrap().totals,
            leecher.node.report().await.unwrap().totals,
        );
        assert_eq!((seeds.received, leechers.sent), (0, 0));
        assert!(leechers.received >= scene.content.bytes.len() as u64);
        for (at, token, status) in [
            (at, "the token of the leecher", 200),
            (at, "the token of the seed", 401),
            (seed_at, "the token of the leecher", 401),
        ] {
            let path = format!("/api/v1/swarms/{}/verify", info_hash(&leecher).await);
            let asked = post(&path, serde_json::Value::Null).token(token);
            assert_eq!(ask(at, asked).await.status, status, "{token} at {at}");
        }
        // One goes, the other stays.
        scene.seed.node.shutdown().await;
        assert_eq!(look(seed_at, "/healthz").await.status, 503);
        seed_face.stop().await;
        TcpListener::bind(seed_at).expect("the address is free");
        assert_eq!(look(at, "/healthz").await.status, 200);
        face.stop().await;
        leecher.node.shutdown().await;
    });
}

#[test]
fn faces_are_scopes_of_the_hosts_application_which_keeps_its_own_routes() {
    on_system(async {
        let scene = Scene::new(64).await;
        let leecher = scene.leecher(11, |node| node);
        leecher.completes(&scene.content).await;
        let seed_face = Face::builder()
            .token("the token of the seed")
            .build(&scene.seed.node);
        let face = Face::builder().build(&leecher.node);
        let listener = TcpListener::bind((scene.network.host(11).ip(), 0)).unwrap();
        let at = listener.local_addr().unwrap();
        let mounted = (seed_face.clone(), face.clone());
        let server = HttpServer::new(move || {
            App::new()
                .route("/", web::get().to(|| async { "the host's" }))
                .service(mounted.0.scope("/swarms/seed"))
                .service(mounted.1.scope("/swarms/leecher"))
        });
        let server = server
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        let handle = server.handle();
        actix_rt::spawn(server);

        assert_eq!(look(at, "/").await.text(), "the host's");
        for face in ["/swarms/seed", "/swarms/leecher"] {
            let page = look(at, &format!("{face}/")).await;
            assert!(page.text().contains("<title>swarmlet</title>"), "{face}");
            // Without the slash the links of the page would lead elsewhere.
            let bare = look(at, face).await;
            let name = face.rsplit('/').next().unwrap();
            assert_eq!(bare.status, 308, "{}", bare.text());
            assert_eq!(bare.header("location"), Some(&*format!("{name}/")));
            assert_eq!(
                look(at, &format!("{face}/dashboard/stream.js"))
                    .await
                    .status,
                200
            );
            assert_eq!(look(at, &format!("{face}/api/v1/status")).await.status, 200);
            assert_eq!(look(at, &format!("{face}/readyz")).await.text(), "ready\n");
            let lost = look(at, &format!("{face}/nowhere")).await;
            assert_eq!(
                lost.header("content-type"),
                Some("application/problem+json")
            );
            let hash = info_hash(&leecher).await;
            let file = look(at, &format!("{face}/content/{hash}/data.bin")).await;
            assert!(
                file.status == 200 && file.body == scene.content.bytes,
                "{face}"
            );
        }
        // What is not the face's is the host's to answer.
        let lost = look(at, "/nowhere").await;
        assert_eq!((lost.status, lost.header("content-type")), (404, None));
        // Who may change things is the face's to say, wherever it stands.
        for (face, token, status) in [
            ("seed", Some("the token of the seed"), 200),
            ("seed", None, 401),
            ("leecher", Some("the token of the seed"), 403),
        ] {
            let path = format!(
                "/swarms/{face}/api/v1/swarms/{}/verify",
                info_hash(&leecher).await
            );
            let mut asked = post(&path, serde_json::Value::Null);
            if let Some(token) = token {
                asked = asked.token(token);
            }
            assert_eq!(ask(at, asked).await.status, status, "{face} {token:?}");
        }
        seed_face.close();
        face.close();
        handle.stop(true).await;
        leecher.node.shutdown().await;
        scene.seed.node.shutdown().await;
    });
}
