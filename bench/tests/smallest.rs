//! The benchmark itself, on files so small that it takes no time: that it measures, that it finds
//! out wrong bytes, and that it cleans up behind itself.

// Helpers of tests panic as tests do.
#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const BENCH: &str = env!("CARGO_BIN_EXE_swarmlet-bench");

/// An empty page with a place for results.
const PAGE: &str = "before\n<!-- measured: begin -->\n<!-- measured: end -->\nafter\n";

/// Folders of one test.
struct Stage {
    directory: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("scratch")).unwrap();
        fs::write(directory.path().join("page.md"), PAGE).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The benchmark with one round of one case, on loopback unless `arguments` say otherwise.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BENCH);
        command.args(["--debug-build", "--rounds", "1", "--scratch"]);
        command.arg(self.path("scratch")).args(arguments);
        command.stdin(Stdio::null());
        command
    }

    /// A program in the place of swarmlet, whose seeds are complete, and whose leechers do what
    /// the script says, with `$data` as their file.
    fn impostor(&self, leecher: &str) -> String {
        let path = self.path("impostor");
        let script = format!(
            "#!/bin/sh\n\
             [ \"$1\" = --version ] && echo swarmlet 0 && exit\n\
             while [ $# -gt 0 ]; do [ \"$1\" = --data ] && data=$2; shift; done\n\
             complete() {{ echo ': complete, every piece is verified'; }}\n\
             if [ -e \"$data\" ]; then complete; else {leecher}; fi\n\
             exec cat\n"
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    fn assert_is_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.path("scratch")).unwrap().collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

/// Runs a benchmark to its end; both of its outputs.
fn run(mut command: Command) -> (Output, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (table, log) = (text(&output.stdout), text(&output.stderr));
    (output, table, log)
}

/// The cells of an engine's row.
fn row<'a>(table: &'a str, engine: &str) -> Vec<&'a str> {
    let rows = table.lines().map(|line| line.split('|').map(str::trim));
    let mut found = rows.map(Iterator::collect::<Vec<_>>);
    let row = found.find(|cells| cells.get(1) == Some(&engine));
    row.unwrap_or_else(|| panic!("no row of {engine} in:\n{table}"))
}

/// The swarmlet that was built with this test; else the benchmark builds it.
fn swarmlet() -> Vec<String> {
    let path = Path::new(BENCH).with_file_name("swarmlet");
    if !path.exists() {
        return Vec::new();
    }
    vec!["--swarmlet".to_owned(), path.display().to_string()]
}

fn assert_both_were_measured(table: &str, log: &str) {
    for engine in ["floor", "swarmlet"] {
        let cells = row(table, engine);
        // Processor seconds, wall seconds, memory: a run that failed has dashes.
        for column in [2, 5, 8] {
            let number: f64 = cells[column].parse().unwrap_or_else(|_| {
                panic!("{engine} has {:?}:\n{table}\n{log}", cells[column]);
            });
            assert!(number > 0.0, "{table}");
        }
        assert!(!cells[3].is_empty(), "{table}");
        assert_eq!(cells[10], "-", "{engine} failed:\n{log}");
    }
    assert_eq!(row(table, "floor")[3], "1.00×");
}

#[test]
fn the_floor_and_swarmlet_deliver_right_bytes_and_the_page_has_both() {
    let stage = Stage::new();
    let page = stage.path("page.md");
    let mut command = stage.command(&["--loopback", "--engines", "swarmlet,floor"]);
    command.args(["--cases", "1:8MiB:64KiB,3:1MiB:16KiB"]);
    command.args(swarmlet()).arg("--output").arg(&page);
    let (output, tables, log) = run(command);
    assert!(output.status.success(), "{log}");
    let cases: Vec<_> = tables.split("### ").skip(1).collect();
    assert_eq!(cases.len(), 2, "{tables}");
    for table in &cases {
        assert_both_were_measured(table, &log);
    }
    let page = fs::read_to_string(page).unwrap();
    assert!(page.starts_with("before\n") && page.ends_with("after\n"));
    assert!(page.contains(cases[0].trim()), "{page}");
    assert!(
        fs::read_to_string(stage.path("page.svg"))
            .unwrap()
            .contains(">swarmlet<")
    );
    stage.assert_is_clean();
}

/// Whether we are root, and one that may do what root does.
fn may_make_namespaces() -> bool {
    let tried = Command::new("unshare").args(["--net", "true"]).status();
    nix::unistd::geteuid().is_root() && tried.is_ok_and(|status| status.success())
}

