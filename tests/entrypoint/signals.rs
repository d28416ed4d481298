//! Signals: to the command while it runs, to the node before.

use rustix::process::Signal;

use crate::support::handful::Has;
use crate::{BLOCKING, Scene, WAIT};

/// What is passed on, and what scripts call it.
const FORWARDED: [(Signal, &str); 7] = [
    (Signal::TERM, "TERM"),
    (Signal::INT, "INT"),
    (Signal::HUP, "HUP"),
    (Signal::QUIT, "QUIT"),
    (Signal::USR1, "USR1"),
    (Signal::USR2, "USR2"),
    (Signal::WINCH, "WINCH"),
];

/// Writes down every signal, until it is told to stop.
fn listening() -> String {
    let traps = FORWARDED.map(|(_, name)| format!("trap 'echo {name} >> out' {name}\n"));
    let traps = traps.concat();
    format!("{traps}echo ready >> out\n{WAIT}exit 5")
}

#[test]
fn a_command_hears_every_signal_as_often_as_the_node_does() {
    let mut scene = Scene::new("signals");
    let node = scene.add_with_script(&listening());
    scene.start(node);
    let mut expected = "ready\n".to_owned();
    scene.wait_for("out", &expected);
    // Twice, one after the other: who asks for the end twice may mean something else by that.
    for (signal, name) in FORWARDED.into_iter().chain(FORWARDED) {
        scene.send(node, signal);
        expected.push_str(&format!("{name}\n"));
        scene.wait_for("out", &expected);
    }
    scene.write("stop");
    scene.ends_with(node, 5);
    assert_eq!(scene.read("out"), expected);
}

#[test]
fn a_command_without_a_use_for_a_signal_is_ended_by_it() {
    for (signal, _) in FORWARDED.into_iter().filter(|(_, name)| *name != "WINCH") {
        let mut scene = Scene::new("ended by a signal");
        let node = scene.add_with_script("echo ready > out; exec sleep 1000");
        scene.start(node);
        scene.wait_for("out", "ready");
        scene.send(node, signal);
        scene.ends_with(node, 128 + signal.as_raw());
    }
}

#[test]
fn a_node_that_is_stopped_before_its_command_was_run_says_so_by_its_status() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        for arguments in [&[][..], &["--before-exec"]] {
            let mut scene = Scene::new("never run");
            let node = scene.add(Has::Config, arguments);
            scene.set_script(node, "touch started");
            scene.start(node);
            scene.handful.wait_for_log(node, "pieces are right");
            scene.send(node, signal);
            scene.ends_with(node, code);
            assert!(!scene.path("started").exists());
            assert_eq!(scene.handful.lines_with(node, "supervisor: stopped"), 1);
        }
    }
}

#[test]
fn a_node_hears_signals_that_whoever_started_it_has_blocked() {
    let mut scene = Scene::new("blocked");
    let node = scene.add_launched(Has::Config, &[], &BLOCKING);
    scene.set_script(node, "true");
    scene.start(node);
    scene.handful.wait_for_log(node, "pieces are right");
    scene.send(node, Signal::TERM);
    scene.ends_with(node, 143);
}

#[test]
fn what_was_ignored_when_the_node_was_started_stays_so() {
    let mut scene = Scene::new("nohup");
    let node = scene.add_launched(Has::File, &[], &["nohup"]);
    scene.set_script(node, &listening());
    scene.start(node);
    scene.wait_for("out", "ready");
    scene.send(node, Signal::HUP);
    scene.send(node, Signal::USR1);
    scene.wait_for("out", "USR1");
    scene.write("stop");
    scene.ends_with(node, 5);
    assert_eq!(scene.read("out"), "ready\nUSR1\n");
}
