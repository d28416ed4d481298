//! Fetches an info dictionary from several peers at once (BEP 9).
//!
//! Speaks no wire: the host turns [`Output::Request`] into `ut_metadata` messages. It does not parse
//! what it fetched either; it only knows that the SHA-1 must be the infohash.
//!
//! Invariants: pieces of peers that name different sizes never mix; at most one dictionary of at
//! most [`MAX_METADATA_LENGTH`] bytes is held; a link has at most [`WINDOW`] requests that did not
//! time out; [`Output::Done`] comes once, with the right bytes.

mod messages;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

pub use messages::{
    ASK_ANOTHER, Input, MAX_ASKED, MAX_REST, MetadataFault, Output, REQUEST_TIMEOUT, REST, WINDOW,
};

use crate::extension::METADATA_PIECE_LENGTH;
use crate::id::{InfoHash, LinkId};
use crate::metainfo::MAX_METADATA_LENGTH;
use crate::time::Timestamp;

/// One link that offers metadata.
#[derive(Clone, Debug)]
struct Source {
    size: u32,
    /// What was asked, and when; whether it timed out since.
    asked: BTreeMap<u32, (Timestamp, bool)>,
    rests_until: Timestamp,
    failures: u32,
    /// It lied, and is not asked again.
    out: bool,
}

impl Source {
    fn usable(&self, now: Timestamp) -> bool {
        !self.out && self.rests_until <= now
    }

    /// When each request that still counts was sent.
    fn live(&self) -> impl Iterator<Item = (u32, Timestamp)> + '_ {
        let live = self.asked.iter().filter(|(_, (_, timed_out))| !timed_out);
        live.map(|(&piece, &(at, _))| (piece, at))
    }

    fn rest(&mut self, now: Timestamp) {
        let rest = REST.saturating_mul(1 << self.failures.min(5));
        self.failures = self.failures.saturating_add(1);
        self.rests_until = now + rest.min(MAX_REST);
    }
}

/// One try at the dictionary.
#[derive(Clone, Debug)]
struct Attempt {
    size: u32,
    /// Take it from this link alone: an earlier mixture was wrong.
    only: Option<LinkId>,
    pieces: BTreeMap<u32, (LinkId, Bytes)>,
}

/// Fetches one info dictionary. See the module's documentation.
#[derive(Clone, Debug)]
pub struct MetadataFetch {
    info_hash: InfoHash,
    rng: fastrand::Rng,
    sources: BTreeMap<LinkId, Source>,
    attempt: Option<Attempt>,
    /// A mixture was wrong once: from now on one link at a time.
    distrustful: bool,
    done: bool,
}

impl MetadataFetch {
    /// Wants the dictionary of that infohash; `seed` decides whom to ask first.
    #[must_use]
    pub fn new(info_hash: InfoHash, seed: u64) -> Self {
        Self {
            info_hash,
            rng: fastrand::Rng::with_seed(seed),
            sources: BTreeMap::new(),
            attempt: None,
            distrustful: false,
            done: false,
        }
    }

    /// Takes in one fact and appends to `out` what is to be done. `now` never goes back.
    pub fn handle(&mut self, input: Input, now: Timestamp, out: &mut Vec<Output>) {
        if self.done {
            return;
        }
        match input {
            Input::LinkOffers { link, size } => self.offer(link, size, out),
            Input::Data {
                link,
                piece,
                total_size,
                bytes,
            } => self.take(link, piece, total_size, &bytes, out),
            Input::Reject { link, piece } => {
                if let Some(source) = self.sources.get_mut(&link)
                    && source.asked.remove(&piece).is_some()
                {
                    source.rest(now);
                }
            }
            Input::LinkClosed { link } => {
                self.sources.remove(&link);
            }
            Input::Tick => {}
        }
        self.time_out(now);
        self.finish(out);
        if !self.done {
            self.choose(now);
            self.ask(now, out);
        }
    }

    /// Was the dictionary delivered?
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// How many bytes of how many are here; `None` while nobody offers any.
    #[must_use]
    pub fn progress(&self) -> Option<(u32, u32)> {
        let attempt = self.attempt.as_ref()?;
        let got = attempt
            .pieces
            .values()
            .map(|(_, bytes)| bytes.len())
            .sum::<usize>();
        Some((got as u32, attempt.size))
    }

