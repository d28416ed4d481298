//! Nodes that find each other through trackers alone, and trackers that are not what they should
//! be. All of it on loopback addresses, with every other kind of discovery off.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use support::content::Content;
use support::handful::{Handful, Has};
use support::loopback::Subnet;
use support::tracker::{Manner, Tracker, answer};

/// The numbers of the trackers' addresses; nodes are numbered from 0.
const TRACKER: usize = 40;
const BAD_TRACKER: usize = 41;

/// Nodes of one loopback /24, and a content for them.
struct Stage {
    nodes: Handful,
    subnet: Subnet,
    content: Content,
}

impl Stage {
    fn new(test: &str) -> Self {
        let content = Content::random(&mut support::seeded(test), 150_000, 16 * 1024);
        Self {
            nodes: Handful::new(),
            subnet: Subnet::reserve(),
            content,
        }
    }

    /// Adds a node that knows these trackers and no peer.
    fn add(&mut self, has: Has, trackers: &[&str], more: &[&str]) -> usize {
        let mut arguments = more.to_vec();
        for tracker in trackers {
            arguments.extend(["--tracker", tracker]);
        }
        let address = self.subnet.address(self.nodes.nodes.len());
        let has = (has, &self.content.clone());
        self.nodes.add(has, address, &[], &arguments, &[])
    }

    fn http(&self, number: usize, manner: Manner) -> Tracker {
        Tracker::http(self.place(number), manner)
    }

    fn udp(&self, number: usize, manner: Manner) -> Tracker {
        Tracker::udp(self.place(number), manner)
    }

    /// Where a tracker can be.
    fn place(&self, number: usize) -> SocketAddr {
        SocketAddr::new(self.subnet.ip(number).into(), 6969)
    }

    fn ip(&self, node: usize) -> IpAddr {
        self.subnet.ip(node).into()
    }

    fn run(&mut self, waiting: &[usize]) {
        self.nodes.start_all();
        let content = self.content.clone();
        self.nodes.wait_for_file(waiting, &content);
    }

    /// Waits until the tracker has heard that of a node.
    fn wait_for_event(&self, tracker: &Tracker, node: usize, event: &str) {
        let ip = self.ip(node);
        support::wait_for(
            &format!("the tracker hears '{event}' of node {node}"),
            || tracker.events_of(ip).iter().any(|told| told == event),
            || {
                format!(
                    "{:?}\n{}",
                    tracker.told(),
                    self.nodes.nodes[node].log_tail()
                )
            },
        );
    }
}

/// Two nodes of which one has the file, with a tracker that does something odd and behind it an
/// honest one; the node that lacks the file gets it.
fn falls_back_to_the_next(test: &str, bad: impl Fn(&Stage) -> Tracker) -> (Stage, Tracker) {
    let mut stage = Stage::new(test);
    let honest = stage.http(TRACKER, Manner::Honest);
    let bad = bad(&stage);
    stage.add(Has::File, &[&honest.url], &[]);
    let node = stage.add(Has::Config, &[&bad.url, &honest.url], &[]);
    stage.run(&[node]);
    assert!(!honest.events_of(stage.ip(node)).is_empty());
    (stage, bad)
}

#[test]
fn nodes_that_know_only_an_http_tracker_find_each_other_and_say_when_they_come_and_go() {
    let mut stage = Stage::new("trackers, http");
    let tracker = stage.http(TRACKER, Manner::Honest);
    let seed = stage.add(Has::File, &[&tracker.url], &[]);
    let one = stage.add(Has::Config, &[&tracker.url], &[]);
    let two = stage.add(Has::Config, &[&tracker.url], &[]);
    stage.run(&[one, two]);
    for told in tracker.told() {
        // The request came from the address that the node listens on.
        assert_eq!(told.from.port(), support::loopback::PORT);
        assert!(
            (0..3).any(|node| told.from.ip() == stage.ip(node)),
            "{told:?}"
        );
    }
    stage.wait_for_event(&tracker, one, "completed");
    for node in [seed, one, two] {
        stage.nodes.nodes[node].stop().unwrap();
        stage.wait_for_event(&tracker, node, "stopped");
    }
    let events = tracker.events_of(stage.ip(one));
    assert_eq!(events, ["started", "completed", "stopped"]);
    let events = tracker.events_of(stage.ip(seed));
    assert!(!events.contains(&"completed".to_owned()), "{events:?}");
    let left = tracker
        .told()
        .into_iter()
        .rev()
        .find(|told| told.event == "completed");
    assert_eq!(left.unwrap().left, 0);
    // The passkey is nobody's business.
    assert_eq!(stage.nodes.lines_with(one, "secret"), 0);
}

