//! compose.yaml, as its own first lines tell a reader to use it.

use std::path::Path;
use std::process::Command;

use super::engine::{is_available, root, run};
use super::image;
use crate::support::content::{Content, torrent_conf};
use crate::support::{fresh_seed, seeded, skip, take_turn, wait_for};

/// A project of the compose tool, taken down when dropped.
struct Project {
    tool: &'static [&'static str],
    name: String,
    demo: tempfile::TempDir,
}

impl Project {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.tool[0]);
        command
            .args(&self.tool[1..])
            .args(["--project-name", &self.name])
            .args(arguments);
        command.current_dir(root());
        command.env("SWARMLET_IMAGE", image::node());
        command.env("SWARMLET_DEMO", self.demo.path());
        command
    }

    fn sha256(&self, service: &str) -> Result<String, String> {
        let sum = run(&mut self.command(&["exec", "-T", service, "sha256sum", "/data.bin"]))?;
        Ok(sum.split_whitespace().next().unwrap_or_default().to_owned())
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = run(&mut self.command(&["down", "--volumes", "--timeout", "2"]));
    }
}

/// The ways to call the tool that this machine has.
fn tools() -> Vec<&'static [&'static str]> {
    let all: [&[&str]; 2] = [&["docker-compose"], &["docker", "compose"]];
    let is_here =
        |tool: &&&[&str]| run(Command::new(tool[0]).args(&tool[1..]).arg("version")).is_ok();
    all.iter().filter(is_here).copied().collect()
}

#[test]
fn three_leechers_that_know_nothing_get_the_seeder_s_file() {
    let test = "three_leechers_that_know_nothing_get_the_seeder_s_file";
    if !is_available(test) {
        return;
    }
    let tools = tools();
    if tools.is_empty() {
        return skip(
            test,
            "there is no compose tool",
            "SWARMLET_REQUIRE_CONTAINERS",
        );
    }
    let _turn = take_turn();
    let mut rng = seeded(test);
    for tool in tools {
        let content = Content::random(&mut rng, 8 * 1024 * 1024, 256 * 1024);
        let demo = tempfile::tempdir().unwrap();
        let data = demo.path().join("data.bin");
        std::fs::write(&data, content.bytes()).unwrap();
        let conf = torrent_conf(&mut rng, Some(content.file_info()), &[]);
        std::fs::write(demo.path().join("torrent.conf"), conf).unwrap();
        let name = format!("swarmlet-test-{:08x}", fresh_seed() as u32);
        let project = Project { tool, name, demo };
        run(&mut project.command(&["up", "--detach", "--no-build"])).unwrap();
        let expected = sha256_of(&data);
        for leecher in ["leecher-1", "leecher-2", "leecher-3"] {
            let has_it = || project.sha256(leecher).is_ok_and(|sum| sum == expected);
            let logs = || run(&mut project.command(&["logs"])).unwrap_or_default();
            wait_for("a leecher has the file", has_it, logs);
        }
        println!("{} settled", tool.join(" "));
    }
}

fn sha256_of(path: &Path) -> String {
    let sum = run(Command::new("sha256sum").arg(path)).unwrap();
    sum.split_whitespace().next().unwrap_or_default().to_owned()
}
