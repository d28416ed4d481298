//! `demo`: a fleet of real node processes on this machine, for a newcomer to watch.
//!
//! One node has the config. The others have an empty config, no peers, and rubbish in which some
//! parts are right; they find each other by sweeping their /24 of loopback. Nodes are killed on the
//! way. What came of it is read from their files.

mod content;
mod fleet;
mod interrupt;
mod judge;
mod network;
mod view;

use std::fs;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use swarmlet_actors::chance;
use swarmlet_protocol::layout::Layout;
use swarmlet_protocol::metainfo::{CONTENT_NAME, Info, TorrentConf};

use self::content::Content;
use self::fleet::Fleet;
use self::interrupt::Interrupt;
use self::judge::Judge;
use self::network::Network;
use self::view::{Row, Verdict, View};
use super::args::DemoArgs;
use super::create::{good_part_size, parts};
use super::error::{CliError, reason};
use super::ranges::Ranges;
use super::size::Size;

/// Between two looks at the files: short enough for the bars to flow, long enough to cost little.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// From the start or a kill to the next kill.
const KILL_EVERY: Duration = Duration::from_millis(300);
/// How long a killed node stays dead, so that the others notice.
const STAY_DEAD: Duration = Duration::from_millis(50);
/// Kills per node that there are at most, so that a slow machine gets done too.
const MAX_KILLS_PER_NODE: u32 = 2;
/// Without any progress for so long, the demo has failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// Nodes that are named when the demo has failed.
const MAX_NAMED: usize = 5;

/// Runs the fleet and says what came of it.
///
/// # Errors
/// The fleet could not be set up, or its files did not become identical.
pub(crate) fn demo(args: &DemoArgs) -> Result<(), CliError> {
    let interrupt = Interrupt::listen().map_err(CliError::Start)?;
    let mut rng = chance::generator();
    let Size(size) = args.size;
    let network = Network::find(args.nodes, &mut rng)
        .map_err(|(address, error)| no_network(address, &error))?;
    let layout = Layout::new(size, good_part_size(size)).map_err(|error| {
        CliError::Demo(format!("cannot make a file of {}: {error}", Size(size)))
    })?;
    // Dropped in the reverse order, whatever happens: first the processes end, then their files go.
    let root = tempfile::Builder::new()
        .prefix("swarmlet-demo-")
        .tempdir()
        .map_err(|error| setup(&std::env::temp_dir(), &error))?;
    let secret = args.secret.then(|| root.path().join("secret"));
    if let Some(path) = &secret {
        write_secret(path, &mut rng).map_err(|error| setup(root.path(), &error))?;
    }
    let mut fleet = Fleet::new(root.path(), network, args.nodes, secret.as_deref());

    has_room(root.path(), size.saturating_mul(args.nodes.into()))?;
    View::announce(&format!(
        "{} nodes on {}, a file of {} in {}. One node has the config, the others\n\
         know nothing and nobody. Each part is right on one node only. Nodes get killed.\n\
         making {} files of {}\n",
        args.nodes,
        network.range(),
        Size(size),
        parts(layout.pieces()),
        args.nodes,
        Size(size)
    ));
    let content = Content::new(rng.u64(..), layout);
    let stop = || interrupt.came();
    let prepared = prepare(root.path(), args.nodes, &content, &mut rng, &stop);
    // Whatever else went wrong: that the user wanted it to end comes first.
    if interrupt.came() {
        return Err(CliError::Interrupted);
    }
    prepared.map_err(|error| setup(root.path(), &error))?;
    let names = (0..args.nodes).map(|node| format!("node {} {}", node + 1, network.address(node)));
    let mut run = Run {
        view: View::new(&names.collect::<Vec<_>>(), layout.pieces()),
        judges: (0..args.nodes)
            .map(|node| Judge::new(fleet::folder(root.path(), node).join(CONTENT_NAME), &layout))
            .collect(),
        content,
        fleet: &mut fleet,
    };
    let verdict = run.drive(&interrupt, &mut rng)?;
    verdict
        .write(&mut io::stdout().lock())
        .map_err(CliError::Output)
}

