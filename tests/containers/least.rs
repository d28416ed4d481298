//! A fleet with the least rights there are: no root, no capabilities, no way to more, a root file system
//! that cannot be written, and no system calls but those of our own profile.

use std::process::Command;

use super::engine::{LABEL, docker, is_available, logs, root, run, sweep};
use super::image;
use crate::support::content::{Content, torrent_conf};
use crate::support::{fresh_seed, seeded, take_turn, wait_for};

/// The user of the nodes, as in `deploy/compose`: nobody on this machine has that number.
const USER: &str = "10001:10001";

/// Containers and their network, removed when dropped.
struct Fleet {
    run: String,
    files: tempfile::TempDir,
}

impl Fleet {
    /// Starts a container with all rights taken away; its files are on a scratch file system, or
    /// mounted read-only from `content`.
    fn start(&self, name: &str, more: &[&str]) -> String {
        let (label, network) = (format!("{LABEL}={}", self.run), self.network());
        let name = format!("{}-{name}", self.run);
        let profile = format!(
            "seccomp={}",
            root().join("deploy/seccomp/swarmlet.json").display()
        );
        let content = format!("{}:/content:ro", self.files.path().display());
        let least = [
            "run",
            "--detach",
            "--label",
            &label,
            "--name",
            &name,
            "--network",
            &network,
            "--user",
            USER,
            "--read-only",
            "--cap-drop",
            "ALL",
            "--security-opt",
            "no-new-privileges",
            "--security-opt",
            &profile,
            "--tmpfs",
            "/tmp:mode=1777",
            "--tmpfs",
            "/srv:uid=10001,gid=10001,mode=0700",
            "--volume",
            &content,
            "--env",
            "SWARMLET_STATE=/srv/state",
            "--env",
            "SWARMLET_HTTP=0.0.0.0:6880",
            "--env",
            "SWARMLET_HTTP_OPEN=metrics",
        ];
        docker([&least[..], more, &[image::node()]].concat())
            .unwrap()
            .trim()
            .to_owned()
    }

    fn network(&self) -> String {
        format!("swarmlet-test-{}", self.run)
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        sweep(&self.run);
    }
}

#[test]
fn a_fleet_without_root_capabilities_and_a_writable_system_syncs_within_our_own_filter() {
    let test =
        "a_fleet_without_root_capabilities_and_a_writable_system_syncs_within_our_own_filter";
    if !is_available(test) {
        return;
    }
    let _turn = take_turn();
    let mut rng = seeded(test);
    let fleet = Fleet {
        run: format!("{:016x}", fresh_seed()),
        files: tempfile::tempdir().unwrap(),
    };
    let label = format!("{LABEL}={}", fleet.run);
    let network = fleet.network();
    docker([
        "network",
        "create",
        "--internal",
        "--label",
        &label,
        &network,
    ])
    .unwrap();
    let content = Content::random(&mut rng, 8 * 1024 * 1024 + 77, 64 * 1024);
    let data = fleet.files.path().join("data.bin");
    std::fs::write(&data, content.bytes()).unwrap();
    let conf = torrent_conf(&mut rng, Some(content.file_info()), &[]);
    std::fs::write(fleet.files.path().join("torrent.conf"), conf).unwrap();
    // For a user who is nobody here.
    let folder = fleet.files.path().to_str().unwrap();
    run(Command::new("chmod").args(["-R", "a+rX", folder])).unwrap();
    let sum = run(Command::new("sha256sum").arg(&data)).unwrap();
    let sum = sum.split_whitespace().next().unwrap().to_owned();

    let seeds = [
        "--env",
        "SWARMLET_CONF=/content/torrent.conf",
        "--env",
        "SWARMLET_DATA=/content/data.bin",
    ];
    let seeder = fleet.start("seeder", &seeds);
    // The others know nothing, and find it by a sweep of their network.
    let learns = ["--env", "SWARMLET_DATA=/srv/data.bin"];
    let leechers = ["one", "two", "three"].map(|name| fleet.start(name, &learns));
    for leecher in &leechers {
        let sum_there = || docker(["exec", leecher, "sha256sum", "/srv/data.bin"]);
        let has_it = || sum_there().is_ok_and(|said| said.starts_with(&sum));
        wait_for("a leecher has the file", has_it, || {
            logs(leecher) + &logs(&seeder)
        });
    }
    for container in leechers.iter().chain([&seeder]) {
        // What the kernel says of the process, not what was asked for.
        let status = docker(["exec", container, "cat", "/proc/1/status"]).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default()
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(field("Uid:"), "10001", "{status}");
        assert_eq!(field("CapEff:"), "0000000000000000", "{status}");
        assert_eq!(field("CapBnd:"), "0000000000000000", "{status}");
        assert_eq!(field("NoNewPrivs:"), "1", "{status}");
        assert_eq!(field("Seccomp:"), "2", "{status}");
        assert!(
            docker(["exec", container, "touch", "/there"]).is_err(),
            "its system can be written"
        );
        let log = logs(container);
        assert!(
            !log.contains("not permitted") && !log.contains("WARN"),
            "{log}"
        );
        docker(["stop", "--time", "10", container]).unwrap();
        let status = docker(["inspect", "--format", "{{.State.ExitCode}}", container]).unwrap();
        assert_eq!(status.trim(), "0", "{log}");
    }
}
