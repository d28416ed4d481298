//! What a node says and does when its machine does not play along.
//!
//! Mistakes in the config and on the command line are judged in `cli.rs`. Here are those that
//! show when it listens, reads and writes. Invariant of all: one line of error, no panic, and
//! a part that was right stays right.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use support::fleet::Fleet;
use support::judge::{Judge, right_parts};
use support::mounts::Mounts;
use support::node::{Files, Node, STOP_PATIENCE};
use support::plan::{self, Initial, Plan};

/// Set where these tests must not be skipped.
const REQUIRED_BY: &str = "SWARMLET_REQUIRE_ROOT";

/// The part size and the number of parts of the content here: 2 MiB in all.
const PART_SIZE: usize = 64 * 1024;
const PARTS: usize = 32;

/// So many parts are right at first on the node with the bad luck.
const RIGHT_AT_FIRST: usize = 4;

/// The lines of a log that are errors for the operator.
fn error_lines(log: &str) -> Vec<&str> {
    log.lines()
        .filter(|line| line.starts_with("error:"))
        .collect()
}

/// Two nodes: number 0 has all, number 1 the first few parts and nothing behind them.
fn seeder_and_leecher(rng: &mut fastrand::Rng) -> Plan {
    let content = support::content::Content::random(rng, PARTS * PART_SIZE, PART_SIZE);
    let mut plan = plan::simple_docker_compose(rng);
    plan.name = "seeder and leecher".into();
    plan.content = content;
    plan.nodes[1].initial = Initial::Missing;
    plan
}

/// Puts a node in place of number 1, whose data file is `disk/data.bin` in a mount namespace
/// that `script` prepares; the first parts are right. `None` if that cannot be done here.
fn unlucky(fleet: &mut Fleet, script: &str, extra: &[&str]) -> Option<(Mounts, Node)> {
    let node = &fleet.nodes[1];
    let disk = node.files.state.with_file_name("disk");
    fs::create_dir(&disk).unwrap();
    let start = &fleet.plan.content.bytes()[..RIGHT_AT_FIRST * PART_SIZE];
    fs::write(disk.with_file_name("start"), start).unwrap();
    let mounts = Mounts::new(script, &disk)?;
    let files = Files {
        data: disk.join("data.bin"),
        ..node.files.clone()
    };
    let arguments = [&["--sweep", "off"], extra].concat();
    let launcher = mounts.launcher();
    let launcher: Vec<&str> = launcher.iter().map(String::as_str).collect();
    let node = Node::new(support::binary(), files, node.address, &arguments);
    Some((mounts, node.launched_by(&launcher)))
}

/// A file system with room for half of the content.
const SMALL_DISK: &str = r#"mount -t tmpfs -o size=1m tmpfs "$1"; cp "$1/../start" "$1/data.bin""#;

/// A file that cannot be written.
const READ_ONLY_FILE: &str = r#"cp "$1/../start" "$1/data.bin"
    mount --bind "$1/data.bin" "$1/data.bin"; mount -o remount,bind,ro "$1/data.bin""#;

fn skip(test: &str) {
    support::skip(
        test,
        "cannot mount (that takes root and unshare)",
        REQUIRED_BY,
    );
}

/// The first parts of a file are still what they were.
fn assert_right_parts_are_right(path: &Path, fleet: &Fleet) {
    let right = right_parts(path, &fleet.plan.content);
    assert!(
        right[..RIGHT_AT_FIRST].iter().all(|&right| right),
        "{right:?}"
    );
}

#[test]
fn a_port_in_use_is_one_line_and_status_1() {
    let mut rng = support::seeded("port");
    let mut fleet = Fleet::lay_out(plan::simple_docker_compose(&mut rng), &mut rng);
    let address = fleet.nodes[0].address;
    let _taken = TcpListener::bind(address).unwrap();
    fleet.nodes[0].start();
    let status = fleet.nodes[0].wait(STOP_PATIENCE);
    let log = fleet.nodes[0].log();
    assert_eq!(status.map(|status| status.code()), Ok(Some(1)), "{log}");
    let expected = format!("error: cannot listen on {address}: address in use");
    assert_eq!(error_lines(&log), [expected]);
    assert_right_file(&mut fleet, 0);
}

