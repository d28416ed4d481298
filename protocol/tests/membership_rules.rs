//! The rules of `Membership`, one node at a time.

use std::net::SocketAddr;
use std::time::Duration;

use swarmlet_protocol::id::{LinkId, PeerId};
use swarmlet_protocol::membership::*;
use swarmlet_protocol::time::Timestamp;

/// One node and its clock.
struct Node {
    machine: Membership,
    now: Timestamp,
    links: u64,
}

impl Node {
    /// A node named by fives, with the address 10.0.0.5:6881.
    fn new(max_links: usize, target_links: usize) -> Self {
        let config = MembershipConfig {
            max_links,
            target_links,
            max_half_open: 16,
            own_addresses: vec![addr(5)],
            peer_id: id(5),
            ipv6: false,
            loopback: false,
        };
        Self {
            machine: Membership::new(config, 1),
            now: Timestamp::from_millis(1),
            links: 0,
        }
    }

    fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.machine.handle(input, self.now, &mut out);
        out
    }

    fn wait(&mut self, millis: u64) -> Vec<Output> {
        self.now = self.now + Duration::from_millis(millis);
        self.tell(Input::Tick)
    }

    fn learn(&mut self, number: u32, source: Source) -> Vec<Output> {
        self.tell(Input::AddressLearned {
            addr: addr(number),
            source,
        })
    }

    fn fail(&mut self, number: u32, reason: DialFailure) -> Vec<Output> {
        self.tell(Input::DialFailed {
            addr: addr(number),
            reason,
        })
    }

    fn open(&mut self, number: u32, dialed: bool) -> (LinkId, Vec<Output>) {
        self.links += 1;
        let link = LinkId(self.links);
        let out = self.tell(Input::LinkOpened {
            link,
            remote: addr(number).ip(),
            dialed: dialed.then(|| addr(number)),
        });
        (link, out)
    }

    fn ready(&mut self, link: LinkId, number: u32, peer: PeerId) -> Vec<Output> {
        self.tell(Input::LinkReady {
            link,
            peer_id: peer,
            listen: Some(addr(number)),
            fleet: true,
            pex: true,
        })
    }

    /// A whole link with a peer of the name that its number says.
    fn link(&mut self, number: u32, dialed: bool) -> (LinkId, Vec<Output>) {
        let (link, mut out) = self.open(number, dialed);
        out.extend(self.ready(link, number, id(number)));
        (link, out)
    }

    fn closed(&mut self, link: LinkId, reason: LinkEnd) -> Vec<Output> {
        self.tell(Input::LinkClosed { link, reason })
    }

    fn admit(&mut self, number: u32) -> (bool, Vec<Output>) {
        let mut out = Vec::new();
        let ok = self.machine.admit(addr(number).ip(), self.now, &mut out);
        (ok, out)
    }
}

fn addr(number: u32) -> SocketAddr {
    SocketAddr::from(((0x0a00_0000 + number).to_be_bytes(), 6881))
}

fn id(number: u32) -> PeerId {
    let mut id = [0; 20];
    id[16..].copy_from_slice(&number.to_be_bytes());
    PeerId(id)
}

fn dials(out: &[Output]) -> Vec<SocketAddr> {
    let dial = |output: &Output| match output {
        Output::Dial { addr } => Some(*addr),
        _ => None,
    };
    out.iter().filter_map(dial).collect()
}

fn closes(out: &[Output]) -> Vec<(LinkId, CloseReason)> {
    let close = |output: &Output| match output {
        Output::Close { link, reason } => Some((*link, *reason)),
        _ => None,
    };
    out.iter().filter_map(close).collect()
}

fn pexes(out: &[Output]) -> Vec<(LinkId, Vec<SocketAddr>, Vec<SocketAddr>)> {
    let pex = |output: &Output| match output {
        Output::Pex {
            link,
            added,
            dropped,
        } => Some((
            *link,
            added.iter().map(|peer| peer.addr).collect(),
            dropped.clone(),
        )),
        _ => None,
    };
    out.iter().filter_map(pex).collect()
}

#[test]
fn a_listed_address_is_dialed_at_once_and_known_once_it_answered() {
    let mut node = Node::new(30, 16);
    assert_eq!(dials(&node.learn(1, Source::Listed)), [addr(1)]);
    assert_eq!(node.machine.known().count(), 0);
    let (_, out) = node.link(1, true);
    assert!(out.contains(&Output::KnownChanged));
    assert_eq!(node.machine.known().collect::<Vec<_>>(), [addr(1)]);
}

