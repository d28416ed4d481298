//! What cannot be done: one line that says why, and one that says what to do.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;

use crate::stage::{SEED, Stage, assert_fails, stderr};

const NAME_IT: &str = "\n  hint: is one running, and not with --http off? name it with --node: its \
                       address, or the path of its state directory\n";

const TOKEN: &str = "\n  hint: name the file of its token with --token-file, or its state directory with \
                     --node: by the socket there no token is needed\n";

#[test]
fn where_no_node_is_the_error_says_where_it_was_looked_for() {
    let stage = Stage::empty();
    let nobody = SocketAddr::from((stage.subnet.ip(9), 6880));
    let stale = stage.path("stale.sock");
    drop(UnixListener::bind(&stale).unwrap());
    let stale = stale.to_str().unwrap();
    for (node, at) in [
        (
            nobody.ip().to_string(),
            format!("{nobody}: connection refused"),
        ),
        (stale.to_owned(), format!("{stale}: connection refused")),
        (
            "./nowhere".to_owned(),
            "./nowhere: no such file or directory".to_owned(),
        ),
    ] {
        for command in [&["status"][..], &["pause"], &["events"], &["status", "-w"]] {
            let output = stage
                .command(&[command, &["--node", &node]].concat())
                .output();
            let complaint = format!("error: no node answers at {at}{NAME_IT}");
            assert_fails(&output.unwrap(), &complaint);
        }
    }
    // A bare name may be meant for a host.
    let host = stage.command(&["status", "--node", "nohost.example"]);
    let complaint = "error: no node answers at nohost.example: no such file or directory\n  \
                     hint: a host is named with its port: nohost.example:6880; nohost.example alone is a path\n";
    assert_fails(&{ host }.output().unwrap(), complaint);
    // A state directory that was named by the variable is the one that is meant. By then something
    // may listen at the usual address of this machine.
    if TcpListener::bind("127.0.0.1:6880").is_ok() {
        let state = stage.path("state");
        let mut usual = stage.command(&["status"]);
        let usual = usual.env("SWARMLET_STATE", &state).output().unwrap();
        let complaint = format!(
            "error: no node answers at {}/http.sock or 127.0.0.1:6880{NAME_IT}",
            state.display()
        );
        assert_fails(&usual, &complaint);
    }
}

#[test]
fn a_change_by_an_address_needs_the_right_token() {
    let (stage, _) = Stage::seed();
    let face = stage.face(SEED).to_string();
    let without = stage.command(&["pause", "--node", &face]).output().unwrap();
    let said = stderr(&without);
    assert!(
        said.starts_with("error: send the node's token as "),
        "{said}"
    );
    assert!(said.ends_with(TOKEN), "{said}");
    assert_eq!(without.status.code(), Some(1));

    let wrong = stage.path("wrong");
    fs::write(&wrong, "0123456789abcdef0123456789").unwrap();
    let wrong = wrong.to_str().unwrap();
    for command in ["pause", "status"] {
        let output = stage.command(&[command, "--node", &face, "--token-file", wrong]);
        let output = { output }.output().unwrap();
        assert_fails(
            &output,
            &format!("error: this is not the token of this node{TOKEN}"),
        );
    }
    // By the socket none is needed, and none is read.
    let socket = stage.state(SEED, "http.sock");
    let by_socket = stage
        .command(&["pause", "--node", &socket, "--token-file", "/nowhere"])
        .output()
        .unwrap();
    assert_eq!(by_socket.status.code(), Some(0), "{}", stderr(&by_socket));

    let short = stage.path("short");
    fs::write(&short, "secret").unwrap();
    let short = short.to_str().unwrap();
    let output = stage.command(&["pause", "--node", &face, "--token-file", short]);
    let said = stderr(&{ output }.output().unwrap());
    assert!(
        said.starts_with(&format!("error: the token in {short} is too short\n")),
        "{said}"
    );
}

