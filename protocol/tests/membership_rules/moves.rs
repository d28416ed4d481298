//! Our own addresses change, or those of peers.

use super::*;

fn move_to(node: &mut Node, numbers: &[u32]) -> Vec<Output> {
    let own = numbers.iter().map(|&number| addr(number)).collect();
    node.tell(Input::OwnAddresses { own, moved: true })
}

fn doubts(out: &[Output]) -> Vec<LinkId> {
    let doubt = |output: &Output| match output {
        Output::Doubt { link } => Some(*link),
        _ => None,
    };
    out.iter().filter_map(doubt).collect()
}

#[test]
fn an_address_that_is_ours_no_more_may_be_a_peers_and_one_that_became_ours_is_none() {
    let mut node = Node::new(30, 16);
    assert!(dials(&node.learn(5, Source::Lan)).is_empty(), "it is ours");
    assert_eq!(dials(&node.learn(7, Source::Listed)), [addr(7)]);
    let out = move_to(&mut node, &[7]);
    assert!(dials(&out).is_empty());
    assert!(node.machine.is_own(addr(7)) && !node.machine.is_own(addr(5)));
    assert!(
        dials(&node.learn(7, Source::Lan)).is_empty(),
        "it is ours now"
    );
    assert_eq!(dials(&node.learn(5, Source::Lan)), [addr(5)]);
}

#[test]
fn what_was_found_out_to_be_ours_is_found_out_anew_elsewhere() {
    let mut node = Node::new(30, 16);
    node.learn(9, Source::Listed);
    let (link, _) = node.open(9, true);
    node.ready(link, 9, id(5));
    assert!(node.machine.is_own(addr(9)));
    move_to(&mut node, &[6]);
    assert_eq!(dials(&node.learn(9, Source::Lan)), [addr(9)]);
}

#[test]
fn whoever_did_not_answer_is_tried_again_where_we_are_now_but_not_for_each_move() {
    let mut node = Node::new(30, 16);
    node.learn(9, Source::Listed);
    for _ in 0..12 {
        node.fail(9, DialFailure::Unreachable);
        node.wait(20_000);
    }
    node.fail(9, DialFailure::Unreachable);
    let out = move_to(&mut node, &[6]);
    assert_eq!(dials(&out), [addr(9)]);
    node.fail(9, DialFailure::Unreachable);
    assert!(dials(&move_to(&mut node, &[7])).is_empty());
}

#[test]
fn a_peer_that_comes_again_on_a_new_link_has_the_old_one_tried() {
    let mut node = Node::new(30, 16);
    let (older, _) = node.link(9, false);
    // Two that dial each other at once have two links, and both are alive.
    let (_, out) = node.link(9, false);
    assert_eq!(doubts(&out), []);
    node.wait(DOUBT_AGE.as_millis() as u64);
    // The same peer from another address: whether it moved or has two, only the link can say.
    let (second, _) = node.open(10, false);
    let out = node.ready(second, 10, id(9));
    assert_eq!(doubts(&out), [older]);
    assert_eq!(closes(&out), [(second, CloseReason::Duplicate)]);
    // It did not answer, and whoever comes next is the peer.
    node.closed(older, LinkEnd::Lost);
    let (third, _) = node.open(10, false);
    assert!(closes(&node.ready(third, 10, id(9))).is_empty());
}
