//! One web seed as a machine: leases become requests, answers become pieces.
//!
//! See the module's documentation for what holds always. A lease lies in `queue` until a connection is
//! free, and then in a run; a run that broke waits without a request until it may go on. What goes
//! wrong is in `faults`.

mod faults;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::answer::Asked;
use super::limits::{
    CONNECTIONS, MAX_DRAINED, REQUEST_LENGTH, RESUME_PAUSE, SOURCE_WINDOW, USEFUL_LENGTH,
};
use super::messages::{End, Input, Output, TransferId};
use super::run::{Made, Run, Transfer};
use super::url::{SourceUrl, file_url};
use crate::buffers::Buffers;
use crate::layout::{Layout, PieceIndex};
use crate::metainfo::Info;
use crate::time::Timestamp;

/// Zeros for padding, a piece of it at a time.
const ZEROS: [u8; 4_096] = [0; 4_096];

/// One web seed of one content.
#[derive(Debug)]
pub struct Source {
    url: SourceUrl,
    info: Arc<Info>,
    buffers: Buffers,
    rng: fastrand::Rng,
    /// Leases that no run has yet, in the order in which they came.
    queue: VecDeque<PieceIndex>,
    runs: Vec<Run>,
    next_transfer: u64,
    /// Requests at a time; fewer if the server does not like so many.
    connections: usize,
    strikes: u32,
    /// Failures in a row that brought nothing.
    failures: u32,
    /// Nothing is asked for before.
    resume_at: Timestamp,
    /// What the picker was told that we can take, less what it leased since.
    told: u64,
    /// Files that the server does not have.
    absent: BTreeMap<usize, Absence>,
    complained_of_absence: bool,
    complained_of_failure: Option<Timestamp>,
    round_trip: Duration,
    rate: u64,
    given_up: bool,
}

/// A file that was not there.
#[derive(Copy, Clone, Debug)]
struct Absence {
    /// How often in a row.
    times: u32,
    /// When to ask for it again; `None` if that time has come.
    until: Option<Timestamp>,
}

impl Source {
    /// A server that was not asked yet. It begins with [`Input::Reset`]. `seed` decides how long
    /// pauses are exactly.
    #[must_use]
    pub fn new(url: SourceUrl, info: Arc<Info>, buffers: Buffers, seed: u64) -> Self {
        Self {
            url,
            info,
            buffers,
            rng: fastrand::Rng::with_seed(seed),
            queue: VecDeque::new(),
            runs: Vec::new(),
            next_transfer: 0,
            connections: CONNECTIONS,
            strikes: 0,
            failures: 0,
            resume_at: Timestamp::ZERO,
            told: 0,
            absent: BTreeMap::new(),
            complained_of_absence: false,
            complained_of_failure: None,
            round_trip: Duration::ZERO,
            rate: 0,
            given_up: false,
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn url(&self) -> &SourceUrl {
        &self.url
    }

    /// Takes in a word and appends to `out` what is to be done.
    pub fn handle(&mut self, input: Input, now: Timestamp, out: &mut Vec<Output>) {
        if self.given_up {
            return;
        }
        match input {
            Input::Reset => self.reset(out),
            Input::Granted(pieces) => {
                let bytes = self.bytes(&pieces);
                self.told = self.told.saturating_sub(bytes);
                self.queue.extend(pieces);
            }
            Input::Cancelled(pieces) => self.drop_leases(&pieces, now, out),
            Input::Rejected(piece) => {
                let number = piece.get();
                self.strike(&format!("piece {number} of it has another hash"), out);
            }
            Input::Answered { transfer, head } => {
                if let Some(place) = self.place_of(transfer) {
                    self.answered(place, &head, now, out);
                }
            }
            Input::Ended { transfer, end } => {
                if let Some(place) = self.place_of(transfer) {
                    self.ended(place, end, now, out);
                }
            }
            Input::Tick => self.reappear(now, out),
        }
        self.go_on(now, out);
    }

    /// Bytes of an answer came. Those of transfers that were ended are ignored.
    pub fn receive(
        &mut self,
        transfer: TransferId,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        if let Some(place) = self.place_of(transfer).filter(|_| !self.given_up) {
            self.take(place, bytes, now, out);
            self.go_on(now, out);
        }
    }

    /// When to send [`Input::Tick`] if nothing else happens.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        if self.given_up {
            return None;
        }
        let waits = self.failures > 0 && self.told == 0 && self.outstanding() == 0;
        let stands = self.runs.iter().any(|run| run.transfer.is_none()) || !self.queue.is_empty();
        let blocked = stands && self.runs.iter().all(|run| run.transfer.is_none());
        let resume = (waits || blocked).then_some(self.resume_at);
        let absences = self.absent.values().filter_map(|absence| absence.until);
        absences.chain(resume).min()
    }

