//! Contents by HTTP, also while they are on their way.

use std::io::Read;

use serde_json::json;

use crate::request::{Request, get, post};
use crate::stage::{LEECHER, SEED, Stage};

const MIB: usize = 1024 * 1024;

fn path(stage: &Stage) -> String {
    format!("/content/{}/data.bin", stage.infohash())
}

#[test]
fn any_range_of_a_file_is_what_the_file_has_there() {
    let stage = Stage::running(3 * MIB + 17, 64 * 1024, &[], &[]);
    stage.wait_until_ready(SEED);
    let (path, bytes) = (path(&stage), stage.content.bytes());
    let whole = stage.ask(SEED, &path);
    assert_eq!((whole.status, whole.body == bytes), (200, true));
    assert_eq!(
        whole.header("content-length"),
        Some(bytes.len().to_string().as_str())
    );
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let etag = whole.header("etag").unwrap().to_owned();
    let size = bytes.len();
    for (range, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=65535-65536", 65_535..65_537),
        ("bytes=1000000-", 1_000_000..size),
        ("bytes=-17", size - 17..size),
        ("bytes=3145744-99999999", size - 1..size),
    ] {
        let answer = get(&path).header("Range", range).send(stage.face(SEED));
        assert_eq!(
            (answer.status, answer.body == bytes[part.clone()]),
            (206, true),
            "{range}"
        );
        let shown = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        assert_eq!(answer.header("content-range"), Some(shown.as_str()));
    }
    let beyond = get(&path)
        .header("Range", "bytes=99999999-")
        .send(stage.face(SEED));
    assert_eq!(beyond.status, 416);
    assert_eq!(
        beyond.header("content-range"),
        Some(format!("bytes */{size}").as_str())
    );
    let known = get(&path)
        .header("If-None-Match", &etag)
        .send(stage.face(SEED));
    assert_eq!((known.status, known.body.len()), (304, 0));
    let stale = get(&path)
        .header("Range", "bytes=0-9")
        .header("If-Range", "\"old\"");
    assert_eq!(stale.send(stage.face(SEED)).status, 200);
    let head = Request::new("HEAD", &path).send(stage.face(SEED));
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(
        head.header("content-length"),
        Some(size.to_string().as_str())
    );
    for nothing in ["/content/x/data.bin", "/content/data.bin"] {
        assert!(
            (400..500).contains(&stage.ask(SEED, nothing).status),
            "{nothing}"
        );
    }
    let missing = path.replace("data.bin", "other.bin");
    assert_eq!(stage.ask(SEED, &missing).status, 404);
    let climbing = path.replace("data.bin", "..%2f..%2fetc%2fpasswd");
    assert_eq!(stage.ask(SEED, &climbing).status, 404);
}

#[test]
fn the_end_of_a_file_can_be_read_long_before_its_rest_is_here() {
    let stage = Stage::running(16 * MIB, 64 * 1024, &[], &["--download-limit", "2MiB"]);
    let (path, bytes) = (path(&stage), stage.content.bytes());
    stage.wait_for_swarm(LEECHER, "it is known", |it| it["name"] == "data.bin");
    let last = 256 * 1024;
    let asked = get(&path).header("Range", &format!("bytes=-{last}"));
    let answer = asked.send(stage.face(LEECHER));
    assert_eq!(
        (answer.status, answer.body == bytes[bytes.len() - last..]),
        (206, true)
    );
    let have = stage.swarm(LEECHER)["verified_bytes"].as_u64().unwrap() as usize;
    // In no order at all, half of the file would be here by then.
    assert!(
        have < 8 * MIB,
        "{have} bytes were here when the last ones came"
    );
}

