//! Commands that look, by each way to a node.

use crate::stage::{LEECHER, PART, SEED, Stage, records, succeeded};

#[test]
fn a_node_is_found_by_its_socket_its_directory_its_address_and_as_that_of_this_machine() {
    let (stage, content) = Stage::seed();
    stage.wait_until_ready(SEED);
    let face = stage.face(SEED);
    let expected = stage.ask(SEED, &["status"]);
    assert_eq!(records(&expected)[1][0], content.info_hash());
    for node in [
        stage.state(SEED, "http.sock"),
        face.to_string(),
        face.ip().to_string(),
        format!("http://{face}"),
        format!("http://{face}/"),
    ] {
        let flag = stage.command(&["status", "--node", &node]).output();
        assert_eq!(succeeded(&flag.unwrap(), &node), expected, "{node}");
        let mut variable = stage.command(&["status"]);
        let variable = variable.env("SWARMLET_NODE", &node).output();
        assert_eq!(succeeded(&variable.unwrap(), &node), expected, "{node}");
    }
    // That of this machine is the one whose state directory is named, as it was for the node.
    let mut usual = stage.command(&["status"]);
    let usual = usual.env("SWARMLET_STATE", stage.state(SEED, "")).output();
    assert_eq!(succeeded(&usual.unwrap(), "SWARMLET_STATE"), expected);
}

#[test]
fn a_content_is_a_record_whose_fields_stay_in_their_places() {
    let (stage, content) = Stage::seed();
    stage.wait_until_ready(SEED);
    let text = stage.ask(SEED, &["status"]);
    let records = records(&text);
    assert_eq!(
        records[0].join(" "),
        "infohash name state verified_bytes size_bytes down_rate up_rate eta_seconds links waits place"
    );
    let size = content.size().to_string();
    assert_eq!(
        records[1][..5],
        [&content.info_hash(), "data.bin", "complete", &size, &size]
    );
    assert_eq!(records[1][7..10], ["-", "0", "-"]);
    assert!(records[1][10].ends_with("/node-0/data.bin"));
}

#[test]
fn links_are_listed_all_or_those_of_a_content() {
    let (stage, content) = Stage::pair(4, &[]);
    stage.wait_until_ready(LEECHER);
    let hash = content.info_hash();
    let text = stage.ask(LEECHER, &["peers"]);
    let records = records(&text);
    assert_eq!(
        records[0].join(" "),
        "address infohash client class direction transport encrypted flags has down_rate up_rate \
         received_bytes sent_bytes round_trip_seconds connected_seconds secured node_id"
    );
    assert_eq!(records.len(), 2, "{text}");
    assert!(records[1][0].starts_with(&stage.subnet.ip(SEED).to_string()));
    assert_eq!(records[1][1], hash);
    assert_eq!(records[1][3], "fleet");
    assert_eq!(records[1][8], "1.0000");
    for named in [hash.as_str(), &hash[..6], "data.bin"] {
        let peers = stage.json(LEECHER, &["peers", named]);
        assert_eq!(peers["peers"].as_array().unwrap().len(), 1, "{named}");
    }
}

#[test]
fn scripts_can_wait_until_a_node_is_ready() {
    let mut stage = Stage::empty();
    let content = stage.content(3 * PART);
    let (alone, seed) = (
        stage.add(Some(&content), false, &[]),
        stage.add(Some(&content), true, &[]),
    );
    stage.start(alone);
    let early = stage.asking(alone, &["status", "--check"]).output();
    let early = early.unwrap();
    assert_eq!(early.status.code(), Some(3));
    assert_eq!(String::from_utf8_lossy(&early.stderr), "");
    let said = String::from_utf8(early.stdout).unwrap();
    assert_eq!(records(&said)[1][0], content.info_hash());
    let plain = stage.asking(alone, &["status"]).output().unwrap();
    assert_eq!(plain.status.code(), Some(0));
    stage.start(seed);
    stage.wait_until_ready(alone);
    let late = stage.asking(alone, &["status", "--check"]).output();
    assert_eq!(late.unwrap().status.code(), Some(0));
}

#[test]
fn what_happened_comes_first_and_then_what_happens() {
    let (mut stage, content) = Stage::pair(4, &[]);
    stage.wait_until_ready(LEECHER);
    let mut text = stage.run("events", &mut stage.asking(LEECHER, &["events"]));
    let mut json = stage.run("json", &mut stage.asking(LEECHER, &["events", "--json"]));
    text.wait_for("it tells that the content was completed", |it| {
        it.said().contains("\tcompleted\t")
    });
    assert!(text.said().starts_with("time\tevent\ttext\n"));
    stage.ask(LEECHER, &["pause"]);
    for running in [&text, &json] {
        running.wait_for("it hears of the pause", |it| {
            it.said().contains("swarm-paused")
        });
    }
    let said = json.said();
    let paused = said.lines().find(|line| line.contains("swarm-paused"));
    let paused: serde_json::Value = serde_json::from_str(paused.unwrap()).unwrap();
    assert_eq!(paused["event"], "swarm-paused");
    assert_eq!(paused["infohash"], content.info_hash());
    assert!(paused["id"].is_u64() && paused["time"].is_string());
    stage.stop(LEECHER);
    text.wait_for("it says that the node is gone", |it| {
        it.complained().contains(" is gone: ")
    });
    for running in [&mut text, &mut json] {
        running.interrupt();
        assert_eq!(running.wait(), Some(0));
    }
}
