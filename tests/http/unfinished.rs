//! Bodies and heads that never end.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::stage::{SEED, Stage};

/// A connection that is open for longer is held.
const PATIENCE: Duration = Duration::from_secs(60);

/// One on which these bytes are said.
fn say(face: SocketAddr, words: &str) -> TcpStream {
    let mut stream = TcpStream::connect(face).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(words.as_bytes()).unwrap();
    stream
}

/// The head of a request whose body comes in chunks.
fn chunked(face: SocketAddr, path: &str, more: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {face}\r\n{more}Transfer-Encoding: chunked\r\n\
         Content-Type: application/json\r\n\r\n"
    )
}

/// What comes until the other end closes, as it has to.
fn all_of(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    let mut some = [0; 4_096];
    loop {
        match stream.read(&mut some) {
            Ok(0) => break,
            Ok(count) => said.extend(&some[..count]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&said)),
        }
    }
    String::from_utf8(said).unwrap()
}

#[test]
fn a_body_that_nobody_reads_and_that_never_ends_holds_no_connection() {
    let stage = Stage::running(1 << 20, 64 * 1024, &[], &[]);
    let face = stage.face(SEED);
    for (path, status) in [
        ("/healthz", "405 "),
        ("/nothing", "404 "),
        ("/api/v1/swarms", "401 "),
        ("/api/v1/events", "401 "),
    ] {
        let stream = say(face, &(chunked(face, path, "") + "5\r\nabcde\r\n"));
        let said = all_of(stream);
        assert!(said.starts_with(&format!("HTTP/1.1 {status}")), "{said}");
        assert!(
            said.to_lowercase().contains("\r\nconnection: close"),
            "{said}"
        );
        assert_eq!(said.matches("HTTP/1.1").count(), 1, "{said}");
    }
}

#[test]
fn a_body_of_which_no_more_comes_and_a_second_head_that_never_ends_hold_no_connection() {
    let stage = Stage::running(1 << 20, 64 * 1024, &[], &[]);
    let face = stage.face(SEED);
    let token = format!("Authorization: Bearer {}\r\n", stage.token(SEED));
    let head = chunked(face, "/api/v1/peers", &token);
    let stops = say(face, &(head.clone() + "c\r\n{\"address\": \r\n"));
    let first = format!("GET /healthz HTTP/1.1\r\nHost: {face}\r\n\r\n");
    let half = say(face, &first);
    let mut some = [0; 64];
    let _ = (&half).read(&mut some).unwrap();
    (&half).write_all(b"GET /healthz HTT").unwrap();
    // One that goes on is waited for.
    let mut goes_on = say(face, &head);
    for part in [
        "c\r\n{\"address\": \r\n",
        "c\r\n\"127.0.0.1\"}\r\n",
        "0\r\n\r\n",
    ] {
        std::thread::sleep(Duration::from_millis(100));
        goes_on.write_all(part.as_bytes()).unwrap();
    }
    goes_on.shutdown(std::net::Shutdown::Write).unwrap();
    let said = all_of(goes_on);
    assert!(
        !said.contains("too-slow") && said.starts_with("HTTP/1.1 2"),
        "{said}"
    );
    let said = all_of(stops);
    assert!(
        said.starts_with("HTTP/1.1 408 ") && said.contains("urn:swarmlet:too-slow"),
        "{said}"
    );
    let said = all_of(half);
    assert!(!said.contains("HTTP/1.1"), "no second answer: {said}");
}
