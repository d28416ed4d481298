//! The bounds that `docs/growth.md` reports for fleets of up to 10,000 nodes, kept where a test can
//! run them: the same network, fewer nodes and fewer pieces.

use super::{Config, Report, SECOND, Swarm, layout, seeds};

const PIECE: u64 = 256 << 10;

fn grow(nodes: u32, pieces: u64, seed: u64) -> Report {
    let config = Config::new(nodes, layout(pieces * PIECE, PIECE), seed);
    let mut swarm = Swarm::new(config, |node, _| node == 0);
    swarm.run(SECOND * 60, true);
    let report = swarm.report();
    println!(
        "{nodes} nodes, {pieces} pieces: {:.3} x the bound, p99/p50 {:.3}, {report:.3?}",
        report.over_bound(),
        report.spread()
    );
    assert_eq!(report.complete, nodes);
    assert_eq!(report.parts, 1);
    assert!(report.max_links <= 24);
    report
}

fn keeps_the_figures(report: &Report) {
    let (over, spread) = (report.over_bound(), report.spread());
    assert!(over <= 1.3, "the last node took {over} x the bound");
    assert!(spread <= 1.2, "p99 is {spread} x p50");
    let (copies, control) = (report.seed_copies, report.overhead);
    assert!(copies <= 1.3, "the seed sent {copies} copies");
    assert!(control < 0.01, "control bytes are {control} of the content");
    assert!(report.waste < 0.02, "{} wasted", report.waste);
}

#[test]
fn ten_nodes_finish_together_and_close_to_the_bound() {
    for seed in seeds(3) {
        keeps_the_figures(&grow(10, 512, seed));
    }
}

#[test]
fn a_hundred_nodes_finish_together_and_close_to_the_bound() {
    for seed in seeds(2) {
        keeps_the_figures(&grow(100, 768, seed));
    }
}

#[test]
fn three_hundred_nodes_finish_together_and_close_to_the_bound() {
    keeps_the_figures(&grow(300, 768, 1));
}

#[test]
fn a_have_costs_one_small_message_for_each_peer_that_lacks_the_piece() {
    let report = grow(60, 256, 1);
    // 9 bytes to each of the links, of which there are 24 at most; to the seed's again, since it
    // suggests.
    let most = 256 * 24 * 9 + 24 * 30;
    assert!(report.traffic.haves <= most, "{:?}", report.traffic);
}

#[test]
fn the_last_piece_never_waits_on_a_slow_holder() {
    for seed in seeds(2) {
        let run = |slow: &[u32]| {
            let config = Config::new(30, layout(512 * PIECE, PIECE), seed);
            let mut swarm = Swarm::new(config.clone(), |node, _| node == 0);
            // These take everything in, and send a hundredth of what others do.
            for &node in slow {
                swarm.set_rates(node, config.up / 100, config.down);
            }
            swarm.run(SECOND * 60, true);
            let report = swarm.report();
            assert_eq!(report.complete, 30);
            report.last.unwrap().as_secs_f64()
        };
        let (alone, with_slow) = (run(&[]), run(&[7, 19]));
        println!("{alone:.3} s, and with two slow holders {with_slow:.3} s");
        // Two of 30 lines are gone, which is 7 %; and the last of what only they passed on is asked
        // of others 0.4 s later, however slow they are: at their rate it would take 3 s.
        assert!(
            with_slow < alone * 1.07 + 0.5,
            "{with_slow} s instead of {alone} s"
        );
    }
}
