//! Machines that ask others: trackers, web seeds, the distributed hash table.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use swarmlet_protocol::buffers::Buffers;
use swarmlet_protocol::dht::{self, Lookups, MAX_LOOKUPS};
use swarmlet_protocol::id::{InfoHash, PeerId, PieceHash};
use swarmlet_protocol::layout::PieceIndex;
use swarmlet_protocol::metainfo::{Info, NewFile};
use swarmlet_protocol::session::Spill;
use swarmlet_protocol::time::Timestamp;
use swarmlet_protocol::tracker::{
    self, Announcer, Event, Figures, MAX_GOODBYES, MIN_INTERVAL_DEFAULT, Member, TrackerUrl, http,
};
use swarmlet_protocol::web_seed::{
    CONNECTIONS, End, Head, Input, Output, REQUEST_LENGTH, Source, SourceUrl, TransferId,
};

use crate::{Hand, oracle};

/// Announces: one at a time, none too early, and the last words to few.
pub fn check_announcer(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let tiers: Vec<Vec<TrackerUrl>> = (0..1 + hand.below(3))
        .map(|tier| {
            let urls = (0..1 + hand.below(3)).map(|number| format!("http://t{tier}{number}/"));
            urls.map(|url| url.parse().expect("a URL")).collect()
        })
        .collect();
    let member = Member {
        info_hash: InfoHash([1; 20]),
        peer_id: PeerId([2; 20]),
        port: 6881,
    };
    let mut now = Timestamp::from_millis(1_000);
    let mut announcer = Announcer::new(member, tiers, u64::from(hand.byte()), now);
    let mut asked: Option<TrackerUrl> = None;
    let mut not_before: BTreeMap<TrackerUrl, Timestamp> = BTreeMap::new();
    let mut stopped = false;
    for _ in 0..150 {
        if hand.is_empty() {
            break;
        }
        let input = match hand.below(16) {
            0..=4 => {
                now = announcer.deadline().map_or(now, |next| next.max(now));
                tracker::Input::Tick
            }
            5..=8 if asked.is_some() => {
                let tracker = asked.take().expect("it was asked");
                let answer = http::answer(&answer(&mut hand)).expect("a good answer");
                let next = now + answer.min_interval.max(MIN_INTERVAL_DEFAULT);
                not_before.insert(tracker.clone(), next);
                tracker::Input::Answered { tracker, answer }
            }
            9 | 10 if asked.is_some() => {
                let tracker = asked.take().expect("it was asked");
                let refused = hand.coin();
                tracker::Input::Failed { tracker, refused }
            }
            11 => tracker::Input::Completed {
                fetched: hand.coin(),
            },
            12 => tracker::Input::Incomplete,
            13 => tracker::Input::Satisfied,
            14 => tracker::Input::Port(hand.short()),
            15 if hand.below(8) == 0 => tracker::Input::Stop,
            _ => tracker::Input::Measured(Figures {
                uploaded: hand.magnitude(),
                downloaded: hand.magnitude(),
                left: hand.coin().then(|| hand.magnitude()),
            }),
        };
        now = now + Duration::from_millis(hand.magnitude());
        let ends = matches!(input, tracker::Input::Stop);
        let mut out = Vec::new();
        announcer.handle(input, now, &mut out);
        let mut goodbyes = 0;
        for output in out {
            let tracker::Output::Announce { tracker, announce } = output else {
                continue;
            };
            if ends {
                assert_eq!(announce.event, Event::Stopped);
                goodbyes += 1;
                continue;
            }
            assert!(
                !stopped && announce.event != Event::Stopped,
                "words after the end"
            );
            let earliest = not_before.get(&tracker).copied().unwrap_or_default();
            assert!(now >= earliest, "too early");
            assert!(asked.replace(tracker).is_none(), "two asked at once");
        }
        assert!(goodbyes <= MAX_GOODBYES);
        stopped |= ends;
        if ends {
            asked = None;
        }
        // There is always a next time, unless somebody is being asked.
        let waits = asked.is_none() && !stopped;
        assert_eq!(announcer.deadline().is_some(), waits);
    }
}

fn answer(hand: &mut Hand<'_>) -> Vec<u8> {
    let mut body = String::from("d");
    if hand.coin() {
        body += &format!("8:intervali{}e", hand.magnitude());
    }
    if hand.coin() {
        body += &format!("12:min intervali{}e", hand.magnitude());
    }
    body += "5:peers6:\n\0\0\u{7}ab";
    (body + "e").into_bytes()
}

/// Two files over pieces that share them, and one empty.
static TREE: LazyLock<Arc<Info>> = LazyLock::new(|| {
    let file = |path, length| NewFile {
        path,
        length,
        is_executable: false,
    };
    let files = [file("a", 70), file("b/c", 0), file("d e", 95)];
    let hashes: Vec<_> = (0..9_u8).map(|piece| PieceHash([piece; 20])).collect();
    let info = Info::folder("tree", &files, 20, &hashes);
    Arc::new(info.expect("a good content"))
});