#[test]
fn in_namespaces_it_is_the_same_and_they_are_gone_afterwards() {
    if !may_make_namespaces() {
        let is_required = std::env::var("SWARMLET_REQUIRE_ROOT").is_ok_and(|value| value == "1");
        assert!(
            !is_required,
            "no network namespaces here, which SWARMLET_REQUIRE_ROOT=1 asks for"
        );
        // `println!` would be captured: a skipped test must be seen.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no network namespaces here");
        return;
    }
    let stage = Stage::new();
    let mut command = stage.command(&["--engines", "floor,swarmlet", "--cases", "2:1MiB:64KiB"]);
    command.args(swarmlet());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert!(
        log.contains("network: a network namespace per process"),
        "{log}"
    );
    assert_both_were_measured(&String::from_utf8_lossy(&output.stdout), &log);
    let names = Command::new("ip").args(["netns", "list"]).output().unwrap();
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    assert!(!names.contains(&format!("swbench-{id}-")), "{names}");
    stage.assert_is_clean();
}

#[test]
fn whoever_says_complete_with_wrong_bytes_has_failed() {
    let stage = Stage::new();
    let impostor = stage.impostor("head -c 1048576 /dev/zero > \"$data\"; complete");
    let mut command = stage.command(&["--loopback", "--engines", "swarmlet"]);
    command.args(["--cases", "1:1MiB:64KiB", "--swarmlet", &impostor]);
    let (_, table, log) = run(command);
    assert!(log.contains("node 1 has wrong bytes from offset"), "{log}");
    let cells = row(&table, "swarmlet");
    assert_eq!((cells[2], cells[10]), ("-", "1 of 1"), "{table}");
    stage.assert_is_clean();
}

#[test]
fn a_process_that_ends_fails_its_run_with_its_last_words() {
    let stage = Stage::new();
    let impostor = stage.impostor("echo I am tired; exit 1");
    let mut command = stage.command(&["--loopback", "--engines", "swarmlet"]);
    command.args(["--cases", "1:1MiB:64KiB", "--swarmlet", &impostor]);
    let (_, table, log) = run(command);
    assert!(log.contains("node 1 ended"), "{log}");
    assert!(log.contains("I am tired"), "{log}");
    assert_eq!(row(&table, "swarmlet")[10], "1 of 1");
    stage.assert_is_clean();
}

#[test]
fn an_interrupt_ends_it_and_leaves_nothing() {
    let stage = Stage::new();
    // This leecher tells who it is, and then never gets anything.
    let started = stage.path("started");
    let impostor = stage.impostor(&format!("echo $$ > {}", started.display()));
    let mut command = stage.command(&["--loopback", "--engines", "swarmlet"]);
    command.args(["--cases", "1:1MiB:64KiB", "--swarmlet", &impostor]);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let is_case = |line: &std::io::Result<String>| line.as_ref().unwrap().starts_with("1-to-1: ");
    assert!(log.any(|line| is_case(&line)), "the case did not begin");
    let leecher = loop {
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        let text = fs::read_to_string(&started).unwrap_or_default();
        if text.ends_with('\n') {
            break text.trim().to_owned();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(log.any(|line| line.unwrap() == "error: interrupted"));
    assert!(
        !Path::new("/proc").join(leecher).exists(),
        "the leecher lives"
    );
    stage.assert_is_clean();
}

#[test]
fn a_page_without_a_place_for_results_is_refused_before_anything_is_measured() {
    let stage = Stage::new();
    fs::write(stage.path("page.md"), "nothing here\n").unwrap();
    let mut command = stage.command(&["--loopback", "--engines", "floor"]);
    command.arg("--output").arg(stage.path("page.md"));
    let (output, table, log) = run(command);
    assert_eq!(output.status.code(), Some(1));
    assert!(log.contains("has no place for results"), "{log}");
    assert_eq!(table, "");
}

/// Tests are built for debugging, unless somebody wants them otherwise.
#[cfg(debug_assertions)]
#[test]
fn a_debug_build_is_not_measured() {
    let arguments = ["--rounds", "1", "--engines", "floor", "--loopback"];
    let mut command = Command::new(BENCH);
    command.args(arguments).stdin(Stdio::null());
    let (output, table, log) = run(command);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        log.contains("a debug build is not measured: cargo run --release"),
        "{log}"
    );
    assert_eq!(table, "");
}
