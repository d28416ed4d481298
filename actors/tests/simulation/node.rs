//! One node of the fleet: its folder and disk outlive it, all else is of one life.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::Addr;
use swarmlet_actors::files::faults::Disk;
use swarmlet_actors::listener::Socket;
use swarmlet_actors::listeners::Listeners;
use swarmlet_actors::messages::report::{NodeReport, QueryNode};
use swarmlet_actors::supervisor::{
    Admission, Manners, Reach, Settings, Share, Supervisor, Sweep, Vigilance,
};
use swarmlet_protocol::address::PeerAddress;
use tokio::time::{Instant, timeout};

use crate::content::Content;
use crate::plan::NodePlan;
use crate::world::World;

/// What was found to be wrong, first of all.
pub type Verdict = Arc<Mutex<Option<String>>>;

/// A node, alive or not.
pub struct Node {
    pub number: usize,
    pub at: SocketAddr,
    pub folder: PathBuf,
    pub disk: Disk,
    pub plan: NodePlan,
    pub supervisor: Option<Addr<Supervisor>>,
    /// Panics that were ordered in this life.
    pub ordered: u64,
    /// Where it has moved to.
    moves: u8,
}

/// The address of a node that has not moved.
pub fn home(number: usize) -> SocketAddr {
    address(number, 0)
}

fn address(number: usize, moves: u8) -> SocketAddr {
    let ip = Ipv4Addr::new(10, 0, moves, 10 + number as u8);
    SocketAddr::from((ip, 6881))
}

impl Node {
    /// Its disk sees to it that no wrong byte is written.
    pub fn new(
        number: usize,
        plan: NodePlan,
        root: &Path,
        contents: &Arc<Vec<Content>>,
        verdict: &Verdict,
    ) -> Self {
        let folder = root.join(format!("node-{number}"));
        std::fs::create_dir(&folder).unwrap();
        let truths: BTreeMap<String, usize> = contents
            .iter()
            .enumerate()
            .map(|(number, content)| (content.file.clone(), number))
            .collect();
        let (contents, verdict) = (Arc::clone(contents), Arc::clone(verdict));
        let judge = move |path: &Path, at: u64, bytes: &[u8]| {
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(&content) = name.and_then(|name| truths.get(name)) else {
                return;
            };
            let at = at as usize;
            if contents[content].bytes.get(at..at + bytes.len()) != Some(bytes) {
                let wrong = format!("node {number} wrote wrong bytes to {name:?} at {at}");
                verdict.lock().unwrap().get_or_insert(wrong);
            }
        };
        let begun = Instant::now();
        let clock = move || {
            let time = begun.elapsed();
            (time.as_secs() as i64, i64::from(time.subsec_nanos()))
        };
        Self {
            number,
            at: home(number),
            disk: Disk::with(&folder, Some(Box::new(judge)), Some(Box::new(clock))),
            folder,
            plan,
            supervisor: None,
            ordered: 0,
            moves: 0,
        }
    }

    pub const fn ip(&self) -> IpAddr {
        self.at.ip()
    }

    pub fn path(&self, content: &Content) -> PathBuf {
        self.folder.join(&content.file)
    }

    /// The next life is somewhere else.
    pub fn moves(&mut self) {
        self.moves += 1;
        self.at = address(self.number, self.moves);
    }

    pub fn start(
        &mut self,
        world: &World,
        contents: &[Content],
        manners: Manners,
        scrub: Duration,
    ) {
        world.network.set_absent(self.ip(), false);
        let known = |content: &Content| Share::new(content.info.clone(), self.path(content));
        let shares = match self.plan.knows {
            true => contents.iter().map(known).collect(),
            false => Vec::new(),
        };
        let peers = self.plan.peers.iter();
        let settings = Settings {
            listen: self.at,
            shares,
            place: (!self.plan.knows).then(|| self.path(&contents[0])),
            peers: peers.map(|&peer| PeerAddress::Socket(home(peer))).collect(),
            join: None,
            trackers: Vec::new(),
            content_trackers: Vec::new(),
            sources: Vec::new(),
            web_seeds: Vec::new(),
            state: self.plan.state.then(|| self.folder.join("state")),
            fleet: String::new(),
            wanted: None,
            sweep: Sweep::Off,
            lan: false,
            reach: Reach::default(),
            listeners: Listeners::default(),
            progress_period: Duration::from_secs(5),
            scrub: Some(scrub),
            manners,
            admission: Admission::default(),
            vigilance: Vigilance::default(),
        };
        let door = world.network.listen(self.at);
        let start = || Supervisor::start_node(settings, Socket::Simulated(door));
        // A state folder on a disk that does not work: then without.
        let supervisor = world.start(self.number, start);
        self.supervisor = supervisor.ok();
        self.ordered = 0;
    }

    /// SIGKILL, with or without the kernel's last words to its peers.
    pub fn kill(&mut self, world: &World, silently: bool) {
        world.network.set_absent(self.ip(), silently);
        self.supervisor = None;
        world.kill(self.number);
    }

    /// What it says of itself, if it is up to it.
    pub async fn report(&self, world: &World) -> Option<NodeReport> {
        if world.is_frozen(self.number) {
            return None;
        }
        let asked = self.supervisor.as_ref()?.send(QueryNode);
        timeout(Duration::from_secs(1), asked).await.ok()?.ok()
    }
}
