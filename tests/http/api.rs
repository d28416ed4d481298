//! What can be asked and said, and by whom.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::request::{Request, get, post};
use crate::stage::{LEECHER, SEED, Stage};
use crate::support::handful::Has;
use crate::support::{self, content::Content};

const MIB: usize = 1024 * 1024;

#[test]
fn a_node_shows_how_it_is_and_becomes_ready_when_all_is_here() {
    let stage = Stage::running(4 * MIB, 64 * 1024, &[], &["--download-limit", "2MiB"]);
    assert_eq!(stage.ask(LEECHER, "/healthz").text(), "ok\n");
    let unready = stage.ask(LEECHER, "/readyz");
    assert_eq!(unready.status, 503, "{}", unready.text());
    assert!(
        unready.text().starts_with(&stage.infohash()),
        "{}",
        unready.text()
    );
    stage.wait_until_ready(LEECHER);
    let status = stage.ask(LEECHER, "/api/v1/status").json();
    assert_eq!(status["ready"], true);
    assert_eq!(status["swarms_complete"], 1);
    assert_eq!(status["can_change"], false);
    assert!(status["process"]["resident_bytes"].as_u64().unwrap() > 0);
    let actors = status["actors"].as_array().unwrap();
    assert!(
        actors.iter().any(|actor| actor["actor"] == "storage"),
        "{status:#}"
    );
    let swarm = stage.swarm(LEECHER);
    assert_eq!(swarm["state"], "complete");
    assert_eq!(swarm["size_bytes"], 4 * MIB);
    assert_eq!(swarm["verified_pieces"], 64);
    assert_eq!(swarm["map"]["cells"].as_array().unwrap().len(), 64);
    assert_eq!(swarm["received_bytes"], 4 * MIB);
    let peers = stage.ask(LEECHER, "/api/v1/peers").json();
    let peer = &peers["peers"][0];
    assert_eq!(peer["class"], "fleet");
    assert!(
        peer["client"].as_str().unwrap().starts_with("swarmlet"),
        "{peers:#}"
    );
    assert_eq!(peer["verified_fraction"], 1.0);
    // Where both nodes dialed, one of the two links has gone, and with it what came on it: some pieces.
    let came = peer["received_bytes"].as_u64().unwrap();
    assert!(
        (3 * MIB as u64..=4 * MIB as u64).contains(&came),
        "{peers:#}"
    );
    let pieces = format!("/api/v1/swarms/{}/pieces", stage.infohash());
    assert_eq!(stage.ask(LEECHER, &pieces).json()["states"], "h".repeat(64));
    let details = stage
        .ask(LEECHER, &format!("/api/v1/swarms/{}", stage.infohash()))
        .json();
    assert_eq!(details["files"][0]["path"], "data.bin");
    assert_eq!(details["files"][0]["verified_bytes"], 4 * MIB);
}

