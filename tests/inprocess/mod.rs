//! What the tests with nodes inside this process share: an actix system per test, nodes on
//! addresses of one loopback /24, and everything that they said.
//!
//! Such nodes can be looked into where processes cannot: their events are heard, and single
//! actors are made to panic.

// Every test target compiles this module for itself and uses a part of it.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::{Actor, Context, Handler};
use sha1::{Digest, Sha1};
use swarmlet::{Event, Node, NodeBuilder, Progress};

/// 16 KiB: small pieces, so that a transfer has many steps.
pub const PIECE: usize = 16 * 1024;

/// How long anything may take before a test gives up: machines may be very busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test on an actix system of its own, as a program that embeds nodes has one.
pub fn on_system<F: Future>(test: F) -> F::Output {
    actix_rt::System::new().block_on(test)
}

/// A /24 of 127.0.0.0/8 by chance.
#[derive(Copy, Clone, Debug)]
pub struct Network(u8, u8);

impl Network {
    /// Another one for each test.
    pub fn any() -> Self {
        Self(fastrand::u8(16..=250), fastrand::u8(..))
    }

    /// A host of it, with the port that all nodes use.
    pub fn host(self, number: u8) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::new(127, self.0, self.1, number), 6881))
    }
}

/// Bytes, and a torrent.conf that describes them.
#[derive(Debug)]
pub struct Content {
    pub bytes: Vec<u8>,
    hashes: Vec<String>,
}

impl Content {
    /// So many pieces, the last one shorter.
    pub fn pieces(count: usize) -> Self {
        let mut bytes = vec![0; count * PIECE - PIECE / 3];
        fastrand::fill(&mut bytes);
        let hash = |piece: &[u8]| -> String {
            Sha1::digest(piece)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        };
        let hashes = bytes.chunks(PIECE).map(hash).collect();
        Self { bytes, hashes }
    }

    /// The text of a torrent.conf with these peers.
    pub fn conf(&self, peers: &[SocketAddr]) -> Vec<u8> {
        let peers: Vec<_> = peers.iter().map(SocketAddr::to_string).collect();
        let info = serde_json::json!({
            "Size": self.bytes.len(), "PartSize": PIECE, "Parts": self.hashes
        });
        serde_json::json!({ "FileInfo": info, "Peers": peers })
            .to_string()
            .into_bytes()
    }
}

/// All that a node said so far.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Vec<Event>>>);

struct Ear(Journal);

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<Event> for Ear {
    type Result = ();

    fn handle(&mut self, event: Event, _: &mut Self::Context) {
        self.0.0.lock().unwrap().push(event);
    }
}

impl Journal {
    /// How many events of that sort were heard.
    pub fn count(&self, is_meant: impl Fn(&Event) -> bool) -> usize {
        self.0
            .lock()
            .unwrap()
            .iter()
            .filter(|event| is_meant(event))
            .count()
    }

    /// Looks at all that was heard, in order.
    pub fn each(&self, look: impl FnMut(&Event)) {
        self.0.lock().unwrap().iter().for_each(look);
    }

    /// Waits for an event of that sort.
    pub async fn wait(&self, what: &str, is_meant: impl Fn(&Event) -> bool) {
        until(
            what,
            || self.count(&is_meant) > 0,
            || format!("{:?}", self.tail()),
        )
        .await;
    }

    /// The actors that panicked, in order.
    pub fn panicked(&self) -> Vec<&'static str> {
        let journal = self.0.lock().unwrap();
        let panicked = journal.iter().filter_map(|event| match event {
            Event::ActorPanicked { actor, .. } => Some(*actor),
            _ => None,
        });
        panicked.collect()
    }

    /// The last word on how far the node is.
    pub fn progress(&self) -> Progress {
        let journal = self.0.lock().unwrap();
        let told = journal.iter().rev().find_map(|event| match event {
            Event::Progress { progress, .. } => Some(progress.clone()),
            _ => None,
        });
        told.unwrap_or_default()
    }

    /// Every word on how far the node was.
    pub fn history(&self) -> Vec<u32> {
        let journal = self.0.lock().unwrap();
        let told = journal.iter().filter_map(|event| match event {
            Event::Progress { progress, .. } => Some(progress.have),
            _ => None,
        });
        told.collect()
    }

    fn tail(&self) -> Vec<Event> {
        let journal = self.0.lock().unwrap();
        journal[journal.len().saturating_sub(8)..].to_vec()
    }
}

