//! How fast fleets settle: `cargo bench --bench scenarios -- [--rounds N] [--markdown] [FILTER]`.
//!
//! Every scenario at full size with the release build, as processes on loopback addresses, and
//! the time from exec to listening, and to a checked file of 1 GiB. Each round has another seed; the table has the median and
//! the slowest round. It judges nothing: a scenario that does not settle is a line in the table.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::net::TcpStream;
use std::time::{Duration, Instant};

use support::churn::Way;
use support::fleet::{Fleet, Report};
use support::ideal;
use support::measure::Sockets;
use support::plan::{self, FULL_SIZES, FULL_TOTAL, Plan};

/// Rounds of each scenario: the least that has a median which one outlier does not move.
const DEFAULT_ROUNDS: usize = 3;

/// Rounds of the ideal fleet, which exists on paper only: enough for a median that stands still.
const IDEAL_ROUNDS: usize = 201;

/// Rounds of the start of one node, which takes milliseconds.
const START_ROUNDS: usize = 20;

/// A start that takes longer than this has failed.
const START_PATIENCE: Duration = Duration::from_secs(5);

/// A start on a file that is right already, in the page cache.
const CHECK: &str = "start to 1 GiB checked";
const CHECK_SIZE: usize = 1 << 30;
const CHECK_PART: usize = 256 * 1024;
/// What a node logs when it has all.
const CHECKED: &str = "every piece is verified";

type Make = Box<dyn Fn(&mut fastrand::Rng) -> Plan>;

/// What the command line asks for.
struct Options {
    rounds: usize,
    is_markdown: bool,
    filter: String,
}

fn main() {
    let options = options();
    let _turn = support::take_turn();
    let mut rng = support::seeded("benchmark");
    let mut rows = Vec::new();
    for (way, make) in scenarios() {
        let name = format!("{} {}", make(&mut rng.clone()).name, way.name());
        if !name.contains(&options.filter) {
            continue;
        }
        let rounds: Vec<_> = (0..options.rounds)
            .map(|_| round(way, &make, &mut rng))
            .collect();
        let ideal = ideal(way, &make, &mut rng);
        rows.push(row(name, rounds, ideal));
        eprintln!("{}", rows[rows.len() - 1].join("  "));
    }
    if "exec to listening".contains(&options.filter) {
        rows.push(exec_to_listening(&mut rng));
    }
    if CHECK.contains(&options.filter) {
        rows.push(check(options.rounds, &mut rng));
    }
    print_table(&rows, options.is_markdown);
}

fn options() -> Options {
    let mut options = Options {
        rounds: DEFAULT_ROUNDS,
        is_markdown: false,
        filter: String::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo adds this one.
            "--bench" => {}
            "--markdown" => options.is_markdown = true,
            "--rounds" => {
                let rounds = arguments.next().and_then(|rounds| rounds.parse().ok());
                options.rounds = rounds.expect("--rounds takes a number");
            }
            _ => options.filter = argument,
        }
    }
    assert!(options.rounds > 0, "--rounds takes a number from 1");
    options
}

fn scenarios() -> Vec<(Way, Make)> {
    let mut all: Vec<(Way, Make)> = Vec::new();
    for count in [2, 3, 5, 10] {
        all.push((
            Way::Calm,
            Box::new(move |rng| plan::simple_random(rng, count)),
        ));
    }
    for count in [4, 8, 16] {
        all.push((
            Way::Calm,
            Box::new(move |rng| plan::many_source(rng, count, FULL_SIZES)),
        ));
    }
    for count in [9, 30, 60] {
        all.push((
            Way::Calm,
            Box::new(move |rng| plan::simple_extra(rng, count, FULL_TOTAL)),
        ));
    }
    let fast = [
        Way::Random(Duration::from_millis(200)),
        Way::Epochs(Duration::from_secs(1)),
    ];
    let slow = [
        Way::Random(Duration::from_secs(1)),
        Way::Epochs(Duration::from_secs(3)),
    ];
    for count in [4, 8, 14] {
        for way in fast {
            all.push((
                way,
                Box::new(move |rng| plan::restarts(rng, count, FULL_SIZES)),
            ));
        }
    }
    for count in [4, 8, 14] {
        for way in slow {
            all.push((
                way,
                Box::new(move |rng| plan::restarts_discovery(rng, count, FULL_SIZES)),
            ));
        }
    }
    for count in [4, 8, 14] {
        for way in slow {
            all.push((
                way,
                Box::new(move |rng| plan::self_discovery(rng, count, FULL_SIZES)),
            ));
        }
    }
    all.push((
        Way::Storm,
        Box::new(|rng| plan::self_discovery(rng, 14, FULL_SIZES)),
    ));
    all
}