    fn layout(&self) -> Layout {
        *self.info.layout()
    }

    fn bytes<'a>(&self, pieces: impl IntoIterator<Item = &'a PieceIndex>) -> u64 {
        let layout = self.layout();
        let lengths = pieces.into_iter().map(|&piece| layout.length(piece));
        lengths.map(u64::from).sum()
    }

    /// Bytes of all leases.
    fn outstanding(&self) -> u64 {
        let running = self.runs.iter().flat_map(|run| &run.wanted);
        self.bytes(running.chain(&self.queue))
    }

    fn place_of(&self, transfer: TransferId) -> Option<usize> {
        let is_it = |run: &Run| run.transfer.as_ref().is_some_and(|it| it.id == transfer);
        self.runs.iter().position(is_it)
    }

    /// Starts what may be started, and says how much more could be.
    fn go_on(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.given_up {
            return;
        }
        if now >= self.resume_at {
            let mut place = 0;
            while place < self.runs.len() {
                if self.runs[place].transfer.is_some() || self.step(place, now, out) {
                    place += 1;
                } else {
                    self.runs.remove(place);
                }
            }
            let most = if self.failures > 0 {
                1
            } else {
                self.connections
            };
            while self.runs.len() < most {
                let Some(run) = self.next_run() else { break };
                self.runs.push(run);
                let place = self.runs.len() - 1;
                if !self.step(place, now, out) {
                    self.runs.remove(place);
                }
            }
        }
        self.say_want(now, out);
    }

    /// Neighbours at the head of the queue.
    fn next_run(&mut self) -> Option<Run> {
        let layout = self.layout();
        let first = self.queue.pop_front()?;
        let mut run = Run::new(first, &layout);
        let mut last = first;
        while let Some(&next) = self.queue.front() {
            let length = run.end - layout.offset(first) + u64::from(layout.length(next));
            if next.get() != last.get() + 1 || length > REQUEST_LENGTH {
                break;
            }
            run.extend(next, &layout);
            last = next;
            self.queue.pop_front();
        }
        Some(run)
    }

    /// Asks for what the run needs next. Says whether it needs anything.
    fn step(&mut self, place: usize, now: Timestamp, out: &mut Vec<Output>) -> bool {
        let layout = self.layout();
        let mut made = Vec::new();
        let run = &mut self.runs[place];
        let mut fetch = None;
        while run.seek(&layout) {
            let end = run.stretch(&layout);
            let span = self.info.files().spans(run.at..end).next();
            match span.filter(|span| span.begin == 0) {
                Some(span) => {
                    fetch = Some(span);
                    break;
                }
                None => {
                    // Padding up to the next file or the end: zeros that no server has.
                    let zeros = span.map_or(end - run.at, |span| span.begin);
                    let piece_end = layout.offset(run.piece(&layout))
                        + u64::from(layout.length(run.piece(&layout)));
                    let zeros = zeros.min(piece_end - run.at).min(ZEROS.len() as u64);
                    let zeros = ZEROS.get(..zeros as usize).unwrap_or(&ZEROS);
                    run.push(zeros, &layout, &self.buffers, &mut made);
                }
            }
        }
        put_out(made, out);
        let Some(span) = fetch else { return false };
        let entry = self.info.files().get(span.file);
        let (Some(entry), Some(url)) = (entry, file_url(&self.url, &self.info, span.file)) else {
            return false;
        };
        let id = TransferId(self.next_transfer);
        self.next_transfer += 1;
        let asked = Asked {
            range: span.offset..span.offset + span.length,
            file_length: entry.length,
        };
        out.push(Output::Fetch {
            transfer: id,
            url,
            range: asked.range.clone(),
        });
        self.runs[place].transfer = Some(Transfer {
            id,
            file: span.file,
            asked,
            left: None,
            more: false,
            received: 0,
            made_whole: false,
            since: now,
        });
        true
    }

    fn take(&mut self, place: usize, bytes: &[u8], now: Timestamp, out: &mut Vec<Output>) {
        let layout = self.layout();
        let mut made = Vec::new();
        let mut rest = bytes;
        let run = &mut self.runs[place];
        let Some(mut transfer) = run.transfer.take() else {
            return;
        };
        let mut left = transfer.left.unwrap_or(0);
        while !rest.is_empty() && left > 0 {
            let piece = run.piece(&layout);
            let piece_left = layout.offset(piece) + u64::from(layout.length(piece)) - run.at;
            let most = left.min(piece_left).min(rest.len() as u64);
            let (now, later) = rest.split_at(most as usize);
            if run.wanted.contains(&piece) {
                run.push(now, &layout, &self.buffers, &mut made);
                if !run.wanted.contains(&piece) {
                    transfer.made_whole = true;
                    self.failures = 0;
                }
            } else {
                run.skip(most);
            }
            rest = later;
            left -= most;
            transfer.received += most;
        }
        let (id, had_head) = (transfer.id, transfer.left.is_some());
        transfer.left = had_head.then_some(left);
        put_out(made, out);
        if transfer.more && left == 0 {
            // The rest of the file, for which nobody asked.
            out.push(Output::Abort(id));
            self.measure(&transfer, now);
        } else if rest.is_empty() {
            self.runs[place].transfer = Some(transfer);
            self.close_if_useless(place, now, out);
        } else {
            out.push(Output::Abort(id));
            self.strike("it sends more bytes than it promised", out);
            if !self.given_up {
                self.fail(
                    place,
                    "it sends more bytes than it promised",
                    None,
                    now,
                    out,
                );
            }
        }
    }

    fn ended(&mut self, place: usize, end: End, now: Timestamp, out: &mut Vec<Output>) {
        let Some(transfer) = self.runs[place].transfer.take() else {
            return;
        };
        let why = match (end, transfer.left) {
            (End::Finished, Some(0)) => return self.measure(&transfer, now),
            (End::Finished, _) => "it sends fewer bytes than it promised".to_owned(),
            (End::Lost(why), _) => why,
        };
        if transfer.received >= USEFUL_LENGTH || transfer.made_whole {
            // What came of the piece is kept, and the rest asked for.
            self.resume_at = self.resume_at.max(now + RESUME_PAUSE);
        } else {
            self.fail(place, &why, None, now, out);
        }
    }

    fn measure(&mut self, transfer: &Transfer, now: Timestamp) {
        let micros = now.since(transfer.since).as_micros().max(1);
        let rate = u128::from(transfer.received) * 1_000_000 / micros;
        self.rate = u64::try_from(rate).unwrap_or(u64::MAX);
    }

    /// Nothing that is wanted comes of the request any more: its connection is closed, if reading
    /// on would take longer than opening another.
    fn close_if_useless(&mut self, place: usize, now: Timestamp, out: &mut Vec<Output>) {
        let layout = self.layout();
        let run = &mut self.runs[place];
        let Some(transfer) = &run.transfer else {
            return;
        };
        let length = transfer.asked.range.end - transfer.asked.range.start;
        let left = transfer.left.unwrap_or(length);
        let here = run.piece(&layout);
        let next = run.wanted.range(here..).next();
        let unwanted = next.map_or(left, |&next| layout.offset(next).saturating_sub(run.at));
        let unwanted = unwanted.min(left);
        if unwanted > MAX_DRAINED || (unwanted >= left && transfer.left.is_none()) {
            out.push(Output::Abort(transfer.id));
            if let Some(transfer) = run.transfer.take() {
                self.measure(&transfer, now);
            }
        }
    }

    fn drop_leases(&mut self, pieces: &[PieceIndex], now: Timestamp, out: &mut Vec<Output>) {
        let layout = self.layout();
        let mut made = Vec::new();
        let dropped: BTreeSet<_> = pieces.iter().copied().collect();
        self.queue.retain(|piece| !dropped.contains(piece));
        for run in &mut self.runs {
            let lost: Vec<_> = run.wanted.intersection(&dropped).copied().collect();
            for piece in lost {
                run.drop_piece(piece, &layout, &mut made);
            }
        }
        put_out(made, out);
        for place in 0..self.runs.len() {
            self.close_if_useless(place, now, out);
        }
    }

    fn reset(&mut self, out: &mut Vec<Output>) {
        self.drop_all(out);
        self.told = 0;
    }

    fn drop_all(&mut self, out: &mut Vec<Output>) {
        let layout = self.layout();
        let mut made = Vec::new();
        self.queue.clear();
        for mut run in std::mem::take(&mut self.runs) {
            out.extend(
                run.transfer
                    .take()
                    .map(|transfer| Output::Abort(transfer.id)),
            );
            run.forget(&layout, &mut made);
        }
        put_out(made, out);
    }

    fn say_want(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let outstanding = self.outstanding();
        let want = if self.failures > 0 {
            // One piece shows whether it is back.
            u64::from(now >= self.resume_at && outstanding == 0)
        } else if outstanding <= SOURCE_WINDOW / 2 {
            SOURCE_WINDOW - outstanding
        } else {
            return;
        };
        if want != self.told {
            self.told = want;
            out.push(Output::Want {
                bytes: want,
                round_trip: self.round_trip,
                rate: self.rate,
            });
        }
    }
}

/// Whole pieces go out together.
fn put_out(made: Vec<Made>, out: &mut Vec<Output>) {
    let mut pieces = Vec::new();
    for one in made {
        match one {
            Made::Whole(piece, data) => pieces.push((piece, data)),
            Made::Spill(word) => out.push(Output::Spill(word)),
        }
    }
    if !pieces.is_empty() {
        out.push(Output::Pieces(pieces));
    }
}
