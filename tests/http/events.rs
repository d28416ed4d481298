//! The event stream.

use std::io::BufRead;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::request::{get, post};
use crate::stage::{LEECHER, SEED, Stage};
use crate::support;

const MIB: usize = 1024 * 1024;

/// Reads events until one satisfies; all that were read, as kind, id and data.
fn read_until(
    reader: &mut impl BufRead,
    is_last: impl Fn(&str, &Value) -> bool,
) -> Vec<(String, Option<u64>, Value)> {
    let (mut events, mut kind, mut id) = (Vec::new(), String::new(), None);
    let limit = Duration::from_secs(60).mul_f64(support::patience());
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < limit, "read in vain: {events:#?}");
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line of the stream");
        let line = line.trim_end();
        if let Some(name) = line.strip_prefix("event: ") {
            kind = name.to_owned();
        } else if let Some(number) = line.strip_prefix("id: ") {
            id = number.parse().ok();
        } else if let Some(data) = line.strip_prefix("data: ") {
            let data: Value = serde_json::from_str(data).expect("JSON");
            let done = is_last(&kind, &data);
            events.push((std::mem::take(&mut kind), id.take(), data));
            if done {
                return events;
            }
        }
    }
}

#[test]
fn a_reader_sees_a_transfer_from_its_beginning_to_its_end_and_peers_that_come_and_go() {
    let mut stage = Stage::running(4 * MIB, 64 * 1024, &[], &["--download-limit", "2MiB"]);
    let (status, headers, mut reader) = get("/api/v1/events").open(stage.face(LEECHER));
    assert_eq!(status, 200);
    assert!(headers.contains(&("content-type".to_owned(), "text/event-stream".to_owned())));
    let events = read_until(&mut reader, |kind, _| kind == "completed");
    let kinds: Vec<_> = events.iter().map(|(kind, ..)| kind.as_str()).collect();
    for kind in [
        "status",
        "swarms",
        "peers",
        "listening",
        "content-known",
        "peer-joined",
    ] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    let progress: Vec<_> = events
        .iter()
        .filter(|(kind, ..)| kind == "swarms")
        .collect();
    assert!(progress.len() > 1, "it moves: {kinds:?}");
    let facts: Vec<_> = events.iter().filter_map(|(_, id, _)| *id).collect();
    assert!(facts.is_sorted(), "{facts:?}");
    let text = events.last().unwrap().2["text"].as_str().unwrap();
    assert!(text.contains("complete"), "{text}");
    stage.handful.nodes[SEED].kill();
    let events = read_until(&mut reader, |kind, _| kind == "peer-lost");
    let lost = &events.last().unwrap().2;
    assert_eq!(lost["class"], "fleet");
    assert!(!lost["reason"].as_str().unwrap().is_empty());
}

#[test]
fn a_reader_that_comes_back_gets_what_it_missed_and_nothing_twice() {
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let is_completed = |kind: &str, _: &Value| kind == "completed";
    let (_, _, mut first) = get("/api/v1/events").open(stage.face(LEECHER));
    let seen = read_until(&mut first, is_completed);
    let last = seen.iter().filter_map(|(_, id, _)| *id).max().unwrap();
    drop(first);
    stage.tell(LEECHER, post("/api/v1/bans", json!({ "ip": "10.9.9.9" })));
    let again = get("/api/v1/events").header("Last-Event-ID", &last.to_string());
    let (_, _, mut second) = again.open(stage.face(LEECHER));
    let missed = read_until(&mut second, |kind, _| kind == "banned");
    let ids: Vec<_> = missed.iter().filter_map(|(_, id, _)| *id).collect();
    assert!(ids.iter().all(|id| *id > last), "{ids:?} after {last}");
    let strange = get("/api/v1/events").header("Last-Event-ID", "x");
    assert_eq!(strange.send(stage.face(LEECHER)).status, 400);
}

#[test]
fn a_hundred_readers_of_which_some_never_read_cost_the_transfer_nothing() {
    let mut stage = Stage::running(64 * MIB, 256 * 1024, &[], &["--download-limit", "32MiB"]);
    let stuck: Vec<_> = (0..20)
        .map(|_| get("/api/v1/events").open(stage.face(LEECHER)))
        .collect();
    let readers: Vec<_> = (0..80)
        .map(|_| {
            let face = stage.face(LEECHER);
            std::thread::spawn(move || {
                let (status, _, mut reader) = get("/api/v1/events").open(face);
                assert_eq!(status, 200);
                read_until(&mut reader, |kind, _| kind == "completed").len()
            })
        })
        .collect();
    let content = stage.content.clone();
    stage.handful.wait_for_file(&[LEECHER], &content);
    for reader in readers {
        assert!(reader.join().unwrap() > 3);
    }
    assert_eq!(
        stage.ask(LEECHER, "/healthz").status,
        200,
        "and the node answers"
    );
    let pid = stage.handful.nodes[LEECHER].pid().unwrap();
    let memory = support::measure::peak_memory(pid).unwrap();
    assert!(memory < 64 * MIB as u64, "{memory} bytes");
    drop(stuck);
    support::wait_for(
        "the seats of those who left are free",
        || {
            stage
                .ask(LEECHER, "/metrics")
                .text()
                .contains("\nswarmlet_event_readers 0\n")
        },
        || stage.ask(LEECHER, "/metrics").text(),
    );
}

#[test]
fn too_many_readers_are_sent_away_and_the_rest_is_answered() {
    let stage = Stage::running(MIB, 64 * 1024, &[], &[]);
    // From several hosts, for one may have half of that.
    let host = |number: usize| stage.subnet.ip(10 + number / 100).into();
    let seats: Vec<_> = (0..256)
        .map(|number| get("/api/v1/events").open_from(host(number), stage.face(SEED)))
        .collect();
    assert!(seats.iter().all(|(status, ..)| *status == 200));
    let refused = get("/api/v1/events").send(stage.face(SEED));
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(stage.ask(SEED, "/api/v1/status").status, 200);
    drop(seats);
}

#[test]
fn two_nodes_that_dial_each_other_are_one_peer_and_none_is_lost() {
    let mut stage = Stage::new(MIB, 64 * 1024, &[], &[]);
    let leecher = stage.subnet.address(LEECHER).to_string();
    stage.handful.nodes[SEED].add_argument("--peer");
    stage.handful.nodes[SEED].add_argument(&leecher);
    stage.handful.start_all();
    for node in [SEED, LEECHER] {
        stage.wait_for_face(node);
    }
    stage.wait_until_ready(LEECHER);
    for node in [SEED, LEECHER] {
        let peers = || stage.ask(node, "/api/v1/peers").json();
        support::wait_for(
            "of their links one is left",
            || peers()["peers"].as_array().map(Vec::len) == Some(1),
            || format!("{:#}", peers()),
        );
        let (_, _, mut reader) = get("/api/v1/events").open(stage.face(node));
        stage.tell(node, post("/api/v1/bans", json!({ "ip": "10.9.9.9" })));
        let events = read_until(&mut reader, |kind, _| kind == "banned");
        let told = |wanted: &str| events.iter().filter(|(kind, ..)| kind == wanted).count();
        assert_eq!(
            (told("peer-joined"), told("peer-lost")),
            (1, 0),
            "{events:#?}"
        );
    }
}
