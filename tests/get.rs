//! `get` and `seed` as a user runs them: from a link or a file to verified bytes, in real processes
//! on loopback addresses.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use support::folder::Folder;
use support::loopback::Subnet;
use support::origin::{Manner as OriginManner, Origin};
use support::tracker::{Manner, Tracker};
use support::wait_for;

/// A place for files, and addresses.
struct Stage {
    place: tempfile::TempDir,
    subnet: Subnet,
}

/// A process that writes what it says to files.
struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Stage {
    fn new() -> Self {
        Self {
            place: tempfile::tempdir().unwrap(),
            subnet: Subnet::reserve(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn address(&self, number: usize) -> SocketAddr {
        self.subnet.address(number)
    }

    /// The program with its own state directory and address, and no variables of the tests.
    fn command(&self, command: &str, number: usize, arguments: &[&str]) -> Command {
        let mut swarmlet = Command::new(support::binary());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("SWARMLET_") || name == "RUST_LOG" {
                swarmlet.env_remove(name);
            }
        }
        let listen = self.address(number).to_string();
        swarmlet
            .current_dir(self.place.path())
            .args([command, "--listen", &listen, "--state"])
            .arg(self.path(&format!("state-{number}")))
            .args(arguments)
            .stdin(Stdio::null());
        swarmlet
    }

    fn start(&self, command: &str, number: usize, arguments: &[&str]) -> Running {
        let [out, err] = ["out", "err"].map(|it| self.path(&format!("{number}.{it}")));
        let child = self
            .command(command, number, arguments)
            .stdout(fs::File::create(&out).unwrap())
            .stderr(fs::File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Running { child, out, err }
    }

    /// Runs `get` to its end. The test hangs if there is none, which is for its runner to see.
    fn get(&self, number: usize, arguments: &[&str]) -> Output {
        self.command("get", number, arguments).output().unwrap()
    }

    /// Shares a path; the process, and the link that it printed.
    fn seed(&self, number: usize, arguments: &[&str]) -> (Running, String) {
        let (seed, mut links) = self.seed_all(number, arguments);
        assert_eq!(links.len(), 1);
        (seed, links.remove(0))
    }

    /// The same of several paths.
    fn seed_all(&self, number: usize, arguments: &[&str]) -> (Running, Vec<String>) {
        let seed = self.start("seed", number, arguments);
        let is_ready = || seed.said().contains("serving until");
        wait_for("it says its links", is_ready, || seed.all());
        let said = seed.said();
        let links = said
            .lines()
            .filter_map(|line| line.strip_prefix("magnet: "));
        let links = links.map(str::to_owned).collect();
        (seed, links)
    }
}

impl Running {
    fn said(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    /// All that it said, for complaints.
    fn all(&self) -> String {
        self.said() + &fs::read_to_string(&self.err).unwrap()
    }

    fn signal(&self, signal: Signal) {
        let id = Pid::from_child(&self.child);
        // It may be gone already.
        let _ = kill_process(id, signal);
    }

    fn wait(&mut self) -> Option<i32> {
        let mut status = None;
        let ended = || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        };
        wait_for("it ends", ended, || fs::read_to_string(&self.err).unwrap());
        status.unwrap().code()
    }

    fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[track_caller]
fn assert_ended(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{}", text(output));
}

/// Everything below a folder with its bytes and the time of its last change.
fn snapshot(root: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let changed = fs::metadata(&path).unwrap().modified().unwrap();
                    found.push((path.clone(), fs::read(&path).unwrap(), changed));
                }
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_link_of_a_seed_is_all_it_takes_and_the_second_time_nothing_is_fetched() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    let folder = Folder::usual(&mut support::seeded("link"));
    let tree = stage.path("tree");
    folder.write(&tree);
    let before = snapshot(&tree);
    let (mut seed, link) = stage.seed(0, &["tree"]);
    assert!(
        link.contains(&format!("x.pe={}", stage.address(0))),
        "{link}"
    );
    let got = stage.get(1, &[&link, "-o", "here"]);
    assert_ended(&got, 0);
    assert!(folder.is_at(&stage.path("here/tree")), "{}", text(&got));
    let said = String::from_utf8_lossy(&got.stdout);
    assert!(
        said.starts_with("here/tree: 205 files, ") && said.contains(" fetched in "),
        "{said}"
    );
    assert_eq!(seed.stop(), Some(0));
    assert_eq!(snapshot(&tree), before, "a seed only reads");
    // Nobody is there any more: what it is was remembered, and all of it is here.
    let again = stage.get(1, &[&link, "-o", "here"]);
    assert_ended(&again, 0);
    assert!(
        text(&again).contains("was here already"),
        "{}",
        text(&again)
    );
}

#[test]
fn chosen_files_arrive_the_others_do_not_stand_there_and_more_can_be_chosen_later() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    let folder = Folder::usual(&mut support::seeded("chosen"));
    folder.write(&stage.path("tree"));
    fs::write(stage.path("tree.torrent"), folder.torrent()).unwrap();
    let (mut seed, _) = stage.seed(0, &["tree", "--part-size", "64KiB"]);
    // Ours has padding, and so another infohash: this one is served by a node.
    assert_eq!(seed.stop(), Some(0));
    let serve = ["--conf", "tree.torrent", "--data", "tree"];
    let mut node = stage.start("node", 0, &serve);
    let peer = stage.address(0).to_string();
    let some = [
        "tree.torrent",
        "--select",
        "one byte",
        "--select",
        "many/3/*",
        "-o",
    ];
    let got = stage.get(1, &[&some[..], &["one", "--peer", &peer]].concat());
    assert_ended(&got, 0);
    let root = stage.path("one/tree");
    let there: Vec<_> = snapshot(&root).into_iter().map(|(path, ..)| path).collect();
    let is_hidden = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    let chosen =
        |path: &PathBuf| path.ends_with("b/one byte") || path.parent().unwrap().ends_with("many/3");
    assert!(
        there.iter().all(|path| is_hidden(path) || chosen(path)),
        "{there:?}"
    );
    assert_eq!(there.iter().filter(|path| is_hidden(path)).count(), 1);
    assert_eq!(there.len(), 1 + 1 + 29);
    for path in there.iter().filter(|path| !is_hidden(path)) {
        let original = stage.path("tree").join(path.strip_prefix(&root).unwrap());
        assert_eq!(
            fs::read(path).unwrap(),
            fs::read(original).unwrap(),
            "{path:?}"
        );
    }
    assert_eq!(node.stop(), Some(0));
    // What is here is enough to be verified, and to be given to others.
    let again = stage.get(1, &[&some[..], &["one"]].concat());
    assert_ended(&again, 0);
    assert!(
        text(&again).contains("was here already"),
        "{}",
        text(&again)
    );
    let mut giver = stage.start("get", 1, &[&some[..], &["one", "--seed"]].concat());
    let peer = stage.address(1).to_string();
    let other = stage.get(2, &[&some[..], &["two", "--peer", &peer]].concat());
    assert_ended(&other, 0);
    giver.signal(Signal::INT);
    assert_eq!(giver.wait(), Some(0), "{}", giver.all());
    assert!(giver.said().contains("ratio"), "{}", giver.all());
    // And later the rest.
    let _node = stage.start("node", 0, &serve);
    let peer = stage.address(0).to_string();
    let all = stage.get(1, &["tree.torrent", "-o", "one", "--peer", &peer]);
    assert_ended(&all, 0);
    assert!(folder.is_at(&root), "{}", text(&all));
}

#[test]
fn a_transfer_that_was_killed_goes_on_where_it_was() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    let mut bytes = vec![0; 4_000_000];
    support::seeded("killed").fill(&mut bytes);
    fs::write(stage.path("file"), &bytes).unwrap();
    let torrent = ["file", "--part-size", "64KiB", "--torrent", "file.torrent"];
    let (_seed, link) = stage.seed(0, &torrent);
    let limited = [&*link, "-o", "out", "--download-limit", "1MiB"];
    let mut first = stage.start("get", 1, &limited);
    let verify = || {
        let mut verify = Command::new(support::binary());
        let verify = verify.current_dir(stage.place.path()).args([
            "verify",
            "--conf",
            "file.torrent",
            "--data",
            "out/file",
        ]);
        String::from_utf8(verify.output().unwrap().stdout).unwrap()
    };
    let right = || {
        let said = verify();
        let number = said
            .strip_prefix("out/file: ")
            .and_then(|rest| rest.split(' ').next());
        number
            .and_then(|number| number.parse().ok())
            .unwrap_or(0_u32)
    };
    let begun = || right() >= 8;
    wait_for("something is there", begun, || first.all() + &verify());
    first.signal(Signal::KILL);
    first.wait();
    assert_ne!(
        fs::read(stage.path("out/file")).unwrap(),
        bytes,
        "killed too late to say anything"
    );
    let second = stage.get(1, &[&link, "-o", "out"]);
    assert_ended(&second, 0);
    assert_eq!(fs::read(stage.path("out/file")).unwrap(), bytes);
    let said = text(&second);
    let (_, fetched) = said.split_once("verified; ").unwrap();
    let fetched: f64 = fetched.split(' ').next().unwrap().parse().unwrap();
    // Of 3.8 MiB; an eighth was here.
    assert!(fetched < 3.6 || said.contains("KiB fetched"), "{said}");
}

#[test]
fn who_was_told_to_give_back_ends_when_it_has() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    let mut bytes = vec![0; 1_000_000];
    support::seeded("ratio").fill(&mut bytes);
    fs::write(stage.path("file"), &bytes).unwrap();
    let (mut seed, link) = stage.seed(0, &["file"]);
    let mut giver = stage.start("get", 1, &[&link, "-o", "one", "--seed", "ratio", "0.9"]);
    wait_for(
        "it serves",
        || giver.all().contains("until ratio 0.9"),
        || giver.all(),
    );
    assert_eq!(seed.stop(), Some(0));
    let infohash = link
        .split("btih:")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let named = format!("magnet:?xt=urn:btih:{infohash}&x.pe={}", stage.address(1));
    assert_ended(&stage.get(2, &[&named, "-o", "two"]), 0);
    assert_eq!(giver.wait(), Some(0), "{}", giver.all());
    assert!(
        giver.said().contains("gave ") && giver.said().contains("ratio 1"),
        "{}",
        giver.all()
    );
    let mut timed = stage.start("get", 1, &[&named, "-o", "one", "--seed", "for", "1s"]);
    assert_eq!(timed.wait(), Some(0), "{}", timed.all());
    assert_eq!(fs::read(stage.path("two/file")).unwrap(), bytes);
}

