//! The fleet of one schedule, and everything that befalls it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use swarmlet_actors::files::faults::FaultId;
use swarmlet_actors::messages::operator::PauseSwarm;
use swarmlet_actors::messages::supervisor::Shutdown;
use swarmlet_actors::simulation::Conditions;
use swarmlet_actors::supervisor::Manners;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::content::Content;
use crate::judge::Judge;
use crate::node::{Node, Verdict};
use crate::plan::{Fault, Plan};
use crate::world::World;

/// A fleet under a schedule.
pub struct Fleet {
    pub world: Rc<World>,
    pub plan: Plan,
    pub contents: Arc<Vec<Content>>,
    pub nodes: Vec<Node>,
    pub judge: Judge,
    /// What happened, line by line: the same in every run of a seed.
    pub trace: Vec<String>,
    /// Faults that befell it, by kind.
    pub befell: BTreeMap<String, u64>,
    agenda: BTreeMap<(Duration, u64), Act>,
    acts: u64,
    pub rng: fastrand::Rng,
    _root: TempDir,
}

/// What is to be done at some time.
pub enum Act {
    Begin(Fault),
    Restart(usize),
    Mend(usize, Vec<FaultId>),
    Unblock(Vec<(IpAddr, IpAddr)>),
    Thaw(usize),
    Accept(IpAddr),
    Resume(usize, usize),
}

/// Files of all nodes: in memory, where there is such a place.
fn root() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::tempdir_in(memory);
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