/// A web seed and all that is known of it by the book.
struct Play {
    source: Source,
    now: Timestamp,
    leased: BTreeSet<PieceIndex>,
    lacks: BTreeSet<PieceIndex>,
    got: BTreeSet<PieceIndex>,
    running: BTreeMap<TransferId, Running>,
    gave_up: bool,
}

/// A request.
struct Running {
    range: Range<u64>,
    offset: u64,
    sent: u64,
    has_head: bool,
}

/// A server that does whatever servers do: every lease ends once, and what an honest answer brought is
/// right.
pub fn check_web_seed(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let url: SourceUrl = "http://s/x/".parse().expect("a URL");
    let source = Source::new(
        url,
        Arc::clone(&TREE),
        Buffers::default(),
        u64::from(hand.byte()),
    );
    let mut play = Play {
        source,
        now: Timestamp::from_millis(1),
        leased: BTreeSet::new(),
        lacks: BTreeSet::new(),
        got: BTreeSet::new(),
        running: BTreeMap::new(),
        gave_up: false,
    };
    play.tell(Input::Reset);
    for _ in 0..120 {
        if hand.is_empty() {
            break;
        }
        play.now = play.now + Duration::from_millis(hand.magnitude());
        play.step(&mut hand);
    }
    if play.gave_up {
        assert!(play.leased.is_empty() && play.source.next_timeout().is_none());
    }
}

/// Bytes that differ from place to place.
const fn byte(at: u64) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13) as u8
}

impl Play {
    fn step(&mut self, hand: &mut Hand<'_>) {
        let nth = usize::from(hand.byte());
        let transfer = self
            .running
            .keys()
            .nth(nth % self.running.len().max(1))
            .copied();
        match (hand.below(12), transfer) {
            (0..=2, _) => self.lease(hand),
            (3, _) => {
                let piece = self
                    .leased
                    .iter()
                    .nth(nth % self.leased.len().max(1))
                    .copied();
                if let Some(piece) = piece {
                    self.leased.remove(&piece);
                    self.tell(Input::Cancelled(vec![piece]));
                }
            }
            (4, _) => {
                self.now = self
                    .source
                    .next_timeout()
                    .map_or(self.now, |next| next.max(self.now));
                self.tell(Input::Tick);
                let next = self.source.next_timeout();
                assert!(next.is_none_or(|next| next > self.now), "it spins");
            }
            (5, _) if hand.below(8) == 0 => {
                self.tell(Input::Rejected(PieceIndex::new(hand.below(9))))
            }
            (5..=7, Some(transfer)) => self.answer(hand, transfer),
            (8..=10, Some(transfer)) => self.send(hand, transfer),
            (11, Some(transfer)) => {
                self.running.remove(&transfer);
                let end = match hand.coin() {
                    true => End::Finished,
                    false => End::Lost("it broke".to_owned()),
                };
                self.tell(Input::Ended { transfer, end });
            }
            _ => {
                let transfer = TransferId(hand.long());
                self.tell(Input::Ended {
                    transfer,
                    end: End::Finished,
                });
            }
        }
    }

    fn lease(&mut self, hand: &mut Hand<'_>) {
        let bits = hand.short();
        let is_open = |piece: &PieceIndex| {
            bits >> piece.get() & 1 == 1
                && !self.leased.contains(piece)
                && !self.lacks.contains(piece)
                && !self.got.contains(piece)
        };
        let pieces: Vec<_> = TREE.layout().all_pieces().filter(is_open).collect();
        if !pieces.is_empty() && !self.gave_up {
            self.leased.extend(&pieces);
            self.tell(Input::Granted(pieces));
        }
    }

    fn answer(&mut self, hand: &mut Hand<'_>, transfer: TransferId) {
        let Some(running) = self.running.get_mut(&transfer) else {
            return;
        };
        let length = TREE
            .files()
            .iter()
            .find(|file| file.offset == running.offset && file.length > 0);
        let length = length.map_or(0, |file| file.length);
        let range = running.range.clone();
        let honest = Head {
            status: 206,
            content_range: Some(format!("bytes {}-{}/{length}", range.start, range.end - 1)),
            content_length: Some(range.end - range.start),
            ..Head::default()
        };
        let head = match hand.below(8) {
            0 => Head {
                status: hand.one_of(&[404, 403, 429, 500, 503, 416, 301, 206]),
                retry_after: hand.coin().then(|| hand.byte().to_string()),
                ..Head::default()
            },
            1 => Head {
                status: 200,
                content_length: Some(length),
                ..Head::default()
            },
            2 => Head {
                content_length: Some(hand.magnitude()),
                ..honest
            },
            3 => Head {
                content_range: Some(format!("bytes {}-{}/{length}", hand.byte(), hand.byte())),
                ..honest
            },
            _ => honest,
        };
        // Only the first one counts.
        if head.status == 200 && !running.has_head {
            running.range = 0..length;
        }
        running.has_head = true;
        self.tell(Input::Answered { transfer, head });
    }

