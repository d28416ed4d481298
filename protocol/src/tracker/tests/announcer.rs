use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::*;

use super::url;
use crate::id::{InfoHash, PeerId};
use crate::time::Timestamp;
use crate::tracker::{
    Announce, Announcer, Answer, Event, Figures, INTERVAL_FLOOR, Input, MAX_GOODBYES, MAX_TRACKERS,
    MIN_INTERVAL_DEFAULT, Member, Output, RETRY_LAST, TrackerUrl, http, tiers_of,
};

const START: Timestamp = Timestamp::from_millis(1_000);

const HOUR: Duration = Duration::from_secs(3_600);

/// A swarm, its trackers' answers, and the time.
struct Rig {
    announcer: Announcer,
    now: Timestamp,
    /// Trackers that answer, and their intervals.
    answers: HashMap<String, Answer>,
    peers: Vec<String>,
}

impl Rig {
    fn new(tiers: &[&[&str]], seed: u64) -> Self {
        let tier = |tier: &&[&str]| tier.iter().map(|text| url(text)).collect();
        let member = Member {
            info_hash: InfoHash([1; 20]),
            peer_id: PeerId([2; 20]),
            port: 6881,
        };
        Self {
            announcer: Announcer::new(member, tiers.iter().map(tier).collect(), seed, START),
            now: START,
            answers: HashMap::new(),
            peers: Vec::new(),
        }
    }

    fn works(&mut self, tracker: &str, body: &[u8]) {
        let answer = http::answer(body).unwrap();
        self.answers.insert(tracker.to_owned(), answer);
    }

    fn fails(&mut self, tracker: &str) {
        self.answers.remove(tracker);
    }

    fn say(&mut self, input: Input) -> Vec<(String, Announce)> {
        let mut out = Vec::new();
        self.announcer.handle(input, self.now, &mut out);
        let mut announced = Vec::new();
        for output in out {
            match output {
                Output::Announce { tracker, announce } => {
                    announced.push((tracker.as_str().to_owned(), announce));
                }
                Output::Peers(peers) => {
                    self.peers.extend(peers.iter().map(ToString::to_string));
                }
            }
        }
        announced
    }

    /// Waits for the next announce and answers it; `None` if there is none.
    fn step(&mut self) -> Option<(String, Event, Duration)> {
        let deadline = self.announcer.deadline()?;
        let waited = deadline.since(self.now);
        self.now = self.now.max(deadline);
        let (tracker, announce) = self.say(Input::Tick).pop()?;
        assert_eq!(self.announcer.deadline(), None, "one at a time");
        let input = match self.answers.get(&tracker) {
            Some(answer) => Input::Answered {
                tracker: url(&tracker),
                answer: answer.clone(),
            },
            None => Input::Failed {
                tracker: url(&tracker),
                refused: false,
            },
        };
        self.say(input);
        Some((tracker, announce.event, waited))
    }

    /// Who is asked next, and what it is told.
    fn next(&mut self) -> (String, Event) {
        let (tracker, event, _) = self.step().unwrap();
        (tracker, event)
    }
}

fn to(tracker: &str, event: Event) -> (String, Event) {
    (tracker.to_owned(), event)
}

#[test]
fn a_tracker_is_asked_at_once_and_then_at_its_interval() {
    let mut rig = Rig::new(&[&["http://a/"]], 1);
    rig.works(
        "http://a/",
        b"d8:intervali900e5:peers6:\x0a\0\0\x07\x1a\xe1e",
    );
    let (_, event, waited) = rig.step().unwrap();
    assert_eq!((event, waited), (Event::Started, Duration::ZERO));
    assert_eq!(rig.peers, ["10.0.0.7:6881"]);
    for _ in 0..5 {
        let (_, event, waited) = rig.step().unwrap();
        assert_eq!(event, Event::Regular);
        assert!(waited >= Duration::from_secs(900) && waited <= Duration::from_secs(990));
    }
}