#[test]
fn nodes_that_know_only_a_udp_tracker_find_each_other_and_say_when_they_come_and_go() {
    let mut stage = Stage::new("trackers, udp");
    let tracker = stage.udp(TRACKER, Manner::Honest);
    let seed = stage.add(Has::File, &[&tracker.url], &[]);
    let node = stage.add(Has::Config, &[&tracker.url], &[]);
    stage.run(&[node]);
    for node in [seed, node] {
        stage.nodes.nodes[node].stop().unwrap();
        stage.wait_for_event(&tracker, node, "stopped");
        assert_eq!(tracker.events_of(stage.ip(node))[0], "started");
    }
}

#[test]
fn a_node_with_nothing_but_a_fleet_name_and_a_tracker_learns_the_content() {
    let mut stage = Stage::new("trackers, rendezvous");
    let tracker = stage.http(TRACKER, Manner::Honest);
    let fleet = ["--fleet", "night"];
    stage.add(Has::File, &[&tracker.url], &fleet);
    let ignorant = stage.add(Has::Nothing, &[&tracker.url], &fleet);
    let nameless = stage.add(Has::Nothing, &[&tracker.url], &[]);
    stage.run(&[ignorant]);
    let warning = "trackers are not asked while nothing is known of the content";
    stage.nodes.wait_for_log(nameless, warning);
    assert!(tracker.events_of(stage.ip(nameless)).is_empty());
}

#[test]
fn trackers_that_are_down_are_said_once_each_and_the_next_one_has_its_turn() {
    let mut stage = Stage::new("trackers, down");
    let honest = stage.udp(TRACKER, Manner::Honest);
    let dead = [
        format!("http://{}/announce?pass=secret", stage.place(BAD_TRACKER)),
        format!("udp://{}", stage.place(BAD_TRACKER)),
    ];
    stage.add(Has::File, &[&honest.url], &[]);
    let node = stage.add(Has::Config, &[&dead[0], &dead[1], &honest.url], &[]);
    stage.run(&[node]);
    // Long enough for a second try: it is not said again.
    std::thread::sleep(std::time::Duration::from_secs(7));
    assert_eq!(stage.nodes.lines_with(node, "cannot be asked"), 2);
    assert_eq!(stage.nodes.lines_with(node, "secret"), 0);
}

#[test]
fn a_tracker_that_comes_up_later_is_found() {
    let mut stage = Stage::new("trackers, later");
    let place = stage.place(TRACKER);
    let url = format!("http://{place}/announce");
    stage.add(Has::File, &[&url], &[]);
    let node = stage.add(Has::Config, &[&url], &[]);
    stage.nodes.start_all();
    stage.nodes.wait_for_log(node, "cannot be asked");
    let _tracker = stage.http(TRACKER, Manner::Honest);
    stage.run(&[node]);
    stage.nodes.wait_for_log(node, "answers again");
}

#[test]
fn a_tracker_that_names_us_and_nobody_and_the_dead_does_no_harm() {
    let mut stage = Stage::new("trackers, lies");
    let seed: SocketAddr = stage.subnet.address(0);
    let own: SocketAddr = stage.subnet.address(1);
    let mut lies = vec![own, SocketAddr::new(seed.ip(), 0)];
    lies.extend((60..160).map(|dead| stage.subnet.address(dead)));
    for text in ["0.0.0.0:1", "224.0.0.1:6881", "255.255.255.255:6881"] {
        lies.push(text.parse().unwrap());
    }
    lies.push(seed);
    let liar = stage.http(TRACKER, Manner::Says(answer(&lies)));
    stage.add(Has::File, &[], &[]);
    let node = stage.add(Has::Config, &[&liar.url], &[]);
    stage.run(&[node]);
    assert_eq!(stage.nodes.lines_with(node, "is this node itself"), 0);
    assert_eq!(stage.nodes.lines_with(node, "224.0.0.1"), 0);
}

