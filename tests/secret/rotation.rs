//! Fleets that have a secret, find each other by it, and get another one while they run.

use crate::stage::{NEW, OLD, OTHER, Stage, hang_up};
use crate::support::handful::Has;

#[test]
fn nodes_with_the_secret_learn_what_their_fleet_shares_and_others_learn_nothing() {
    let mut stage = Stage::new("nodes_with_the_secret", 400);
    stage.add(Has::File, &[OLD], &[]);
    let joiner = stage.add(Has::Nothing, &[OLD], &[]);
    let thief = stage.add(Has::Config, &[OTHER], &[]);
    let open = stage.add(Has::Config, &[], &[]);
    stage.handful.start_all();
    stage.wait_for_file(&[0, joiner]);
    stage.handful.wait_for_log(joiner, "learned what to sync");
    stage
        .handful
        .wait_for_log(joiner, "links are secured by the fleet secret");
    // Both strangers have tried, and came again.
    stage.handful.wait_for_log(thief, "it has another secret");
    stage.handful.wait_for_log(open, " ended: ");
    stage.handful.wait_for_log(0, "is refused: ");
    for stranger in [thief, open] {
        assert!(
            !stage.handful.nodes[stranger]
                .log()
                .contains("is ready: swarmlet")
        );
        let data = std::fs::read(&stage.handful.nodes[stranger].files.data).unwrap_or_default();
        assert!(data.iter().all(|&byte| byte == 0));
    }
}

#[test]
fn a_fleet_changes_its_secret_node_by_node_while_a_transfer_runs() {
    const FLEET: usize = 8;
    let mut stage = Stage::new("a_fleet_changes_its_secret", 24_000);
    let slow = ["--upload-limit", "400KiB"];
    stage.add(Has::File, &[OLD], &slow);
    for _ in 1..FLEET {
        stage.add(Has::Nothing, &[OLD], &slow);
    }
    stage.handful.start_all();
    for node in 0..FLEET {
        stage.handful.wait_for_log(node, "is ready: swarmlet");
    }
    // The nodes in any order, and some told by a signal before they look by themselves.
    let steps: [&[&str]; 3] = [&[OLD, NEW], &[NEW, OLD], &[NEW]];
    let mut order: Vec<_> = (0..FLEET).collect();
    let mut rng = fastrand::Rng::with_seed(6);
    for (number, secrets) in steps.into_iter().enumerate() {
        rng.shuffle(&mut order);
        for &node in &order {
            stage.change_secrets(node, secrets);
            if node % 2 == 0 {
                hang_up(&stage, node);
            }
            stage.wait_for_lines(node, "the fleet secret has changed", number + 1);
        }
    }
    let all: Vec<_> = (0..FLEET).collect();
    stage.wait_for_file(&all);
    for node in 0..FLEET {
        let log = stage.handful.nodes[node].log();
        assert!(!log.contains("is refused"), "{log}");
        assert!(!log.contains("it has another secret"), "{log}");
    }
    // The old one opens no door any more.
    let late = stage.add(Has::Nothing, &[OLD], &[]);
    stage.handful.nodes[late].start();
    stage.handful.wait_for_log(late, "it has another secret");
    let new = stage.add(Has::Nothing, &[NEW], &[]);
    stage.handful.nodes[new].start();
    stage.wait_for_file(&[new]);
}

#[test]
fn a_secret_that_was_changed_for_a_broken_one_stays_and_the_log_says_so() {
    let mut stage = Stage::new("a_broken_secret", 400);
    stage.add(Has::File, &[OLD], &[]);
    stage.handful.start_all();
    stage
        .handful
        .wait_for_log(0, "complete, every piece is verified");
    stage.write("secret-0", "swordfish");
    stage
        .handful
        .wait_for_log(0, "line 1 has 9 characters; a secret has 32 at least");
    stage
        .handful
        .wait_for_log(0, "the secret of before is kept");
    assert!(!stage.handful.nodes[0].log().contains("swordfish"));
    let joiner = stage.add(Has::Nothing, &[OLD], &[]);
    stage.handful.nodes[joiner].start();
    stage.wait_for_file(&[joiner]);
    // A signal has it read again, changed or not.
    let before = stage.handful.lines_with(0, "the secret of before is kept");
    hang_up(&stage, 0);
    stage.wait_for_lines(0, "the secret of before is kept", before + 1);
    std::fs::remove_file(stage.secrets_of(0)).unwrap();
    stage
        .handful
        .wait_for_log(0, "cannot read the fleet secret");
    stage.change_secrets(0, &[NEW]);
    stage
        .handful
        .wait_for_log(0, "the fleet secret has changed");
}
