//! What strangers cannot take from a node, however many they are and whatever they say.

use std::collections::BTreeMap;

use super::*;

/// The places of a node as it is by itself.
const LINKS: usize = 24;
const TARGET: usize = 12;

/// Strangers have numbers from here on: 10.0.64.0 and up, four networks of them.
const STRANGERS: u32 = 64 << 8;

/// The strangers' numbers, over and over.
fn stranger(count: u32) -> u32 {
    STRANGERS + count % 1_000
}

/// A stranger connects and shakes hands, if it is let in. Which links went for it?
fn intrude(node: &mut Node, number: u32) -> (bool, Vec<LinkId>) {
    let (admitted, mut out) = node.admit(number);
    if admitted {
        let (_, more) = node.link(number, false);
        out.extend(more);
    }
    let closed = closes(&out).into_iter().map(|(link, _)| link).collect();
    (admitted, closed)
}

#[test]
fn strangers_without_number_leave_the_links_that_are_listed_and_those_that_move_bytes() {
    let mut node = Node::new(LINKS, TARGET);
    let mut honest = BTreeMap::new();
    for number in 10..14 {
        node.learn(number, Source::Listed);
        honest.insert(node.link(number, true).0, (0, 0));
    }
    for number in 20..24 {
        honest.insert(node.link(number, false).0, (1_000_000, 0));
    }
    for number in 30..34 {
        honest.insert(node.link(number, false).0, (0, 1_000_000));
    }
    let mut moved = BTreeMap::new();
    let (mut let_in, mut waited) = (0, 0);
    for count in 0..5_000 {
        node.wait(5);
        if count % 20 == 0 {
            for (&link, &(brought, took)) in &honest {
                let total = moved.entry(link).or_insert((0, 0));
                *total = (total.0 + brought, total.1 + took);
                node.machine.moved(link, *total, node.now);
            }
        }
        let (admitted, closed) = intrude(&mut node, stranger(count));
        assert!(
            closed.iter().all(|link| !honest.contains_key(link)),
            "{closed:?}"
        );
        let_in += u32::from(admitted);
        waited = if admitted { 0 } else { waited + 5 };
        assert!(waited <= 1_000, "nobody is let in for {waited} ms");
        assert!(node.machine.link_count() <= LINKS);
    }
    println!("{let_in} of 5,000 strangers were let in, and sent away again");
    assert!(let_in > 100, "{let_in}");
}

#[test]
fn of_two_or_three_places_strangers_cannot_take_the_one_that_brings() {
    for places in [2, 3] {
        let mut node = Node::new(places, places);
        let (brings, _) = node.link(20, false);
        let mut total = 0;
        let mut let_in = 0;
        for count in 0..2_000 {
            node.wait(20);
            total += 10_000;
            node.machine.moved(brings, (total, 0), node.now);
            let (admitted, closed) = intrude(&mut node, stranger(count));
            assert!(!closed.contains(&brings), "{places} places, {count}");
            let_in += u32::from(admitted);
        }
        assert!(let_in > 20, "one place is open: {let_in}");
    }
}

#[test]
fn a_node_that_is_full_of_strangers_dials_its_own_and_has_places_for_them() {
    let mut node = Node::new(LINKS, TARGET);
    for count in 0..200 {
        node.wait(300);
        intrude(&mut node, stranger(count));
    }
    assert_eq!(node.machine.link_count(), LINKS - LINKS / DIALED_SHARE);
    // Met before, and spoken of by strangers: nothing that they say keeps it from them.
    let (link, _) = node.open(stranger(900), false);
    node.ready(link, stranger(900), id(stranger(900)));
    let mut dialed = Vec::new();
    for number in 10..14 {
        let added = vec![(addr(number), true)];
        node.tell(Input::PexReceived {
            link,
            added,
            dropped: Vec::new(),
        });
        dialed.extend(dials(&node.learn(number, Source::Listed)));
    }
    for _ in 0..20 {
        dialed.extend(dials(&node.wait(20)));
    }
    // A node in its first seconds trades some of its links for strangers.
    dialed.retain(|&addr| number(addr) < STRANGERS);
    dialed.sort_unstable();
    assert_eq!(dialed, (10..14).map(addr).collect::<Vec<_>>());
    for number in 10..14 {
        let (_, out) = node.link(number, true);
        assert!(closes(&out).is_empty(), "there is a place: {out:?}");
    }
    assert!(node.machine.link_count() <= LINKS);
}

#[test]
fn a_complete_node_keeps_no_places_for_dials() {
    let mut node = Node::new(LINKS, TARGET);
    node.tell(Input::SelfComplete(true));
    for count in 0..LINKS as u32 {
        let (admitted, closed) = intrude(&mut node, 100 + count);
        assert!(admitted && closed.is_empty());
    }
    assert_eq!(node.machine.link_count(), LINKS);
}