#[test]
fn several_sources_are_fetched_side_by_side_and_what_two_name_is_one() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    let mut rng = support::seeded("several");
    for name in ["a", "b"] {
        let mut bytes = vec![0; 300_000];
        rng.fill(&mut bytes);
        fs::write(stage.path(name), bytes).unwrap();
    }
    let create = |arguments: &[&str]| {
        let mut create = Command::new(support::binary());
        create
            .current_dir(stage.place.path())
            .arg("create")
            .args(arguments);
        assert!(create.output().unwrap().status.success());
    };
    create(&["a", "-o", "a.torrent"]);
    create(&["b", "-o", "bee.conf"]);
    let serve = [
        "--conf",
        "a.torrent",
        "--data",
        "a",
        "--conf",
        "bee.conf",
        "--data",
        "b",
    ];
    let _node = stage.start("node", 0, &serve);
    let peer = stage.address(0).to_string();
    let show = Command::new(support::binary())
        .args(["show", "a.torrent"])
        .current_dir(stage.place.path())
        .output()
        .unwrap();
    let shown = String::from_utf8(show.stdout).unwrap();
    let infohash = shown
        .lines()
        .find_map(|line| line.strip_prefix("infohash"))
        .unwrap();
    let link = format!("magnet:?xt=urn:btih:{}", infohash.trim());
    let sources = [
        &*link,
        "a.torrent",
        "bee.conf",
        "-o",
        "out",
        "--peer",
        &peer,
    ];
    let got = stage.get(1, &sources);
    assert_ended(&got, 0);
    assert_eq!(
        fs::read(stage.path("out/a")).unwrap(),
        fs::read(stage.path("a")).unwrap()
    );
    assert_eq!(
        fs::read(stage.path("out/bee")).unwrap(),
        fs::read(stage.path("b")).unwrap()
    );
    assert_eq!(String::from_utf8(got.stdout).unwrap().lines().count(), 2);
}

