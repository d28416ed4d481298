//! URLs, answers, and the machine against a server that does whatever servers do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::buffers::Buffers;
use crate::id::PieceHash;
use crate::layout::PieceIndex;
use crate::metainfo::{Info, NewFile};
use crate::session::Spill;
use crate::time::Timestamp;

fn url(text: &str) -> SourceUrl {
    text.parse().unwrap()
}

/// Bytes that differ from place to place.
fn byte(at: u64) -> u8 {
    (at.wrapping_mul(2_654_435_761) >> 13) as u8
}

fn hashes(size: u64, piece_length: u64) -> Vec<PieceHash> {
    (0..size.div_ceil(piece_length))
        .map(|piece| PieceHash::of(&piece.to_be_bytes()))
        .collect()
}

fn single(name: &str, size: u64, piece_length: u64) -> Info {
    Info::single_file(name, size, piece_length, &hashes(size, piece_length)).unwrap()
}

fn folder(lengths: &[u64], piece_length: u64) -> Info {
    let names: Vec<_> = (0..lengths.len()).map(|n| format!("d {n}/ü")).collect();
    let files: Vec<_> = names
        .iter()
        .zip(lengths)
        .map(|(path, &length)| NewFile {
            path,
            length,
            is_executable: false,
        })
        .collect();
    let size = lengths.iter().sum();
    Info::folder("tree", &files, piece_length, &hashes(size, piece_length)).unwrap()
}

#[test]
fn urls_are_built_as_bep_19_says() {
    let one = single("a b.iso", 10, 5);
    let of_one = |seed: &str| file_url(&url(seed), &one, 0).unwrap();
    assert_eq!(of_one("http://s/x.iso"), "http://s/x.iso");
    assert_eq!(of_one("http://s/dir/"), "http://s/dir/a%20b.iso");
    assert_eq!(of_one("http://s"), "http://s/a%20b.iso");
    assert_eq!(
        of_one("http://s/dir/?k=1/2"),
        "http://s/dir/a%20b.iso?k=1/2"
    );
    assert_eq!(of_one("http://s?k"), "http://s/a%20b.iso?k");
    let tree = folder(&[3, 4], 5);
    let of_tree = |seed: &str| file_url(&url(seed), &tree, 1).unwrap();
    for seed in ["http://s/dir", "http://s/dir/", "http://s/dir/#part"] {
        assert_eq!(of_tree(seed), "http://s/dir/tree/d%201/%C3%BC");
    }
    assert_eq!(file_url(&url("http://s/"), &tree, 2), None);
}

#[test]
fn urls_hide_their_secrets_and_odd_ones_are_mended_or_refused() {
    for (text, shown) in [
        ("http://me:word@s:8/a b?token=x", "http://s:8/a%20b?..."),
        ("HTTPS://s/ä", "HTTPS://s/%C3%A4"),
        (" http://[::1]/ ", "http://[::1]/"),
        ("http://a@b@s", "http://s"),
    ] {
        assert_eq!(url(text).to_string(), shown);
        assert_eq!(format!("{:?}", url(text)), shown);
    }
    for (text, error) in [
        (
            "ftp://s/x",
            "'ftp://s/x' is not a source's URL: it must start with http:// or https://",
        ),
        (
            "udp://s:1/x",
            "'udp://s:1/x' is not a source's URL: it must start with http:// or https://",
        ),
        (
            "http:///x",
            "'http:///x' is not a source's URL: it has no host",
        ),
        (
            "http://s:0/",
            "'http://s:0/' is not a source's URL: its port must be a number from 1 to 65535",
        ),
        (
            "http://s/\u{7}",
            "'http://s/\\u{7}' is not a source's URL: it has control characters",
        ),
    ] {
        let refused = text.parse::<SourceUrl>().unwrap_err();
        assert_eq!(refused.to_string(), error);
    }
    let many: Vec<_> = (0..40).map(|n| format!("http://s/{n}")).collect();
    assert_eq!(usable_sources(&many).len(), MAX_WEB_SEEDS);
    let few = usable_sources(["ftp://x/", "http://s/", "http://s/"]);
    assert_eq!(few, [url("http://s/")]);
}

