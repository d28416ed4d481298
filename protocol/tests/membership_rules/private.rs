//! Trackers, and contents that are private.

use super::*;

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
        Source::Dht,
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