#[test]
fn the_next_tier_has_its_turn_when_the_first_fails_and_gives_it_back() {
    let mut rig = Rig::new(&[&["http://a/"], &["http://b/"]], 1);
    rig.works("http://b/", b"d8:intervali900ee");
    assert_eq!(rig.next(), to("http://a/", Event::Started));
    assert_eq!(rig.next(), to("http://b/", Event::Started));
    // The first one is tried again, while the second has its rest.
    assert_eq!(rig.next(), to("http://a/", Event::Started));
    rig.works("http://a/", b"d8:intervali900ee");
    assert_eq!(rig.next(), to("http://a/", Event::Started));
    for _ in 0..5 {
        assert_eq!(rig.next(), to("http://a/", Event::Regular));
    }
    let told: Vec<_> = rig.say(Input::Stop).into_iter().map(|(to, _)| to).collect();
    assert_eq!(told, ["http://a/", "http://b/"], "both know us");
}

#[test]
fn the_tracker_that_answers_moves_to_the_front_of_its_tier() {
    for seed in 0..8 {
        let mut rig = Rig::new(&[&["http://a/", "http://b/", "http://c/"]], seed);
        rig.works("http://b/", b"d8:intervali900ee");
        while rig.next().0 != "http://b/" {}
        // The others lie behind it now, and are not tried any more.
        for _ in 0..5 {
            assert_eq!(rig.next(), to("http://b/", Event::Regular));
        }
    }
}

#[test]
fn tiers_are_shuffled() {
    let firsts: Vec<_> = (0..20)
        .map(|seed| Rig::new(&[&["http://a/", "http://b/"]], seed).next().0)
        .collect();
    assert!(firsts.contains(&"http://a/".to_owned()) && firsts.contains(&"http://b/".to_owned()));
}

#[test]
fn a_file_that_was_fetched_is_said_to_be_complete_once_and_not_too_early() {
    let mut rig = Rig::new(&[&["http://a/"]], 1);
    rig.works("http://a/", b"d8:intervali900e12:min intervali100ee");
    rig.next();
    rig.say(Input::Completed { fetched: true });
    let (_, event, waited) = rig.step().unwrap();
    assert_eq!(event, Event::Completed);
    assert!(waited >= Duration::from_secs(100) && waited <= Duration::from_secs(110));
    let (_, event, waited) = rig.step().unwrap();
    assert_eq!(event, Event::Regular);
    assert!(waited >= Duration::from_secs(900));
}

#[test]
fn a_partial_seed_is_paused_in_every_announce_until_it_wants_more() {
    let mut rig = Rig::new(&[&["http://a/"]], 1);
    rig.works("http://a/", b"d8:intervali900e12:min intervali100ee");
    rig.next();
    rig.say(Input::Satisfied);
    let (_, event, waited) = rig.step().unwrap();
    assert_eq!(event, Event::Paused);
    assert!(waited <= Duration::from_secs(110), "it is news");
    for _ in 0..3 {
        let (_, event, waited) = rig.step().unwrap();
        assert_eq!(event, Event::Paused);
        assert!(waited >= Duration::from_secs(900));
    }
    rig.say(Input::Incomplete);
    assert_eq!(rig.next(), to("http://a/", Event::Regular));
}

#[test]
fn a_file_that_was_there_is_not_said_to_have_become_complete() {
    let mut rig = Rig::new(&[&["http://a/"]], 1);
    rig.works("http://a/", b"d8:intervali900ee");
    rig.next();
    rig.say(Input::Completed { fetched: false });
    let (_, event, waited) = rig.step().unwrap();
    assert_eq!(event, Event::Regular);
    // It is told soon that nothing is left.
    assert!(waited < Duration::from_secs(100));
    let mut rig = Rig::new(&[&["http://a/"]], 1);
    rig.works("http://a/", b"d8:intervali900ee");
    rig.say(Input::Completed { fetched: true });
    assert_eq!(rig.next(), to("http://a/", Event::Started));
    assert_eq!(rig.next(), to("http://a/", Event::Regular));
}