    /// The next bytes of an answer, and perhaps more than there should be.
    fn send(&mut self, hand: &mut Hand<'_>, transfer: TransferId) {
        let Some(running) = self.running.get_mut(&transfer) else {
            return;
        };
        let start = running.offset + running.range.start + running.sent;
        let count = u64::from(hand.byte());
        running.sent += count;
        let bytes: Vec<u8> = (start..start + count).map(byte).collect();
        let mut out = Vec::new();
        self.source.receive(transfer, &bytes, self.now, &mut out);
        self.follow(out);
    }

    fn tell(&mut self, input: Input) {
        let mut out = Vec::new();
        self.source.handle(input, self.now, &mut out);
        self.follow(out);
    }

    fn follow(&mut self, out: Vec<Output>) {
        for output in out {
            assert!(!self.gave_up, "words after the end: {output:?}");
            match output {
                Output::Fetch {
                    transfer,
                    url,
                    range,
                } => self.fetch(transfer, &url, range),
                Output::Abort(transfer) => drop(self.running.remove(&transfer)),
                Output::Want { bytes, .. } => assert!(bytes <= CONNECTIONS as u64 * REQUEST_LENGTH),
                Output::Returned(pieces) => pieces.iter().for_each(|piece| self.free(*piece)),
                Output::Pieces(pieces) => {
                    for (piece, data) in pieces {
                        self.free(piece);
                        let start = TREE.layout().offset(piece);
                        let right = data.iter().zip(start..).all(|(&it, at)| it == byte(at));
                        assert!(right, "{piece:?} is made of other bytes");
                        assert_eq!(data.len(), TREE.layout().length(piece) as usize);
                        self.got.insert(piece);
                    }
                }
                Output::Spill(Spill::Part { .. } | Spill::Whole(_) | Spill::Dropped(_)) => {
                    panic!("small pieces are put together in memory")
                }
                Output::Lacks(pieces) => {
                    for piece in pieces {
                        self.leased.remove(&piece);
                        self.lacks.insert(piece);
                    }
                }
                Output::Has(pieces) => self.lacks.retain(|piece| !pieces.contains(piece)),
                Output::Complaint(why) => oracle::is_short(&why),
                Output::GaveUp(why) => {
                    oracle::is_short(&why);
                    self.gave_up = true;
                    self.leased.clear();
                    self.running.clear();
                }
            }
        }
    }

    fn fetch(&mut self, transfer: TransferId, url: &str, range: Range<u64>) {
        let path = url
            .strip_prefix("http://s/x/tree/")
            .expect("a file of the content");
        let file = TREE
            .files()
            .iter()
            .find(|file| file.path.replace(' ', "%20") == path);
        let file = file.expect("a file of the content");
        assert!(range.start < range.end && range.end <= file.length);
        assert!(self.running.len() < CONNECTIONS, "too many connections");
        let running = Running {
            range,
            offset: file.offset,
            sent: 0,
            has_head: false,
        };
        assert!(
            self.running.insert(transfer, running).is_none(),
            "a number twice"
        );
    }

    fn free(&mut self, piece: PieceIndex) {
        assert!(
            self.leased.remove(&piece),
            "the lease of {piece:?} ended before"
        );
    }
}

/// Look-ups of the table: few at a time, and a deadline only where one could begin.
pub fn check_lookups(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let mut lookups = Lookups::new(u64::from(hand.byte()));
    let mut now = Timestamp::from_millis(1);
    let mut joined = BTreeSet::new();
    let mut busy = BTreeSet::new();
    for _ in 0..200 {
        if hand.is_empty() {
            break;
        }
        let info_hash = InfoHash([hand.byte() % 8; 20]);
        let input = match hand.below(8) {
            0 => {
                joined.insert(info_hash);
                dht::Input::Join(info_hash)
            }
            1 => {
                joined.remove(&info_hash);
                busy.remove(&info_hash);
                dht::Input::Leave(info_hash)
            }
            2 => dht::Input::Table(hand.below(4) > 0),
            3 | 4 => {
                busy.remove(&info_hash);
                dht::Input::Done {
                    info_hash,
                    announced: hand.coin(),
                }
            }
            _ => dht::Input::Measured {
                info_hash,
                links: hand.below(20),
            },
        };
        now = match hand.below(4) {
            0 => lookups.deadline().map_or(now, |next| next.max(now)),
            _ => now + Duration::from_secs(hand.magnitude()),
        };
        if let Some(dht::Output::LookUp(info_hash)) = lookups.handle(input, now) {
            assert!(joined.contains(&info_hash), "a swarm that was left");
            assert!(busy.insert(info_hash), "two look-ups of one swarm");
            assert!(busy.len() <= MAX_LOOKUPS);
        }
        let due = lookups.due(now);
        assert!(due.len() + busy.len() <= MAX_LOOKUPS);
        assert!(
            due.iter()
                .all(|it| joined.contains(it) && !busy.contains(it))
        );
        let is_over = lookups.deadline().is_some_and(|next| next <= now);
        assert_eq!(is_over, !due.is_empty(), "a deadline, and nothing due");
    }
}
