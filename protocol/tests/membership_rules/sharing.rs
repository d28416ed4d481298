//! What peers are told of other peers.

use super::*;

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