#[test]
fn one_host_claims_no_more_than_a_few_addresses_whatever_names_and_ports_it_has() {
    let mut node = Node::new(LINKS, TARGET);
    node.link(9, true);
    let liar = addr(500).ip();
    for count in 0..2_000_u32 {
        node.wait(100);
        let mut out = Vec::new();
        if !node.machine.admit(liar, node.now, &mut out) {
            continue;
        }
        let (link, _) = node.open(500, false);
        let listen = SocketAddr::new(liar, 1_000 + count as u16);
        node.tell(Input::LinkReady {
            link,
            peer_id: id(10_000 + count),
            listen: Some(listen),
            fleet: true,
            pex: true,
        });
        node.closed(link, LinkEnd::Graceful);
    }
    let known: Vec<_> = node.machine.known().collect();
    assert!(known.contains(&addr(9)));
    let claimed = known.iter().filter(|addr| addr.ip() == liar).count();
    assert!((1..=CLAIMS_PER_HOST).contains(&claimed), "{claimed}");
}

#[test]
fn what_we_dialed_stays_known_though_thousands_of_hosts_come() {
    let mut node = Node::new(LINKS, TARGET);
    for number in 10..20 {
        node.learn(number, Source::Rendezvous);
        let (link, _) = node.link(number, true);
        node.closed(link, LinkEnd::Graceful);
    }
    for number in 20..24 {
        node.learn(number, Source::State);
    }
    for count in 0..2 * BOOK_LIMIT as u32 {
        node.wait(100);
        let (link, _) = node.link(STRANGERS + count, false);
        node.closed(link, LinkEnd::Graceful);
    }
    let known: Vec<_> = node.machine.known().collect();
    assert!(known.len() <= BOOK_LIMIT);
    for number in 10..24 {
        assert!(known.contains(&addr(number)), "{number} is forgotten");
    }
}

#[test]
fn a_liar_at_the_rendezvous_uses_up_nobodys_words_but_its_own() {
    let mut node = Node::new(LINKS, 0);
    let told = |node: &mut Node, number: u32, from: u32| {
        let (addresses, from) = (vec![addr(number)], addr(from).ip());
        node.tell(Input::AddressesTold { addresses, from });
        node.machine.has_heard_of(addr(number))
    };
    let believed = (0..1_000).filter(|&count| told(&mut node, STRANGERS + count, 500));
    assert_eq!(believed.count(), CANDIDATES_PER_ORIGIN);
    assert!(told(&mut node, 10, 501));
    assert!(node.machine.hearsay().any(|heard| heard == addr(10)));
}

#[test]
fn whoever_camps_without_a_word_gives_way_to_a_newcomer_from_elsewhere() {
    let mut node = Node::new(LINKS, 0);
    for count in 0..LINKS as u32 {
        assert!(node.admit(STRANGERS + count).0);
        node.open(STRANGERS + count, false);
    }
    assert!(!node.admit(STRANGERS + 100).0, "one of their own");
    let (admitted, out) = node.admit(10);
    assert!(!admitted && out.is_empty(), "all are brand-new");
    node.wait(MIN_LINK_AGE.as_millis() as u64);
    let (admitted, out) = node.admit(10);
    assert!(admitted, "it comes from another network");
    assert_eq!(closes(&out), [(LinkId(1), CloseReason::MakeRoom)]);
    node.open(10, false);
    // Those who come after it take places of each other, by lot, and not its own.
    for count in 0..100 {
        node.wait(3);
        let (_, out) = node.admit(STRANGERS + 100 + count);
        for (link, _) in closes(&out) {
            assert_ne!(link, LinkId(LINKS as u64 + 1));
            node.open(STRANGERS + 100 + count, false);
        }
    }
}

/// Their connections never get as old as what is taken for silence.
#[test]
fn strangers_that_renew_their_silence_every_moment_keep_no_newcomer_out() {
    for pace in [1, 3, 10] {
        let mut node = Node::new(LINKS, 0);
        let mut open = std::collections::VecDeque::new();
        let (mut tries, mut let_in) = (0, 0);
        for count in 0..3_000_u32 {
            node.wait(pace);
            while open
                .front()
                .is_some_and(|&(_, at)| node.now.since(at) >= Duration::from_millis(900))
            {
                let (link, _) = open.pop_front().unwrap();
                node.closed(link, LinkEnd::Graceful);
            }
            let (admitted, out) = node.admit(stranger(count));
            let gone: Vec<_> = closes(&out).into_iter().map(|(link, _)| link).collect();
            open.retain(|(link, _)| !gone.contains(link));
            if admitted {
                let (link, _) = node.open(stranger(count), false);
                open.push_back((link, node.now));
            }
            // One of the strangers' own networks, so that nothing tells it from them.
            if count % 20 == 19 {
                tries += 1;
                let (admitted, out) = node.admit(STRANGERS + 990);
                let gone: Vec<_> = closes(&out).into_iter().map(|(link, _)| link).collect();
                open.retain(|(link, _)| !gone.contains(link));
                let_in += u32::from(admitted);
            }
        }
        println!("a stranger every {pace} ms: {let_in} of {tries} newcomers were let in");
        assert!(let_in * 5 > tries, "{let_in} of {tries}");
    }
}