/// A node, where its file is, and what it said.
pub struct Member {
    pub node: Node,
    pub data: PathBuf,
    pub journal: Journal,
}

impl Member {
    /// Starts a node in a folder; `conf` says the rest.
    pub fn start(folder: &Path, at: SocketAddr, conf: &[u8]) -> Self {
        Self::start_with(folder, at, conf, |builder| builder)
    }

    /// Starts a node with further settings.
    pub fn start_with(
        folder: &Path,
        at: SocketAddr,
        conf: &[u8],
        more: impl FnOnce(NodeBuilder) -> NodeBuilder,
    ) -> Self {
        Self::try_start(folder, at, conf, more).expect("start a node")
    }

    /// Starts a node, if it can be started.
    pub fn try_start(
        folder: &Path,
        at: SocketAddr,
        conf: &[u8],
        more: impl FnOnce(NodeBuilder) -> NodeBuilder,
    ) -> Result<Self, swarmlet::Error> {
        let journal = Journal::default();
        let data = folder.join(format!("{}.bin", at.ip()));
        let builder = Node::builder(&data)
            .conf(conf)?
            .listen(at)
            .listener(Ear(journal.clone()).start().recipient())
            .progress_period(Duration::from_millis(5));
        Ok(Self {
            node: more(builder).start()?,
            data,
            journal,
        })
    }

    /// Waits until the node says that it is complete, and compares its file.
    pub async fn completes(&self, content: &Content) {
        let size = content.bytes.len() as u64;
        let is_complete = || {
            let progress = self.journal.progress();
            progress.known && progress.bytes == size && progress.have == progress.pieces
        };
        until("the node is complete", is_complete, || {
            format!("{:?}", self.journal.tail())
        })
        .await;
        self.holds(content);
    }

    /// The file is the content.
    pub fn holds(&self, content: &Content) {
        let file = std::fs::read(&self.data).expect("read the file");
        assert!(file == content.bytes, "{} differs", self.data.display());
    }

    /// Waits until the node has some pieces and lacks some: what is done now is done in
    /// mid-transfer.
    pub async fn is_under_way(&self) {
        let complaint = || format!("{:?}", self.journal.tail());
        until(
            "the transfer is under way",
            || self.is_at(10..=60),
            complaint,
        )
        .await;
    }

    /// Is the node so many percent complete?
    pub fn is_at(&self, percent: std::ops::RangeInclusive<u32>) -> bool {
        let progress = self.journal.progress();
        progress.pieces > 0 && percent.contains(&(progress.have * 100 / progress.pieces))
    }
}

/// Asks again and again, until the answer is yes.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool, complaint: impl Fn() -> String) {
    let begin = Instant::now();
    while !is_so() {
        assert!(
            begin.elapsed() < PATIENCE,
            "waited in vain until {what}: {}",
            complaint()
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What this process holds: descriptors, and threads of actors.
#[derive(Clone, Debug)]
pub struct Holdings {
    pub descriptors: Vec<String>,
    pub threads: usize,
}

impl Holdings {
    /// Looks into `/proc`.
    pub fn look() -> Self {
        let links = std::fs::read_dir("/proc/self/fd").expect("read /proc");
        let descriptors = links
            .filter_map(|link| {
                Some(
                    std::fs::read_link(link.ok()?.path())
                        .ok()?
                        .display()
                        .to_string(),
                )
            })
            .collect();
        // The runtime's workers for blocking jobs come and go; they are not counted.
        let tasks = std::fs::read_dir("/proc/self/task").expect("read /proc");
        let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm"));
        let names = tasks.filter_map(|task| name(task.ok()?).ok());
        Self {
            descriptors,
            threads: names.filter(|name| name.starts_with("actix-rt")).count(),
        }
    }

    /// Sockets of any kind.
    pub fn sockets(&self) -> usize {
        self.descriptors
            .iter()
            .filter(|name| name.starts_with("socket:"))
            .count()
    }
}