#[test]
fn a_strangers_url_leads_to_local_addresses_only_by_a_plain_path() {
    let local = [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "::",
    ];
    for address in local {
        assert!(is_local(address.parse().unwrap()), "{address}");
    }
    for address in [
        "1.1.1.1",
        "100.128.0.1",
        "172.32.0.1",
        "2606:4700::1",
        "::ffff:8.8.8.8",
    ] {
        assert!(!is_local(address.parse().unwrap()), "{address}");
    }
    let (public, private) = ("1.1.1.1".parse().ok(), "10.0.0.1".parse().ok());
    assert!(may_follow(true, true, None) && may_follow(false, false, None));
    assert!(!may_follow(false, true, None));
    // Nobody's redirect leads from the internet to a local address, the operator's not either.
    assert!(!may_follow(true, false, Some(public)) && !may_follow(true, false, Some(None)));
    assert!(may_follow(false, true, Some(private)));
}

fn asked() -> Asked {
    Asked {
        range: 100..200,
        file_length: 1_000,
    }
}

fn head(status: u16, range: &str, length: u64) -> Head {
    Head {
        status,
        content_range: (!range.is_empty()).then(|| range.to_owned()),
        content_length: Some(length),
        ..Head::default()
    }
}

#[test]
fn answers_are_judged_by_what_they_say() {
    let body = |length, more| Judgement::Body { length, more };
    for (range, length) in [
        ("bytes 100-199/1000", 100),
        ("bytes 100-199/*", 100),
        ("Bytes 100 - 149 / 1000", 50),
    ] {
        assert_eq!(
            judge(&asked(), &head(206, range, length)),
            body(length, false)
        );
    }
    let chunked = Head {
        content_length: None,
        ..head(206, "bytes 100-199/1000", 0)
    };
    assert_eq!(judge(&asked(), &chunked), body(100, false));
    for (range, length) in [
        ("", 100),
        ("bytes 0-99/1000", 100),
        ("bytes 100-200/1000", 101),
        ("bytes 100-199/1000", 99),
        ("bytes 199-100/1000", 100),
        ("bytes 100-18446744073709551615/1000", 100),
        ("bytes +100-199/1000", 100),
        ("lines 100-199/1000", 100),
        ("bytes 100-199", 100),
    ] {
        let judged = judge(&asked(), &head(206, range, length));
        assert!(
            matches!(judged, Judgement::Refused(Refusal::Lie(_))),
            "{range}: {judged:?}"
        );
    }
    let missing = |head| match judge(&asked(), &head) {
        Judgement::Refused(Refusal::Missing(why)) => why,
        other => panic!("{other:?}"),
    };
    let other_length = "the file has 999 bytes there; it must have 1000";
    assert_eq!(missing(head(206, "bytes 100-199/999", 100)), other_length);
    assert_eq!(missing(head(416, "bytes */999", 0)), other_length);
    assert_eq!(missing(head(200, "", 999)), other_length);
    assert_eq!(missing(head(404, "", 9)), "HTTP 404");
    // A whole file is of use from its beginning only.
    let no_ranges = Judgement::Refused(Refusal::NoRanges);
    assert_eq!(judge(&asked(), &head(200, "", 1_000)), no_ranges);
    let first = Asked {
        range: 0..200,
        ..asked()
    };
    assert_eq!(judge(&first, &head(200, "", 1_000)), body(200, true));
    let whole = Asked {
        range: 0..1_000,
        ..asked()
    };
    assert_eq!(judge(&whole, &head(200, "", 1_000)), body(1_000, false));
    let zipped = Head {
        content_encoding: Some("gzip".to_owned()),
        ..head(200, "", 1_000)
    };
    assert!(matches!(
        judge(&first, &zipped),
        Judgement::Refused(Refusal::Lie(_))
    ));
    for (retry_after, wait) in [
        (None, None),
        (Some("7"), Some(7)),
        (Some("999999999"), Some(3_600)),
        (Some("Fri, 31 Dec 1999 23:59:59 GMT"), None),
    ] {
        let retry_after = retry_after.map(str::to_owned);
        let busy = Head {
            retry_after,
            ..head(503, "", 0)
        };
        let wait = wait.map(Duration::from_secs);
        let why = "HTTP 503".to_owned();
        let expected = Judgement::Refused(Refusal::NotNow { why, wait });
        assert_eq!(judge(&asked(), &busy), expected);
    }
}