#[test]
fn a_peer_that_somebody_stands_for_waits_for_no_stranger_to_speak() {
    for source in [Source::Listed, Source::State, Source::Tracker, Source::Lan] {
        let mut node = Node::new(LINKS, 0);
        node.learn(10, source);
        for count in 0..LINKS as u32 {
            node.admit(STRANGERS + count);
            node.open(STRANGERS + count, false);
        }
        let (admitted, out) = node.admit(10);
        assert!(admitted && closes(&out).len() == 1, "{source:?}: {out:?}");
    }
}

/// A node that knows ten honest peers of an earlier life, and a thousand strangers of four networks
/// that know all that can be known: they come whenever they are let in, shake hands at once or never,
/// speak of a hundred thousand addresses that lead to themselves, and hang up on nobody.
#[test]
fn a_node_is_never_left_alone_with_strangers_for_long() {
    for seed in 0..3 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut node = Node::new(LINKS, TARGET);
        let none = |number| (number, None);
        let mut honest: BTreeMap<u32, Option<LinkId>> = (10..20).map(none).collect();
        let mut out = Vec::new();
        for &number in honest.keys() {
            let source = if number < 13 {
                Source::Listed
            } else {
                Source::State
            };
            out.extend(node.learn(number, source));
        }
        let mut strangers = Vec::new();
        let (mut moved, mut alone, mut worst) = (BTreeMap::new(), 0, 0);
        for step in 0..3_000_u32 {
            out.extend(node.wait(10));
            for _ in 0..10 {
                let number = stranger(rng.u32(..));
                let (admitted, more) = node.admit(number);
                out.extend(more);
                if admitted {
                    let (link, more) = node.open(number, false);
                    out.extend(more);
                    if rng.bool() {
                        out.extend(node.ready(link, number, id(number)));
                        strangers.push(link);
                    }
                }
            }
            if let Some(&link) = strangers.last() {
                let poison = |_| (addr(STRANGERS + rng.u32(0..100_000)), rng.bool());
                let added = (0..50).map(poison).collect();
                let dropped = (10..20).map(addr).collect();
                out.extend(node.tell(Input::PexReceived {
                    link,
                    added,
                    dropped,
                }));
            }
            // Honest links break now and then, and do their work meanwhile.
            for link in honest.values_mut() {
                if let Some(id) = *link {
                    let total = moved.entry(id).or_insert(0);
                    *total += 10_000;
                    node.machine.moved(id, (*total, 0), node.now);
                    if rng.u32(..1_000) == 0 {
                        out.extend(node.closed(id, LinkEnd::Lost));
                        *link = None;
                    }
                }
            }
            while !out.is_empty() {
                for output in std::mem::take(&mut out) {
                    match output {
                        Output::Dial { addr: dialed } if honest.contains_key(&number(dialed)) => {
                            let number = number(dialed);
                            let (link, more) = node.link(number, true);
                            honest.insert(number, Some(link));
                            out.extend(more);
                        }
                        Output::Dial { addr: dialed } => {
                            // A stranger answers, too.
                            let (link, more) = node.link(number(dialed), true);
                            strangers.push(link);
                            out.extend(more);
                        }
                        Output::Close { link, .. } => {
                            strangers.retain(|&other| other != link);
                            for place in honest.values_mut().filter(|place| **place == Some(link)) {
                                *place = None;
                            }
                        }
                        _ => {}
                    }
                }
            }
            let linked = honest.values().flatten().count();
            alone = if linked == 0 { alone + 1 } else { 0 };
            if step > 100 {
                worst = worst.max(alone);
            }
        }
        println!("seed {seed}: alone for at most {} ms", worst * 10);
        assert!(worst < 100, "seed {seed}: alone for {} ms", worst * 10);
    }
}

#[test]
fn strangers_that_come_and_go_are_let_in_at_a_rate_and_peers_that_are_known_at_once() {
    let mut node = Node::new(LINKS, 0);
    node.learn(10, Source::Listed);
    let mut let_in = 0;
    for count in 0..10_000 {
        node.now = node.now + Duration::from_millis(1);
        let number = STRANGERS + count % 4_000;
        if node.admit(number).0 {
            let_in += 1;
            let (link, _) = node.link(number, false);
            node.closed(link, LinkEnd::Graceful);
        }
        if count % 500 == 0 {
            assert!(node.admit(10).0, "somebody stands for it");
        }
    }
    // Ten seconds at their rate, and the burst.
    assert!((2_500..=2_800).contains(&let_in), "{let_in}");
}
