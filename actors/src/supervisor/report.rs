//! Reports of the whole node, put together from what several actors say.

use std::sync::Arc;
use std::time::Duration;

use actix::{Handler, ResponseFuture};
use swarmlet_protocol::id::InfoHash;
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::picker::PieceState;
use swarmlet_protocol::waiting::{Situation, reasons};
use tokio::time::timeout;

use super::places::Kept;
use super::{Supervisor, SwarmActors};
use crate::counters::{self, Counters};
use crate::maps::HashMap;
use crate::messages::report::{
    ActorReport, Figures, Held, LinkReport, Linked, NodeReport, QueryFigures, QueryLinks,
    QueryNode, QueryPieces, QuerySwarm, Rates, Refused, SwarmReport, SwarmState, Totals,
};
use crate::transport::Security;

/// 2 s: what an actor may take to answer for a report; what it does not say by then is left out. The
/// report says which one is late, by the age of its mailbox.
const PATIENCE: Duration = Duration::from_secs(2);

impl Supervisor {
    fn report(&self) -> impl Future<Output = NodeReport> + use<> {
        let children = self.children.as_ref();
        let figures = children.map(|children| children.watchdog.send(QueryFigures));
        let linked = children.map(|children| children.discovery.send(QueryLinks));
        let ask = |(&info_hash, swarm): (&InfoHash, &SwarmActors)| {
            let mut added = self.words.added.iter();
            let is_added = added.any(|added| added.info_hash == info_hash);
            let known = known(info_hash, swarm, is_added);
            (known, swarm.scheduler.send(QuerySwarm))
        };
        let asked: Vec<_> = self.swarms.iter().map(ask).collect();
        let counters = Arc::clone(&self.counters);
        let is_learning = self.is_learning();
        let node = self.security.as_ref().map(Security::node);
        let head = (
            self.peer_id,
            self.settings.listen,
            self.settings.fleet.clone(),
        );
        let uptime = self
            .clock
            .now()
            .since(swarmlet_protocol::time::Timestamp::ZERO);
        let (buffers, disk) = (self.buffers.clone(), self.disk.clone());
        async move {
            let figures = heard(figures).await;
            let Linked { links, bans } = heard(linked).await;
            let links = with_figures(links, &figures);
            let mut swarms = Vec::with_capacity(asked.len());
            for (known, asked) in asked {
                let state = heard(Some(asked)).await;
                swarms.push(filled(known, state, &figures, &links));
            }
            let complete = |swarm: &SwarmReport| swarm.complete && swarm.refused.is_none();
            let (peer_id, listen, fleet) = head;
            NodeReport {
                peer_id,
                node,
                listen,
                fleet,
                uptime,
                ready: !is_learning && !swarms.is_empty() && swarms.iter().all(complete),
                is_learning,
                totals: totals(&counters),
                rates: figures.rates,
                swarms,
                links,
                actors: actors(&figures, &counters),
                bans,
                held: Held {
                    buffers: buffers.bytes_out() as u64,
                    lent: disk.lent() as u64,
                    jobs: disk.permits_out(),
                },
            }
        }
    }

    /// Has this node still to learn what its fleet shares?
    pub(super) fn is_learning(&self) -> bool {
        let learns = self.settings.place.is_some();
        let of_fleet = self.swarms.values().find(|swarm| swarm.is_of_fleet);
        learns && self.removed.is_empty() && of_fleet.is_none_or(|swarm| swarm.info.is_none())
    }
}

/// An answer, or nothing of one that does not come.
async fn heard<T: Default>(
    answer: Option<impl Future<Output = Result<T, actix::MailboxError>>>,
) -> T {
    match answer {
        Some(answer) => {
            let answer = timeout(PATIENCE, answer).await;
            answer.ok().and_then(Result::ok).unwrap_or_default()
        }
        None => T::default(),
    }
}

/// What the supervisor itself knows of a swarm.
fn known(info_hash: InfoHash, swarm: &SwarmActors, is_added: bool) -> SwarmReport {
    let whole = |kept: &Kept| std::path::absolute(&kept.path).unwrap_or_else(|_| kept.path.clone());
    SwarmReport {
        info_hash,
        info: swarm.info.clone(),
        selection: swarm.selection.clone(),
        place: swarm.kept.as_ref().map(whole),
        configured: swarm.configured && !is_added,
        paused: swarm.paused,
        refused: swarm.refused.clone(),
        progress: Default::default(),
        complete: false,
        rates: Rates::default(),
        waits: Vec::new(),
        map: Default::default(),
        trackers: swarm.trackers.clone(),
        sources: swarm.sources.iter().map(|(url, _)| url.clone()).collect(),
    }
}