fn round(way: Way, make: &Make, rng: &mut fastrand::Rng) -> Result<Report, String> {
    let plan = make(rng);
    let mut fleet = Fleet::lay_out(plan, rng);
    let report = fleet.settle(way, rng)?;
    fleet.kill_and_compare();
    Ok(report)
}

fn row(name: String, rounds: Vec<Result<Report, String>>, ideal: String) -> Vec<String> {
    let all = rounds.len();
    let mut reports = Vec::new();
    for round in rounds {
        match round {
            Ok(report) => reports.push(report),
            Err(complaint) => eprintln!("{complaint}"),
        }
    }
    let times = sorted(reports.iter().map(|report| report.settled).collect());
    let links = reports
        .iter()
        .map(|report| report.most_links)
        .max()
        .unwrap_or(0);
    let memory = reports
        .iter()
        .map(|report| report.most_memory)
        .max()
        .unwrap_or(0);
    vec![
        name,
        format!("{} of {all}", reports.len()),
        median(&times).map_or_else(|| "-".into(), seconds),
        times.last().copied().map_or_else(|| "-".into(), seconds),
        ideal,
        links.to_string(),
        format!("{:.1}", memory as f64 / 1048576.0),
    ]
}

/// From the start of the process until the port takes connections.
fn exec_to_listening(rng: &mut fastrand::Rng) -> Vec<String> {
    let plan = plan::simple_docker_compose(rng);
    let mut fleet = Fleet::lay_out(plan, rng);
    let ip = fleet.subnet.ip(0);
    let node = &mut fleet.nodes[0];
    let mut times = Vec::new();
    for _ in 0..START_ROUNDS {
        let begin = Instant::now();
        node.start();
        // On loopback, a port that nobody listens on refuses at once: this is a fine clock.
        while TcpStream::connect(node.address).is_err() && begin.elapsed() < START_PATIENCE {
            std::thread::sleep(Duration::from_micros(500));
        }
        let time = begin.elapsed();
        if Sockets::look().is_listening(ip, node.address.port()) {
            times.push(time);
        }
        node.kill();
    }
    let times = sorted(times);
    vec![
        "exec to listening".into(),
        format!("{} of {START_ROUNDS}", times.len()),
        median(&times).map_or_else(|| "-".into(), seconds),
        times.last().copied().map_or_else(|| "-".into(), seconds),
        "-".into(),
        "-".into(),
        "-".into(),
    ]
}

/// From the start of a process whose file is right to its word that every piece is verified.
fn check(rounds: usize, rng: &mut fastrand::Rng) -> Vec<String> {
    let plan = plan::one_seed(rng, 1, CHECK_SIZE, CHECK_PART);
    let mut fleet = Fleet::lay_out(plan, rng);
    let node = &mut fleet.nodes[0];
    let mut times = Vec::new();
    for _ in 0..rounds {
        let begin = Instant::now();
        let before = node.log().matches(CHECKED).count();
        node.start();
        while node.log().matches(CHECKED).count() == before && begin.elapsed() < START_PATIENCE {
            std::thread::sleep(Duration::from_millis(1));
        }
        if node.log().matches(CHECKED).count() > before {
            times.push(begin.elapsed());
        }
        node.kill();
    }
    let times = sorted(times);
    vec![
        CHECK.into(),
        format!("{} of {rounds}", times.len()),
        median(&times).map_or_else(|| "-".into(), seconds),
        times.last().copied().map_or_else(|| "-".into(), seconds),
        "-".into(),
        "-".into(),
        "-".into(),
    ]
}

/// The median of what an engine that costs nothing needs in the same kind of churn.
fn ideal(way: Way, make: &Make, rng: &mut fastrand::Rng) -> String {
    if matches!(way, Way::Calm) {
        return "-".into();
    }
    let times = (0..IDEAL_ROUNDS).map(|_| ideal::settle(&make(rng), way, rng));
    median(&sorted(times.collect())).map_or_else(|| "-".into(), seconds)
}

fn sorted(mut times: Vec<Duration>) -> Vec<Duration> {
    times.sort();
    times
}

fn median(times: &[Duration]) -> Option<Duration> {
    times.get(times.len() / 2).copied()
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}

fn print_table(rows: &[Vec<String>], is_markdown: bool) {
    let heads = [
        "scenario",
        "settled",
        "median s",
        "slowest s",
        "ideal s",
        "most links",
        "most MiB",
    ];
    let mut lines = vec![heads.map(String::from).to_vec()];
    lines.extend_from_slice(rows);
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].len())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"))
            .collect();
        match is_markdown {
            true => println!("| {} |", cells.join(" | ")),
            false => println!("{}", cells.join("  ").trim_end()),
        }
        if is_markdown && number == 0 {
            println!("|{}|", vec!["---"; heads.len()].join("|"));
        }
    }
}