/// A server in virtual time: it answers each request by what the script says, then honestly.
struct Play {
    info: Arc<Info>,
    source: Source,
    now: Timestamp,
    /// What was leased, and what came of it.
    leased: Vec<PieceIndex>,
    got: BTreeMap<PieceIndex, Vec<u8>>,
    parts: BTreeMap<PieceIndex, Vec<u8>>,
    lacks: Vec<PieceIndex>,
    want: u64,
    /// Requests that run: file and range.
    running: BTreeMap<TransferId, (String, std::ops::Range<u64>)>,
    asked: Vec<(String, std::ops::Range<u64>)>,
    complaints: Vec<String>,
    gave_up: Option<String>,
}

/// What the server does with one request.
#[derive(Copy, Clone, Debug)]
enum Act {
    Honest,
    Whole,
    BreaksAfter(u64),
    Short(u64),
    Long,
    Status(u16),
    RetryAfter(u64),
    WrongRange,
    WrongLength,
    Unreachable,
}

impl Play {
    fn new(info: Info) -> Self {
        let info = Arc::new(info);
        let source = Source::new(url("http://s/x/"), Arc::clone(&info), Buffers::default(), 3);
        let mut play = Self {
            info,
            source,
            now: Timestamp::ZERO,
            leased: Vec::new(),
            got: BTreeMap::new(),
            parts: BTreeMap::new(),
            lacks: Vec::new(),
            want: 0,
            running: BTreeMap::new(),
            asked: Vec::new(),
            complaints: Vec::new(),
            gave_up: None,
        };
        play.tell(Input::Reset);
        play
    }

    fn tell(&mut self, input: Input) {
        let mut out = Vec::new();
        self.source.handle(input, self.now, &mut out);
        self.follow(out);
    }