#[test]
fn a_peer_that_calls_and_bears_our_name_hides_no_address() {
    let mut node = Node::new(30, 16);
    let (link, _) = node.open(9, false);
    let out = node.ready(link, 9, id(5));
    assert_eq!(closes(&out), [(link, CloseReason::OwnEcho)]);
    assert_eq!(dials(&node.learn(9, Source::Listed)), [addr(9)]);
}

#[test]
fn a_dial_to_oneself_is_recognised_and_never_repeated() {
    let mut node = Node::new(30, 16);
    assert_eq!(dials(&node.learn(5, Source::Listed)), []);
    assert_eq!(dials(&node.learn(9, Source::Listed)), [addr(9)]);
    let (link, _) = node.open(9, true);
    let out = node.ready(link, 9, id(5));
    assert_eq!(closes(&out), [(link, CloseReason::OwnEcho)]);
    assert!(out.contains(&Output::SelfDetected { addr: addr(9) }));
    assert_eq!(dials(&node.learn(9, Source::Listed)), []);
    assert_eq!(dials(&node.wait(60_000)), []);
    assert_eq!(node.machine.known().count(), 0);
}

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
fn an_alias_of_a_linked_peer_is_not_dialed_again() {
    let mut node = Node::new(30, 16);
    node.learn(1, Source::Listed);
    node.link(1, true);
    assert_eq!(dials(&node.learn(2, Source::Listed)), [addr(2)]);
    let (link, _) = node.open(2, true);
    let out = node.ready(link, 2, id(1));
    assert_eq!(closes(&out), [(link, CloseReason::Duplicate)]);
    assert_eq!(dials(&node.wait(60_000)), []);
}

#[test]
fn a_lost_peer_is_dialed_again_within_forty_milliseconds() {
    let mut node = Node::new(30, 16);
    node.learn(1, Source::Listed);
    let (link, _) = node.link(1, true);
    node.wait(5_000);
    assert_eq!(dials(&node.closed(link, LinkEnd::Lost)), []);
    assert_eq!(dials(&node.wait(40)), [addr(1)]);
}

#[test]
fn a_peer_that_evicts_us_again_and_again_is_dialed_less_and_less() {
    let mut node = Node::new(30, 16);
    let mut dialed = dials(&node.learn(1, Source::Listed)).len();
    let end = Timestamp::from_millis(60_000);
    while node.now < end {
        let (link, _) = node.link(1, true);
        node.wait(MIN_LINK_AGE.as_millis() as u64);
        let mut out = node.closed(link, LinkEnd::Graceful);
        while dials(&out).is_empty() {
            node.now = node.machine.next_timeout().unwrap();
            out = node.tell(Input::Tick);
        }
        dialed += 1;
    }
    assert!(dialed <= 20, "{dialed} dials in a minute");
}

#[test]
fn alone_among_fourteen_dead_addresses_a_node_dials_little() {
    let mut node = Node::new(30, 16);
    let mut out: Vec<_> = (10..24)
        .flat_map(|number| node.learn(number, Source::Listed))
        .collect();
    let mut late = 0;
    let end = Timestamp::from_millis(120_000);
    while node.now < end {
        for dialed in dials(&std::mem::take(&mut out)) {
            late += usize::from(node.now > Timestamp::from_millis(60_000));
            out.extend(node.tell(Input::DialFailed {
                addr: dialed,
                reason: DialFailure::Refused,
            }));
        }
        if out.is_empty() {
            let next = node.machine.next_timeout().unwrap();
            assert!(next > node.now, "the node spins");
            node.now = next;
            out = node.tell(Input::Tick);
        }
    }
    assert!(late <= 14 * 9, "{late} dials in a minute");
}

#[test]
fn a_sign_of_life_ends_a_long_wait() {
    let mut node = Node::new(30, 16);
    node.learn(1, Source::Listed);
    for _ in 0..20 {
        node.fail(1, DialFailure::Refused);
    }
    assert_eq!(dials(&node.wait(1_000)), []);
    assert_eq!(dials(&node.learn(1, Source::Lan)), [addr(1)]);
    for _ in 0..20 {
        node.fail(1, DialFailure::Refused);
    }
    let (from, _) = node.link(2, false);
    let out = node.tell(Input::PexReceived {
        link: from,
        added: vec![(addr(1), false)],
        dropped: vec![],
    });
    assert_eq!(dials(&out), [addr(1)]);
}

