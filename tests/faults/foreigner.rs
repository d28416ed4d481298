//! Peers made by hand, which do what no client does: plain BEP 3 and BEP 6 over blocking sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub const UNCHOKE: &[u8] = &[0, 0, 0, 1, 1];
pub const INTERESTED: &[u8] = &[0, 0, 0, 1, 2];
pub const HAVE_ALL: &[u8] = &[0, 0, 0, 1, 14];
pub const HAVE_NONE: &[u8] = &[0, 0, 0, 1, 15];

/// How long a peer waits for the node to hang up on it.
const PATIENCE: Duration = Duration::from_secs(240);

/// A link whose ends have said who they are.
pub struct Link(pub TcpStream);

/// Connects from an address of this machine.
pub fn dial(from: IpAddr, to: SocketAddr) -> TcpStream {
    try_dial(from, to).expect("connect to a node")
}

/// The same, where it need not be possible.
pub fn try_dial(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let domain = socket2::Domain::for_address(to);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

/// 20 bytes that a client of another kind calls itself.
pub fn name(number: usize) -> [u8; 20] {
    let text = format!("-XX0000-{number:0>12}");
    text.as_bytes().try_into().unwrap()
}

impl Link {
    /// Says who we are first, and hears who they are.
    pub fn open(
        mut stream: TcpStream,
        info_hash: [u8; 20],
        name: [u8; 20],
    ) -> std::io::Result<Self> {
        stream.write_all(&hello(info_hash, name))?;
        stream.read_exact(&mut [0; 68])?;
        Ok(Self(stream))
    }

    pub fn say(&mut self, words: &[u8]) -> std::io::Result<()> {
        self.0.write_all(words)
    }

    /// Waits until the other end lets us ask. What else it says is dropped.
    pub fn until_unchoked(&mut self) -> std::io::Result<()> {
        loop {
            let mut length = [0; 4];
            self.0.read_exact(&mut length)?;
            let mut message = vec![0; u32::from_be_bytes(length) as usize];
            self.0.read_exact(&mut message)?;
            if message.first() == Some(&UNCHOKE[4]) {
                return Ok(());
            }
        }
    }

    /// How long it takes until the other end hangs up, while `meanwhile` is done twice a second.
    /// Whatever comes is read.
    pub fn until_closed(mut self, mut meanwhile: impl FnMut(&mut TcpStream)) -> Duration {
        let begin = Instant::now();
        let beat = Duration::from_millis(500);
        self.0.set_read_timeout(Some(beat)).unwrap();
        let mut buffer = vec![0; 65_536];
        let mut next = begin;
        while begin.elapsed() < PATIENCE {
            match self.0.read(&mut buffer) {
                Ok(0) => return begin.elapsed(),
                Ok(_) => {}
                Err(error) if is_timeout(&error) => {}
                Err(_) => return begin.elapsed(),
            }
            if next <= Instant::now() {
                next += beat;
                meanwhile(&mut self.0);
            }
        }
        panic!("nobody hung up within {PATIENCE:?}");
    }

    /// The same of an end that reads nothing: it finds out by writing.
    pub fn until_refused(mut self) -> Duration {
        let begin = Instant::now();
        self.0
            .set_write_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        while begin.elapsed() < PATIENCE {
            match self.0.write_all(&[0, 0, 0, 0]) {
                Err(error) if !is_timeout(&error) => return begin.elapsed(),
                _ => thread::sleep(Duration::from_millis(200)),
            }
        }
        panic!("nobody hung up within {PATIENCE:?}");
    }
}

/// Listens there, and does that on a thread with the first link that comes; later ones are closed.
pub fn serve<T: Send + 'static>(
    at: SocketAddr,
    act: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> JoinHandle<T> {
    let listener = TcpListener::bind(at).expect("listen as a peer");
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("accept a link");
        act(stream)
    })
}

/// Hears who dials, and answers.
pub fn answer(mut stream: TcpStream, name: [u8; 20]) -> std::io::Result<Link> {
    let mut heard = [0; 68];
    stream.read_exact(&mut heard)?;
    let info_hash = heard[28..48].try_into().unwrap();
    stream.write_all(&hello(info_hash, name))?;
    Ok(Link(stream))
}

/// A request for a whole piece.
pub fn request(piece: u32, length: u32) -> Vec<u8> {
    let mut words = vec![0, 0, 0, 13, 6];
    for number in [piece, 0, length] {
        words.extend(number.to_be_bytes());
    }
    words
}

fn hello(info_hash: [u8; 20], name: [u8; 20]) -> Vec<u8> {
    let mut hello = b"\x13BitTorrent protocol".to_vec();
    hello.extend([0, 0, 0, 0, 0, 0, 0, 4]);
    hello.extend(info_hash);
    hello.extend(name);
    hello
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
