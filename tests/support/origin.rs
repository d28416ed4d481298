//! An HTTP/1.1 server of the tests that has files, answers Range requests over kept connections, and
//! misbehaves as a test asks.
//!
//! It counts what it is asked and what it sends. Invariant: it ends with its value.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the server does with a request for one of its files.
#[derive(Clone, Debug)]
pub enum Manner {
    /// It answers by the book.
    Honest,
    /// It sends whole files, whatever range is asked for.
    Whole,
    /// It says this status, with these further lines in the head.
    Says(&'static str, String),
    /// It sends to another place: this, and the path behind it.
    Redirects(String),
    /// It sends one byte of each answer wrong.
    Corrupt,
    /// It closes the connection after so many bytes of a body.
    Closes(usize),
    /// It calls the bytes by another name than that which was asked for.
    WrongRange,
    /// It sends so many bytes at a time, and sleeps in between.
    Drips(usize, Duration),
}

/// What a server has done.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// The path and the range of each request.
    pub asked: Vec<(String, Range<usize>)>,
    /// Bytes of bodies.
    pub sent: usize,
    /// Connections that were accepted.
    pub connections: usize,
    /// Connections that are open, and the most that ever were.
    pub open: (usize, usize),
}

/// A server on a loopback address.
#[derive(Debug)]
pub struct Origin {
    /// Where it is, with a slash at the end.
    pub url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    files: BTreeMap<String, Vec<u8>>,
    manner: Mutex<Manner>,
    tally: Mutex<Tally>,
    streams: Mutex<Option<Vec<TcpStream>>>,
}

impl Origin {
    /// A server that has these files, each by its path, its query included.
    pub fn new(address: SocketAddr, files: &[(&str, &[u8])], manner: Manner) -> Self {
        let listener = TcpListener::bind(address).expect("listen as an origin");
        let files = files.iter();
        let files = files.map(|(path, bytes)| ((*path).to_owned(), bytes.to_vec()));
        let shared = Arc::new(Shared {
            files: files.collect(),
            manner: Mutex::new(manner),
            tally: Mutex::default(),
            streams: Mutex::new(Some(Vec::new())),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let kept = stream.try_clone().expect("share a socket");
                match &mut *serving.streams.lock().unwrap() {
                    Some(streams) => streams.push(kept),
                    // The last connection was made to end this.
                    None => break,
                }
                let shared = Arc::clone(&serving);
                thread::spawn(move || shared.serve(&stream));
            }
        });
        Self {
            url: format!("http://{address}/"),
            address,
            shared,
        }
    }

    /// From now on it does this.
    pub fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// What it has done so far.
    pub fn tally(&self) -> Tally {
        self.shared.tally.lock().unwrap().clone()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        let streams = self.shared.streams.lock().unwrap().take();
        for stream in streams.unwrap_or_default() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn tell(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap());
    }

    fn serve(&self, stream: &TcpStream) {
        self.tell(|tally| {
            tally.connections += 1;
            tally.open.0 += 1;
            tally.open.1 = tally.open.1.max(tally.open.0);
        });
        let mut reader = BufReader::new(stream);
        while let Ok(Some((path, range))) = read_request(&mut reader) {
            if self.answer(stream, &path, range).is_err() {
                break;
            }
        }
        let _ = stream.shutdown(Shutdown::Both);
        self.tell(|tally| tally.open.0 -= 1);
    }

    fn answer(
        &self,
        mut stream: &TcpStream,
        path: &str,
        range: Option<Range<usize>>,
    ) -> io::Result<()> {
        let manner = self.manner.lock().unwrap().clone();
        let Some(file) = self.files.get(path) else {
            return self.say(stream, "404 Not Found", "");
        };
        let end = |range: &Range<usize>| range.end.min(file.len());
        let asked = range.clone().unwrap_or(0..file.len());
        self.tell(|tally| tally.asked.push((path.to_owned(), asked.clone())));
        match manner {
            Manner::Says(status, more) => return self.say(stream, status, &more),
            Manner::Redirects(place) => {
                let more = format!("Location: {place}{path}\r\n");
                return self.say(stream, "302 Found", &more);
            }
            _ => {}
        }
        let range = match range {
            Some(range) if !matches!(manner, Manner::Whole) => range,
            _ => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len());
                stream.write_all(head.as_bytes())?;
                return self.send(stream, file, &manner);
            }
        };
        if range.start >= file.len() {
            let more = format!("Content-Range: bytes */{}\r\n", file.len());
            return self.say(stream, "416 Range Not Satisfiable", &more);
        }
        let range = range.start..end(&range);
        let off = usize::from(matches!(manner, Manner::WrongRange));
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {}-{}/{}\r\nContent-Length: {}\r\n\r\n",
            range.start + off,
            range.end - 1 + off,
            file.len(),
            range.len()
        );
        stream.write_all(head.as_bytes())?;
        let mut body = file[range].to_vec();
        if matches!(manner, Manner::Corrupt) {
            body[0] ^= 1;
        }
        self.send(stream, &body, &manner)
    }

    fn say(&self, mut stream: &TcpStream, status: &str, more: &str) -> io::Result<()> {
        let head = format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\n\r\n");
        stream.write_all(head.as_bytes())
    }

    fn send(&self, mut stream: &TcpStream, body: &[u8], manner: &Manner) -> io::Result<()> {
        let (chunk, pause) = match manner {
            Manner::Drips(bytes, pause) => (*bytes, *pause),
            _ => (16 * 1024, Duration::ZERO),
        };
        let mut sent = 0;
        for chunk in body.chunks(chunk) {
            if let Manner::Closes(most) = manner
                && sent + chunk.len() > *most
            {
                stream.write_all(&chunk[..most - sent])?;
                self.tell(|tally| tally.sent += most - sent);
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            stream.write_all(chunk)?;
            sent += chunk.len();
            self.tell(|tally| tally.sent += chunk.len());
            thread::sleep(pause);
        }
        Ok(())
    }
}

/// The path and the range of a request; nothing at the end of the connection.
fn read_request(
    reader: &mut BufReader<&TcpStream>,
) -> io::Result<Option<(String, Option<Range<usize>>)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let path = unescape(line.split(' ').nth(1).unwrap_or_default());
    let mut range = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            return Ok(Some((path, range)));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("range")
        {
            let bytes = value
                .trim()
                .strip_prefix("bytes=")
                .expect("a range in bytes");
            let (first, last) = bytes.split_once('-').expect("a range");
            let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
            range = Some(first..last + 1);
        }
    }
}

/// Undoes percent-encoding.
fn unescape(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (hex, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(hex, 16).expect("two hex digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("a path in UTF-8")
}
