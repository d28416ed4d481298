//! One schedule from its seed to its verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use swarmlet_actors::messages::report::{Held, NodeReport};
use tokio::time::sleep;

use crate::fleet::Fleet;
use crate::plan::{self, Plan};
use crate::world::{World, run, unexpected_panics};

/// How often all disks are looked at, and after how many looks all nodes are asked.
const LOOK: Duration = Duration::from_millis(200);
const LOOKS: u32 = 4;

/// 4 minutes after the last fault every file is whole: a scrub of 20 s finds what has rotten, and a
/// node that was sent wrong bytes speaks to their host again after one.
const WHOLE: u32 = 240;

/// 3 minutes later the fleet is one graph: a link that nobody uses, and whose other end went without a
/// word, is found out by the next keep-alive, after 100 s.
const LINKED: u32 = 180;

/// 10 s of nothing to do, in which each node may wake the world so often a second.
const IDLE: Duration = Duration::from_secs(10);
const WAKES: u64 = 100;

/// 3 minutes: within them what was to be sent on a link whose other end went without a word is given up, and
/// there is a moment in which no scrub reads.
const GIVEN_BACK: u32 = 180;

/// What came of a schedule.
pub struct Outcome {
    pub seed: u64,
    /// What was wrong, if anything was.
    pub wrong: Option<String>,
    pub trace: Vec<String>,
    pub befell: BTreeMap<String, u64>,
    /// Simulated time.
    pub time: Duration,
    /// How long it took, after the last fault, until all was whole.
    pub healing: Duration,
    pub most_sockets: usize,
    /// The most bytes of pieces that a node was seen to hold in memory.
    pub most_held: u64,
}

/// Runs the schedule of a seed.
pub fn play(seed: u64) -> Outcome {
    play_out(seed, plan::draw(seed))
}

/// Runs a schedule; what it leaves to chance comes from the seed.
pub fn play_out(seed: u64, plan: Plan) -> Outcome {
    run(seed, |world| async move {
        let mut fleet = Fleet::new(seed, plan, Rc::clone(&world));
        fleet.say(format!("{:?}", fleet.plan));
        let mut healing = Duration::ZERO;
        storm(&mut fleet).await;
        if fleet.judge.verdict().is_none() {
            healing = calm(&mut fleet, &world).await;
        }
        Outcome {
            seed,
            wrong: fleet.judge.verdict().or_else(unexpected_panics),
            time: world.time(),
            befell: std::mem::take(&mut fleet.befell),
            most_sockets: fleet.judge.most_sockets,
            most_held: fleet.judge.most_held,
            trace: std::mem::take(&mut fleet.trace),
            healing,
        }
    })
}

/// Everything that befalls the fleet, with a look at each step.
async fn storm(fleet: &mut Fleet) {
    let mut next_look = LOOK;
    let mut looks: u32 = 0;
    while let Some(next) = fleet.next()
        && fleet.judge.verdict().is_none()
    {
        let until = next.min(next_look);
        sleep(until.saturating_sub(fleet.world.time())).await;
        if fleet.next().is_some_and(|next| next <= fleet.world.time()) {
            fleet.act().await;
        }
        if next_look <= fleet.world.time() {
            next_look = fleet.world.time() + LOOK;
            looks += 1;
            fleet.look();
            fleet.say(fleet.state());
            if looks.is_multiple_of(LOOKS) {
                hear(fleet).await;
            }
        }
    }
}