#[test]
fn whoever_leaves_says_so_to_those_that_know_it_and_then_nothing() {
    let names: Vec<String> = (0..9).map(|number| format!("http://t{number}/")).collect();
    let tiers: Vec<Vec<&str>> = names.iter().map(|name| vec![name.as_str()]).collect();
    let tiers: Vec<&[&str]> = tiers.iter().map(Vec::as_slice).collect();
    let mut rig = Rig::new(&tiers, 1);
    assert!(rig.say(Input::Stop).is_empty(), "nobody knows us");
    let mut rig = Rig::new(&tiers, 1);
    for name in &names {
        // Each answers once, and fails while the next one is asked.
        rig.works(name, b"de");
        while rig.next().0 != *name {}
        let mut out = Vec::new();
        rig.announcer
            .handle(Input::Measured(Figures::default()), rig.now, &mut out);
        rig.fails(name);
        rig.now = rig.now + HOUR;
    }
    rig.works(&names[0], b"d10:tracker id2:xye");
    rig.now = rig.now + 2 * HOUR;
    while rig.next().0 != names[0] {}
    let told = rig.say(Input::Stop);
    assert!(!told.is_empty() && told.len() <= MAX_GOODBYES);
    let (first, announce) = &told[0];
    assert_eq!(*first, names[0]);
    assert_eq!((announce.event, announce.wanted), (Event::Stopped, 0));
    assert_eq!(announce.tracker_id.as_deref(), Some(&b"xy"[..]));
    assert_eq!(rig.announcer.deadline(), None);
    assert!(rig.say(Input::Tick).is_empty() && rig.say(Input::Stop).is_empty());
}

#[test]
fn a_private_content_is_announced_to_its_own_trackers_only() {
    let own = vec![vec![url("http://own/")]];
    let operator = [url("http://op/"), url("udp://op:1")];
    let open = tiers_of(&operator, &own, false);
    assert_eq!(
        open,
        [
            vec![url("http://op/")],
            vec![url("udp://op:1")],
            vec![url("http://own/")]
        ]
    );
    assert_eq!(tiers_of(&operator, &own, true), own);
    // It names none: then the operator's word counts.
    assert_eq!(tiers_of(&operator, &[], true).len(), 2);
}

#[test]
fn trackers_beyond_the_limit_are_ignored_and_twins_are_one() {
    let names: Vec<String> = (0..99).map(|number| format!("http://t{number}/")).collect();
    let tier: Vec<&str> = names.iter().chain(&names).map(String::as_str).collect();
    let mut rig = Rig::new(&[&tier, &tier], 1);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..99 {
        seen.insert(rig.next().0);
    }
    assert_eq!(seen.len(), MAX_TRACKERS);
}

/// What a tracker does when it is asked.
#[derive(Clone, Debug)]
enum Reply {
    Answers(Option<i64>, Option<i64>),
    Refuses,
    Fails,
}

fn reply() -> impl Strategy<Value = Reply> {
    let seconds = || {
        prop_oneof![
            Just(None),
            Just(Some(0)),
            Just(Some(i64::MIN)),
            Just(Some(i64::MAX)),
            (1_i64..10_000).prop_map(Some),
        ]
    };
    prop_oneof![
        2 => (seconds(), seconds()).prop_map(|(one, two)| Reply::Answers(one, two)),
        1 => Just(Reply::Refuses),
        1 => Just(Reply::Fails),
    ]
}

