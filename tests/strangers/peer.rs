//! A peer made by hand: it says what it is told to, byte by byte, and hears what comes.

use std::net::{Ipv4Addr, SocketAddr};

use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::content::Content;
use crate::support::torrent;

pub(crate) const CHOKE: u8 = 0;
pub(crate) const UNCHOKE: u8 = 1;
pub(crate) const INTERESTED: u8 = 2;
pub(crate) const NOT_INTERESTED: u8 = 3;
pub(crate) const HAVE: u8 = 4;
pub(crate) const REQUEST: u8 = 6;
pub(crate) const PIECE: u8 = 7;
pub(crate) const CANCEL: u8 = 8;
pub(crate) const HAVE_ALL: u8 = 14;
pub(crate) const HAVE_NONE: u8 = 15;
pub(crate) const REJECT: u8 = 16;
pub(crate) const EXTENDED: u8 = 20;

/// The numbers that a node gives its extension messages, as its handshake says.
pub(crate) const METADATA: u8 = 1;
pub(crate) const PEX: u8 = 2;

/// A link of one's own making.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    bytes: Vec<u8>,
}

/// The 20 bytes that a swarm is named by.
pub(crate) fn info_hash(content: &Content) -> [u8; 20] {
    Sha1::digest(torrent::info(content)).into()
}

/// A message with its length.
pub(crate) fn message(id: u8, payload: &[u8]) -> Vec<u8> {
    let length = 1 + payload.len() as u32;
    [&length.to_be_bytes()[..], &[id], payload].concat()
}

/// A message of numbers.
pub(crate) fn numbers(id: u8, numbers: &[u32]) -> Vec<u8> {
    let payload: Vec<u8> = numbers
        .iter()
        .flat_map(|number| number.to_be_bytes())
        .collect();
    message(id, &payload)
}

/// A message of an extension.
pub(crate) fn extended(id: u8, payload: &[u8]) -> Vec<u8> {
    message(EXTENDED, &[&[id], payload].concat())
}

/// The 68 bytes of a client of another kind that speaks BEP 6 and BEP 10.
pub(crate) fn handshake(swarm: [u8; 20], name: usize) -> Vec<u8> {
    let mut hello = b"\x13BitTorrent protocol".to_vec();
    hello.extend([0, 0, 0, 0, 0, 0x10, 0, 4]);
    hello.extend(swarm);
    hello.extend(format!("-XX0000-{name:0>12}").as_bytes());
    hello
}

/// The handshake of BEP 10, with more entries in their order.
pub(crate) fn greeting(port: u16, more: &str) -> Vec<u8> {
    let text = format!("d1:md11:ut_metadatai3e6:ut_pexi4ee{more}1:pi{port}ee");
    extended(0, text.as_bytes())
}

impl Peer {
    /// Nothing of the connection is remembered once it is over: a machine that tracks connections has room
    /// for a quarter of a million of them, keeps each for two minutes, and drops what comes when it is full.
    pub(crate) fn leave_no_trace(&self) {
        let _ = self.stream.set_zero_linger();
    }

    /// Connects from an address.
    pub(crate) async fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket.connect(to).await?;
        Ok(Self {
            stream,
            bytes: Vec::new(),
        })
    }

    /// Connects and shakes hands, for the swarm of that content; `None` if it is not let in.
    pub(crate) async fn join(
        from: Ipv4Addr,
        to: SocketAddr,
        swarm: [u8; 20],
        name: usize,
    ) -> Option<Self> {
        let mut peer = Self::connect(from, to).await.ok()?;
        peer.stream.write_all(&handshake(swarm, name)).await.ok()?;
        let mut answer = [0; 68];
        peer.stream.read_exact(&mut answer).await.ok()?;
        peer.say(&greeting(6881, "")).await?;
        Some(peer)
    }

    /// Says something; `None` if the node has hung up.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }

    /// The next message; `None` when the node has hung up.
    pub(crate) async fn hear(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(head) = self.bytes.first_chunk::<4>() {
                let length = u32::from_be_bytes(*head) as usize;
                if self.bytes.len() >= 4 + length {
                    let message: Vec<u8> = self.bytes.drain(..4 + length).skip(4).collect();
                    match message.split_first() {
                        Some((&id, payload)) => return Some((id, payload.to_vec())),
                        None => continue,
                    }
                }
            }
            let mut buffer = [0; 65_536];
            match self.stream.read(&mut buffer).await {
                Ok(count @ 1..) => self.bytes.extend(&buffer[..count]),
                _ => return None,
            }
        }
    }

    /// Listens until the node hangs up.
    pub(crate) async fn stay(&mut self) {
        let mut buffer = [0; 65_536];
        while matches!(self.stream.read(&mut buffer).await, Ok(1..)) {}
    }
}

/// The numbers in a payload.
pub(crate) fn read_numbers(payload: &[u8]) -> Vec<u32> {
    let words = payload.chunks_exact(4);
    words
        .map(|word| u32::from_be_bytes(word.try_into().unwrap()))
        .collect()
}
