//! How a node behaves as the first process of a container.

use super::engine::{LABEL, docker, is_available, logs, sweep};
use super::fleet::{Delivery, Fleet};
use super::image;
use crate::support::churn::Way;
use crate::support::plan::{self, Initial};
use crate::support::{fresh_seed, seeded, take_turn, wait_for};

/// One container without a network that is worth anything, removed when dropped.
struct Container {
    run: String,
    id: String,
}

impl Container {
    /// Runs the image with arguments for the engine and for the node.
    fn run(engine: &[&str], node: &[&str]) -> Self {
        let run = format!("{:016x}", fresh_seed());
        let label = format!("{LABEL}={run}");
        let head = ["run", "--detach", "--network", "none", "--label", &label];
        let words = [&head, engine, &[image::node()], node].concat();
        let id = docker(words).unwrap().trim().to_owned();
        Self { run, id }
    }

    /// Waits as long as a node that fails to start needs for that, and sees that it still runs.
    fn assert_stays_up(&self) {
        std::thread::sleep(std::time::Duration::from_secs(2));
        let state = self.inspect("{{.State.Running}} {{.State.ExitCode}}");
        assert_eq!(state, "true 0", "{}", logs(&self.id));
    }

    fn inspect(&self, format: &str) -> String {
        docker(["inspect", "--format", format, &self.id])
            .unwrap()
            .trim()
            .to_owned()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        sweep(&self.run);
    }
}

#[test]
fn stops_on_a_signal_as_process_1_with_status_0() {
    if !is_available("stops_on_a_signal_as_process_1_with_status_0") {
        return;
    }
    let _turn = take_turn();
    let container = Container::run(&[], &[]);
    container.assert_stays_up();
    // Were it not to stop, the engine would kill it after ten seconds: that is status 137.
    docker(["stop", "--time", "10", &container.id]).unwrap();
    assert_eq!(
        container.inspect("{{.State.ExitCode}}"),
        "0",
        "{}",
        logs(&container.id)
    );
}

#[test]
fn becomes_healthy_on_its_usual_port_and_on_another() {
    if !is_available("becomes_healthy_on_its_usual_port_and_on_another") {
        return;
    }
    let _turn = take_turn();
    for arguments in [&[][..], &["--listen", "0.0.0.0:7000"]] {
        let container = Container::run(&["--health-interval", "1s"], arguments);
        let health = || container.inspect("{{.State.Health.Status}}");
        let logs = || container.inspect("{{json .State.Health}}");
        wait_for("it is healthy", || health() == "healthy", logs);
    }
}

#[test]
fn the_health_check_fails_where_no_node_listens() {
    if !is_available("the_health_check_fails_where_no_node_listens") {
        return;
    }
    let _turn = take_turn();
    let engine = [
        "--health-interval",
        "1s",
        "--health-retries",
        "1",
        "--entrypoint",
        "sleep",
    ];
    let container = Container::run(&engine, &["600"]);
    let health = || container.inspect("{{.State.Health.Status}}");
    wait_for("it is unhealthy", || health() == "unhealthy", health);
}

#[test]
fn has_sha256sum_and_works_with_a_config_that_is_read_only_and_no_data_file() {
    let test = "has_sha256sum_and_works_with_a_config_that_is_read_only_and_no_data_file";
    if !is_available(test) {
        return;
    }
    let _turn = take_turn();
    let mut rng = seeded(test);
    let mut plan = plan::simple_docker_compose(&mut rng);
    plan.nodes[1].initial = Initial::Missing;
    let fleet = Fleet::create(plan, Delivery::Mounted, &mut rng);
    fleet.settle(Way::Calm, &mut rng);
    let container = fleet.name(1);
    let state = docker(["inspect", "--format", "{{.State.Status}}", container]).unwrap();
    assert_eq!(state.trim(), "exited", "{}", fleet.log(1));
}

#[test]
fn a_container_without_anything_waits_for_a_fleet() {
    if !is_available("a_container_without_anything_waits_for_a_fleet") {
        return;
    }
    let _turn = take_turn();
    let container = Container::run(&[], &[]);
    container.assert_stays_up();
}
