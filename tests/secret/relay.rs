//! Somebody between two nodes, who passes on what they say and keeps a copy.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What went through, of all connections, to and from the node behind.
#[derive(Clone, Default)]
pub(crate) struct Recorded {
    pub(crate) to: Arc<Mutex<Vec<u8>>>,
    pub(crate) from: Arc<Mutex<Vec<u8>>>,
    /// The first bytes of each connection.
    pub(crate) first: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// Listens there and passes on to the other address, from one of its own.
pub(crate) fn start(at: SocketAddr, to: SocketAddr) -> Recorded {
    let listener = TcpListener::bind(at).unwrap();
    let recorded = Recorded::default();
    let kept = recorded.clone();
    thread::spawn(move || {
        for dialer in listener.incoming() {
            let (Ok(dialer), Ok(node)) = (dialer, TcpStream::connect(to)) else {
                continue;
            };
            let copies = [&dialer, &node].map(|socket| socket.try_clone().unwrap());
            let (there, back) = (kept.clone(), kept.clone());
            let [dialer_too, node_too] = copies;
            thread::spawn(move || pass(dialer, node, &there.to, Some(&there.first)));
            thread::spawn(move || pass(node_too, dialer_too, &back.from, None));
        }
    });
    recorded
}

fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    copy: &Mutex<Vec<u8>>,
    first: Option<&Mutex<Vec<Vec<u8>>>>,
) {
    let (mut buffer, mut is_first) = (vec![0; 65_536], true);
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        copy.lock().unwrap().extend_from_slice(&buffer[..count]);
        if let Some(first) = first.filter(|_| std::mem::take(&mut is_first)) {
            first.lock().unwrap().push(buffer[..count].to_vec());
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// What somebody at that address answers to these bytes before it closes.
pub(crate) fn answer(to: SocketAddr, from: Ipv4Addr, bytes: &[u8]) -> Vec<u8> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let mut socket = TcpStream::from(socket);
    socket.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    // Bytes of ours that were not read reset the connection; what was answered came before.
    let _ = socket.read_to_end(&mut answer);
    answer
}