#[test]
fn a_stranger_is_named_so_that_it_can_be_met_at_the_rendezvous() {
    let mut node = Node::new(30, 16);
    node.learn(1, Source::Listed);
    let (link, _) = node.open(1, true);
    let out = node.closed(link, LinkEnd::Graceful);
    assert!(out.contains(&Output::Stranger { addr: addr(1) }));

    let mut rendezvous = Node::new(30, 0);
    assert_eq!(dials(&rendezvous.learn(2, Source::Rendezvous)), []);
    assert_eq!(
        dials(&rendezvous.tell(Input::DialOnce { addr: addr(1) })),
        [addr(1)]
    );
    rendezvous.fail(1, DialFailure::Refused);
    assert_eq!(dials(&rendezvous.wait(60_000)), []);
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

/// The number of the node that listens there.
fn number(addr: SocketAddr) -> u32 {
    let std::net::IpAddr::V4(ip) = addr.ip() else {
        unreachable!();
    };
    u32::from_be_bytes(ip.octets()) - 0x0a00_0000
}

#[test]
fn a_node_does_not_fill_its_places_with_the_first_addresses_it_hears_of() {
    let mut node = Node::new(24, 12);
    let (_, mut out) = node.link(50, false);
    let told = (10..40).map(|number| (addr(number), false)).collect();
    out.extend(node.tell(Input::PexReceived {
        link: LinkId(1),
        added: told,
        dropped: Vec::new(),
    }));
    // All dials are answered; those that follow from an answer are made in the same moment.
    let mut counts = Vec::new();
    for _ in 0..5 {
        let mut due = dials(&out);
        while let Some(addr) = due.pop() {
            let (_, out) = node.link(number(addr), true);
            due.extend(dials(&out));
        }
        counts.push(node.machine.link_count());
        node.now = node.now + WIDEN_PERIOD;
        out = node.tell(Input::Tick);
    }
    assert_eq!(counts[..3], [3, 6, 9]);
    // The first trade found no link that was old enough to go.
    assert!((12..=13).contains(&counts[3]), "{counts:?}");
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
fn a_new_fleet_link_gets_the_known_list_at_once_and_deltas_soon() {
    let mut node = Node::new(30, 16);
    let (first, out) = node.link(10, false);
    assert_eq!(pexes(&out), []);
    let (second, out) = node.link(11, false);
    assert_eq!(pexes(&out), [(second, vec![addr(10)], vec![])]);
    assert_eq!(pexes(&node.wait(31)), [(first, vec![addr(11)], vec![])]);
    assert_eq!(pexes(&node.wait(60_000)), []);
}

#[test]
fn a_peer_that_flaps_causes_no_messages() {
    let mut node = Node::new(30, 16);
    node.link(10, false);
    let (mut link, _) = node.link(11, false);
    node.wait(2_000);
    for life in 0..10_u32 {
        let mut out = node.closed(link, LinkEnd::Lost);
        out.extend(node.wait(40));
        out.extend(node.fail(11, DialFailure::Refused));
        (link, _) = node.open(11, false);
        node.ready(link, 11, id(100 + life));
        out.extend(node.wait(1_000));
        assert_eq!(pexes(&out), []);
    }
}

#[test]
fn what_stays_dead_is_taken_back() {
    let mut node = Node::new(30, 16);
    let (first, _) = node.link(10, false);
    let (second, _) = node.link(11, false);
    node.wait(2_000);
    let mut told = pexes(&node.closed(second, LinkEnd::Lost));
    for _ in 0..60 {
        told.extend(pexes(&node.fail(11, DialFailure::Refused)));
        told.extend(pexes(&node.wait(500)));
    }
    assert_eq!(told, [(first, vec![], vec![addr(11)])]);
}

#[test]
fn a_foreign_client_hears_once_a_minute_and_only_of_links() {
    let mut node = Node::new(30, 16);
    let (foreign, _) = node.open(10, false);
    node.tell(Input::LinkReady {
        link: foreign,
        peer_id: id(10),
        listen: None,
        fleet: false,
        pex: true,
    });
    let (left, _) = node.link(11, false);
    node.closed(left, LinkEnd::Graceful);
    node.link(12, false);
    let of_foreign = |out: Vec<Output>| {
        let told = pexes(&out)
            .into_iter()
            .filter(|(link, ..)| *link == foreign);
        told.map(|(_, added, dropped)| (added, dropped))
            .collect::<Vec<_>>()
    };
    assert_eq!(of_foreign(node.wait(1_000)), [(vec![addr(12)], vec![])]);
    node.link(13, false);
    assert_eq!(of_foreign(node.wait(30_000)), []);
    assert_eq!(of_foreign(node.wait(30_000)), [(vec![addr(13)], vec![])]);
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
    });
    assert_eq!(closes(&out), [(link, CloseReason::Banned)]);
    assert!(!node.admit(1).0);
    assert_eq!(dials(&node.wait(59_000)), []);
    assert!(node.machine.next_timeout().unwrap() >= until);
    assert_eq!(dials(&node.wait(1_000)), [addr(1)]);
    assert!(node.admit(1).0);
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

#[test]
fn a_trackers_word_is_hearsay_with_a_quota_and_worth_a_visit() {
    let mut node = Node::new(4, 2);
    for number in 1_000..2_000 {
        node.learn(number, Source::Tracker);
    }
    let kept = (1_000..2_000).filter(|&number| node.machine.has_heard_of(addr(number)));
    assert_eq!(kept.count(), CANDIDATES_PER_ORIGIN);
    // With links enough it still goes to see whom the tracker named: perhaps nobody else does.
    let mut node = Node::new(4, 1);
    node.link(6, true);
    assert_eq!(dials(&node.learn(7, Source::Tracker)), [addr(7)]);
    assert!(
        dials(&node.learn(5, Source::Tracker)).is_empty(),
        "it is us"
    );
}

#[test]
fn a_private_swarm_believes_trackers_the_operator_and_who_comes_and_nobody_else() {
    let believed = [
        Source::Tracker,
        Source::Listed,
        Source::Named,
        Source::Inbound,
    ];
    let others = [
        Source::Lan,
        Source::Pex,
        Source::Rendezvous,
        Source::State,
        Source::Sweep,
    ];
    for (sources, is_believed) in [(&believed[..], true), (&others[..], false)] {
        for &source in sources {
            let mut node = Node::new(8, 8);
            node.tell(Input::Private);
            assert_eq!(
                dials(&node.learn(7, source)).len(),
                usize::from(is_believed),
                "{source:?}"
            );
            assert_eq!(
                node.machine.has_heard_of(addr(7)),
                is_believed,
                "{source:?}"
            );
            // Without the flag, all are.
            let mut node = Node::new(8, 8);
            assert_eq!(dials(&node.learn(7, source)), [addr(7)], "{source:?}");
        }
    }
}

#[test]
fn a_private_swarm_tells_nobody_of_its_peers_and_hears_of_none() {
    for private in [false, true] {
        let mut node = Node::new(8, 8);
        if private {
            node.tell(Input::Private);
        }
        node.learn(6, Source::Tracker);
        node.learn(7, Source::Tracker);
        node.learn(9, Source::Listed);
        node.link(6, true);
        let (link, out) = node.link(7, true);
        let mut told = pexes(&out);
        let heard = node.tell(Input::PexReceived {
            link,
            added: vec![(addr(8), false)],
            dropped: Vec::new(),
        });
        told.extend(pexes(&node.wait(2_000)));
        assert_eq!(told.is_empty(), private, "{told:?}");
        assert_eq!(dials(&heard).is_empty(), private);
        assert_eq!(node.machine.known().count() == 0, private);
        assert_eq!(node.machine.tellable().count() == 0, private);
        let refused = node.fail(9, DialFailure::NotInSwarm);
        let is_named = refused
            .iter()
            .any(|out| matches!(out, Output::Stranger { .. }));
        assert_ne!(is_named, private, "the rendezvous hears of it");
    }
}

#[test]
fn what_was_learned_before_the_content_turned_out_to_be_private_is_given_up() {
    let mut node = Node::new(8, 8);
    let heard = [
        (6, Source::Tracker),
        (7, Source::Rendezvous),
        (8, Source::Sweep),
        (10, Source::Listed),
    ];
    for (number, source) in heard {
        node.learn(number, source);
    }
    let (good, _) = node.link(6, true);
    let (bad, _) = node.link(7, true);
    let (came, _) = node.link(9, false);
    let out = node.tell(Input::Private);
    assert_eq!(closes(&out), [(bad, CloseReason::Private)]);
    let (late, out) = node.open(8, true);
    assert_eq!(
        closes(&out),
        [(late, CloseReason::Private)],
        "it was on its way"
    );
    for (number, is_kept) in [(6, true), (7, false), (8, false), (9, true), (10, true)] {
        assert_eq!(node.machine.has_heard_of(addr(number)), is_kept, "{number}");
    }
    assert_eq!(node.machine.link_count(), 2, "{good:?} and {came:?} stay");
    assert!(pexes(&node.wait(60_000)).is_empty());
}
