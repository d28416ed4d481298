//! Commands that tell a node something.

use std::fs;

use crate::stage::{LEECHER, PART, SEED, SLOW, Stage, records, succeeded};
use crate::support::{torrent, wait_for};

/// What is said by a socket, and by an address with a token.
#[test]
fn a_node_is_told_by_its_socket_and_by_its_address_with_its_token() {
    let (stage, content) = Stage::seed();
    stage.wait_until_ready(SEED);
    let (face, token) = (
        stage.face(SEED).to_string(),
        stage.state(SEED, "http-token"),
    );
    let by_address = ["--node", face.as_str(), "--token-file", token.as_str()];
    let state = stage.state(SEED, "");
    for way in [&by_address[..], &["--node", &state]] {
        for (word, said) in [
            (
                &["pause"][..],
                "data.bin is paused, until swarmlet resume\n",
            ),
            (&["resume"], "data.bin goes on\n"),
            (&["recheck"], "data.bin is checked anew: 21 parts\n"),
            (
                &["ban", "10.99.0.1", "--for", "2h"],
                "10.99.0.1 is not spoken to for 2 h\n",
            ),
            (&["unban", "10.99.0.1"], "10.99.0.1 is spoken to again\n"),
            (&["bans"], "ip\tseconds_left\n"),
            (&["log"], "info\n"),
            (&["log", "warn"], "warn\n"),
            (&["log", "info"], "info\n"),
        ] {
            let output = stage.command(&[word, way].concat()).output().unwrap();
            assert_eq!(succeeded(&output, &format!("{word:?}")), said);
        }
        for word in [&["pause"][..], &["resume"], &["recheck"]] {
            let output = stage.command(&[word, way, &["--json"]].concat()).output();
            let text = succeeded(&output.unwrap(), &format!("{word:?}"));
            let swarm: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(swarm["infohash"], content.info_hash());
        }
    }
    // The token of the usual state directory is found, and used for nothing but changes.
    let mut usual = stage.command(&["pause", "--node", &face]);
    let usual = usual.env("SWARMLET_STATE", &state).output().unwrap();
    assert!(succeeded(&usual, "pause").contains("is paused"));
}

#[test]
fn a_transfer_that_is_paused_stops_and_one_that_is_resumed_is_finished() {
    let (stage, content) = Stage::pair(60, &SLOW);
    stage.wait_for_swarm(LEECHER, "something has come", |it| {
        it["verified_bytes"].as_u64() > Some(0)
    });
    stage.ask(LEECHER, &["pause", &content.info_hash()]);
    let paused = stage.swarm(LEECHER);
    assert_eq!(
        (&paused["state"], &paused["complete"]),
        (&"paused".into(), &false.into())
    );
    let verified = || stage.swarm(LEECHER)["verified_bytes"].as_u64().unwrap();
    // What was on its way has come when nothing more does for a second, in which it would have been
    // 100 KiB.
    let mut before = verified();
    let calm = || {
        std::thread::sleep(std::time::Duration::from_secs(1));
        let now = verified();
        std::mem::replace(&mut before, now) == now
    };
    wait_for("nothing comes any more", calm, || {
        stage.nodes[LEECHER].log()
    });
    assert!(verified() < content.size() as u64);
    assert_eq!(stage.ask(LEECHER, &["resume"]), "data.bin goes on\n");
    stage.wait_until_ready(LEECHER);
    assert_eq!(
        fs::read(&stage.nodes[LEECHER].files.data).unwrap(),
        content.bytes()
    );
}

#[test]
fn what_is_added_and_removed_is_so_in_the_next_life() {
    let (mut stage, first) = Stage::seed();
    let (second, third) = (stage.content(7 * PART), stage.content(5 * PART + 1));
    let (with_second, with_third) = (
        stage.add(Some(&second), true, &[]),
        stage.add(Some(&third), true, &[]),
    );
    stage.start(with_second);
    stage.start(with_third);
    let file = stage.path("second.torrent");
    fs::write(&file, torrent::torrent(&second)).unwrap();
    let conf = stage.nodes[with_third].files.conf.clone();
    let peer = stage.subnet.ip(with_second).to_string();
    // Of a .torrent, to a path of this directory; of a config, to a path of its own.
    let said = stage.ask(
        SEED,
        &[
            "add",
            file.to_str().unwrap(),
            "--to",
            "second.bin",
            "--peer",
            &peer,
        ],
    );
    let place = stage.path("second.bin");
    let place = place.to_str().unwrap();
    assert_eq!(
        said,
        format!("second.bin is kept at {place} from now on: 112 KiB in 7 parts\n")
    );
    let third_place = stage.path("third.bin");
    let third_place = third_place.to_str().unwrap();
    let peer = stage.subnet.ip(with_third).to_string();
    let added = stage.json(
        SEED,
        &[
            "add",
            conf.to_str().unwrap(),
            "--to",
            third_place,
            "--peer",
            &peer,
        ],
    );
    assert_eq!(added["infohash"], third.info_hash());
    stage.wait_until_ready(SEED);
    assert_eq!(fs::read(place).unwrap(), second.bytes());
    assert_eq!(fs::read(third_place).unwrap(), third.bytes());

    let names = |stage: &Stage| {
        let text = stage.ask(SEED, &["status"]);
        let mut hashes: Vec<_> = records(&text)[1..]
            .iter()
            .map(|it| it[0].to_owned())
            .collect();
        hashes.sort();
        hashes
    };
    let sorted = |contents: &[&crate::support::content::Content]| {
        let mut hashes: Vec<_> = contents.iter().map(|it| it.info_hash()).collect();
        hashes.sort();
        hashes
    };
    stage.stop(SEED);
    stage.start(SEED);
    assert_eq!(names(&stage), sorted(&[&first, &second, &third]));
    assert_eq!(
        stage.ask(SEED, &["remove", "second.bin"]),
        format!("second.bin is not kept any more; its files stay at {place}\n")
    );
    assert_eq!(stage.ask(SEED, &["remove", "third.bin", "--json"]), "");
    assert_eq!(fs::read(place).unwrap(), second.bytes());
    stage.stop(SEED);
    stage.start(SEED);
    assert_eq!(names(&stage), sorted(&[&first]));
    // What stands in the configuration comes back with the next start.
    stage.ask(SEED, &["remove"]);
    assert_eq!(names(&stage), [""; 0]);
    stage.stop(SEED);
    stage.start(SEED);
    assert_eq!(names(&stage), sorted(&[&first]));
}

