//! Readers and sources that are no peers: these are asked in the order of the demand, by their rule.

use super::demand::demanded;
use super::stories::{A, B, Story, granted, pieces};
use crate::id::LinkId;
use crate::picker::{Input, RESERVE_GRACE, RESERVE_PATIENCE};
use crate::time::Timestamp;

const ORIGIN: LinkId = LinkId(100);

#[test]
fn a_source_without_room_for_what_is_demanded_gets_nothing_shorter_instead() {
    let mut story = Story::new(350, 100);
    story.tell(Input::SourceOpened { link: ORIGIN });
    story.tell(Input::PeerLacks {
        link: ORIGIN,
        pieces: pieces([2]),
    });
    // So piece 3 is the rarest; and B gives nothing for so long that it is of no use.
    story.peer(B, [1]);
    story.pass(11_000);
    story.tell(demanded([0]));
    assert_eq!(story.want(ORIGIN, 100), pieces([0]));
    story.tell(demanded([1]));
    assert_eq!(story.want(ORIGIN, 60), []);
    assert_eq!(granted(&story.tell(demanded([])), ORIGIN), pieces([3]));
}

#[test]
fn a_source_is_asked_in_the_order_of_the_demand_for_what_no_peer_of_use_has() {
    let mut story = Story::new(10 * 100, 100);
    story.peer(A, [6, 7]);
    story.tell(Input::SourceOpened { link: ORIGIN });
    story.tell(demanded([8, 6, 2, 4]));
    assert_eq!(granted(&story.wants(ORIGIN, 300, 0), ORIGIN), []);
    assert_eq!(story.until_granted(ORIGIN), pieces([8, 2, 4]));
    assert_eq!(story.now, Timestamp::ZERO + RESERVE_GRACE);
    assert_eq!(story.want(A, 100), pieces([6]));
}

#[test]
fn a_source_is_asked_for_what_is_demanded_though_the_memory_is_used_up() {
    const PIECE: u64 = 1 << 20;
    let mut story = Story::new(60 * PIECE, PIECE);
    for link in (1..=3).map(LinkId) {
        story.peer(link, 0..50);
        story.wants(link, 12 * PIECE, 0);
    }
    assert_eq!(story.picker.leased(), 24);
    // At a time at which nothing else happens.
    story.pass(137);
    let opened = story.now;
    story.tell(Input::SourceOpened { link: ORIGIN });
    story.wants(ORIGIN, 8 * PIECE, 0);
    story.tell(demanded([55]));
    for _ in 0..2 {
        story.pass(900);
        for link in (1..=3).map(LinkId) {
            story.tell(Input::Progress { link });
        }
    }
    assert!(story.picker.state.is_full());
    assert_eq!(story.until_granted(ORIGIN), pieces([55]));
    assert_eq!(story.now, opened + RESERVE_GRACE);
}

#[test]
fn what_a_silent_peer_holds_and_a_reader_waits_for_goes_to_a_source_in_the_end() {
    let mut story = Story::new(400, 100);
    story.tell(Input::SourceOpened { link: ORIGIN });
    story.peer(A, [2]);
    story.tell(demanded([2]));
    assert_eq!(story.want(A, 100), pieces([2]));
    story.tell(Input::PeerLacks {
        link: ORIGIN,
        pieces: pieces([0, 1, 3]),
    });
    story.want(ORIGIN, 400);
    assert_eq!(story.until_granted(ORIGIN), pieces([2]));
    assert_eq!(story.now, Timestamp::ZERO + RESERVE_PATIENCE);
}

#[test]
fn a_peer_that_chokes_us_spares_no_source_for_long_though_the_memory_is_used_up() {
    const PIECE: u64 = 1 << 20;
    let mut story = Story::new(60 * PIECE, PIECE);
    story.tell(Input::SourceOpened { link: ORIGIN });
    for link in (1..=3).map(LinkId) {
        story.peer(link, 0..50);
        story.wants(link, 12 * PIECE, 0);
    }
    story.peer(LinkId(4), [55]);
    story.wants(ORIGIN, 8 * PIECE, 0);
    story.tell(demanded([55]));
    assert_eq!(story.picker.leased(), 24);
    let mut asked = Vec::new();
    while asked.is_empty() {
        assert!(story.now < Timestamp::from_millis(11_000));
        story.pass(100);
        for link in (1..=3).map(LinkId) {
            asked.extend(granted(&story.tell(Input::Progress { link }), ORIGIN));
        }
    }
    assert_eq!(asked, pieces([55]));
}
