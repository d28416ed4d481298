//! A node that ends when everything is here, and serves for a while before that.

use rustix::process::Signal;

use crate::Scene;
use crate::support;
use crate::support::handful::Has;

#[test]
fn a_node_serves_for_the_time_that_was_asked_for_and_ends_with_status_0() {
    let _turn = support::take_turn();
    let mut scene = Scene::new("seed for");
    let seed = scene.add(Has::File, &["--exit-when-complete", "--seed-for", "100d"]);
    let leecher = scene.add(Has::Nothing, &["--exit-when-complete", "--seed-for", "1s"]);
    scene.start(seed);
    scene
        .handful
        .wait_for_log(seed, "complete; serving for 100 d");
    scene.start(leecher);
    scene.ends_with(leecher, 0);
    assert_eq!(
        scene
            .handful
            .lines_with(leecher, "complete; serving for 1 s"),
        1
    );
    scene.send(seed, Signal::TERM);
    scene.ends_with(seed, 0);
}

#[test]
fn the_time_starts_anew_when_pieces_were_lost() {
    let _turn = support::take_turn();
    let mut scene = Scene::new("lost");
    let seed = scene.add(Has::File, &[]);
    let other = scene.add(Has::File, &["--exit-when-complete", "--seed-for", "100d"]);
    scene.start(seed);
    scene.start(other);
    scene.handful.wait_for_log(other, "complete; serving for");
    let data = scene.node(other).files.data.clone();
    let data = std::fs::File::options().write(true).open(data).unwrap();
    data.set_len(1).unwrap();
    support::wait_for(
        "the time starts anew",
        || scene.handful.lines_with(other, "complete; serving for") == 2,
        || scene.logs(),
    );
    scene.send(other, Signal::INT);
    scene.ends_with(other, 0);
}

#[test]
fn the_variables_of_these_flags_stand_for_them() {
    let mut scene = Scene::new("variables");
    let launcher = [
        "env",
        "SWARMLET_EXIT_WHEN_COMPLETE=true",
        "SWARMLET_SEED_FOR=1s",
        "SWARMLET_BEFORE_EXEC=false",
    ];
    let node = scene.add_launched(Has::File, &[], &launcher);
    scene.start(node);
    scene.ends_with(node, 0);
    assert_eq!(scene.handful.lines_with(node, "serving for 1 s"), 1);
}
