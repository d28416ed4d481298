//! Runs swarms of growing size in virtual time and prints what came of them.
//!
//! `cargo run --release --features simulation --example simulate [MiB] [KiB per piece] [nodes...]`

use std::time::{Duration, Instant};

use swarmlet_protocol::layout::Layout;
use swarmlet_protocol::simulation::{Config, Swarm};

fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|word| word.parse::<u64>().ok());
    let size = numbers.next().unwrap_or(64) << 20;
    let piece_length = numbers.next().unwrap_or(256) << 10;
    let mut fleets: Vec<u64> = numbers.collect();
    if fleets.is_empty() {
        fleets = vec![10, 30, 100];
    }
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    let layout = match Layout::new(size, piece_length) {
        Ok(layout) => layout,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::exit(2);
        }
    };
    println!(
        "SEED={seed}, {} MiB in pieces of {} KiB",
        size >> 20,
        piece_length >> 10
    );
    println!(
        "{:>6} {:>8} {:>8} {:>8} {:>8} {:>11} {:>7} {:>12} {:>9} {:>6} {:>9}",
        "nodes",
        "bound",
        "last",
        "/bound",
        "p50",
        "p99",
        "seed",
        "control/node",
        "pex/node",
        "links",
        "real time"
    );
    for nodes in fleets {
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        let begun = Instant::now();
        let mut swarm = Swarm::new(Config::new(nodes, layout, seed), |node, _| node == 0);
        swarm.run(Duration::from_secs(3_600), true);
        let report = swarm.report();
        let seconds = |time: Option<Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64());
        let bound = report.bound.as_secs_f64();
        println!(
            "{:>6} {:>7.2}s {:>7.2}s {:>8.2} {:>7.2}s {:>10.2}s {:>7.2} {:>12} {:>9} {:>6} {:>8.1}s",
            nodes,
            bound,
            seconds(report.last),
            seconds(report.last) / bound,
            seconds(report.p50),
            seconds(report.p99),
            report.seed_copies,
            report.control,
            report.exchanges,
            report.max_links,
            begun.elapsed().as_secs_f64()
        );
    }
}