#[test]
fn what_cannot_be_fetched_is_one_line_and_status_1() {
    let stage = Stage::new();
    let folder = Folder::usual(&mut support::seeded("refused"));
    fs::write(stage.path("tree.torrent"), folder.torrent()).unwrap();
    fs::write(stage.path("empty.conf"), "{}").unwrap();
    let error = |arguments: &[&str]| {
        let got = stage.get(1, arguments);
        assert_ended(&got, 1);
        String::from_utf8(got.stderr).unwrap()
    };
    let said = error(&["tree.torrent", "--select", "*.iso"]);
    let expected =
        "error: --select '*.iso' matches no file of tree; it has first/large.bin, empty, ";
    assert!(
        said.starts_with(expected) && said.ends_with(" more\n"),
        "{said}"
    );
    let said = error(&["nowhere.torrent"]);
    assert_eq!(
        said,
        "error: cannot read nowhere.torrent: no such file or directory\n"
    );
    assert!(error(&["magnet:?dn=x"]).contains("has no 'xt=urn:btih:'"));
    assert!(error(&["empty.conf"]).contains("empty.conf describes no content"));
    fs::write(stage.path("tree"), "a file").unwrap();
    let said = error(&["tree.torrent"]);
    assert!(
        said.contains("tree: is a file; the content is a folder"),
        "{said}"
    );
    assert_eq!(fs::read(stage.path("tree")).unwrap(), b"a file");
}

