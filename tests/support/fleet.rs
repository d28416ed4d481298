//! A plan as a fleet of processes: laid out, set going, harassed, judged.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempDir;

use super::churn::{Churn, Order, Way};
use super::content::torrent_conf;
use super::judge::Judge;
use super::loopback::Subnet;
use super::measure::{Sockets, peak_memory};
use super::node::{Files, Node};
use super::plan::Plan;

/// How often the files are looked at and orders are carried out.
const BEAT: Duration = Duration::from_millis(10);

/// How often links and memory are measured.
const MEASURE_EVERY: Duration = Duration::from_millis(200);

/// A fleet in which no data file changed for this long, times the patience, is stuck.
const STUCK_AFTER: Duration = Duration::from_secs(20);

/// The logs of as many nodes are shown when something went wrong.
const LOGS_SHOWN: usize = 4;

/// How a fleet did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// From the first order until every file had been right.
    pub settled: Duration,
    /// The most links of one node at any look.
    pub most_links: usize,
    /// The most memory of one node at any look, in bytes.
    pub most_memory: u64,
    /// How many times a node was killed.
    pub kills: usize,
    /// How many times a node was started or restarted.
    pub starts: usize,
    /// How many times a node did not stop when it was asked to.
    pub slow_stops: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "settled in {:.2} s ({} starts, {} kills, {} slow stops, at most {} links and {:.1} MiB)",
            self.settled.as_secs_f64(),
            self.starts,
            self.kills,
            self.slow_stops,
            self.most_links,
            self.most_memory as f64 / 1048576.0
        )
    }
}

/// A fleet of node processes on the addresses of one loopback /24.
///
/// Its nodes are ended before its directory is removed: they come first.
#[derive(Debug)]
pub struct Fleet {
    /// The nodes, by their numbers in the plan.
    pub nodes: Vec<Node>,
    /// What was planned.
    pub plan: Plan,
    /// Where the nodes are.
    pub subnet: Subnet,
    judges: Vec<Judge>,
    report: Report,
    _directory: TempDir,
}

impl Fleet {
    /// Writes all files of a plan. Starts nothing.
    ///
    /// # Panics
    /// If the files cannot be written.
    pub fn lay_out(plan: Plan, rng: &mut fastrand::Rng) -> Self {
        Self::lay_out_for(super::binary(), plan, rng)
    }

    /// As [`Fleet::lay_out`], with a given program.
    ///
    /// # Panics
    /// If the files cannot be written.
    pub fn lay_out_for(binary: PathBuf, plan: Plan, rng: &mut fastrand::Rng) -> Self {
        let subnet = Subnet::reserve();
        let directory = tempfile::Builder::new().prefix("swarmlet-fleet-").tempdir();
        let directory = directory.expect("make a directory for the fleet");
        let sweep = if plan.sweep {
            subnet.cidr()
        } else {
            "off".into()
        };
        let mut nodes = Vec::new();
        for (number, node) in plan.nodes.iter().enumerate() {
            let files = Files::below(&directory.path().join(format!("node-{number:02}")));
            let files = files.expect("make a directory for a node");
            let info = node.knows_file.then(|| plan.content.file_info());
            let peers: Vec<String> = node
                .peers
                .iter()
                .map(|&peer| subnet.ip(peer).to_string())
                .collect();
            fs::write(&files.conf, torrent_conf(rng, info, &peers)).expect("write a torrent.conf");
            node.initial
                .write(&plan.content, &files.data)
                .expect("write a data file");
            let address = subnet.address(number);
            nodes.push(Node::new(
                binary.clone(),
                files,
                address,
                &["--sweep", &sweep],
            ));
        }
        let judges = nodes
            .iter()
            .map(|node| Judge::new(&node.files.data))
            .collect();
        Self {
            nodes,
            plan,
            subnet,
            judges,
            report: Report::default(),
            _directory: directory,
        }
    }