proptest! {
    #[test]
    fn whatever_trackers_answer_no_interval_is_broken_and_the_load_is_bounded(
        seed: u64,
        shape in prop::collection::vec(1_usize..4, 1..4),
        replies in prop::collection::vec((reply(), 0_u64..30, 0_u8..8), 1..400),
    ) {
        let mut number = 0;
        let tiers: Vec<Vec<String>> = shape
            .iter()
            .map(|&length| {
                (0..length)
                    .map(|_| {
                        number += 1;
                        format!("http://t{number}/")
                    })
                    .collect()
            })
            .collect();
        let tiers: Vec<Vec<&str>> =
            tiers.iter().map(|tier| tier.iter().map(String::as_str).collect()).collect();
        let tiers: Vec<&[&str]> = tiers.iter().map(Vec::as_slice).collect();
        let mut rig = Rig::new(&tiers, seed);
        let mut not_before: HashMap<String, Timestamp> = HashMap::new();
        let mut asked_at: HashMap<String, Vec<Timestamp>> = HashMap::new();
        for (reply, took, change) in replies {
            // After every outcome there is a next time, and it is not too far.
            let deadline = rig.announcer.deadline();
            prop_assert!(deadline.is_some());
            let deadline = deadline.unwrap();
            prop_assert!(deadline.since(rig.now) <= Duration::from_secs(5 * 3_600));
            // Before it, nothing is said.
            if deadline > rig.now {
                prop_assert!(rig.say(Input::Tick).is_empty());
            }
            rig.now = rig.now.max(deadline);
            match change {
                0 => drop(rig.say(Input::Completed { fetched: true })),
                1 => drop(rig.say(Input::Incomplete)),
                _ => {}
            }
            let announced = rig.say(Input::Tick);
            prop_assert_eq!(announced.len(), 1);
            let (tracker, _) = &announced[0];
            let earliest = not_before.get(tracker).copied().unwrap_or_default();
            prop_assert!(rig.now >= earliest, "too early");
            asked_at.entry(tracker.clone()).or_default().push(rig.now);
            rig.now = rig.now + Duration::from_secs(took);
            let url: TrackerUrl = url(tracker);
            match reply {
                Reply::Answers(interval, least) => {
                    let mut body = crate::bencode::DictEncoder::new();
                    if let Some(interval) = interval {
                        body.integer(b"interval", interval);
                    }
                    if let Some(least) = least {
                        body.integer(b"min interval", least);
                    }
                    let answer = http::answer(&body.finish()).unwrap();
                    // What it asked for, in as far as it is within reason.
                    let least = least.map_or(0, |least| least.clamp(0, 4 * 3_600));
                    let least = Duration::from_secs(least.unsigned_abs());
                    not_before.insert(tracker.clone(), rig.now + least.max(MIN_INTERVAL_DEFAULT));
                    rig.say(Input::Answered { tracker: url, answer });
                }
                Reply::Refuses => drop(rig.say(Input::Failed { tracker: url, refused: true })),
                Reply::Fails => drop(rig.say(Input::Failed { tracker: url, refused: false })),
            }
        }
        for times in asked_at.values() {
            for (index, &begin) in times.iter().enumerate() {
                let within = times[index..].iter().filter(|at| at.since(begin) < HOUR).count();
                // At worst it answers and fails in turns, and the file changes all the time.
                let rounds = HOUR.as_secs() / MIN_INTERVAL_DEFAULT.as_secs();
                prop_assert!(within as u64 <= 2 * rounds, "{} in an hour", within);
            }
        }
    }

    #[test]
    fn trackers_alone_never_bring_about_more_than_two_announces_a_minute(
        seed: u64,
        replies in prop::collection::vec(reply(), 1..300),
    ) {
        let mut rig = Rig::new(&[&["http://a/"]], seed);
        let mut times = Vec::new();
        for reply in replies {
            rig.now = rig.now.max(rig.announcer.deadline().unwrap());
            times.push(rig.now);
            prop_assert_eq!(rig.say(Input::Tick).len(), 1);
            let tracker = url("http://a/");
            let refused = matches!(reply, Reply::Refuses);
            match reply {
                Reply::Answers(interval, _) => {
                    let mut body = crate::bencode::DictEncoder::new();
                    if let Some(interval) = interval {
                        body.integer(b"interval", interval);
                    }
                    let answer = http::answer(&body.finish()).unwrap();
                    rig.say(Input::Answered { tracker, answer });
                }
                _ => drop(rig.say(Input::Failed { tracker, refused })),
            }
        }
        let per_hour = 2 * HOUR.as_secs() / INTERVAL_FLOOR.as_secs();
        for (index, &begin) in times.iter().enumerate() {
            let within = times[index..].iter().filter(|at| at.since(begin) < HOUR).count();
            prop_assert!(within as u64 <= per_hour + 4, "{} in an hour", within);
        }
    }

    #[test]
    fn trackers_that_are_gone_are_asked_ever_later_and_for_ever(seed: u64) {
        let mut rig = Rig::new(&[&["http://a/", "http://b/"], &["udp://c:1"]], seed);
        let mut last: HashMap<String, Timestamp> = HashMap::new();
        for _ in 0..60 {
            let (tracker, event, _) = rig.step().unwrap();
            prop_assert_eq!(event, Event::Started);
            let now = rig.now;
            let before = last.insert(tracker, now);
            if let Some(before) = before {
                prop_assert!(now.since(before) <= RETRY_LAST.mul_f64(1.2));
            }
        }
        prop_assert!(rig.now.since(START) > 4 * HOUR);
        rig.works("udp://c:1", b"de");
        for _ in 0..4 {
            rig.step();
        }
        prop_assert_eq!(rig.say(Input::Stop).len(), 1);
    }
}