#[test]
fn what_was_learned_and_cannot_be_used_ends_it_with_status_1() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    fs::write(stage.path("file"), "some bytes").unwrap();
    let (_seed, link) = stage.seed(0, &["file"]);
    let got = stage.get(1, &[&link, "-o", "out", "--select", "other"]);
    assert_ended(&got, 1);
    let complaint = "cannot get file: --select 'other' matches no file of file; it has file";
    assert!(text(&got).contains(complaint), "{}", text(&got));
    fs::create_dir(stage.path("out/file")).unwrap();
    let got = stage.get(2, &[&link, "-o", "out"]);
    assert_ended(&got, 1);
    assert!(
        text(&got).contains("out/file: is a directory"),
        "{}",
        text(&got)
    );
}

#[test]
fn two_links_whose_contents_have_one_name_do_not_meet_in_one_file() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    for folder in ["a", "b"] {
        fs::create_dir(stage.path(folder)).unwrap();
        fs::write(stage.path(folder).join("file"), folder.repeat(1_000)).unwrap();
    }
    let (_seed, links) = stage.seed_all(0, &["a/file", "b/file"]);
    let got = stage.get(1, &[&links[0], &links[1], "-o", "out"]);
    assert_ended(&got, 1);
    let said = text(&got);
    assert!(
        said.contains("file: two contents cannot be kept in one place"),
        "{said}"
    );
    assert!(
        said.ends_with("error: not everything could be fetched\n"),
        "{said}"
    );
    let here = fs::read_to_string(stage.path("out/file")).unwrap();
    assert!(here == "a".repeat(1_000) || here == "b".repeat(1_000));
}

