//! `/metrics`: figures for Prometheus, in its text format and in that of OpenMetrics.
//!
//! Nothing is counted for it beside what the node counts anyway: each scrape is made of a report.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use actix_web::http::StatusCode;
use actix_web::http::header::ACCEPT;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use swarmlet_protocol::waiting::WaitCode;

use super::face::Inner;
use super::model::ProcessStatus;
use super::problem::Problem;
use super::process;
use crate::report::{LinkReport, NodeReport, SwarmReport};

/// Requests that were answered, by status.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<BTreeMap<u16, u64>>);

impl Requests {
    pub(super) fn count(&self, status: StatusCode) {
        *self.lock().entry(status.as_u16()).or_default() += 1;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, u64>> {
        // Numbers: a panic while it was held cannot have broken them.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Metrics for Prometheus
///
/// In the text format of Prometheus, or in that of OpenMetrics where `Accept` says so.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "metrics",
    responses(
        (status = 200, description = "The metrics", content_type = "text/plain", body = String),
        (status = 401, description = "A token is needed", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The host is not this machine", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The node stops", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn metrics(
    request: HttpRequest,
    inner: Data<Inner>,
) -> Result<HttpResponse, Problem> {
    let scrape = Scrape {
        report: inner.report().await?,
        process: process::status(),
        readers: inner.hub.readers(),
        requests: inner.requests.lock().clone(),
    };
    let mut registry = Registry::default();
    registry.register_collector(Box::new(scrape));
    let accept = request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let is_open = accept.is_some_and(|accept| accept.contains("application/openmetrics-text"));
    let mut body = String::new();
    let (encoded, media) = match is_open {
        true => (
            text::encode(&mut body, &registry),
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        ),
        false => (
            prometheus_text::encode(&mut body, &registry),
            "text/plain; version=0.0.4; charset=utf-8",
        ),
    };
    // Writing into a text does not fail.
    encoded.map_err(|_| Problem::busy("the metrics cannot be written"))?;
    Ok(HttpResponse::Ok().content_type(media).body(body))
}

/// All that one scrape shows.
#[derive(Debug)]
struct Scrape {
    report: NodeReport,
    process: Option<ProcessStatus>,
    readers: usize,
    requests: BTreeMap<u16, u64>,
}

/// The labels of one sample.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// Writes metrics.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn gauges<'l, N: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l>, N)>,
    ) -> fmt::Result {
        let mut encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in samples {
            ConstGauge::new(value).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn counters<'l, N: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l>, N)>,
    ) -> fmt::Result {
        let mut encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in samples {
            ConstCounter::new(value).encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauge<N: EncodeGaugeValue>(&mut self, name: &str, help: &str, value: N) -> fmt::Result {
        self.gauges(name, help, [(Vec::new(), value)])
    }

    fn counter<N: EncodeCounterValue>(&mut self, name: &str, help: &str, value: N) -> fmt::Result {
        self.counters(name, help, [(Vec::new(), value)])
    }
}

/// What is told of each content as it is now: name, help, and the figure.
type OfSwarm = (&'static str, &'static str, fn(&SwarmReport) -> f64);

const GAUGES: [OfSwarm; 9] = [
    (
        "swarm_size_bytes",
        "Bytes of the content that are wanted",
        |it| it.progress.size as f64,
    ),
    (
        "swarm_verified_bytes",
        "Bytes of these that are here and verified",
        |it| it.progress.bytes as f64,
    ),
    (
        "swarm_pieces",
        "Pieces of the content that are wanted",
        |it| f64::from(it.progress.pieces),
    ),
    (
        "swarm_verified_pieces",
        "Pieces of these that are here and verified",
        |it| f64::from(it.progress.have),
    ),
    (
        "swarm_unchecked_pieces",
        "Pieces on the disk that were not checked yet",
        |it| f64::from(it.progress.unchecked),
    ),
    (
        "swarm_pieces_without_holder",
        "Missing pieces that no linked peer has",
        |it| f64::from(it.progress.without_holder),
    ),
    (
        "swarm_complete",
        "1 if everything that is wanted is here and verified",
        |it| f64::from(u8::from(it.complete)),
    ),
    (
        "swarm_paused",
        "1 if an operator paused the content",
        |it| f64::from(u8::from(it.paused)),
    ),
    ("swarm_links", "Links of the content", |it| {
        f64::from(it.progress.links)
    }),
];

/// The same of what was counted in this life.
type CountOfSwarm = (&'static str, &'static str, fn(&SwarmReport) -> u64);

const COUNTERS: [CountOfSwarm; 3] = [
    (
        "swarm_received_bytes",
        "Bytes of the content that were received",
        |it| it.progress.received,
    ),
    (
        "swarm_sent_bytes",
        "Bytes of the content that were sent to peers",
        |it| it.progress.sent,
    ),
    (
        "swarm_source_received_bytes",
        "Bytes received from sources that are no peers",
        |it| it.progress.from_sources,
    ),
];

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut writer = Writer(encoder);
        self.node(&mut writer)?;
        self.swarms(&mut writer)?;
        self.peers(&mut writer)?;
        self.http(&mut writer)?;
        match &self.process {
            Some(process) => of_process(process, &mut writer),
            None => Ok(()),
        }
    }
}

impl Scrape {
    fn node(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let report = &self.report;
        let totals = &report.totals;
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        writer.gauges(
            "swarmlet_build_info",
            "1, with the program's version",
            [(version, 1)],
        )?;
        let ready = i64::from(report.ready);
        writer.gauge(
            "swarmlet_ready",
            "1 if every content is here and verified",
            ready,
        )?;
        writer.counter(
            "swarmlet_received_bytes",
            "Bytes of contents received",
            totals.received,
        )?;
        writer.counter(
            "swarmlet_sent_bytes",
            "Bytes of contents sent to peers",
            totals.sent,
        )?;
        writer.counter(
            "swarmlet_rejected_pieces",
            "Pieces that came with a wrong hash",
            totals.rejected,
        )?;
        writer.counter(
            "swarmlet_damaged_pieces",
            "Pieces that were verified and were found damaged later",
            totals.damaged,
        )?;
        writer.counter(
            "swarmlet_healed_pieces",
            "Damaged pieces that are right again",
            totals.healed,
        )?;
        writer.counter(
            "swarmlet_scrubbed_bytes",
            "Bytes that were hashed again after the check at the start",
            totals.scrubbed,
        )?;
        writer.gauge(
            "swarmlet_buffer_bytes",
            "Bytes of memory that hold pieces on their way",
            i64::try_from(report.held.buffers).unwrap_or(i64::MAX),
        )?;
        let node = report.node.map(|node| node.to_string());
        let node = node.as_deref().map(|node| (vec![("node_id", node)], 1));
        writer.gauges(
            "swarmlet_node_info",
            "1, with the id that the node proves by its key",
            node,
        )?;
        let refused = &totals.refused;
        let reasons = [
            ("plain", refused.plain),
            ("foreign-tls", refused.foreign_tls),
            ("unproved", refused.unproved),
            ("handshake", refused.handshake),
            ("denied", refused.denied),
        ];
        writer.counters(
            "swarmlet_refused_links",
            "Links of others that were not let in, by reason",
            reasons.map(|(reason, count)| (vec![("reason", reason)], count)),
        )?;
        writer.counter(
            "swarmlet_refused_dials",
            "Links that we dialed and that the other side refused, or could not secure",
            refused.by_peers,
        )?;
        writer.counter(
            "swarmlet_double_node_ids",
            "Nodes that had the id of another one",
            totals.doubles,
        )?;
        let actors = &report.actors;
        writer.counters(
            "swarmlet_actor_restarts",
            "Panics of actors, by kind",
            actors
                .iter()
                .map(|actor| (vec![("actor", actor.name)], actor.restarts)),
        )?;
        writer.gauges(
            "swarmlet_actor_mailbox_age_seconds",
            "How long an actor takes to answer",
            actors
                .iter()
                .map(|actor| (vec![("actor", actor.name)], actor.mailbox_age.as_secs_f64())),
        )?;
        let banned = report.bans.len() as i64;
        writer.gauge(
            "swarmlet_banned_hosts",
            "Hosts that are not spoken to",
            banned,
        )
    }

    fn swarms(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let swarms: Vec<_> = self
            .report
            .swarms
            .iter()
            .map(|swarm| (named(swarm), swarm))
            .collect();
        for (name, help, figure) in GAUGES {
            let samples = swarms
                .iter()
                .map(|(names, swarm)| (labels(names), figure(swarm)));
            writer.gauges(&format!("swarmlet_{name}"), help, samples)?;
        }
        for (name, help, figure) in COUNTERS {
            let samples = swarms
                .iter()
                .map(|(names, swarm)| (labels(names), figure(swarm)));
            writer.counters(&format!("swarmlet_{name}"), help, samples)?;
        }
        let waiting = swarms.iter().flat_map(|(names, swarm)| {
            WaitCode::ALL.into_iter().map(move |code| {
                let mut labels = labels(names);
                labels.push(("code", code.as_str()));
                let waits = swarm.waits.iter().any(|wait| wait.code == code);
                (labels, i64::from(waits))
            })
        });
        writer.gauges(
            "swarmlet_swarm_waiting",
            "1 for each reason why the content waits",
            waiting,
        )
    }

    fn peers(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let report = &self.report;
        let hashes: Vec<_> = report.swarms.iter().map(|swarm| swarm.info_hash).collect();
        let texts: Vec<_> = hashes.iter().map(ToString::to_string).collect();
        let counted = hashes.iter().zip(&texts).flat_map(|(hash, text)| {
            CLASSES.map(|(class, fleet)| {
                let is_one = |link: &&LinkReport| {
                    link.info_hash == Some(*hash) && link.ready && link.fleet == fleet
                };
                let count = report.links.iter().filter(is_one).count();
                (
                    vec![("infohash", text.as_str()), ("class", class)],
                    count as i64,
                )
            })
        });
        writer.gauges(
            "swarmlet_peers",
            "Peers that are linked, by content and class",
            counted,
        )?;
        let totals = &report.totals;
        let of = |class: &'static str| vec![("class", class)];
        writer.counters(
            "swarmlet_peer_received_bytes",
            "Bytes received, by class of peer",
            [
                (of("fleet"), totals.fleet.0),
                (of("foreign"), totals.foreign.0),
                (of("source"), totals.from_sources),
            ],
        )?;
        writer.counters(
            "swarmlet_peer_sent_bytes",
            "Bytes sent, by class of peer",
            [
                (of("fleet"), totals.fleet.1),
                (of("foreign"), totals.foreign.1),
            ],
        )?;
        let round_trips = CLASSES.into_iter().filter_map(|(class, fleet)| {
            let of_class = report.links.iter().filter(|link| link.fleet == fleet);
            let mut times: Vec<_> = of_class.filter_map(|link| link.round_trip).collect();
            times.sort_unstable();
            Some((of(class), times.get(times.len() / 2)?.as_secs_f64()))
        });
        writer.gauges(
            "swarmlet_peer_round_trip_seconds",
            "Median round trip of the links of a class",
            round_trips,
        )
    }

    fn http(&self, writer: &mut Writer<'_>) -> fmt::Result {
        let readers = self.readers as i64;
        writer.gauge(
            "swarmlet_event_readers",
            "Readers of the event stream",
            readers,
        )?;
        let read = self.report.totals.read;
        writer.counter(
            "swarmlet_content_read_bytes",
            "Bytes of contents read over HTTP",
            read,
        )?;
        let requests: Vec<_> = self
            .requests
            .iter()
            .map(|(code, &count)| (code.to_string(), count))
            .collect();
        let samples = requests
            .iter()
            .map(|(code, count)| (vec![("code", code.as_str())], *count));
        writer.counters(
            "swarmlet_http_requests",
            "Requests answered, by status",
            samples,
        )
    }
}

/// The classes of peers, and whether they are swarmlets.
const CLASSES: [(&str, bool); 2] = [("fleet", true), ("foreign", false)];

/// The infohash and the name of a content; the name is empty while it is not known.
fn named(swarm: &SwarmReport) -> (String, String) {
    let name = swarm.info.as_ref().map(|info| info.name().to_owned());
    (swarm.info_hash.to_string(), name.unwrap_or_default())
}

fn labels(names: &(String, String)) -> Labels<'_> {
    vec![("infohash", &names.0), ("name", &names.1)]
}

/// What Prometheus' own clients say of a process, under the names that they use.
fn of_process(process: &ProcessStatus, writer: &mut Writer<'_>) -> fmt::Result {
    writer.counter(
        "process_cpu_seconds",
        "Processor time used",
        process.cpu_seconds,
    )?;
    let gauges = [
        (
            "process_resident_memory_bytes",
            "Memory in use",
            process.resident_bytes as f64,
        ),
        (
            "process_virtual_memory_bytes",
            "Addresses in use",
            process.virtual_bytes as f64,
        ),
        (
            "process_open_fds",
            "Open files and sockets",
            process.open_files as f64,
        ),
        ("process_threads", "Threads", process.threads as f64),
        (
            "process_start_time_seconds",
            "Start, in seconds since 1970",
            process.started_seconds,
        ),
    ];
    for (name, help, value) in gauges {
        writer.gauge(name, help, value)?;
    }
    match process.open_files_limit {
        Some(limit) => writer.gauge("process_max_fds", "Files and sockets allowed", limit as f64),
        None => Ok(()),
    }
}