/// A secret for a fleet that lives for some seconds, in a file of its owner's.
fn write_secret(path: &Path, rng: &mut fastrand::Rng) -> io::Result<()> {
    let secret: String = (0..44).map(|_| rng.alphanumeric()).collect();
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{secret}")
}

/// Makes each node's folder: its config, its data, and a place for its state. Ends with an error
/// as soon as `stop` says so.
fn prepare(
    root: &Path,
    nodes: u8,
    content: &Content,
    rng: &mut fastrand::Rng,
    stop: &dyn Fn() -> bool,
) -> io::Result<()> {
    let layout = content.layout();
    let info = Info::single_file(
        CONTENT_NAME,
        layout.size(),
        layout.piece_length().into(),
        &content.hashes(stop)?,
    )
    .map_err(io::Error::other)?;
    let folders: Vec<_> = (0..nodes).map(|node| fleet::folder(root, node)).collect();
    let data: Vec<_> = folders
        .iter()
        .map(|folder| folder.join(CONTENT_NAME))
        .collect();
    content.scatter(&data, rng, stop)?;
    let informed = rng.usize(..folders.len());
    for (number, folder) in folders.iter().enumerate() {
        let conf = if number == informed {
            TorrentConf::from_info(&info, Vec::new()).to_json()
        } else {
            "{}\n".to_owned()
        };
        fs::write(folder.join("torrent.conf"), conf)?;
        fs::create_dir(folder.join("state"))?;
    }
    Ok(())
}

/// The demo while it runs.
struct Run<'a> {
    fleet: &'a mut Fleet,
    judges: Vec<Judge>,
    content: Content,
    view: View,
}

