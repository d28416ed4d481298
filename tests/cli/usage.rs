//! Help, flags, variables and statuses.

use std::io;

use crate::{Folder, command, stderr, stdout, swarmlet};

/// A flag, how its default begins, and its variable.
type Flag = [&'static str; 3];

const FLAGS: [(&str, &[Flag]); 20] = [
    (
        "get",
        &[
            ["--out", ".", "SWARMLET_OUT"],
            ["--select", "all", "SWARMLET_SELECT"],
            ["--seed", "end at once", "SWARMLET_SEED"],
            ["--listen", "0.0.0.0:6881", "SWARMLET_LISTEN"],
            ["--state", "/var/lib/swarmlet", "SWARMLET_STATE"],
            ["--sweep", "off", "SWARMLET_SWEEP"],
            ["--lan", "off", "SWARMLET_LAN"],
            ["--dht", "off", "SWARMLET_DHT"],
            ["--dht-bootstrap", "the public", "SWARMLET_DHT_BOOTSTRAP"],
            ["--port-map", "off", "SWARMLET_PORT_MAP"],
            ["--fleet-secret-file", "none", "SWARMLET_FLEET_SECRET_FILE"],
            ["--access-file", "everybody", "SWARMLET_ACCESS_FILE"],
            ["--peer", "none", "SWARMLET_PEER"],
            ["--download-limit", "no limit", "SWARMLET_DOWNLOAD_LIMIT"],
            ["--upload-limit", "no limit", "SWARMLET_UPLOAD_LIMIT"],
            ["--upload-slots", "8", "SWARMLET_UPLOAD_SLOTS"],
            ["--max-links", "24", "SWARMLET_MAX_LINKS"],
            ["--encryption", "allow", "SWARMLET_ENCRYPTION"],
            ["--utp", "off", "SWARMLET_UTP"],
            ["--source", "none", "SWARMLET_SOURCE"],
            ["--tracker", "none", "SWARMLET_TRACKER"],
        ],
    ),
    (
        "seed",
        &[
            ["--torrent", "not written", "SWARMLET_TORRENT"],
            ["--part-size", "a power of two", "SWARMLET_PART_SIZE"],
            ["--name", "that of PATH", "SWARMLET_NAME"],
            ["--web-seed", "none", "SWARMLET_WEB_SEED"],
            ["--private", "any way", "SWARMLET_PRIVATE"],
            ["--comment", "nothing", "SWARMLET_COMMENT"],
            ["--listen", "0.0.0.0:6881", "SWARMLET_LISTEN"],
            ["--state", "/var/lib/swarmlet", "SWARMLET_STATE"],
            ["--sweep", "off", "SWARMLET_SWEEP"],
            ["--lan", "off", "SWARMLET_LAN"],
            ["--dht", "off", "SWARMLET_DHT"],
            ["--dht-bootstrap", "the public", "SWARMLET_DHT_BOOTSTRAP"],
            ["--port-map", "off", "SWARMLET_PORT_MAP"],
            ["--fleet-secret-file", "none", "SWARMLET_FLEET_SECRET_FILE"],
            ["--access-file", "everybody", "SWARMLET_ACCESS_FILE"],
            ["--peer", "none", "SWARMLET_PEER"],
            ["--download-limit", "no limit", "SWARMLET_DOWNLOAD_LIMIT"],
            ["--upload-limit", "no limit", "SWARMLET_UPLOAD_LIMIT"],
            ["--upload-slots", "8", "SWARMLET_UPLOAD_SLOTS"],
            ["--max-links", "24", "SWARMLET_MAX_LINKS"],
            ["--encryption", "allow", "SWARMLET_ENCRYPTION"],
            ["--utp", "off", "SWARMLET_UTP"],
            ["--scrub", "24h", "SWARMLET_SCRUB"],
            ["--tracker", "none", "SWARMLET_TRACKER"],
        ],
    ),
    (
        "node",
        &[
            ["--conf", "/torrent.conf", "SWARMLET_CONF"],
            ["--data", "/data.bin", "SWARMLET_DATA"],
            ["--shares", "none", "SWARMLET_SHARES"],
            ["--listen", "0.0.0.0:6881", "SWARMLET_LISTEN"],
            ["--state", "/var/lib/swarmlet", "SWARMLET_STATE"],
            ["--fleet", "the nameless", "SWARMLET_FLEET"],
            ["--swarm", "the only one", "SWARMLET_SWARM"],
            ["--sweep", "off", "SWARMLET_SWEEP"],
            ["--lan", "off", "SWARMLET_LAN"],
            ["--dht", "off", "SWARMLET_DHT"],
            ["--dht-bootstrap", "the public", "SWARMLET_DHT_BOOTSTRAP"],
            ["--port-map", "off", "SWARMLET_PORT_MAP"],
            ["--fleet-secret-file", "none", "SWARMLET_FLEET_SECRET_FILE"],
            ["--access-file", "everybody", "SWARMLET_ACCESS_FILE"],
            ["--peer", "none", "SWARMLET_PEER"],
            ["--download-limit", "no limit", "SWARMLET_DOWNLOAD_LIMIT"],
            ["--upload-limit", "no limit", "SWARMLET_UPLOAD_LIMIT"],
            ["--upload-slots", "8", "SWARMLET_UPLOAD_SLOTS"],
            ["--max-links", "24", "SWARMLET_MAX_LINKS"],
            ["--encryption", "allow", "SWARMLET_ENCRYPTION"],
            ["--utp", "off", "SWARMLET_UTP"],
            ["--scrub", "24h", "SWARMLET_SCRUB"],
            ["--standstill-limit", "2m", "SWARMLET_STANDSTILL_LIMIT"],
            ["--tracker", "none", "SWARMLET_TRACKER"],
            ["--source", "none", "SWARMLET_SOURCE"],
            ["--http", "127.0.0.1:6880", "SWARMLET_HTTP"],
            [
                "--http-token-file",
                "http-token",
                "SWARMLET_HTTP_TOKEN_FILE",
            ],
            ["--http-open", "nothing", "SWARMLET_HTTP_OPEN"],
            [
                "--exit-when-complete",
                "go on",
                "SWARMLET_EXIT_WHEN_COMPLETE",
            ],
            ["--seed-for", "end at once", "SWARMLET_SEED_FOR"],
            ["--before-exec", "run it beside", "SWARMLET_BEFORE_EXEC"],
        ],
    ),
    (
        "create",
        &[
            ["--part-size", "a power of two", "SWARMLET_PART_SIZE"],
            ["--peer", "none", "SWARMLET_PEER"],
            ["--out", "torrent.conf", "SWARMLET_OUT"],
            ["--name", "that of PATH", "SWARMLET_NAME"],
            ["--tracker", "none", "SWARMLET_TRACKER"],
            ["--web-seed", "none", "SWARMLET_WEB_SEED"],
            ["--private", "any way", "SWARMLET_PRIVATE"],
            ["--comment", "nothing", "SWARMLET_COMMENT"],
        ],
    ),
    ("show", &[["--all", "the first 30", "SWARMLET_ALL"]]),
    (
        "verify",
        &[
            ["--conf", "/torrent.conf", "SWARMLET_CONF"],
            ["--data", "/data.bin", "SWARMLET_DATA"],
        ],
    ),
    (
        "demo",
        &[
            ["--nodes", "8", "SWARMLET_NODES"],
            ["--size", "64MiB", "SWARMLET_SIZE"],
            ["--secret", "links are open", "SWARMLET_SECRET"],
        ],
    ),
    (
        "status",
        &[
            ["--watch", "show it once", "SWARMLET_WATCH"],
            ["--check", "with 0", "SWARMLET_CHECK"],
            CLIENT[0],
            CLIENT[1],
            CLIENT[2],
        ],
    ),
    ("peers", &CLIENT),
    ("events", &CLIENT),
    (
        "add",
        &[
            ["--to", "in the node's", "SWARMLET_TO"],
            ["--peer", "none", "SWARMLET_PEER"],
            CLIENT[0],
            CLIENT[1],
            CLIENT[2],
        ],
    ),
    ("remove", &CLIENT),
    ("pause", &CLIENT),
    ("resume", &CLIENT),
    ("recheck", &CLIENT),
    (
        "ban",
        &[
            ["--for", "until it is lifted", "SWARMLET_FOR"],
            CLIENT[0],
            CLIENT[1],
            CLIENT[2],
        ],
    ),
    ("unban", &CLIENT),
    ("bans", &CLIENT),
    ("log", &CLIENT),
    ("man", &[["--out", "print one page", "SWARMLET_OUT"]]),
];

/// The flags of every command that talks to a running node.
const CLIENT: [Flag; 3] = [
    ["--node", "the one of this machine", "SWARMLET_NODE"],
    [
        "--token-file",
        "none, or that of",
        "SWARMLET_HTTP_TOKEN_FILE",
    ],
    ["--json", "a table on a terminal", "SWARMLET_JSON"],
];

#[test]
fn no_arguments_print_a_short_help() {
    let output = swarmlet::<&str>([]);
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    for word in [
        "node",
        "create",
        "verify",
        "demo",
        "swarmlet demo",
        "status",
    ] {
        assert!(text.contains(word), "{text}");
    }
    // In groups: a list of 21 would be read by nobody.
    for group in ["Run a node:", "Talk to a running node:", "Work on files:"] {
        assert!(text.contains(group), "{text}");
    }
    assert!(text.lines().count() < 50, "{text}");
    assert_eq!(stderr(&output), "");
}

#[test]
fn help_names_every_flag_with_its_default_and_its_variable() {
    for (command, flags) in FLAGS {
        let output = swarmlet([command, "--help"]);
        assert_eq!(output.status.code(), Some(0));
        let text = stdout(&output);
        assert!(text.contains("Exit status:"), "{text}");
        let (text, _) = text.split_once("\nExamples:").expect("examples");
        let mut entries = 0;
        for entry in text
            .split("\n  -")
            .flat_map(|entry| entry.split("\n      --"))
        {
            entries += usize::from(entry.contains("[env: "));
        }
        assert_eq!(entries, flags.len(), "a flag that is not listed here");
        for [flag, default, variable] in flags {
            // At the beginning of its entry: others may speak of it.
            let entry =
                |(before, after): (&str, &str)| text.split_once(&format!("{before}{flag}{after}"));
            let forms = [
                ("\n      ", " "),
                ("\n      ", "\n"),
                (", ", " "),
                (", ", "\n"),
            ];
            let (_, rest) = forms
                .into_iter()
                .find_map(entry)
                .expect("the flag stands in the help");
            let end = rest.find("\n      --").unwrap_or(rest.len());
            let words: Vec<&str> = rest[..end].split_whitespace().collect();
            let entry = words.join(" ");
            assert!(
                entry.contains(&format!("[default: {default}")),
                "{flag}: {entry}"
            );
            assert!(
                entry.contains(&format!("[env: {variable}]")),
                "{flag}: {entry}"
            );
        }
    }
}

#[test]
fn the_general_help_documents_the_statuses() {
    let text = stdout(&swarmlet(["--help"]));
    for line in ["\n  0  ", "\n  1  ", "\n  2  ", "\n  3  ", "Examples:"] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_wrong_command_line_is_one_line_a_hint_and_status_2() {
    for (line, complaint, about) in [
        (&["serve"][..], "unrecognized subcommand 'serve'", ""),
        (
            &["get", "x", "--seed", "for", "ever"],
            "invalid value 'for ever' for '--seed': expected `for` and a time such as \
             90s, 30m, 2h or 1d, or `ratio` and a number such as 1.5",
            " get",
        ),
        (
            &["get", "--seed"],
            "the following required arguments were not provided: <SOURCE>...",
            " get",
        ),
        (
            &["node", "--fast"],
            "unexpected argument '--fast' found",
            " node",
        ),
        (
            &["create"],
            "the following required arguments were not provided: <PATH>",
            " create",
        ),
        (
            &["create", "x", "--part-size=-1"],
            "invalid value '-1' for '--part-size <SIZE>': '-1' is not a size: \
             expected a whole number and a unit such as 256KiB, 64MiB or 1GB",
            " create",
        ),
        (
            &["node", "--listen", "localhost"],
            "invalid value 'localhost' for '--listen <ADDR>': \
             expected IP, IP:PORT or [IPv6]:PORT",
            " node",
        ),
        (
            &["node", "--sweep", "on"],
            "invalid value 'on' for '--sweep <off|auto|CIDR>': \
             expected off, auto or a range of addresses such as 10.0.0.0/24",
            " node",
        ),
        (
            &["node", "--lan", "maybe"],
            "invalid value 'maybe' for '--lan <on|off>': expected on or off",
            " node",
        ),
        (
            &["node", "--peer", "host:0"],
            "invalid value 'host:0' for '--peer <ADDR>': 'host:0' is not an address: \
             the port '0' is not a number from 1 to 65535",
            " node",
        ),
        (
            &["node", "--exit-when-complete", "--seed-for", "10"],
            "invalid value '10' for '--seed-for <DURATION>': \
             expected a time such as 90s, 30m, 2h or 1d",
            " node",
        ),
        (
            &["node", "--seed-for", "10m"],
            "'--seed-for' needs '--exit-when-complete': \
             without it a node serves until it is stopped",
            " node",
        ),
        (
            &["node", "--before-exec"],
            "'--before-exec' needs a COMMAND: name it at the end, behind '--'",
            " node",
        ),
        (
            &["node", "--exit-when-complete", "--", "true"],
            "'--exit-when-complete' cannot be used with a COMMAND: the node ends when that ends",
            " node",
        ),
        (
            &["status", "--node", "ftp://x/"],
            "invalid value 'ftp://x/' for '--node <ADDR|PATH>': \
             expected IP, IP:PORT, [IPv6]:PORT, an http:// URL, or a path",
            " status",
        ),
        (
            &["status", "--watch", "--check"],
            "the argument '--watch' cannot be used with '--check'",
            " status",
        ),
        (
            &["ban", "10.0.0.7", "--for", "2y"],
            "invalid value '2y' for '--for <DURATION>': \
             expected a time such as 90s, 30m, 2h or 1d, of a year at most",
            " ban",
        ),
        (
            &["ban", "10.0.0.7:80"],
            "invalid value '10.0.0.7:80' for '<IP>': invalid IP address syntax",
            " ban",
        ),
        (
            &["demo", "--nodes", "1"],
            "invalid value '1' for '--nodes <N>': 1 is not in 2..=200",
            " demo",
        ),
    ] {
        let output = swarmlet(line);
        let hint = format!("try 'swarmlet{about} --help'");
        assert_eq!(
            stderr(&output),
            format!("error: {complaint}\n  hint: {hint}\n")
        );
        assert_eq!(output.status.code(), Some(2), "{line:?}");
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn a_slip_of_the_pen_gets_the_right_word() {
    let output = swarmlet(["node", "--pear", "10.0.0.1"]);
    assert_eq!(
        stderr(&output),
        "error: unexpected argument '--pear' found\n  \
         hint: a similar argument exists: '--peer'\n"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_variable_stands_for_a_flag_and_the_flag_wins() {
    let folder = Folder::new();
    folder.write("data", b"content");
    let data = folder.path("data");
    let create = |variable: (&str, &str), arguments: &[&str]| {
        let mut command = command(["create", &data, "-o-"]);
        let output = command.args(arguments).envs([variable]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stderr(&output) + &stdout(&output)
    };
    let text = create(("SWARMLET_PART_SIZE", "3"), &[]);
    assert!(text.contains("in 3 parts of 3 bytes"), "{text}");
    let text = create(("SWARMLET_PART_SIZE", "3"), &["--part-size=7"]);
    assert!(text.contains("in 1 part of 7 bytes"), "{text}");
    let text = create(("SWARMLET_PART_SIZE", ""), &[]);
    assert!(text.contains("in 1 part of 16 KiB"), "{text}");
    let text = create(("SWARMLET_PEER", "10.0.0.1,node-2.example:7000"), &[]);
    assert!(text.contains("10.0.0.1"), "{text}");
    assert!(text.contains("node-2.example:7000"), "{text}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = Folder::new();
    folder.write("data", b"content");
    let (data, conf) = (folder.path("data"), folder.path("torrent.conf"));
    for arguments in [
        vec!["--help"],
        vec![],
        vec!["create", &data, "-o", "-"],
        vec!["create", &data, "-o", &conf],
        vec!["verify", "--conf", &conf, "--data", &data],
    ] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = command(&arguments).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!stderr(&output).contains("error"), "{}", stderr(&output));
    }
}

#[test]
fn nothing_is_coloured_where_there_is_no_terminal() {
    for arguments in [&["--help"][..], &["node", "--help"], &["node", "--fast"]] {
        let output = swarmlet(arguments);
        assert!(!(stdout(&output) + &stderr(&output)).contains('\x1b'));
    }
}
