//! What can be learned of a fleet with a secret: by listening in, by asking, by looking at its nodes.

use std::process::{Command, Stdio};

use crate::relay;
use crate::stage::{OLD, Stage, contains, holds};
use crate::support;
use crate::support::handful::Has;

#[test]
fn who_listens_in_on_a_whole_transfer_finds_nothing_that_he_could_know() {
    let mut stage = Stage::new("who_listens_in", 4_000);
    let listens = stage.subnet.address(5);
    let recorded = relay::start(listens, stage.subnet.address(0));
    let fleet = ["--fleet", "blue-harvest"];
    stage.add(Has::File, &[OLD], &fleet);
    let peers = [listens.ip().to_string()];
    let joiner = stage.add_knowing(Has::Nothing, &[OLD], &peers, &fleet);
    stage.handful.start_all();
    stage.wait_for_file(&[joiner]);
    let size = stage.content.size();
    let (to, from) = (
        recorded.to.lock().unwrap().clone(),
        recorded.from.lock().unwrap().clone(),
    );
    assert!(from.len() > size, "all of it went through here");
    let info_hash = stage.content.info_hash();
    let raw: Vec<u8> = (0..20)
        .map(|byte| u8::from_str_radix(&info_hash[2 * byte..2 * byte + 2], 16).unwrap())
        .collect();
    let ids = [0, joiner].map(|node| stage.id_of(node));
    let parts: Vec<_> = stage.content.parts().map(|part| &part[..16]).collect();
    let texts = [
        b"BitTorrent".as_slice(),
        b"swarmlet",
        b"-SW0",
        b"data.bin",
        b"ut_metadata",
        b"sw_swarms",
        b"blue-harvest",
        OLD.as_bytes(),
        info_hash.as_bytes(),
        &raw,
        ids[0].as_bytes(),
        ids[1].as_bytes(),
    ];
    for told in texts.into_iter().chain(parts) {
        for heard in [&to, &from] {
            assert!(!contains(heard, told), "{}", String::from_utf8_lossy(told));
        }
    }
    // What was recorded opens nothing: the same words again, and to another node of the fleet.
    let other = stage.add(Has::Nothing, &[OLD], &fleet);
    stage.handful.nodes[other].start();
    stage.wait_for_file(&[other]);
    let refusal = [21, 3, 3, 0, 2, 2, 40];
    let stranger = stage.subnet.ip(9);
    let first = recorded.first.lock().unwrap().clone();
    for hello in &first {
        let again = relay::answer(stage.subnet.address(0), stranger, hello);
        assert_eq!(again, refusal, "a message that was here before");
    }
    for node in [0, joiner] {
        let answered = until_closed(&stage, node, &first[0]);
        assert!(!contains(&answered, stage.content.parts().next().unwrap()));
        assert!(!contains(&answered, b"swarmlet"));
    }
}

/// What a node answers to a recorded connection.
fn until_closed(stage: &Stage, node: usize, bytes: &[u8]) -> Vec<u8> {
    // Something that is no TLS record after it ends the wait of whoever takes the first message.
    let bytes = [bytes, &[0xff; 100]].concat();
    relay::answer(stage.subnet.address(node), stage.subnet.ip(9), &bytes)
}

#[test]
fn a_scanner_of_tls_is_shown_no_certificate() {
    let mut stage = Stage::new("a_scanner_of_tls", 100);
    stage.add(Has::File, &[OLD], &[]);
    stage.handful.start_all();
    stage
        .handful
        .wait_for_log(0, "complete, every piece is verified");
    let address = stage.subnet.address(0).to_string();
    for version in ["-tls1_3", "-tls1_2"] {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "s_client",
            "-connect",
            &address,
            "-servername",
            "a.b",
            "-showcerts",
            version,
        ]);
        let Ok(output) = openssl.stdin(Stdio::null()).output() else {
            support::skip(
                "a_scanner_of_tls_is_shown_no_certificate",
                "openssl is not installed",
                "SWARMLET_REQUIRE_FOREIGN",
            );
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("no peer certificate available"),
            "{said}\n{complaint}"
        );
        assert!(!said.contains("BEGIN CERTIFICATE"), "{said}");
        assert!(complaint.contains("handshake failure"), "{complaint}");
        assert!(said.contains("read 7 bytes"), "{said}");
    }
}

#[test]
fn a_secret_is_in_no_log_no_command_line_no_state_and_no_answer() {
    let mut stage = Stage::new("a_secret_is_nowhere", 100);
    let face = format!("{}:6882", stage.subnet.ip(0));
    let arguments = ["--http", face.as_str(), "--http-open", "status,metrics"];
    stage.add(Has::File, &[OLD], &arguments);
    stage.add(Has::Nothing, &[OLD], &[]);
    stage.handful.start_all();
    stage.wait_for_file(&[1]);
    let id = stage.id_of(0);
    for node in 0..2 {
        let node = &stage.handful.nodes[node];
        let pid = node.pid().unwrap();
        for file in ["cmdline", "environ"] {
            let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
            assert!(!contains(&text, OLD.as_bytes()), "{file}");
        }
        assert_eq!(holds(node.files.state.parent().unwrap(), OLD), None);
    }
    let get = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {face}\r\nConnection: close\r\n\r\n");
        let answer = relay::answer(
            face.parse().unwrap(),
            stage.subnet.ip(0),
            request.as_bytes(),
        );
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(!answer.contains(OLD), "{path}");
        answer
    };
    let (status, peers) = (get("/api/v1/status"), get("/api/v1/peers"));
    let said = |answer: &str| answer.replace(' ', "").contains("\"secured\":true");
    assert!(status.contains(&id) && said(&status), "{status}");
    let other = stage.id_of(1);
    assert!(peers.contains(&other) && said(&peers), "{peers}");
    let metrics = get("/metrics");
    assert!(
        metrics.contains(&format!("swarmlet_node_info{{node_id=\"{id}\"}} 1")),
        "{metrics}"
    );
    assert!(
        metrics.contains("swarmlet_refused_links_total{reason=\"plain\"} 0"),
        "{metrics}"
    );
}

#[test]
fn strangers_cost_a_line_of_the_log_a_minute_and_are_counted() {
    let mut stage = Stage::new("strangers_cost_a_line", 100);
    stage.add(Has::File, &[OLD], &[]);
    stage.handful.start_all();
    stage
        .handful
        .wait_for_log(0, "complete, every piece is verified");
    let to = stage.subnet.address(0);
    for number in 0..40 {
        let from = stage.subnet.ip(10 + number);
        assert_eq!(
            relay::answer(to, from, b"\x13BitTorrent protocol\0\0\0\0"),
            b""
        );
        assert_eq!(
            relay::answer(to, from, &[22, 3, 1, 0, 1, 9]),
            [21, 3, 3, 0, 2, 2, 40]
        );
    }
    let lines = stage.handful.nodes[0].log();
    let warned = lines
        .lines()
        .filter(|line| line.contains("WARN") && line.contains("is refused"));
    // One of each kind, and perhaps another minute.
    assert!((2..=4).contains(&warned.count()), "{lines}");
}