#[test]
fn another_address_is_told_soon_also_if_it_changed_while_the_tracker_was_being_asked() {
    let mut rig = Rig::new(&[&["http://a/"]], 1);
    rig.works(
        "http://a/",
        b"d8:intervali1800e12:min intervali60e5:peers0:e",
    );
    let mut waits = Vec::new();
    for moves in [true, false] {
        rig.now = rig.announcer.deadline().unwrap().max(rig.now);
        assert_eq!(rig.say(Input::Tick).len(), 1);
        if moves {
            assert!(rig.say(Input::Moved).is_empty());
        }
        let (tracker, answer) = (url("http://a/"), rig.answers["http://a/"].clone());
        rig.say(Input::Answered { tracker, answer });
        waits.push(rig.announcer.deadline().unwrap().since(rig.now));
    }
    // Not before the tracker's own least interval, however often we move.
    assert!(waits[0] >= Duration::from_secs(60) && waits[0] < Duration::from_secs(120));
    assert!(waits[1] >= Duration::from_secs(1_800), "{waits:?}");
}

#[test]
fn another_port_is_news_also_while_the_tracker_is_being_asked() {
    let mut rig = Rig::new(&[&["http://a/"]], 1);
    rig.works(
        "http://a/",
        b"d8:intervali1800e12:min intervali60e5:peers0:e",
    );
    let first = rig.say(Input::Tick).pop().unwrap().1;
    assert_eq!(first.port, 6881);
    // The router's answer comes before the tracker's.
    assert!(rig.say(Input::Port(7_000)).is_empty());
    let answer = rig.answers["http://a/"].clone();
    let tracker = url("http://a/");
    rig.say(Input::Answered { tracker, answer });
    let waited = rig.announcer.deadline().unwrap().since(rig.now);
    assert!(waited < Duration::from_secs(120), "soon: {waited:?}");
    rig.now = rig.announcer.deadline().unwrap();
    assert_eq!(rig.say(Input::Tick).pop().unwrap().1.port, 7_000);
    let (tracker, answer) = (url("http://a/"), rig.answers["http://a/"].clone());
    rig.say(Input::Answered { tracker, answer });
    // Being told the same again is none.
    rig.say(Input::Port(7_000));
    let waited = rig.announcer.deadline().unwrap().since(rig.now);
    assert!(waited >= Duration::from_secs(1_800), "{waited:?}");
}
