//! The node as a whole.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::report::NodeReport;

/// How the node is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The node's name on the wire, in this life.
    pub peer_id: String,
    /// Its name that outlives this process, which it proves to others; null without a fleet secret.
    #[serde(default)]
    #[schema(example = "4f1c0c5a7d0e4b6f8a9b0c1d2e3f4a5b")]
    pub node_id: Option<String>,
    /// Every link is secured by a fleet secret: who does not know it is not let in.
    #[serde(default)]
    pub secured: bool,
    /// Links that were not let in, in this life: strangers, and those that the access list denies.
    #[serde(default)]
    pub refused_links: u64,
    /// Where it listens for peers.
    #[schema(example = "0.0.0.0:6881")]
    pub listen: String,
    /// Its fleet; empty for the nameless one.
    pub fleet: String,
    /// How long it has been running, in seconds.
    pub uptime_seconds: f64,
    /// Every content is here and verified, and there is one.
    pub ready: bool,
    /// It has still to learn what its fleet shares.
    pub learning: bool,
    /// Bytes per second from peers and sources.
    pub down_rate: u64,
    /// Bytes per second to peers.
    pub up_rate: u64,
    /// Bytes of contents that were received in this life.
    pub received_bytes: u64,
    /// Bytes of contents that were sent to peers in this life.
    pub sent_bytes: u64,
    /// Pieces that came with a wrong hash in this life.
    pub rejected_pieces: u64,
    /// Pieces that were here and verified in this life, and were found damaged later: withdrawn, and fetched
    /// again.
    #[serde(default)]
    pub damaged_pieces: u64,
    /// Those of them that are right again.
    #[serde(default)]
    pub healed_pieces: u64,
    /// Bytes that were hashed again after the check at the start.
    #[serde(default)]
    pub scrubbed_bytes: u64,
    /// How often an actor panicked in this life.
    pub restarts: u64,
    /// How many contents it has.
    pub swarms: usize,
    /// How many of them are complete.
    pub swarms_complete: usize,
    /// Its links, those on which both ends have said who they are.
    pub links: usize,
    /// Whoever asked may change things.
    pub can_change: bool,
    /// What is logged; null where the log is the host application's.
    pub log: Option<String>,
    /// Its actors.
    pub actors: Vec<ActorStatus>,
    /// The process it runs in; null where the system does not say.
    pub process: Option<ProcessStatus>,
}

/// One kind of actor.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ActorStatus {
    /// What it is.
    #[schema(example = "storage")]
    pub actor: String,
    /// How long it took to answer when it was last asked, or since when it owes an answer, in seconds.
    pub mailbox_age_seconds: f64,
    /// How often one of the kind panicked in this life.
    pub restarts: u64,
}

/// The process that the node runs in.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ProcessStatus {
    /// Its number.
    pub pid: u32,
    /// Processor time that it used, in seconds.
    pub cpu_seconds: f64,
    /// Bytes of memory that it has in use.
    pub resident_bytes: u64,
    /// Bytes of addresses that it has.
    #[serde(default)]
    pub virtual_bytes: u64,
    /// Files and sockets that it has open.
    pub open_files: u64,
    /// How many it may have; null if there is no limit.
    #[serde(default)]
    pub open_files_limit: Option<u64>,
    /// Its threads.
    pub threads: u64,
    /// When it was started, in seconds since 1970.
    #[serde(default)]
    pub started_seconds: f64,
}

impl Status {
    /// What a report says, to somebody who may change things or not.
    pub(crate) fn of(
        report: &NodeReport,
        can_change: bool,
        log: Option<String>,
        process: Option<ProcessStatus>,
    ) -> Self {
        let actors = report.actors.iter().map(|actor| ActorStatus {
            actor: actor.name.to_owned(),
            mailbox_age_seconds: actor.mailbox_age.as_secs_f64(),
            restarts: actor.restarts,
        });
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            peer_id: report.peer_id.to_string(),
            node_id: report.node.map(|node| node.to_string()),
            secured: report.node.is_some(),
            refused_links: report.totals.refused.all(),
            listen: report.listen.to_string(),
            fleet: report.fleet.clone(),
            uptime_seconds: report.uptime.as_secs_f64(),
            ready: report.ready,
            learning: report.is_learning,
            down_rate: report.rates.down,
            up_rate: report.rates.up,
            received_bytes: report.totals.received,
            sent_bytes: report.totals.sent,
            rejected_pieces: report.totals.rejected,
            damaged_pieces: report.totals.damaged,
            healed_pieces: report.totals.healed,
            scrubbed_bytes: report.totals.scrubbed,
            restarts: report.totals.panics,
            swarms: report.swarms.len(),
            swarms_complete: report.swarms.iter().filter(|swarm| swarm.complete).count(),
            links: report.links.iter().filter(|link| link.ready).count(),
            can_change,
            log,
            actors: actors.collect(),
            process,
        }
    }
}