/// A node that did not even start has done nothing to its file.
fn assert_right_file(fleet: &mut Fleet, node: usize) {
    assert!(fleet.is_identical(node), "the file was damaged");
}

#[test]
fn a_data_path_that_is_a_directory_is_one_line_and_status_1() {
    let mut rng = support::seeded("directory");
    let mut fleet = Fleet::lay_out(seeder_and_leecher(&mut rng), &mut rng);
    let node = &mut fleet.nodes[1];
    fs::create_dir(&node.files.data).unwrap();
    node.start();
    let status = node.wait(STOP_PATIENCE);
    let log = node.log();
    assert_eq!(status.map(|status| status.code()), Ok(Some(1)), "{log}");
    let expected = format!(
        "error: cannot open {}: is a directory",
        node.files.data.display()
    );
    assert_eq!(error_lines(&log), [expected]);
    assert!(node.files.data.is_dir());
}

#[test]
fn a_data_path_that_is_a_pipe_or_a_device_is_one_line_and_status_1() {
    let mut rng = support::seeded("pipe");
    let mut fleet = Fleet::lay_out(seeder_and_leecher(&mut rng), &mut rng);
    let node = &mut fleet.nodes[1];
    let data = node.files.data.clone();
    for make in ["mkfifo \"$0\"", "rm \"$0\" && ln -s /dev/null \"$0\""] {
        let made = Command::new("sh").arg("-c").arg(make).arg(&data).status();
        assert!(made.unwrap().success(), "{make}");
        node.start();
        let status = node.wait(STOP_PATIENCE);
        let log = node.log();
        assert_eq!(status.map(|status| status.code()), Ok(Some(1)), "{log}");
        let expected = format!("error: cannot open {}: not a regular file", data.display());
        let errors = error_lines(&log);
        assert_eq!(errors.last(), Some(&expected.as_str()), "{log}");
        assert!(errors.iter().all(|line| **line == expected), "{log}");
    }
}