impl Fleet {
    /// Makes the contents and the disks, and starts all nodes.
    pub fn new(seed: u64, plan: Plan, world: Rc<World>) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed.wrapping_mul(7));
        let root = root();
        let contents = plan.contents.iter().enumerate();
        let contents =
            contents.map(|(number, &(size, piece))| Content::new(number, size, piece, &mut rng));
        let contents = Arc::new(contents.collect::<Vec<_>>());
        let verdict = Verdict::default();
        let nodes = plan.nodes.iter().enumerate();
        let nodes: Vec<_> = nodes
            .map(|(number, of)| Node::new(number, of.clone(), root.path(), &contents, &verdict))
            .collect();
        let judge = Judge::new(nodes.len(), &contents, verdict);
        let agenda = plan.faults.iter().zip(0..);
        let agenda: BTreeMap<_, _> = agenda
            .map(|((at, fault), number)| ((*at, number), Act::Begin(fault.clone())))
            .collect();
        world.network.set_conditions(plan.conditions);
        let mut fleet = Self {
            acts: agenda.len() as u64,
            world,
            plan,
            contents,
            nodes,
            judge,
            trace: Vec::new(),
            befell: BTreeMap::new(),
            agenda,
            rng,
            _root: root,
        };
        for node in 0..fleet.nodes.len() {
            fleet.give(node);
            fleet.start(node);
        }
        fleet.look();
        fleet
    }

    /// What a node has of each content before it is started.
    fn give(&mut self, node: usize) {
        let share = self.nodes[node].plan.share;
        for content in self.contents.iter().filter(|_| share > 0) {
            let mut bytes = content.bytes.clone();
            for piece in 0..content.pieces() {
                if self.rng.u16(..256) >= share {
                    bytes[content.range(piece)].fill(7);
                }
            }
            std::fs::write(self.nodes[node].path(content), bytes).unwrap();
        }
    }

    pub fn start(&mut self, node: usize) {
        let manners = Manners {
            max_links: self.plan.max_links,
            encryption: self.plan.encryption,
            ..Manners::default()
        };
        let contents = Arc::clone(&self.contents);
        self.nodes[node].start(&self.world, &contents, manners, self.plan.scrub);
    }

    pub fn say(&mut self, what: String) {
        let time = self.world.time();
        self.trace
            .push(format!("{:>9.3} {what}", time.as_secs_f64()));
    }

    /// When the next act is due.
    pub fn next(&self) -> Option<Duration> {
        self.agenda.keys().next().map(|(at, _)| *at)
    }

    /// Does that after a while.
    pub fn later(&mut self, after: Duration, act: Act) {
        self.acts += 1;
        let at = self.world.time() + after;
        self.agenda.insert((at, self.acts), act);
    }

    /// Does what is due.
    pub async fn act(&mut self) {
        let due = self.agenda.first_entry();
        let due = due.filter(|first| first.key().0 <= self.world.time());
        match due.map(|first| first.remove()) {
            Some(Act::Begin(fault)) => self.befall(fault).await,
            Some(act) => self.end(act),
            None => {}
        }
        self.look();
    }

    /// All that still goes on ends at once.
    pub fn mend(&mut self) {
        self.agenda.clear();
        self.world.network.heal();
        self.world.network.set_conditions(Conditions::default());
        for node in 0..self.nodes.len() {
            self.nodes[node].disk.mend_all();
            self.world.freeze(node, false);
            if self.nodes[node].supervisor.is_none() {
                self.start(node);
            }
            for content in 0..self.contents.len() {
                self.pause(node, content, false);
            }
        }
        self.say("all is mended".to_owned());
    }

    fn end(&mut self, act: Act) {
        match act {
            Act::Begin(_) => {}
            Act::Restart(node) => {
                if self.nodes[node].supervisor.is_none() {
                    self.say(format!("node {node} is started at {}", self.nodes[node].at));
                    self.start(node);
                }
            }
            Act::Mend(node, faults) => {
                for fault in faults {
                    let befallen = self.nodes[node].disk.mend(fault);
                    self.say(format!("a disk of node {node} is mended after {befallen}"));
                }
            }
            Act::Unblock(ways) => {
                self.say(format!("unblocked {ways:?}"));
                for (from, to) in ways {
                    self.world.network.block(from, to, false);
                }
            }
            Act::Thaw(node) => {
                self.say(format!("node {node} goes on"));
                self.world.freeze(node, false);
            }
            Act::Accept(host) => self.world.network.refuse(host, false),
            Act::Resume(node, content) => self.pause(node, content, false),
        }
    }

    pub fn pause(&self, node: usize, content: usize, paused: bool) {
        if let Some(supervisor) = &self.nodes[node].supervisor {
            let info_hash = self.contents[content].info_hash();
            supervisor.do_send(PauseSwarm { info_hash, paused });
        }
    }

    /// SIGKILL: no connection of the node is left, or all of them without a word.
    pub fn kill(&mut self, node: usize, silently: bool) {
        self.nodes[node].kill(&self.world, silently);
        let open = self.world.network.open_at(self.nodes[node].ip());
        if open > 0 {
            self.judge
                .condemn(format!("node {node} was killed and has {open} connections"));
        }
    }

    /// The ordered end: in under a second, and nothing of the node is left.
    pub async fn stop(&mut self, node: usize, is_well: bool) {
        let Some(supervisor) = self.nodes[node].supervisor.take() else {
            return;
        };
        let begun = self.world.time();
        let stopped = timeout(Duration::from_secs(5), supervisor.send(Shutdown)).await;
        let took = self.world.time() - begun;
        drop(supervisor);
        // A supervisor that was just panicked does not answer; whoever runs the node ends it then.
        if is_well && (!matches!(stopped, Ok(Ok(()))) || took > Duration::from_secs(1)) {
            self.judge
                .condemn(format!("node {node} took {took:?} to stop: {stopped:?}"));
        }
        if is_well {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let open = self.world.network.open_at(self.nodes[node].ip());
            if !self.world.has_ended(node) || open > 0 {
                let left = if open > 0 { "connections" } else { "tasks" };
                self.judge.condemn(format!(
                    "node {node} has stopped, and {left} of it are left"
                ));
            }
        }
        self.kill(node, false);
    }

    /// Looks at every disk and at the sockets of every node.
    pub fn look(&mut self) {
        for node in &self.nodes {
            self.judge.look(node, &self.contents);
            if !self.world.is_frozen(node.number) {
                let open = self.world.network.open_at(node.ip());
                self.judge.count_sockets(node.number, open);
            }
        }
    }

    /// Where the fleet stands, for the trace.
    pub fn state(&self) -> String {
        let right: Vec<_> = (0..self.nodes.len())
            .map(|node| self.judge.right(node))
            .collect();
        let (turns, made) = (self.world.turns(), self.world.network.made());
        format!("right {right:?}, {made} connections, {turns} turns")
    }
}