impl Run<'_> {
    fn drive(
        &mut self,
        interrupt: &Interrupt,
        rng: &mut fastrand::Rng,
    ) -> Result<Verdict, CliError> {
        self.look();
        let at_first = self.bytes();
        let total = self.content.layout().size() * self.judges.len() as u64;
        let started = Instant::now();
        self.fleet.start().map_err(CliError::Start)?;
        let (mut kills, mut last_kill) = (0, started);
        let (mut progress, mut last_progress) = (self.state(), started);
        while !self.judges.iter().all(Judge::is_done) {
            thread::sleep(LOOK_EVERY);
            if interrupt.came() {
                self.view.finish();
                return Err(CliError::Interrupted);
            }
            if let Some((number, status)) = self.fleet.find_ended() {
                return Err(self.failed(&format!("node {} ended: {status}", number + 1), number));
            }
            let half_done = self.bytes() - at_first > (total - at_first) / 2;
            let most = MAX_KILLS_PER_NODE.saturating_mul(self.judges.len() as u32);
            if last_kill.elapsed() >= KILL_EVERY && !half_done && kills < most {
                let victim = rng.usize(..self.judges.len());
                self.fleet.kill(victim);
                self.view.killed(victim);
                thread::sleep(STAY_DEAD);
                self.fleet.restart(victim).map_err(CliError::Start)?;
                kills += 1;
                last_kill = Instant::now();
            }
            self.look();
            if self.state() != progress {
                (progress, last_progress) = (self.state(), Instant::now());
            } else if last_progress.elapsed() >= PATIENCE {
                let seconds = PATIENCE.as_secs();
                let slowest = self.unfinished().first().copied().unwrap_or(0);
                return Err(self.failed(&format!("no progress for {seconds} s"), slowest));
            }
        }
        let time = started.elapsed();
        // The last picture shows what is: files that are done, of nodes that are up.
        self.view.forget_kills();
        self.look();
        let filled_in = self.bytes() - at_first;
        self.fleet.kill_all();
        self.view.finish();
        Ok(Verdict {
            nodes: self.judges.len(),
            size: self.content.layout().size(),
            time,
            filled_in,
            kills,
            digest: self.common_digest()?,
        })
    }

    fn look(&mut self) {
        for judge in &mut self.judges {
            judge.look(&self.content);
        }
        let rows: Vec<Row> = self
            .judges
            .iter()
            .enumerate()
            .map(|(number, judge)| Row {
                right: judge.right(),
                kills: self.fleet.kills(number),
                done: judge.is_done(),
            })
            .collect();
        self.view.update(&rows, self.content.layout().pieces());
    }

    /// What changes whenever something goes forward.
    fn state(&self) -> (u64, usize) {
        (self.bytes(), self.unfinished().len())
    }

    fn bytes(&self) -> u64 {
        self.judges.iter().map(Judge::bytes).sum()
    }

    fn unfinished(&self) -> Vec<usize> {
        let judges = self.judges.iter().enumerate();
        judges
            .filter(|(_, judge)| !judge.is_done())
            .map(|(number, _)| number)
            .collect()
    }

    /// Reads every file once more, whole, now that no node runs.
    fn common_digest(&self) -> Result<String, CliError> {
        let mut common = None;
        for (number, judge) in self.judges.iter().enumerate() {
            let found = judge.digest().map_err(|error| {
                let why = reason(&error);
                CliError::Demo(format!(
                    "cannot read the file of node {}: {why}",
                    number + 1
                ))
            })?;
            if *common.get_or_insert_with(|| found.clone()) != found {
                return Err(CliError::Demo(format!(
                    "the file of node {} differs from the others",
                    number + 1
                )));
            }
        }
        Ok(common.map(|(digest, _)| digest).unwrap_or_default())
    }

    /// Ends the fleet, and gathers what helps to find out why it did not get done.
    fn failed(&mut self, why: &str, suspect: usize) -> CliError {
        self.fleet.kill_all();
        self.view.finish();
        let mut text = why.to_owned();
        let unfinished = self.unfinished();
        for &number in unfinished.iter().take(MAX_NAMED) {
            let Some(judge) = self.judges.get(number) else {
                continue;
            };
            let missing = judge.missing();
            let lacks = match missing.len() {
                0 => "has every part, but the wrong length".to_owned(),
                _ => format!(
                    "lacks {}: {}",
                    parts(missing.len() as u32),
                    shortened(&missing)
                ),
            };
            text.push_str(&format!("\n  node {} {lacks}", number + 1));
        }
        if unfinished.len() > MAX_NAMED {
            let more = unfinished.len() - MAX_NAMED;
            text.push_str(&format!("\n  and {more} more nodes lack parts"));
        }
        text.push_str(&format!("\n  the last lines of node {}:", suspect + 1));
        for line in self.fleet.log_tail(suspect) {
            text.push_str(&format!("\n    {line}"));
        }
        CliError::Demo(text)
    }
}

/// Ranges that fit a line.
fn shortened(missing: &[u32]) -> String {
    const MAX: usize = 60;
    let text = Ranges(missing).to_string();
    match text.get(..MAX) {
        Some(start) => format!("{start}..."),
        None => text,
    }
}

/// Is there room for so many bytes? Told before they are made, and not when the disk is full.
fn has_room(place: &Path, needed: u64) -> Result<(), CliError> {
    // A system that does not tell is one more reason to try.
    let Ok(disk) = rustix::fs::statvfs(place) else {
        return Ok(());
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if needed <= free {
        return Ok(());
    }
    let reason = format!("they need {}, and {} are free", Size(needed), Size(free));
    Err(CliError::DemoSetup {
        place: place.to_owned(),
        reason,
    })
}

fn setup(place: &Path, error: &io::Error) -> CliError {
    CliError::DemoSetup {
        place: place.to_owned(),
        reason: reason(error),
    }
}

fn no_network(address: Ipv4Addr, error: &io::Error) -> CliError {
    CliError::DemoNetwork {
        address,
        reason: reason(error),
    }
}