#[test]
fn a_content_that_is_not_clear_is_refused_with_those_that_there_are() {
    let (mut stage, first) = Stage::seed();
    let second = stage.content(1_000);
    let file = stage.path("second.torrent");
    fs::write(&file, crate::support::torrent::torrent(&second)).unwrap();
    let file = file.to_str().unwrap();
    stage.ask(SEED, &["add", file, "--to", "second.bin"]);
    let hint = "\n  hint: swarmlet status lists them; an infohash always does, or its first digits: four, or \
                as many as are needed\n";
    let mut both = [
        (first.info_hash(), "data.bin"),
        (second.info_hash(), "second.bin"),
    ];
    both.sort();
    let both = both.map(|(hash, name)| format!("{name} ({})", &hash[..8]));
    let both = both.join(", ");
    for (arguments, complaint) in [
        (
            &["pause"][..],
            format!("this node has 2 contents; say which one is meant: {both}"),
        ),
        (&["pause", "data.bin"], format!("'data.bin' may be {both}")),
        (
            &["peers", "third"],
            format!("no content of this node is called 'third'; it has {both}"),
        ),
        (
            &["remove", &first.info_hash()[..3]],
            format!(
                "no content of this node is called '{}'; it has {both}",
                &first.info_hash()[..3]
            ),
        ),
    ] {
        let output = stage.asking(SEED, arguments).output().unwrap();
        assert_fails(&output, &format!("error: {complaint}{hint}"));
    }
}

#[test]
fn what_the_node_refuses_is_said_in_its_words() {
    let (stage, content) = Stage::seed();
    let torrent = stage.path("a.torrent");
    fs::write(&torrent, crate::support::torrent::torrent(&content)).unwrap();
    let torrent = torrent.to_str().unwrap();
    let other = stage.path("other");
    fs::write(&other, "no description").unwrap();
    let other = other.to_str().unwrap();
    let hash = content.info_hash();
    for (arguments, complaint) in [
        (
            &["add", torrent, "--to", "x"][..],
            format!("this node has {hash} already\n"),
        ),
        (
            &["add", "magnet:?xt=urn:btih:aabbccddeeff00112233445566778899aabbccdd"],
            "this node has no directory of contents: say where to keep it\n  \
             hint: with --to: the path of the file, or of the folder of its files\n"
                .to_owned(),
        ),
        (
            &["add", other, "--to", "x"],
            format!("{other}: not JSON: line 1, column 2: expected ident\n  hint: this is no torrent.conf, which begins with {{, no .torrent and no magnet link\n"),
        ),
        (
            &["add", "/nowhere.torrent", "--to", "x"],
            "cannot read /nowhere.torrent: no such file or directory\n".to_owned(),
        ),
        (
            &["add", &hash, "--to", "x"],
            format!(
                "{hash} is an infohash; a magnet link begins with magnet:?xt=urn:btih: in front of it\n"
            ),
        ),
        (
            &["unban", "10.99.0.2"],
            "10.99.0.2 is not banned\n  hint: swarmlet status lists what the node has, swarmlet bans \
             whom it does not speak to\n"
                .to_owned(),
        ),
        (
            &["log", "loud"],
            "'loud' is no level: use off, error, warn, info, debug or trace, or MODULE=LEVEL\n".to_owned(),
        ),
    ] {
        let output = stage.asking(SEED, arguments).output().unwrap();
        assert_fails(&output, &format!("error: {complaint}"));
    }
}

#[test]
fn something_else_that_answers_is_taken_for_no_node() {
    let stage = Stage::empty();
    let listener = TcpListener::bind((stage.subnet.ip(3), 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let answers = [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        "SSH-2.0-OpenSSH_9.9\r\n",
    ];
    let count = answers.len();
    let server = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4_096]);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    for _ in 0..count {
        let output = stage.command(&["status", "--node", &at.to_string()]);
        let output = { output }.output().unwrap();
        let said = stderr(&output);
        let expected = format!("error: what answers at {at} is no swarmlet node of this version: ");
        assert!(said.starts_with(&expected), "{said}");
        assert!(said.contains("\n  hint: "), "{said}");
        assert_eq!(output.status.code(), Some(1));
    }
    server.join().unwrap();
}
