//! A seed, a leecher that is held back, and the program beside them.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::content::{Content, torrent_conf};
use crate::support::loopback::Subnet;
use crate::support::node::{Files, Node};
use crate::support::{self, Turn, wait_for};

/// Bytes of a part of every content.
pub const PART: usize = 16 * 1024;

/// Number of the seed and of the leecher.
pub const SEED: usize = 0;
pub const LEECHER: usize = 1;

/// What holds the leecher back: a content of a MiB takes it some ten seconds.
pub const SLOW: [&str; 2] = ["--download-limit", "100KiB"];

/// Nodes, and a place for files.
pub struct Stage {
    pub nodes: Vec<Node>,
    pub subnet: Subnet,
    rng: fastrand::Rng,
    place: tempfile::TempDir,
    _turn: Turn,
}

/// A process that writes what it says to files.
pub struct Running {
    pub child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Stage {
    pub fn empty() -> Self {
        let turn = support::share_turn();
        Self {
            nodes: Vec::new(),
            subnet: Subnet::reserve(),
            rng: support::seeded("client"),
            place: tempfile::tempdir().unwrap(),
            _turn: turn,
        }
    }

    /// A node that has a content, running.
    pub fn seed() -> (Self, Content) {
        let mut stage = Self::empty();
        let content = stage.content(20 * PART + 5);
        stage.add(Some(&content), true, &[]);
        stage.start(SEED);
        (stage, content)
    }

    /// A seed and a node that fetches from it with these arguments, running.
    pub fn pair(parts: usize, arguments: &[&str]) -> (Self, Content) {
        let mut stage = Self::empty();
        let content = stage.content(parts * PART);
        stage.add(Some(&content), true, &[]);
        stage.add(Some(&content), false, arguments);
        stage.start(SEED);
        stage.start(LEECHER);
        (stage, content)
    }

    pub fn content(&mut self, size: usize) -> Content {
        Content::random(&mut self.rng, size, PART)
    }

    /// Adds a node, which knows those before it; its number. It has a face and a socket.
    pub fn add(&mut self, content: Option<&Content>, has_file: bool, arguments: &[&str]) -> usize {
        let number = self.nodes.len();
        let files = Files::below(&self.path(&format!("node-{number}"))).unwrap();
        let peers: Vec<_> = (0..number)
            .map(|it| self.subnet.ip(it).to_string())
            .collect();
        let info = content.map(Content::file_info);
        let conf = torrent_conf(&mut self.rng, info, &peers);
        fs::write(&files.conf, conf).unwrap();
        if let Some(content) = content.filter(|_| has_file) {
            fs::write(&files.data, content.bytes()).unwrap();
        }
        let face = self.face(number).to_string();
        let arguments = [&["--http", face.as_str()], arguments].concat();
        let address = self.subnet.address(number);
        let node = Node::new(support::binary(), files, address, &arguments);
        self.nodes.push(node.launched_by(&["env", "RUST_LOG=info"]));
        number
    }

    /// Starts a node, and waits until it can be asked.
    pub fn start(&mut self, number: usize) {
        self.nodes[number].start();
        let face = self.face(number);
        let socket = self.state(number, "http.sock");
        let answers = || TcpStream::connect(face).is_ok() && UnixStream::connect(&socket).is_ok();
        wait_for("the face answers", answers, || {
            self.nodes[number].log_tail()
        });
    }

    /// Ends a node in order.
    pub fn stop(&mut self, number: usize) {
        let status = self.nodes[number].stop().unwrap();
        assert_eq!(status.code(), Some(0), "{}", self.nodes[number].log());
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub fn face(&self, number: usize) -> SocketAddr {
        SocketAddr::from((self.subnet.ip(number), 6880))
    }

    /// A path within the state directory of a node; the directory if the name is empty.
    pub fn state(&self, number: usize, name: &str) -> String {
        let state = &self.nodes[number].files.state;
        let path = match name {
            "" => state.clone(),
            name => state.join(name),
        };
        path.into_os_string().into_string().unwrap()
    }

    /// The program, free of whatever the environment of the tests says, and of what nodes of this
    /// machine have in the usual state directories.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(support::binary());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("SWARMLET_") || name == "RUST_LOG" || name == "NO_COLOR" {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(self.place.path())
            .env("SWARMLET_STATE", self.path("no-state"))
            .stdin(Stdio::null());
        command
    }

    /// The program asking a node by its state directory.
    pub fn asking(&self, number: usize, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.args(["--node", &self.state(number, "")]);
        command
    }

    /// What it says when it went well.
    pub fn ask(&self, number: usize, arguments: &[&str]) -> String {
        let output = self.asking(number, arguments).output().unwrap();
        succeeded(&output, &format!("{arguments:?}"))
    }

    pub fn json(&self, number: usize, arguments: &[&str]) -> Value {
        let text = self.ask(number, &[arguments, &["--json"]].concat());
        assert_eq!(text.lines().count(), 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The only content of a node.
    pub fn swarm(&self, number: usize) -> Value {
        self.json(number, &["status"])["swarms"][0].clone()
    }

    pub fn wait_for_swarm(&self, number: usize, what: &str, is_so: impl Fn(&Value) -> bool) {
        wait_for(
            what,
            || is_so(&self.swarm(number)),
            || format!("{}\n{}", self.swarm(number), self.nodes[number].log_tail()),
        );
    }

    pub fn wait_until_ready(&self, number: usize) {
        let is_ready = || self.json(number, &["status"])["status"]["ready"] == true;
        wait_for("the node is ready", is_ready, || {
            self.ask(number, &["status"]) + &self.nodes[number].log_tail()
        });
    }

    /// Starts something that goes on.
    pub fn run(&self, name: &str, command: &mut Command) -> Running {
        let [out, err] = ["out", "err"].map(|it| self.path(&format!("{name}.{it}")));
        let child = command
            .stdout(fs::File::create(&out).unwrap())
            .stderr(fs::File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Running { child, out, err }
    }
}

impl Running {
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.out).unwrap()).into_owned()
    }

    pub fn complained(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.err).unwrap()).into_owned()
    }

    /// Waits until it says something that is so.
    pub fn wait_for(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let all = || self.said() + &self.complained();
        wait_for(what, || is_so(self), all);
    }

    pub fn interrupt(&self) {
        // It may be gone already.
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
    }

    pub fn wait(&mut self) -> Option<i32> {
        let mut status = None;
        let (out, err) = (self.out.clone(), self.err.clone());
        let ended = || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        };
        wait_for("it ends", ended, || {
            fs::read_to_string(&out).unwrap() + &fs::read_to_string(&err).unwrap()
        });
        status.unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Stdout of what went well and had nothing to complain of.
#[track_caller]
pub fn succeeded(output: &Output, what: &str) -> String {
    assert_eq!(stderr(output), "", "{what}");
    assert_eq!(output.status.code(), Some(0), "{what}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Asserts that it failed with exactly these words and said nothing else.
#[track_caller]
pub fn assert_fails(output: &Output, complaint: &str) {
    assert_eq!(stderr(output), complaint);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    assert_eq!(output.status.code(), Some(1));
}

/// The records of a text with tabs, each as its fields; the header is the first.
pub fn records(text: &str) -> Vec<Vec<&str>> {
    let fields = |line| str::split(line, '\t').collect::<Vec<_>>();
    let records: Vec<_> = text.lines().map(fields).collect();
    assert!(
        records.iter().all(|it| it.len() == records[0].len()),
        "{text}"
    );
    records
}