#[test]
fn an_answer_of_a_million_peers_is_refused_and_the_next_tracker_has_its_turn() {
    let (stage, _bad) = falls_back_to_the_next("trackers, a million", |stage| {
        let body = answer(&vec![stage.subnet.address(99); 1_000_000]);
        stage.http(BAD_TRACKER, Manner::Says(body))
    });
    stage
        .nodes
        .wait_for_log(1, "its answer has more than 1048576 bytes");
}

#[test]
fn redirects_in_a_loop_end_and_the_next_tracker_has_its_turn() {
    let (stage, bad) = falls_back_to_the_next("trackers, redirects", |stage| {
        stage.http(BAD_TRACKER, Manner::RedirectsInALoop)
    });
    stage
        .nodes
        .wait_for_log(1, "it redirects more than 5 times");
    // The redirects themselves carry no query.
    assert!(bad.told().len() <= 3, "{:?}", bad.told());
}

#[test]
fn garbage_is_said_and_the_next_tracker_has_its_turn() {
    let (stage, _bad) = falls_back_to_the_next("trackers, garbage", |stage| {
        stage.http(BAD_TRACKER, Manner::Says(b"<html>\x1b[2J".to_vec()))
    });
    stage.nodes.wait_for_log(1, "its answer makes no sense");
}

#[test]
fn a_refusal_is_said_in_the_trackers_words_and_the_next_tracker_has_its_turn() {
    let (stage, _bad) = falls_back_to_the_next("trackers, refusal", |stage| {
        let refusal = b"d14:failure reason12:unregisterede";
        stage.http(BAD_TRACKER, Manner::Says(refusal.to_vec()))
    });
    stage.nodes.wait_for_log(1, "it refuses: unregistered");
}

#[test]
fn a_tracker_that_never_answers_delays_and_does_not_prevent() {
    let (stage, bad) = falls_back_to_the_next("trackers, silence", |stage| {
        stage.http(BAD_TRACKER, Manner::IsSilent)
    });
    stage.nodes.wait_for_log(1, "no answer within 20 s");
    assert!(!bad.told().is_empty());
}

#[test]
fn a_tracker_that_does_not_hear_the_goodbye_does_not_hold_up_the_end() {
    let mut stage = Stage::new("trackers, goodbye");
    let tracker = stage.http(TRACKER, Manner::AnswersOnce);
    let node = stage.add(Has::File, &[&tracker.url], &[]);
    stage.nodes.start_all();
    stage.nodes.wait_for_log(node, "answers");
    let begin = std::time::Instant::now();
    stage.nodes.nodes[node].stop().unwrap();
    println!("stopped in {:?}", begin.elapsed());
    stage.wait_for_event(&tracker, node, "stopped");
    stage
        .nodes
        .wait_for_log(node, "some trackers did not hear in time");
}

/// An HTTPS server by Debian's Python, which answers everything with the same bytes.
const HTTPS_TRACKER: &str = r#"
import http.server, ssl, sys
host, port, cert, key, body = sys.argv[1:6]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        answer = open(body, "rb").read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
server = http.server.HTTPServer((host, int(port)), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print("ready", flush=True)
server.serve_forever()
"#;

/// Ends a process that the test started.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_torrent_file_in_place_of_the_config_brings_its_trackers() {
    let mut stage = Stage::new("trackers, .torrent");
    let tracker = stage.http(TRACKER, Manner::Honest);
    stage.add(Has::File, &[], &[]);
    let node = stage.add(Has::Nothing, &[], &[]);
    for number in [0, node] {
        let torrent = support::torrent::torrent_with_tracker(&stage.content, &tracker.url);
        std::fs::write(&stage.nodes.nodes[number].files.conf, torrent).unwrap();
    }
    stage.run(&[node]);
    assert_eq!(tracker.events_of(stage.ip(node))[0], "started");
    let torrent = support::torrent::torrent(&stage.content);
    let conf = &stage.nodes.nodes[node].files.conf;
    std::fs::write(conf, &torrent[..torrent.len() - 1]).unwrap();
    let output = stage.nodes.nodes[node].command().output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("not a .torrent file: "), "{said}");
}

