//! Which links stay, and which make room.

use super::*;

#[test]
fn of_two_links_the_one_that_the_greater_name_dialed_stays() {
    for (peer, ours_stays) in [(9, false), (2, true)] {
        for ours_first in [false, true] {
            let mut node = Node::new(30, 16);
            node.learn(peer, Source::Listed);
            let (first, _) = node.link(peer, ours_first);
            let (second, out) = node.link(peer, !ours_first);
            let loser = if ours_first == ours_stays {
                second
            } else {
                first
            };
            assert_eq!(closes(&out), [(loser, CloseReason::Duplicate)]);
            assert_eq!(dials(&node.wait(60_000)), []);
        }
    }
}

#[test]
fn the_same_peer_from_the_same_side_keeps_its_older_link() {
    let mut node = Node::new(30, 16);
    node.link(9, false);
    let (second, out) = node.link(9, false);
    assert_eq!(closes(&out), [(second, CloseReason::Duplicate)]);
}

#[test]
fn a_peer_that_restarted_takes_the_place_of_its_former_life() {
    let mut node = Node::new(30, 16);
    let (former, _) = node.link(9, false);
    let (link, _) = node.open(9, false);
    let out = node.ready(link, 9, id(10));
    assert_eq!(closes(&out), [(former, CloseReason::Replaced)]);
    assert_eq!(node.machine.link_count(), 1);
}

#[test]
fn a_full_node_lets_a_newcomer_in_and_tells_the_evicted_whom_to_try() {
    let mut node = Node::new(4, 0);
    for number in 10..14 {
        node.link(number, false);
    }
    let (_, out) = node.admit(20);
    assert!(out.is_empty(), "links this young must not be evicted");
    node.now = node.now + MIN_LINK_AGE;
    let (admitted, out) = node.admit(20);
    assert!(admitted);
    let evicted = closes(&out);
    assert_eq!(evicted.len(), 1);
    assert_eq!(evicted[0].1, CloseReason::MakeRoom);
    let told = pexes(&out);
    assert_eq!(told[0].0, evicted[0].0);
    assert!(matches!(out.last(), Some(Output::Close { .. })));
    node.link(20, false);
    assert_eq!(node.machine.link_count(), 4);
}

#[test]
fn a_visitor_of_a_full_node_is_told_whom_to_try_and_sent_away() {
    let mut node = Node::new(4, 0);
    for number in 10..14 {
        node.link(number, false);
    }
    let mut visitors = Vec::new();
    for number in 20..20 + MAX_VISITORS as u32 {
        assert!(node.admit(number).0);
        let (link, out) = node.open(number, false);
        assert!(closes(&out).is_empty());
        visitors.push((link, number));
    }
    assert!(
        !node.admit(30).0,
        "more visitors at a time than there may be"
    );
    assert_eq!(node.machine.link_count(), 4);
    let (link, number) = visitors[0];
    let out = node.ready(link, number, id(number));
    let told = pexes(&out);
    assert_eq!(told.len(), 1);
    let (to, mut added, dropped) = told[0].clone();
    added.sort_unstable();
    assert_eq!(to, link);
    assert_eq!(added, (10..14).map(addr).collect::<Vec<_>>());
    assert!(dropped.is_empty());
    assert_eq!(closes(&out), [(link, CloseReason::Full)]);
    // The next one hears of the one before, and one that leaves by itself makes room, too.
    let (link, number) = visitors[1];
    let told = pexes(&node.ready(link, number, id(number)));
    assert!(told[0].1.contains(&addr(20)));
    assert!(node.admit(30).0);
    let (link, _) = node.open(30, false);
    node.closed(link, LinkEnd::Lost);
    assert!(node.admit(31).0 && node.admit(32).0);
    assert_eq!(node.machine.link_count(), 4);
}

#[test]
fn a_node_with_all_its_links_trades_a_few_for_strangers_and_then_no_more() {
    let mut node = Node::new(8, 4);
    // Few addresses at first, so that all are dialled; then many.
    for number in 10..14 {
        node.learn(number, Source::Rendezvous);
    }
    for number in 10..14 {
        node.link(number, true);
    }
    for number in 20..60 {
        node.learn(number, Source::Rendezvous);
    }
    let start = node.now;
    let (mut trades, mut closed) = (0, 0);
    for _ in 0..600 {
        for dialed in dials(&node.wait(10)) {
            let (_, out) = node.link(number(dialed), true);
            trades += 1;
            closed += closes(&out).len();
        }
        assert!(node.machine.link_count() <= 6);
    }
    println!("{trades} trades in {:?}", node.now.since(start));
    assert!((3..=6).contains(&trades), "{trades} trades");
    assert!(closed >= 3, "{closed} links went for them");
}

