//! One host that takes all connections it can get.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use crate::request::{connect_from, get};
use crate::stage::{SEED, Stage};

/// As docs/http.md says: of one host, and in all.
const OF_ONE: usize = 128;
const IN_ALL: usize = 512;

/// Is it open still? Nothing is ever said on it.
fn is_open(mut stream: &TcpStream) -> bool {
    stream
        .set_read_timeout(Some(Duration::from_millis(1)))
        .unwrap();
    let blocks = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
    matches!(stream.read(&mut [0]), Err(error) if blocks.contains(&error.kind()))
}

#[test]
fn a_host_that_takes_all_connections_it_can_get_keeps_nobody_else_out() {
    let stage = Stage::running(1 << 20, 64 * 1024, &[], &[]);
    let face = stage.face(SEED);
    let crowd = IpAddr::from(stage.subnet.ip(9));
    // Half heads, renewed for as long as anybody is kept out.
    let half = |_| {
        let mut stream = connect_from(crowd, face).unwrap();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n");
        stream
    };
    let streams: Vec<_> = (0..2 * IN_ALL).map(half).collect();
    let answer = get("/api/v1/status").send(face);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let open = streams.iter().filter(|stream| is_open(stream)).count();
    println!("{} half heads of one host: {open} open", streams.len());
    assert!(open <= OF_ONE, "{open}");
    drop(streams);
    // Whoever leaves may come again: its places are not lost.
    let mut told = 0;
    for _ in 0..100 * OF_ONE {
        if told == 2 * OF_ONE {
            return;
        }
        let mut stream = connect_from(crowd, face).unwrap();
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {face}\r\nConnection: close\r\n\r\n");
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        told += usize::from(answer.starts_with(b"HTTP/1.1 "));
    }
    panic!("answered {told} times only");
}
