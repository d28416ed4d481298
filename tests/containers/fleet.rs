//! A plan as a fleet of containers on an internal network of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::engine::{LABEL, docker, for_each, logs, run, sweep};
use super::image;
use crate::support::churn::{Churn, Way};
use crate::support::content::torrent_conf;
use crate::support::plan::{Initial, Plan};
use crate::support::{fresh_seed, patience};

/// The host number of the first node; the engine takes the lowest for itself.
const FIRST_HOST: usize = 10;

/// Between two looks at all files: each look starts a process in each container.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// All are restarted at once every so often, in the random way.
const ALL_EVERY: Duration = Duration::from_secs(10);

/// So many restarts are under way at once in the random way; the engine keeps up with no more.
const RESTARTS_AT_ONCE: usize = 4;

/// Tries to find a subnet that no network of the engine has.
const SUBNET_TRIES: usize = 50;

/// How the files come into the containers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    /// Copied before the start.
    Copied,
    /// Mounted, each file that there is by itself; the config read-only.
    Mounted,
}

/// Containers that have been created and not started.
pub(crate) struct Fleet {
    plan: Plan,
    run: String,
    subnet: u8,
    names: Vec<String>,
    delivery: Delivery,
    sha256: String,
    directory: TempDir,
}

impl Fleet {
    /// Creates a network and a container for each node.
    ///
    /// # Panics
    /// If the engine refuses.
    pub(crate) fn create(plan: Plan, delivery: Delivery, rng: &mut fastrand::Rng) -> Self {
        let run = format!("{:016x}", fresh_seed());
        let subnet = create_network(&run, rng);
        let directory = tempfile::tempdir().unwrap();
        let expected = directory.path().join("expected");
        fs::write(&expected, plan.content.bytes()).unwrap();
        let sha256 = super::engine::run(Command::new("sha256sum").arg(&expected)).unwrap();
        let sha256 = sha256.split_whitespace().next().unwrap().to_owned();
        fs::remove_file(&expected).unwrap();
        let names = (0..plan.nodes.len())
            .map(|node| format!("swarmlet-test-{run}-{node}"))
            .collect();
        let fleet = Self {
            plan,
            run,
            subnet,
            names,
            delivery,
            sha256,
            directory,
        };
        let confs: Vec<String> = (0..fleet.names.len())
            .map(|node| fleet.conf(node, rng))
            .collect();
        let created = for_each(confs.into_iter().enumerate(), |(node, conf)| {
            fleet.create_node(node, &conf)
        });
        for result in created {
            result.unwrap_or_else(|error| panic!("cannot create a container: {error}"));
        }
        fleet
    }

    fn ip(&self, node: usize) -> String {
        format!("172.31.{}.{}", self.subnet, FIRST_HOST + node)
    }

    fn conf(&self, node: usize, rng: &mut fastrand::Rng) -> String {
        let node = &self.plan.nodes[node];
        let peers: Vec<String> = node.peers.iter().map(|&peer| self.ip(peer)).collect();
        torrent_conf(
            rng,
            node.knows_file.then(|| self.plan.content.file_info()),
            &peers,
        )
    }