#[test]
fn no_space_left_ends_a_node_that_is_to_exit_when_complete() {
    let _turn = support::take_turn();
    fails_to_write(
        "no_space_left_ends_a_node_that_is_to_exit_when_complete",
        SMALL_DISK,
        "no space left on device",
    );
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_not_the_end_of_the_process() {
    let mut rng = support::seeded("limit on the size of files");
    let mut fleet = Fleet::lay_out(seeder_and_leecher(&mut rng), &mut rng);
    let node = &fleet.nodes[1];
    let limit = format!("--fsize={}", PARTS * PART_SIZE / 2);
    let node = Node::new(
        support::binary(),
        node.files.clone(),
        node.address,
        &["--sweep", "off", "--exit-when-complete"],
    );
    let mut node = node.launched_by(&["prlimit", &limit]);
    fleet.nodes[0].start();
    node.start();
    let status = node.wait(3 * STOP_PATIENCE);
    let log = node.log();
    assert_eq!(status.map(|status| status.code()), Ok(Some(1)), "{log}");
    let errors = error_lines(&log);
    assert!(
        errors.iter().all(|line| line.ends_with("file too large")),
        "{log}"
    );
    assert_eq!(errors.len(), 1, "{log}");
}

#[test]
fn a_read_only_file_with_work_to_do_ends_a_node_that_is_to_exit_when_complete() {
    let _turn = support::take_turn();
    fails_to_write(
        "a_read_only_file_with_work_to_do_ends_a_node_that_is_to_exit_when_complete",
        READ_ONLY_FILE,
        "read-only file system",
    );
}

fn fails_to_write(test: &str, script: &str, reason: &str) {
    let mut rng = support::seeded(test);
    let mut fleet = Fleet::lay_out(seeder_and_leecher(&mut rng), &mut rng);
    let Some((mounts, mut node)) = unlucky(&mut fleet, script, &["--exit-when-complete"]) else {
        return skip(test);
    };
    fleet.nodes[0].start();
    node.start();
    let status = node.wait(3 * STOP_PATIENCE);
    let log = node.log();
    assert_eq!(status.map(|status| status.code()), Ok(Some(1)), "{log}");
    let expected = format!(
        "error: cannot write {}: {reason}",
        node.files.data.display()
    );
    assert_eq!(error_lines(&log), [expected]);
    assert!(!log.contains("panicked"), "{log}");
    assert_right_parts_are_right(&mounts.seen_from_outside(&node.files.data), &fleet);
}

#[test]
fn a_node_without_space_waits_and_goes_on_by_itself_when_there_is_room() {
    let test = "a_node_without_space_waits_and_goes_on_by_itself_when_there_is_room";
    let _turn = support::take_turn();
    waits_and_goes_on(
        test,
        SMALL_DISK,
        "no space left",
        r#"mount -o remount,size=16m "$1""#,
    );
}

#[test]
fn a_node_with_a_read_only_file_waits_and_goes_on_by_itself_when_it_may_write() {
    let test = "a_node_with_a_read_only_file_waits_and_goes_on_by_itself_when_it_may_write";
    let _turn = support::take_turn();
    let remedy = r#"mount -o remount,bind,rw "$1/data.bin""#;
    waits_and_goes_on(test, READ_ONLY_FILE, "read-only file system", remedy);
}

fn waits_and_goes_on(test: &str, script: &str, reason: &str, remedy: &str) {
    let mut rng = support::seeded(test);
    let mut fleet = Fleet::lay_out(seeder_and_leecher(&mut rng), &mut rng);
    let Some((mounts, mut node)) = unlucky(&mut fleet, script, &[]) else {
        return skip(test);
    };
    fleet.nodes[0].start();
    node.start();
    support::wait_for(
        "it says what is wrong",
        || node.log().contains(reason),
        || node.log(),
    );
    // Long enough for a loop to show in the log.
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(node.poll(), Ok(()), "it ended: {}", node.log());
    assert_eq!(node.log().matches(reason).count(), 1, "{}", node.log());
    let data = mounts.seen_from_outside(&node.files.data);
    assert_right_parts_are_right(&data, &fleet);

    mounts.run(remedy, &node.files.data.with_file_name(""));
    let mut judge = Judge::new(&data);
    let content = fleet.plan.content.clone();
    support::wait_for(
        "it is complete",
        || judge.is_identical(&content),
        || node.log(),
    );
    assert!(!node.log().contains("panicked"), "{}", node.log());
}

#[test]
fn a_complete_file_that_cannot_be_written_is_served() {
    let test = "a_complete_file_that_cannot_be_written_is_served";
    let _turn = support::take_turn();
    let mut rng = support::seeded(test);
    let mut fleet = Fleet::lay_out(seeder_and_leecher(&mut rng), &mut rng);
    let Some((_mounts, mut seeder)) = unlucky(
        &mut fleet,
        r#"cp "$1/../../node-00/data.bin" "$1/data.bin"
            mount --bind "$1" "$1"; mount -o remount,bind,ro "$1""#,
        &[],
    ) else {
        return skip(test);
    };
    // Number 0 takes the leecher's place: its file is gone.
    fs::remove_file(&fleet.nodes[0].files.data).unwrap();
    seeder.start();
    fleet.nodes[0].start();
    let mut judge = Judge::new(&fleet.nodes[0].files.data);
    let content = fleet.plan.content.clone();
    support::wait_for(
        "it is served",
        || judge.is_identical(&content),
        || seeder.log(),
    );
}

#[test]
fn rubbish_in_the_state_directory_is_ignored() {
    let _turn = support::take_turn();
    let mut rng = support::seeded("state");
    let plan = plan::restarts_discovery(&mut rng, 4, 1_000_000..=1_200_000);
    let mut fleet = Fleet::lay_out(plan, &mut rng);
    let way = support::churn::Way::Calm;
    fleet
        .settle(way, &mut rng)
        .unwrap_or_else(|complaint| panic!("{complaint}"));
    for node in &mut fleet.nodes {
        node.stop().unwrap();
        for entry in fs::read_dir(&node.files.state).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let mut rubbish = vec![0; rng.usize(..2000)];
                rng.fill(&mut rubbish);
                fs::write(path, rubbish).unwrap();
            }
        }
        fs::remove_file(&node.files.data).unwrap();
    }
    // One copy is left, on the node that may have to be found again.
    let content = fleet.plan.content.bytes();
    fs::write(&fleet.nodes[2].files.data, content).unwrap();
    fleet
        .settle(way, &mut rng)
        .unwrap_or_else(|complaint| panic!("{complaint}"));
    fleet.kill_and_compare();
}
