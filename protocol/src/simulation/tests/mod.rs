//! Scenarios. Seeds are printed; `SEED` in the environment runs that one alone.

use std::time::Duration;

use super::{Config, Report, Swarm};
use crate::layout::Layout;

mod growth;

const SECOND: Duration = Duration::from_secs(1);

fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let only: Option<u64> = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let all = only.map_or(0..count, |seed| seed..seed + 1);
    all.inspect(|seed| println!("SEED={seed}"))
}

fn layout(size: u64, piece_length: u64) -> Layout {
    Layout::new(size, piece_length).unwrap()
}

fn seconds(time: Option<Duration>) -> f64 {
    time.map_or(f64::INFINITY, |time| time.as_secs_f64())
}

fn finish(swarm: &mut Swarm, limit: u64) -> Report {
    swarm.run(SECOND * limit as u32, true);
    let report = swarm.report();
    println!("{report:.2?}");
    assert!(
        swarm.is_complete(),
        "{} of {}",
        report.complete,
        report.nodes
    );
    assert!(report.max_links <= 24);
    report
}

#[test]
fn one_seed_makes_all_nodes_complete_and_sends_little_more_than_one_copy() {
    for seed in seeds(2) {
        for (nodes, size, piece_length) in [(10, 16 << 20, 64 << 10), (60, 16 << 20, 128 << 10)] {
            let mut config = Config::new(nodes, layout(size, piece_length), seed);
            config.check_every = 101;
            let mut swarm = Swarm::new(config, |node, _| node == 0);
            let report = finish(&mut swarm, 60);
            assert!(report.seed_copies < 1.3, "{} copies", report.seed_copies);
            assert!(report.waste < 0.1, "{} wasted", report.waste);
            assert_eq!(report.parts, 1);
        }
    }
}

#[test]
fn scattered_pieces_meet_everywhere() {
    for seed in seeds(2) {
        let mut config = Config::new(20, layout(16 << 20, 64 << 10), seed);
        config.check_every = 101;
        let mut swarm = Swarm::new(config, |node, piece| piece.get() % 20 == node);
        let report = finish(&mut swarm, 60);
        assert!(report.waste < 0.1, "{} wasted", report.waste);
        assert!(seconds(report.last) < 5.0);
    }
}

#[test]
fn a_fleet_of_which_half_dies_each_second_settles() {
    for seed in seeds(2) {
        let mut config = Config::new(12, layout(64 << 20, 256 << 10), seed);
        // Ten seconds of bytes in lives of one.
        (config.up, config.down) = (6 << 20, 6 << 20);
        config.check_every = 101;
        let mut swarm = Swarm::new(config, |node, piece| piece.get() % 12 == node);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut epochs = 0;
        while epochs < 60 && !(epochs > 3 && swarm.is_complete()) {
            epochs += 1;
            swarm.run(SECOND, false);
            let dead: Vec<u32> = (0..12).filter(|_| rng.bool()).collect();
            dead.iter().for_each(|&node| swarm.kill(node));
            swarm.run(Duration::from_millis(100), false);
            dead.iter().for_each(|&node| swarm.start(node));
        }
        println!("{epochs} epochs");
        finish(&mut swarm, 20);
        assert!((9..40).contains(&epochs), "{epochs} epochs");
        swarm.run(3 * SECOND, false);
        assert_eq!(swarm.report().parts, 1);
    }
}

#[test]
fn a_piece_that_nobody_has_costs_nothing() {
    for seed in seeds(2) {
        let mut config = Config::new(10, layout(4 << 20, 64 << 10), seed);
        config.check_every = 101;
        let mut swarm = Swarm::new(config, |node, piece| node < 3 && piece.get() != 7);
        swarm.run(20 * SECOND, true);
        assert!(!swarm.is_complete());
        assert!(swarm.pickers_are_idle());
        let before = swarm.control_messages();
        swarm.run(60 * SECOND, true);
        let after = swarm.control_messages();
        // A link that comes or goes changes interest, and nothing else happens.
        println!(
            "{before} messages, and {} in a minute of waiting",
            after - before
        );
        assert!(after - before < 100);
        assert!(swarm.pickers_are_idle());
    }
}

#[test]
fn a_slow_holder_holds_nothing_up_while_another_is_connected() {
    for seed in seeds(3) {
        for slow in [0, 10 << 10, 200 << 10] {
            let mut config = Config::new(3, layout(16 << 20, 64 << 10), seed);
            config.check_every = 11;
            let mut swarm = Swarm::new(config, |node, _| node > 0);
            swarm.set_rates(2, slow, 125_000_000);
            let report = finish(&mut swarm, 60);
            let alone = f64::from(16 << 20) / 125e6;
            assert!(
                seconds(report.last) < alone + 2.0 + 0.2,
                "{slow} B/s: {:?}",
                report.last
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut swarm = Swarm::new(
            Config::new(12, layout(4 << 20, 64 << 10), seed),
            |node, _| node == 0,
        );
        swarm.run(30 * SECOND, false);
        swarm.report()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_fleet_at_rest_stays_one_graph_within_its_bounds() {
    for seed in seeds(1) {
        let config = Config::new(60, layout(1 << 20, 64 << 10), seed);
        let mut swarm = Swarm::new(config, |node, _| node == 0);
        for _ in 0..15 {
            swarm.run(2 * SECOND, false);
            let report = swarm.report();
            assert_eq!(report.parts, 1);
            assert!(report.max_links <= 24);
        }
        assert!(swarm.is_complete());
        // Complete nodes let go of links that they do not need.
        assert!(swarm.report().max_links <= 12, "{:?}", swarm.report());
        println!("{:.2?}", swarm.report());
    }
}