#[test]
fn a_complete_node_trades_nothing() {
    let mut node = Node::new(8, 4);
    node.tell(Input::SelfComplete(true));
    for number in 10..14 {
        node.link(number, true);
    }
    for number in 20..60 {
        node.learn(number, Source::Rendezvous);
    }
    for _ in 0..300 {
        assert!(dials(&node.wait(10)).is_empty());
    }
}

#[test]
fn a_link_between_complete_nodes_makes_room_first() {
    let mut node = Node::new(4, 4);
    let links: Vec<_> = (10..14).map(|number| node.link(number, false).0).collect();
    node.tell(Input::SelfComplete(true));
    node.tell(Input::PeerComplete {
        link: links[2],
        complete: true,
    });
    let (admitted, out) = node.admit(20);
    assert!(admitted);
    assert_eq!(closes(&out), [(links[2], CloseReason::MakeRoom)]);
}

#[test]
fn the_only_seed_is_not_evicted_while_there_are_others() {
    for _ in 0..20 {
        let mut node = Node::new(3, 3);
        let links: Vec<_> = (10..13).map(|number| node.link(number, false).0).collect();
        node.tell(Input::PeerComplete {
            link: links[1],
            complete: true,
        });
        node.wait(1_000);
        assert_ne!(
            closes(&node.admit(20).1),
            [(links[1], CloseReason::MakeRoom)]
        );
    }
}

#[test]
fn one_host_cannot_hold_many_places_without_a_handshake() {
    let mut node = Node::new(30, 16);
    for _ in 0..UNREADY_PER_HOST {
        assert!(node.admit(9).0);
        node.open(9, false);
    }
    assert!(!node.admit(9).0);
    assert!(node.admit(8).0);
}

#[test]
fn a_complete_node_keeps_few_complete_peers() {
    let mut node = Node::new(30, 16);
    node.tell(Input::SelfComplete(true));
    for number in 10..30 {
        let (link, _) = node.link(number, false);
        node.tell(Input::PeerComplete {
            link,
            complete: true,
        });
    }
    assert_eq!(node.machine.link_count(), 20);
    let out = node.wait(1_000);
    assert_eq!(closes(&out).len(), 20 - KEEP_COMPLETE_MAX);
    assert_eq!(dials(&out), []);
    assert_eq!(dials(&node.wait(60_000)), []);
    assert_eq!(node.machine.next_timeout(), None);
}

#[test]
fn a_complete_node_visits_the_listed_who_may_know_no_one() {
    let mut node = Node::new(30, 16);
    node.tell(Input::SelfComplete(true));
    for number in 10..10 + KEEP_COMPLETE_MIN as u32 {
        let (link, _) = node.link(number, false);
        node.tell(Input::PeerComplete {
            link,
            complete: true,
        });
    }
    assert_eq!(dials(&node.learn(40, Source::Pex)), []);
    assert_eq!(dials(&node.learn(41, Source::Listed)), [addr(41)]);
}

#[test]
fn a_banned_host_is_neither_admitted_nor_dialed_until_the_ban_ends() {
    let mut node = Node::new(30, 16);
    node.learn(1, Source::Listed);
    let (link, _) = node.link(1, true);
    let until = node.now + Duration::from_secs(60);
    let out = node.tell(Input::Ban {
        ip: addr(1).ip(),
        until,
        spared: Vec::new(),
    });
    assert_eq!(closes(&out), [(link, CloseReason::Banned)]);
    assert!(!node.admit(1).0);
    assert_eq!(dials(&node.wait(59_000)), []);
    assert!(node.machine.next_timeout().unwrap() >= until);
    assert_eq!(dials(&node.wait(1_000)), [addr(1)]);
    assert!(node.admit(1).0);
}

#[test]
fn a_ban_leaves_the_links_of_honest_neighbours() {
    let mut node = Node::new(30, 16);
    let (guilty, _) = node.open(9, false);
    node.ready(guilty, 9, id(90));
    let (neighbour, _) = node.open(9, false);
    node.tell(Input::LinkReady {
        link: neighbour,
        peer_id: id(91),
        listen: None,
        fleet: true,
        pex: true,
    });
    let out = node.tell(Input::Ban {
        ip: addr(9).ip(),
        until: node.now + Duration::from_secs(60),
        spared: vec![neighbour],
    });
    assert_eq!(closes(&out), [(guilty, CloseReason::Banned)]);
    assert_eq!(node.machine.link_count(), 1);
    assert!(!node.admit(9).0, "nobody new from there");
}

#[test]
fn a_synced_node_is_idle() {
    let mut node = Node::new(30, 16);
    node.tell(Input::SelfComplete(true));
    for number in 10..16 {
        node.learn(number, Source::Listed);
        let (link, _) = node.link(number, true);
        node.tell(Input::PeerComplete {
            link,
            complete: true,
        });
    }
    node.wait(5_000);
    node.wait(5_000);
    assert_eq!(node.machine.next_timeout(), None);
    assert_eq!(node.wait(600_000), []);
}
