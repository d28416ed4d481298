//! Trackers of the tests: small HTTP (BEP 3) and UDP (BEP 15) servers on loopback.
//!
//! Each keeps what it was told, and names to each peer all others of its swarm; or it misbehaves,
//! as the test asks. A peer's address is where its request came from, with the port that it named.
//! Invariant: a tracker ends with its value.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What a tracker does with a request.
#[derive(Clone, Debug)]
pub enum Manner {
    /// It answers by the book.
    Honest,
    /// It answers with these bytes.
    Says(Vec<u8>),
    /// It sends us where we are.
    RedirectsInALoop,
    /// It accepts, and never answers.
    IsSilent,
    /// It answers by the book once, and never again.
    AnswersOnce,
}

/// An announce that came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Told {
    /// Who says so: where the request came from, with the port that it names.
    pub from: SocketAddr,
    /// The swarm.
    pub info_hash: [u8; 20],
    /// `started`, `completed`, `stopped` or nothing.
    pub event: String,
    /// Bytes that are missing.
    pub left: u64,
    /// Bytes that were fetched in this life.
    pub downloaded: u64,
}

#[derive(Debug, Default)]
struct Book {
    told: Vec<Told>,
    swarms: BTreeMap<[u8; 20], BTreeSet<SocketAddr>>,
}