    fn follow(&mut self, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Fetch {
                    transfer,
                    url,
                    range,
                } => {
                    assert!(range.start < range.end);
                    let longest = u64::from(self.info.layout().piece_length());
                    assert!(range.end - range.start <= longest.max(REQUEST_LENGTH));
                    assert!(self.running.len() < CONNECTIONS, "too many connections");
                    self.asked.push((url.clone(), range.clone()));
                    self.running.insert(transfer, (url, range));
                }
                Output::Abort(transfer) => drop(self.running.remove(&transfer)),
                Output::Want { bytes, .. } => self.want = bytes,
                Output::Returned(pieces) => pieces.iter().for_each(|piece| self.free(*piece)),
                Output::Pieces(pieces) => {
                    for (piece, data) in pieces {
                        self.free(piece);
                        self.got.insert(piece, data.to_vec());
                    }
                }
                Output::Spill(Spill::Part { piece, begin, data }) => {
                    let parts = self.parts.entry(piece).or_default();
                    assert_eq!(parts.len(), begin as usize);
                    parts.extend_from_slice(&data);
                }
                Output::Spill(Spill::Whole(piece)) => {
                    self.free(piece);
                    let parts = self.parts.remove(&piece).unwrap();
                    self.got.insert(piece, parts);
                }
                Output::Spill(Spill::Dropped(piece)) => {
                    self.parts.remove(&piece).unwrap();
                }
                Output::Lacks(pieces) => {
                    self.leased.retain(|piece| !pieces.contains(piece));
                    self.lacks.extend(pieces);
                }
                Output::Has(pieces) => self.lacks.retain(|piece| !pieces.contains(piece)),
                Output::Complaint(why) => self.complaints.push(why),
                Output::GaveUp(why) => self.gave_up = Some(why),
            }
        }
    }

    fn free(&mut self, piece: PieceIndex) {
        let place = self.leased.iter().position(|&leased| leased == piece);
        self.leased.remove(place.expect("a lease ends once"));
    }

    /// The picker: leases what the source wants and does not lack.
    fn lease(&mut self) {
        let layout = *self.info.layout();
        let mut pieces = Vec::new();
        for piece in layout.all_pieces() {
            let open = !self.got.contains_key(&piece)
                && !self.leased.contains(&piece)
                && !self.lacks.contains(&piece);
            if open && self.want > 0 && self.gave_up.is_none() {
                self.want = self.want.saturating_sub(u64::from(layout.length(piece)));
                pieces.push(piece);
            }
        }
        if !pieces.is_empty() {
            self.leased.extend(pieces.clone());
            self.tell(Input::Granted(pieces));
        }
    }

    fn place(&self, wanted: &str) -> (u64, u64) {
        let seed = url("http://s/x/");
        let files = self.info.files();
        let is_it = |file: &usize| file_url(&seed, &self.info, *file).as_deref() == Some(wanted);
        let file = (0..files.len()).find(is_it).unwrap();
        let entry = files.get(file).unwrap();
        (entry.offset, entry.length)
    }

    /// Answers the oldest request.
    fn answer(&mut self, act: Act) {
        let Some((&transfer, (url, range))) = self.running.iter().next() else {
            return;
        };
        let (offset, length) = self.place(url);
        let range = range.clone();
        self.now = self.now + Duration::from_millis(1);
        let lost = |why: &str| End::Lost(why.to_owned());
        let bytes = range.end - range.start;
        let said = format!("bytes {}-{}/{length}", range.start, range.end - 1);
        let honest = head(206, &said, bytes);
        let (head, body, end) = match act {
            Act::Honest => (honest, range.clone(), End::Finished),
            Act::Whole => (head(200, "", length), 0..length, End::Finished),
            Act::BreaksAfter(most) => {
                let end = range.end.min(range.start + most);
                (honest, range.start..end, lost("it broke"))
            }
            Act::Short(most) => {
                let end = range.end.min(range.start + most);
                (honest, range.start..end, End::Finished)
            }
            Act::Long => {
                let chunked = Head {
                    content_length: None,
                    ..honest
                };
                (chunked, range.start..range.end + 10, End::Finished)
            }
            Act::Status(status) => (head(status, "", 5), 0..5, End::Finished),
            Act::RetryAfter(seconds) => {
                let retry_after = Some(seconds.to_string());
                (
                    Head {
                        retry_after,
                        ..head(503, "", 0)
                    },
                    0..0,
                    End::Finished,
                )
            }
            Act::WrongRange => {
                let said = format!("bytes {}-{}/{length}", range.start + 1, range.end);
                (head(206, &said, bytes), range.clone(), End::Finished)
            }
            Act::WrongLength => {
                let said = format!("bytes {}-{}/{}", range.start, range.end - 1, length + 1);
                (head(206, &said, bytes), range.clone(), End::Finished)
            }
            Act::Unreachable => {
                self.running.remove(&transfer);
                self.tell(Input::Ended {
                    transfer,
                    end: lost("connection refused"),
                });
                return;
            }
        };
        self.tell(Input::Answered { transfer, head });
        let body: Vec<_> = body.map(|at| byte(offset + at)).collect();
        for chunk in body.chunks(7_001) {
            if self.running.contains_key(&transfer) {
                let mut out = Vec::new();
                self.source.receive(transfer, chunk, self.now, &mut out);
                self.follow(out);
            }
        }
        if self.running.remove(&transfer).is_some() {
            self.tell(Input::Ended { transfer, end });
        }
    }

    /// Goes on until nothing is missing, or nothing happens any more.
    fn finish(&mut self) {
        for _ in 0..20_000 {
            self.lease();
            if !self.running.is_empty() {
                self.answer(Act::Honest);
            } else if let Some(at) = self.source.next_timeout() {
                self.now = self.now.max(at);
                self.tell(Input::Tick);
            } else {
                break;
            }
            if self.got.len() == self.info.layout().pieces() as usize {
                break;
            }
        }
    }

    /// Is all of it there, byte for byte, zeros where padding is?
    fn assert_complete(&self) {
        let layout = *self.info.layout();
        assert_eq!(
            self.got.len(),
            layout.pieces() as usize,
            "{:?}",
            self.complaints
        );
        for (&piece, data) in &self.got {
            let start = layout.offset(piece);
            let mut expected = vec![0; layout.length(piece) as usize];
            let end = start + expected.len() as u64;
            for span in self.info.files().spans(start..end) {
                for at in span.begin..span.begin + span.length {
                    expected[at as usize] = byte(start + at);
                }
            }
            assert!(*data == expected, "piece {}", piece.get());
        }
    }
}