/// No more faults: all becomes whole, linked and quiet, and ends.
async fn calm(fleet: &mut Fleet, world: &World) -> Duration {
    fleet.mend();
    let begun = world.time();
    if !until(fleet, WHOLE, |fleet, reports| {
        fleet.judge.is_whole() && reports.iter().all(|report| is_complete(fleet, report))
    })
    .await
    {
        let reports = hear(fleet).await;
        let waits = reports.iter().map(|report| {
            let swarms = report.as_ref().map(|report| {
                let swarms = report.swarms.iter();
                let swarms = swarms.map(|it| format!("{:?} {:?}", it.progress, it.waits));
                swarms.collect::<Vec<_>>()
            });
            format!("{swarms:?}")
        });
        let waits: Vec<_> = waits.collect();
        fleet.judge.condemn(format!(
            "{WHOLE} s after the last fault not all is whole: {}; {}",
            fleet.state(),
            waits.join("; ")
        ));
        return Duration::ZERO;
    }
    let healing = world.time() - begun;
    fleet.say(format!("whole after {healing:?}"));
    if !until(fleet, LINKED, |_, reports| is_one_graph(reports)).await {
        fleet.judge.condemn("the fleet is not one graph".to_owned());
        return healing;
    }
    let turns = world.turns();
    sleep(IDLE).await;
    let woken = world.turns() - turns;
    if woken > WAKES * IDLE.as_secs() * fleet.nodes.len() as u64 {
        fleet
            .judge
            .condemn(format!("an idle fleet woke {woken} times in {IDLE:?}"));
    }
    fleet.say(format!("woke {woken} times in {IDLE:?}"));
    // A scrub may read something at any moment.
    let holds_nothing =
        |report: &Option<NodeReport>| report.as_ref().is_some_and(|it| it.held == Held::default());
    let all = |_: &Fleet, reports: &[Option<NodeReport>]| reports.iter().all(holds_nothing);
    if !until(fleet, GIVEN_BACK, all).await {
        let held: Vec<_> = hear(fleet).await;
        let held: Vec<_> = held.iter().flatten().map(|it| it.held).collect();
        fleet
            .judge
            .condemn(format!("memory or permits are not given back: {held:?}"));
    }
    for node in 0..fleet.nodes.len() {
        fleet.stop(node, true).await;
    }
    healing
}

/// Looks every half a second until it is so, and so many seconds at most.
async fn until(
    fleet: &mut Fleet,
    seconds: u32,
    mut is_so: impl FnMut(&Fleet, &[Option<NodeReport>]) -> bool,
) -> bool {
    for _ in 0..2 * seconds {
        fleet.look();
        let reports = hear(fleet).await;
        fleet.say(fleet.state());
        if fleet.judge.verdict().is_some() || is_so(fleet, &reports) {
            return true;
        }
        sleep(Duration::from_millis(500)).await;
    }
    false
}

/// Asks all nodes, and judges what they say.
async fn hear(fleet: &mut Fleet) -> Vec<Option<NodeReport>> {
    let mut reports = Vec::new();
    for node in 0..fleet.nodes.len() {
        let report = fleet.nodes[node].report(&fleet.world).await;
        fleet.look();
        if let Some(report) = &report {
            fleet
                .judge
                .hear(&fleet.nodes[node], &fleet.contents, report);
        }
        reports.push(report);
    }
    reports
}

fn is_complete(fleet: &Fleet, report: &Option<NodeReport>) -> bool {
    let Some(report) = report else { return false };
    let is_whole = |swarm: &swarmlet_actors::messages::report::SwarmReport| {
        let progress = &swarm.progress;
        swarm.complete && progress.have == progress.pieces && progress.bytes == progress.size
    };
    report.swarms.len() == fleet.contents.len() && report.swarms.iter().all(is_whole)
}

/// Can every node be reached from every other, over links?
fn is_one_graph(reports: &[Option<NodeReport>]) -> bool {
    let reports: Vec<_> = reports.iter().flatten().collect();
    let mut reached = BTreeSet::from([0]);
    loop {
        let before = reached.len();
        for (number, report) in reports.iter().enumerate() {
            let ready = report.links.iter().filter(|link| link.ready);
            let peers = ready.filter_map(|link| {
                let mut others = reports.iter();
                others.position(|other| Some(other.peer_id) == link.peer_id)
            });
            let peers: Vec<_> = peers.collect();
            if reached.contains(&number) {
                reached.extend(peers);
            } else if peers.iter().any(|peer| reached.contains(peer)) {
                reached.insert(number);
            }
        }
        if reached.len() == reports.len() {
            return true;
        }
        if reached.len() == before {
            return false;
        }
    }
}