/// A running tracker.
#[derive(Debug)]
pub struct Tracker {
    /// Where it is asked.
    pub url: String,
    book: Arc<Mutex<Book>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tracker {
    /// An HTTP tracker at that address.
    pub fn http(at: SocketAddr, manner: Manner) -> Self {
        let listener = TcpListener::bind(at).expect("bind a tracker");
        let at = listener.local_addr().expect("a tracker's address");
        listener.set_nonblocking(true).expect("set nonblocking");
        let url = format!("http://{at}/announce?pass=secret");
        Self::run(url, move |book, is_stopped| {
            let mut held = Vec::new();
            while !is_stopped() {
                match listener.accept() {
                    // A client that hangs up in the middle is no matter.
                    Ok((stream, from)) => {
                        let is_over = !note_of(book).is_empty();
                        let is_silent = match manner {
                            Manner::IsSilent => true,
                            Manner::AnswersOnce => is_over,
                            _ => false,
                        };
                        if is_silent {
                            note_silently(&stream, from.ip(), book);
                            held.push(stream);
                        } else {
                            let _ = serve(stream, from.ip(), at, &manner, book);
                        }
                    }
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        })
    }

    /// A UDP tracker at that address.
    pub fn udp(at: SocketAddr, manner: Manner) -> Self {
        let socket = UdpSocket::bind(at).expect("bind a tracker");
        let at = socket.local_addr().expect("a tracker's address");
        let patience = Some(Duration::from_millis(20));
        socket.set_read_timeout(patience).expect("set a timeout");
        Self::run(format!("udp://{at}/announce"), move |book, is_stopped| {
            let mut packet = [0; 2048];
            while !is_stopped() {
                let Ok((length, from)) = socket.recv_from(&mut packet) else {
                    continue;
                };
                let answer = match &manner {
                    Manner::Says(bytes) => Some(bytes.clone()),
                    Manner::Honest => answer_packet(&packet[..length], from, book),
                    Manner::IsSilent | Manner::AnswersOnce | Manner::RedirectsInALoop => None,
                };
                if let Some(answer) = answer {
                    let _ = socket.send_to(&answer, from);
                }
            }
        })
    }

    /// All that it was told, in order.
    pub fn told(&self) -> Vec<Told> {
        note_of(&self.book)
    }

    /// What that host told it: the events in order.
    pub fn events_of(&self, ip: IpAddr) -> Vec<String> {
        let told = self.told().into_iter().filter(|told| told.from.ip() == ip);
        told.map(|told| told.event).collect()
    }

    /// Adds a peer that announced nothing.
    pub fn add_peer(&self, info_hash: [u8; 20], peer: SocketAddr) {
        let mut book = self.book.lock().expect("lock the book");
        book.swarms.entry(info_hash).or_default().insert(peer);
    }

    fn run(
        url: String,
        work: impl FnOnce(&Mutex<Book>, &dyn Fn() -> bool) + Send + 'static,
    ) -> Self {
        let book = Arc::<Mutex<Book>>::default();
        let stop = Arc::new(AtomicBool::new(false));
        let (its_book, its_stop) = (Arc::clone(&book), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            work(&its_book, &|| its_stop.load(Ordering::Relaxed));
        });
        Self {
            url,
            book,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Book {
    /// Writes an announce down; gives the others of the swarm.
    fn announced(&mut self, told: Told) -> Vec<SocketAddr> {
        let swarm = self.swarms.entry(told.info_hash).or_default();
        if told.event == "stopped" {
            swarm.remove(&told.from);
        } else {
            swarm.insert(told.from);
        }
        let others = swarm.iter().filter(|peer| **peer != told.from);
        let others = others.copied().collect();
        self.told.push(told);
        others
    }
}

fn note_of(book: &Mutex<Book>) -> Vec<Told> {
    book.lock().expect("lock the book").told.clone()
}

fn note_silently(stream: &TcpStream, from: IpAddr, book: &Mutex<Book>) {
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    if let Ok(Some(told)) = read_request(stream, from) {
        book.lock().expect("lock the book").told.push(told);
    }
}

fn read_request(stream: &TcpStream, from: IpAddr) -> std::io::Result<Option<Told>> {
    let mut lines = BufReader::new(Read::take(stream, 8 * 1024));
    let mut request = String::new();
    lines.read_line(&mut request)?;
    // Read to its end: a socket that closes with unread bytes resets the connection.
    let mut line = String::new();
    while lines.read_line(&mut line)? > 2 {
        line.clear();
    }
    Ok(parse(&request, from))
}

fn serve(
    stream: TcpStream,
    from: IpAddr,
    at: SocketAddr,
    manner: &Manner,
    book: &Mutex<Book>,
) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.set_write_timeout(Some(Duration::from_secs(2)))?;
    let told = read_request(&stream, from)?;
    let (status, more, body) = match manner {
        Manner::RedirectsInALoop => {
            let place = format!("Location: http://{at}/announce\r\n");
            if let Some(told) = told {
                book.lock().expect("lock the book").told.push(told);
            }
            ("302 Found", place, Vec::new())
        }
        Manner::Says(bytes) => {
            if let Some(told) = told {
                book.lock().expect("lock the book").told.push(told);
            }
            ("200 OK", String::new(), bytes.clone())
        }
        Manner::Honest | Manner::IsSilent | Manner::AnswersOnce => match told {
            None => {
                let body = b"d14:failure reason15:not an announcee".to_vec();
                ("400 Bad Request", String::new(), body)
            }
            Some(told) => {
                let peers = book.lock().expect("lock the book").announced(told);
                ("200 OK", String::new(), answer(&peers))
            }
        },
    };
    let head = format!(
        "HTTP/1.1 {status}\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    (&stream).write_all(&[head.as_bytes(), &body].concat())
}

/// Reads `GET /announce?... HTTP/1.1`.
fn parse(request: &str, from: IpAddr) -> Option<Told> {
    let target = request.strip_prefix("GET ")?.split(' ').next()?;
    let (_, query) = target.split_once('?')?;
    let value = |key: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == key);
        values.next().map(|(_, value)| value.to_owned())
    };
    assert_eq!(value("ip"), None, "a node must not say where it is");
    Some(Told {
        from: SocketAddr::new(from, value("port")?.parse().ok()?),
        info_hash: unescape(&value("info_hash")?).try_into().ok()?,
        event: value("event").unwrap_or_default(),
        left: value("left")?.parse().ok()?,
        downloaded: value("downloaded")?.parse().ok()?,
    })
}

fn unescape(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(hex, 16).expect("two hex digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

fn compact(peers: &[SocketAddr]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for peer in peers {
        if let SocketAddr::V4(peer) = peer {
            bytes.extend_from_slice(&peer.ip().octets());
            bytes.extend_from_slice(&peer.port().to_be_bytes());
        }
    }
    bytes
}

/// The bencoded answer with these peers.
pub fn answer(peers: &[SocketAddr]) -> Vec<u8> {
    let peers = compact(peers);
    let head = format!("d8:intervali1800e5:peers{}:", peers.len());
    [head.as_bytes(), &peers, b"e"].concat()
}

/// What BEP 15 answers to a packet.
fn answer_packet(packet: &[u8], from: SocketAddr, book: &Mutex<Book>) -> Option<Vec<u8>> {
    const CONNECTION: &[u8] = b"CONNID42";
    let action = packet.get(8..12)?;
    let transaction = packet.get(12..16)?;
    if action == [0; 4] {
        return Some([&[0; 4], transaction, CONNECTION].concat());
    }
    if packet.len() < 98 || packet[..8] != *CONNECTION {
        return Some([&[0, 0, 0, 3], transaction, b"no connection"].concat());
    }
    let event = match packet[83] {
        1 => "completed",
        2 => "started",
        3 => "stopped",
        _ => "",
    };
    let port = u16::from_be_bytes([packet[96], packet[97]]);
    let told = Told {
        from: SocketAddr::new(from.ip(), port),
        info_hash: packet[16..36].try_into().ok()?,
        event: event.to_owned(),
        left: u64::from_be_bytes(packet[64..72].try_into().ok()?),
        downloaded: u64::from_be_bytes(packet[56..64].try_into().ok()?),
    };
    let peers = book.lock().expect("lock the book").announced(told);
    let head = [0, 0, 7, 8, 0, 0, 0, 1, 0, 0, 0, 1];
    Some([&[0, 0, 0, 1], transaction, &head, &compact(&peers)].concat())
}