#[test]
fn changes_need_the_token_and_the_socket_needs_none() {
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let pause = format!("/api/v1/swarms/{}/pause", stage.infohash());
    let bare = post(&pause, json!(null)).send(stage.face(LEECHER));
    assert_eq!(bare.status, 401);
    assert!(
        bare.header("www-authenticate")
            .unwrap()
            .starts_with("Bearer")
    );
    let problem = bare.json();
    assert_eq!(
        bare.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(
        (&problem["status"], &problem["type"]),
        (&json!(401), &json!("urn:swarmlet:unauthorized"))
    );
    let wrong = post(&pause, json!(null))
        .token("wrong")
        .send(stage.face(LEECHER));
    assert_eq!(wrong.status, 401);
    let strange = get("/api/v1/status")
        .header("Host", "evil.example")
        .send(stage.face(LEECHER));
    assert_eq!(
        strange.status, 403,
        "a page in a browser here could have asked that"
    );
    assert_eq!(stage.tell(LEECHER, post(&pause, json!(null))).status, 200);
    let socket = stage.state(LEECHER).join("http.sock");
    let resume = pause.replace("/pause", "/resume");
    assert_eq!(
        post(&resume, json!(null)).send_to_socket(&socket).status,
        200
    );
    for (file, mode) in [("http.sock", 0o600), ("http-token", 0o600)] {
        let path = stage.state(LEECHER).join(file);
        let permissions = std::fs::metadata(path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{file}");
    }
}

#[test]
fn nothing_moves_of_a_paused_content_and_it_arrives_when_it_is_resumed_even_after_a_restart() {
    let mut stage = Stage::running(8 * MIB, 64 * 1024, &[], &["--download-limit", "1MiB"]);
    let swarm = format!("/api/v1/swarms/{}", stage.infohash());
    stage.wait_for_swarm(LEECHER, "something came", |it| {
        it["received_bytes"].as_u64() > Some(0)
    });
    let paused = stage.tell(LEECHER, post(&format!("{swarm}/pause"), json!(null)));
    assert_eq!(paused.json()["paused"], true);
    // What was on its way may arrive.
    let mut before = 0;
    support::wait_for(
        "nothing more comes",
        || {
            std::thread::sleep(std::time::Duration::from_millis(1_500));
            let now = stage.swarm(LEECHER)["verified_bytes"].as_u64().unwrap();
            std::mem::replace(&mut before, now) == now
        },
        || format!("{:#}", stage.swarm(LEECHER)),
    );
    let swarm_now = stage.swarm(LEECHER);
    assert_eq!(swarm_now["state"], "paused");
    assert_eq!(swarm_now["waits"][0]["code"], "paused");
    assert!(before < 8 * MIB as u64, "it was too fast to be paused");
    stage.handful.nodes[LEECHER].stop().unwrap();
    stage.handful.nodes[LEECHER].start();
    stage.wait_for_face(LEECHER);
    stage.wait_for_swarm(LEECHER, "it is still paused", |it| it["paused"] == true);
    assert_eq!(
        stage
            .tell(LEECHER, post(&format!("{swarm}/resume"), json!(null)))
            .status,
        200
    );
    let content = stage.content.clone();
    stage.handful.wait_for_file(&[LEECHER], &content);
}

#[test]
fn a_paused_seed_serves_nothing_and_the_leecher_says_why_it_waits() {
    let mut stage = Stage::new(2 * MIB, 64 * 1024, &[], &[]);
    stage.handful.nodes[SEED].start();
    stage.wait_for_face(SEED);
    stage.wait_until_ready(SEED);
    let swarm = format!("/api/v1/swarms/{}", stage.infohash());
    stage.tell(SEED, post(&format!("{swarm}/pause"), json!(null)));
    stage.handful.nodes[LEECHER].start();
    stage.wait_for_face(LEECHER);
    stage.wait_for_swarm(LEECHER, "it says that all choke", |it| {
        let mut waits = it["waits"].as_array().into_iter().flatten();
        waits.any(|wait| wait["code"] == "all-choking" && wait["detail"] == "1 peer, choking")
    });
    stage.tell(SEED, post(&format!("{swarm}/resume"), json!(null)));
    let content = stage.content.clone();
    stage.handful.wait_for_file(&[LEECHER], &content);
}

#[test]
fn a_check_finds_what_was_changed_behind_the_back_of_a_node_and_it_heals() {
    let mut stage = Stage::running(4 * MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let content = stage.content.clone();
    let data = stage.handful.nodes[LEECHER].files.data.clone();
    let mut bytes = content.bytes().to_vec();
    bytes[MIB] ^= 1;
    // In place: the length and the inode stay.
    let file = std::fs::OpenOptions::new().write(true).open(&data).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes[MIB..=MIB], MIB as u64).unwrap();
    let verify = format!("/api/v1/swarms/{}/verify", stage.infohash());
    assert_eq!(stage.tell(LEECHER, post(&verify, json!(null))).status, 200);
    stage.handful.wait_for_file(&[LEECHER], &content);
    stage.wait_until_ready(LEECHER);
}

#[test]
fn a_content_is_added_kept_over_a_restart_and_removed_again() {
    let mut stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let other = Content::random(&mut support::seeded("another"), 700_001, 32 * 1024);
    let conf = json!({ "FileInfo": other.file_info() });
    for (node, name) in [(SEED, "given.bin"), (LEECHER, "taken.bin")] {
        let place = stage.state(node).join(name);
        if node == SEED {
            std::fs::write(&place, other.bytes()).unwrap();
        }
        let word = json!({ "conf": conf, "place": place });
        let added = stage.tell(node, post("/api/v1/swarms", word.clone()));
        assert_eq!(added.status, 201, "{}", added.text());
        let location = added.header("location").unwrap().to_owned();
        assert_eq!(stage.ask(node, &location).status, 200);
        assert_eq!(
            stage.tell(node, post("/api/v1/swarms", word)).status,
            409,
            "twice"
        );
    }
    let taken = stage.state(LEECHER).join("taken.bin");
    let is_here = || std::fs::read(&taken).is_ok_and(|bytes| bytes == other.bytes());
    support::wait_for("the added content is here", is_here, || {
        stage.ask(LEECHER, "/api/v1/swarms").text()
    });
    stage.handful.nodes[LEECHER].kill();
    stage.handful.nodes[LEECHER].start();
    stage.wait_for_face(LEECHER);
    stage.wait_until_ready(LEECHER);
    let swarms = stage.ask(LEECHER, "/api/v1/swarms").json();
    let swarms = swarms["swarms"].as_array().unwrap().clone();
    assert_eq!(swarms.len(), 2, "it was not forgotten");
    let added = swarms
        .iter()
        .find(|it| it["size_bytes"] == 700_001)
        .unwrap();
    let path = format!("/api/v1/swarms/{}", added["infohash"].as_str().unwrap());
    assert_eq!(
        stage.tell(LEECHER, Request::new("DELETE", &path)).status,
        204
    );
    assert_eq!(stage.ask(LEECHER, &path).status, 404);
    assert!(is_here(), "its files stay");
    let events = stage.ask(LEECHER, "/api/v1/peers").json();
    assert!(
        events["peers"]
            .as_array()
            .unwrap()
            .iter()
            .all(|peer| peer["infohash"] != added["infohash"])
    );
}

#[test]
fn no_content_is_put_where_another_could_come_or_over_the_nodes_own_files() {
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    let state = stage.state(SEED);
    for (place, words) in [
        (state.join("missing/../x"), "without '..'"),
        (state.join("http-token"), "its own state"),
        (state.join("operator.json"), "its own state"),
    ] {
        let magnet = format!("magnet:?xt=urn:btih:{}", "a".repeat(40));
        let word = json!({ "magnet": magnet, "place": place });
        let answer = stage.tell(SEED, post("/api/v1/swarms", word));
        assert_eq!(answer.status, 422, "{place:?}: {}", answer.text());
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(words), "{place:?}: {detail}");
    }
    let swarms = stage.ask(SEED, "/api/v1/swarms").json();
    assert_eq!(swarms["swarms"].as_array().unwrap().len(), 1);
}

#[test]
fn what_is_no_word_of_ours_is_refused_by_name() {
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    for (request, status, words) in [
        (post("/api/v1/swarms", json!({})), 422, "place"),
        (
            post("/api/v1/swarms", json!({ "place": "/x" })),
            422,
            "exactly one",
        ),
        (
            post("/api/v1/swarms", json!({ "place": "x", "magnet": "m" })),
            422,
            "absolute",
        ),
        (
            post("/api/v1/swarms", json!({ "place": "/x", "magnet": "m" })),
            422,
            "magnet:?",
        ),
        (
            post("/api/v1/swarms", json!({ "place": "/x", "torrent": "!" })),
            422,
            "base64",
        ),
        (
            post("/api/v1/swarms", json!({ "palce": "/x" })),
            400,
            "palce",
        ),
        (
            post("/api/v1/swarms/xyz/pause", json!(null)),
            400,
            "40 hex digits",
        ),
        (
            post(
                &format!("/api/v1/swarms/{}/pause", "0".repeat(40)),
                json!(null),
            ),
            404,
            "no content",
        ),
        (
            post("/api/v1/bans", json!({ "ip": "host.example" })),
            422,
            "IPv4 or IPv6",
        ),
        (
            post("/api/v1/bans", json!({ "ip": "10.0.0.1", "seconds": 0 })),
            422,
            "1 to",
        ),
        (
            Request::new("DELETE", "/api/v1/bans/10.9.9.9"),
            404,
            "not banned",
        ),
        (
            post("/api/v1/peers", json!({ "address": "host:0" })),
            422,
            "port",
        ),
        (
            Request::new("PUT", "/api/v1/log").json(&json!({ "filter": "loud" })),
            422,
            "no level",
        ),
        (Request::new("PUT", "/api/v1/status"), 405, "PUT"),
        (get("/api/v1/nothing"), 404, "/api/v1/nothing"),
        (get("/nothing"), 404, "/nothing"),
        (post("/api/v1/bans", json!(null)), 415, "application/json"),
        (
            Request::new("PUT", "/api/v1/log").json(&json!({ "filter": "x".repeat(70_000) })),
            413,
            "limit",
        ),
    ] {
        let answer = stage.tell(SEED, request.clone());
        assert_eq!(answer.status, status, "{request:?}: {}", answer.text());
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json"),
            "{request:?}"
        );
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(words), "{request:?}: {detail}");
        assert!(!detail.contains('\n'), "one line");
    }
    for (path, allowed) in [("/api/v1/status", "GET, HEAD"), ("/api/v1/events", "GET")] {
        let refused = stage.tell(SEED, Request::new("PUT", path));
        assert_eq!(refused.header("allow"), Some(allowed));
    }
}