#[test]
fn a_magnet_link_is_kept_before_it_is_known_what_it_is() {
    let (mut stage, _) = Stage::seed();
    let content = stage.content(3 * PART);
    let other = stage.add(Some(&content), true, &[]);
    let link = format!("magnet:?xt=urn:btih:{}", content.info_hash());
    let place = stage.path("by-link.bin");
    let peer = stage.subnet.ip(other).to_string();
    let to = place.to_str().unwrap();
    let said = stage.ask(SEED, &["add", &link, "--to", to, "--peer", &peer]);
    assert!(said.contains("is kept at "), "{said}");
    assert!(said.ends_with("peers are asked what it is\n"), "{said}");
    stage.start(other);
    let is_there = || fs::read(&place).is_ok_and(|it| it == content.bytes());
    wait_for("it is there", is_there, || stage.nodes[SEED].log_tail());
}

#[test]
fn a_recheck_finds_what_was_damaged_and_it_is_fetched_again() {
    let (stage, content) = Stage::pair(6, &[]);
    stage.wait_until_ready(LEECHER);
    let data = &stage.nodes[LEECHER].files.data;
    let mut damaged = content.bytes().to_vec();
    damaged[2 * PART + 7] ^= 1;
    // In place: another file would be noticed without a word.
    let file = fs::File::options().write(true).open(data).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &damaged, 0).unwrap();
    stage.ask(LEECHER, &["recheck"]);
    let is_right = || fs::read(data).unwrap() == content.bytes();
    wait_for("it is right again", is_right, || {
        stage.nodes[LEECHER].log_tail()
    });
    stage.wait_until_ready(LEECHER);
}

#[test]
fn a_node_logs_more_when_it_is_told_to() {
    let (stage, _) = Stage::pair(4, &[]);
    stage.wait_until_ready(LEECHER);
    let node = &stage.nodes[LEECHER];
    let says_more = || node.log().contains(" DEBUG ");
    assert!(!says_more());
    assert_eq!(stage.ask(LEECHER, &["log", "debug"]), "debug\n");
    assert_eq!(stage.ask(LEECHER, &["log"]), "debug\n");
    assert_eq!(
        stage.json(LEECHER, &["log"]),
        serde_json::json!({ "filter": "debug" })
    );
    // Something to speak of.
    let seed = stage.subnet.ip(SEED).to_string();
    stage.ask(LEECHER, &["ban", &seed, "--for", "1d"]);
    wait_for("it says more", says_more, || node.log());
}

#[test]
fn a_host_that_is_banned_is_listed_until_it_is_not() {
    let (stage, _) = Stage::pair(4, &[]);
    stage.wait_until_ready(LEECHER);
    let seed = stage.subnet.ip(SEED).to_string();
    assert_eq!(
        stage.ask(LEECHER, &["ban", &seed]),
        format!("{seed} is not spoken to until swarmlet unban {seed}\n")
    );
    let links = || records(&stage.ask(LEECHER, &["peers"])).len() - 1;
    wait_for(
        "its link is closed",
        || links() == 0,
        || stage.ask(LEECHER, &["peers"]),
    );
    let bans = stage.ask(LEECHER, &["bans"]);
    assert_eq!(records(&bans)[1..], [[seed.as_str(), "-"]]);
    assert_eq!(
        stage.ask(LEECHER, &["unban", &seed]),
        format!("{seed} is spoken to again\n")
    );
    wait_for(
        "it has a link again",
        || links() > 0,
        || stage.ask(LEECHER, &["peers"]) + &stage.nodes[LEECHER].log_tail(),
    );
}