    /// When to send [`Input::Tick`] if nothing else happens. `None` while nobody can be asked.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Timestamp> {
        if self.done {
            return None;
        }
        let mut next = Timestamp::NEVER;
        for source in self.sources.values().filter(|source| !source.out) {
            if source.rests_until > Timestamp::ZERO {
                next = next.min(source.rests_until);
            }
            for (_, at) in source.live() {
                next = next.min(at + REQUEST_TIMEOUT);
            }
        }
        next = next.min(self.ask_another_at());
        Some(next).filter(|&next| next != Timestamp::NEVER)
    }

    /// When a piece may next be asked of another link, if there is a link for it.
    fn ask_another_at(&self) -> Timestamp {
        let awake = |(_, source): (LinkId, &Source)| source.rests_until == Timestamp::ZERO;
        let missing = |attempt: &Attempt, piece: u32| !attempt.pieces.contains_key(&piece);
        let open = |piece: u32| {
            let attempt = self.attempt.as_ref();
            attempt.is_some_and(|attempt| missing(attempt, piece))
                && self.candidates(piece).any(awake)
        };
        let times = self
            .asked()
            .into_iter()
            .filter(|&(_, (_, asked))| asked < MAX_ASKED);
        let open = times.filter(|&(piece, _)| open(piece));
        open.map(|(_, (at, _))| at + ASK_ANOTHER)
            .min()
            .unwrap_or(Timestamp::NEVER)
    }

    fn offer(&mut self, link: LinkId, size: u64, out: &mut Vec<Output>) {
        let size = match u32::try_from(size) {
            Ok(size) if size as usize <= MAX_METADATA_LENGTH => size,
            _ => {
                let reason = MetadataFault::TooLong(size);
                out.push(Output::Strike { link, reason });
                return;
            }
        };
        let known = self.sources.get_mut(&link);
        match known {
            Some(source) if source.out => {}
            Some(source) if source.size == size => source.rests_until = Timestamp::ZERO,
            _ if size == 0 => {
                self.sources.remove(&link);
            }
            _ => {
                let source = Source {
                    size,
                    asked: BTreeMap::new(),
                    rests_until: Timestamp::ZERO,
                    failures: 0,
                    out: false,
                };
                self.sources.insert(link, source);
            }
        }
    }

    fn take(&mut self, link: LinkId, piece: u32, named: u64, bytes: &Bytes, out: &mut Vec<Output>) {
        let Some(source) = self.sources.get_mut(&link) else {
            return;
        };
        if source.out || source.asked.remove(&piece).is_none() {
            return;
        }
        let expected = piece_length(source.size, piece);
        let offered = u64::from(source.size);
        let reason = if named != offered {
            MetadataFault::SizeChanged { offered, named }
        } else if bytes.len() != expected {
            let actual = bytes.len();
            MetadataFault::PieceLength {
                piece,
                actual,
                expected,
            }
        } else {
            source.failures = 0;
            let attempt = self
                .attempt
                .as_mut()
                .filter(|attempt| attempt.size == source.size);
            if let Some(attempt) = attempt
                && attempt.only.is_none_or(|only| only == link)
            {
                // A copy: what came may be a small part of a large read buffer.
                let copy = || (link, Bytes::copy_from_slice(bytes));
                attempt.pieces.entry(piece).or_insert_with(copy);
            }
            return;
        };
        source.out = true;
        source.asked.clear();
        out.push(Output::Strike { link, reason });
    }

    fn time_out(&mut self, now: Timestamp) {
        for source in self.sources.values_mut() {
            let mut missed = false;
            for (at, timed_out) in source.asked.values_mut() {
                if !*timed_out && *at + REQUEST_TIMEOUT <= now {
                    *timed_out = true;
                    missed = true;
                }
            }
            if missed {
                source.rest(now);
            }
            if source.rests_until <= now {
                source.rests_until = Timestamp::ZERO;
            }
        }
    }

    /// Checks the dictionary once all of it is here.
    fn finish(&mut self, out: &mut Vec<Output>) {
        let complete = |attempt: &mut Attempt| attempt.pieces.len() == piece_count(attempt.size);
        let Some(attempt) = self.attempt.take_if(complete) else {
            return;
        };
        let mut info = Vec::with_capacity(attempt.size as usize);
        let mut senders = BTreeSet::new();
        for (link, bytes) in attempt.pieces.into_values() {
            senders.insert(link);
            info.extend_from_slice(&bytes);
        }
        if InfoHash::of(&info) == self.info_hash {
            self.done = true;
            self.sources.clear();
            out.push(Output::Done(info.into()));
            return;
        }
        let alone = senders.len() == 1;
        self.distrustful = true;
        for link in senders {
            if let Some(source) = self.sources.get_mut(&link).filter(|_| alone) {
                source.out = true;
            }
            let reason = if alone {
                MetadataFault::Wrong(self.info_hash)
            } else {
                MetadataFault::PartOfWrong(self.info_hash)
            };
            out.push(Output::Strike { link, reason });
        }
    }

    /// Chooses the size to go for, and in distrust the link, where the present choice has nobody
    /// left to ask.
    fn choose(&mut self, now: Timestamp) {
        let alive = |attempt: &Attempt| {
            self.sources.iter().any(|(&link, source)| {
                let ours =
                    source.size == attempt.size && attempt.only.is_none_or(|only| only == link);
                ours && (source.usable(now) || (!source.out && source.live().next().is_some()))
            })
        };
        if self.attempt.as_ref().is_some_and(alive) {
            return;
        }
        let mut groups: BTreeMap<u32, Vec<LinkId>> = BTreeMap::new();
        for (&link, source) in self.sources.iter().filter(|(_, source)| source.usable(now)) {
            groups.entry(source.size).or_default().push(link);
        }
        // What many say is tried first; in distrust, what is cheap to refute: a stranger may offer
        // 16 MiB of rubbish under a thousand names.
        let mut groups = groups.into_iter();
        let chosen = match self.distrustful {
            true => groups.next(),
            false => groups.max_by_key(|(_, links)| links.len()),
        };
        let Some((size, links)) = chosen else {
            // Keep what is here: its links may come back from their rest.
            return;
        };
        let only = self.distrustful.then(|| self.rng.choice(links)).flatten();
        let same = self
            .attempt
            .take()
            .filter(|old| old.size == size && old.only == only);
        if same.is_none() {
            // Answers to what was asked for another attempt have no place in this one.
            for source in self.sources.values_mut() {
                source.asked.clear();
            }
        }
        self.attempt = same.or_else(|| {
            Some(Attempt {
                size,
                only,
                pieces: BTreeMap::new(),
            })
        });
    }

    /// Asks whoever has room for it for what is missing. What costs time is looked at once: a stranger may
    /// offer a thousand pieces, and have this called as often as it likes.
    fn ask(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let Some(attempt) = &self.attempt else {
            return;
        };
        let is_ours = |link: LinkId, source: &Source| {
            source.size == attempt.size && attempt.only.is_none_or(|only| only == link)
        };
        let sources = self.sources.iter();
        let usable = sources.filter(|(link, source)| is_ours(**link, source) && source.usable(now));
        let mut free: Vec<_> = usable
            .map(|(&link, source)| (source.live().count(), link))
            .filter(|&(live, _)| live < WINDOW)
            .collect();
        if free.is_empty() {
            return;
        }
        self.rng.shuffle(&mut free);
        let asked = self.asked();
        for piece in 0..piece_count(attempt.size) as u32 {
            if attempt.pieces.contains_key(&piece) {
                continue;
            }
            if let Some(&(last, times)) = asked.get(&piece)
                && (last + ASK_ANOTHER > now || times >= MAX_ASKED)
            {
                continue;
            }
            let sources = &self.sources;
            let owes = |link: &LinkId| {
                let asked = sources
                    .get(link)
                    .and_then(|source| source.asked.get(&piece));
                asked.is_some_and(|(_, timed_out)| !timed_out)
            };
            let able = free.iter_mut().filter(|(_, link)| !owes(link));
            let Some((live, link)) = able.min_by_key(|(live, _)| *live) else {
                continue;
            };
            *live += 1;
            let link = *link;
            if let Some(source) = self.sources.get_mut(&link) {
                source.asked.insert(piece, (now, false));
                out.push(Output::Request { link, piece });
            }
            free.retain(|&(live, _)| live < WINDOW);
            if free.is_empty() {
                return;
            }
        }
    }

    /// When each piece was asked for last, and of how many.
    fn asked(&self) -> BTreeMap<u32, (Timestamp, usize)> {
        let mut asked = BTreeMap::new();
        for (piece, at) in self.sources.values().flat_map(Source::live) {
            let entry: &mut (Timestamp, usize) = asked.entry(piece).or_insert((at, 0));
            *entry = (entry.0.max(at), entry.1 + 1);
        }
        asked
    }

    /// The links that the present attempt may ask for the piece, rest aside.
    fn candidates(&self, piece: u32) -> impl Iterator<Item = (LinkId, &Source)> {
        let attempt = self.attempt.as_ref();
        self.sources.iter().filter_map(move |(&link, source)| {
            let attempt = attempt?;
            let ours = attempt.size == source.size && attempt.only.is_none_or(|only| only == link);
            let asked = source.live().any(|(asked, _)| asked == piece);
            let free = source.live().count() < WINDOW;
            (ours && !source.out && !asked && free).then_some((link, source))
        })
    }
}

fn piece_count(size: u32) -> usize {
    size.div_ceil(METADATA_PIECE_LENGTH) as usize
}

/// Bytes in a piece; 0 for one past the end.
fn piece_length(size: u32, piece: u32) -> usize {
    let begin = u64::from(piece) * u64::from(METADATA_PIECE_LENGTH);
    let rest = u64::from(size).saturating_sub(begin);
    rest.min(u64::from(METADATA_PIECE_LENGTH)) as usize
}