/// The links with what the watchdog measured of them.
fn with_figures(mut links: Vec<LinkReport>, figures: &Figures) -> Vec<LinkReport> {
    let measured: HashMap<_, _> = figures
        .links
        .iter()
        .map(|&(link, rates, round_trip)| (link, (rates, round_trip)))
        .collect();
    for link in &mut links {
        if let Some(&(rates, round_trip)) = measured.get(&link.link) {
            link.rates = rates;
            link.round_trip = round_trip;
        }
    }
    links
}

/// A swarm with what its scheduler, the watchdog and its links say.
fn filled(
    known: SwarmReport,
    state: SwarmState,
    figures: &Figures,
    links: &[LinkReport],
) -> SwarmReport {
    let of_swarm = |(swarm, _): &&(InfoHash, Rates)| *swarm == known.info_hash;
    let rates = figures.swarms.iter().find(of_swarm);
    let rates = rates.map(|&(_, rates)| rates).unwrap_or_default();
    let waits = reasons(&situation(&known, &state, rates, links));
    SwarmReport {
        progress: state.progress,
        complete: state.complete,
        map: state.map,
        rates,
        waits,
        ..known
    }
}

/// What the reasons for waiting follow from.
fn situation(
    report: &SwarmReport,
    state: &SwarmState,
    rates: Rates,
    links: &[LinkReport],
) -> Situation {
    let progress = &state.progress;
    let of_swarm = |link: &&LinkReport| link.info_hash == Some(report.info_hash) && link.ready;
    let useful = |link: &&LinkReport| link.standing.interested;
    let links: Vec<_> = links.iter().filter(of_swarm).collect();
    let useful: Vec<_> = links.iter().copied().filter(useful).collect();
    Situation {
        paused: report.paused,
        refused: report.refused.clone(),
        known: progress.known,
        pieces: progress.pieces,
        unchecked: progress.unchecked,
        missing: progress
            .pieces
            .saturating_sub(progress.have.saturating_add(progress.unchecked)),
        trouble: progress.paused.clone(),
        waits_for_turn: state.waits_for_turn,
        links: links.len() as u32,
        useful: useful.len() as u32,
        choking: useful.iter().filter(|link| link.standing.choked).count() as u32,
        without_holder: progress.without_holder,
        first_without_holder: state.first_without_holder.map(PieceIndex::get),
        leased: state.leased,
        down_rate: rates.down,
        sources: state.sources,
    }
}

fn totals(counters: &Counters) -> Totals {
    Totals {
        received: counters.received.get(),
        sent: counters.sent.get(),
        fleet: counters.fleet.get(),
        foreign: counters.foreign.get(),
        from_sources: counters.from_sources.get(),
        read: counters.read.get(),
        rejected: counters.rejected.get(),
        damaged: counters.damaged.get(),
        healed: counters.healed.get(),
        scrubbed: counters.scrubbed.get(),
        refused: refused(&counters.refused),
        doubles: counters.doubles.get(),
        panics: counters.panics.get(),
    }
}

fn refused(counters: &counters::Refused) -> Refused {
    Refused {
        plain: counters.plain.get(),
        foreign_tls: counters.foreign_tls.get(),
        unproved: counters.unproved.get(),
        handshake: counters.handshake.get(),
        denied: counters.denied.get(),
        by_peers: counters.by_peers.get(),
    }
}

/// The actors that are watched, the oldest mailbox of each kind, and the others that started anew.
fn actors(figures: &Figures, counters: &Counters) -> Vec<ActorReport> {
    let mut actors: Vec<ActorReport> = Vec::new();
    let anew = counters.restarts.all();
    let names = anew.iter().map(|&(name, _)| (name, Duration::ZERO));
    for (name, mailbox_age) in figures.mailboxes.iter().copied().chain(names) {
        match actors.iter_mut().find(|actor| actor.name == name) {
            Some(actor) => actor.mailbox_age = actor.mailbox_age.max(mailbox_age),
            None => actors.push(ActorReport {
                name,
                mailbox_age,
                restarts: counters.restarts.of(name),
            }),
        }
    }
    actors.sort_by_key(|actor| actor.name);
    actors
}

impl Handler<QueryNode> for Supervisor {
    type Result = ResponseFuture<NodeReport>;

    fn handle(&mut self, _: QueryNode, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.report())
    }
}

impl Handler<QueryPieces> for Supervisor {
    type Result = ResponseFuture<Vec<PieceState>>;

    fn handle(&mut self, query: QueryPieces, _: &mut Self::Context) -> Self::Result {
        let swarm = self.swarms.get(&query.info_hash);
        let asked = swarm.map(|swarm| swarm.scheduler.send(query));
        Box::pin(heard(asked))
    }
}