#[test]
fn a_reader_gets_the_whole_file_while_it_is_on_its_way() {
    let stage = Stage::running(12 * MIB, 64 * 1024, &[], &["--download-limit", "4MiB"]);
    stage.wait_for_swarm(LEECHER, "it is known", |it| it["name"] == "data.bin");
    let (path, bytes) = (path(&stage), stage.content.bytes());
    let readers: Vec<_> = (0..4)
        .map(|number| {
            let (path, face) = (path.clone(), stage.face(LEECHER));
            let from = number * 3 * MIB;
            let request = get(&path).header("Range", &format!("bytes={from}-"));
            std::thread::spawn(move || (from, request.send(face).body))
        })
        .collect();
    for reader in readers {
        let (from, body) = reader.join().unwrap();
        assert!(body == bytes[from..], "from {from}: {} bytes", body.len());
    }
}

#[test]
fn a_reader_that_hangs_up_is_forgotten_and_one_that_is_slow_holds_up_nobody() {
    let mut stage = Stage::running(8 * MIB, 64 * 1024, &[], &[]);
    stage.wait_for_swarm(LEECHER, "it is known", |it| it["name"] == "data.bin");
    let path = path(&stage);
    // More than may read at once, if they were not forgotten.
    for _ in 0..80 {
        let (status, _, mut rest) = get(&path).open(stage.face(LEECHER));
        assert_eq!(status, 200);
        rest.read_exact(&mut [0; 100]).unwrap();
    }
    let _slow = get(&path).open(stage.face(LEECHER));
    let content = stage.content.clone();
    stage.handful.wait_for_file(&[LEECHER], &content);
    assert!(stage.ask(LEECHER, &path).body == content.bytes());
}

#[test]
fn what_is_paused_and_not_here_is_refused_instead_of_waited_for() {
    let stage = Stage::running(8 * MIB, 64 * 1024, &[], &["--download-limit", "512KiB"]);
    stage.wait_for_swarm(LEECHER, "something came", |it| {
        it["received_bytes"].as_u64() > Some(0)
    });
    let pause = format!("/api/v1/swarms/{}/pause", stage.infohash());
    stage.tell(LEECHER, post(&pause, json!(null)));
    stage.wait_for_swarm(LEECHER, "it is paused", |it| it["paused"] == true);
    let states = format!("/api/v1/swarms/{}/pieces", stage.infohash());
    let states = stage.ask(LEECHER, &states).json()["states"]
        .as_str()
        .unwrap()
        .to_owned();
    let missing = states.find('w').expect("a piece that is missing") * 64 * 1024;
    let asked = get(&path(&stage)).header("Range", &format!("bytes={missing}-"));
    let refused = asked.send(stage.face(LEECHER));
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("resume"), "{}", refused.text());
}

#[test]
fn what_was_damaged_is_waited_for_and_every_byte_that_is_given_is_right() {
    let mut stage = Stage::running(4 * MIB, 64 * 1024, &[], &[]);
    stage.wait_until_ready(LEECHER);
    let path = path(&stage);
    // Nobody is there who has what is lost.
    stage.handful.nodes[SEED].kill();
    let data = stage.handful.nodes[LEECHER].files.data.clone();
    let file = std::fs::File::options().write(true).open(data).unwrap();
    let lost = 5 * 64 * 1024;
    std::os::unix::fs::FileExt::write_all_at(&file, b"damaged", lost).unwrap();
    stage.handful.wait_for_log(LEECHER, "damaged: withdrawn");
    let face = stage.face(LEECHER);
    let reader = std::thread::spawn(move || get(&path).send(face));
    stage.wait_for_swarm(LEECHER, "somebody waits for the piece", |it| {
        it["state"] == "waiting"
    });
    stage.handful.nodes[SEED].start();
    let answer = reader.join().unwrap();
    assert_eq!(answer.status, 200);
    assert!(answer.body == stage.content.bytes());
    let status = stage.ask(LEECHER, "/api/v1/status").json();
    assert_eq!(status["damaged_pieces"], 1);
    assert_eq!(status["healed_pieces"], 1);
    assert!(status["scrubbed_bytes"].as_u64().unwrap() >= 4 * MIB as u64);
}