#[test]
fn an_honest_server_is_asked_for_neighbours_at_once_and_for_every_byte_once() {
    let mut play = Play::new(single("f", 20_000_000, 100_000));
    play.finish();
    play.assert_complete();
    let bytes: u64 = play
        .asked
        .iter()
        .map(|(_, range)| range.end - range.start)
        .sum();
    assert_eq!(bytes, 20_000_000);
    assert!(play.asked.len() <= 6, "{} requests", play.asked.len());
    assert_eq!(play.complaints, [""; 0]);
}

#[test]
fn a_folder_is_fetched_file_by_file_and_padding_never() {
    let raw = b"d5:filesld6:lengthi5e4:pathl1:aeed4:attr1:p6:lengthi11e4:pathl4:.pad2:11eed6:lengthi0e4:pathl1:eeed6:lengthi40e4:pathl1:beed4:attr1:p6:lengthi24e4:pathl4:.pad2:24eee4:name1:t12:piece lengthi16e6:pieces100:";
    let bytes = [raw.as_slice(), &[7; 100], b"e"].concat();
    let mut play = Play::new(Info::parse(bytes.into()).unwrap());
    play.finish();
    play.assert_complete();
    for (asked, _) in &play.asked {
        assert!(
            ["http://s/x/t/a", "http://s/x/t/b"].contains(&asked.as_str()),
            "{asked}"
        );
    }
}

#[test]
fn what_came_before_a_break_is_kept_and_only_the_rest_asked_for() {
    for act in [Act::BreaksAfter(130_000), Act::Short(130_000)] {
        let mut play = Play::new(single("f", 1_000_000, 100_000));
        play.lease();
        play.answer(act);
        assert_eq!(play.got.len(), 1);
        assert!(play.running.is_empty(), "not at once");
        play.finish();
        play.assert_complete();
        assert_eq!(play.asked[1].1, 130_000..1_000_000);
        assert!(play.now < Timestamp::from_millis(1_000));
    }
}

#[test]
fn a_long_piece_goes_out_in_parts_and_is_resumed_too() {
    let mut play = Play::new(single("f", 13_000_000, 6_000_000));
    play.lease();
    play.answer(Act::BreaksAfter(3_333_333));
    play.finish();
    play.assert_complete();
    assert!(play.parts.is_empty());
    let bytes: u64 = play
        .asked
        .iter()
        .map(|(_, range)| range.end - range.start)
        .sum();
    assert_eq!(bytes, 13_000_000 + 6_000_000 - 3_333_333);
}

#[test]
fn a_server_that_fails_is_asked_ever_more_seldom_and_comes_back() {
    for act in [
        Act::Unreachable,
        Act::Status(500),
        Act::BreaksAfter(10),
        Act::Short(0),
    ] {
        let mut play = Play::new(single("f", 300_000, 100_000));
        let mut times = Vec::new();
        while times.len() < 12 {
            play.lease();
            if play.running.is_empty() {
                play.now = play.source.next_timeout().unwrap();
                play.tell(Input::Tick);
                continue;
            }
            times.push(play.now);
            play.answer(act);
            assert!(
                play.leased.is_empty(),
                "others may have what it does not bring"
            );
        }
        let pauses: Vec<_> = times.windows(2).map(|two| two[1].since(two[0])).collect();
        assert!(pauses[0] >= FIRST_PAUSE.mul_f64(0.7), "{pauses:?}");
        for two in pauses.windows(2) {
            assert!(
                two[1] > two[0] || two[1] >= MAX_PAUSE.mul_f64(0.7),
                "{pauses:?}"
            );
        }
        assert!(
            pauses.iter().all(|pause| *pause <= MAX_PAUSE.mul_f64(1.3)),
            "{pauses:?}"
        );
        assert_eq!(play.gave_up, None);
        assert!(play.complaints.len() <= 4, "{:?}", play.complaints);
        play.finish();
        play.assert_complete();
    }
}