#[test]
fn an_https_tracker_is_believed_if_its_certificate_is_right() {
    let test = "an_https_tracker_is_believed_if_its_certificate_is_right";
    let mut stage = Stage::new(test);
    let place = stage.place(TRACKER);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let certificate = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        ])
        .args([
            "-subj",
            "/CN=test",
            "-keyout",
            &path("key"),
            "-out",
            &path("cert"),
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-addext")
        .arg(format!("subjectAltName=IP:{}", place.ip()))
        .output();
    if !certificate.is_ok_and(|made| made.status.success()) {
        support::skip(test, "there is no openssl here", "SWARMLET_REQUIRE_FOREIGN");
        return;
    }
    std::fs::write(path("body"), answer(&[stage.subnet.address(0)])).unwrap();
    let server = Command::new("/usr/bin/python3")
        .args(["-c", HTTPS_TRACKER, &place.ip().to_string()])
        .args([
            &place.port().to_string(),
            &path("cert"),
            &path("key"),
            &path("body"),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut server) = server.map(Ended) else {
        support::skip(test, "there is no python3 here", "SWARMLET_REQUIRE_FOREIGN");
        return;
    };
    let mut ready = [0; 5];
    server
        .0
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut ready)
        .unwrap();
    let content = stage.content.clone();
    let url = format!("https://{place}/announce");
    stage.add(Has::File, &[], &[]);
    let bundle = format!("SSL_CERT_FILE={}", path("cert"));
    let mut add = |number: usize, launcher: &[&str]| {
        let (has, address) = ((Has::Config, &content), stage.subnet.address(number));
        let arguments = ["--tracker", url.as_str()];
        stage.nodes.add(has, address, &[], &arguments, launcher)
    };
    let trusting = add(1, &["env", &bundle]);
    let wary = add(2, &[]);
    stage.run(&[trusting]);
    // Nobody whom the machine trusts has signed it, or it trusts nobody at all.
    stage.nodes.wait_for_log(wary, "cannot be asked");
    assert_eq!(stage.nodes.lines_with(wary, "answers"), 0);
    assert_eq!(
        stage.nodes.lines_with(wary, "ERROR"),
        0,
        "it is said once, by us"
    );
}

#[test]
fn an_interval_of_zero_is_not_followed() {
    let mut stage = Stage::new("trackers, interval 0");
    let seed = stage.subnet.address(0);
    let peers = answer(&[seed]);
    let hasty = [b"d8:intervali0e12:min intervali0e", &peers[17..]].concat();
    let tracker = stage.http(TRACKER, Manner::Says(hasty));
    stage.add(Has::File, &[], &[]);
    let node = stage.add(Has::Config, &[&tracker.url], &[]);
    stage.run(&[node]);
    stage.wait_for_event(&tracker, node, "completed");
    let events = tracker.events_of(stage.ip(node));
    assert_eq!(events, ["started", "completed"]);
}

#[test]
fn a_machine_without_ca_certificates_is_told_what_to_do() {
    let mut stage = Stage::new("trackers, no certificates");
    // Somebody listens there; it does not come to speaking.
    let place = stage.place(TRACKER);
    let _listener = TcpListener::bind(place).unwrap();
    let content = stage.content.clone();
    let url = format!("https://{place}/announce");
    let node = stage.nodes.add(
        (Has::Config, &content),
        stage.subnet.address(0),
        &[],
        &["--tracker", &url],
        &[
            "env",
            "SSL_CERT_FILE=/nonexistent",
            "SSL_CERT_DIR=/nonexistent",
        ],
    );
    stage.nodes.start_all();
    stage
        .nodes
        .wait_for_log(node, "install the package ca-certificates");
}
