//! A client of HTTP/1.1 that does one thing at a time and shows all of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// A read that takes longer is a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }
}

/// A request that is not sent yet.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

pub fn get(path: &str) -> Request {
    Request::new("GET", path)
}

pub fn post(path: &str, body: Value) -> Request {
    Request::new("POST", path).json(&body)
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    pub fn json(mut self, body: &Value) -> Self {
        if !body.is_null() {
            self.body = body.to_string().into_bytes();
            return self.header("Content-Type", "application/json");
        }
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn token(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    fn head(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.headers.iter().any(|(name, _)| name == "Host") {
            head += &format!("Host: {host}\r\n");
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if !self.body.is_empty() {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        head += "Connection: close\r\n\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend(&self.body);
        bytes
    }

    /// Sends it and reads the whole answer.
    pub fn send(&self, to: SocketAddr) -> Answer {
        let (status, headers, rest) = self.open(to);
        let mut body = Vec::new();
        // Some servers, though asked to, do not hang up.
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.and_then(|(_, length)| length.parse().ok());
        let mut rest = rest.take(length.unwrap_or(u64::MAX));
        rest.read_to_end(&mut body).expect("the rest of an answer");
        if headers
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value == "chunked")
        {
            body = unchunked(&body);
        }
        Answer {
            status,
            headers,
            body,
        }
    }

    /// Sends it and reads the head of the answer only.
    pub fn open(&self, to: SocketAddr) -> (u16, Vec<(String, String)>, BufReader<TcpStream>) {
        self.open_on(TcpStream::connect(to).expect("connect to the HTTP face"))
    }

    /// The same, from that address of this machine.
    pub fn open_from(
        &self,
        from: IpAddr,
        to: SocketAddr,
    ) -> (u16, Vec<(String, String)>, BufReader<TcpStream>) {
        self.open_on(connect_from(from, to).expect("connect to the HTTP face"))
    }

    fn open_on(&self, mut stream: TcpStream) -> (u16, Vec<(String, String)>, BufReader<TcpStream>) {
        let to = stream.peer_addr().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&self.head(&to.to_string())).unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) = read_head(&mut reader);
        (status, headers, reader)
    }

    /// Sends it to the socket at that path.
    pub fn send_to_socket(&self, path: &Path) -> Answer {
        let mut stream = UnixStream::connect(path).expect("connect to the socket");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&self.head("localhost")).unwrap();
        let mut reader = BufReader::new(stream);
        let (status, headers) = read_head(&mut reader);
        let mut body = Vec::new();
        reader.read_to_end(&mut body).unwrap();
        Answer {
            status,
            headers,
            body,
        }
    }
}

/// A connection from one of this machine's addresses.
pub fn connect_from(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

fn read_head(reader: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).expect("the head of an answer");
        line.trim_end().to_owned()
    };
    let first = line();
    let status = first
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status in '{first}'"));
    let mut headers = Vec::new();
    loop {
        let line = line();
        let Some((name, value)) = line.split_once(':') else {
            return (status, headers);
        };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
}

fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body
            .windows(2)
            .position(|pair| pair == b"\r\n")
            .expect("a chunk's length");
        let length = std::str::from_utf8(&body[..end]).unwrap();
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend(&body[end + 2..end + 2 + length]);
        body = &body[end + 4 + length..];
    }
}
