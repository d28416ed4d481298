//! Whom a node dials, and when.

use super::*;

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

/// A file that is lost and checked anew again and again: the peers are not to blame for it.
#[test]
fn a_link_that_we_renew_every_moment_is_dialed_again_at_once_each_time() {
    let mut node = Node::new(30, 16);
    node.learn(1, Source::Listed);
    for _ in 0..20 {
        let (link, _) = node.link(1, true);
        node.wait(MIN_LINK_AGE.as_millis() as u64);
        assert_eq!(dials(&node.closed(link, LinkEnd::Renewed)), []);
        assert_eq!(dials(&node.wait(40)), [addr(1)]);
    }
}

/// A client of another kind, which bears another name on each link and closes it after a moment,
/// is dialed again and again for some time; how often.
// Helpers of tests panic as tests do.
#[allow(clippy::unwrap_used)]
fn dials_of_a_foreigner(complete: bool, millis: u64) -> usize {
    let mut node = Node::new(30, 16);
    node.tell(Input::SelfComplete(complete));
    let mut dialed = dials(&node.learn(1, Source::Listed)).len();
    let end = Timestamp::from_millis(millis);
    while node.now < end {
        let (link, _) = node.open(1, true);
        let name = id(1_000 + dialed as u32);
        node.ready_as(link, 1, name, false);
        let complete = true;
        node.tell(Input::PeerComplete { link, complete });
        node.wait(10);
        let mut out = node.closed(link, LinkEnd::Graceful);
        while dials(&out).is_empty() {
            node.now = node.machine.next_timeout().unwrap();
            out = node.tell(Input::Tick);
        }
        dialed += 1;
    }
    dialed
}

#[test]
fn a_foreigner_that_bears_another_name_on_each_link_is_dialed_less_and_less() {
    let dialed = dials_of_a_foreigner(false, 60_000);
    assert!((5..=20).contains(&dialed), "{dialed} dials in a minute");
}

#[test]
fn a_complete_node_leaves_a_complete_foreigner_alone_until_it_needs_one() {
    let dialed = dials_of_a_foreigner(true, 600_000);
    assert!((10..=12).contains(&dialed), "{dialed} dials in ten minutes");

    let mut node = Node::new(30, 16);
    node.tell(Input::SelfComplete(true));
    node.learn(1, Source::Listed);
    let (link, _) = node.open(1, true);
    node.ready_as(link, 1, id(1), false);
    let complete = true;
    node.tell(Input::PeerComplete { link, complete });
    let mut out = node.closed(link, LinkEnd::Graceful);
    out.extend(node.wait(1_000));
    assert_eq!(dials(&out), []);
    // A part of the file was lost.
    assert_eq!(dials(&node.tell(Input::SelfComplete(false))), [addr(1)]);
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
fn a_peer_that_hangs_up_is_asked_in_the_other_way_the_next_time() {
    let mut node = Node::new(30, 16);
    node.learn(1, Source::Listed);
    assert!(!node.machine.asks_for_encryption(addr(1)));
    node.fail(1, DialFailure::HungUp);
    assert!(node.machine.asks_for_encryption(addr(1)));
    // Nobody there, or another swarm: that says nothing of how to speak.
    node.fail(1, DialFailure::Refused);
    node.fail(1, DialFailure::NotInSwarm);
    assert!(node.machine.asks_for_encryption(addr(1)));
    assert_eq!(dials(&node.wait(1_000)), [addr(1)]);
    node.fail(1, DialFailure::HungUp);
    assert!(!node.machine.asks_for_encryption(addr(1)));
}