    /// Carries out orders of a way until every file has been right, or all patience is gone.
    /// Leaves the nodes as they are then.
    ///
    /// # Errors
    /// If the fleet did not settle, or a node ended by itself: what was seen, with logs.
    pub fn settle(&mut self, way: Way, rng: &mut fastrand::Rng) -> Result<Report, String> {
        let mut churn = Churn::new(way, self.nodes.len(), rng);
        let patience = super::patience();
        let limit = self.plan.limit.mul_f64(patience);
        let stuck_after = STUCK_AFTER.mul_f64(patience);
        let mut is_done = vec![false; self.nodes.len()];
        let begin = Instant::now();
        let mut next_measure = begin;
        let mut progress = Progress::new(begin);
        loop {
            for order in churn.orders(begin.elapsed()) {
                self.carry_out(order);
            }
            self.poll()?;
            for (judge, is_done) in self.judges.iter_mut().zip(&mut is_done) {
                *is_done = *is_done || judge.is_identical(&self.plan.content);
            }
            if is_done.iter().all(|&done| done) {
                self.report.settled = begin.elapsed();
                self.measure();
                self.report.slow_stops = self.nodes.iter().map(|node| node.slow_stops).sum();
                return Ok(self.report);
            }
            if Instant::now() >= next_measure {
                next_measure = Instant::now() + MEASURE_EVERY;
                self.measure();
                progress.look(&self.nodes);
            }
            if begin.elapsed() > limit || progress.since.elapsed() > stuck_after {
                return Err(self.complaint(&is_done, begin.elapsed()));
            }
            std::thread::sleep(BEAT);
        }
    }

    /// Kills every node and compares every file, byte by byte.
    ///
    /// # Panics
    /// If a file is not as planned.
    pub fn kill_and_compare(&mut self) {
        self.nodes.iter_mut().for_each(Node::kill);
        for node in &self.nodes {
            let bytes = fs::read(&node.files.data).expect("read a data file");
            assert!(
                bytes == self.plan.content.bytes(),
                "{}: the file of {} is not the content any more; its log:\n{}",
                self.plan.name,
                node.address,
                node.log_tail()
            );
        }
    }

    /// Starts all nodes.
    pub fn start_all(&mut self) {
        self.nodes.iter_mut().for_each(Node::start);
    }

    /// The verdict of the judge on one file.
    pub fn is_identical(&mut self, node: usize) -> bool {
        self.judges[node].is_identical(&self.plan.content)
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Start(node) => {
                self.report.starts += 1;
                self.nodes[node].start();
            }
            Order::Restart(node) => {
                self.report.starts += 1;
                self.nodes[node].restart();
            }
            Order::Kill(node) => {
                self.report.kills += usize::from(self.nodes[node].pid().is_some());
                self.nodes[node].kill();
            }
        }
    }

    fn poll(&mut self) -> Result<(), String> {
        for node in &mut self.nodes {
            node.poll().map_err(|status| {
                format!(
                    "{} ended by itself with {status}; its log:\n{}",
                    node.address,
                    node.log_tail()
                )
            })?;
        }
        Ok(())
    }

    fn measure(&mut self) {
        let sockets = Sockets::look();
        for (number, node) in self.nodes.iter().enumerate() {
            let links = sockets.links(self.subnet.ip(number));
            let memory = node.pid().and_then(peak_memory).unwrap_or(0);
            self.report.most_links = self.report.most_links.max(links);
            self.report.most_memory = self.report.most_memory.max(memory);
        }
    }

    fn complaint(&self, is_done: &[bool], after: Duration) -> String {
        let late: Vec<usize> = (0..is_done.len()).filter(|&node| !is_done[node]).collect();
        let mut text = format!(
            "{}: after {:.1} s the files of {} of {} nodes are not right: {late:?}",
            self.plan.name,
            after.as_secs_f64(),
            late.len(),
            is_done.len()
        );
        let done = (0..is_done.len()).find(|&node| is_done[node]);
        for node in late.into_iter().take(LOGS_SHOWN).chain(done) {
            let node = &self.nodes[node];
            text += &format!("\n--- log of {}:\n{}", node.address, node.log_tail());
        }
        text
    }
}

/// Notices whether any data file changes.
#[derive(Debug)]
struct Progress {
    since: Instant,
    last: Vec<Option<(SystemTime, u64)>>,
}

impl Progress {
    fn new(now: Instant) -> Self {
        Self {
            since: now,
            last: Vec::new(),
        }
    }

    fn look(&mut self, nodes: &[Node]) {
        let look = |node: &Node| {
            let metadata = fs::metadata(&node.files.data).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        let seen: Vec<_> = nodes.iter().map(look).collect();
        if seen != self.last {
            self.last = seen;
            self.since = Instant::now();
        }
    }
}