#[test]
fn a_link_may_choose_files_by_number() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    fs::create_dir(stage.path("tree")).unwrap();
    for name in ["a", "b", "c"] {
        fs::write(stage.path("tree").join(name), name.repeat(20_000)).unwrap();
    }
    let (_seed, link) = stage.seed(0, &["tree"]);
    let got = stage.get(1, &[&format!("{link}&so=0,2"), "-o", "out"]);
    assert_ended(&got, 0);
    for (name, there) in [("a", true), ("b", false), ("c", true)] {
        let bytes = fs::read_to_string(stage.path("out/tree").join(name)).ok();
        assert_eq!(bytes, there.then(|| name.repeat(20_000)));
    }
    let got = stage.get(1, &[&format!("{link}&so=7"), "-o", "other"]);
    assert_ended(&got, 1);
    assert!(
        text(&got).contains("names no file that there is"),
        "{}",
        text(&got)
    );
}

#[test]
fn who_is_stopped_says_how_far_it_was_and_who_is_alone_what_would_help() {
    let stage = Stage::new();
    let link = "magnet:?xt=urn:btih:0123456789012345678901234567890123456789";
    let mut get = stage.start("get", 1, &[link]);
    let hint = "It may help to name a peer with --peer, or a tracker with --tracker";
    wait_for(
        "it says what would help",
        || get.all().contains(hint),
        || get.all(),
    );
    get.signal(Signal::INT);
    assert_eq!(get.wait(), Some(130), "{}", get.all());
    let line = "stopped at 0 %; run the same command to go on\n";
    assert!(get.said().ends_with(line), "{}", get.all());
}

/// Answers so many requests, each by what its path says.
fn server(at: SocketAddr, requests: usize, torrent: Vec<u8>) -> thread::JoinHandle<Vec<String>> {
    let listener = TcpListener::bind(at).unwrap();
    thread::spawn(move || {
        let mut asked = Vec::new();
        for stream in listener.incoming().take(requests) {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let answer = match &*path {
                "/moved?key=secret" => {
                    b"HTTP/1.1 302 Found\r\nLocation: /a.torrent\r\nContent-Length: 0\r\n\r\n"
                        .to_vec()
                }
                "/a.torrent" => {
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                        torrent.len()
                    );
                    [head.as_bytes(), &torrent].concat()
                }
                "/long" => {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                    // The other side hangs up when it has seen enough.
                    while stream.write_all(&[b'd'; 65_536]).is_ok() {}
                    asked.push(path);
                    continue;
                }
                _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            };
            asked.push(path);
            let _ = stream.write_all(&answer);
        }
        asked
    })
}

#[test]
fn a_torrent_is_fetched_from_its_url_and_a_bad_answer_is_an_error() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    fs::write(stage.path("file"), "some bytes").unwrap();
    let torrent = ["file", "--torrent", "file.torrent"];
    let (_seed, _) = stage.seed(0, &torrent);
    let at = SocketAddr::new(stage.subnet.ip(40).into(), 8080);
    let bytes = fs::read(stage.path("file.torrent")).unwrap();
    let server = server(at, 4, bytes);
    let peer = stage.address(0).to_string();
    let url = format!("http://{at}/moved?key=secret");
    let got = stage.get(1, &[&url, "-o", "out", "--peer", &peer]);
    assert_ended(&got, 0);
    assert_eq!(fs::read(stage.path("out/file")).unwrap(), b"some bytes");
    let url = format!("http://{at}/gone?key=secret");
    let got = stage.get(1, &[&url]);
    assert_ended(&got, 1);
    let expected = format!("error: cannot fetch http://{at}/gone: it says HTTP 404 Not Found\n");
    assert_eq!(String::from_utf8(got.stderr).unwrap(), expected);
    let got = stage.get(1, &[&format!("http://{at}/long")]);
    assert_ended(&got, 1);
    assert!(
        text(&got).contains("its answer has more than 67108864 bytes"),
        "{}",
        text(&got)
    );
    assert_eq!(server.join().unwrap().len(), 4);
}

