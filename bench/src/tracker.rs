//! A tracker for engines that take peers from nowhere else (BEP 3, BEP 23).
//!
//! It serves one run: it tells leechers the addresses of all others, and the seed nothing, so that
//! it waits to be dialled. The number of the node stands in the URL, as all of them may come from
//! one address. What nodes announce is passed on: that a seed is there, that a leecher has all.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::network::Network;
use crate::process::{Mark, Report};

/// 2 s for a request on a local connection, so that nobody keeps the tracker.
const PATIENCE: Duration = Duration::from_secs(2);

/// 8 KiB: far longer than any announce; what is longer is cut.
const MAX_REQUEST: u64 = 8 * 1024;

/// A running tracker; it stops when dropped.
#[derive(Debug)]
pub(crate) struct Tracker {
    address: SocketAddrV4,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tracker {
    /// Starts a tracker of these nodes.
    ///
    /// # Errors
    /// There is no socket for it.
    pub(crate) fn start(
        network: &Network,
        nodes: Vec<SocketAddrV4>,
        reports: Sender<Report>,
    ) -> io::Result<Self> {
        let listener = network.listen()?;
        let SocketAddr::V4(address) = listener.local_addr()? else {
            return Err(io::Error::other("bug: the tracker has no IPv4 address"));
        };
        listener.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !is_stopped.load(Ordering::Relaxed) {
                match listener.accept() {
                    // A client that hangs up in the middle has what it wanted.
                    Ok((stream, _)) => drop(serve(stream, &nodes, &reports)),
                    // 5 ms: too seldom to cost anything, too often to be waited for.
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        });
        Ok(Self {
            address,
            stop,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddrV4 {
        self.address
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

fn serve(stream: TcpStream, nodes: &[SocketAddrV4], reports: &Sender<Report>) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(io::Read::take(&stream, MAX_REQUEST));
    let mut request = String::new();
    lines.read_line(&mut request)?;
    // The head is read to its end: closing a socket with unread bytes resets it.
    let mut line = String::new();
    while lines.read_line(&mut line)? > 2 {
        line.clear();
    }
    let announce = Announce::parse(&request, nodes.len());
    let body = announce.as_ref().map_or_else(
        || b"d14:failure reason15:not an announce".to_vec(),
        |announce| announce.answer(nodes),
    );
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    (&stream).write_all(&[head.as_bytes(), &body].concat())?;
    if let Some((node, mark)) = announce.and_then(|announce| Some((announce.node, announce.mark?)))
    {
        // Nobody may be waiting any more.
        let _ = reports.send(Report { node, mark });
    }
    Ok(())
}

/// What a node says of itself.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
struct Announce {
    node: usize,
    mark: Option<Mark>,
}

impl Announce {
    /// Reads a request line: `GET /3/announce?event=started&left=0&... HTTP/1.1`.
    fn parse(request: &str, nodes: usize) -> Option<Self> {
        let target = request.strip_prefix("GET /")?.split(' ').next()?;
        let (node, rest) = target.split_once('/')?;
        let query = rest.strip_prefix("announce?")?;
        let node = node.parse().ok().filter(|node| *node < nodes)?;
        let has = |word: &str| query.split('&').any(|part| part == word);
        let mark = if has("event=completed") {
            Some(Mark::Complete)
        } else if has("left=0") && has("event=started") {
            Some(Mark::Ready)
        } else {
            None
        };
        Some(Self { node, mark })
    }

    fn answer(self, nodes: &[SocketAddrV4]) -> Vec<u8> {
        let others = nodes
            .iter()
            .enumerate()
            .filter(|(node, _)| *node != self.node);
        let peers: Vec<u8> = others
            .filter(|_| self.node > 0)
            .flat_map(|(_, address)| {
                let [high, low] = address.port().to_be_bytes();
                let [a, b, c, d] = address.ip().octets();
                [a, b, c, d, high, low]
            })
            .collect();
        // Nobody needs to come back within a run.
        let head = format!("d8:intervali1800e5:peers{}:", peers.len());
        [head.as_bytes(), &peers, b"e"].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes() -> Vec<SocketAddrV4> {
        ["10.0.0.2:6881", "10.0.0.3:6882", "10.0.0.4:6883"]
            .map(|address| address.parse().unwrap())
            .to_vec()
    }

    #[test]
    fn announces_are_told_apart() {
        let parse = |line: &str| Announce::parse(line, 3);
        let node = 2;
        let mark = None;
        let line = "GET /2/announce?info_hash=%01&left=5&event=started HTTP/1.1";
        assert_eq!(parse(line), Some(Announce { node, mark }));
        let mark = Some(Mark::Ready);
        let line = "GET /2/announce?event=started&left=0 HTTP/1.1";
        assert_eq!(parse(line), Some(Announce { node, mark }));
        let mark = Some(Mark::Complete);
        let line = "GET /2/announce?left=0&event=completed HTTP/1.1";
        assert_eq!(parse(line), Some(Announce { node, mark }));
        assert_eq!(parse("GET /3/announce?left=0 HTTP/1.1"), None);
        assert_eq!(parse("GET /scrape HTTP/1.1"), None);
        assert_eq!(parse("rubbish"), None);
    }

    #[test]
    fn a_leecher_hears_of_all_others_and_the_seed_of_nobody() {
        let answer = |node| Announce { node, mark: None }.answer(&nodes());
        assert_eq!(answer(0), b"d8:intervali1800e5:peers0:e");
        let expected = b"d8:intervali1800e5:peers12:\x0a\0\0\x02\x1a\xe1\x0a\0\0\x04\x1a\xe3e";
        assert_eq!(answer(1), expected);
    }

    #[test]
    fn it_answers_over_a_socket_and_passes_on_what_it_hears() {
        let network = Network::new(3, true).unwrap();
        let (sender, reports) = std::sync::mpsc::channel();
        let tracker = Tracker::start(&network, nodes(), sender).unwrap();
        let mut stream = TcpStream::connect(tracker.address()).unwrap();
        stream
            .write_all(b"GET /1/announce?left=0&event=completed HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        io::Read::read_to_end(&mut stream, &mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert!(
            answer.ends_with(
                &Announce {
                    node: 1,
                    mark: None
                }
                .answer(&nodes())
            )
        );
        let mark = Mark::Complete;
        assert_eq!(reports.recv().unwrap(), Report { node: 1, mark });
    }
}