#[test]
fn a_server_that_asks_for_patience_gets_it() {
    let mut play = Play::new(single("f", 300_000, 100_000));
    play.lease();
    let before = play.now;
    play.answer(Act::RetryAfter(100));
    play.lease();
    assert!(play.running.is_empty());
    let resume = play.source.next_timeout().unwrap();
    assert!(resume.since(before) >= Duration::from_secs(100));
    play.finish();
    play.assert_complete();
}

#[test]
fn a_file_that_is_not_there_is_left_to_others_and_tried_again() {
    for act in [Act::Status(404), Act::Status(416), Act::WrongLength] {
        let mut play = Play::new(folder(&[250_000, 250_000], 100_000));
        play.lease();
        play.answer(act);
        // The piece that spans both files lacks, too.
        assert_eq!(
            play.lacks
                .iter()
                .map(|piece| piece.get())
                .collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert_eq!(play.complaints.len(), 1);
        while play.got.len() < 2 {
            play.lease();
            play.answer(Act::Honest);
        }
        play.finish();
        play.assert_complete();
        assert!(play.now >= Timestamp::ZERO + FIRST_ABSENCE.mul_f64(0.7));
    }
}

#[test]
fn a_server_without_ranges_serves_small_files_and_says_why_it_serves_no_others() {
    let mut play = Play::new(single("f", 300_000, 100_000));
    play.lease();
    play.answer(Act::Whole);
    play.assert_complete();
    let mut play = Play::new(single("f", 9_000_000, 100_000));
    play.lease();
    play.answer(Act::Whole);
    assert!(play.got.len() >= 39);
    play.answer(Act::Whole);
    assert!(
        play.complaints[0].contains("Range"),
        "{:?}",
        play.complaints
    );
    assert!(play.lacks.len() == 90 && play.running.is_empty());
}

#[test]
fn a_server_that_lies_is_struck_and_given_up() {
    for act in [Act::WrongRange, Act::Long] {
        let mut play = Play::new(single("f", 300_000, 100_000));
        let mut lies = 0;
        while play.gave_up.is_none() {
            play.got.clear();
            play.lease();
            if play.running.is_empty() {
                play.now = play.source.next_timeout().unwrap();
                play.tell(Input::Tick);
                continue;
            }
            lies += 1;
            assert!(lies <= MAX_STRIKES);
            play.answer(act);
        }
        assert_eq!(lies, MAX_STRIKES);
    }
    let mut play = Play::new(single("f", 300_000, 100_000));
    for strike in 1..=MAX_STRIKES {
        assert_eq!(play.gave_up, None);
        play.tell(Input::Rejected(PieceIndex::new(strike)));
    }
    assert_eq!(
        play.gave_up.as_deref(),
        Some("piece 3 of it has another hash")
    );
    assert_eq!(play.source.next_timeout(), None);
    play.tell(Input::Granted(vec![PieceIndex::new(0)]));
    assert!(play.running.is_empty());
}

#[test]
fn a_server_that_takes_one_connection_is_asked_on_one() {
    let mut play = Play::new(single("f", 20_000_000, 100_000));
    play.lease();
    assert_eq!(play.running.len(), 2);
    let ids: Vec<_> = play.running.keys().copied().collect();
    let (_, range) = play.running[&ids[0]].clone();
    let said = format!("bytes {}-{}/20000000", range.start, range.end - 1);
    let honest = head(206, &said, range.end - range.start);
    play.tell(Input::Answered {
        transfer: ids[0],
        head: honest,
    });
    play.tell(Input::Answered {
        transfer: ids[1],
        head: head(503, "", 0),
    });
    assert_eq!(play.running.len(), 1);
    play.finish();
    play.assert_complete();
    assert!(play.complaints.is_empty());
}

#[test]
fn leases_that_end_close_connections_only_where_that_saves_something() {
    let all = |play: &Play| play.info.layout().all_pieces().collect::<Vec<_>>();
    let mut play = Play::new(single("f", 1_000_000, 100_000));
    play.lease();
    let pieces = all(&play);
    play.leased.clear();
    play.tell(Input::Cancelled(pieces));
    assert!(play.running.is_empty());
    // One of them ends: what comes of it is thrown away, and the others arrive.
    let mut play = Play::new(single("f", 1_000_000, 100_000));
    play.lease();
    let one = PieceIndex::new(4);
    play.free(one);
    play.tell(Input::Cancelled(vec![one]));
    assert_eq!(play.running.len(), 1);
    play.answer(Act::Honest);
    assert_eq!(play.got.len(), 9);
    assert!(!play.got.contains_key(&one));
    play.finish();
    play.assert_complete();
}

#[test]
fn a_second_head_does_not_change_what_is_left() {
    let mut play = Play::new(single("a.iso", 1_000, 1_000));
    play.lease();
    let transfer = *play.running.keys().next().unwrap();
    let bytes: Vec<_> = (0..1_000).map(byte).collect();
    let whole = head(206, "bytes 0-999/1000", 1_000);
    play.tell(Input::Answered {
        transfer,
        head: whole.clone(),
    });
    for part in bytes.chunks(400) {
        let mut out = Vec::new();
        play.source.receive(transfer, part, play.now, &mut out);
        play.follow(out);
        // Were it believed there would be bytes left behind the end of the last piece.
        play.tell(Input::Answered {
            transfer,
            head: whole.clone(),
        });
    }
    play.source
        .receive(transfer, &[7], play.now, &mut Vec::new());
    assert_eq!(play.got[&PieceIndex::new(0)], bytes);
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        Just(Act::Honest),
        Just(Act::Honest),
        Just(Act::Whole),
        (0_u64..60_000).prop_map(Act::BreaksAfter),
        (0_u64..60_000).prop_map(Act::Short),
        prop::sample::select(vec![404_u16, 500, 403, 429, 206, 200, 301]).prop_map(Act::Status),
        (0_u64..9).prop_map(Act::RetryAfter),
        Just(Act::WrongLength),
        Just(Act::Unreachable),
    ]
}