#[test]
fn a_file_that_changes_under_a_seed_is_left_alone_and_not_given_away() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    fs::write(stage.path("file"), vec![7; 100_000]).unwrap();
    let (mut seed, link) = stage.seed(0, &["file"]);
    fs::write(stage.path("file"), "shorter").unwrap();
    let complaint = "it has 7 bytes and had 100000; it was changed";
    wait_for(
        "it complains",
        || seed.all().contains(complaint),
        || seed.all(),
    );
    assert_eq!(fs::read(stage.path("file")).unwrap(), b"shorter");
    let mut get = stage.start("get", 1, &[&link, "-o", "out"]);
    let missing = || fs::metadata(stage.path("out/file")).is_ok();
    wait_for("it is learned", missing, || get.all());
    fs::write(stage.path("file"), vec![7; 100_000]).unwrap();
    assert_eq!(get.wait(), Some(0), "{}\n{}", get.all(), seed.all());
    assert_eq!(seed.stop(), Some(0));
}

#[test]
fn a_node_takes_a_link_for_its_config_and_asks_trackers_for_a_swarm_by_its_infohash() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    fs::write(stage.path("file"), "some bytes").unwrap();
    let tracker = SocketAddr::new(stage.subnet.ip(40).into(), 6969);
    let tracker = Tracker::http(tracker, Manner::Honest);
    let url = tracker.url.clone();
    let (_seed, link) = stage.seed(0, &["file", "--tracker", &url]);
    assert!(link.contains("&tr=http%3A%2F%2F"), "{link}");
    let infohash = link
        .split("btih:")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let bare = format!("magnet:?xt=urn:btih:{infohash}&x.pe={}", stage.address(0));
    let end = "--exit-when-complete";
    let node = stage.command("node", 1, &["--conf", &bare, "--data", "by link", end]);
    assert_ended(&{ node }.output().unwrap(), 0);
    assert_eq!(fs::read(stage.path("by link")).unwrap(), b"some bytes");
    let swarm = [
        "--conf",
        "/dev/null",
        "--swarm",
        infohash,
        "--tracker",
        &url,
        end,
    ];
    let node = stage.command("node", 2, &[&swarm[..], &["--data", "by name"]].concat());
    assert_ended(&{ node }.output().unwrap(), 0);
    assert_eq!(fs::read(stage.path("by name")).unwrap(), b"some bytes");
}

/// A flag and a source of the same word are told apart.
#[test]
fn what_no_peer_has_comes_from_a_server_that_is_named_on_the_command_line() {
    let _turn = support::take_turn();
    let stage = Stage::new();
    let bytes = "some bytes ".repeat(50_000);
    fs::write(stage.path("file"), &bytes).unwrap();
    let made = ["create", "file", "-o", "file.torrent"];
    let mut create = Command::new(support::binary());
    create.current_dir(stage.place.path()).args(made);
    assert_ended(&create.output().unwrap(), 0);
    let files = [("/there/file", bytes.as_bytes())];
    let at = SocketAddr::new(stage.subnet.ip(41).into(), 8080);
    let origin = Origin::new(at, &files, OriginManner::Honest);
    let url = format!("http://{at}/there/file");
    let got = stage.get(1, &["file.torrent", "--source", &url, "-o", "out"]);
    assert_ended(&got, 0);
    assert_eq!(fs::read_to_string(stage.path("out/file")).unwrap(), bytes);
    assert!(origin.tally().sent >= bytes.len());
}