    fn create_node(&self, node: usize, conf: &str) -> Result<(), String> {
        let name = &self.names[node];
        let files = self.directory.path().join(format!("node-{node}"));
        fs::create_dir(&files).map_err(|error| error.to_string())?;
        let write_conf = fs::write(files.join("torrent.conf"), conf);
        write_conf.map_err(|error| error.to_string())?;
        let initial = &self.plan.nodes[node].initial;
        let write_data = initial.write(&self.plan.content, &files.join("data.bin"));
        write_data.map_err(|error| error.to_string())?;
        let label = format!("{LABEL}={}", self.run);
        let ip = self.ip(node);
        let mut arguments: Vec<String> = ["create", "--name", name, "--label", &label]
            .iter()
            .chain(&["--network", &self.network(), "--ip", &ip])
            .map(|&word| word.to_owned())
            .collect();
        let files = files.display().to_string();
        if self.delivery == Delivery::Mounted {
            let conf = format!("{files}/torrent.conf:/torrent.conf:ro");
            arguments.extend(["--volume".into(), conf]);
            // The engine would make a directory of a file that is not there.
            if self.is_data_mounted(node) {
                arguments.extend(["--volume".into(), format!("{files}/data.bin:/data.bin")]);
            }
        }
        arguments.push(image::node().into());
        docker(&arguments)?;
        if self.delivery == Delivery::Copied {
            docker(["cp", &format!("{files}/."), &format!("{name}:/")])?;
            fs::remove_dir_all(files).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn is_data_mounted(&self, node: usize) -> bool {
        let is_there = !matches!(self.plan.nodes[node].initial, Initial::Missing);
        self.delivery == Delivery::Mounted && is_there
    }

    fn network(&self) -> String {
        format!("swarmlet-test-{}", self.run)
    }

    /// The name of a node's container.
    pub(crate) fn name(&self, node: usize) -> &str {
        &self.names[node]
    }

    /// Carries out a way until all files have been right, or all patience is gone; kills every
    /// container then and compares the files, byte by byte.
    ///
    /// # Panics
    /// If the files were not right in time, or are not any more.
    pub(crate) fn settle(&self, way: Way, rng: &mut fastrand::Rng) -> Duration {
        let begin = Instant::now();
        let limit = self.plan.limit.mul_f64(patience());
        let is_over = AtomicBool::new(false);
        let mut rng = fastrand::Rng::with_seed(rng.u64(..));
        let late = std::thread::scope(|scope| {
            scope.spawn(|| self.harass(way, &mut rng, &is_over));
            let late = self.wait(begin, limit);
            is_over.store(true, Ordering::Relaxed);
            late
        });
        let time = begin.elapsed();
        let verdict = if time > self.plan.limit {
            "OVER THE LIMIT"
        } else {
            "within the limit"
        };
        println!(
            "{} {}: {} bytes, settled in {:.1} s, {verdict} of {} s",
            self.plan.name,
            way.name(),
            self.plan.content.size(),
            time.as_secs_f64(),
            self.plan.limit.as_secs()
        );
        assert!(late.is_empty(), "{}", self.complaint(&late));
        self.kill_all();
        self.compare();
        time
    }

    /// Waits until every file has been right, and gives those that were not.
    fn wait(&self, begin: Instant, limit: Duration) -> Vec<usize> {
        let mut late: Vec<usize> = (0..self.names.len()).collect();
        loop {
            let look = |node| (node, self.is_right(node));
            let looks = for_each(late, look);
            late = looks
                .into_iter()
                .filter(|&(_, right)| !right)
                .map(|(node, _)| node)
                .collect();
            if late.is_empty() || begin.elapsed() > limit {
                return late;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Whether a file has the right digest; no, if its container does not run just now.
    pub(crate) fn is_right(&self, node: usize) -> bool {
        let sum = docker(["exec", &self.names[node], "sha256sum", "/data.bin"]);
        sum.is_ok_and(|sum| sum.starts_with(&self.sha256))
    }

    fn harass(&self, way: Way, rng: &mut fastrand::Rng, is_over: &AtomicBool) {
        let count = self.names.len();
        match way {
            Way::Calm => self.start(&(0..count).collect::<Vec<_>>()),
            Way::Random(interval) => self.restart_at_random(interval, rng, is_over),
            Way::Epochs(life) => {
                let mut churn = Churn::new(way, count, rng);
                while !is_over.load(Ordering::Relaxed) {
                    self.restart(&churn.half());
                    std::thread::sleep(life);
                    self.kill_all();
                }
            }
            Way::Storm => {
                let mut churn = Churn::new(way, count, rng);
                let life = Duration::from_secs(1);
                while !is_over.load(Ordering::Relaxed) {
                    self.start(&churn.half());
                    std::thread::sleep(life);
                    self.kill_all();
                }
            }
        }
    }

    fn restart_at_random(&self, interval: Duration, rng: &mut fastrand::Rng, is_over: &AtomicBool) {
        let busy = Mutex::new(vec![false; self.names.len()]);
        let busy = &busy;
        let mut last = None;
        let mut last_all = Instant::now();
        while !is_over.load(Ordering::Relaxed) {
            if last_all.elapsed() >= ALL_EVERY {
                last_all = Instant::now();
                self.restart(&(0..self.names.len()).collect::<Vec<_>>());
                continue;
            }
            std::thread::scope(|scope| {
                // A scope waits for its restarts, so a round of a few intervals is one.
                for _ in 0..RESTARTS_AT_ONCE {
                    let node = rng.usize(..self.names.len());
                    let is_free = !busy.lock().unwrap()[node] && last != Some(node);
                    if is_free {
                        last = Some(node);
                        busy.lock().unwrap()[node] = true;
                        scope.spawn(move || {
                            self.restart(&[node]);
                            busy.lock().unwrap()[node] = false;
                        });
                    }
                    std::thread::sleep(interval);
                }
            });
        }
    }

    /// Starts some.
    pub(crate) fn start(&self, nodes: &[usize]) {
        for_each(nodes, |&node| {
            docker(["start", &self.names[node]]).map(drop)
        });
    }

    /// Restarts some, with ten seconds to stop.
    fn restart(&self, nodes: &[usize]) {
        for_each(nodes, |&node| {
            docker(["restart", "--time", "10", &self.names[node]]).map(drop)
        });
    }

    /// Kills whatever runs.
    fn kill_all(&self) {
        // An error says that one does not run.
        let names = self.names.iter().map(String::as_str);
        let _ = docker(["kill", "--signal", "KILL"].into_iter().chain(names));
    }

    fn compare(&self) {
        for (node, name) in self.names.iter().enumerate() {
            let path = match self.is_data_mounted(node) {
                true => self
                    .directory
                    .path()
                    .join(format!("node-{node}"))
                    .join("data.bin"),
                false => self.take_out(name),
            };
            let bytes = fs::read(&path).unwrap();
            assert!(
                bytes == self.plan.content.bytes(),
                "{}",
                self.complaint(&[node])
            );
        }
    }

    fn take_out(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join("taken-out");
        let _ = fs::remove_file(&path);
        let from = format!("{name}:/data.bin");
        run(Command::new("docker").arg("cp").arg(from).arg(&path)).unwrap();
        path
    }

    /// What the node printed.
    pub(crate) fn log(&self, node: usize) -> String {
        logs(&self.names[node])
    }

    fn complaint(&self, late: &[usize]) -> String {
        let mut text = format!(
            "{}: the files of {} of {} nodes are not right: {late:?}",
            self.plan.name,
            late.len(),
            self.names.len()
        );
        for &node in late.iter().take(4) {
            text += &format!("\n--- log of {}:\n{}", self.ip(node), self.log(node));
        }
        text
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        sweep(&self.run);
    }
}

/// Makes an internal network with a /24 that no other has, and gives the number of it.
fn create_network(run: &str, rng: &mut fastrand::Rng) -> u8 {
    let mut last = String::new();
    for _ in 0..SUBNET_TRIES {
        let number = rng.u8(..);
        let subnet = format!("172.31.{number}.0/24");
        let label = format!("{LABEL}={run}");
        let name = format!("swarmlet-test-{run}");
        let created = docker([
            "network",
            "create",
            "--internal",
            "--subnet",
            &subnet,
            "--label",
            &label,
            &name,
        ]);
        match created {
            Ok(_) => return number,
            Err(error) => last = error,
        }
    }
    panic!("cannot make a network: {last}");
}
