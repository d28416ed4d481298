//! The forms of what is printed: for people, for programs, and for whoever has seen enough.

use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::stage::{LEECHER, SEED, SLOW, Stage};
use crate::support;

/// The program on a terminal of that many columns, as `script` makes it; `None`, said aloud, where
/// there is no `script`.
pub fn on_terminal(test: &str, stage: &Stage, columns: u16, line: &str) -> Option<Command> {
    let there = Command::new("script").arg("--version").output();
    if there.is_err() {
        support::skip(
            test,
            "there is no script (util-linux)",
            "SWARMLET_REQUIRE_FOREIGN",
        );
        return None;
    }
    let inner = stage.command(&[]);
    let program = inner.get_program().to_str().unwrap().to_owned();
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command"]);
    command.arg(format!(
        "stty cols {columns} rows 24; exec '{program}' {line}"
    ));
    command.arg("/dev/null");
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("TERM", "xterm-256color").stdin(Stdio::null());
    Some(command)
}

fn shown(command: Option<Command>) -> Option<String> {
    let output = command?.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_terminal_gets_a_table_that_fits_and_colours_unless_they_are_off() {
    let test = "a_terminal_gets_a_table";
    // More than comes while the test looks.
    let (stage, _) = Stage::pair(640, &SLOW);
    stage.wait_for_swarm(LEECHER, "it fetches", |it| it["state"] == "fetching");
    let line = format!("status --node '{}'", stage.state(LEECHER, ""));
    let Some(text) = shown(on_terminal(test, &stage, 100, &line)) else {
        return;
    };
    assert!(text.contains("\x1b[36mfetching\x1b[0m"), "{text}");
    let mut plain = on_terminal(test, &stage, 100, &line).unwrap();
    let text = shown(Some({
        plain.env("NO_COLOR", "1");
        plain
    }));
    let text = text.unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert!(!text.contains('\x1b'), "{text}");
    assert!(lines[0].contains(": not ready, up "), "{text}");
    assert!(
        lines[1].starts_with("0 of 1 content complete, ") && lines[1].contains(" link"),
        "{text}"
    );
    let head: Vec<_> = lines[3].split_whitespace().collect();
    assert_eq!(
        head.join(" "),
        "NAME STATE DONE SIZE DOWN UP LEFT LINKS",
        "{text}"
    );
    assert!(lines[4].starts_with("data.bin  fetching  "), "{text}");
    assert!(lines[4].contains(" %  10 MiB  "), "{text}");
    for columns in [80, 40, 12] {
        let narrow = shown(on_terminal(test, &stage, columns, &line)).unwrap();
        for line in narrow.lines() {
            let width = console_width(line);
            assert!(width <= columns.into(), "{columns}: {line:?}");
        }
    }
}

/// Characters without what sets colours.
fn console_width(line: &str) -> usize {
    let mut rest = line.trim_end_matches('\r');
    let mut width = 0;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        width += before.chars().count();
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    width + rest.chars().count()
}

#[test]
fn other_lists_are_tables_on_a_terminal_too() {
    let test = "other_lists_are_tables";
    let (stage, _) = Stage::pair(3, &[]);
    stage.wait_until_ready(LEECHER);
    let node = format!("--node '{}'", stage.state(LEECHER, ""));
    let Some(bans) = shown(on_terminal(test, &stage, 100, &format!("bans {node}"))) else {
        return;
    };
    assert_eq!(bans, "no bans\r\n");
    stage.ask(LEECHER, &["ban", "10.99.0.1", "--for", "1d"]);
    let bans = shown(on_terminal(test, &stage, 100, &format!("bans {node}"))).unwrap();
    assert!(bans.contains("10.99.0.1  for "), "{bans}");
    let peers = shown(on_terminal(test, &stage, 150, &format!("peers {node}"))).unwrap();
    assert!(peers.contains("swarmlet 0."), "{peers}");
    assert!(
        !peers.contains('\t') && peers.contains("100.0 %"),
        "{peers}"
    );
    let json = shown(on_terminal(
        test,
        &stage,
        100,
        &format!("log --json {node}"),
    ))
    .unwrap();
    assert_eq!(json, "{\r\n  \"filter\": \"info\"\r\n}\r\n");
}

#[test]
fn json_is_what_the_api_says_on_one_line() {
    let (stage, content) = Stage::seed();
    stage.wait_until_ready(SEED);
    let status = stage.json(SEED, &["status"]);
    assert_eq!(status["status"]["ready"], true);
    assert_eq!(status["status"]["swarms"], 1);
    assert_eq!(status["swarms"][0]["infohash"], content.info_hash());
    assert_eq!(status["swarms"][0]["map"]["cells"][0], 100);
    assert_eq!(stage.json(SEED, &["bans"]), serde_json::json!({"bans": []}));
    assert_eq!(
        stage.json(SEED, &["peers"]),
        serde_json::json!({"peers": []})
    );
}

#[test]
fn whoever_has_seen_enough_ends_a_command_with_0() {
    let (stage, _) = Stage::pair(3, &[]);
    stage.wait_until_ready(LEECHER);
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["peers"],
        &["pause"],
        &["status", "--watch"],
        &["events"],
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = stage.asking(LEECHER, arguments).stdout(writer).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
    // One that reads a line and goes is noticed though there is nothing more to say.
    let (reader, writer) = io::pipe().unwrap();
    let mut command = stage.asking(LEECHER, &["events"]);
    let mut events = command.stdout(writer).spawn().unwrap();
    drop(command);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    assert_eq!(line, "time\tevent\ttext\n");
    let ends = || {
        events
            .try_wait()
            .unwrap()
            .is_some_and(|it| it.code() == Some(0))
    };
    support::wait_for("it ends", ends, String::new);
}
