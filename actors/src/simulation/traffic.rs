//! One connection: what flies in each direction, and how each end learns of the other's.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::task::Waker;

use tokio::time::Instant;

/// 64 KiB: bytes of one direction that are on their way or unread. A writer waits while there are so
/// many.
const WINDOW: usize = 64 * 1024;

/// A connection between two ends; end 0 made it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) ends: [End; 2],
    /// From end 0 to end 1, and back.
    pub(super) ways: [Way; 2],
}

#[derive(Debug)]
pub(super) struct End {
    pub(super) at: SocketAddr,
    pub(super) open: bool,
    /// It went without a word: its host is off.
    pub(super) vanished: bool,
    /// From then on it finds the connection broken.
    pub(super) reset: Option<Instant>,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Way {
    flying: VecDeque<(Instant, Vec<u8>)>,
    /// Bytes of the first of them that were read.
    read: usize,
    bytes: usize,
    /// Nothing leaves before.
    pub(super) free: Option<Instant>,
    /// The writer has closed it, and the reader sees that then.
    closed: Option<Instant>,
    /// Breaks when so many more bytes have been written.
    cut: Option<u64>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

/// What a reader finds.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(super) enum Found {
    Bytes,
    Closed,
    Broken,
    /// Nothing yet; something at that time.
    Nothing(Option<Instant>),
}

impl Link {
    pub(super) fn new(ends: [SocketAddr; 2]) -> Self {
        let end = |at| End {
            at,
            open: true,
            vanished: false,
            reset: None,
        };
        Self {
            ends: ends.map(end),
            ways: Default::default(),
        }
    }

    pub(super) fn is_open_at(&self, host: IpAddr) -> bool {
        self.ends.iter().any(|end| end.open && end.at.ip() == host)
    }

    pub(super) fn whole(&self) -> Option<(SocketAddr, SocketAddr)> {
        let [one, other] = &self.ends;
        let is_whole = |end: &End| end.open && end.reset.is_none();
        (is_whole(one) && is_whole(other)).then_some((one.at, other.at))
    }

    pub(super) fn cut(&mut self, way: usize, after: u64) {
        self.ways[way].cut = Some(after);
    }

    /// Breaks it for an end from that time on.
    pub(super) fn reset(&mut self, end: usize, at: Instant) {
        let reset = &mut self.ends[end].reset;
        *reset = Some(reset.map_or(at, |before| before.min(at)));
        self.wake();
    }

    /// What that end finds to read now.
    pub(super) fn found(&self, end: usize, now: Instant) -> Found {
        let way = &self.ways[1 - end];
        let reset = self.ends[end].reset;
        if reset.is_some_and(|at| at <= now) {
            return Found::Broken;
        }
        let first = way.flying.front().map(|(at, _)| *at);
        if first.is_some_and(|at| at <= now) {
            return Found::Bytes;
        }
        if first.is_none() && way.closed.is_some_and(|at| at <= now) {
            return Found::Closed;
        }
        let next = [first.or(way.closed), reset].into_iter().flatten().min();
        Found::Nothing(next)
    }

    pub(super) fn wake(&mut self) {
        for way in &mut self.ways {
            let wakers = [way.reader.take(), way.writer.take()];
            wakers.into_iter().flatten().for_each(Waker::wake);
        }
    }
}

impl Way {
    pub(super) fn room(&self) -> usize {
        WINDOW.saturating_sub(self.bytes)
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    pub(super) const fn has_unread(&self) -> bool {
        self.bytes > 0
    }

    /// How many of these may still go before it breaks; whether it breaks then.
    pub(super) fn until_cut(&mut self, bytes: usize) -> (usize, bool) {
        match &mut self.cut {
            Some(left) if *left <= bytes as u64 => (*left as usize, true),
            Some(left) => {
                *left -= bytes as u64;
                (bytes, false)
            }
            None => (bytes, false),
        }
    }

    /// Bytes leave, and arrive then: never before what left earlier.
    pub(super) fn send(&mut self, bytes: Vec<u8>, arrive: Instant) {
        let last = self.flying.back().map_or(arrive, |(at, _)| *at);
        self.bytes += bytes.len();
        self.flying.push_back((arrive.max(last), bytes));
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    pub(super) fn close(&mut self, arrive: Instant) {
        if self.closed.is_none() {
            let last = self.flying.back().map_or(arrive, |(at, _)| *at);
            self.closed = Some(arrive.max(last));
        }
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Takes what has arrived, as far as it fits.
    pub(super) fn take(&mut self, buffer: &mut [u8], now: Instant) -> usize {
        let mut taken = 0;
        while taken < buffer.len()
            && let Some((at, bytes)) = self.flying.front()
            && *at <= now
        {
            let rest = &bytes[self.read..];
            let some = rest.len().min(buffer.len() - taken);
            buffer[taken..taken + some].copy_from_slice(&rest[..some]);
            taken += some;
            self.read += some;
            if self.read == bytes.len() {
                self.read = 0;
                self.flying.pop_front();
            }
        }
        self.bytes -= taken;
        if taken > 0
            && let Some(writer) = self.writer.take()
        {
            writer.wake();
        }
        taken
    }
}