#[test]
fn the_head_of_an_answer_can_be_asked_for_alone() {
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/status",
        "/api/v1/swarms",
        "/api/v1/peers",
        "/",
    ] {
        let head = Request::new("HEAD", path).send(stage.face(SEED));
        let whole = stage.ask(SEED, path);
        assert_eq!(head.status, whole.status, "{path}");
        assert_eq!(
            head.header("content-type"),
            whole.header("content-type"),
            "{path}"
        );
        assert_eq!(head.body, b"", "{path}");
    }
    // It has no end to wait for.
    let events = Request::new("HEAD", "/api/v1/events").send(stage.face(SEED));
    assert_eq!(events.status, 405);
}

#[test]
fn a_host_that_is_banned_is_hung_up_on_until_that_is_lifted() {
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let host = stage.subnet.ip(LEECHER).to_string();
    let links = || {
        stage.ask(SEED, "/api/v1/peers").json()["peers"]
            .as_array()
            .unwrap()
            .len()
    };
    support::wait_for("they are linked", || links() == 1, String::new);
    let banned = stage.tell(SEED, post("/api/v1/bans", json!({ "ip": host })));
    assert_eq!(banned.status, 201, "{}", banned.text());
    support::wait_for("the link is closed", || links() == 0, String::new);
    assert_eq!(
        stage.ask(SEED, "/api/v1/bans").json()["bans"][0]["ip"],
        host.as_str()
    );
    let lifted = stage.tell(
        SEED,
        Request::new("DELETE", &format!("/api/v1/bans/{host}")),
    );
    assert_eq!(lifted.status, 204);
    support::wait_for("they are linked again", || links() == 1, String::new);
}