proptest! {
    #[test]
    fn whatever_a_server_does_every_lease_ends_and_what_arrives_is_right(
        lengths in prop::collection::vec(0_u64..60_000, 1..7),
        piece_length in 1_000_u64..40_000,
        acts in prop::collection::vec((act(), any::<bool>(), any::<prop::sample::Index>()), 0..40),
    ) {
        prop_assume!(lengths.iter().sum::<u64>() > 0);
        let mut play = Play::new(folder(&lengths, piece_length));
        for (act, cancels, which) in acts {
            play.lease();
            if cancels && !play.leased.is_empty() {
                let piece = play.leased.swap_remove(which.index(play.leased.len()));
                play.tell(Input::Cancelled(vec![piece]));
            }
            if play.running.is_empty() && let Some(at) = play.source.next_timeout() {
                play.now = play.now.max(at);
                play.tell(Input::Tick);
            }
            play.answer(act);
        }
        if play.gave_up.is_none() {
            play.finish();
            play.assert_complete();
            prop_assert!(play.leased.is_empty());
        }
    }

    #[test]
    fn no_text_makes_urls_or_headers_panic(text in "(https?)?(://)?\\PC{0,30}", range in "(bytes )?[0-9*/ -]{0,40}") {
        if let Ok(url) = text.parse::<SourceUrl>() {
            prop_assert!(!url.host().is_empty() && url.as_str().is_ascii());
            prop_assert!(reads_again(&url));
        }
        for status in [200, 206, 416] {
            let _ = judge(&asked(), &head(status, &range, 100));
        }
    }
}

fn reads_again(url: &SourceUrl) -> bool {
    url.as_str().parse().as_ref() == Ok(url)
}