#[test]
fn more_is_logged_while_the_node_runs() {
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let set = |filter: &str| {
        let word = Request::new("PUT", "/api/v1/log").json(&json!({ "filter": filter }));
        stage.tell(SEED, word).json()["filter"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(set("warn"), "warn");
    let quiet = stage.handful.lines_with(SEED, "not spoken to");
    stage.tell(SEED, post("/api/v1/bans", json!({ "ip": "10.9.9.9" })));
    assert_eq!(stage.handful.lines_with(SEED, "not spoken to"), quiet);
    assert_eq!(set("info"), "info");
    stage.tell(SEED, post("/api/v1/bans", json!({ "ip": "10.9.9.8" })));
    stage
        .handful
        .wait_for_log(SEED, "10.9.9.8 is not spoken to");
}

#[test]
fn a_port_that_was_named_and_is_taken_ends_the_start_and_the_usual_one_does_not() {
    let mut stage = Stage::new(MIB, 64 * 1024, &[], &[]);
    let taken = std::net::TcpListener::bind(stage.face(LEECHER)).unwrap();
    let node = &mut stage.handful.nodes[LEECHER];
    node.start();
    let status = node.wait(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(status.code(), Some(1));
    let expected = format!(
        "error: cannot listen on {}: address in use",
        taken.local_addr().unwrap()
    );
    assert!(node.log().contains(&expected), "{}", node.log_tail());
}

#[test]
fn a_node_that_learns_says_what_it_waits_for_and_takes_no_other_content() {
    let mut stage = Stage::new(MIB, 64 * 1024, &[], &[]);
    let novice = stage.add(Has::Nothing, &[]);
    let conf = stage.handful.nodes[novice].files.conf.clone();
    std::fs::write(conf, "{}").unwrap();
    stage.handful.nodes[novice].start();
    stage.wait_for_face(novice);
    let unready = stage.ask(novice, "/readyz");
    assert_eq!(unready.status, 503);
    assert!(
        unready.text().contains("not known yet"),
        "{}",
        unready.text()
    );
    assert_eq!(stage.ask(novice, "/api/v1/status").json()["learning"], true);
    let magnet = format!("magnet:?xt=urn:btih:{}", "a".repeat(40));
    let word = json!({ "magnet": magnet, "place": stage.state(novice).join("x") });
    assert_eq!(stage.tell(novice, post("/api/v1/swarms", word)).status, 409);
}

#[test]
fn the_stop_of_a_node_with_readers_takes_no_longer_and_leaves_no_socket() {
    let mut stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let _reader = get("/api/v1/events").open(stage.face(LEECHER));
    let status = stage.handful.nodes[LEECHER].stop().unwrap();
    assert_eq!(
        status.code(),
        Some(0),
        "{}",
        stage.handful.nodes[LEECHER].log_tail()
    );
    assert!(!stage.state(LEECHER).join("http.sock").exists());
}
